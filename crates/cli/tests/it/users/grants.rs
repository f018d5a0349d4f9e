//! Rights come and go, at once, and what was said wrong is told.

use std::fs;

use landline_testkit::{Linkbox, Way};

use super::{House, ls};

/// More than one line holds.
const BIG: usize = 64 << 20;

#[test]
fn users_are_added_listed_shown_and_removed() {
    let house = House::new();
    let desk = house.desk.machine().clone();
    desk.cmd(["user", "add", "amy", "read", "/pub", "--quota", "1G"]).succeeds().stderr_has("landline invite amy");
    let list = desk.cmd(["user", "list"]).succeeds();
    let list = String::from_utf8(list.stdout_bytes().to_vec()).unwrap();
    assert!(list.contains("amy      0 machines    files:read /pub, files:read ~, files:write ~"), "{list}");
    assert!(list.contains("friends"), "{list}");
    let _laptop = house.machine_of("amy");
    let told = house.told("amy");
    assert_eq!(
        (told["quota"].as_u64(), told["used"].as_u64(), told["machines"].as_u64()),
        (Some(1 << 30), Some(0), Some(1))
    );
    assert!(told["keys"][0]["fingerprint"].is_string());
    let shown = desk.cmd(["user", "show", "amy"]).succeeds();
    let shown = String::from_utf8(shown.stdout_bytes().to_vec()).unwrap();
    assert!(
        shown.starts_with("amy\n  home      0 B of 1.0 GiB\n  password  none\n  grants    files:read /pub\n"),
        "{shown}"
    );
    desk.cmd(["user", "remove", "amy"]).succeeds().stderr_has("1 machine may not call");
    desk.cmd(["user", "show", "amy"]).fails_with(8).stderr_has("no user \"amy\"");
}

#[test]
fn what_is_said_wrong_is_told_and_changes_nothing() {
    let house = House::new();
    let desk = house.desk.machine().clone();
    house.user(&["add", "amy"]);
    let before = house.told("amy");
    for (words, code, said) in [
        (&["add", "amy"][..], 9, "a user amy already"),
        (&["add", "Amy"], 2, "a-z (lower case)"),
        (&["add", "../x"], 2, "a-z (lower case)"),
        (&["add", "bob", "--no-home"], 2, "could do nothing"),
        (&["add", "bob", "read"], 2, "needs a path"),
        (&["add", "bob", "read", "/../x"], 2, "\"..\""),
        (&["add", "bob", "shell", "/"], 2, "unknown grant"),
        (&["add", "bob", "--quota", "much"], 2, "number"),
        (&["grant", "bob", "read", "/pub"], 8, "no user \"bob\""),
        (&["revoke", "amy", "read", "/pub"], 8, "has no grant"),
        (&["quota", "friends", "1G"], 9, "friends has none"),
        (&["home", "friends"], 9, "they share no home"),
        (&["home", "bob"], 8, "no user"),
        (&["remove", "friends"], 9, "stays"),
        (&["remove", "bob"], 8, "no user"),
    ] {
        desk.cmd(["user"]).args(words).fails_with(code).stderr_has(said);
    }
    assert_eq!(house.told("amy"), before);
    desk.cmd(["invite", "bob"]).fails_with(8).stderr_has("no user \"bob\"");
}

#[test]
fn a_right_that_is_taken_ends_at_once_also_in_the_middle_of_a_copy() {
    let house = House::new();
    fs::create_dir_all(house.share().join("pub")).unwrap();
    fs::write(house.share().join("pub/big"), vec![7; BIG]).unwrap();
    let amy = house.added("amy", &["read", "/pub"]);
    let line = Linkbox::to(house.desk.addr());
    amy.dials_through("desk", &line);
    line.stall_after(Way::Down, 4 << 20);
    let slow = amy.cmd(["get", "desk:/pub/big", "big", "--reconnect", "0", "--lanes", "1"]).spawn();
    line.wait_until_passed(Way::Down, 4 << 20);
    let revoked = house.desk.machine().cmd(["user", "revoke", "amy", "read", "/pub", "--json"]).succeeds().json_line();
    assert_eq!((revoked["changed"].as_bool(), revoked["cut"].as_u64()), (Some(true), Some(1)));
    line.resume(Way::Down);
    let _ = slow.wait().exits_with(4);
    assert!(!amy.work().join("big").exists());
    amy.cmd(["cat", "desk:/pub/big"]).fails();
    house.user(&["grant", "amy", "read", "/pub"]);
    amy.cmd(["get", "desk:/pub/big", "big"]).succeeds();
    assert_eq!(amy.read("big").len(), BIG);
}

#[test]
fn a_lost_laptop_is_cut_off_in_the_middle_of_a_copy_and_the_other_machine_stays() {
    let house = House::new();
    let (laptop, phone) = (house.added("amy", &[]), house.another_of("amy", "phone"));
    laptop.write("big", vec![7; BIG]);
    let line = Linkbox::to(house.desk.addr());
    laptop.dials_through("desk", &line);
    line.stall_after(Way::Up, 4 << 20);
    let slow = laptop.cmd(["put", "big", "desk:", "--reconnect", "0", "--lanes", "1"]).spawn();
    line.wait_until_passed(Way::Up, 4 << 20);
    let key = laptop.cmd(["key", "show"]).succeeds();
    let key = String::from_utf8(key.stdout_bytes().to_vec()).unwrap();
    house.desk.machine().cmd(["key", "revoke", key.trim()]).succeeds().stderr_has("1 open call cut");
    line.resume(Way::Up);
    let _ = slow.wait().exits_with(4);
    laptop.cmd(["ls", "desk:"]).fails_with(5);
    assert!(!house.home("amy").join("big").exists());
    assert_eq!(ls(&phone, "desk:"), [""; 0]);
}

#[test]
fn a_user_without_a_home_sees_only_what_is_granted() {
    let house = House::new();
    fs::create_dir_all(house.share().join("pub")).unwrap();
    fs::write(house.share().join("pub/a"), "x").unwrap();
    fs::write(house.share().join("b"), "x").unwrap();
    let guest = house.added("guest", &["--no-home", "read", "/pub"]);
    assert_eq!(ls(&guest, "desk:"), ["pub"]);
    guest.cmd(["cat", "desk:pub/a"]).succeeds().stdout("x");
    guest.cmd(["cat", "desk:b"]).fails_with(5);
    assert!(!house.home("guest").exists());
    house.user(&["revoke", "guest", "read", "/pub"]);
    guest.cmd(["ls", "desk:"]).fails_with(5).stderr_has("guest has no grant for files");
}
