//! `who`: who calls right now, what they do and how fast; the end of one call, after which its copy can be taken up.

use std::fs;

use landline_testkit::{Linkbox, Machine, Office, Running, Serving, Way, needs, until};
use serde_json::{Value, json};

use crate::halfway;
use crate::raw::{Raw, identity_of, message};
use crate::scene::{BIN, MIB, Scene, partials, random};
use crate::scripting::agrees;

/// The words that a caller hears.
const ENDED: &str = "the owner of that machine ended this call";

fn calls(desk: &Machine) -> Vec<Value> {
    desk.cmd(["who", "--json"]).succeeds().json()
}

/// Looks until there is a call that is as `wanted`.
fn wait_for_call(desk: &Machine, wanted: impl Fn(&Value) -> bool) -> Value {
    until("a call that is as wanted", || calls(desk).into_iter().find(|call| wanted(call)))
}

fn wait_for_silence(desk: &Machine) {
    until("no call any more", || calls(desk).is_empty().then_some(()));
}

fn end(desk: &Machine, call: &Value) {
    let number = call["call"].as_u64().unwrap();
    let ended = desk.cmd(["who", "--end", &number.to_string(), "--json"]).succeeds().json_line();
    assert_eq!(ended, json!({"ended": number}));
}

#[test]
fn a_transfer_that_stands_still_is_shown_with_all_there_is_to_know_of_it() {
    let scene = Scene::new();
    let (desk, laptop) = (scene.desk.machine(), &scene.laptop);
    wait_for_silence(desk); // that of the introduction; the call that asks is not shown
    desk.cmd(["who"]).succeeds().stdout("").stderr_has("Nobody calls this machine right now.");
    let (put, line) = halfway::put(&scene.desk, laptop);
    let call = wait_for_call(desk, |call| {
        call["doing"] == "put load/big" && call["bytes_in"].as_u64().unwrap() > 3 << 20 && call["rate_in"] == 0
    });
    let key = desk.cmd(["key", "list", "--json"]).succeeds().json_line();
    for field in ["user", "label", "fingerprint"] {
        assert_eq!(call[field], key[field], "{field}");
    }
    assert_eq!((&call["user"], &call["service"]), (&json!("friends"), &json!("files")));
    assert!(call["from"].as_str().unwrap().starts_with("127.0.0.1:"), "{call}");
    assert!(call["bytes_out"].as_u64().unwrap() > 0 && call["call"].as_u64().unwrap() > 0, "{call}");
    let shown = desk.cmd(["who"]).succeeds().stdout_has("DOING\n").stdout_has("put load/big\n");
    let _ = shown.stdout_has(&key["fingerprint"].as_str().unwrap()[..9]);
    line.resume(Way::Up);
    let _ = put.wait().exits_with(0);
}

#[test]
fn while_bytes_move_there_is_a_rate() {
    let scene = Scene::new();
    scene.laptop.write("big", random(1, 64 * MIB));
    let line = scene.line();
    line.slow(Way::Up, 4 * MIB as u64, 1);
    let put = scene.put("big", "desk:").spawn();
    wait_for_call(scene.desk.machine(), |call| {
        call["doing"] == "put big" && call["rate_in"].as_u64().unwrap() > MIB as u64
    });
    line.full_speed(Way::Up);
    let _ = put.wait().exits_with(0);
}

/// A put of a big file that stands still, with a partial of it at the desk.
fn held_put(scene: &Scene) -> (Running, Linkbox) {
    scene.laptop.write("big", random(2, 32 * MIB));
    let line = scene.line();
    line.stall_after(Way::Up, 12 * MIB as u64);
    let put = scene.put("big", "desk:").args(["--lanes", "1"]).spawn();
    line.wait_until_passed(Way::Up, 12 * MIB as u64);
    (put, line)
}

#[test]
fn a_put_that_is_ended_hears_so_does_not_dial_again_and_the_same_command_goes_on() {
    let scene = Scene::new();
    let desk = scene.desk.machine();
    let (put, line) = held_put(&scene);
    let call = wait_for_call(desk, |call| call["bytes_in"].as_u64().unwrap() > 10 * MIB as u64);
    end(desk, &call);
    let _ = put.wait().exits_with(5).stderr_has(ENDED);
    assert_eq!(line.calls(), 1);
    line.resume(Way::Up);
    wait_for_silence(desk);
    let kept = desk.cmd(["partials", "list", "--json"]).succeeds().json_line();
    assert!(kept["verified"].as_u64().unwrap() >= 8 * MIB as u64, "{kept}");
    assert!(!scene.share().join("big").exists());
    let again = scene.put("big", "desk:").arg("--json").succeeds().json();
    let resumed = again.iter().find(|event| event["event"] == "resumed").unwrap();
    assert_eq!(resumed["held"], kept["verified"]);
    assert_eq!(fs::read(scene.share().join("big")).unwrap(), random(2, 32 * MIB));
    assert!(partials(scene.stops().share()).is_empty());
}

/// A get of a big file that stands still.
fn held_get(scene: &Scene) -> (Running, Linkbox) {
    scene.shares("big", random(3, 64 * MIB));
    let line = scene.line();
    line.stall_after(Way::Down, 12 * MIB as u64);
    let get = scene.get("desk:big", ".").args(["--json", "--lanes", "1"]).spawn();
    line.wait_until_passed(Way::Down, 12 * MIB as u64);
    (get, line)
}

fn assert_got_later(scene: &Scene, ended: Running) {
    let done = ended.wait().exits_with(5);
    let failed = done.json().into_iter().find(|event| event["event"] == "failed").unwrap();
    assert_eq!((&failed["code"], &failed["text"]), (&json!("refused"), &json!(ENDED)));
    let again = scene.get("desk:big", ".").args(["--json", "--lanes", "1"]).succeeds().json();
    let resumed = again.iter().find(|event| event["event"] == "resumed").unwrap();
    assert!(resumed["held"].as_u64().unwrap() >= 8 * MIB as u64, "{resumed}");
    assert_eq!(scene.laptop.read("big"), random(3, 64 * MIB));
}

#[test]
fn a_get_that_is_ended_gets_its_block_off_first_and_then_hears_so() {
    let scene = Scene::new();
    let desk = scene.desk.machine();
    let (get, line) = held_get(&scene);
    let call = wait_for_call(desk, |call| call["doing"] == "get big");
    end(desk, &call);
    line.resume(Way::Down);
    assert_got_later(&scene, get);
}

#[test]
fn a_get_whose_line_takes_nothing_is_cut_and_hears_why_when_it_dials_again() {
    let scene = Scene::new();
    let desk = scene.desk.machine();
    let (get, line) = held_get(&scene);
    // Until the server can't get another byte off, its last word could still go on the line that stands.
    let full = |call: &Value| call["bytes_out"].as_u64().unwrap() >= 12 * MIB as u64 && call["rate_out"] == 0;
    let call = wait_for_call(desk, full);
    end(desk, &call);
    wait_for_silence(desk);
    line.resume(Way::Down);
    assert_got_later(&scene, get);
    assert_eq!(line.calls(), 3, "once more for the word, and once for the second command");
}

#[test]
fn ending_a_lane_ends_its_copy() {
    let scene = Scene::new();
    let desk = scene.desk.machine();
    scene.laptop.write("big", random(4, 64 * MIB));
    let line = scene.line();
    line.slow(Way::Up, 4 * MIB as u64, 1);
    let put = scene.put("big", "desk:").args(["--lanes", "3"]).spawn();
    let lane = wait_for_call(desk, |call| call["doing"] == "carry a part of a copy");
    end(desk, &lane);
    let _ = put.wait().exits_with(5).stderr_has(ENDED);
    line.full_speed(Way::Up);
    let _ = scene.put("big", "desk:").succeeds();
}

/// A call of the laptop's that has asked for one listing.
fn idle_call(desk: &Serving, laptop: &Machine) -> Raw {
    let mut line = Raw::open(desk.addr(), &identity_of(laptop), "files");
    line.say(message(r#"{"list":{"path":""}}"#));
    assert!(line.hear_message().unwrap()["entries"].is_object());
    line
}

#[test]
fn an_idle_call_is_told_too_and_then_ends() {
    let scene = Scene::new();
    let desk = scene.desk.machine();
    let mut line = idle_call(&scene.desk, &scene.laptop);
    let call = wait_for_call(desk, |call| call["doing"] == "idle");
    end(desk, &call);
    assert_eq!(line.hear_message(), Some(json!({"error": {"code": "refused", "text": ENDED}})));
    assert_eq!(line.hear_message(), None);
    drop(line);
    scene.laptop.cmd(["ls", "desk:"]).succeeds(); // it may call again
}

#[test]
fn the_owners_calls_are_told_as_such() {
    let scene = Scene::new();
    let desk = scene.desk.machine();
    let watching = desk.cmd(["who", "--watch", "--json"]).spawn();
    let call = wait_for_call(desk, |call| call["doing"] == "idle");
    assert_eq!(
        (&call["user"], &call["from"], &call["service"]),
        (&json!("the owner"), &json!("unix"), &json!("admin"))
    );
    assert_eq!((&call["label"], &call["fingerprint"]), (&json!(""), &Value::Null));
    end(desk, &call);
    let _ = watching.wait().exits_with(5).stderr_has(ENDED);
}

#[test]
fn watching_shows_a_set_each_second_until_ctrl_c() {
    let scene = Scene::new();
    let line = idle_call(&scene.desk, &scene.laptop);
    let watching = scene.desk.machine().cmd(["who", "--watch", "--json"]).spawn();
    watching.wait_for_stdout("}\n{");
    watching.sigint();
    let rows = watching.wait().exits_with(130).json();
    let shown: Vec<&Value> = rows.iter().filter(|row| row["service"] == "files").collect();
    assert!(shown.len() >= 2 && shown[0]["call"] == shown[1]["call"], "{rows:?}");
    drop(line);
}

#[test]
fn watching_on_a_terminal_draws_over_what_was_there() {
    if !needs("script") {
        return;
    }
    let scene = Scene::new();
    let people = Office::new("/bin/sh");
    let line = idle_call(&scene.desk, &scene.laptop);
    let desk = scene.desk.machine();
    let typed = format!("stty cols 160; exec {BIN} --home {} who --watch", desk.home().display());
    let command = people.machine("ann").cmd(["-c", "exec script -qec \"$TYPED\" /dev/null"]);
    let command = command.env("TYPED", typed).env("TERM", "xterm").env("XDG_RUNTIME_DIR", desk.runtime());
    let mut watching = command.stdin_open().spawn();
    watching.wait_for_stdout("idle\u{1b}[K\r\n\u{1b}[J\u{1b}[H");
    watching.say("\u{3}");
    let _ = watching.wait().exits_with(130).stdout_has("CALL  USER");
    drop(line);
}

#[test]
fn without_such_a_call_or_a_server_it_says_so() {
    let office = Office::new(BIN);
    let serving = office.machine("desk").serve();
    let desk = serving.machine().clone();
    desk.cmd(["who", "--end", "4711"]).fails_with(8).stderr_has("no call has the number 4711");
    let _ = desk.cmd(["who", "--end", "1", "--watch"]).fails_with(2);
    let _ = serving.stops();
    let said = |command: &[&str]| {
        let done = desk.cmd(command.iter().copied()).fails_with(4);
        String::from_utf8_lossy(done.stderr_bytes()).into_owned()
    };
    assert_eq!(said(&["who"]), said(&["invite"]));
    assert_eq!(said(&["who", "--end", "1"]), said(&["invite"]));
}

#[test]
fn what_is_printed_is_what_the_page_says() {
    let scene = Scene::new();
    let desk = scene.desk.machine();
    let line = idle_call(&scene.desk, &scene.laptop);
    let call = wait_for_call(desk, |call| call["doing"] == "idle");
    let number = call["call"].as_u64().unwrap().to_string();
    agrees("who", &[call, desk.cmd(["who", "--end", &number, "--json"]).succeeds().json_line()]);
    drop(line);
}
