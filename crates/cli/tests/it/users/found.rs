//! Ways round rights, homes and quotas that were there once.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use landline_testkit::{Cut, Linkbox, Office, Random, Way, until};

use super::{House, ls};
use crate::scene::BIN;

#[test]
fn moving_is_no_way_to_read_what_is_not_granted() {
    let house = House::new();
    for (path, text) in [("a/q", "SECRET"), ("b/old", "x")] {
        let path = house.share().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let eve = house.added("eve", &["--no-home", "write", "/", "read", "/b/q"]);
    eve.cmd(["cat", "desk:a/q"]).fails_with(5);
    // To the granted place, to one that the granted place is in, and below it.
    for (from, to) in [("a/q", "b/q"), ("a", "b2"), ("a", "b/q/a")] {
        let moved = eve.cmd(["mv", &format!("desk:{from}"), &format!("desk:{to}")]).run();
        assert!(moved.code() != Some(0) || to == "b2", "{from} to {to}");
    }
    fs::rename(house.share().join("b2"), house.share().join("a")).unwrap();
    fs::remove_dir_all(house.share().join("b")).unwrap();
    eve.cmd(["mv", "desk:a", "desk:b"]).fails_with(5); // then b/q would be what a/q was
    assert_eq!(fs::read(house.share().join("a/q")).unwrap(), b"SECRET");
}

#[test]
fn a_backup_writes_no_name_that_is_not_granted() {
    let house = House::new();
    fs::create_dir(house.share().join("pub")).unwrap();
    fs::write(house.share().join("pub/report"), "old").unwrap();
    fs::write(house.share().join("pub/report~"), "somebody's").unwrap();
    let bob = house.added("bob", &["--no-home", "files", "/pub/report"]);
    bob.write("rep", "new");
    bob.cmd(["put", "--backup", "rep", "desk:pub/report"]).fails_with(5);
    assert_eq!(fs::read(house.share().join("pub/report~")).unwrap(), b"somebody's");
    bob.cmd(["put", "rep", "desk:pub/report"]).succeeds();
    assert_eq!(fs::read(house.share().join("pub/report")).unwrap(), b"new");
}

#[test]
fn who_may_only_write_learns_nothing_by_a_condition_and_can_still_move() {
    let house = House::new();
    fs::create_dir(house.share().join("box")).unwrap();
    fs::write(house.share().join("box/f"), "content").unwrap();
    let bob = house.added("bob", &["--no-home", "write", "/box"]);
    bob.write("f", "content");
    let hash = blake3::hash(b"content").to_hex().to_string();
    bob.cmd(["put", "--if-match", &hash, "f", "desk:box/f"]).fails_with(5);
    bob.cmd(["mv", "desk:box/f", "desk:box/g"]).succeeds();
    assert_eq!(fs::read(house.share().join("box/g")).unwrap(), b"content");
    fs::create_dir(house.share().join("box/in")).unwrap();
    fs::write(house.share().join("box/h"), "").unwrap();
    bob.cmd(["mv", "desk:box/g", "desk:box/h", "desk:box/in"]).succeeds();
    assert_eq!(fs::read_dir(house.share().join("box/in")).unwrap().count(), 2);
}

#[test]
fn a_home_that_could_not_be_moved_aside_is_not_the_next_users() {
    let house = House::new();
    let first = house.added("amy", &[]);
    first.write("diary", "of the first amy");
    first.cmd(["put", "diary", "desk:"]).succeeds();
    let homes = house.desk.machine().home().join("homes");
    fs::write(homes.join(".removed"), "in the way").unwrap();
    house.desk.machine().cmd(["user", "remove", "amy"]).fails().stderr_has("the user is removed, but");
    let second = house.added("amy", &[]);
    second.cmd(["ls", "desk:"]).fails().stderr_has("can't be used now");
    fs::remove_file(homes.join(".removed")).unwrap();
    assert_eq!(ls(&second, "desk:"), [""; 0]);
    assert_eq!(fs::read_dir(homes.join(".removed")).unwrap().count(), 1, "it is kept");
}

#[test]
fn a_user_who_was_removed_while_no_server_ran_leaves_nothing_to_the_next() {
    let office = Office::new(BIN);
    let desk = office.machine("desk");
    let elsewhere = desk.work().join("elsewhere");
    let serve = || {
        let command = desk.cmd(["serve"]).arg(desk.share()).args(["--listen", "tcp://127.0.0.1:0", "--json"]);
        command.arg("--homes").arg(&elsewhere).serving()
    };
    let server = serve();
    desk.cmd(["user", "add", "zed"]).succeeds();
    let first = office.machine("first");
    first.joins_as(&server, "desk", Some("zed"));
    first.write("private", "x");
    first.cmd(["put", "private", "desk:"]).succeeds();
    let _ = server.stops();
    desk.cmd(["user", "remove", "zed"]).succeeds(); // knows nothing of where the homes are
    desk.cmd(["user", "add", "zed"]).succeeds();
    let server = serve();
    let second = office.machine("second");
    second.joins_as(&server, "desk", Some("zed"));
    assert_eq!(ls(&second, "desk:"), [""; 0]);
}

#[test]
fn a_machine_that_is_known_already_becomes_another_users_in_order() {
    let house = House::new();
    let friend = house.office.machine("friend");
    friend.joins(&house.desk, "desk");
    house.user(&["add", "amy"]);
    house.user(&["add", "bob"]);
    house.desk.machine().cmd(["user", "passwd", "amy"]).env("LANDLINE_PASSWORD", "a password of hers").succeeds();
    let login = friend.cmd(["login", &house.desk.addr().to_string(), "--user", "amy"]);
    login.env("LANDLINE_PASSWORD", "a password of hers").succeeds();
    friend.cmd(["mkdir", "desk:of amy"]).succeeds();
    assert!(house.home("amy").join("of amy").is_dir());
    friend.joins_as(&house.desk, "desk", Some("bob"));
    assert_eq!(ls(&friend, "desk:"), [""; 0]);
    assert_eq!((&house.told("amy")["machines"], &house.told("bob")["machines"]), (&0.into(), &1.into()));
    let log = house.desk.machine().cmd(["audit", "-n", "100", "--json"]).succeeds().json();
    let logged_in = log.iter().find(|line| line["event"] == "logged-in").unwrap();
    assert_eq!(logged_in["user"], "amy");
}

#[test]
fn failed_logins_are_in_the_audit_log_with_the_name_that_was_tried() {
    let house = House::new();
    let login = house.office.machine("burglar").cmd(["login", &house.desk.addr().to_string(), "--user", "amy"]);
    login.env("LANDLINE_PASSWORD", "a guess").fails_with(5);
    let desk = house.desk.machine().clone();
    let _ = house.desk.stops(); // all is written
    let log = desk.cmd(["audit", "-n", "100", "--json"]).succeeds().json();
    let failed = log.iter().find(|line| line["event"] == "login-failed").unwrap();
    assert_eq!(failed["user"], "amy");
}

#[test]
fn a_shell_begins_in_the_share_if_it_is_asked_to() {
    let house = House::new();
    fs::create_dir(house.share().join("pub")).unwrap();
    fs::write(house.share().join("pub/plan"), "shared").unwrap();
    let amy = house.added("amy", &["read", "/pub"]);
    amy.cmd(["mkdir", "desk:own"]).succeeds();
    amy.cmd(["files", "desk", "-c", "ls"]).succeeds().stdout("own\n");
    amy.cmd(["files", "desk:/", "-c", "ls; cd pub; cat plan"]).succeeds().stdout("pub\nshared");
    amy.cmd(["files", "desk:/pub", "-c", "pwd; ls"]).succeeds().stdout("/pub\nplan\n");
}

#[test]
fn homes_and_the_share_lie_apart() {
    let office = Office::new(BIN);
    let desk = office.machine("desk");
    for homes in [desk.share().join("homes"), desk.share(), desk.share().parent().unwrap().to_owned()] {
        let serve = desk.cmd(["serve"]).arg(desk.share()).args(["--listen", "tcp://127.0.0.1:0", "--homes"]);
        serve.arg(&homes).fails_with(5).stderr_has("lie one in the other");
    }
}

#[test]
fn what_was_set_aside_for_a_file_does_not_outlive_the_client_that_sent_it() {
    let house = House::new();
    let amy = house.added("amy", &["--quota", "40M"]);
    amy.write("big", Random::new(3).bytes(30 << 20));
    for name in ["one", "two"] {
        let line = Linkbox::to(house.desk.addr());
        amy.dials_through("desk", &line);
        line.stall_after(Way::Up, 3 << 20);
        let put = amy.cmd(["put", "big", &format!("desk:{name}"), "--lanes", "1"]).spawn();
        line.wait_until_passed(Way::Up, 3 << 20);
        put.sigkill();
        let _ = put.wait();
        line.cut(Cut::Fin); // only what has passed arrives: what lay in the sockets would be up to a whole file
        // A second one of that size has room as soon as the server has noticed.
        amy.dials_through("desk", &Linkbox::to(house.desk.addr()));
        amy.cmd(["contacts", "address", "desk", &house.desk.addr().to_string()]).succeeds();
        until("room", || (amy.cmd(["put", "big", "desk:probe"]).run().code() == Some(0)).then_some(()));
        amy.cmd(["rm", "desk:probe"]).succeeds();
    }
    let on_disk: u64 = fs::read_dir(house.home("amy"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap())
        .map(|meta| if meta.is_file() { meta.blocks() * 512 } else { 0 })
        .sum();
    assert!(on_disk <= house.told("amy")["used"].as_u64().unwrap(), "{on_disk} bytes on the disk");
    house.desk.machine().cmd(["user", "add", "x", "--no-home", "read", "~"]).fails_with(9).stderr_has("has no home");
}
