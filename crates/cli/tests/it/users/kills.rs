//! The server is killed in every administrative change: what it acknowledged is there, what it did not is whole or not there.

use super::House;
use crate::scene::serve;

#[test]
fn a_killed_server_never_loses_an_acknowledged_change() {
    let house = House::new();
    let desk = house.desk.machine().clone();
    let changes: [&[&str]; 8] = [
        &["add", "amy", "--quota", "1M"],
        &["grant", "amy", "read", "/pub"],
        &["quota", "amy", "2M"],
        &["revoke", "amy", "write", "~"],
        &["add", "bob"],
        &["grant", "bob", "admin"],
        &["remove", "bob"],
        &["grant", "amy", "admin"],
    ];
    let mut server = house.desk;
    for words in changes {
        desk.cmd(["user"]).args(words).succeeds();
        server.sigkill();
        let _ = server.wait();
        server = serve(&desk, &[]);
    }
    let told = desk.cmd(["user", "show", "amy", "--json"]).succeeds().json_line();
    let grants: Vec<&str> = told["grants"].as_array().unwrap().iter().map(|grant| grant.as_str().unwrap()).collect();
    assert_eq!(grants, ["admin", "files:read /pub", "files:read ~"]);
    assert_eq!(told["quota"].as_u64(), Some(2 << 20));
    desk.cmd(["user", "show", "bob"]).fails_with(8);
    assert!(!desk.cmd(["doctor"]).run().stdout_bytes().is_empty());
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
