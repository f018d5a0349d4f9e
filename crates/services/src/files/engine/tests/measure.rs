//! What a small file costs. Run by hand: `cargo test --release -p landline-services -- --ignored --nocapture measure`.

use std::time::Instant;

use super::*;
use crate::files::engine::Verdict;

const FILES: u64 = 20_000;

fn stream(dir: &Path, content: &[u8], label: &str) {
    let mut arrival = arrival(dir);
    let hash = blake3::hash(content);
    let began = Instant::now();
    arrival.dir(&path("tree")).unwrap();
    let mut sent = 0;
    for number in 0..FILES {
        let name = format!("file{number}");
        if arrival.file(number, &path(&name), plan(content.len())).unwrap() != Verdict::Same {
            arrival.whole(number, content, hash).unwrap();
            sent += 1;
        }
        if arrival.wants_flush() {
            drop(arrival.flush());
        }
    }
    arrival.dir_end(0o755, time(5));
    drop(arrival.finish());
    let each = began.elapsed().as_secs_f64() * 1e6 / FILES as f64;
    println!("{label}: {sent} of {FILES} files sent, {each:.2} us a file");
}

#[test]
#[ignore = "a measurement"]
fn what_a_small_file_costs() {
    let content = vec![7; 4096];
    for place in ["/dev/shm", "/tmp"] {
        let dir = tempfile::tempdir_in(place).unwrap();
        stream(dir.path(), &content, &format!("{place} new tree"));
        stream(dir.path(), &content, &format!("{place} again"));
        fs::create_dir(dir.path().join("other")).unwrap();
        let there = dir.path().join("other");
        fs::create_dir(there.join("tree")).unwrap();
        stream(&there, &content, &format!("{place} into a directory"));
        stream(&there, &vec![8; 4097], &format!("{place} replacing"));
    }
}
