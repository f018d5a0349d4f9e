//! A line that is cut under the shell: it is dialled again, and nothing is done twice.

use landline_testkit::{Cut, Way};

use super::furnished;
use crate::scene::{MIB, Scene, random};

const RECONNECTED: &str = "the line to desk was cut; reconnected";

#[test]
fn a_server_that_was_started_again_is_called_again() {
    let scene = furnished();
    let line = scene.line();
    let mut running = scene.laptop.cmd(["files", "desk"]).stdin_open().spawn();
    running.say("cd dir; pwd\n");
    running.wait_for_stdout("/dir\n");
    let scene = scene.served_again(&line);
    running.say("ls\n");
    running.wait_for_stdout("sub\nx.md\n");
    running.wait_for_stderr(RECONNECTED);
    let scene = scene.stopped_and_served_again(&line);
    running.say("mkdir made; put -n x; ls\n");
    running.end_input();
    let _ = running.wait().exits_with(8).stderr_has(RECONNECTED);
    assert!(scene.share().join("dir/made").exists());
}

#[test]
fn a_question_is_asked_again_when_its_answer_was_cut_off() {
    let scene = furnished();
    let line = scene.line();
    let mut running = scene.laptop.cmd(["files", "desk"]).stdin_open().spawn();
    running.say("pwd\n");
    running.wait_for_stdout("/\n");
    line.cut_after(Way::Down, 1, Cut::Reset);
    running.say("ls dir\n");
    running.wait_for_stdout("sub\nx.md\n");
    running.end_input();
    let _ = running.wait().exits_with(0).stderr_has(RECONNECTED);
}

#[test]
fn a_change_whose_answer_was_cut_off_is_not_made_again() {
    let scene = furnished();
    let line = scene.line();
    let mut running = scene.laptop.cmd(["files", "desk"]).stdin_open().spawn();
    running.say("pwd\n");
    running.wait_for_stdout("/\n");
    // The line is found to be alive by such an answer; then the one to the change itself is cut off after a byte of it.
    let mut answers: Vec<u64> = Vec::new();
    while answers.len() < 2 || answers[answers.len() - 1] != answers[answers.len() - 2] {
        let before = line.passed(Way::Down);
        running.say(format!("stat /\n!echo round {}\n", answers.len()));
        running.wait_for_stdout(&format!("round {}\n", answers.len()));
        answers.push(line.passed(Way::Down) - before);
    }
    line.cut_after(Way::Down, answers[answers.len() - 1] + 1, Cut::Fin);
    running.say("-rm b.txt\nls\n");
    running.end_input();
    let said = running.wait().exits_with(0).stderr_has("the line was cut before the answer came");
    let _ = said.stdout_has("a.txt\ndir\nmy file\n").stderr_has(RECONNECTED);
}

#[test]
fn a_copy_that_is_cut_goes_on_by_itself() {
    let scene = Scene::new();
    let line = scene.line();
    let bytes = random(3, 12 * MIB);
    scene.laptop.write("big", &bytes);
    line.cut_after(Way::Up, 7 * MIB as u64, Cut::Reset);
    let _ = scene.shell("put big; stat big").succeeds().stderr_has("there from before").stdout_has("12582912 bytes");
    assert_eq!(std::fs::read(scene.share().join("big")).unwrap(), bytes);
}

#[test]
fn a_machine_that_is_gone_ends_a_script() {
    let scene = furnished();
    let mut running = scene.laptop.cmd(["files", "desk", "--reconnect", "0"]).stdin_open().spawn();
    running.say("pwd\n");
    running.wait_for_stdout("/\n");
    let _stopped = scene.stops();
    running.say("ls\npwd\n");
    running.end_input();
    let _ = running.wait().exits_with(4).stdout("/\n").stderr_has("standard input:2: desk can't be reached");
}
