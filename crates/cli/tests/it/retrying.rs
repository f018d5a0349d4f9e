//! `landline retry`: what failed is tried again as what it is, and as nothing more.

use std::fs;
use std::os::unix::fs::symlink;

use landline_testkit::Way;

use crate::scene::{MIB, Scene, random, snapshot};

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
