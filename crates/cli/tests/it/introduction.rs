//! Introductions: two machines that share nothing but a code, through the real binary.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use landline_testkit::{Cmd, Machine, Office, Serving, needs};
use serde_json::{Value, json};

use crate::raw;

mod codes;
mod strangers;

fn office() -> Office {
    Office::new(env!("CARGO_BIN_EXE_landline"))
}

/// A fresh code of a running server.
fn invited(desk: &Serving) -> String {
    let invitation = desk.machine().cmd(["invite", "--json"]).succeeds().json_line();
    invitation["code"].as_str().expect("an invitation has a code").to_owned()
}

/// The command by which `machine` joins, without the code.
fn join(machine: &Machine, desk: &Serving, name: &str) -> Cmd {
    machine.cmd(["join", &desk.addr().to_string(), "--name", name])
}

/// Other words for the same number.
fn wrong(code: &str) -> String {
    let (number, words) = code.split_once('-').unwrap();
    let others = if words == "zoo-zone" { "zone-zoo" } else { "zoo-zone" };
    format!("{number}-{others}")
}

/// One answer of the owner's service, asked in plain frames over its UNIX socket.
fn admin(desk: &Serving, request: &Value) -> Value {
    let mut line = UnixStream::connect(desk.socket()).unwrap();
    line.write_all(&[raw::opening("admin"), raw::message(request.to_string())].concat()).unwrap();
    line.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    line.read_to_end(&mut answer).unwrap();
    serde_json::from_slice(&answer[4..]).unwrap()
}

/// The numbers of the codes that are open.
fn open_codes(desk: &Serving) -> BTreeSet<u64> {
    let numbers = admin(desk, &json!({"status": {}}))["status"]["open_codes"].take();
    numbers.as_array().expect("a list").iter().filter_map(Value::as_u64).collect()
}

/// The number of a code, which is no secret.
fn number(code: &str) -> u64 {
    code.split_once('-').expect("a code").0.parse().expect("a number")
}

/// How many contacts a machine has.
fn contacts(machine: &Machine) -> Vec<Value> {
    machine.cmd(["contacts", "list", "--json"]).succeeds().json()
}

/// A folder in which the program has its usual name.
fn program(office: &Office) -> PathBuf {
    let folder = office.root().join("bin");
    fs::create_dir(&folder).unwrap();
    symlink(env!("CARGO_BIN_EXE_landline"), folder.join("landline")).unwrap();
    folder
}

#[test]
fn the_first_start_prints_a_command_and_a_code_that_work_on_the_other_machine_as_they_stand() {
    if !needs("script") {
        return;
    }
    let office = office();
    let mut desk = office.machine("desk").serve();
    let invitation = desk.wait_for_event(|event| event["event"] == "invitation");
    let (command, code) = (invitation["command"].as_str().unwrap(), invitation["code"].as_str().unwrap());
    desk.running().wait_for_stderr(&format!("  {command}\nand when it asks for the code, type:\n  {code}\n"));
    fs::write(desk.machine().share().join("hello"), "x").unwrap();

    let people = Office::new("/bin/sh");
    let path = format!("{}:{}", program(&office).display(), std::env::var("PATH").unwrap());
    let type_in = |line: &str| people.machine("ann").cmd(["-c", line]).env("PATH", &path);
    let mut terminal = type_in("exec script -qec \"$TYPED\" /dev/null").env("TYPED", command).stdin_open().spawn();
    terminal.wait_for_stdout("Code: ");
    terminal.say(format!("{code}\n"));
    let _ = terminal.wait().exits_with(0).stdout_has("Introduced: ").stdout_has(&desk.fingerprint());

    let told = desk.wait_for_event(|event| event["event"] == "introduced");
    assert!(told["fingerprint"].is_string(), "{told}");
    let name = command.split_once(" --name ").expect("the command names the machine").1;
    type_in(&format!("landline ls {name}:")).succeeds().stdout("hello\n");
}

#[test]
fn a_mistyped_word_is_noticed_before_the_other_machine_is_asked() {
    if !needs("script") {
        return;
    }
    let office = office();
    let desk = office.machine("desk").serve();
    let code = invited(&desk);
    let people = Office::new("/bin/sh");
    let join = format!("{} join {} --name desk", env!("CARGO_BIN_EXE_landline"), desk.addr());
    let typed = "exec script -qec \"$TYPED\" /dev/null";
    let mut terminal = people.machine("ann").cmd(["-c", typed]).env("TYPED", join).stdin_open().spawn();
    terminal.wait_for_stdout("Code: ");
    terminal.say("2-abandonn-zoo\n");
    terminal.wait_for_stdout("warning:");
    terminal.say(format!("{}\n", code.to_uppercase().replace('-', " ")));
    let _ = terminal.wait().exits_with(0).stdout_has("Introduced: desk");
}

#[test]
fn a_second_start_invites_nobody() {
    let office = office();
    let (desk, _laptop) = office.introduced();
    let machine = desk.machine().clone();
    let _ = desk.stops();
    let events = machine.serve().stops().json();
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["ready", "stopping", "stopped"]);
}

#[test]
fn a_code_is_taken_from_a_file_a_pipe_the_environment_or_an_argument() {
    let office = office();
    let desk = office.machine("desk").serve();
    let laptop = office.machine("by-file");
    let file = laptop.write("code", format!("{}\n", invited(&desk)));
    join(&laptop, &desk, "desk").arg("--code-file").arg(file).succeeds().stderr_has("desk is a contact now");
    type Given = fn(Cmd, &str) -> Cmd;
    let ways: [(&str, Given); 3] = [
        ("by-pipe", |cmd, code| cmd.args(["--code-file", "-"]).stdin(format!("  {}\n", code.replace('-', " ")))),
        ("by-environment", |cmd, code| cmd.env("LANDLINE_CODE", code)),
        ("by-argument", |cmd, code| cmd.args(["--code", code])),
    ];
    for (name, way) in ways {
        let machine = office.machine(name);
        way(join(&machine, &desk, "desk"), &invited(&desk)).succeeds();
        machine.cmd(["ls", "desk:"]).succeeds();
    }
    assert_eq!(desk.machine().cmd(["key", "list", "--json"]).succeeds().json().len(), 4);
}

#[test]
fn without_a_terminal_a_code_has_to_be_given() {
    let office = office();
    let desk = office.machine("desk").serve();
    let done = join(&office.machine("laptop"), &desk, "desk").fails_with(2);
    let _ = done.stderr_has("no code was given").stderr_has("--code-file").stderr_has("LANDLINE_CODE");
    let laptop = office.machine("laptop");
    let done = join(&laptop, &desk, "desk").args(["--code-file", "-"]).stdin("no code at all").fails_with(2);
    let _ = done.stderr_has("the code was not used").never_says("no code at all");
    join(&laptop, &desk, "desk").args(["--code-file", "missing"]).fails_with(8).stderr_has("missing");
}

#[test]
fn joining_twice_gives_one_contact_and_one_key() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let again = join(&laptop, &desk, "desk").env("LANDLINE_CODE", invited(&desk)).succeeds();
    let _ = again.stderr_has("Introduced again: desk was known already");
    assert_eq!(contacts(&laptop).len(), 1);
    assert_eq!(desk.machine().cmd(["key", "list", "--json"]).succeeds().json().len(), 1);
    let unnamed = laptop.cmd(["join", &desk.addr().to_string(), "--json"]).env("LANDLINE_CODE", invited(&desk));
    assert_eq!(unnamed.succeeds().json_line()["contact"], "desk", "it has a name already");
    laptop.cmd(["ls", "desk:"]).succeeds();
}

#[test]
fn a_name_that_means_another_machine_is_refused_before_the_code_is_used() {
    let office = office();
    let (_desk, laptop) = office.introduced();
    let attic = office.machine("attic").serve();
    let code = invited(&attic);
    let done = join(&laptop, &attic, "desk").env("LANDLINE_CODE", &code).fails_with(9);
    let _ = done.stderr_has("the name desk is taken by another machine").stderr_has("the code was not used");
    join(&laptop, &attic, "attic").env("LANDLINE_CODE", &code).succeeds();
    laptop.cmd(["ls", "desk:", "attic:"]).succeeds();
}

#[test]
fn without_a_name_a_free_one_is_found() {
    let office = office();
    let (desk, attic) = (office.machine("desk").serve(), office.machine("attic").serve());
    let laptop = office.machine("laptop");
    let mut names = Vec::new();
    for server in [&desk, &attic] {
        let join = laptop.cmd(["join", &server.addr().to_string(), "--json"]).env("LANDLINE_CODE", invited(server));
        names.push(join.succeeds().json_line()["contact"].as_str().unwrap().to_owned());
    }
    assert_eq!(names[1], format!("{}-2", names[0]), "both machines call themselves the same");
}

#[test]
fn an_introduction_needs_an_address_that_answers() {
    let office = office();
    let desk = office.machine("desk").serve();
    let gone = desk.addr().to_string();
    let _ = desk.stops();
    let laptop = office.machine("laptop");
    let done = laptop.cmd(["join", &gone, "--name", "desk"]).env("LANDLINE_CODE", "1-zoo-zone").fails_with(4);
    let _ = done.stderr_has("nothing answers at").stderr_has("hint: ");
    assert!(contacts(&laptop).is_empty());
    for wrong in ["desk:0", "unix:/run/x.sock", "*"] {
        laptop.cmd(["join", wrong, "--code", "1-zoo-zone"]).fails_with(2);
    }
}
