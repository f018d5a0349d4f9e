//! A home that may hold only so much: refused before and while writing, and nothing is lost.

use std::fs;

use super::{House, ls};

const MIB: usize = 1 << 20;

#[test]
fn what_does_not_fit_is_refused_and_the_old_file_stays() {
    let house = House::new();
    let amy = house.added("amy", &["--quota", "4M"]);
    amy.write("f", vec![1; 2 * MIB]);
    amy.cmd(["put", "f", "desk:"]).succeeds();
    amy.write("f", vec![2; 3 * MIB]);
    amy.cmd(["put", "f", "desk:"]).fails_with(7).stderr_has("the quota is used up");
    amy.cmd(["put", "-", "desk:g"]).stdin(vec![3; 3 * MIB]).fails_with(7).stderr_has("the quota is used up");
    assert_eq!(ls(&amy, "desk:"), ["f"]);
    assert_eq!(fs::read(house.home("amy").join("f")).unwrap(), vec![1; 2 * MIB]);
    let told = house.told("amy");
    assert_eq!(told["quota"].as_u64(), Some(4 << 20));
    // Of what was cut a part may be kept, to go on with; it counts too.
    assert!(told["used"].as_u64().unwrap() <= 4 << 20);
    amy.cmd(["rm", "desk:f"]).succeeds();
    house.user(&["quota", "amy", "8M"]);
    amy.cmd(["put", "f", "desk:"]).succeeds();
    house.user(&["quota", "amy", "none"]);
    amy.write("huge", vec![4; 16 * MIB]);
    amy.cmd(["put", "huge", "desk:"]).succeeds();
}

#[test]
fn of_many_files_those_that_fit_are_kept() {
    let house = House::new();
    let amy = house.added("amy", &["--quota", "1M"]);
    for number in 0..40 {
        amy.write(format!("many/{number:02}"), vec![number; 40_000]);
    }
    let done = amy.cmd(["put", "many", "desk:"]).fails_with(3);
    done.stderr_has("the quota is used up");
    let kept = fs::read_dir(house.home("amy").join("many")).unwrap().count();
    assert!((10..26).contains(&kept), "{kept} files of 10 blocks each fit into 1 MiB");
    house.user(&["quota", "amy", "4M"]);
    amy.cmd(["put", "many", "desk:"]).succeeds();
    assert_eq!(fs::read_dir(house.home("amy").join("many")).unwrap().count(), 40);
}

#[test]
fn everything_that_makes_something_is_held_to_it_and_removing_is_not() {
    let house = House::new();
    let amy = house.added("amy", &["--quota", "16K"]);
    amy.write("f", "x");
    for number in 0..4 {
        amy.cmd(["mkdir", &format!("desk:{number}")]).succeeds();
    }
    amy.cmd(["mkdir", "desk:one more"]).fails_with(7).stderr_has("the quota is used up");
    amy.cmd(["mkdir", "-p", "desk:one/more"]).fails_with(7);
    amy.cmd(["put", "f", "desk:"]).fails_with(7);
    amy.cmd(["mv", "desk:0", "desk:renamed"]).succeeds();
    amy.cmd(["rm", "-r", "desk:1"]).succeeds();
    amy.cmd(["put", "f", "desk:"]).fails_with(7); // arriving takes room, too
    amy.cmd(["rm", "-r", "desk:2"]).succeeds();
    amy.cmd(["rm", "-r", "desk:3"]).succeeds();
    amy.cmd(["put", "f", "desk:"]).succeeds();
    assert_eq!(ls(&amy, "desk:"), ["f", "renamed"]);
}

#[test]
fn the_shared_folders_are_not_counted() {
    let house = House::new();
    fs::create_dir_all(house.share().join("pub")).unwrap();
    let amy = house.added("amy", &["--quota", "16K", "files", "/pub"]);
    amy.write("big", vec![1; MIB]);
    amy.cmd(["put", "big", "desk:/pub/"]).succeeds();
    assert_eq!(house.told("amy")["used"].as_u64(), Some(0));
}
