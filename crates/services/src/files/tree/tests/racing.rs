//! A directory that turns into a link and back, as fast as the system can, while everything is tried through it.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rustix::fs::{CWD, RenameFlags};

use super::room::{Room, SECRET, path};
use super::*;
use crate::files::engine::LocalEngine;

/// Rounds of all operations. Enough to meet the swap at every step of each, few enough for a second or so.
const ROUNDS: u32 = 400;

/// Swaps two names of the share without a pause while `attempt` is made again and again; how often it met a link.
fn race(room: &Room, names: [&str; 2], mut attempt: impl FnMut() -> u32) -> u32 {
    let (a, b) = (room.share().join(names[0]), room.share().join(names[1]));
    let (done, swaps) = (AtomicBool::new(false), AtomicU32::new(0));
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            // An even number of swaps at the end, so that the names are as they were.
            while !done.load(Ordering::Relaxed) || swaps.load(Ordering::Relaxed) % 2 == 1 {
                rustix::fs::renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Whatever fails in here, the other thread must hear of it, or the scope waits for it for ever.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let (mut met, mut round) = (0, 0);
            while round < ROUNDS || swaps.load(Ordering::Relaxed) < ROUNDS {
                met += attempt();
                round += 1;
            }
            met
        }));
        done.store(true, Ordering::Relaxed);
        outcome
    });
    outcome.unwrap()
}

#[test]
fn a_directory_swapped_for_a_link_never_leads_outside() {
    for which in [0, 1] {
        let room = Room::new();
        let tree = Arc::new(room.trees().into_iter().nth(which).unwrap());
        let engine = Arc::new(LocalEngine::new(Arc::clone(&tree)));
        fs::create_dir(room.share().join("swapped")).unwrap();
        symlink("../outside", room.share().join("other")).unwrap();
        let met = race(&room, ["swapped", "other"], || try_everything(&tree, &engine));
        room.assert_outside_untouched();
        assert!(met > 0, "the race was never met");
    }
}

/// The last name is looked at, then opened: in between it becomes something else.
#[test]
fn a_file_swapped_for_a_link_or_a_pipe_is_never_taken_for_it() {
    for other in ["file_out", "fifo"] {
        let room = Room::new();
        let tree = Tree::open(&room.share()).unwrap();
        let fifo_mode = tree.stat(&path("fifo")).unwrap().mode;
        fs::write(room.share().join("file"), "inside").unwrap();
        race(&room, ["file", other], || {
            for _ in 0..20 {
                if let Ok((file, entry)) = tree.open_file(&path("file")) {
                    assert_eq!(entry.kind, Kind::File);
                    assert_eq!(std::io::read_to_string(file).unwrap(), "inside");
                }
                let _ = tree.set_meta(&path("file"), Some(0o640), Mtime::new(7, 0));
            }
            0
        });
        assert_eq!(tree.stat(&path("fifo")).unwrap().mode, fifo_mode);
        room.assert_outside_untouched();
    }
}

/// One attempt at everything; how often a link was met and refused. Any other outcome but reading the outside is fine.
fn try_everything(tree: &Arc<Tree>, engine: &Arc<LocalEngine>) -> u32 {
    let mut met = 0;
    let mut count = |done: Result<(), TreeError>| {
        met += u32::from(matches!(done, Err(TreeError::Crossing { .. })));
    };
    let secret = path("swapped/secret.txt");
    count(tree.open_file(&secret).map(|(mut file, _)| {
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_ne!(text, SECRET);
    }));
    count(tree.list(&path("swapped")).map(|entries| {
        assert!(entries.iter().all(|entry| entry.name != b"sub"), "the outside was listed");
    }));
    count(tree.set_meta(&secret, Some(0o777), Mtime::new(7, 0)));
    count(tree.remove(&path("swapped/sub"), true));
    count(tree.make_dir(&path("swapped/new"), 0o755));
    count(tree.make_dirs(&path("swapped/new/er")));
    count(tree.rename(&path("dir/secret.txt"), &secret, true));
    count(tree.rename(&secret, &path("dir/secret.txt"), true));
    count(tree.remove(&path("swapped/new"), true));
    count(super::publish(engine, &path("swapped/published")));
    met
}
