//! Settings: where each comes from, and what is said of one that can't be.

use std::fs;

use landline_testkit::{Machine, Office};
use serde_json::Value;

fn machine() -> (Office, Machine) {
    let office = Office::new(env!("CARGO_BIN_EXE_landline"));
    let machine = office.machine("desk");
    (office, machine)
}

fn write_config(machine: &Machine, text: &str) {
    let _ = machine.cmd(["key", "show"]).succeeds(); // makes the home
    fs::write(machine.home().join("config.toml"), text).unwrap();
}

fn setting(shown: &[Value], key: &str) -> (Value, String) {
    let found = shown.iter().find(|object| object["key"] == key).unwrap();
    (found["value"].clone(), found["origin"].as_str().unwrap().to_owned())
}

#[test]
fn a_flag_wins_over_the_environment_the_environment_over_the_file_and_each_value_knows_its_origin() {
    let (_office, machine) = machine();
    write_config(&machine, "grace_seconds = 7\ncode_minutes = 3\nread_only = true\n");
    let shown = machine
        .cmd(["config", "show", "--json", "--grace", "9"])
        .env("LANDLINE_GRACE", "8")
        .env("LANDLINE_CODE_MINUTES", "4")
        .succeeds()
        .json();
    assert_eq!(setting(&shown, "grace_seconds"), (9.into(), "flag".to_owned()));
    assert_eq!(setting(&shown, "code_minutes"), (4.into(), "environment".to_owned()));
    assert_eq!(setting(&shown, "read_only"), (true.into(), "file".to_owned()));
    assert_eq!(setting(&shown, "log").1, "default");
    assert_eq!(setting(&shown, "listen").0, serde_json::json!(["tcp://*:5463"]));
}

#[test]
fn what_config_show_prints_can_be_read_back() {
    let (_office, machine) = machine();
    let shown = machine.cmd(["config", "show", "--grace", "12"]).succeeds();
    let text = String::from_utf8(shown.stdout_bytes().to_vec()).unwrap();
    let usable: String = text.lines().filter(|line| !line.contains("(not set)")).map(|l| format!("{l}\n")).collect();
    write_config(&machine, &usable);
    let again = machine.cmd(["config", "show", "--json"]).succeeds().json();
    assert_eq!(setting(&again, "grace_seconds"), (12.into(), "file".to_owned()));
}

#[test]
fn an_unknown_key_and_a_wrong_value_are_errors_that_name_the_line() {
    let (_office, machine) = machine();
    write_config(&machine, "read_only = false\nlissten = [\"tcp://*:1\"]\n");
    let _ = machine.cmd(["config", "check"]).fails_with(2).stderr_has("lissten").stderr_has("2");
    let _ = machine.cmd(["ls", "localhost:"]).run().never_says("panicked");
    write_config(&machine, "listen = [\"tcp://*:70000\"]\n");
    let _ = machine.cmd(["config", "check"]).fails_with(2).stderr_has("70000");
    write_config(&machine, "grace_seconds = 1\n");
    let sound = machine.cmd(["config", "check", "--json"]).succeeds().json_line();
    assert_eq!(sound["sound"], true);
}

#[test]
fn the_example_that_is_shipped_is_sound_and_holds_the_defaults() {
    let (_office, machine) = machine();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.example.toml");
    let _ = machine.cmd(["config", "check", example]).succeeds();
    let defaults = machine.cmd(["config", "show", "--json"]).succeeds().json();
    write_config(&machine, &fs::read_to_string(example).unwrap());
    for object in machine.cmd(["config", "show", "--json"]).succeeds().json() {
        let key = object["key"].as_str().unwrap().to_owned();
        assert_eq!(setting(&defaults, &key).0, object["value"], "{key}");
    }
}
