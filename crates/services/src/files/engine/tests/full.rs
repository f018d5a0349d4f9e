//! A full disk. Met on a small file system of its own, in a mount namespace of its own, which dies with the test.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::*;

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
    let engine = engine(dir);
    publish(&engine, "f", &plan(), b"old").unwrap();

    // Foreseen: the size is known, and not one byte has to be sent.
    let foreseen = engine.stage(&path("f"), &Plan { size: Some(2 << 20), ..plan() });
    assert!(matches!(foreseen, Err(TreeError::NoSpace { .. })), "{foreseen:?}");

    // Met on the way: the size is not known.
    let mut arriving = staged(&engine, "f", &plan(), &vec![1; 768 << 10]);
    let group = vec![2; 512 << 10];
    let met = engine.put_group(&mut arriving, &group).unwrap_err();
    assert_eq!(met.code(), ErrorCode::NoSpace, "{met}");
    assert_eq!(arriving.written(), 768 << 10, "nothing of a failed group counts");
    assert_eq!(fs::read_to_string(dir.join("f")).unwrap(), "old");

    // Space was made: the same group may be put again, or a shorter one, and nothing of the failed attempt stays.
    engine.put_group(&mut arriving, &group[..1024]).unwrap();
    let hash = arriving_hash();
    let published = engine.publish(vec![(arriving, hash)]).remove(0).unwrap();
    assert_eq!((published.size, fs::metadata(dir.join("f")).unwrap().len()), ((768 << 10) + 1024, (768 << 10) + 1024));

    let discarded = staged(&engine, "g", &plan(), &vec![3; 128 << 10]);
    drop(discarded);
    assert_eq!(names(dir), ["f"]);
}

fn arriving_hash() -> Hash {
    let mut content = vec![1; 768 << 10];
    content.resize((768 << 10) + 1024, 2);
    blake3::hash(&content)
}
