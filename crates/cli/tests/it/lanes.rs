//! Lanes: several calls carry one copy, whichever way it goes; what they bring is one file, and a lane that is cut loses
//! nothing. A copy takes more of them only where they help.

use std::fs;

use landline_testkit::tree::{self, Compare, Shape};
use landline_testkit::{Cmd, Cut, Linkbox, Way};

use crate::scene::{MIB, Scene, dense, residue};

/// Bytes a second of a connection on a line that one connection does not fill.
const NARROW: u64 = 8 * MIB as u64;

/// A scene with a folder of small and large files at both ends.
fn scene() -> (Scene, Linkbox) {
    let scene = Scene::new();
    let folder = scene.laptop.work().join("mixed");
    tree::make(&folder, &Shape { seed: 4, files: 200, largest: 40_000, odd_names: true, links: false });
    dense(folder.join("large"), 5, 40 * MIB + 77);
    dense(folder.join("larger"), 6, 30 * MIB);
    let _ = scene.put("mixed", "desk:").succeeds();
    let line = scene.line();
    (scene, line)
}

/// Both directions: which way the bytes go, and the command with the copy's name.
fn both(scene: &Scene, name: &str) -> [(Way, Cmd, std::path::PathBuf); 2] {
    [
        (Way::Up, scene.put("mixed", format!("desk:{name}")).arg("--json"), scene.share().join(name)),
        (Way::Down, scene.get("desk:mixed", name).arg("--json"), scene.laptop.work().join(name)),
    ]
}

fn assert_same(scene: &Scene, copy: &std::path::Path) {
    tree::assert_same(scene.laptop.work().join("mixed"), copy, Compare::ALL);
}

#[test]
fn a_copy_uses_the_calls_that_were_asked_for_and_comes_whole() {
    let (scene, line) = scene();
    for (calls, narrow) in [(2, NARROW), (16, 3 * NARROW)] {
        for (way, command, copy) in both(&scene, &format!("copy-{calls}")) {
            let before = line.calls();
            line.slow_each(way, narrow, 3); // so that there is time for them
            let said = command.args(["--lanes", &calls.to_string()]).succeeds();
            line.full_speed(way);
            assert_same(&scene, &copy);
            let done = said.json().pop().unwrap();
            let used = done["lanes"].as_u64().unwrap();
            // Of many that come at once the desk's door turns some away for a moment, and the copy does not wait for them.
            assert!(used <= calls && used >= calls.min(2), "{way:?}: {done}");
            assert!(line.calls() - before >= used, "{way:?}: {} calls", line.calls() - before);
        }
    }
    assert!(residue(scene.laptop.work()).is_empty() && residue(scene.share()).is_empty());
}

#[test]
fn a_lane_that_is_cut_loses_nothing_and_what_came_does_not_come_again() {
    let (scene, line) = scene();
    let account = 75 * MIB as u64; // all of it, and what frames and records add
    for how in [Cut::Reset, Cut::Fin] {
        for (way, command, copy) in both(&scene, &format!("cut-{how:?}")) {
            let (before, calls) = (line.passed(way), line.calls());
            line.slow_each(way, 16 * MIB as u64, 3);
            let running = command.args(["--lanes", "4"]).spawn();
            line.wait_for_calls(calls + 4);
            line.wait_until_passed(way, before + 20 * MIB as u64);
            line.cut_call(calls + 2, how);
            line.wait_for_calls(calls + 5); // it was dialled again
            line.full_speed(way);
            let _ = running.wait().exits_with(0);
            assert_same(&scene, &copy);
            let crossed = line.passed(way) - before;
            // What four lanes, their sockets and the queues behind them held may cross twice.
            assert!(crossed <= account + 24 * MIB as u64, "{how:?} {way:?}: {crossed}");
        }
    }
    assert!(residue(scene.laptop.work()).is_empty() && residue(scene.share()).is_empty());
}

#[test]
fn a_copy_over_lanes_that_is_killed_goes_on_where_it_was() {
    let (scene, line) = scene();
    for (way, command, copy) in both(&scene, "killed") {
        let before = line.passed(way);
        line.slow_each(way, 16 * MIB as u64, 3);
        let running = command.args(["--lanes", "3"]).spawn();
        line.wait_until_passed(way, before + 30 * MIB as u64);
        running.sigkill();
        let _ = running.wait();
        line.full_speed(way);
        let before = line.passed(way);
        let again = both(&scene, "killed").into_iter().find(|(other, ..)| *other == way).unwrap().1;
        let _ = again.args(["--lanes", "3"]).succeeds();
        assert_same(&scene, &copy);
        let crossed = line.passed(way) - before;
        assert!(crossed < 65 * MIB as u64, "{way:?}: {crossed} bytes crossed again");
    }
    assert!(residue(scene.laptop.work()).is_empty() && residue(scene.share()).is_empty());
}

#[test]
fn lanes_are_added_where_they_help_and_what_helped_is_remembered() {
    let scene = Scene::new();
    let line = scene.line();
    let file = scene.laptop.work().join("file");
    dense(&file, 7, 120 * MIB);
    let memory = scene.laptop.home().join("lanes.json");
    line.slow_each(Way::Up, NARROW, 1);
    let copied = |name: &str| {
        let said = scene.put("file", format!("desk:{name}")).args(["--json", "--compress", "never"]).succeeds();
        let remembered = fs::read_to_string(&memory).unwrap_or_default();
        let remembered: Vec<(String, u64)> = serde_json::from_str(&remembered).unwrap_or_default();
        let remembered = remembered.first().map_or(1, |(contact, calls)| {
            assert_eq!(contact, "desk");
            *calls
        });
        (said.json().pop().unwrap()["lanes"].as_u64().unwrap(), remembered)
    };
    let (used, paid) = copied("first");
    assert!(used >= 2 && paid >= 2, "the line brings more over more connections: {used}, {paid}");
    let (used, _) = copied("second");
    assert!(used >= paid, "it begins with what helped: {used} of {paid}");
}

#[test]
fn a_copy_that_waits_for_nothing_uses_one_call() {
    let (scene, line) = scene();
    for (_, command, copy) in both(&scene, "copy") {
        let before = line.calls();
        let said = command.succeeds();
        assert_eq!((said.json().pop().unwrap()["lanes"].as_u64(), line.calls() - before), (Some(1), 1));
        assert_same(&scene, &copy);
    }
}

#[test]
fn a_limit_holds_for_all_lanes_together() {
    let scene = Scene::new();
    dense(scene.laptop.work().join("file"), 8, 6 * MIB);
    let said = scene.put("file", "desk:").args(["--json", "--lanes", "4", "--limit", "4MiB"]).succeeds();
    let done = said.json().pop().unwrap();
    // 200 ms of credit, and a group that goes at once.
    assert!(done["seconds"].as_f64().unwrap() >= 1.0, "{done}");
    assert_eq!(done["lanes"].as_u64(), Some(4));
}

#[test]
fn a_number_that_is_none_is_told_what_it_may_be() {
    let scene = Scene::new();
    for wrong in ["0", "17", "many", "-1"] {
        let said = scene.put("file", "desk:").arg(format!("--lanes={wrong}")).fails_with(2);
        let _ = said.stderr_has("write auto, or a number from 1 to 16");
    }
}

#[test]
fn a_copy_whose_machine_moved_takes_up_what_its_old_line_still_holds() {
    let (scene, line) = scene();
    let account = 75 * MIB as u64;
    for (way, command, copy) in both(&scene, "moved") {
        let (before, calls) = (line.passed(way), line.calls());
        line.slow(way, 64 * MIB as u64, 5);
        let running = command.spawn();
        line.wait_until_passed(way, before + 40 * MIB as u64);
        // The laptop notices; the desk hears nothing more, and would wait for a minute.
        line.cut_call(calls, Cut::Lost);
        let _ = running.wait().exits_with(0);
        line.full_speed(way);
        assert_same(&scene, &copy);
        let crossed = line.passed(way) - before;
        assert!(crossed <= account + 24 * MIB as u64, "{way:?}: {crossed}");
    }
    assert!(residue(scene.laptop.work()).is_empty() && residue(scene.share()).is_empty());
}

#[test]
fn on_one_machine_several_calls_carry_a_copy_if_they_are_asked_for() {
    let scene = Scene::new();
    let machine = scene.desk.machine();
    dense(machine.work().join("file"), 9, 40 * MIB);
    let put = machine.cmd(["put", "file", "localhost:copy", "--lanes", "4", "--limit", "40MiB", "--json"]).succeeds();
    let get = machine.cmd(["get", "localhost:copy", "back", "--lanes", "4", "--limit", "40MiB", "--json"]).succeeds();
    for said in [put, get] {
        assert_eq!(said.json().pop().unwrap()["lanes"].as_u64(), Some(4));
    }
    for copy in [scene.share().join("copy"), machine.work().join("back")] {
        assert!(fs::read(copy).unwrap() == fs::read(machine.work().join("file")).unwrap());
    }
    assert!(residue(machine.work()).is_empty() && residue(scene.share()).is_empty());
}
