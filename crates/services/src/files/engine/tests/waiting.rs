//! How long things wait: complete files for company, and a stream for what another one holds.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::*;
use crate::files::{
    digest::GROUP,
    engine::{Arrival, Policy, Verdict, patience::Patience},
};
use landline_addr::path::SharePath;

#[test]
fn what_is_complete_waits_a_second_at_most_while_a_large_file_goes_on_arriving() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("there")).unwrap();
    let bytes = big(4 * GROUP, 1);
    let groups: Vec<_> = (0..).zip(bytes.chunks(GROUP)).map(|(index, group)| HashedGroup::of(index, group)).collect();
    let begin = Instant::now();
    let at = |millis| begin + Duration::from_millis(millis);
    let mut stream = arrival(dir.path());
    stream.dir(&path("there")).unwrap();
    stream.file(0, &path("large"), plan(bytes.len())).unwrap();
    stream.group(0, &groups[0]).unwrap();
    assert!(!stream.wants_flush(at(0)) && !stream.wants_flush(at(60_000)), "nothing is complete");

    send(&mut stream, 1, "small", plan(3), b"abc").unwrap();
    assert!(!stream.wants_flush(at(60_000)));
    send(&mut stream, 2, "too", plan(3), b"def").unwrap();
    stream.group(0, &groups[1]).unwrap();
    assert!(!stream.wants_flush(at(60_999)));
    assert!(stream.wants_flush(at(61_000)));
    assert_eq!(kept(&stream.flush()), ["there/small", "there/too"]);
    assert_eq!(fs::read_to_string(dir.path().join("there/too")).unwrap(), "def");
    assert!(!stream.wants_flush(at(62_500)), "nothing waits any more");

    // A tree that is whole waits for its name no longer than a file.
    stream.dir(&path("new")).unwrap();
    send(&mut stream, 3, "f", plan(1), b"x").unwrap();
    assert!(!stream.wants_flush(at(63_000)) && !stream.wants_flush(at(65_000)), "it is not whole yet");
    stream.dir_end(0o755, time(1));
    assert!(!stream.wants_flush(at(65_000)));
    assert!(stream.wants_flush(at(66_000)));
    assert_eq!(kept(&stream.flush()), ["there/new/f"]);

    for group in &groups[2..] {
        stream.group(0, group).unwrap();
    }
    stream.end(0, bytes.len() as u64, blake3::hash(&bytes)).unwrap();
    stream.dir_end(0o755, time(1));
    assert_eq!(kept(&stream.finish()), ["there/large"]);
}

thread_local! {
    /// How often a stream of this thread waited.
    static WAITED: Cell<u32> = const { Cell::new(0) };
}

fn impatient(dir: &Path, looks: u32) -> Arrival {
    WAITED.set(0);
    let mut stream = engine(dir).arrive(&SharePath::root(), owner(1), Policy::default());
    stream.set_patience(Patience::of(looks, |_| WAITED.set(WAITED.get() + 1)));
    stream
}

#[test]
fn a_stream_waits_for_all_that_another_one_holds_together_no_longer_than_for_one_name() {
    let dir = TempDir::new().unwrap();
    let bytes = big(2 * GROUP, 1);
    let mut earlier = arrival(dir.path());
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        earlier.file(number as u64, &path(name), plan(bytes.len())).unwrap();
        earlier.group(number as u64, &HashedGroup::of(0, &bytes[..GROUP])).unwrap();
    }
    send(&mut earlier, 7, "small", plan(1), b"x").unwrap();
    earlier.dir(&path("new")).unwrap();
    send(&mut earlier, 8, "f", plan(1), b"x").unwrap();

    let mut stream = impatient(dir.path(), 5);
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        assert_eq!(stream.file(number as u64, &path(name), plan(bytes.len())).unwrap(), Verdict::Want);
    }
    send(&mut stream, 7, "small", plan(1), b"x").unwrap();
    stream.dir(&path("new")).unwrap();
    assert_eq!(WAITED.get(), 5);
    drop((stream, earlier));

    // Nobody holds it any more: it is taken up, and nobody waits.
    let mut stream = impatient(dir.path(), 5);
    assert!(matches!(stream.file(0, &path("a"), plan(bytes.len())).unwrap(), Verdict::Rest(_)));
    assert_eq!(WAITED.get(), 0);
}

#[test]
fn a_stream_that_says_a_name_twice_does_not_wait_for_itself() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("there")).unwrap();
    let bytes = big(2 * GROUP, 1);
    let mut stream = impatient(dir.path(), 5);
    stream.file(0, &path("arriving"), plan(bytes.len())).unwrap();
    stream.file(1, &path("arriving"), plan(bytes.len())).unwrap();
    send(&mut stream, 2, "ready", plan(bytes.len()), &bytes).unwrap();
    send(&mut stream, 3, "ready", plan(bytes.len()), &bytes).unwrap();
    for number in [4, 5] {
        stream.dir(&path("new")).unwrap();
        send(&mut stream, number, "f", plan(1), b"x").unwrap();
        stream.dir_end(0o755, time(1));
        stream.dir(&path("there")).unwrap();
        send(&mut stream, number + 4, "f", plan(1), b"x").unwrap();
        stream.dir_end(0o755, time(1));
    }
    assert_eq!(WAITED.get(), 0);
    assert_eq!(kept(&stream.finish()).len(), 6);
}
