//! Terminal: what a person sees while a copy runs. The terminal is one of `script`.

use landline_testkit::{Office, Running, Way, needs};

use crate::scene::{BIN, MIB, Scene, dense};

/// `landline ARGUMENTS` of the laptop, at a terminal of its own; what the screen gets is the standard output.
fn at_a_terminal(people: &Office, scene: &Scene, arguments: &str) -> Running {
    let (home, work) = (scene.laptop.home(), scene.laptop.work());
    let typed = format!("stty cols 100; cd {}; exec {BIN} --home {} {arguments}", work.display(), home.display());
    let command = people.machine("ann").cmd(["-c", "exec script -qec \"$TYPED\" /dev/null"]);
    command.env("TYPED", typed).env("TERM", "xterm").stdin_open().spawn()
}

#[test]
fn a_terminal_shows_progress_and_in_the_end_the_closing_line() {
    if !needs("script") {
        return;
    }
    let scene = Scene::new();
    let people = Office::new("/bin/sh");
    let line = scene.line();
    dense(scene.laptop.work().join("big"), 1, 40 * MIB);
    for (arguments, way, doing, done) in [
        ("put big desk:big", Way::Up, "sending", "sent 1 file, 40.0 MiB in "),
        ("get desk:big back", Way::Down, "getting", "got 1 file, 40.0 MiB in "),
    ] {
        line.stall_after(way, 4 * MIB as u64);
        let running = at_a_terminal(&people, &scene, arguments);
        running.wait_for_stdout(&format!("{doing}  "));
        running.wait_for_stdout(" of 40.0 MiB");
        line.resume(way);
        let seen = running.wait().exits_with(0).stdout_has("\u{1b}[").stdout_has(" of 1 file");
        let text = String::from_utf8_lossy(seen.stdout_bytes());
        let last = text.trim_end().rsplit(['\r', '\n']).next().unwrap();
        let closing = last.rsplit("\u{1b}[2K").next().unwrap();
        assert!(closing.starts_with(done) && closing.ends_with(", verified"), "{closing:?}\n{seen}");
        let (before, _) = text.split_once(done).unwrap();
        assert!(!before.contains("100 %") || before.rfind("100 %") > before.rfind("99 %"), "{seen}");
    }
}

#[test]
fn a_failure_beside_the_progress_stands_on_a_line_of_its_own() {
    if !needs("script") {
        return;
    }
    let scene = Scene::new();
    let people = Office::new("/bin/sh");
    scene.laptop.write("p/a", "x");
    scene.laptop.write("p/b", "x");
    scene.shares("p/a/in-the-way", "x");
    let seen = at_a_terminal(&people, &scene, "put p desk:").wait().exits_with(3);
    let text = String::from_utf8_lossy(seen.stdout_bytes());
    let told = text.lines().find(|line| line.contains("p/a: is a directory")).unwrap();
    assert!(told.contains("error:") && !told.contains("sending"), "{seen}");
    let _ = seen.stdout_has("; 1 failed");
}

#[test]
fn quiet_draws_nothing_on_a_terminal() {
    if !needs("script") {
        return;
    }
    let scene = Scene::new();
    let people = Office::new("/bin/sh");
    scene.laptop.write("file", "x");
    let _ = at_a_terminal(&people, &scene, "--quiet put file desk:").wait().exits_with(0).stdout("");
}

#[test]
fn cat_on_a_terminal_shows_what_would_act_on_it() {
    if !needs("script") {
        return;
    }
    let scene = Scene::new();
    let people = Office::new("/bin/sh");
    scene.shares("hostile", "a\u{1b}[2Jb\n");
    let seen = at_a_terminal(&people, &scene, "cat desk:hostile").wait().exits_with(0);
    let _ = seen.stdout("a\\u{1b}[2Jb\r\n");
    let raw = at_a_terminal(&people, &scene, "cat --raw desk:hostile").wait().exits_with(0);
    let _ = raw.stdout("a\u{1b}[2Jb\r\n");
}

#[test]
fn an_argument_that_is_complained_of_cannot_act_on_the_terminal() {
    if !needs("script") {
        return;
    }
    let scene = Scene::new();
    let people = Office::new("/bin/sh");
    let seen = at_a_terminal(&people, &scene, r#"put "$(printf 'x\033]0;owned\007\ny:a')" desk:"#).wait().exits_with(2);
    let _ = seen.stdout_has("x\\u{1b}]0;owned\\u{7}\\ny:a").never_says("\u{1b}]0;owned");
}
