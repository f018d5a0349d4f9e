//! How scripts end: at the first failure, with its code, unless they were told to go on.

use landline_testkit::Way;

use super::furnished;
use crate::scene::{MIB, dense};

#[test]
fn the_first_failure_ends_a_script_and_is_its_code() {
    let scene = furnished();
    let script = scene.laptop.write("nightly", "# every night\npwd\n\ncat none\npwd\n");
    let said = scene.laptop.cmd(["files", "desk", "--script", "nightly"]).fails_with(8).stdout("/\n");
    let _ = said.stderr_has("error: nightly:4: desk: none: not found");
    let forgiven = scene.laptop.cmd(["files", "desk", "--script"]).arg(&script).arg("--keep-going").fails_with(8);
    let _ = forgiven.stdout("/\n/\n").stderr_has("nightly:4: desk: none: not found");
    let _ = scene.shell("-cat none; mkdir dir; pwd").fails_with(9).stdout("").stderr_has("none: not found");
    let _ = scene.shell("cat none; mkdir dir").arg("--keep-going").fails_with(8).stderr_has("dir: exists already");
    let _ =
        scene.laptop.cmd(["files", "desk", "--script", "nowhere"]).fails_with(8).stderr_has("nowhere: no such file");
    let _ = scene.shell("sl").fails_with(2).stderr_has("-c:1: there is no command sl");
    let _ = scene.shell("rm --recursiv dir").fails_with(2).stderr_has("unexpected argument '--recursiv'");
}

#[test]
fn what_was_done_in_part_ends_a_script_too() {
    let scene = furnished();
    let said = scene.shell("cat a.txt none b.txt; pwd").fails_with(3).stdout("aab");
    let _ = said.stderr_has("none: not found").stderr_has("-c:1: not all of it was done");
    let _ = scene.shell("cat a.txt none; pwd").arg("--keep-going").fails_with(3).stdout("aa/\n");
    let _ = scene.shell("-cat a.txt none; pwd").succeeds().stdout("aa/\n");
}

#[test]
fn commands_come_by_a_pipe_too() {
    let scene = furnished();
    let _ = scene.laptop.cmd(["files", "desk"]).stdin("cd dir\nls").succeeds().stdout("sub\nx.md\n").stderr("");
    let said = scene.laptop.cmd(["files", "desk"]).stdin("pwd\r\ncat none\r\npwd\r\n").fails_with(8).stdout("/\n");
    let _ = said.stderr_has("standard input:2: desk: none: not found");
    // Each is answered before the next one is written.
    let mut running = scene.laptop.cmd(["files", "desk"]).stdin_open().spawn();
    running.say("pwd\n");
    running.wait_for_stdout("/\n");
    running.say("cd dir; pwd\n");
    running.wait_for_stdout("/dir\n");
    running.end_input();
    let _ = running.wait().exits_with(0);
}

#[test]
fn programs_get_an_object_for_each_failure() {
    let scene = furnished();
    let told = scene.shell("pwd; lpwd; hash a.txt; cat none").arg("--json").fails_with(8).json();
    assert_eq!(told[0], serde_json::json!({"pwd": "/"}));
    assert_eq!(told[1], serde_json::json!({"lpwd": scene.laptop.work()}));
    assert_eq!(told[2]["blake3"].as_str().unwrap().len(), 64);
    assert_eq!((&told[3]["error"]["reason"], told.len()), (&"not-found".into(), 4));
}

#[test]
fn ctrl_c_ends_a_whole_script() {
    let scene = furnished();
    dense(scene.laptop.work().join("big"), 1, 8 * MIB);
    let line = scene.line();
    line.stall_after(Way::Up, 3 * MIB as u64);
    let running = scene.shell("put big; pwd").arg("--keep-going").spawn();
    line.wait_until_passed(Way::Up, 3 * MIB as u64);
    running.sigint();
    let _ = running.wait().exits_with(130).stdout("").stderr_has("hint: the same command goes on where it stopped");
}
