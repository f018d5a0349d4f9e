//! `landline retry`: what failed is tried again as what it is, and as nothing more; what came of it does not come again.

use std::fs;
use std::os::unix::fs::symlink;

use landline_testkit::Way;

use crate::scene::{MIB, Scene, dense, partials, random, residue, snapshot};
use crate::small_disks;

#[test]
fn a_link_that_was_refused_is_not_followed_when_it_is_tried_again() {
    let scene = Scene::new();
    let secret = scene.laptop.write("secret/key", "not to be sent");
    scene.laptop.write("folder/a", "a");
    symlink(secret.parent().unwrap(), scene.laptop.work().join("folder/out")).unwrap();
    symlink(&secret, scene.laptop.work().join("folder/file")).unwrap();
    let _ = scene.put("folder", "desk:").fails_with(3).stderr_has("to try these again: landline retry 1\n");
    let before = snapshot(scene.share());
    scene.laptop.cmd(["retry", "1"]).fails_with(5).stderr_has("the link leads to a place outside");
    assert_eq!(snapshot(scene.share()), before);
}

#[test]
fn a_folder_that_has_become_a_link_is_not_led_through() {
    let scene = Scene::new();
    scene.laptop.write("elsewhere/file", "not to be sent");
    let folder = scene.laptop.work().join("folder");
    scene.laptop.write("folder/below/a", "a");
    symlink("/etc/hostname", folder.join("below/file")).unwrap();
    let _ = scene.put("folder", "desk:").fails_with(3);
    fs::remove_dir_all(folder.join("below")).unwrap();
    symlink(scene.laptop.work().join("elsewhere"), folder.join("below")).unwrap();
    let before = snapshot(scene.share());
    let _ = scene.laptop.cmd(["retry", "1"]).fails_with(8);
    assert_eq!(snapshot(scene.share()), before);
}

#[test]
fn what_can_be_done_by_now_is_done() {
    let scene = Scene::new();
    scene.laptop.write("folder/a", "a");
    scene.laptop.write("folder/taken", "b");
    scene.shares("folder/taken/in-the-way", "x");
    let _ = scene.put("folder", "desk:").fails_with(3);
    fs::remove_dir_all(scene.share().join("folder/taken")).unwrap();
    scene.laptop.cmd(["retry", "1"]).succeeds().stderr_has("sent 1 file, 1 B in ");
    assert_eq!(fs::read(scene.share().join("folder/taken")).unwrap(), b"b");
    scene.laptop.cmd(["retry"]).succeeds().stderr("nothing waits to be tried again\n");
}

#[test]
fn a_copy_that_is_stopped_says_that_the_same_command_goes_on_and_a_pipe_does_not() {
    let scene = Scene::new();
    scene.laptop.write("big.bin", random(1, 12 * MIB));
    let line = scene.line();
    line.stall_after(Way::Up, 6 << 20);
    let hint = "hint: the same command goes on where it stopped\n";
    let sending = scene.put("big.bin", "desk:").spawn();
    line.wait_until_passed(Way::Up, 6 << 20);
    sending.sigint();
    let _ = sending.wait().exits_with(130).stderr_has(hint);
    let piping = scene.put("-", "desk:log").stdin_open().spawn();
    line.wait_for_calls(2);
    piping.sigint();
    let _ = piping.wait().exits_with(130).never_says(hint);
}

#[test]
fn a_large_file_that_failed_halfway_is_gone_on_with_where_it_stopped() {
    for there_before in [true, false] {
        for bench in small_disks::both(24 * MIB) {
            if there_before {
                fs::create_dir(bench.disk.path().join("to")).unwrap();
            }
            for (n, name) in (0..).zip(["a", "aa"]) {
                bench.write(&format!("to/{name}"), n, 1000);
            }
            // With a hole at its end: what it takes is not reserved, since nobody knows what that is.
            bench.write("to/big", 9, 12 * MIB);
            let folder = if bench.get { bench.desk.machine().share() } else { bench.laptop.work() };
            fs::File::options().write(true).open(folder.join("to/big")).unwrap().set_len(16 * MIB as u64).unwrap();
            let bytes = fs::read(folder.join("to/big")).unwrap();
            let (way, before) = (bench.way(), bench.line.passed(bench.way()));
            bench.line.stall_after(way, 3 * MIB as u64);
            let running = bench.merge("to").spawn();
            bench.line.wait_until_passed(way, before + 3 * MIB as u64);
            bench.disk.fill(3 * MIB as u64);
            bench.line.resume(way);
            let _ = running.wait().exits_with(3).stderr_has("to/big: no space").stderr_has("landline retry 1");
            assert!(bench.has("to/a", &random(0, 1000)) && bench.has("to/aa", &random(1, 1000)));
            assert_eq!(partials(bench.disk.path()).len(), 1, "get {}, there {there_before}", bench.get);
            bench.disk.make_room();
            let before = bench.line.passed(way);
            let retry = bench.laptop.cmd(["retry", "1"]);
            let retry = if bench.get { retry.on(&bench.disk) } else { retry };
            let _ = retry.succeeds().stderr_has("are there from before").stderr_has("1 file");
            let crossed = bench.line.passed(way) - before;
            // All of it would be more than 12 MiB. What had come when the disk was full is 2 MiB or more.
            assert!(crossed < 11 * MIB as u64, "get {}, there {there_before}: {crossed} bytes crossed", bench.get);
            assert!(bench.has("to/big", &bytes) && residue(bench.disk.path()).is_empty());
        }
    }
}

#[test]
fn a_large_file_whose_source_changed_halfway_is_compared_with_what_came() {
    let scene = Scene::new();
    let line = scene.line();
    for (way, folder) in [(Way::Up, scene.laptop.work()), (Way::Down, scene.share())] {
        let name = format!("{way:?}");
        fs::create_dir_all(folder.join(&name)).unwrap();
        let source = folder.join(&name).join("big");
        dense(&source, 3, 40 * MIB);
        fs::write(folder.join(&name).join("small"), "small").unwrap();
        let before = line.passed(way);
        line.stall_after(way, 6 * MIB as u64);
        let copy = if way == Way::Up { scene.put(&name, "desk:") } else { scene.get(format!("desk:{name}"), ".") };
        let running = copy.spawn();
        line.wait_until_passed(way, before + 6 * MIB as u64);
        let mut bytes = random(3, 40 * MIB);
        bytes[MIB + 1] ^= 1;
        fs::write(&source, &bytes).unwrap();
        line.resume(way);
        let number = if way == Way::Up { 1 } else { 2 };
        let _ = running.wait().exits_with(3).stderr_has(&format!("landline retry {number}\n"));
        let before = line.passed(way);
        let retry = scene.laptop.cmd(["retry", &number.to_string()]).succeeds();
        let _ = retry.stderr_has("the source has changed since");
        let crossed = line.passed(way) - before;
        assert!(crossed < 38 * MIB as u64, "{way:?}: {crossed} bytes crossed");
        let there = if way == Way::Up { scene.share() } else { scene.laptop.work() };
        assert!(fs::read(there.join(&name).join("big")).unwrap() == bytes);
    }
    assert!(residue(scene.laptop.work()).is_empty() && residue(scene.share()).is_empty());
}
