//! A full disk. Met on a small file system of its own, in a mount namespace of its own, which dies with the test.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use landline_wire::ErrorCode;

use super::*;
use crate::files::{
    digest::GROUP,
    engine::{Verdict, arrival::Plan},
    tree::TreeError,
};

/// Where the copy of this test that runs inside the namespace finds its disk of 1 MiB.
const ROOM: &str = "LANDLINE_TEST_SMALL_DISK";

#[test]
fn a_full_disk_leaves_the_old_file_and_room_for_the_next() {
    if let Some(room) = std::env::var_os(ROOM) {
        return fill(&PathBuf::from(room));
    }
    let dir = TempDir::new().unwrap();
    let root = rustix::process::geteuid().is_root();
    let outcome = Command::new("unshare")
        .arg(if root { "-m" } else { "-rm" })
        .args(["sh", "-c", r#"mount -t tmpfs -o size=1m none "$0" || exit 77; exec "$@""#])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg(
            concat!(module_path!(), "::a_full_disk_leaves_the_old_file_and_room_for_the_next")
                .split_once("::")
                .unwrap()
                .1,
        )
        .env(ROOM, dir.path())
        .output();
    match outcome {
        Ok(output)
            if output.status.code() == Some(77) || String::from_utf8_lossy(&output.stderr).starts_with("unshare:") =>
        {
            println!("SKIPPED: this system lets nobody but root mount a small disk");
        }
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && told.contains("1 passed"),
                "{told}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Err(missing) => println!("SKIPPED: needs unshare (util-linux): {missing}"),
    }
}

fn fill(dir: &Path) {
    publish(&mut arrival(dir), "f", plan(3), b"old");
    fs::write(dir.join("filler"), vec![0; 64 << 10]).unwrap();

    // Foreseen: the size is known, and not one byte has to be sent.
    let mut stream = arrival(dir);
    let foreseen = stream.file(0, &path("f"), plan(2 << 20));
    assert!(matches!(foreseen, Err(TreeError::NoSpace { .. })), "{foreseen:?}");

    // Met on the way: the size is not known.
    let unknown = || Plan { size: None, ..plan(0) };
    assert_eq!(stream.file(1, &path("f"), unknown()).unwrap(), Verdict::Want);
    let met = stream.group(1, &HashedGroup::of(0, &vec![1; GROUP])).unwrap_err();
    assert_eq!(met.code(), ErrorCode::NoSpace, "{met}");
    assert!(met.to_string().starts_with("f: "), "{met}");
    assert_eq!(fs::read_to_string(dir.join("f")).unwrap(), "old");

    // Space was made: the same group may be put again, or a shorter one, and nothing of the failed attempt stays.
    fs::remove_file(dir.join("filler")).unwrap();
    stream.group(1, &HashedGroup::of(0, &[2; 1024])).unwrap();
    stream.end(1, 1024, blake3::hash(&[2; 1024])).unwrap();
    assert_eq!(kept(&stream.finish()), ["f"]);
    assert_eq!(fs::read(dir.join("f")).unwrap(), [2; 1024]);

    // Small files fill it: the last one fails, the others are kept, and so is a tree without it.
    let mut stream = arrival(dir);
    stream.dir(&path("tree")).unwrap();
    let half = vec![3; 400 << 10];
    send(&mut stream, 0, "one", plan(half.len()), &half).unwrap();
    send(&mut stream, 1, "two", plan(half.len()), &half).unwrap();
    let full = send(&mut stream, 2, "three", plan(half.len()), &half).unwrap_err();
    assert_eq!(full.text(), "tree/three: no space left on the disk");
    stream.dir_end(0o755, time(1));
    assert_eq!(kept(&stream.finish()), ["tree/one", "tree/two"]);
    assert_eq!(names(&dir.join("tree")), ["one", "two"]);
    assert_eq!(names(dir), ["f", "tree"]);
}
