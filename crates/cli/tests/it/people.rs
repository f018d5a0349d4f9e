//! People: what a person at a terminal is asked and told. The terminal is one of `script`.

use landline_testkit::{Office, Running, Way, needs};

use crate::scene::{BIN, MIB, Scene, dense};

/// `landline ARGUMENTS` of the laptop at a terminal 80 columns wide, whose keys are its standard input.
fn at_a_terminal(people: &Office, scene: &Scene, environment: &str, arguments: &str) -> Running {
    let (home, work) = (scene.laptop.home(), scene.laptop.work());
    let run = format!("exec env {environment} {BIN} --home '{}' {arguments}", home.display());
    let typed = format!("stty cols 80 rows 24; cd '{}'; {run}", work.display());
    let command = people.machine("ann").cmd(["-c", "exec script -qec \"$TYPED\" /dev/null"]);
    command.env("TYPED", typed).env("TERM", "xterm").stdin_open().spawn()
}

const CTRL_C: &[u8] = b"\x03";
const CTRL_D: &[u8] = b"\x04";

#[test]
fn ctrl_c_at_the_question_for_the_code_ends_it_and_the_code_stays_open() {
    if !needs("script") {
        return;
    }
    let scene = Scene::new();
    let people = Office::new("/bin/sh");
    let address = scene.desk.addr();
    let mut asked = at_a_terminal(&people, &scene, "NO_COLOR=1", &format!("join {address} --name again"));
    asked.wait_for_stdout("Code: ");
    asked.say(CTRL_C);
    let seen = asked.wait().exits_with(130).stdout_has("stopped; ");
    let text = String::from_utf8_lossy(seen.stdout_bytes());
    let told = text.lines().find(|line| line.contains("stopped;")).unwrap();
    assert!(!told.contains("Code:"), "what is said next stands on a line of its own: {seen}");
    let mut asked = at_a_terminal(&people, &scene, "NO_COLOR=1", &format!("join {address} --name again"));
    asked.wait_for_stdout("Code: ");
    asked.say(CTRL_D);
    let _ = asked.wait().exits_with(2).stdout_has("\nerror:").stdout_has("no code was typed");
}

#[test]
fn a_mistyped_code_is_asked_for_again_without_bothering_the_other_machine() {
    if !needs("script") {
        return;
    }
    let scene = Scene::new();
    let people = Office::new("/bin/sh");
    let invitation = scene.desk.machine().cmd(["invite", "--json"]).succeeds().json_line();
    let code = invitation["code"].as_str().unwrap();
    let mut asked = at_a_terminal(&people, &scene, "", &format!("join {} --name again", scene.desk.addr()));
    asked.wait_for_stdout("Code: ");
    asked.say("1-abandon-zooo\n");
    asked.wait_for_stdout("did you mean \"zoo\"?");
    asked.say(format!("{code}\n"));
    let _ = asked.wait().exits_with(0).stdout_has("Introduced");
}

#[test]
fn a_passphrase_is_asked_for_twice_and_never_shown() {
    if !needs("script") {
        return;
    }
    let scene = Scene::new();
    let people = Office::new("/bin/sh");
    let export = |second: &str| {
        let mut asked = at_a_terminal(&people, &scene, "NO_COLOR=1", "key export key.txt");
        asked.wait_for_stdout("New passphrase: ");
        asked.say("four words and more\n");
        asked.wait_for_stdout("The same again: ");
        asked.say(second);
        asked.wait().never_says("four words")
    };
    let _ = export("four words and mere\n").exits_with(2).stdout_has("the two passphrases differ");
    assert!(!scene.laptop.work().join("key.txt").exists());
    let _ = export("four words and more\n").exits_with(0).stdout_has("Exported the key");
    let mut asked = at_a_terminal(&people, &scene, "NO_COLOR=1", "key import key.txt");
    asked.wait_for_stdout("Passphrase: ");
    asked.say("four words and more\n");
    let _ = asked.wait().never_says("four words").exits_with(0).stdout_has("already");
}

#[test]
fn ctrl_c_leaves_nothing_of_the_progress_on_the_screen() {
    if !needs("script") {
        return;
    }
    let scene = Scene::new();
    let people = Office::new("/bin/sh");
    let line = scene.line();
    dense(scene.laptop.work().join("big"), 1, 40 * MIB);
    line.stall_after(Way::Up, 4 * MIB as u64);
    let mut sending = at_a_terminal(&people, &scene, "", "put big desk:");
    sending.wait_for_stdout(" of 40.0 MiB");
    sending.say(CTRL_C);
    let seen = sending.wait().exits_with(130);
    let text = String::from_utf8_lossy(seen.stdout_bytes());
    let (progress, told) = text.rsplit_once("\u{1b}[2K").unwrap();
    assert!(told.contains("stopped;") && !told.contains("sending"), "{seen}");
    let pictures = progress.split("\u{1b}[2K").map(|picture| picture.trim_end_matches(['\r', '\n']));
    let widest = pictures.clone().map(|picture| picture.chars().count()).max().unwrap();
    assert!(widest < 80, "the terminal writes ^C behind the progress, where it must not begin a new line: {seen}");
    assert!(!progress.contains('\n'), "{seen}");
}

#[test]
fn colours_are_for_terminals_and_can_be_refused() {
    if !needs("script") {
        return;
    }
    let scene = Scene::new();
    let people = Office::new("/bin/sh");
    let told = |environment| at_a_terminal(&people, &scene, environment, "ls dask:").wait().exits_with(8);
    let (error, hint) = ("error: there is no contact called dask\r\n", "hint: did you mean desk?\r\n");
    let _ = told("").stdout("\u{1b}[1;31merror:\u{1b}[0m there is no contact called dask\r\n\u{1b}[1;36mhint:\u{1b}[0m did you mean desk?\r\n");
    let _ = told("NO_COLOR=1").stdout(&format!("{error}{hint}"));
    let _ = told("TERM=dumb").stdout(&format!("{error}{hint}"));
    let _ = told("NO_COLOR=").stdout_has("\u{1b}[1;31m");
    let _ = scene.laptop.cmd(["ls", "dask:"]).fails_with(8).never_says("\u{1b}");
    let _ = at_a_terminal(&people, &scene, "NO_COLOR=1", "--help").wait().exits_with(0).never_says("\u{1b}[");
}
