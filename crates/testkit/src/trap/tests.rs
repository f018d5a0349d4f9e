use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::*;
use crate::{Office, PATIENCE};

/// Waits for a writer that never comes, whatever becomes of its input: only a signal ends it.
const STAYS: &str = "mkfifo never; echo up; read line <never";
/// Waits until its input ends.
const WAITS: &str = "echo up; read line";
/// For each line of input, writes 1000 bytes into the file that it names; `end` ends it, and nothing else does.
const WRITES: &str = "mkfifo never; mkdir sub; echo up; while read line; do [ $line != end ] || exit 0; \
    head -c 1000 /dev/zero >>$line; echo wrote; done; read line <never";

fn spawned(office: &Office, script: &str) -> Running {
    let running = office.machine("desk").cmd(["-c", script]).stdin_open().spawn();
    running.wait_for_stdout("up\n");
    running
}

#[test]
fn a_process_is_killed_when_so_many_bytes_have_passed_and_not_before() {
    let office = Office::new("/bin/sh");
    let running = spawned(&office, STAYS);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let line = Linkbox::to(listener.local_addr().unwrap());
    let mut near = TcpStream::connect(line.address()).unwrap();
    let (mut far, _) = listener.accept().unwrap();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    near.write_all(&[1; 500]).unwrap();
    line.wait_until_passed(Way::Up, 500);
    let trap = line.kill_once_passed(Way::Up, 1000, &running);
    near.write_all(&[2; 499]).unwrap();
    line.wait_until_passed(Way::Up, 999);
    assert!(!trap.struck());
    near.write_all(&[3; 10]).unwrap();
    assert_eq!(running.wait().killed_by(), Some(9));
    assert!(trap.struck());
    // The line itself goes on.
    far.read_exact(&mut [0; 1009]).unwrap();
}

#[test]
fn a_point_that_has_passed_kills_at_once() {
    let office = Office::new("/bin/sh");
    let running = spawned(&office, STAYS);
    let line = Linkbox::to("127.0.0.1:1".parse().unwrap());
    let trap = line.kill_once_passed(Way::Down, 0, &running);
    assert_eq!(running.wait().killed_by(), Some(9));
    assert!(trap.struck());
}

#[test]
fn a_process_that_ended_before_its_point_was_not_killed() {
    let office = Office::new("/bin/sh");
    let mut running = spawned(&office, WAITS);
    let line = Linkbox::to("127.0.0.1:1".parse().unwrap());
    let over_line = line.kill_once_passed(Way::Up, 10, &running);
    let by_files = Trap::once_grown(office.root(), ".part-", 1, &running);
    running.end_input();
    let done = running.wait();
    assert_eq!((done.killed_by(), over_line.struck(), by_files.struck()), (None, false, false));
}

#[test]
fn a_trap_for_the_dead_does_not_strike() {
    let office = Office::new("/bin/sh");
    let mut running = spawned(&office, WAITS);
    running.end_input();
    // The end is seen, but the process not yet reaped.
    running.wait_until("end", |seen| seen.has_exited().then_some(()));
    let line = Linkbox::to("127.0.0.1:1".parse().unwrap());
    let trap = line.kill_once_passed(Way::Up, 0, &running);
    assert!(!trap.struck());
    assert_eq!(running.wait().killed_by(), None);
}

#[test]
fn a_dropped_trap_is_disarmed() {
    let office = Office::new("/bin/sh");
    let mut running = spawned(&office, WRITES);
    let folder = office.machine("desk").work();
    drop(Trap::once_grown(&folder, ".part-", 1, &running));
    running.say(".part-1\n");
    running.wait_for_stdout("wrote\n");
    running.say("end\n");
    assert_eq!(running.wait().killed_by(), None);
}

#[test]
fn files_that_are_arriving_are_counted_together_wherever_they_lie() {
    let office = Office::new("/bin/sh");
    let mut running = spawned(&office, WRITES);
    let work = office.machine("desk").work();
    let trap = Trap::once_grown(&work, ".part-", 3000, &running);
    std::fs::create_dir_all(work.join("deep/.part-tree/inner")).unwrap();
    std::fs::File::create(work.join(".part-hollow")).unwrap().set_len(1 << 30).unwrap();
    let mut said = String::from("up\n");
    for file in ["whole", "sub/.part-1", "whole", "deep/.part-tree/inner/file"] {
        running.say(format!("{file}\n"));
        said.push_str("wrote\n");
        running.wait_for_stdout(&said);
        assert!(!trap.struck(), "after {file}");
    }
    running.say("sub/.part-1\n");
    assert_eq!(running.wait().killed_by(), Some(9));
    assert!(trap.struck());
}

#[test]
#[should_panic(expected = "cannot watch")]
fn a_folder_that_is_missing_is_a_mistake_in_the_test() {
    let office = Office::new("/bin/sh");
    let running = spawned(&office, WAITS);
    drop(Trap::once_grown(office.root().join("missing"), ".part-", 1, &running));
}

#[test]
fn points_repeat_with_their_seed_and_are_of_both_kinds() {
    let points = |seed| {
        let mut random = Random::new(seed);
        (0..50).map(|_| KillPoint::any(&mut random, Way::Up, 5 << 20)).collect::<Vec<_>>()
    };
    assert_eq!(points(1), points(1));
    assert_ne!(points(1), points(2));
    assert!(points(1).iter().any(|point| matches!(point, KillPoint::Passed(Way::Up, _))));
    assert!(points(1).iter().any(|point| matches!(point, KillPoint::Grown(1..))));
    assert_eq!(KillPoint::Passed(Way::Up, 7).to_string(), "killed when 7 bytes had gone up the line");
}

#[test]
fn a_point_is_set_at_its_site() {
    let office = Office::new("/bin/sh");
    let line = Linkbox::to("127.0.0.1:1".parse().unwrap());
    let work = office.machine("desk").work();
    let site = KillSite { line: &line, folder: &work, prefix: ".part-" };
    for (point, script) in [
        (KillPoint::Passed(Way::Up, 0), STAYS),
        (KillPoint::Grown(1), "echo up; read line; echo x >.part-1; read line <never"),
    ] {
        let mut running = spawned(&office, script);
        let trap = point.set(&site, &running);
        running.end_input();
        assert_eq!(running.wait().killed_by(), Some(9), "{point}");
        assert!(trap.struck());
    }
}
