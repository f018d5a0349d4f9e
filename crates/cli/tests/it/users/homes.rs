//! A home is where its user begins and stays.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use super::{House, ls};

#[test]
fn each_user_begins_in_a_home_of_his_own_and_sees_no_other() {
    let house = House::new();
    let (amy, bob) = (house.added("amy", &[]), house.added("bob", &[]));
    fs::write(house.share().join("of the share"), "x").unwrap();
    amy.write("a.txt", "amy's");
    bob.write("a.txt", "bob's");
    for machine in [&amy, &bob] {
        machine.cmd(["put", "a.txt", "desk:"]).succeeds();
        machine.cmd(["mkdir", "desk:dir"]).succeeds();
    }
    assert_eq!(fs::read(house.home("amy").join("a.txt")).unwrap(), b"amy's");
    assert_eq!(fs::metadata(house.home("amy")).unwrap().mode() & 0o777, 0o700);
    assert_eq!(ls(&bob, "desk:"), ["a.txt", "dir"]);
    bob.cmd(["cat", "desk:a.txt"]).succeeds().stdout("bob's");
    // Without more grants a slash in front is the home, too.
    bob.cmd(["cat", "desk:/a.txt"]).succeeds().stdout("bob's");
    // Who is invited without a name has the share.
    let friend = house.office.machine("friend");
    friend.joins(&house.desk, "desk");
    assert_eq!(ls(&friend, "desk:"), ["of the share"]);
}

#[test]
fn who_was_added_without_a_home_can_be_given_one() {
    let house = House::new();
    fs::create_dir(house.share().join("pub")).unwrap();
    fs::write(house.share().join("of the share"), "x").unwrap();
    let bob = house.added("bob", &["--no-home", "read", "/pub"]);
    assert_eq!(ls(&bob, "desk:"), ["pub"]);
    let desk = house.desk.machine();
    for changed in [true, false] {
        let told = desk.cmd(["user", "home", "bob", "--json"]).succeeds().json_line();
        assert_eq!((&told["user"], &told["changed"]), (&"bob".into(), &changed.into()), "{told}");
    }
    desk.cmd(["user", "home", "bob"]).succeeds().stderr_has("That was so already.");
    bob.write("own", "bob's");
    bob.cmd(["put", "own", "desk:"]).succeeds();
    assert_eq!(fs::read(house.home("bob").join("own")).unwrap(), b"bob's");
    assert_eq!((ls(&bob, "desk:"), ls(&bob, "desk:/")), (vec!["own".to_owned()], vec!["pub".to_owned()]));
    house.user(&["quota", "bob", "8K"]);
    bob.write("big", [7; 9000]);
    bob.cmd(["put", "big", "desk:"]).fails().stderr_has("quota");
}

#[test]
fn what_is_granted_in_the_share_is_seen_beside_the_home_and_nothing_else_of_it() {
    let house = House::new();
    for path in ["pub/read me", "projects/x/plan", "projects/y/secret", "private/diary"] {
        let path = house.share().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "shared").unwrap();
    }
    let amy = house.added("amy", &["read", "/pub", "files", "/projects/x"]);
    amy.write("own", "own");
    amy.cmd(["put", "own", "desk:"]).succeeds();
    assert_eq!(ls(&amy, "desk:"), ["own"]);
    assert_eq!(ls(&amy, "desk:/"), ["projects", "pub"]);
    assert_eq!(ls(&amy, "desk:/projects"), ["x"]);
    assert_eq!(ls(&amy, "desk:/projects/x"), ["plan"]);
    amy.cmd(["get", "desk:/pub", "desk:/projects/x", "out/"]).succeeds();
    assert_eq!(amy.read("out/pub/read me"), b"shared");
    amy.cmd(["put", "own", "desk:/projects/x/"]).succeeds();
    assert_eq!(fs::read(house.share().join("projects/x/own")).unwrap(), b"own");
    for (words, code) in [
        (&["cat", "desk:/projects/y/secret"][..], 5),
        (&["ls", "desk:/private"], 5),
        (&["ls", "desk:/projects/y"], 5),
        (&["get", "desk:/projects", "out2"], 5),
        (&["get", "desk:/", "out2"], 5),
        (&["stat", "desk:/private"], 5),
        (&["put", "own", "desk:/pub/"], 5),
        (&["put", "own", "desk:/"], 5),
        (&["rm", "desk:/pub/read me"], 5),
        (&["mv", "desk:/pub/read me", "desk:/projects/x/"], 5),
        (&["mv", "desk:/projects/x", "desk:/projects/y2"], 5),
        (&["mkdir", "desk:/new"], 5),
        (&["verify", "out", "desk:/private"], 5),
        (&["mv", "desk:own", "desk:/projects/x/own2"], 2),
    ] {
        amy.cmd(words).fails_with(code);
    }
    assert_eq!(fs::read_dir(house.share()).unwrap().count(), 3);
}

/// Everything by which somebody got out of a home somewhere, once.
#[test]
fn no_way_leads_out_of_a_home() {
    let house = House::new();
    let (amy, bob) = (house.added("amy", &[]), house.added("bob", &[]));
    bob.write("secret", "bob's secret");
    bob.cmd(["put", "secret", "desk:"]).succeeds();
    amy.write("f", "x");
    amy.cmd(["put", "f", "desk:f"]).succeeds();
    let state = house.desk.machine().home();
    // Links that lie in the home, planted by hand, as a user could not make them.
    let home = house.home("amy");
    let (other, share) = (house.home("bob"), house.share());
    for (name, target) in
        [("up", "..".into()), ("other", other), ("state", state), ("share", share), ("root", "/".into())]
    {
        symlink(target, home.join(name)).unwrap();
    }
    symlink("../bob/secret", home.join("file")).unwrap();
    let before = fs::read(house.home("bob").join("secret")).unwrap();
    for place in [
        "desk:up/bob/secret",
        "desk:other/secret",
        "desk:file",
        "desk:state/landline.db",
        "desk:root/etc/passwd",
        "desk:share",
        "desk:/up/bob/secret",
    ] {
        let done = amy.cmd(["cat", place]).run();
        assert!(!done.stdout_bytes().starts_with(b"bob") && done.stdout_bytes().is_empty(), "{place}");
        amy.cmd(["put", "f", &format!("{place}/new")]).fails();
        amy.cmd(["mkdir", &format!("{place}/new")]).fails();
        amy.cmd(["mv", "desk:f", &format!("{place}/new")]).fails();
    }
    for place in ["desk:../bob/secret", "desk:/../bob/secret", "desk:a/../../bob/secret"] {
        amy.cmd(["cat", place]).fails_with(2).stderr_has("\"..\"");
    }
    // A link that is removed takes nothing with it that it leads to.
    amy.cmd(["rm", "-r", "desk:other"]).succeeds();
    assert_eq!(fs::read(house.home("bob").join("secret")).unwrap(), before);
    assert_eq!(fs::read_dir(house.home("bob")).unwrap().count(), 1);
}

#[test]
fn a_link_that_is_sent_leads_nobody_out() {
    let house = House::new();
    let amy = house.added("amy", &[]);
    amy.write("tree/f", "x");
    let outside = house.office.root().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, amy.work().join("tree/out")).unwrap();
    symlink("../../bob", amy.work().join("tree/bob")).unwrap();
    let _ = amy.cmd(["put", "tree", "desk:"]).run();
    for name in ["out", "bob"] {
        let _ = amy.cmd(["put", "tree/f", &format!("desk:tree/{name}/f")]).run();
        let _ = amy.cmd(["mkdir", &format!("desk:tree/{name}/d")]).run();
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert!(!house.home("bob").exists());
}

#[test]
fn a_user_who_was_removed_leaves_a_home_that_the_next_of_that_name_does_not_find() {
    let house = House::new();
    let amy = house.added("amy", &[]);
    amy.write("diary", "of the first amy");
    amy.cmd(["put", "diary", "desk:"]).succeeds();
    let removed = house.desk.machine().cmd(["user", "remove", "amy", "--json"]).succeeds().json_line();
    amy.cmd(["ls", "desk:"]).fails_with(5);
    assert_eq!(fs::read(format!("{}/diary", removed["home"].as_str().unwrap())).unwrap(), b"of the first amy");
    let other = house.added("amy", &[]).cmd(["ls", "desk:"]).run();
    assert!(other.stdout_bytes().is_empty());
}
