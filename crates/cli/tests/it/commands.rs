//! The commands about this machine itself, and what all commands have in common.

use landline_testkit::{Linkbox, Office, Way};
use serde_json::json;

use crate::scene::Scene;

#[test]
fn contacts_are_listed_renamed_readdressed_and_removed() {
    let scene = Scene::new();
    let laptop = &scene.laptop;
    let listed = laptop.cmd(["contacts", "list", "--json"]).succeeds().json_line();
    assert_eq!(listed["name"], "desk");
    assert_eq!(listed["keys"][0], scene.desk.fingerprint());
    let _ = laptop.cmd(["contacts", "rename", "desk", "bureau"]).succeeds();
    let _ = laptop.cmd(["ls", "desk:"]).fails_with(8).stderr_has("no contact called desk").stderr_has("bureau");
    let _ = laptop.cmd(["ls", "bureau:"]).succeeds();
    let _ = laptop.cmd(["contacts", "rename", "bureau", "localhost"]).fails_with(2);
    let _ = laptop.cmd(["contacts", "address", "bureau", "127.0.0.1:70000"]).fails_with(2).stderr_has("65535");
    let line = Linkbox::to(scene.desk.addr());
    let _ = laptop.cmd(["contacts", "address", "bureau", &line.address().to_string()]).succeeds();
    let _ = laptop.cmd(["ls", "bureau:"]).succeeds();
    assert!(line.passed(Way::Up) > 0, "the new address is the one that is dialled");
    let _ = laptop.cmd(["contacts", "remove", "bureau"]).succeeds();
    let _ = laptop.cmd(["contacts", "remove", "bureau"]).fails_with(8);
    let _ = laptop.cmd(["contacts", "list"]).succeeds().stdout("");
}

#[test]
fn keys_are_shown_and_listed_by_what_people_compare() {
    let scene = Scene::new();
    let own = scene.laptop.cmd(["key", "show", "--json"]).succeeds().json_line();
    let enrolled = scene.desk.machine().cmd(["key", "list", "--json"]).succeeds().json_line();
    assert_eq!(enrolled["fingerprint"], own["fingerprint"]);
    assert_eq!(enrolled["user"], "friends");
    let _ = scene.laptop.cmd(["key", "list"]).succeeds().stdout("").stderr_has("landline invite");
    let _ = scene.desk.machine().cmd(["key", "revoke", "nobody"]).fails_with(8).stderr_has("landline key list");
}

#[test]
fn doctor_says_what_is_well_what_is_not_and_how_to_mend_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let office = Office::new(env!("CARGO_BIN_EXE_landline"));
    let machine = office.machine("desk");
    let _ = machine.cmd(["key", "show"]).succeeds(); // makes the home
    let found = machine.cmd(["doctor", "--json"]).succeeds().json();
    let level = |check: &str| found.iter().find(|one| one["check"] == check).map(|one| one["level"].clone());
    assert_eq!((level("key"), level("database")), (Some(json!("ok")), Some(json!("ok"))));
    assert_eq!(level("server"), Some(json!("warn")), "{found:?}");
    let key = machine.home().join("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let _ = machine.cmd(["doctor"]).fails_with(1).stdout_has("bad").stdout_has("chmod 600");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let serving = machine.serve();
    let _ = machine.cmd(["doctor"]).succeeds().stdout_has("127.0.0.1");
    drop(serving);
}

#[test]
fn the_manual_lists_every_exit_code_and_every_command() {
    let office = Office::new(env!("CARGO_BIN_EXE_landline"));
    let machine = office.machine("desk");
    let page = machine.cmd(["man"]).succeeds();
    let text = String::from_utf8(page.stdout_bytes().to_vec()).unwrap();
    assert!(text.contains("EXIT STATUS"));
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 70, 130] {
        assert!(text.lines().any(|line| line.trim_start_matches(r"\fB").starts_with(&code.to_string())), "{code}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let _ = machine.cmd(["completions", shell]).succeeds().stdout_has("landline");
    }
    let _ = machine.cmd(["completions", "clippy"]).fails_with(2);
}

#[test]
fn an_error_is_words_for_people_and_an_object_for_programs() {
    let scene = Scene::new();
    let failed = scene.laptop.cmd(["ls", "--json", "nobody:"]).fails_with(8);
    let failed = failed.stderr_has("error: there is no contact called nobody").stderr_has("hint: ");
    let error = failed.json_line()["error"].clone();
    assert_eq!((error["code"].clone(), error["exit"].clone()), (json!("not-found"), json!(8)));
    for wrong in [&["put", "a", "b"][..], &["get", "a"], &["frobnicate"], &["serve", "x", "--listen", "h:70000"]] {
        let _ = scene.laptop.cmd(wrong).fails_with(2);
    }
}

#[test]
fn quiet_leaves_the_data_and_the_errors_and_nothing_else() {
    let scene = Scene::new();
    scene.shares("a", "hello");
    scene.laptop.write("b", "b");
    let _ = scene.laptop.cmd(["put", "--quiet", "b", "desk:"]).succeeds().stdout("").stderr("");
    let _ = scene.laptop.cmd(["cat", "--quiet", "desk:a"]).succeeds().stdout("hello").stderr("");
    let _ = scene.laptop.cmd(["cat", "--quiet", "desk:none"]).fails_with(8).stderr_has("error: ");
}

#[test]
fn a_reader_that_leaves_ends_the_command_quietly() {
    let scene = Scene::new();
    scene.shares("big", vec![b'x'; 4 << 20]);
    let listing = format!("{} cat desk:big | head -c 1; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_landline"));
    let done = std::process::Command::new("bash")
        .args(["-c", &listing])
        .env("LANDLINE_HOME", scene.laptop.home())
        .env("XDG_RUNTIME_DIR", scene.laptop.runtime())
        .output()
        .unwrap();
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(0), &b"x"[..]));
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
}

#[test]
fn a_full_output_device_is_no_space() {
    let scene = Scene::new();
    scene.shares("a", "hello");
    let full = format!("{} cat desk:a >/dev/full", env!("CARGO_BIN_EXE_landline"));
    let done = std::process::Command::new("bash")
        .args(["-c", &full])
        .env("LANDLINE_HOME", scene.laptop.home())
        .env("XDG_RUNTIME_DIR", scene.laptop.runtime())
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(7), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn what_nothing_answers_is_unreachable_and_says_what_was_tried() {
    let scene = Scene::new();
    let gone = scene.desk.addr();
    let laptop = scene.laptop.clone();
    let _folders = scene.stops();
    let _ = laptop.cmd(["ls", "desk:"]).fails_with(4).stderr_has(&gone.port().to_string());
    let _ = laptop.cmd(["ls", "localhost:"]).fails_with(4).stderr_has("landline serve");
}
