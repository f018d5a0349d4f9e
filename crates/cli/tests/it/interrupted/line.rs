//! The line is cut between two ends that live on.

use std::fs;

use landline_testkit::{Cut, Way};

use super::{NEW, SIZE, old};
use crate::scene::{MIB, Scene, residue};

#[test]
fn a_cut_line_keeps_the_old_file_and_the_next_try_brings_the_new_one() {
    let scene = Scene::new();
    let line = scene.line();
    let there = scene.shares("name", old(0));
    scene.laptop.write("file", &*NEW);
    scene.shares("file", &*NEW);
    scene.laptop.write("name", old(1));
    for how in [Cut::Reset, Cut::Fin] {
        for way in [Way::Up, Way::Down] {
            for bytes in [5000, SIZE as u64 / 2] {
                // Few bytes go against the stream; a cut in them comes early in the call.
                let bytes_against = bytes.min(1500);
                line.cut_after(way, if way == Way::Up { bytes } else { bytes_against }, how);
                let put = scene.put("file", "desk:name").args(["--reconnect", "0"]).run();
                line.resume(way);
                assert_ne!(put.code(), Some(0), "{how:?} {way:?} {bytes}: {put}");
                let _ = put.exits_with(4).stderr_has("desk");
                assert!(fs::read(&there).unwrap() == old(0), "{how:?} {way:?} {bytes}");

                line.cut_after(way, if way == Way::Down { bytes } else { bytes_against }, how);
                let get = scene.get("desk:file", "name").args(["--reconnect", "0"]).run();
                line.resume(way);
                let _ = get.exits_with(4).stderr_has("desk");
                assert!(scene.laptop.read("name") == old(1), "{how:?} {way:?} {bytes}");
            }
        }
    }
    let _ = scene.put("file", "desk:name").succeeds();
    let _ = scene.get("desk:file", "name").succeeds();
    assert!(fs::read(&there).unwrap() == *NEW && scene.laptop.read("name") == *NEW);
    assert!(residue(scene.laptop.work()).is_empty());
    assert_eq!(residue(scene.stops().share()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn of_a_tree_what_was_complete_is_kept_when_the_line_is_cut() {
    let scene = Scene::new();
    let first = crate::scene::random(6, 600_000); // what is smaller may be sent with what comes after it
    scene.laptop.write("p/a", &first);
    scene.laptop.write("p/b", &*NEW);
    scene.shares("p/b", old(0));
    let line = scene.line();
    line.cut_after(Way::Up, MIB as u64, Cut::Fin);
    let put = scene.put("p", "desk:").args(["--reconnect", "0"]).fails_with(4).stderr_has("the line to desk was cut");
    let _ = put.stderr_has("hint: what was not finished has changed nothing");
    let scene = scene.stopped_and_served_again(&line);
    let share = scene.share();
    assert!(fs::read(share.join("p/a")).unwrap() == first);
    assert!(fs::read(share.join("p/b")).unwrap() == old(0));
    let _ = scene.put("p", "desk:").succeeds().stderr_has("sent 1 file").stderr_has("1 unchanged");
    assert!(fs::read(share.join("p/b")).unwrap() == *NEW && residue(&share).is_empty());
}

#[test]
fn a_line_that_hands_on_single_bytes_and_comes_late_changes_nothing() {
    let scene = Scene::new();
    let line = scene.line();
    let bytes = crate::scene::random(4, 3000);
    scene.laptop.write("file", &bytes);
    line.dribble(Way::Up);
    line.dribble(Way::Down);
    let _ = scene.put("file", "desk:").succeeds();
    let _ = scene.get("desk:file", "back").succeeds();
    assert!(fs::read(scene.share().join("file")).unwrap() == bytes && scene.laptop.read("back") == bytes);
}
