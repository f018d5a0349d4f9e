//! The order in which a partial makes things durable, which only a power cut at the wrong moment would show.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::files::tree::{Faults, Verdict};

fn open_on(dir: &Path, faults: Arc<dyn Faults>, plan: &Plan) -> Partial {
    let tree = Tree::open_with_faults(dir, faults).unwrap();
    let dir = Arc::new(tree.dir(&SharePath::root()).unwrap());
    Partial::open_tuned(&dir, &name("f"), &owner(1), plan, Turn::at_once(), |_| TUNING).unwrap()
}

fn settle(partial: &Partial) {
    partial.journal.as_ref().unwrap().settle().unwrap();
}

fn synced(partial: &Partial) -> u32 {
    partial.journal.as_ref().unwrap().header().synced
}

/// Writes down what it is asked.
#[derive(Default)]
struct Log(Mutex<Vec<(Op, Vec<u8>)>>);

impl Faults for Log {
    fn before(&self, op: Op, what: &[u8]) -> Verdict {
        self.0.lock().unwrap().push((op, what.to_vec()));
        Verdict::Go
    }
}

#[test]
fn content_and_then_entries_are_durable_before_the_header_says_so() {
    let dir = room();
    let log = Arc::new(Log::default());
    let mut partial = open_on(dir.path(), Arc::clone(&log) as _, &plan(9 * G));
    for index in 0..8 {
        log.0.lock().unwrap().clear();
        partial.put_group(index, &group(index, G)).unwrap();
        settle(&partial);
        let calls = log.0.lock().unwrap().clone();
        let Some(content) = calls.iter().position(|call| *call == (Op::Sync, Vec::new())) else { continue };
        let later = &calls[content + 1..];
        let header = later.iter().position(|(op, _)| *op == Op::Write).unwrap();
        assert!(later[..header].contains(&(Op::Sync, MAGIC.to_vec())), "group {index}: {calls:?}");
        assert_eq!(later.last().unwrap(), &(Op::Sync, MAGIC.to_vec()), "group {index}");
    }
    assert_eq!(synced(&partial), 4, "every second group was followed by a sync");
}

#[test]
fn no_head_that_is_left_vouches_for_what_was_overwritten() {
    for damaged in [0, 1024] {
        let dir = room();
        let mut partial = open(dir.path(), &plan(5 * G));
        partial.put_group(0, &group(1, G)).unwrap();
        partial.put_group(1, &group(2, G)).unwrap();
        settle(&partial);
        assert_eq!(synced(&partial), 1);
        partial.put_group(0, &group(3, G)).unwrap();
        settle(&partial);
        drop(partial);
        let (staging, journal) = remains(dir.path());
        let file = fs::File::options().write(true).open(journal).unwrap();
        file.write_all_at(&[0xa5; 1024], damaged).unwrap();
        let staged = name_of(&staging);
        let content = fs::File::open(&staging).unwrap();
        let journal = Journal::open(&held_dir(dir.path()), &staged, &content, TUNING).unwrap().unwrap();
        assert_eq!(journal.header().synced, 0, "the head at {damaged} is gone");
    }
}

fn name_of(place: &Path) -> Name {
    Name::parse_staging(place.file_name().unwrap().to_str().unwrap()).unwrap()
}

/// Holds each sync of content until it is told to go on.
struct Gate(Mutex<Receiver<()>>);

impl Faults for Gate {
    fn before(&self, op: Op, what: &[u8]) -> Verdict {
        if op == Op::Sync && what.is_empty() {
            let _ = self.0.lock().unwrap().recv();
        }
        Verdict::Go
    }
}

#[test]
fn a_sync_that_began_before_something_was_overwritten_says_nothing() {
    for overwritten in [false, true] {
        let dir = room();
        let (go, gate) = channel();
        let mut partial = open_on(dir.path(), Arc::new(Gate(Mutex::new(gate))), &plan(5 * G));
        partial.put_group(0, &group(1, G)).unwrap();
        partial.put_group(1, &group(2, G)).unwrap(); // the sync begins, and waits
        if overwritten {
            partial.put_group(0, &group(3, G)).unwrap();
        }
        go.send(()).unwrap();
        settle(&partial);
        assert_eq!(synced(&partial), u32::from(!overwritten));
        drop(go);
    }
}

#[test]
fn what_lies_behind_the_end_of_the_file_is_not_believed_even_in_the_same_boot() {
    let dir = room();
    let (plan, content) = (plan(4 * G), content(4 * G, 3));
    let mut partial = open(dir.path(), &plan);
    put_all(&mut partial, &content[..3 * GROUP]);
    drop(partial);
    let (staging, _) = remains(dir.path());
    fs::File::options().write(true).open(staging).unwrap().set_len(3 * G / 2).unwrap();
    let again = open(dir.path(), &plan);
    assert_eq!(again.held().runs, [(0, 1)]);
    complete(again, &plan, &content, dir.path());
}
