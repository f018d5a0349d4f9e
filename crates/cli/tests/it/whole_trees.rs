//! Whole trees: one that is new at its destination is not there, and then it is there complete.
//!
//! The folder that it arrives in is watched by inotify(7), so nothing that is visible for a moment goes unnoticed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use landline_testkit::tree::{self, Compare, Shape};
use landline_testkit::{Cmd, Cut, Way};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use crate::scene::{MIB, STAGING, Scene, dense, residue, snapshot};

/// What happened in one folder.
struct Watched(OwnedFd);

impl Watched {
    fn new(folder: &Path, events: WatchFlags) -> Self {
        let news = inotify::init(CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&news, folder, events).unwrap();
        Self(news)
    }

    /// Events since the last look, in their order, with the names they speak of.
    fn look(&self) -> Vec<(ReadFlags, OsString)> {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 16 * 1024];
        let mut reader = inotify::Reader::new(&self.0, &mut buffer);
        let mut seen = Vec::new();
        while let Ok(event) = reader.next() {
            let name = event
                .file_name()
                .map_or_else(OsString::new, |name| std::ffi::OsStr::from_bytes(name.to_bytes()).into());
            seen.push((event.events(), name));
        }
        seen
    }
}

/// The tree, its size on the line beyond what the kernel may hold.
fn make(folder: &Path) {
    tree::make(folder, &Shape { seed: 11, files: 60, largest: 30_000, odd_names: true, links: false });
    for name in ["aa-first", "zz-last"] {
        dense(folder.join(name), 12, 3 * MIB);
    }
    std::os::unix::fs::symlink("folder-0", folder.join("link")).unwrap();
}

/// Both directions: which way the bytes go, the command, and the folder in which `new` shall be.
fn both(scene: &Scene) -> [(Way, Cmd, PathBuf, PathBuf); 2] {
    make(&scene.laptop.work().join("from/tree"));
    make(&scene.share().join("from/tree"));
    let (there, here) = (scene.share().join("to"), scene.laptop.work().join("to"));
    for folder in [&there, &here] {
        fs::create_dir(folder).unwrap();
    }
    [
        (Way::Up, scene.put("from/tree", "desk:to/new"), scene.laptop.work().join("from/tree"), there),
        (Way::Down, scene.get("desk:from/tree", "to/new"), scene.share().join("from/tree"), here),
    ]
}

fn is_staging(name: &std::ffi::OsStr) -> bool {
    name.as_bytes().starts_with(STAGING.as_bytes())
}

fn names(folder: &Path) -> Vec<OsString> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn a_tree_that_is_new_is_never_seen_half_way_and_then_is_there_at_once() {
    let scene = Scene::new();
    let line = scene.line();
    for (way, command, source, folder) in both(&scene) {
        let watched = Watched::new(&folder, WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::DELETE);
        let before = line.passed(way);
        line.stall_after(way, MIB as u64);
        let running = command.spawn();
        let mut staged = None;
        for stop in [MIB, 3 * MIB, 5 * MIB] {
            line.wait_until_passed(way, before + stop as u64);
            let found = names(&folder);
            assert!(found.iter().all(|name| is_staging(name)), "{way:?}: {found:?} is visible");
            if staged.is_none()
                && let Some(name) = found.first()
            {
                let inside = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::ATTRIB | WatchFlags::DELETE;
                staged = Some(Watched::new(&folder.join(name), inside | WatchFlags::MOVED_TO | WatchFlags::MOVE_SELF));
            }
            line.resume(way);
            line.stall_after(way, 2 * MIB as u64);
        }
        line.resume(way);
        let _ = running.wait().exits_with(0);
        tree::assert_same(&source, folder.join("new"), Compare { link_times: true, ..Compare::ALL });
        let seen: BTreeMap<OsString, Vec<ReadFlags>> = watched
            .look()
            .into_iter()
            .filter(|(_, name)| !is_staging(name))
            .fold(BTreeMap::new(), |mut seen, (event, name)| {
                seen.entry(name).or_insert_with(Vec::new).push(event);
                seen
            });
        assert_eq!(seen.len(), 1, "{way:?}: {seen:?}");
        let events = &seen[&OsString::from("new")];
        assert_eq!(events.len(), 1, "{way:?}: {events:?}");
        assert!(events[0].contains(ReadFlags::MOVED_TO), "{way:?}: {events:?}");
        // Nothing was done to it after it had its name.
        let inside = staged.expect("it was arriving").look();
        let moved = inside.iter().position(|(event, _)| event.contains(ReadFlags::MOVE_SELF)).expect("it was moved");
        assert_eq!(inside[moved + 1..], [], "{way:?}");
    }
    assert!(residue(scene.laptop.work()).is_empty() && residue(scene.stops().share()).is_empty());
}

#[test]
fn a_tree_that_was_cut_in_the_middle_is_not_there_and_the_next_run_brings_it() {
    let scene = Scene::new();
    let line = scene.line();
    let again = both(&scene).map(|(way, command, source, folder)| {
        line.cut_after(way, 4 * MIB as u64, Cut::Fin);
        let _ = command.args(["--reconnect", "0"]).fails_with(4).stderr_has("the line to desk was cut");
        line.resume(way);
        let found = names(&folder);
        assert!(!found.is_empty() && found.iter().all(|name| is_staging(name)), "{way:?}: {found:?} is visible");
        (way, source, folder)
    });
    for command in [["ls", "desk:to"], ["ls", "desk:to/new"]] {
        let said = scene.laptop.cmd(command).run();
        assert!(said.stdout_bytes().is_empty(), "{said}");
    }
    let scene = scene.stopped_and_served_again(&line);
    for (way, source, folder) in again {
        let before = line.passed(way);
        let _ = match way {
            Way::Up => scene.put("from/tree", "desk:to/new"),
            Way::Down => scene.get("desk:from/tree", "to/new"),
        }
        .succeeds();
        tree::assert_same(&source, folder.join("new"), Compare { link_times: true, ..Compare::ALL });
        assert!(line.passed(way) - before < 5 * MIB as u64, "{way:?}");
        assert!(residue(&folder).is_empty());
    }
}

#[test]
fn a_tree_in_which_a_file_failed_appears_without_it() {
    let scene = Scene::new();
    scene.laptop.write("tree/good", "x");
    std::os::unix::fs::symlink("/etc/passwd", scene.laptop.work().join("tree/bad")).unwrap();
    let _ = scene.put("tree", "desk:").fails_with(3).stderr_has("error: tree/bad: ").stderr_has("; 1 failed\n");
    assert_eq!(snapshot(scene.share()).into_keys().collect::<Vec<_>>(), ["tree", "tree/good"].map(PathBuf::from));
}

#[test]
fn into_a_folder_that_is_there_files_come_one_by_one_each_whole() {
    let scene = Scene::new();
    dense(scene.laptop.write("tree/a", "x"), 1, 2 * MIB);
    dense(scene.laptop.write("tree/b", "x"), 2, 6 * MIB);
    scene.shares("tree/a", "old");
    scene.shares("tree/other", "stays");
    let line = scene.line();
    line.cut_after(Way::Up, 5 * MIB as u64, Cut::Fin);
    let _ = scene.put("tree", "desk:").args(["--reconnect", "0"]).fails_with(4);
    let scene = scene.stopped_and_served_again(&line);
    let there = |name: &str| fs::read(scene.share().join("tree").join(name)).unwrap();
    assert!(there("a") == scene.laptop.read("tree/a") && there("other") == b"stays");
    assert!(!scene.share().join("tree/b").exists());
    let before = line.passed(Way::Up);
    let _ = scene.put("tree", "desk:").succeeds().stderr_has("sent 1 file").stderr_has("1 unchanged");
    assert!(line.passed(Way::Up) - before < 5 * MIB as u64);
    assert!(there("b") == scene.laptop.read("tree/b") && residue(scene.share()).is_empty());
}

#[test]
fn what_is_complete_outlives_a_server_that_is_killed_while_a_large_file_still_arrives() {
    let scene = Scene::new();
    scene.laptop.write("tree/a", "small");
    dense(scene.laptop.write("tree/b", "x"), 2, 40 * MIB);
    let there = scene.share().join("tree");
    fs::create_dir(&there).unwrap();
    let line = scene.line();
    let put = scene.put("tree", "desk:").args(["--limit", "4M", "--reconnect", "0"]).spawn();
    while !there.join("a").exists() {
        assert!(line.passed(Way::Up) < 30 * MIB as u64, "it waits for the large one");
        std::thread::yield_now();
    }
    scene.desk.sigkill();
    let _ = put.wait().exits_with(4);
    assert_eq!(fs::read_to_string(there.join("a")).unwrap(), "small");
    assert!(!there.join("b").exists());
}

#[test]
fn of_two_trees_under_one_name_the_last_to_finish_is_there_whole() {
    let scene = Scene::new();
    let rival = scene.another("rival");
    for (machine, seed) in [(&scene.laptop, 1), (&rival, 2)] {
        for (name, size) in [("same/both", 2 * MIB + 5), ("same/small", 100), ("zz", 3 * MIB)] {
            dense(machine.write(format!("tree/{name}"), ""), seed, size);
        }
        machine.write(format!("tree/only-{seed}"), "x");
    }
    let line = scene.line();
    line.stall_after(Way::Up, 4 * MIB as u64);
    let first = scene.put("tree", "desk:new").spawn();
    line.wait_until_passed(Way::Up, 4 * MIB as u64);
    assert!(!scene.share().join("new").exists());
    let _ = rival.cmd(["put", "tree", "desk:new"]).succeeds();
    tree::assert_same(rival.work().join("tree"), scene.share().join("new"), Compare::ALL);
    line.resume(Way::Up);
    let _ = first.wait().exits_with(0);
    // A folder is never replaced: what only the other one brought is still there.
    let found = tree::differences(scene.laptop.work().join("tree"), scene.share().join("new"), Compare::FILES);
    assert_eq!(found, ["only-2: only right"]);
    assert!(residue(scene.stops().share()).is_empty());
}
