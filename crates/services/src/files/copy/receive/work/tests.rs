//! A stream as the line hands it to the disk thread, and what the clocks of its watch say of it.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::files::{
    digest::GROUP,
    engine::{LocalEngine, Owner, Policy},
    tree::Tree,
};

/// More than a stream of these tests is made of.
const ENOUGH: usize = 64;

/// Runs a stream into `dir`.
fn receive(dir: &Path, watch: &Watch, stream: Vec<In>) {
    receive_by(Instant::now, dir, watch, stream);
}

fn receive_by(clock: fn() -> Instant, dir: &Path, watch: &Watch, stream: Vec<In>) {
    let to = Destination {
        engine: Arc::new(LocalEngine::new(Arc::new(Tree::open(dir).unwrap()))),
        base: SharePath::root(),
        judge: Box::new(|_, _| Ok(())),
        owner: Owner { id: [1; 32], label: "ann".to_owned() },
        policy: Policy::default(),
    };
    let (in_tx, in_rx) = mpsc::channel(ENOUGH);
    let (backs_tx, _backs) = mpsc::channel(ENOUGH);
    let (back_tx, _back) = mpsc::channel(ENOUGH);
    for step in stream {
        assert!(in_tx.try_send(step).is_ok());
    }
    drop(in_tx);
    let ended = (CancellationToken::new(), oneshot::channel().1);
    let mut work = Work::new(to, (backs_tx, back_tx), ended, Lanes::default(), watch.clone());
    work.clock = clock;
    work.run(in_rx);
}

fn records(records: &[Put<'_>]) -> In {
    let mut frame = Vec::new();
    records.iter().for_each(|record| record.write(&mut frame));
    In::Records(frame)
}

fn file(path: &[u8], size: u64) -> Put<'_> {
    Put::File { path, entry: Entry { size: Some(size), mode: 0o644, sparse: true, ..Entry::default() } }
}

#[test]
fn hashing_has_a_clock_of_its_own_for_whole_files_groups_and_holes() {
    let group = vec![7; GROUP];
    let size = 2 * GROUP as u64;
    let zeros = blake3::hash(&vec![0; 2 * GROUP]);
    let streams = [
        vec![records(&[
            file(b"whole", 1 << 19),
            Put::Whole { number: 0, hash: *blake3::hash(&group[..1 << 19]).as_bytes(), bytes: &group[..1 << 19] },
        ])],
        vec![
            records(&[file(b"group", GROUP as u64), Put::Group { number: 0, index: 0, inflated: None }]),
            In::Data(group.clone()),
            records(&[Put::End { number: 0, size: GROUP as u64, hash: *blake3::hash(&group).as_bytes() }]),
        ],
        vec![records(&[
            file(b"hole", size),
            Put::Hole { number: 0, first: 0, count: 2 },
            Put::End { number: 0, size, hash: *zeros.as_bytes() },
        ])],
    ];
    for (mut stream, name) in streams.into_iter().zip(["whole", "group", "hole"]) {
        let dir = tempfile::TempDir::new().unwrap();
        let watch = Watch::new(drop);
        stream.push(In::Item(Item::Finish {}));
        receive(dir.path(), &watch, stream);
        assert_eq!(watch.files(), 1, "{name}");
        let (hash, disk) = (watch.busy(Stage::Hash), watch.busy(Stage::Disk));
        assert!(!hash.is_zero() && !disk.is_zero(), "{name}: hashing {hash:?}, writing {disk:?}");
        assert_eq!(watch.ours().hash, u64::try_from(hash.as_millis()).unwrap(), "{name}: the other end hears of it");
    }
}

thread_local! {
    /// How often it was asked what time it is.
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

/// A second passes from one look to the next.
fn one_more_second() -> Instant {
    thread_local!(static BEGIN: Instant = Instant::now());
    ASKED.set(ASKED.get() + 1);
    BEGIN.with(|begin| *begin + Duration::from_secs(ASKED.get().into()))
}

#[test]
fn a_sign_of_life_is_enough_to_publish_what_has_waited_and_no_file_costs_a_look_at_the_clock() {
    let hash = *blake3::hash(b"x").as_bytes();
    let names: Vec<String> = (0..100).map(|number| format!("f{number}")).collect();
    let small = || {
        let whole = |(number, name): (u64, &String)| {
            let mut frame = Vec::new();
            file(name.as_bytes(), 1).write(&mut frame);
            Put::Whole { number, hash, bytes: b"x" }.write(&mut frame);
            frame
        };
        In::Records((0..).zip(&names).flat_map(whole).collect())
    };
    // Nobody says that it was all: what is published was published before.
    for (signs, published) in [(0, 0), (1, 100)] {
        let dir = tempfile::TempDir::new().unwrap();
        let watch = Watch::new(drop);
        let life = (0..signs).map(|_| In::Item(Item::Working { load: None }));
        ASKED.set(0);
        receive_by(one_more_second, dir.path(), &watch, std::iter::once(small()).chain(life).collect());
        assert_eq!((watch.files(), ASKED.get()), (published, 1 + signs));
    }
}
