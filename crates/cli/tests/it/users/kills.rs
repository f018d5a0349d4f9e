//! The server is killed in every administrative change: what it acknowledged is there, what it did not is whole or not there.

use serde_json::{Value, json};

use super::House;
use crate::scene::serve;

#[test]
fn a_killed_server_never_loses_an_acknowledged_change() {
    let house = House::new();
    let desk = house.desk.machine().clone();
    let changes: [&[&str]; 11] = [
        &["add", "amy", "--quota", "1M"],
        &["grant", "amy", "read", "/pub"],
        &["quota", "amy", "2M"],
        &["revoke", "amy", "write", "~"],
        &["passwd", "amy"],
        &["add", "bob"],
        &["grant", "bob", "admin"],
        &["remove", "bob"],
        &["add", "cat", "--no-home", "read", "/"],
        &["home", "cat"],
        &["grant", "amy", "admin"],
    ];
    let mut server = house.desk;
    for words in changes {
        desk.cmd(["user"]).args(words).env("LANDLINE_PASSWORD", "a password of hers").succeeds();
        server.sigkill();
        let _ = server.wait();
        server = serve(&desk, &[]);
    }
    let told = desk.cmd(["user", "show", "amy", "--json"]).succeeds().json_line();
    let grants: Vec<&str> = told["grants"].as_array().unwrap().iter().map(|grant| grant.as_str().unwrap()).collect();
    assert_eq!(grants, ["admin", "files:read /pub", "files:read ~"]);
    assert_eq!(told["quota"].as_u64(), Some(2 << 20));
    assert_eq!(told["password"], true);
    desk.cmd(["user", "show", "bob"]).fails_with(8);
    assert_eq!(desk.cmd(["user", "show", "cat", "--json"]).succeeds().json_line()["home"], true);
    let doctor = desk.cmd(["doctor"]).run();
    assert!(String::from_utf8_lossy(doctor.stdout_bytes()).contains("database  sound"), "{doctor:?}");
    // A code and a revocation, too.
    let amy = house.office.machine("amy");
    amy.joins_as(&server, "desk", Some("amy"));
    let code = desk.cmd(["invite", "amy", "--json"]).succeeds().json_line();
    server.sigkill();
    let _ = server.wait();
    server = serve(&desk, &[]);
    let phone = house.office.machine("phone");
    let file = phone.write("code", code["code"].as_str().unwrap());
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    phone.cmd(["join", &server.addr().to_string(), "--name", "desk", "--code-file"]).arg(&file).succeeds();
    let key = phone.cmd(["key", "show"]).succeeds();
    desk.cmd(["key", "revoke", String::from_utf8(key.stdout_bytes().to_vec()).unwrap().trim()]).succeeds();
    server.sigkill();
    let _ = server.wait();
    server = serve(&desk, &[]);
    phone.cmd(["contacts", "address", "desk", &server.addr().to_string()]).succeeds();
    phone.cmd(["ls", "desk:"]).fails_with(5);
}

/// Killed at once after each change was sent, acknowledged or not: each is there whole or not at all.
#[test]
fn a_change_that_was_not_acknowledged_is_whole_or_not_there() {
    let house = House::new();
    let desk = house.desk.machine().clone();
    let mut server = house.desk;
    for number in 0..8 {
        let name = format!("user{number}");
        let asking = desk.cmd(["user", "add", &name, "read", "/pub", "--quota", "1M"]).spawn();
        server.sigkill();
        let _ = server.wait();
        let acknowledged = asking.wait().code() == Some(0);
        server = serve(&desk, &[]);
        let told = desk.cmd(["user", "show", &name, "--json"]).run();
        match told.code() {
            Some(0) => {
                let told = told.json_line();
                assert_eq!(told["grants"].as_array().unwrap().len(), 3, "{told}");
                assert_eq!(told["quota"].as_u64(), Some(1 << 20));
            }
            code => assert!(!acknowledged && code == Some(8), "{code:?}, acknowledged: {acknowledged}"),
        }
    }
}

/// Each change, killed while it is made: as before or as after, and the next user of a name finds nothing of the last.
#[test]
fn each_change_that_is_killed_leaves_the_old_or_the_new() {
    let house = House::new();
    let desk = house.desk.machine().clone();
    let mut server = house.desk;
    let shown = |name: &str| {
        let told = desk.cmd(["user", "show", name, "--json"]).run();
        (told.code() == Some(0)).then(|| told.json_line())
    };
    let acts: [(&[&str], &str, Value); 6] = [
        (&["grant", "amy", "read", "/pub"], "/grants", json!(["files:read /pub", "files:read ~", "files:write ~"])),
        (&["revoke", "amy", "write", "~"], "/grants", json!(["files:read /pub", "files:read ~"])),
        (&["quota", "amy", "2M"], "/quota", json!(2 << 20)),
        (&["passwd", "amy"], "/password", json!(true)),
        (&["passwd", "amy", "--remove"], "/password", json!(false)),
        (&["remove", "amy"], "", Value::Null),
    ];
    desk.cmd(["user", "add", "amy"]).succeeds();
    let amy = house.office.machine("amy");
    amy.joins_as(&server, "desk", Some("amy"));
    amy.cmd(["mkdir", "desk:diary"]).succeeds();
    for (words, field, after) in acts {
        let before = shown("amy");
        let asking = desk.cmd(["user"]).args(words).env("LANDLINE_PASSWORD", "a password of hers").spawn();
        server.sigkill();
        let _ = server.wait();
        let acknowledged = asking.wait().code() == Some(0);
        server = serve(&desk, &[]);
        let now = shown("amy");
        let value =
            |user: &Option<Value>| user.as_ref().and_then(|user| user.pointer(field).cloned()).unwrap_or_default();
        let done = if field.is_empty() { now.is_none() } else { value(&now) == after };
        assert!(done || !acknowledged, "{words:?} was acknowledged: {now:?}");
        assert!(done || value(&now) == value(&before), "{words:?}: {now:?}");
        if !done {
            desk.cmd(["user"]).args(words).env("LANDLINE_PASSWORD", "a password of hers").succeeds();
        }
    }
    desk.cmd(["user", "add", "amy"]).succeeds();
    let next = house.office.machine("next");
    next.joins_as(&server, "desk", Some("amy"));
    assert_eq!(super::ls(&next, "desk:"), [""; 0]);
}

#[test]
fn a_damaged_database_is_found_by_doctor_and_nobody_is_let_in_by_it() {
    let house = House::new();
    house.user(&["add", "amy"]);
    let desk = house.desk.machine().clone();
    let _ = house.desk.stops();
    std::fs::write(desk.home().join("landline.db"), "this is no database ".repeat(500)).unwrap();
    desk.cmd(["doctor"]).fails_with(1).stdout_has("database");
    desk.cmd(["serve"]).arg(desk.share()).fails().stderr_has("landline.db");
}
