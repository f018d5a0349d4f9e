//! From afar by an admin; and while no server runs.

use super::House;
use crate::scene::BIN;

use landline_testkit::Office;

#[test]
fn an_admin_manages_users_from_afar_and_nobody_else_does() {
    let house = House::new();
    let (root, amy) = (house.added("root", &["admin"]), house.added("amy", &["files", "/"]));
    root.cmd(["user", "--at", "desk", "add", "bob", "read", "/pub"]).succeeds();
    root.cmd(["user", "--at", "desk", "quota", "bob", "1M"]).succeeds();
    root.cmd(["user", "--at", "desk", "add", "cat", "--no-home", "read", "/pub"]).succeeds();
    root.cmd(["user", "--at", "desk", "home", "cat"]).succeeds().stderr_has("the paths of cat begin there");
    let told = root.cmd(["user", "show", "bob", "--at", "desk", "--json"]).succeeds().json_line();
    assert_eq!(told["quota"].as_u64(), Some(1 << 20));
    let code = root.cmd(["invite", "bob", "--at", "desk", "--json"]).succeeds().json_line();
    let bob = house.office.machine("bob");
    let code = bob.write("code", code["code"].as_str().unwrap());
    std::fs::set_permissions(&code, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    bob.cmd(["join", &house.desk.addr().to_string(), "--name", "desk", "--code-file"]).arg(&code).succeeds();
    bob.cmd(["mkdir", "desk:x"]).succeeds();
    for machine in [&amy, &bob] {
        for words in [
            &["user", "--at", "desk", "list"][..],
            &["invite", "--at", "desk"],
            &["user", "--at", "desk", "grant", "amy", "admin"],
        ] {
            machine.cmd(words).fails_with(5).stderr_has("no grant to manage this machine");
        }
    }
    let log = house.desk.machine().cmd(["audit", "-n", "1000", "--json"]).succeeds().json();
    let act = |word: &str| log.iter().find(|line| line["event"] == "admin" && line["request"] == word);
    let added = log.iter().find(|line| line["what"].as_str().is_some_and(|what| what.starts_with("bob: ")));
    assert_eq!(added.unwrap()["user"], "root", "who did it");
    assert_eq!(act("user quota").unwrap()["what"], "bob: 1048576");
    assert_eq!(act("user home").unwrap()["what"], "cat");
    // An admin has no files but his own.
    root.cmd(["ls", "desk:/"]).succeeds();
    root.cmd(["cat", "desk:/pub"]).fails();
    let key = bob.cmd(["key", "show"]).succeeds();
    let key = String::from_utf8(key.stdout_bytes().to_vec()).unwrap();
    amy.cmd(["key", "revoke", key.trim(), "--at", "desk"]).fails_with(5);
    root.cmd(["key", "revoke", &key[..9], "--at", "desk"]).fails_with(2);
    root.cmd(["key", "revoke", key.trim(), "--at", "desk"]).succeeds();
    bob.cmd(["ls", "desk:"]).fails_with(5);
    house.user(&["revoke", "root", "admin"]);
    root.cmd(["user", "--at", "desk", "list"]).fails_with(5);
}

#[test]
fn without_a_server_the_owner_changes_the_state_folder_itself() {
    let office = Office::new(BIN);
    let desk = office.machine("desk");
    desk.cmd(["user", "add", "amy", "--quota", "1M"]).succeeds();
    desk.cmd(["user", "grant", "amy", "read", "/pub"]).succeeds();
    desk.cmd(["user", "grant", "amy", "read", "/pub"]).succeeds().stderr_has("was so already");
    let told = desk.cmd(["user", "show", "amy", "--json"]).succeeds().json_line();
    assert_eq!(told["grants"][0], "files:read /pub");
    let server = desk.serve();
    let laptop = office.machine("laptop");
    laptop.joins_as(&server, "desk", Some("amy"));
    laptop.cmd(["mkdir", "desk:x"]).succeeds();
    let _ = server.stops();
    let removed = desk.cmd(["user", "remove", "amy", "--json"]).succeeds().json_line();
    let log = desk.cmd(["audit", "--json"]).succeeds().json();
    assert_eq!((&log.last().unwrap()["request"], &log.last().unwrap()["what"]), (&"user remove".into(), &"amy".into()));
    assert_eq!(removed["keys"].as_u64(), Some(1));
    assert!(std::path::Path::new(removed["home"].as_str().unwrap()).join("x").is_dir());
    assert!(!desk.home().join("homes/amy").exists());
}

#[test]
fn two_servers_on_one_state_folder_are_one_too_many() {
    let house = House::new();
    let desk = house.desk.machine();
    let second = desk.cmd(["serve"]).arg(desk.share()).args(["--listen", "tcp://127.0.0.1:0"]);
    second.fails_with(9).stderr_has("already serving");
    house.user(&["add", "amy"]); // the first goes on
}

#[test]
fn a_backup_of_a_serving_machine_is_that_machine() {
    let house = House::new();
    let amy = house.added("amy", &["--quota", "1M", "read", "/pub"]);
    let desk = house.desk.machine().clone();
    let copy = desk.work().join("copy");
    let told = desk.cmd(["backup"]).arg(&copy).arg("--json").succeeds().json_line();
    assert_eq!(told["fingerprint"].as_str(), Some(house.desk.fingerprint().as_str()));
    house.user(&["remove", "amy"]);
    let list = |home: &std::path::Path| desk.cmd(["--home"]).arg(home).args(["user", "show", "amy", "--json"]);
    assert_eq!(list(&copy).succeeds().json_line()["quota"].as_u64(), Some(1 << 20));
    list(&desk.home()).fails_with(8);
    desk.cmd(["backup"]).arg(&copy).fails_with(9).stderr_has("exist");
    drop(house.desk);
    // The copy serves in place of the original, and who knew that knows this.
    let again = desk.cmd(["--home"]).arg(&copy).arg("serve").arg(desk.share());
    let again = again.args(["--listen", "tcp://127.0.0.1:0", "--json"]).serving();
    amy.cmd(["contacts", "address", "desk", &again.addr().to_string()]).succeeds();
    amy.cmd(["mkdir", "desk:x"]).succeeds();
}
