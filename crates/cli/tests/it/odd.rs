//! Odd things: nothing that lies in a folder stops the job; what can't be copied is listed with its reason, and tried again.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use landline_testkit::tree::{self, Compare, awkward_names, make_awkward};
use landline_testkit::{Cmd, Done, Way, needs};
use serde_json::Value;

use crate::scene::{BIN, MIB, Scene, dense, random, residue};

#[test]
fn every_awkward_name_goes_both_ways_as_a_file_a_folder_and_a_link() {
    let scene = Scene::new();
    make_awkward(scene.laptop.work().join("odd"));
    let names = awkward_names().len();
    // A link whose name holds dots and slashes nowhere can lead nowhere else: its target is its own name.
    let put = scene.put("odd", "desk:").succeeds();
    let _ = put.stderr_has(&format!("sent {} files", 3 * names)).never_says("\u{1b}");
    let all = Compare { link_times: true, ..Compare::ALL };
    tree::assert_same(scene.laptop.work().join("odd"), scene.share().join("odd"), all);
    let _ = scene.get("desk:odd", "back").succeeds().never_says("\u{1b}");
    tree::assert_same(scene.laptop.work().join("odd"), scene.laptop.work().join("back"), all);
    let again = scene.put("odd", "desk:").arg("--json").succeeds().json();
    assert_eq!(again.last().unwrap()["same"], 3 * names, "the second time nothing is sent");
    let told = again.iter().filter(|event| event["event"] == "same" && event["path"].is_object()).count();
    assert!(told > 10, "names that are no text are told as base64");
    let _ = scene.laptop.cmd(["verify", "odd", "desk:odd"]).succeeds();
}

#[test]
fn each_awkward_name_goes_alone_too() {
    let scene = Scene::new();
    for bytes in awkward_names().iter().step_by(5) {
        let file = scene.laptop.work().join(std::ffi::OsStr::from_bytes(bytes));
        fs::write(&file, bytes).unwrap();
        let _ = scene.put(&file, "desk:").succeeds();
        assert_eq!(fs::read(scene.share().join(std::ffi::OsStr::from_bytes(bytes))).unwrap(), *bytes);
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn what_is_no_file_no_folder_and_no_link_is_left_out_and_told() {
    let scene = Scene::new();
    for machine in [scene.laptop.work(), scene.share()] {
        fs::create_dir_all(machine.join("p")).unwrap();
        fs::write(machine.join("p/file"), "x").unwrap();
        make_pipe(&machine.join("p/pipe"));
        drop(std::os::unix::net::UnixListener::bind(machine.join("p/socket")).unwrap());
    }
    for command in [scene.put("p", "desk:to"), scene.get("desk:p", "to")] {
        let said = command.fails_with(3).stderr_has("; 2 skipped\n");
        for name in ["pipe", "socket"] {
            let _ = said.clone().stderr_has(&format!("warning: skipped to/{name}: "));
        }
    }
    assert_eq!(fs::read_dir(scene.share().join("to")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(scene.laptop.work().join("to")).unwrap().count(), 1);
}

fn make_pipe(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
}

/// A command of the laptop that may not read what its user may not: the superuser gives that up.
fn humbly(scene: &Scene, arguments: &str) -> Done {
    let people = landline_testkit::Office::new("/bin/sh");
    let give_up = "setpriv --bounding-set -dac_override,-dac_read_search";
    let script = format!(
        "cd {}; if [ $(id -u) = 0 ]; then exec {give_up} {BIN} {arguments}; fi; exec {BIN} {arguments}",
        scene.laptop.work().display()
    );
    people.machine("ann").cmd(["-c", &script]).env("LANDLINE_HOME", scene.laptop.home()).run()
}

fn forbid(path: impl AsRef<Path>) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
}

fn allow(path: impl AsRef<Path>) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_may_not_be_read_is_listed_and_a_retry_brings_only_that() {
    if !needs("setpriv") {
        return;
    }
    let scene = Scene::new();
    for path in ["p/a", "p/secret", "p/closed/inside", "p/z"] {
        scene.laptop.write(path, path);
    }
    dense(scene.laptop.work().join("p/large-secret"), 1, 2 * MIB);
    for path in ["p/secret", "p/closed", "p/large-secret"] {
        forbid(scene.laptop.work().join(path));
    }
    let said = humbly(&scene, "put p desk:").exits_with(3).stderr_has("sent 2 files").stderr_has("; 3 failed\n");
    for path in ["p/secret", "p/closed", "p/large-secret"] {
        let _ = said.clone().stderr_has(&format!("error: {path}: ")).stderr_has("ermission denied");
    }
    let _ = said.stderr_has("to try these again: landline retry 1\n");
    let _ = scene.laptop.cmd(["retry"]).succeeds().stdout_has("put desk: 3 things");
    let listed = scene.laptop.cmd(["retry", "--json"]).succeeds().json_line();
    assert_eq!((&listed["job"], &listed["what"], &listed["things"]), (&1.into(), &"put".into(), &3.into()));

    // One of them still can't be read: it gets a number of its own, and the others are done.
    allow(scene.laptop.work().join("p/closed"));
    allow(scene.laptop.work().join("p/large-secret"));
    scene.laptop.write("p/a", "changed meanwhile, and none of this job's business");
    let said = humbly(&scene, "retry 1").exits_with(3).stderr_has("sent 2 files").stderr_has("p/secret: ");
    let _ = said.stderr_has("landline retry 2\n");
    assert_eq!(fs::read(scene.share().join("p/a")).unwrap(), b"p/a");
    assert_eq!(fs::read(scene.share().join("p/closed/inside")).unwrap(), b"p/closed/inside");
    assert!(fs::read(scene.share().join("p/large-secret")).unwrap() == random(1, 2 * MIB));
    let _ = scene.laptop.cmd(["retry", "1"]).fails_with(8).stderr_has("there is no job 1");

    allow(scene.laptop.work().join("p/secret"));
    let _ = humbly(&scene, "retry 2").exits_with(0).stderr_has("sent 1 file");
    assert_eq!(fs::read(scene.share().join("p/secret")).unwrap(), b"p/secret");
    let _ = scene.laptop.cmd(["retry"]).succeeds().stdout("");
}

#[test]
fn what_the_other_machine_may_not_read_is_listed_and_a_retry_brings_only_that() {
    if !needs("setpriv") {
        return;
    }
    let scene = Scene::served_by(
        "if [ $(id -u) = 0 ]; then set -- setpriv --bounding-set -dac_override,-dac_read_search \"$@\"; fi; exec \"$@\"",
    );
    for path in ["p/a", "p/secret", "p/closed/inside", "p/z"] {
        scene.shares(path, path);
    }
    for path in ["p/secret", "p/closed"] {
        forbid(scene.share().join(path));
    }
    let said = scene.get("desk:p", "to").fails_with(3).stderr_has("got 2 files").stderr_has("; 2 failed\n");
    let _ = said.stderr_has("error: to/secret: ").stderr_has("error: to/closed: ").stderr_has("landline retry 1\n");
    for path in ["p/secret", "p/closed"] {
        allow(scene.share().join(path));
    }
    // From wherever it is called.
    fs::create_dir(scene.laptop.work().join("elsewhere")).unwrap();
    let _ = scene.laptop.cmd(["retry", "1"]).cwd("elsewhere").succeeds().stderr_has("got 2 files");
    assert_eq!(scene.laptop.read("to/secret"), b"p/secret");
    assert_eq!(scene.laptop.read("to/closed/inside"), b"p/closed/inside");
    assert_eq!(fs::read_dir(scene.laptop.work().join("elsewhere")).unwrap().count(), 0);
}

type Change = fn(&Path);

/// What may become of a file of a tree while it is read.
const CHANGES: [(&str, Change); 2] = [
    ("grows", |path| {
        use std::io::Write as _;
        fs::File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
    }),
    ("shrinks", |path| fs::File::options().write(true).open(path).unwrap().set_len(MIB as u64).unwrap()),
];

#[test]
fn files_that_change_while_a_tree_is_copied_are_listed_and_the_rest_arrives() {
    for (n, (what, change)) in CHANGES.into_iter().enumerate() {
        let scene = Scene::new();
        let line = scene.line();
        let put = n % 2 == 0;
        let source = if put { scene.laptop.work() } else { scene.share() }.join("p");
        fs::create_dir(&source).unwrap();
        for (name, size) in [("a", 100), ("b-changes", 64 * MIB), ("c", 3 * MIB), ("d", 10)] {
            dense(source.join(name), 1, size);
        }
        let way = if put { Way::Up } else { Way::Down };
        line.stall_after(way, 2 * MIB as u64);
        let running = if put { scene.put("p", "desk:to") } else { scene.get("desk:p", "to") }.arg("--json").spawn();
        line.wait_until_passed(way, 2 * MIB as u64);
        change(&source.join("b-changes"));
        line.resume(way);
        let said = running.wait();
        assert_eq!(said.code(), Some(3), "a file that {what}: {said}");
        let events = said.json();
        let failed: Vec<&Value> = events.iter().filter(|event| event["event"] == "failed").collect();
        assert_eq!((failed.len(), &failed[0]["path"]), (1, &"to/b-changes".into()), "a file that {what}: {said}");
        let done = events.last().unwrap();
        assert_eq!((&done["files"], &done["failed"], &done["job"]), (&3.into(), &1.into(), &1.into()), "{said}");
        let copy = if put { scene.share() } else { scene.laptop.work() }.join("to");
        for name in ["a", "c", "d"] {
            assert!(fs::read(copy.join(name)).unwrap() == fs::read(source.join(name)).unwrap(), "{name}");
        }
        assert!(!copy.join("b-changes").exists(), "a file that {what}");
        // The second time it is whatever it is by now.
        let _ = scene.laptop.cmd(["retry", "1"]).succeeds();
        assert!(fs::read(copy.join("b-changes")).unwrap() == fs::read(source.join("b-changes")).unwrap(), "{what}");
        // A retry of a get is another source to the partial of the first, which waits for the whole command.
        assert!(!put || residue(&copy).is_empty(), "{what}");
    }
}

#[test]
fn what_is_gone_before_its_turn_is_told_or_as_if_it_had_never_been_there() {
    let scene = Scene::new();
    let line = scene.line();
    dense(scene.laptop.write("p/a", ""), 1, 64 * MIB);
    for n in 0..40 {
        scene.laptop.write(format!("p/later-{n}"), "x");
        scene.laptop.write(format!("p/z-folder/{n}"), "x");
    }
    line.stall_after(Way::Up, 2 * MIB as u64);
    let running = scene.put("p", "desk:").arg("--json").spawn();
    line.wait_until_passed(Way::Up, 2 * MIB as u64);
    for n in 0..20 {
        fs::remove_file(scene.laptop.work().join(format!("p/later-{n}"))).unwrap();
    }
    fs::remove_dir_all(scene.laptop.work().join("p/z-folder")).unwrap();
    line.resume(Way::Up);
    let said = running.wait();
    assert!([Some(0), Some(3)].contains(&said.code()), "{said}");
    let done = said.json().pop().unwrap();
    let there: Vec<PathBuf> = (20..40).map(|n| scene.share().join(format!("p/later-{n}"))).collect();
    assert!(there.iter().all(|path| fs::read(path).is_ok_and(|bytes| bytes == b"x")), "{said}");
    assert!(fs::read(scene.share().join("p/a")).unwrap() == scene.laptop.read("p/a"));
    assert!(done["files"].as_u64().unwrap() >= 21, "{done}");
}

#[test]
fn a_failure_deep_in_a_tree_is_told_and_retried_by_its_whole_path() {
    let scene = Scene::new();
    scene.laptop.write("p/q/r/file", "x");
    scene.laptop.write("p/q/other", "x");
    scene.shares("p/q/r", "a file where a folder should be");
    let json = scene.put("p", "desk:").arg("--json").fails_with(3).json();
    let failed: Vec<_> = json.iter().filter(|event| event["event"] == "failed").collect();
    assert_eq!(failed.iter().map(|event| event["path"].as_str().unwrap()).collect::<Vec<_>>(), ["p/q/r"]);
    fs::remove_file(scene.share().join("p/q/r")).unwrap();
    let _ = scene.laptop.cmd(["retry", "1"]).succeeds().stderr_has("sent 1 file");
    assert_eq!(fs::read(scene.share().join("p/q/r/file")).unwrap(), b"x");
}

#[test]
fn a_job_that_is_not_known_is_told_and_one_of_another_machine_is_not_touched() {
    let scene = Scene::new();
    let unknown: Cmd = scene.laptop.cmd(["retry", "7"]);
    let _ = unknown.fails_with(8).stderr_has("there is no job 7 to try again").stderr_has("hint: ");
    let _ = scene.laptop.cmd(["retry"]).succeeds().stdout("").stderr_has("nothing waits to be tried again");
    let _ = scene.laptop.cmd(["retry", "x"]).fails_with(2);
}
