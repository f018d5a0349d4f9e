//! Lines: cut, stalled, slow, gone for a while; the copy dials again by itself and sends nothing verified twice.

use std::collections::BTreeSet;
use std::fs;

use landline_testkit::{Cut, Linkbox, Way};

use super::{Account, Load, assert_copied};
use crate::scene::{MIB, Scene, residue};

/// A scene with the big file at both ends.
fn scene() -> (Scene, Linkbox, Account) {
    let scene = Scene::new();
    let _ = Load::Big.make(&scene.laptop.work());
    let _ = scene.put("big", "desk:").succeeds();
    let (line, account) = (scene.line(), Account::of(&scene.share().join("big")));
    (scene, line, account)
}

/// Both directions: which way the bytes go, and the command with its target named `name`.
fn both(scene: &Scene, name: &str) -> [(Way, landline_testkit::Cmd, std::path::PathBuf); 2] {
    [
        (Way::Up, scene.put("big", format!("desk:{name}")), scene.share().join(name)),
        (Way::Down, scene.get("desk:big", name), scene.laptop.work().join(name)),
    ]
}

#[test]
fn a_line_that_is_cut_is_dialled_again_and_what_was_verified_is_not_sent_twice() {
    let (scene, line, account) = scene();
    for (n, how) in [Cut::Fin, Cut::Reset].into_iter().enumerate() {
        for (way, command, copy) in both(&scene, &format!("copy-{n}")) {
            let (before, calls) = (line.passed(way), line.calls());
            line.cut_after(way, 10 * MIB as u64, how);
            let said = command.arg("--json").succeeds();
            assert_eq!(line.calls() - calls, 2, "{how:?} {way:?}: {said}");
            assert_copied(&scene.laptop.work().join("big"), &copy);
            let held = said.json().iter().find(|event| event["event"] == "resumed").unwrap()["held"].as_u64().unwrap();
            let crossed = line.passed(way) - before;
            // A reset overtakes what the receiver had not taken; an orderly end does not.
            let sure = if how == Cut::Fin { 9 * MIB as u64 } else { held };
            let twice = 10 * MIB as u64 - sure;
            assert!(held >= sure, "{how:?} {way:?}: only {held} bytes were taken up: {said}");
            assert!(crossed <= account.most(0) + twice, "{how:?} {way:?}: {crossed} bytes crossed the line: {said}");
        }
    }
    assert!(residue(scene.laptop.work()).is_empty() && residue(scene.stops().share()).is_empty());
}

#[test]
fn a_line_that_is_cut_again_and_again_brings_everything_in_the_end() {
    let (scene, line, account) = scene();
    for (way, command, copy) in both(&scene, "copy") {
        let (before, calls) = (line.passed(way), line.calls());
        line.cut_after(way, 4 * MIB as u64, Cut::Fin);
        let running = command.spawn();
        for call in 2..5 {
            line.wait_for_calls(calls + call);
            line.cut_after(way, 4 * MIB as u64, Cut::Fin);
        }
        line.wait_for_calls(calls + 5);
        let _ = running.wait().exits_with(0);
        assert_copied(&scene.laptop.work().join("big"), &copy);
        let crossed = line.passed(way) - before;
        assert!(crossed <= account.most(0) + 4 * MIB as u64, "{way:?}: {crossed}: a group for each of four cuts");
    }
    assert!(residue(scene.laptop.work()).is_empty() && residue(scene.stops().share()).is_empty());
}

#[test]
fn of_a_tree_the_files_that_came_before_the_cut_do_not_come_again() {
    let scene = Scene::new();
    let _ = Load::Mixed.make(&scene.laptop.work());
    let _ = scene.put("mixed", "desk:").succeeds();
    let (line, source) = (scene.line(), scene.laptop.work().join("mixed"));
    let account = Account::of(&source);
    let commands = [
        (Way::Up, scene.put("mixed", "desk:copy"), scene.share().join("copy")),
        (Way::Down, scene.get("desk:mixed", "copy"), scene.laptop.work().join("copy")),
    ];
    for (way, command, copy) in commands {
        let before = line.passed(way);
        line.cut_after(way, 5 * MIB as u64, Cut::Fin);
        let said = command.arg("--json").succeeds();
        assert_copied(&source, &copy);
        let crossed = line.passed(way) - before;
        assert!(crossed <= account.most(0) + MIB as u64, "{way:?}: {crossed} of {}: {said}", account.bytes);
        let done = said.json().pop().unwrap();
        let count = |field: &str| done[field].as_u64().unwrap();
        let files = account.files.len() as u64 + 1; // and a link
        let counted = [count("files"), count("same"), count("failed")];
        assert_eq!(counted, [files, 0, 0], "each file counts once, as one of this job: {done}");
    }
}

#[test]
fn what_a_job_moved_before_the_cut_counts_as_moved_although_nobody_told_what_became_of_it() {
    let scene = Scene::new();
    let name = Load::Small.make(&scene.laptop.work());
    let _ = scene.put(name, "desk:").succeeds();
    let (line, source) = (scene.line(), scene.laptop.work().join(name));
    let files = Account::of(&source).files.len();
    for how in [Cut::Fin, Cut::Reset] {
        let copied = format!("copy-{how:?}");
        let commands = [
            (Way::Up, scene.put(name, format!("desk:{copied}")), scene.share().join(&copied)),
            (Way::Down, scene.get(format!("desk:{name}"), &copied), scene.laptop.work().join(&copied)),
        ];
        for (way, command, copy) in commands {
            let calls = line.calls();
            line.cut_after(way, MIB as u64, how);
            let events = command.arg("--json").succeeds().json();
            assert_copied(&source, &copy);
            assert_eq!(line.calls() - calls, 2, "{how:?} {way:?}: it was cut");
            let done = events.last().unwrap();
            let count = |field: &str| done[field].as_u64();
            assert_eq!((count("files"), count("same")), (Some(files as u64), Some(0)), "{how:?} {way:?}: {done}");
            let kept = events.iter().filter(|event| event["event"] == "kept").map(|event| event["path"].to_string());
            let (told, each) = (kept.clone().count(), kept.collect::<BTreeSet<_>>().len());
            assert_eq!((told, each), (files, files), "{how:?} {way:?}: each is told, and once");
        }
    }
    line.cut_after(Way::Up, MIB as u64, Cut::Fin);
    let said = scene.put(name, "desk:words").succeeds();
    let _ = said.stderr_has(&format!("sent {files} files, ")).never_says("unchanged");
}

#[test]
fn a_line_that_stands_still_for_a_while_costs_nothing() {
    let (scene, line, account) = scene();
    for (way, command, copy) in both(&scene, "copy") {
        let (before, calls) = (line.passed(way), line.calls());
        line.stall_after(way, 7 * MIB as u64);
        let running = command.spawn();
        line.wait_until_passed(way, before + 7 * MIB as u64);
        assert!(!copy.exists());
        line.resume(way);
        let _ = running.wait().exits_with(0);
        assert_copied(&scene.laptop.work().join("big"), &copy);
        assert!(line.passed(way) - before <= account.most(0) - MIB as u64 && line.calls() - calls == 1);
    }
}

#[test]
fn a_slow_line_that_is_cut_brings_everything() {
    let scene = Scene::new();
    let line = scene.line();
    let bytes = crate::scene::random(5, 3 * MIB + 17);
    scene.laptop.write("file", &bytes);
    scene.shares("file", &bytes);
    for way in [Way::Up, Way::Down] {
        line.slow(way, 4 * MIB as u64, 7);
        line.cut_after(way, 2 * MIB as u64, Cut::Reset);
        let _ = if way == Way::Up { scene.put("file", "desk:copy") } else { scene.get("desk:file", "copy") }.succeeds();
        line.full_speed(way);
    }
    assert!(scene.laptop.read("copy") == bytes && fs::read(scene.share().join("copy")).unwrap() == bytes);
}

#[test]
fn a_line_that_is_gone_for_a_while_is_dialled_until_it_is_there_again() {
    let (scene, line, _) = scene();
    for (way, command, copy) in both(&scene, "copy") {
        let before = line.passed(way);
        line.stall_after(way, 6 * MIB as u64);
        let running = command.spawn();
        line.wait_until_passed(way, before + 6 * MIB as u64);
        line.unplug(Cut::Reset);
        line.resume(way);
        line.wait_for_cut();
        line.plug_in();
        let _ = running.wait().exits_with(0);
        assert_copied(&scene.laptop.work().join("big"), &copy);
    }
}

#[test]
fn a_line_that_does_not_come_back_ends_the_copy_and_the_next_run_takes_up_what_came() {
    let (scene, line, account) = scene();
    for (way, command, copy) in both(&scene, "copy") {
        line.stall_after(way, 6 * MIB as u64);
        let before = line.passed(way);
        let running = command.args(["--reconnect", "1"]).spawn();
        line.wait_until_passed(way, before + 6 * MIB as u64);
        line.unplug(Cut::Fin);
        line.resume(way);
        let _ = running.wait().exits_with(4).stderr_has("desk");
        assert!(!copy.exists());
        line.plug_in();
    }
    let scene = scene.stopped_and_served_again(&line);
    for (way, command, copy) in both(&scene, "copy") {
        let before = line.passed(way);
        let _ = command.succeeds().stderr_has("are there from before");
        assert_copied(&scene.laptop.work().join("big"), &copy);
        assert!(line.passed(way) - before <= account.most(5 * MIB as u64), "{way:?}");
    }
}

#[test]
fn a_server_that_dies_and_comes_back_elsewhere_is_found_by_the_same_run() {
    let (mut scene, line, _) = scene();
    for name in ["put", "get"] {
        let [put, get] = both(&scene, name);
        let (way, command, copy) = if name == "put" { put } else { get };
        let before = line.passed(way);
        line.stall_after(way, 8 * MIB as u64);
        let running = command.spawn();
        line.wait_until_passed(way, before + 8 * MIB as u64);
        scene.desk.sigkill();
        line.unplug(Cut::Reset);
        line.resume(way);
        scene = scene.served_again(&line);
        let _ = running.wait().exits_with(0);
        assert_copied(&scene.laptop.work().join("big"), &copy);
    }
    assert!(residue(scene.laptop.work()).is_empty() && residue(scene.share()).is_empty());
}

#[test]
fn what_came_is_taken_up_although_the_address_is_another_one() {
    let (scene, line, account) = scene();
    for (way, command, _) in both(&scene, "copy") {
        line.cut_after(way, 8 * MIB as u64, Cut::Fin);
        let _ = command.args(["--reconnect", "0"]).fails_with(4);
        line.resume(way);
    }
    let scene = scene.stopped_and_served_again(&line);
    drop(line);
    let other = scene.line(); // another port, and another contact by the same key
    scene.laptop.joins(&scene.desk, "elsewhere");
    scene.laptop.dials_through("elsewhere", &other);
    let [(_, _, there), (_, _, here)] = both(&scene, "copy");
    let before = (other.passed(Way::Up), other.passed(Way::Down));
    let _ = scene.put("big", "elsewhere:copy").succeeds().stderr_has("are there from before");
    let _ = scene.get("desk:big", "copy").succeeds().stderr_has("are there from before");
    for (copy, crossed) in [(there, other.passed(Way::Up) - before.0), (here, other.passed(Way::Down) - before.1)] {
        assert_copied(&scene.laptop.work().join("big"), &copy);
        assert!(crossed <= account.most(7 * MIB as u64) + MIB as u64, "{crossed}");
    }
    assert!(residue(scene.laptop.work()).is_empty() && residue(scene.share()).is_empty());
}

#[test]
fn a_source_that_has_changed_since_keeps_the_groups_that_are_still_right() {
    let (scene, line, account) = scene();
    for (way, command, _) in both(&scene, "copy") {
        let source = if way == Way::Up { scene.laptop.work() } else { scene.share() }.join("big");
        let before = line.passed(way);
        line.stall_after(way, 20 * MIB as u64);
        let running = command.args(["--reconnect", "0"]).spawn();
        line.wait_until_passed(way, before + 20 * MIB as u64);
        running.sigkill();
        let _ = running.wait();
        line.cut(Cut::Fin);
        line.resume(way);
        let mut bytes = fs::read(&source).unwrap();
        bytes[3 * MIB + 5] ^= 1;
        bytes.truncate(account.files[0].1.len() - 1000);
        fs::write(&source, bytes).unwrap();
    }
    let scene = scene.stopped_and_served_again(&line);
    for (way, command, copy) in both(&scene, "copy") {
        let source = if way == Way::Up { scene.laptop.work() } else { scene.share() }.join("big");
        let (before, arrived) = (line.passed(way), account.arrived(copy.parent().unwrap()));
        assert!(arrived >= 4 * MIB as u64, "{way:?}: only {arrived} bytes had arrived");
        let _ = command.succeeds().stderr_has("the source has changed since");
        assert_copied(&source, &copy);
        // One group is another now.
        let (crossed, most) = (line.passed(way) - before, account.most(arrived - MIB as u64));
        assert!(crossed <= most, "{way:?}: {crossed} bytes crossed the line, at most {most} had to");
    }
    assert!(residue(scene.laptop.work()).is_empty() && residue(scene.share()).is_empty());
}
