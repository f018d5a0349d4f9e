//! Exit codes: each number of decision 16, by a real run that ends with it. (`exec`, and with it 255, comes later.)

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread;

use landline_testkit::{Cmd, Done, Office};
use rustix::fs::{FlockOperation, fcntl_lock};
use serde_json::Value;

use crate::scene::{BIN, Scene};

/// Ends with `code`, which its object must name too; answers with that object.
fn fails_in_both_tongues(command: Cmd, code: i32, word: &str) -> Value {
    let done = command.arg("--json").fails_with(code).stderr_has("error: ");
    let error = last_error(&done);
    assert_eq!((error["exit"].as_i64(), error["code"].as_str()), (Some(code.into()), Some(word)), "{done}");
    error
}

fn last_error(done: &Done) -> Value {
    let mut objects = done.json();
    objects.pop().unwrap_or_default()["error"].take()
}

#[test]
fn done_is_0_and_no_is_1() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    let _ = machine.cmd(["key", "show"]).succeeds();
    let _ = machine.cmd(["doctor"]).succeeds();
    fs::set_permissions(machine.home().join("key"), fs::Permissions::from_mode(0o644)).unwrap();
    let _ = machine.cmd(["doctor"]).fails_with(1).stdout_has("\nbad   key");
    let found = machine.cmd(["doctor", "--json"]).fails_with(1).json();
    assert!(found.iter().any(|one| one["level"] == "bad" && one["fix"].is_string()), "{found:?}");
}

#[test]
fn what_cannot_be_meant_is_2() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    let no_arguments: [&str; 0] = [];
    let _ = machine.cmd(no_arguments).fails_with(2).stderr_has("Usage: landline");
    for arguments in [
        &["put"][..],
        &["ls", "desk"],
        &["ls", "desk:../x"],
        &["put", "a", "Desk:"],
        &["put", "desk:a", "."],
        &["join", "127.0.0.1:70000"],
        &["join", "127.0.0.1"],
        &["serve"],
        &["serve", ".", "--grace", "86401"],
        &["put", "--exclude", "[", "a", "desk:"],
    ] {
        let _ = fails_in_both_tongues(machine.cmd(arguments), 2, "usage");
    }
    assert_eq!(fs::read_dir(machine.work()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn some_of_it_is_3_and_none_of_it_is_the_code_of_the_first_failure() {
    let scene = Scene::new();
    scene.laptop.write("a", "a");
    scene.laptop.write("b", "b");
    scene.shares("b/in-the-way", "x");
    let done = scene.laptop.cmd(["put", "a", "b", "desk:", "--json"]).fails_with(3).json();
    assert_eq!((done.last().unwrap()["files"].as_u64(), done.last().unwrap()["failed"].as_u64()), (Some(1), Some(1)));
    let _ = scene.laptop.cmd(["put", "b", "desk:"]).fails_with(9);
    let some = scene.laptop.cmd(["stat", "desk:nope", "desk:a", "--json"]).fails_with(3).json();
    assert_eq!((some[0]["error"]["exit"].as_u64(), some[1]["name"].as_str()), (Some(8), Some("a")));
    let _ = scene.laptop.cmd(["stat", "desk:nope", "desk:nor-this"]).fails_with(8);
}

#[test]
fn nobody_there_is_4() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    let error = fails_in_both_tongues(machine.cmd(["ls", "localhost:"]), 4, "unreachable");
    assert!(error["hint"].as_str().unwrap().contains("landline serve"), "{error}");
    let (_bound, taken) = deaf_port();
    let join = machine.cmd(["join", &taken.to_string(), "--code", "1-abandon-zoo"]);
    let error = fails_in_both_tongues(join, 4, "unreachable");
    assert!(error["hint"].as_str().unwrap().contains("the code was not used"), "{error}");
    assert!(!error["hint"].as_str().unwrap().contains("contacts address"), "there is no contact yet: {error}");
}

/// A port that is taken, so that nobody else can come to listen on it, and at which nobody listens.
fn deaf_port() -> (OwnedFd, SocketAddr) {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
    let bound = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&bound, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = getsockname(&bound).unwrap().try_into().unwrap();
    (bound, address)
}

#[test]
fn no_is_5() {
    let scene = Scene::serving_with(&["--read-only"]);
    scene.shares("a", "a");
    let error = fails_in_both_tongues(scene.laptop.cmd(["rm", "desk:a"]), 5, "refused");
    assert_eq!(error["reason"], "read-only");
    let _ = scene.desk.machine().cmd(["key", "revoke", &fingerprint(&scene)]).succeeds();
    let error = fails_in_both_tongues(scene.laptop.cmd(["ls", "desk:"]), 5, "refused");
    assert_eq!(error["reason"], "refused");
}

fn fingerprint(scene: &Scene) -> String {
    let own = scene.laptop.cmd(["key", "show", "--json"]).succeeds().json_line();
    own["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn a_damaged_key_is_6() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    let _ = machine.cmd(["key", "show"]).succeeds();
    fs::write(machine.home().join("key"), "-----BEGIN PRIVATE KEY-----\nnot one\n").unwrap();
    let _ = fails_in_both_tongues(machine.cmd(["key", "show"]), 6, "integrity");
}

#[test]
fn no_room_for_the_output_is_7() {
    let scene = Scene::new();
    scene.shares("a", "a");
    let people = Office::new("/bin/sh");
    for command in ["cat desk:a", "ls desk:", "key show", "completions bash"] {
        let typed = format!("exec {BIN} --home '{}' {command} > /dev/full", scene.laptop.home().display());
        let _ = people
            .machine("ann")
            .cmd(["-c", &typed])
            .fails_with(7)
            .stderr_has("error: cannot write to standard output");
    }
}

#[test]
fn nothing_of_that_name_is_8_and_something_in_the_way_is_9() {
    let scene = Scene::new();
    scene.shares("a", "a");
    scene.shares("b", "b");
    let error = fails_in_both_tongues(scene.laptop.cmd(["stat", "desk:nope"]), 8, "not-found");
    assert_eq!(error["reason"], "not-found");
    let error = fails_in_both_tongues(scene.laptop.cmd(["ls", "dask:"]), 8, "not-found");
    assert_eq!(error["hint"], "did you mean desk?");
    let error = fails_in_both_tongues(scene.laptop.cmd(["mv", "desk:a", "desk:b"]), 9, "conflict");
    assert!(error["hint"].as_str().unwrap().contains("--force"), "{error}");
    let _ = fails_in_both_tongues(scene.desk.machine().cmd(["serve", "."]), 9, "conflict");
}

#[test]
fn a_database_that_another_process_holds_is_10() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    let _ = machine.cmd(["contacts"]).succeeds();
    let file = fs::File::options().read(true).write(true).open(machine.home().join("landline.db")).unwrap();
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).unwrap(); // what SQLite itself locks with
    let _ = fails_in_both_tongues(machine.cmd(["contacts"]), 10, "timed-out");
}

#[test]
fn a_program_that_does_not_speak_the_protocol_is_70() {
    let office = Office::new(BIN);
    let machine = office.machine("desk");
    let error = last_error(&machine.cmd(["ls", "localhost:", "--json"]).fails_with(4));
    let socket = error["text"].as_str().unwrap().rsplit(' ').next().map(PathBuf::from).unwrap();
    fs::DirBuilder::new().recursive(true).mode(0o700).create(socket.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    let stranger = thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        drop(caller.write_all(&[2, 0, 0, 1, b'x'])); // data, where an answer is due
        caller
    });
    let _ = fails_in_both_tongues(machine.cmd(["ls", "localhost:"]), 70, "internal");
    drop(stranger.join().unwrap());
}

#[test]
fn ctrl_c_and_sigterm_are_130() {
    let scene = Scene::new();
    for interrupt in [true, false] {
        let waiting = scene.desk.machine().cmd(["invite", "--wait"]).spawn();
        waiting.wait_for_stderr("type the code");
        if interrupt {
            waiting.sigint()
        } else {
            waiting.sigterm()
        }
        let _ = waiting.wait().exits_with(130).stderr_has("error: stopped");
    }
}
