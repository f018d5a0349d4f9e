//! A person at a terminal: prompt, completion, history, and Ctrl-C. The terminal is one of `script`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use landline_testkit::{Cut, Office, Running, Way, needs};

use super::furnished;
use crate::scene::{BIN, MIB, Scene, partials, random};

/// `landline files desk` of the laptop, at a terminal of its own; what the screen gets is the standard output.
fn at_a_terminal(people: &Office, scene: &Scene) -> Running {
    at_a(people, scene, "xterm")
}

fn at_a(people: &Office, scene: &Scene, terminal: &str) -> Running {
    let (home, work) = (scene.laptop.home(), scene.laptop.work());
    let typed = format!("stty cols 80; cd {}; exec {BIN} --home {} files desk", work.display(), home.display());
    let command = people.machine("ann").cmd(["-c", "exec script -qec \"$TYPED\" /dev/null"]);
    command.env("TYPED", typed).env("TERM", terminal).stdin_open().spawn()
}

#[test]
fn a_prompt_says_where_the_shell_is_and_tab_completes() {
    if !needs("script") {
        return;
    }
    let (scene, people) = (furnished(), Office::new("/bin/sh"));
    let mut ann = at_a_terminal(&people, &scene);
    ann.wait_for_stdout("desk:/> ");
    // A folder there, then in it, then a name with a blank in quotation marks.
    ann.say("cd di\ts\t\r");
    ann.wait_for_stdout("desk:/dir/sub> ");
    ann.say("cat 报\t\r");
    ann.wait_for_stdout("1234");
    ann.say("cd /\rcat my\t\r");
    ann.wait_for_stdout("cat my\\ file");
    ann.say("hel\tpwd\r");
    ann.wait_for_stdout("Print where the shell is there");
    // Where several fit, they are listed.
    ann.say("cat \t\t");
    ann.wait_for_stdout("a.txt    b.txt    dir/     my file");
    ann.say("\x15");
    scene.laptop.write("local-file", "l");
    ann.say("put loc\t\r");
    ann.wait_for_stdout("sent 1 file");
    ann.say("quit\r");
    let _ = ann.wait().exits_with(0);
    assert!(scene.share().join("local-file").exists());
}

#[test]
fn names_stand_beside_each_other_and_folders_have_a_colour() {
    if !needs("script") {
        return;
    }
    let (scene, people) = (furnished(), Office::new("/bin/sh"));
    scene.shares("x\u{1b}[2J", "");
    let mut ann = at_a_terminal(&people, &scene);
    ann.wait_for_stdout("desk:/> ");
    ann.say("ls\r");
    ann.wait_for_stdout("a.txt  b.txt  \u{1b}[1;34mdir/\u{1b}[0m  my file  x\\u{1b}[2J");
    ann.say("ls none\rpwd\r");
    ann.wait_for_stdout("none: not found");
    ann.say("\x04");
    let _ = ann.wait().exits_with(0);
}

#[test]
fn lines_of_before_come_again_in_the_next_shell() {
    if !needs("script") {
        return;
    }
    let (scene, people) = (furnished(), Office::new("/bin/sh"));
    let mut ann = at_a_terminal(&people, &scene);
    ann.wait_for_stdout("desk:/> ");
    ann.say("hash a.txt\r");
    ann.wait_for_stdout("  a.txt");
    ann.say("\x04");
    let _ = ann.wait().exits_with(0);
    let kept = scene.laptop.home().join("files-history");
    assert_eq!(fs::read_to_string(&kept).unwrap(), "hash a.txt\n");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let mut ann = at_a_terminal(&people, &scene);
    ann.wait_for_stdout("desk:/> ");
    ann.say("\x1b[A\r");
    ann.wait_for_stdout(&blake3::hash(b"aa").to_hex());
    // Ctrl-C at the prompt drops the line that was begun.
    ann.wait_for_stdout("a.txt\r\n\u{1b}[?2004h"); // the line is read key by key again
    ann.say("nonsense\x03");
    ann.wait_for_stdout("nonsense\u{1b}[?2004l"); // what follows it on one read would be dropped with it
    ann.say("pwd\r");
    ann.wait_for_stdout("\n/\r\n");
    ann.say("\x04");
    let _ = ann.wait().exits_with(0).never_says("there is no command");
}

#[test]
fn ctrl_c_stops_a_transfer_and_not_the_shell_and_reget_finishes_it() {
    if !needs("script") {
        return;
    }
    let (scene, people) = (Scene::new(), Office::new("/bin/sh"));
    let bytes = random(7, 24 * MIB);
    scene.shares("big", &bytes);
    let line = scene.line();
    let mut ann = at_a_terminal(&people, &scene);
    ann.wait_for_stdout("desk:/> ");
    line.stall_after(Way::Down, 12 * MIB as u64);
    ann.say("get big\r");
    ann.wait_for_stdout("getting  ");
    line.wait_until_passed(Way::Down, 12 * MIB as u64);
    ann.say("\x03");
    ann.wait_for_stdout("stopped; the same command goes on where it stopped");
    assert!(!scene.laptop.work().join("big").exists());
    assert_eq!(partials(scene.laptop.work()).len(), 1);
    line.resume(Way::Down);
    ann.say("pwd; reget big\r");
    ann.wait_for_stdout("are there from before");
    ann.wait_for_stdout("got 1 file, 24.0 MiB");
    ann.say("quit\r");
    let _ = ann.wait().exits_with(0);
    assert_eq!(scene.laptop.read("big"), bytes);
}

#[test]
fn a_put_that_was_stopped_is_taken_up_by_the_next_one() {
    if !needs("script") {
        return;
    }
    let (scene, people) = (Scene::new(), Office::new("/bin/sh"));
    let bytes = random(8, 24 * MIB);
    scene.laptop.write("big", &bytes);
    let line = scene.line();
    let mut ann = at_a_terminal(&people, &scene);
    ann.wait_for_stdout("desk:/> ");
    line.stall_after(Way::Up, 12 * MIB as u64);
    ann.say("put big\r");
    line.wait_until_passed(Way::Up, 12 * MIB as u64);
    ann.say("\x03");
    ann.wait_for_stdout("stopped; the same command goes on where it stopped");
    line.cut(Cut::Reset); // what is still on its way to the server is lost with its line
    line.resume(Way::Up);
    ann.say("reput big\r");
    ann.wait_for_stdout("are there from before");
    ann.wait_for_stdout("sent 1 file, 24.0 MiB");
    ann.say("quit\r");
    let _ = ann.wait().exits_with(0);
    assert_eq!(fs::read(scene.share().join("big")).unwrap(), bytes);
}

#[test]
fn ctrl_c_stops_a_listing_that_does_not_come_and_a_command_of_this_machine() {
    if !needs("script") {
        return;
    }
    let (scene, people) = (furnished(), Office::new("/bin/sh"));
    let line = scene.line();
    let mut ann = at_a_terminal(&people, &scene);
    ann.wait_for_stdout("desk:/> ");
    line.stall(Way::Down);
    let up = line.passed(Way::Up);
    ann.say("tree\r");
    line.wait_until_passed(Way::Up, up + 1);
    ann.say("\x03");
    ann.wait_for_stdout("stopped\r\n");
    line.resume(Way::Down);
    ann.say("!trap 'echo caught; exit' INT; echo begun; read x\r");
    ann.wait_for_stdout("begun\r\n");
    ann.say("\x03");
    ann.wait_for_stdout("caught\r\n");
    ann.say("ls dir\r");
    ann.wait_for_stdout("x.md");
    ann.say("\x04");
    let _ = ann.wait().exits_with(0);
}

#[test]
fn a_completion_that_is_not_answered_leaves_the_prompt_alive() {
    if !needs("script") {
        return;
    }
    let (scene, people) = (furnished(), Office::new("/bin/sh"));
    let line = scene.line();
    let mut ann = at_a_terminal(&people, &scene);
    ann.wait_for_stdout("desk:/> ");
    line.stall(Way::Down);
    ann.say("ls di\t\x15lpwd\r");
    ann.wait_for_stdout(&scene.laptop.work().display().to_string());
    line.resume(Way::Down);
    ann.say("ls dir\r");
    ann.wait_for_stdout("x.md");
    ann.say("quit\r");
    let _ = ann.wait().exits_with(0);
}

#[test]
fn a_plain_terminal_has_a_prompt_too() {
    if !needs("script") {
        return;
    }
    let (scene, people) = (furnished(), Office::new("/bin/sh"));
    let line = scene.line();
    let mut ann = at_a(&people, &scene, "dumb");
    ann.wait_for_stdout("desk:/> ");
    ann.say("cd none\n");
    ann.wait_for_stdout("error: desk: none: not found");
    ann.say("cd dir\n");
    ann.wait_for_stdout("desk:/dir> ");
    line.stall(Way::Down);
    let up = line.passed(Way::Up);
    ann.say("ls\n");
    line.wait_until_passed(Way::Up, up + 1);
    ann.say("\x03");
    ann.wait_for_stdout("stopped");
    line.resume(Way::Down);
    ann.say("ls\n");
    ann.wait_for_stdout("sub/  x.md");
    ann.say("quit\n");
    let _ = ann.wait().exits_with(0);
}
