use super::*;
use crate::Office;

fn message_of(check: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(check).expect_err("the check should have failed");
    panic.downcast_ref::<String>().cloned().expect("a panic with a formatted message")
}

#[test]
fn checks_follow_each_other_in_one_sentence() {
    let office = Office::new("/bin/sh");
    let desk = office.machine("desk");
    let done = desk.cmd(["-c", "cat; echo talk >&2; exit 3"]).stdin("data").fails_with(3);
    let done = done.stdout("data").stdout_has("at").stderr("talk\n").stderr_has("alk").never_says("secret");
    assert_eq!((done.code(), done.killed_by()), (Some(3), None));
}

#[test]
fn a_wrong_exit_code_shows_the_command_and_all_it_said() {
    let office = Office::new("/bin/sh");
    let cmd = office.machine("desk").cmd(["-c", "echo out; echo talk >&2; exit 4"]);
    let message = message_of(std::panic::AssertUnwindSafe(|| drop(cmd.succeeds())));
    for part in ["should have ended with exit code 0", "desk$ sh -c 'echo out; ", "exit status: 4", "| out", "| talk"] {
        assert!(message.contains(part), "{part:?} is missing in:\n{message}");
    }
}

#[test]
fn a_signal_is_not_an_exit_code() {
    let office = Office::new("/bin/sh");
    let done = office.machine("desk").cmd(["-c", "kill -9 $$"]).run();
    assert_eq!((done.code(), done.killed_by()), (None, Some(9)));
    let message = message_of(|| drop(done.exits_with(9)));
    assert!(message.contains("signal: 9"), "{message}");
}

#[test]
fn a_command_past_its_deadline_is_killed_and_shown() {
    let office = Office::new("/bin/sh");
    // It waits for a writer that never comes; the deadline is what is tested, so it is short.
    let cmd = office.machine("desk").cmd(["-c", "mkfifo pipe && read line < pipe"]).within(Duration::from_millis(100));
    let message = message_of(std::panic::AssertUnwindSafe(|| drop(cmd.run())));
    assert!(message.contains("desk$ sh") && message.contains("did not end within 100ms, and is killed"), "{message}");
}

#[test]
fn large_input_and_output_never_block_each_other() {
    let office = Office::new("/bin/sh");
    let input = vec![b'x'; 3 << 20]; // far more than two pipes hold
    let done = office.machine("desk").cmd(["-c", "cat"]).stdin(input.clone()).succeeds();
    assert_eq!(done.stdout_bytes(), input);
    // A reader that stops early is no error of the test.
    office.machine("desk").cmd(["-c", "head -c 1"]).stdin(input).succeeds().stdout("x");
}

#[test]
fn json_comes_a_value_a_line() {
    let office = Office::new("/bin/sh");
    let desk = office.machine("desk");
    let two = desk.cmd(["-c", r#"echo '{"a":1}'; echo '[2]'"#]).succeeds();
    assert_eq!(two.json(), vec![serde_json::json!({"a": 1}), serde_json::json!([2])]);
    assert!(message_of(|| drop(two.json_line())).contains("exactly one line of JSON"));
    let none = desk.cmd(["-c", "echo no"]).succeeds();
    assert!(message_of(|| drop(none.json())).contains("one JSON value a line"));
}

#[test]
fn environment_and_folder_can_be_set() {
    let office = Office::new("/bin/sh");
    let desk = office.machine("desk");
    desk.write("sub/file", "");
    let cmd = desk.cmd(["-c", "echo $A ${HOME-none}; ls"]).env("A", "1").env("A", "2").env_remove("HOME").cwd("sub");
    cmd.succeeds().stdout("2 none\nfile\n");
}
