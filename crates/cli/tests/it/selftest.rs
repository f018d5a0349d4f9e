//! `landline selftest`: what it finds, what it leaves behind, how it is repeated.

use std::fs;

use landline_testkit::Office;
use serde_json::Value;

use crate::scene::BIN;

fn kinds(told: &[Value]) -> Vec<&str> {
    let kinds = told.iter().filter(|object| object["event"] == "kind");
    kinds.map(|object| object["kind"].as_str().unwrap()).collect()
}

#[test]
fn a_sound_machine_passes_and_two_machines_of_the_test_call_each_other() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    let _ = machine.cmd(["key", "show"]).succeeds();
    let told = machine.cmd(["selftest", "--json"]).succeeds().json();
    let checks: Vec<_> =
        told.iter().map(|check| (check["check"].as_str().unwrap(), check["level"].as_str().unwrap())).collect();
    for check in ["state", "key", "database", "clock", "call"] {
        assert!(checks.contains(&(check, "ok")), "{check}: {told:?}");
    }
    let names = fs::read_dir(machine.home()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.contains("selftest")).count(), 0);
}

#[test]
fn every_promise_holds_when_things_are_killed_cut_and_fail_and_nothing_is_left() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    let disk = machine.work().join("disk");
    fs::create_dir(&disk).unwrap();
    let test = ["selftest", "--faults", "--points", "1", "--seed", "5", "--json"];
    let told = machine.cmd(test).arg(&disk).succeeds().json();
    for kind in ["put-client-killed", "put-server-killed", "put-line-cut", "get-client-killed", "get-server-killed"] {
        assert!(kinds(&told).contains(&kind), "{kind}: {told:?}");
    }
    for kind in ["disk-create", "disk-write", "disk-sync", "disk-rename", "get-line-cut"] {
        assert!(kinds(&told).contains(&kind), "{kind}: {told:?}");
    }
    let done = told.last().unwrap();
    assert_eq!((&done["event"], &done["broken"], &done["seed"]), (&"done".into(), &0.into(), &5.into()));
    let repeat = done["repeat"].as_str().unwrap();
    assert!(repeat.starts_with("landline selftest --faults ") && repeat.ends_with(" --seed 5 --points 1"), "{repeat}");
    assert_eq!(fs::read_dir(&disk).unwrap().count(), 0, "the folder of the test is gone");
}

#[test]
fn people_get_a_line_for_each_kind_and_a_sum() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    let done = machine.cmd(["selftest", "--faults", "--points", "1"]).succeeds();
    done.stdout_has("ok    the disk fails at writing ")
        .stdout_has("ok    sending, the receiver is killed                 1 point\n")
        .stderr_has("every file was the old one or the new one, and the next try completed\n");
}

#[test]
fn a_disk_that_is_not_there_and_points_without_faults_are_refused() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    let _ = machine.cmd(["selftest", "--faults", "missing"]).fails_with(8).stderr_has("error: cannot test missing: ");
    let _ = machine.cmd(["selftest", "--points", "3"]).fails_with(2);
    let _ = machine.cmd(["selftest", "--faults", "--points", "0"]).fails_with(2);
}

#[test]
fn a_test_that_is_stopped_removes_its_folder_and_leaves_nothing_running() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    let disk = machine.work().join("disk");
    fs::create_dir(&disk).unwrap();
    let running = machine.cmd(["selftest", "--faults", "--points", "1000", "--json"]).arg(&disk).spawn();
    running.wait_for_stdout("\"kind\":\"disk-create\"");
    running.sigint();
    let _ = running.wait().exits_with(130);
    assert_eq!(fs::read_dir(&disk).unwrap().count(), 0);
}
