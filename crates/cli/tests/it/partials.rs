//! `landline partials`: what lies of cut transfers, and that it can go.

use std::fs;

use landline_testkit::{Cut, Machine, Way, until};
use serde_json::Value;

use crate::scene::{MIB, Scene, random, residue, wait_until_put_away};

/// A put that was cut in the middle of a file of this name in the folder `in` of the share.
fn cut_put(scene: &Scene, name: &str) {
    fs::create_dir_all(scene.share().join("in")).unwrap();
    scene.laptop.write(name, random(1, 12 * MIB));
    let line = scene.line();
    line.cut_after(Way::Up, 7 << 20, Cut::Reset);
    let _ = scene.put(name, "desk:in/").args(["--reconnect", "0"]).fails_with(4);
    scene.laptop.cmd(["contacts", "address", "desk", &scene.desk.addr().to_string()]).succeeds().stdout("");
    wait_until_put_away(scene.desk.machine());
}

fn list(machine: &Machine) -> Vec<Value> {
    machine.cmd(["partials", "list", "--json"]).succeeds().json()
}

#[test]
fn what_was_cut_is_listed_with_whose_it_is_and_how_much_of_it_is_there() {
    let scene = Scene::new();
    let desk = scene.desk.machine();
    desk.cmd(["partials", "list"]).succeeds().stdout("").stderr("nothing waits to be completed\n");
    cut_put(&scene, "big.bin");
    let one = desk.cmd(["partials", "list", "--json"]).succeeds().json_line();
    let target = fs::canonicalize(scene.share()).unwrap().join("in/big.bin");
    assert_eq!(one["path"], target.to_str().unwrap());
    assert_eq!((&one["kind"], &one["size"]), (&"file".into(), &(12 * MIB).into()));
    let verified = usize::try_from(one["verified"].as_u64().unwrap()).unwrap();
    assert!(verified.is_multiple_of(MIB) && (3 * MIB..12 * MIB).contains(&verified), "{one}");
    let table = desk.cmd(["partials", "list"]).succeeds();
    table.stdout_has(" of 12.0 MiB  ").stdout_has("/in/big.bin\n").stdout_has("HAVE");
    // The same command takes it up, and then nothing waits any more.
    scene.put("big.bin", "desk:in/").succeeds().stderr_has("are there from before");
    assert_eq!(list(desk), [] as [Value; 0]);
}

#[test]
fn clearing_removes_what_is_meant_and_nothing_else() {
    let scene = Scene::new();
    let desk = scene.desk.machine();
    cut_put(&scene, "one.bin");
    let one = scene.share().join("in/one.bin");
    let _ = desk.cmd(["partials", "clear"]).fails_with(2).stderr_has("hint: landline partials clear --all");
    desk.cmd(["partials", "clear", "--older", "1"]).succeeds().stderr("0 partials removed, 0 B\n");
    desk.cmd(["partials", "clear"]).arg(scene.share().join("in/other")).succeeds().stderr("0 partials removed, 0 B\n");
    assert_eq!(list(desk).len(), 1);
    desk.cmd(["partials", "clear"])
        .arg(&one)
        .succeeds()
        .stdout_has("removed what was there of ")
        .stderr_has("1 partial removed, ");
    assert_eq!((list(desk).len(), residue(scene.share())), (0, vec![]));
    cut_put(&scene, "one.bin");
    let told = desk.cmd(["partials", "clear", "--all", "--json"]).succeeds().json_line();
    assert_eq!(told["event"], "cleared");
    assert_eq!(residue(scene.share()), [] as [std::path::PathBuf; 0]);
}

#[test]
fn what_is_arriving_right_now_stays() {
    let scene = Scene::new();
    let desk = scene.desk.machine();
    scene.laptop.write("big.bin", random(1, 12 * MIB));
    let line = scene.line();
    line.stall_after(Way::Up, 6 << 20);
    let sending = scene.put("big.bin", "desk:").spawn();
    line.wait_until_passed(Way::Up, 6 << 20);
    until("a partial file", || (!list(desk).is_empty()).then_some(()));
    assert_eq!(list(desk)[0]["arriving"], true);
    let _ =
        desk.cmd(["partials", "clear", "--all"]).fails_with(9).stderr_has("big.bin is arriving right now: left alone");
    line.resume(Way::Up);
    let _ = sending.wait().exits_with(0);
    assert_eq!(fs::read(scene.share().join("big.bin")).unwrap(), random(1, 12 * MIB));
}

#[test]
fn a_note_of_what_is_no_more_is_forgotten_and_a_folder_can_be_looked_through_without_one() {
    let scene = Scene::new();
    let desk = scene.desk.machine();
    cut_put(&scene, "big.bin");
    let notes = desk.home().join("partials");
    let note = || fs::read_dir(&notes).unwrap().count();
    assert_eq!(note(), 1);
    let kept = notes.join(fs::read_dir(&notes).unwrap().next().unwrap().unwrap().file_name());
    fs::remove_file(&kept).unwrap();
    assert_eq!(list(desk), [] as [Value; 0]);
    let found = desk.cmd(["partials", "list", "--json"]).arg(scene.share()).succeeds().json_line();
    assert!(found["path"].as_str().unwrap().ends_with("/in/big.bin"), "{found}");
    let _ = scene.put("big.bin", "desk:in/").succeeds();
    // A note whose partial somebody removed by hand.
    fs::remove_file(scene.share().join("in/big.bin")).unwrap();
    cut_put(&scene, "big.bin");
    for left in residue(scene.share()) {
        fs::remove_file(scene.share().join(left)).unwrap();
    }
    assert_eq!((note(), list(desk), note()), (1, vec![], 0));
}

#[test]
fn what_a_get_left_belongs_to_the_machine_that_fetched() {
    let scene = Scene::new();
    scene.shares("big.bin", random(2, 12 * MIB));
    let line = scene.line();
    line.cut_after(Way::Down, 7 << 20, Cut::Reset);
    let _ = scene.get("desk:big.bin", ".").args(["--reconnect", "0"]).fails_with(4);
    let one = scene.laptop.cmd(["partials", "list", "--json"]).succeeds().json_line();
    assert_eq!((&one["from"], &one["arriving"]), (&"desk".into(), &false.into()));
    let _ = scene.laptop.cmd(["partials", "clear", "."]).succeeds();
    assert_eq!(residue(scene.laptop.work()), [] as [std::path::PathBuf; 0]);
}
