//! The server is asked to stop while a file is on its way.

use std::fs;

use landline_testkit::{Linkbox, Way};
use serde_json::json;

use crate::scene::{MIB, Scene, partials, random, residue, wait_for_staging};

#[test]
fn a_server_that_is_asked_to_stop_lets_the_running_copies_finish_and_takes_no_new_call() {
    let mut scene = Scene::new();
    let other = scene.another("other");
    let (up, down) = (random(1, 4 * MIB), random(2, 20 * MIB));
    scene.laptop.write("file", &up);
    scene.shares("theirs", &down);
    let line = scene.line();
    line.stall_after(Way::Up, MIB as u64);
    let put = scene.put("file", "desk:name").args(["--reconnect", "0"]).spawn();
    wait_for_staging(scene.share()); // the call is admitted
    let fetching = Linkbox::to(scene.desk.addr());
    other.dials_through("desk", &fetching);
    fetching.stall_after(Way::Down, MIB as u64);
    let get = other.cmd(["get", "desk:theirs", "."]).spawn();
    fetching.wait_until_passed(Way::Down, MIB as u64);

    scene.desk.sigterm();
    scene.desk.wait_for_event(|event| event["event"] == "stopping");
    let direct = scene.desk.addr().to_string();
    let _ = other.cmd(["contacts", "address", "desk", &direct]).succeeds();
    let _ = other.cmd(["ls", "desk:"]).fails_with(4).stderr_has("desk can't be reached");
    line.resume(Way::Up);
    fetching.resume(Way::Down);
    let _ = put.wait().exits_with(0).stderr_has("sent 1 file");
    let _ = get.wait().exits_with(0).stderr_has("got 1 file");
    let share = scene.share();
    let events = scene.desk.wait().exits_with(0).json();
    assert_eq!(events.last().unwrap(), &json!({"event": "stopped", "cut": 0}));
    assert!(fs::read(share.join("name")).unwrap() == up && other.read("theirs") == down && residue(share).is_empty());
}

#[test]
fn what_does_not_finish_within_the_grace_period_is_cut_and_the_old_file_stays() {
    let mut scene = Scene::serving_with(&["--grace", "1"]);
    scene.shares("name", "older");
    scene.laptop.write("file", random(1, 4 * MIB));
    let line = scene.line();
    line.stall_after(Way::Up, MIB as u64);
    let put = scene.put("file", "desk:name").args(["--reconnect", "0"]).spawn();
    wait_for_staging(scene.share()); // the call is admitted
    scene.desk.sigterm();
    scene.desk.wait_for_event(|event| event["event"] == "stopping");
    let stopped = scene.desk.wait_for_event(|event| event["event"] == "stopped");
    assert_eq!(stopped["cut"], 1);
    let share = scene.share();
    let _ = scene.desk.wait().exits_with(0).stderr_has("1 call did not finish in time and had to be cut");
    line.resume(Way::Up);
    let _ = put.wait().exits_with(4).stderr_has("desk");
    assert_eq!(fs::read(share.join("name")).unwrap(), b"older");
    assert!(partials(share).len() <= 1);
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let mut scene = Scene::new();
    scene.shares("name", "older");
    scene.laptop.write("file", random(1, 4 * MIB));
    let line = scene.line();
    line.stall_after(Way::Up, MIB as u64);
    let put = scene.put("file", "desk:name").args(["--reconnect", "0"]).spawn();
    wait_for_staging(scene.share()); // the call is admitted
    scene.desk.sigterm();
    scene.desk.wait_for_event(|event| event["event"] == "stopping");
    scene.desk.sigterm();
    let share = scene.share();
    let _ = scene.desk.wait().exits_with(130).stderr_has("stopped at once; running calls were cut");
    line.resume(Way::Up);
    let _ = put.wait().exits_with(4);
    assert_eq!(fs::read(share.join("name")).unwrap(), b"older");
    assert!(partials(share).len() <= 1);
}
