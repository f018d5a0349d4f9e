//! Pipes: what comes on the standard input becomes a file there, and a file there goes to the standard output.

use std::fs;

use landline_testkit::{Cut, Way};

use crate::scene::{MIB, Scene, partials, random, residue};

#[test]
fn what_comes_through_a_pipe_becomes_a_file_and_comes_back_the_same() {
    let scene = Scene::new();
    for (seed, size) in [0, 1, MIB - 1, MIB, MIB + 1, 20 * MIB + 5].into_iter().enumerate() {
        let bytes = random(seed as u64, size);
        let said = scene.put("-", "desk:in/log").stdin(bytes.clone()).succeeds().stdout("");
        let _ = said.stderr_has("sent 1 file, ");
        assert!(fs::read(scene.share().join("in/log")).unwrap() == bytes, "{size}");
        let back = scene.get("desk:in/log", "-").succeeds().stderr("");
        assert!(back.stdout_bytes() == bytes, "{size}: {} came back", back.stdout_bytes().len());
    }
    assert!(residue(scene.share()).is_empty());
}

#[test]
fn a_pipe_tells_programs_size_and_hash() {
    let scene = Scene::new();
    let bytes = random(1, 3 * MIB + 9);
    let said = scene.put("-", "desk:log").arg("--json").stdin(bytes.clone()).succeeds().json();
    assert_eq!((said[0]["event"].as_str(), said[0]["path"].as_str()), (Some("kept"), Some("log")));
    assert_eq!(said[0]["hash"], blake3::hash(&bytes).to_hex().as_str());
    assert_eq!(
        (said[0]["size"].as_u64(), said[1]["bytes"].as_u64()),
        (Some(3 * MIB as u64 + 9), Some(3 * MIB as u64 + 9))
    );
}

#[test]
fn a_pipe_needs_a_name_and_a_folder_is_not_replaced() {
    let scene = Scene::new();
    scene.shares("folder/inside", "x");
    let _ = scene.put("-", "desk:").stdin("x").fails_with(2).stderr_has("has no name of its own");
    let _ = scene.put("-", "desk:folder/").stdin("x").fails_with(2);
    let _ = scene.put("-", "desk:folder").stdin("x").fails_with(9).stderr_has("is a directory");
    let _ = scene.get("desk:folder", "-").fails_with(9).stdout("").stderr_has("is a directory");
    let _ = scene.get("desk:none", "-").fails_with(8).stdout("").stderr_has("not found");
    assert_eq!(fs::read(scene.share().join("folder/inside")).unwrap(), b"x");
}

#[test]
fn a_line_that_is_cut_is_bridged_in_both_directions() {
    let scene = Scene::new();
    let line = scene.line();
    let bytes = random(2, 40 * MIB + 3); // more than is kept to be sent again
    for how in [Cut::Fin, Cut::Reset] {
        for at in [3000, MIB as u64 / 2, 9 * MIB as u64, 23 * MIB as u64] {
            let calls = line.calls();
            line.cut_after(Way::Up, at, how);
            let _ = scene.put("-", "desk:log").stdin(bytes.clone()).succeeds();
            assert!(at < 4000 || line.calls() - calls == 2, "{how:?} {at}: {} calls", line.calls() - calls);
            assert!(fs::read(scene.share().join("log")).unwrap() == bytes, "{how:?} {at}");
            line.resume(Way::Up);
            line.cut_after(Way::Down, at.max(8000), how);
            let back = scene.get("desk:log", "-").succeeds();
            assert!(back.stdout_bytes() == bytes, "{how:?} {at}: {} came back", back.stdout_bytes().len());
            line.resume(Way::Down);
        }
    }
    assert!(residue(scene.stops().share()).is_empty());
}

#[test]
fn a_sender_that_is_killed_publishes_nothing() {
    let scene = Scene::new();
    scene.shares("log", "older");
    let line = scene.line();
    let mut put = scene.put("-", "desk:log").stdin_open().spawn();
    put.say(random(1, 5 * MIB));
    line.wait_until_passed(Way::Up, 4 * MIB as u64);
    put.sigkill();
    assert_eq!(put.wait().killed_by(), Some(9));
    let scene = scene.stopped_and_served_again(&line);
    assert_eq!(fs::read(scene.share().join("log")).unwrap(), b"older");
    // What came of it is of no use to another pipe, and does it no harm.
    let _ = scene.put("-", "desk:log").stdin("short").succeeds();
    assert_eq!(fs::read(scene.share().join("log")).unwrap(), b"short");
    assert!(residue(scene.share()).is_empty());
}

#[test]
fn ctrl_c_while_the_pipe_gives_nothing_ends_with_130_and_publishes_nothing() {
    let scene = Scene::new();
    scene.shares("log", "older");
    let line = scene.line();
    let mut put = scene.put("-", "desk:log").stdin_open().spawn();
    put.say(random(1, 2 * MIB));
    line.wait_until_passed(Way::Up, 2 * MIB as u64);
    put.sigint();
    let _ = put.wait().exits_with(130);
    assert_eq!(fs::read(scene.stops().share().join("log")).unwrap(), b"older");
}

#[test]
fn an_input_that_fails_publishes_nothing() {
    let scene = Scene::new();
    scene.shares("log", "older");
    // Reading a folder fails.
    let script = format!("exec {} put - desk:log < .", crate::scene::BIN);
    let people = landline_testkit::Office::new("/bin/sh");
    let put = people.machine("ann").cmd(["-c", &script]).env("LANDLINE_HOME", scene.laptop.home()).run();
    assert!(put.code().is_some_and(|code| code != 0 && code != 70), "{put}");
    let _ = put.stderr_has("directory");
    assert_eq!(fs::read(scene.stops().share().join("log")).unwrap(), b"older");
}

#[test]
fn a_reader_that_has_enough_ends_the_copy_in_peace() {
    let scene = Scene::new();
    scene.shares("log", random(1, 20 * MIB));
    let people = landline_testkit::Office::new("/bin/sh");
    let script = format!("{{ {} get desk:log -; echo $? >&2; }} | head -c 5 >/dev/null", crate::scene::BIN);
    let said = people.machine("ann").cmd(["-c", &script]).env("LANDLINE_HOME", scene.laptop.home()).succeeds();
    let _ = said.stderr("0\n");
}

#[test]
fn a_file_that_changes_while_the_line_is_cut_is_not_glued_together() {
    let scene = Scene::new();
    scene.shares("log", random(1, 16 * MIB));
    let line = scene.line();
    line.stall_after(Way::Down, 6 * MIB as u64);
    let get = scene.get("desk:log", "-").spawn();
    line.wait_until_passed(Way::Down, 6 * MIB as u64);
    scene.shares("log", random(2, 16 * MIB));
    line.cut(Cut::Fin);
    line.resume(Way::Down);
    let said = get.wait().exits_with(9);
    assert!(random(1, 16 * MIB).starts_with(said.stdout_bytes()), "only what was there first was handed on");
    let _ = said.stderr_has("changed");
}

#[test]
fn a_server_that_dies_meets_the_same_pipe_again() {
    let mut scene = Scene::new();
    let line = scene.line();
    let bytes = random(3, 12 * MIB);
    line.stall_after(Way::Up, 6 * MIB as u64);
    let mut put = scene.put("-", "desk:log").stdin_open().spawn();
    // The rest waits in the pipe; on a thread, since nobody reads it now.
    let rest = std::thread::spawn({
        let bytes = bytes.clone();
        move || {
            put.say(bytes);
            put.end_input();
            put
        }
    });
    line.wait_until_passed(Way::Up, 6 * MIB as u64);
    scene.desk.sigkill();
    line.unplug(Cut::Reset);
    line.resume(Way::Up);
    scene = scene.served_again(&line);
    let put = rest.join().unwrap();
    let _ = put.wait().exits_with(0);
    assert!(fs::read(scene.share().join("log")).unwrap() == bytes && partials(scene.share()).is_empty());
}

#[test]
fn who_takes_what_comes_as_it_comes_shows_life_all_the_same() {
    let scene = Scene::new();
    let bytes = random(4, 24 * MIB);
    scene.shares("log", &bytes);
    let line = scene.line();
    line.slow(Way::Down, 3 * MIB as u64, 1); // a group comes three times a second
    let before = line.passed(Way::Down);
    let running = scene.get("desk:log", "-").spawn();
    line.wait_until_passed(Way::Down, before + 2 * MIB as u64);
    let asked = line.passed(Way::Up);
    line.wait_until_passed(Way::Down, before + 12 * MIB as u64);
    let alive = line.passed(Way::Up);
    line.full_speed(Way::Down);
    let got = running.wait().exits_with(0);
    assert!(alive > asked, "for three seconds the desk heard nothing");
    assert!(got.stdout_bytes() == bytes);
}
