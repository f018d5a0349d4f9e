//! The client is killed: by a signal that nobody can catch, or by Ctrl-C.

use std::fs;

use landline_testkit::{Cut, Done, Linkbox, Signal, Way};

use super::{Moment, NEW, SIZE, is_new, moments, old};
use crate::scene::{MIB, STAGING, Scene, partials, random, residue, snapshot, wait_for_staging};

/// A kill that meets a running line may come too late.
#[track_caller]
fn was_killed(said: &Done, moment: Moment) -> bool {
    let killed = said.killed_by() == Some(9);
    assert!(killed || !moment.still && said.code() == Some(0), "{moment:?}: {said}");
    killed
}

#[test]
fn a_client_that_is_killed_at_any_byte_of_a_put_leaves_the_old_file_or_the_new_one() {
    let scene = Scene::new();
    let moments = moments(1);
    scene.laptop.write("file", &*NEW);
    let mut lines = Vec::new();
    for (n, moment) in moments.iter().copied().enumerate() {
        let name = format!("name-{n}");
        let there = scene.shares(&name, old(n));
        let line = scene.line();
        if moment.still {
            line.stall_after(Way::Up, moment.bytes);
        }
        let put = scene.put("file", format!("desk:{name}")).spawn();
        line.wait_until_passed(Way::Up, moment.bytes);
        put.sigkill();
        let killed = was_killed(&put.wait(), moment);
        assert!(is_new(&there, n, moment) || killed, "{moment:?}: it was told as kept");
        if moment.still {
            line.cut(if n % 4 == 0 { Cut::Fin } else { Cut::Reset });
        }
        lines.push(line); // what was on its way when a running client was killed may still arrive
    }
    let again = Linkbox::to(scene.desk.addr());
    let scene = scene.stopped_and_served_again(&again);
    scene.laptop.dials_through("desk", &again);
    let share = scene.share();
    // Only now nothing passes any more.
    let passed: Vec<_> = lines.iter().map(|line| line.passed(Way::Up)).collect();
    let mut kept = 0;
    for (n, moment) in moments.into_iter().enumerate() {
        let became_new = is_new(&share.join(format!("name-{n}")), n, moment);
        assert!(!became_new || passed[n] >= SIZE as u64, "{moment:?}: new, although only {} bytes came", passed[n]);
        kept += usize::from(!became_new);
        // What is there of it is taken up.
        let _ = scene.put("file", format!("desk:name-{n}")).succeeds();
    }
    assert!(kept >= 12, "only {kept} old files were kept: the moments are no longer in the middle");
    assert_eq!(residue(&share), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_client_that_is_killed_at_any_byte_of_a_get_leaves_the_old_file_or_the_new_one() {
    let scene = Scene::new();
    let line = scene.line();
    scene.shares("file", &*NEW);
    for (n, moment) in moments(2).into_iter().enumerate() {
        let here = scene.laptop.write(format!("in/name-{n}"), old(n));
        let before = line.passed(Way::Down);
        if moment.still {
            line.stall_after(Way::Down, moment.bytes);
        }
        let get = scene.get("desk:file", format!("in/name-{n}")).spawn();
        line.wait_until_passed(Way::Down, before + moment.bytes);
        get.sigkill();
        let killed = was_killed(&get.wait(), moment);
        let became_new = is_new(&here, n, moment);
        assert!(became_new || killed, "{moment:?}: it was told as kept");
        assert!(!became_new || !moment.still || moment.bytes > SIZE as u64, "{moment:?}: new before all had come");
        // Its other end has still bytes for it; none of them may count for the next.
        line.cut(Cut::Reset);
        line.resume(Way::Down);
    }
}

#[test]
fn what_a_killed_get_left_is_swept_by_the_next_one_into_that_folder() {
    let scene = Scene::new();
    let line = scene.line();
    scene.shares("file", &*NEW);
    scene.laptop.write("in/name", "old");
    line.stall_after(Way::Down, MIB as u64);
    let get = scene.get("desk:file", "in/name").spawn();
    let staging = wait_for_staging(scene.laptop.work().join("in"));
    get.sigkill();
    assert_eq!(get.wait().killed_by(), Some(9));
    assert_eq!(residue(scene.laptop.work().join("in")), [staging]);
    assert_eq!(scene.laptop.read("in/name"), b"old");
    line.cut(Cut::Reset);
    line.resume(Way::Down);
    let _ = scene.get("desk:file", "in/last").succeeds();
    assert_eq!(residue(scene.laptop.work().join("in")), Vec::<std::path::PathBuf>::new());
}

#[test]
fn ctrl_c_before_the_first_group_of_a_put_ends_with_130_and_leaves_nothing_behind() {
    let scene = Scene::new();
    let older = scene.shares("name", "older");
    scene.laptop.write("file", random(1, 4 * MIB));
    let line = scene.line();
    line.stall_after(Way::Up, MIB as u64);
    let put = scene.put("file", "desk:name").spawn();
    line.wait_until_passed(Way::Up, MIB as u64);
    put.sigint();
    let _ = put.wait().exits_with(130).stderr_has("stopped; what was not finished has changed nothing");
    drop(line);
    let stopped = scene.stops();
    let share = stopped.share();
    assert_eq!(fs::read(older).unwrap(), b"older");
    assert_eq!(residue(share), Vec::<std::path::PathBuf>::new());
}

#[test]
fn ctrl_c_and_sigterm_before_the_first_group_of_a_get_end_with_130_and_leave_nothing_behind() {
    let scene = Scene::new();
    scene.shares("file", random(1, 4 * MIB));
    scene.laptop.write("name", "older");
    let line = scene.line();
    for signal in [Signal::INT, Signal::TERM] {
        let passed = line.passed(Way::Down);
        line.stall_after(Way::Down, MIB as u64);
        let get = scene.get("desk:file", "name").spawn();
        line.wait_until_passed(Way::Down, passed + MIB as u64);
        get.signal(signal);
        let _ = get.wait().exits_with(130);
        line.cut(Cut::Reset);
        line.resume(Way::Down);
    }
    assert_eq!(scene.laptop.read("name"), b"older");
    assert_eq!(snapshot(scene.laptop.work()).len(), 1);
}

#[test]
fn ctrl_c_while_the_server_does_not_answer_ends_at_once() {
    let scene = Scene::new();
    let line = scene.line();
    line.stall(Way::Down);
    for command in [["ls", "desk:"], ["stat", "desk:"], ["cat", "desk:x"]] {
        let calls = line.calls();
        let running = scene.laptop.cmd(command).spawn();
        line.wait_for_calls(calls + 1);
        running.sigint();
        let _ = running.wait().exits_with(130).stdout("");
    }
}

#[test]
fn what_is_arriving_is_never_listed_fetched_or_touched_by_others() {
    let scene = Scene::new();
    let line = Linkbox::to(scene.desk.addr());
    let slow = scene.another("slow");
    slow.dials_through("desk", &line);
    slow.write("file", random(1, 4 * MIB));
    line.stall_after(Way::Up, MIB as u64);
    fs::create_dir(scene.share().join("dir")).unwrap();
    let put = slow.cmd(["put", "file", "desk:dir/name"]).spawn();
    line.wait_until_passed(Way::Up, MIB as u64);
    let staging = format!("dir/{}", wait_for_staging(scene.share().join("dir")).display());
    assert!(staging.starts_with(&format!("dir/{STAGING}")), "{staging}");
    let _ = scene.put(scene.laptop.write("other", "x"), "desk:dir/").succeeds();
    assert_eq!(residue(scene.share()).len(), 1, "what a living writer has is not swept");
    let _ = scene.laptop.cmd(["ls", "-a", "desk:dir"]).succeeds().stdout("other\n");
    let listed = scene.laptop.cmd(["ls", "-a", "--json", "desk:dir"]).succeeds().json();
    assert_eq!(listed.len(), 1);
    let _ = scene.get("desk:dir", "copy").succeeds().stderr_has("got 1 file");
    for command in ["cat", "rm", "stat", "ls", "mkdir", "get"] {
        let _ = scene.laptop.cmd([command, &format!("desk:{staging}")]).fails_with(2).stderr_has("reserved");
    }
    // A folder in which something arrives can be moved away; then it does not arrive, and is not lost in silence: what
    // came stays where it is, in the folder that was moved.
    let _ = scene.laptop.cmd(["mv", "desk:dir", "desk:moved"]).succeeds();
    line.resume(Way::Up);
    let _ = put.wait().exits_with(5).stderr_has("dir/name: the directory was moved, removed or replaced");
    let stopped = scene.stops();
    let share = stopped.share();
    let left = residue(&share);
    assert!(left.iter().all(|path| path.starts_with("moved")) && partials(&share).len() <= 1, "{left:?}");
    assert_eq!(snapshot(&share).len(), 2 + left.len());
}
