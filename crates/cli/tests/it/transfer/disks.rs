//! Disks: full ones, read-only ones, folders that may not be written to.
//!
//! The small disk is a tmpfs in a mount namespace of the server's own, so nothing is left to unmount; the test looks
//! at it through `/proc/PID/root`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use landline_testkit::needs;

use crate::scene::{MIB, Scene, random, residue};

/// The share as the server sees it.
fn seen_by_the_server(scene: &Scene) -> PathBuf {
    let inside = scene.share().strip_prefix("/").unwrap().to_owned();
    PathBuf::from(format!("/proc/{}/root", scene.desk.pid())).join(inside)
}

fn mounted(options: &str) -> Scene {
    let mount = format!("mount -t tmpfs -o {options} tmpfs \"$SHARE\"");
    Scene::served_by(&format!("exec unshare -m sh -c '{mount} && exec \"$@\"' sh \"$@\""))
}

#[test]
fn a_full_disk_is_told_and_what_fits_goes_on() {
    if !needs("root") {
        return;
    }
    let scene = mounted("size=4m");
    let old = random(1, MIB);
    scene.laptop.write("p/b", &old);
    let _ = scene.put("p", "desk:").succeeds();
    scene.laptop.write("p/a", random(2, 1000));
    scene.laptop.write("p/b", random(3, 6 * MIB));
    scene.laptop.write("p/c", random(4, MIB));
    let _ =
        scene.put("p/b", "desk:p/b").fails_with(7).stderr_has("p/b: no space left on the disk").stderr_has("1 failed");
    let put = scene.put("p", "desk:").fails_with(3).stderr_has("error: p/b: no space left on the disk\n");
    let _ = put.stderr_has("sent 2 files").stderr_has("; 1 failed\n");
    let share = seen_by_the_server(&scene);
    let there = |path: &str| fs::read(share.join(path)).unwrap();
    assert!(there("p/a") == random(2, 1000) && there("p/b") == old && there("p/c") == random(4, MIB));
    assert!(residue(&share).is_empty());
    let json = scene.put("p/b", "desk:p/").arg("--json").fails_with(7).json();
    assert_eq!((&json[0]["event"], &json[0]["code"]), (&"failed".into(), &"no-space".into()));
}

#[test]
fn a_disk_that_has_no_room_for_another_folder_says_so() {
    if !needs("root") {
        return;
    }
    let scene = mounted("size=1m,nr_inodes=3");
    let _ = scene.laptop.cmd(["mkdir", "desk:one"]).succeeds();
    let _ = scene.laptop.cmd(["mkdir", "desk:two", "desk:three"]).run();
    let _ = scene.laptop.cmd(["mkdir", "desk:four"]).fails_with(7).stderr_has("no space left on the disk");
}

#[test]
fn a_read_only_disk_is_told_and_can_still_be_read() {
    if !needs("root") {
        return;
    }
    let scene = Scene::served_by(
        "mkdir \"$SHARE/old\"; echo content > \"$SHARE/old/file\"; \
         exec unshare -m sh -c 'mount --bind \"$SHARE\" \"$SHARE\" && mount -o remount,bind,ro \"$SHARE\" && exec \"$@\"' sh \"$@\"",
    );
    scene.laptop.write("file", "x");
    let words = "the file system is read-only";
    let _ = scene.put("file", "desk:").fails_with(5).stderr_has(words);
    let _ = scene.laptop.cmd(["mkdir", "desk:new"]).fails_with(5).stderr_has(words).stderr_has("hint: ");
    let _ = scene.laptop.cmd(["rm", "-r", "desk:old"]).fails_with(5).stderr_has(words);
    let _ = scene.laptop.cmd(["mv", "desk:old", "desk:new"]).fails_with(5).stderr_has(words);
    let _ = scene.laptop.cmd(["cat", "desk:old/file"]).succeeds().stdout("content\n");
    assert!(residue(seen_by_the_server(&scene)).is_empty());
}

#[test]
fn a_folder_that_the_server_may_not_write_to_is_told() {
    if !needs("setpriv") {
        return;
    }
    // The superuser may write everywhere, so the server gives that up.
    let scene = Scene::served_by(
        "if [ $(id -u) = 0 ]; then set -- setpriv --bounding-set -dac_override,-dac_read_search \"$@\"; fi; exec \"$@\"",
    );
    scene.shares("closed/file", "old");
    scene.shares("secret", "old");
    fs::set_permissions(scene.share().join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(scene.share().join("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    scene.laptop.write("file", "newer"); // of the same size it could be of the same moment, and the same
    for command in [
        scene.put("file", "desk:closed/"),
        scene.laptop.cmd(["mkdir", "desk:closed/new"]),
        scene.laptop.cmd(["rm", "desk:closed/file"]),
        scene.laptop.cmd(["mv", "desk:closed/file", "desk:file"]),
        scene.laptop.cmd(["cat", "desk:secret"]),
    ] {
        let _ = command.fails_with(5).stderr_has("permission denied");
    }
    let _ =
        scene.get("desk:secret", "got").fails_with(5).stderr_has("error: got: it can't be read: permission denied\n");
    let _ = scene
        .get("desk:", "all")
        .fails_with(3)
        .stderr_has("error: all/secret: it can't be read: permission denied\n")
        .stderr_has("got 1 file");
    assert_eq!(fs::read(scene.share().join("closed/file")).unwrap(), b"old");
    fs::set_permissions(scene.share().join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_share_that_is_served_read_only_refuses_every_change_and_gives_everything() {
    let scene = Scene::serving_with(&["--read-only"]);
    scene.shares("old/file", "old");
    scene.laptop.write("file", "new");
    for command in [
        scene.put("file", "desk:"),
        scene.put("file", "desk:old/file"),
        scene.laptop.cmd(["mkdir", "desk:new"]),
        scene.laptop.cmd(["mkdir", "-p", "desk:new/er"]),
        scene.laptop.cmd(["rm", "-r", "desk:old"]),
        scene.laptop.cmd(["mv", "desk:old", "desk:new"]),
    ] {
        let _ = command.fails_with(5).stderr_has("this share is served read-only");
    }
    let _ = scene.get("desk:old", ".").succeeds();
    assert_eq!(scene.laptop.read("old/file"), b"old");
    assert_eq!(fs::read(scene.share().join("old/file")).unwrap(), b"old");
}
