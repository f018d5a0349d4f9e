//! Faults: a file that changes while it is read, a byte that changes on the wire.

use std::fs;
use std::path::Path;

use landline_testkit::{Way, tree};

use crate::scene::{MIB, STAGING, Scene, dense, random, residue, snapshot};

/// More than all buffers between two ends hold together, so that the reader is still at it when the line stalls.
const LARGE: usize = 64 * MIB;

type Change = fn(&Path);

/// What may become of the content of a file while it is read.
const CHANGES: [(&str, Change); 3] = [
    ("grows", |path| fs::File::options().write(true).open(path).unwrap().set_len(LARGE as u64 + 1).unwrap()),
    ("shrinks", |path| fs::File::options().write(true).open(path).unwrap().set_len(MIB as u64).unwrap()),
    ("is rewritten", |path| {
        use std::os::unix::fs::FileExt as _;
        fs::File::options().write(true).open(path).unwrap().write_all_at(b"changed", LARGE as u64 - 7).unwrap();
    }),
];

#[test]
fn a_source_that_changes_while_it_is_sent_leaves_the_old_file_there() {
    let scene = Scene::new();
    scene.shares("name", "the old one");
    scene.laptop.write("p/other", "x");
    let line = scene.line();
    for (seed, (what, change)) in CHANGES.into_iter().enumerate() {
        let file = scene.laptop.work().join("p/file");
        dense(&file, seed as u64, LARGE); // other bytes each time: what is left of the last copy is of no use
        line.stall_after(Way::Up, 2 * MIB as u64);
        let passed = line.passed(Way::Up);
        let put = scene.put("p/file", "desk:name").spawn();
        line.wait_until_passed(Way::Up, passed + 2 * MIB as u64);
        change(&file);
        line.resume(Way::Up);
        let said = put.wait();
        assert_eq!(said.code(), Some(9), "a file that {what}: {said}");
        let _ = said.stderr_has("name: it changed while it was read; run the command again").stderr_has("1 failed");
        assert_eq!(fs::read(scene.share().join("name")).unwrap(), b"the old one", "a file that {what}");
    }
}

#[test]
fn a_source_that_changes_while_it_is_fetched_leaves_the_old_file_here() {
    let scene = Scene::new();
    scene.laptop.write("name", "the old one");
    let line = scene.line();
    for (seed, (what, change)) in CHANGES.into_iter().enumerate() {
        let file = scene.share().join("file");
        dense(&file, seed as u64, LARGE);
        line.stall_after(Way::Down, 2 * MIB as u64);
        let passed = line.passed(Way::Down);
        let get = scene.get("desk:file", "name").spawn();
        line.wait_until_passed(Way::Down, passed + 2 * MIB as u64);
        change(&file);
        line.resume(Way::Down);
        let said = get.wait();
        assert_eq!(said.code(), Some(9), "a file that {what}: {said}");
        let _ = said.stderr_has("it changed while it was read");
        assert_eq!(scene.laptop.read("name"), b"the old one", "a file that {what}");
    }
}

#[test]
fn a_source_that_loses_its_name_while_it_is_read_arrives_as_it_was() {
    let scene = Scene::new();
    let line = scene.line();
    for (n, put) in [true, false, true, false].into_iter().enumerate() {
        let (way, folder) = if put { (Way::Up, scene.laptop.work()) } else { (Way::Down, scene.share()) };
        let file = folder.join("file");
        dense(&file, n as u64, LARGE);
        line.stall_after(way, 2 * MIB as u64);
        let passed = line.passed(way);
        let to = format!("to-{n}");
        let running = if put { scene.put("file", format!("desk:{to}")) } else { scene.get("desk:file", &to) }.spawn();
        line.wait_until_passed(way, passed + 2 * MIB as u64);
        fs::remove_file(&file).unwrap();
        if n > 1 {
            fs::write(&file, "another one").unwrap();
        }
        line.resume(way);
        let _ = running.wait().exits_with(0);
        let copy = if put { scene.share() } else { scene.laptop.work() }.join(to);
        assert!(fs::read(copy).unwrap() == random(n as u64, LARGE), "{n}");
    }
}

#[test]
fn the_other_files_of_a_job_go_on_when_one_changes() {
    let scene = Scene::new();
    let file = scene.laptop.work().join("p/b");
    scene.laptop.write("p/a", "first");
    scene.laptop.write("p/c", "last");
    dense(&file, 1, LARGE);
    let line = scene.line();
    line.stall_after(Way::Up, 2 * MIB as u64);
    let put = scene.put("p", "desk:").spawn();
    line.wait_until_passed(Way::Up, 2 * MIB as u64);
    fs::File::options().write(true).open(&file).unwrap().set_len(5).unwrap();
    line.resume(Way::Up);
    let _ =
        put.wait().exits_with(3).stderr_has("p/b: it changed").stderr_has("sent 2 files").stderr_has("; 1 failed\n");
    let found = tree::differences(scene.laptop.work(), scene.share(), tree::Compare::FILES);
    assert_eq!(found.iter().filter(|found| !found.contains(STAGING)).collect::<Vec<_>>(), ["p/b: only left"]);
}

#[test]
fn a_byte_that_changes_on_the_wire_is_noticed_and_the_old_file_stays() {
    let scene = Scene::new();
    let old = random(1, MIB);
    scene.shares("name", &old);
    scene.laptop.write("name", &old);
    scene.laptop.write("new", random(2, 3 * MIB));
    scene.shares("new", random(3, 3 * MIB));
    let line = scene.line();
    for offset in [20_000, 700_001, 2_500_000] {
        line.flip(Way::Up, offset);
        let _ = scene.put("new", "desk:name").args(["--reconnect", "0"]).fails_with(4).stderr_has("desk");
        line.flip(Way::Down, offset);
        let _ = scene.get("desk:new", "name").args(["--reconnect", "0"]).fails_with(4).stderr_has("desk");
    }
    assert!(scene.laptop.read("name") == old && fs::read(scene.share().join("name")).unwrap() == old);
    // The line is dialled again by itself, and what was verified before the changed byte is not sent twice.
    let passed = line.passed(Way::Up);
    line.flip(Way::Up, 400_000);
    let _ = scene.put("new", "desk:name").succeeds();
    assert!(line.passed(Way::Up) - passed < 3 * MIB as u64, "two groups were there from the attempts before");
    let _ = scene.get("desk:new", "name").succeeds();
    assert!(scene.laptop.read("name") == random(3, 3 * MIB) && residue(scene.laptop.work()).is_empty());
    let stopped = scene.stops();
    let share = stopped.share();
    assert!(fs::read(share.join("name")).unwrap() == random(2, 3 * MIB) && residue(&share).is_empty());
}

#[test]
fn a_byte_that_changes_in_the_handshake_is_noticed_before_anything_is_said() {
    let scene = Scene::new();
    scene.laptop.write("file", "x");
    let line = scene.line();
    for (way, offset) in [(Way::Up, 60), (Way::Down, 60), (Way::Down, 300)] {
        line.flip(way, offset);
        let _ = scene.put("file", "desk:").fails_with(4);
    }
    assert!(snapshot(scene.stops().share()).is_empty());
}
