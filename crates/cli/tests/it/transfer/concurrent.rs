//! Concurrent: many at once, and two who mean the same name.

use std::fs;

use landline_testkit::{Linkbox, Way};

use crate::scene::{MIB, Scene, random, residue};

#[test]
fn eight_at_once_all_finish_though_one_of_them_stands_still() {
    let scene = Scene::new();
    let slow = scene.another("slow");
    let line = Linkbox::to(scene.desk.addr());
    slow.dials_through("desk", &line);
    slow.write("file", random(99, 8 * MIB));
    line.stall_after(Way::Up, MIB as u64);
    let stalled = slow.cmd(["put", "file", "desk:slow"]).spawn();
    line.wait_until_passed(Way::Up, MIB as u64);
    let sent: Vec<_> = (0..7).map(|n| random(n, 3 * MIB + usize::try_from(n).unwrap())).collect();
    for (n, bytes) in sent.iter().enumerate() {
        scene.laptop.write(format!("file-{n}"), bytes);
        scene.shares(format!("get-{n}"), bytes);
    }
    let running: Vec<_> = (0..7)
        .map(|n| match n % 2 {
            0 => scene.put(format!("file-{n}"), format!("desk:put-{n}")).spawn(),
            _ => scene.get(format!("desk:get-{n}"), format!("got-{n}")).spawn(),
        })
        .collect();
    for (n, (running, bytes)) in running.into_iter().zip(&sent).enumerate() {
        let _ = running.wait().exits_with(0);
        let arrived = match n % 2 {
            0 => fs::read(scene.share().join(format!("put-{n}"))).unwrap(),
            _ => scene.laptop.read(format!("got-{n}")),
        };
        assert!(arrived == *bytes, "number {n}");
    }
    assert!(!scene.share().join("slow").exists(), "it can't have arrived yet");
    line.resume(Way::Up);
    let _ = stalled.wait().exits_with(0);
    assert!(fs::read(scene.share().join("slow")).unwrap() == slow.read("file"));
    assert!(residue(scene.share()).is_empty());
}

#[test]
fn of_two_writers_of_one_name_the_last_to_finish_wins_whole() {
    let scene = Scene::new();
    let rival = scene.another("rival");
    let (mine, theirs) = (random(1, 6 * MIB), random(2, 5 * MIB));
    scene.laptop.write("file", &mine);
    rival.write("file", &theirs);
    scene.shares("name", "older");
    let line = scene.line();
    line.stall_after(Way::Up, 2 * MIB as u64);
    let first = scene.put("file", "desk:name").spawn();
    line.wait_until_passed(Way::Up, 2 * MIB as u64);
    assert_eq!(fs::read(scene.share().join("name")).unwrap(), b"older");
    let _ = rival.cmd(["put", "file", "desk:name"]).succeeds();
    assert!(fs::read(scene.share().join("name")).unwrap() == theirs);
    line.resume(Way::Up);
    let _ = first.wait().exits_with(0);
    assert!(fs::read(scene.share().join("name")).unwrap() == mine);
    assert!(residue(scene.share()).is_empty());
}

#[test]
fn of_two_copies_by_one_machine_to_one_name_the_last_to_finish_wins_whole() {
    let scene = Scene::new();
    let (one, other) = (random(1, 6 * MIB), random(2, 5 * MIB));
    scene.laptop.write("one", &one);
    scene.laptop.write("other", &other);
    scene.shares("name", "older");
    let line = scene.line();
    line.stall_after(Way::Up, 2 * MIB as u64);
    let first = scene.put("one", "desk:name").spawn();
    line.wait_until_passed(Way::Up, 2 * MIB as u64);
    // It waits a little, in case the first one's line was cut, and then arrives beside it.
    let address = scene.desk.addr().to_string();
    let _ = scene.laptop.cmd(["contacts", "address", "desk", &address]).succeeds();
    let _ = scene.put("other", "desk:name").succeeds();
    assert!(fs::read(scene.share().join("name")).unwrap() == other);
    line.resume(Way::Up);
    let _ = first.wait().exits_with(0);
    assert!(fs::read(scene.share().join("name")).unwrap() == one);
    assert!(residue(scene.share()).is_empty());
}

#[test]
fn a_reader_gets_the_old_file_whole_while_a_new_one_is_arriving() {
    let scene = Scene::new();
    let reader = scene.another("reader");
    let old = random(1, 2 * MIB);
    scene.shares("name", &old);
    scene.laptop.write("file", random(2, 6 * MIB));
    let line = scene.line();
    line.stall_after(Way::Up, 2 * MIB as u64);
    let put = scene.put("file", "desk:name").spawn();
    line.wait_until_passed(Way::Up, 2 * MIB as u64);
    let _ = reader.cmd(["get", "desk:name", "copy"]).succeeds();
    assert!(reader.read("copy") == old);
    line.resume(Way::Up);
    let _ = put.wait().exits_with(0);
    let _ = reader.cmd(["get", "desk:name", "copy"]).succeeds();
    assert!(reader.read("copy") == scene.laptop.read("file"));
}
