//! One file: whole or not at all, as its sender meant it.

use std::os::unix::fs::MetadataExt as _;

use super::*;
use crate::files::{
    digest::GROUP,
    engine::{Fate, PublishError, Verdict, arrival::Plan},
    tree::{Refusal, TreeError, sweep},
};
use landline_addr::path::SharePath;
use landline_wire::ErrorCode;

#[test]
fn publishes_what_was_sent_with_its_permissions_and_time() {
    let dir = TempDir::new().unwrap();
    for (name, len) in [("small", 3_000), ("middle", 800 << 10), ("big", 3_000_000)] {
        let bytes = big(len, 1);
        for size in [None, u64::try_from(len).ok()] {
            let place = format!("new/dir/{name}");
            let fates = publish(&mut arrival(dir.path()), &place, Plan { size, mode: 0o4751, ..plan(0) }, &bytes);
            let [Fate::Kept { number: 0, published }] = fates.as_slice() else { panic!("{fates:?}") };
            assert_eq!((published.size, published.hash), (len as u64, Some(blake3::hash(&bytes))));
            assert_eq!(published.path, path(&place));
            let tree = crate::files::tree::Tree::open(dir.path()).unwrap();
            assert_eq!(published.version, tree.stat(&path(&place)).unwrap().version());
            let file = dir.path().join(&place);
            assert_eq!(mode(&file), 0o751, "setuid never comes from outside");
            assert_eq!(mtime(&file), (1_000_000_000, 5_000));
            assert!(fs::read(&file).unwrap() == bytes);
            assert_eq!(names(file.parent().unwrap()), [name]);
            fs::remove_file(&file).unwrap();
        }
    }
}

#[test]
fn an_empty_file_is_a_file_however_it_comes() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    send(&mut stream, 0, "whole", plan(0), b"").unwrap();
    stream.file(1, &path("ended"), plan(0)).unwrap();
    stream.end(1, 0, blake3::hash(b"")).unwrap();
    stream.file(2, &path("unknown"), Plan { size: None, ..plan(0) }).unwrap();
    stream.end(2, 0, blake3::hash(b"")).unwrap();
    assert_eq!(kept(&stream.finish()), ["ended", "unknown", "whole"]);
    assert_eq!(fs::metadata(dir.path().join("ended")).unwrap().len(), 0);
    assert_eq!(names(dir.path()), ["ended", "unknown", "whole"]);
}

#[test]
fn the_old_file_is_intact_until_the_new_one_is_published() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("f");
    for new in [b"new".to_vec(), big(3 * GROUP / 2, 2)] {
        fs::write(&file, "old").unwrap();
        let before = fs::metadata(&file).unwrap().ino();
        let mut stream = arrival(dir.path());
        send(&mut stream, 0, "f", plan(new.len()), &new).unwrap();
        drop(stream); // neither finished nor cut: nothing is published
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), fs::metadata(&file).unwrap().ino()), ("old", before));
        assert_eq!(kept(&publish(&mut arrival(dir.path()), "f", plan(new.len()), &new)), ["f"]);
        assert!(fs::read(&file).unwrap() == new);
        assert_eq!(names(dir.path()), ["f"]);
    }
}

#[test]
fn bytes_that_are_not_the_senders_are_never_published() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("f"), "old").unwrap();
    let mut stream = arrival(dir.path());
    let meant = blake3::hash(b"what was meant");
    stream.file(0, &path("f"), plan(3)).unwrap();
    let outcome = stream.whole(0, &HashedFile::of(b"new"), meant).unwrap_err();
    assert!(matches!(&outcome, PublishError::Integrity { got, .. } if *got == blake3::hash(b"new")), "{outcome:?}");
    assert_eq!(outcome.code(), ErrorCode::Integrity);

    let bytes = big(2 * GROUP, 0);
    stream.file(1, &path("f"), plan(bytes.len())).unwrap();
    stream.group(1, &HashedGroup::of(1, &bytes[GROUP..])).unwrap();
    stream.end(1, bytes.len() as u64, meant).unwrap(); // a group is missing: it may come over another lane
    let outcome = stream.group(1, &HashedGroup::of(0, &bytes[..GROUP])).unwrap_err();
    assert!(matches!(outcome, PublishError::Integrity { .. }), "{outcome:?}");
    assert!(stream.finish().is_empty());
    assert_eq!(fs::read_to_string(dir.path().join("f")).unwrap(), "old");
    assert_eq!(names(dir.path()), ["f"], "a partial that is wrong would mislead for ever");
}

#[test]
fn an_announced_size_is_a_promise() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    stream.file(0, &path("f"), plan(4)).unwrap();
    let short = stream.whole(0, &HashedFile::of(b"abc"), blake3::hash(b"abc")).unwrap_err();
    assert!(matches!(short, PublishError::Short { planned: 4, got: 3, .. }), "{short:?}");
    let too_long = |fault: PublishError| {
        let refused = matches!(&fault, PublishError::Tree(TreeError::Refused { why: Refusal::MoreThanPlanned, .. }));
        assert!(refused, "{fault:?}");
    };
    stream.file(1, &path("f"), plan(4)).unwrap();
    too_long(stream.whole(1, &HashedFile::of(b"abcde"), blake3::hash(b"abcde")).unwrap_err());

    let bytes = big(2 * GROUP, 0);
    stream.file(2, &path("g"), plan(2 * GROUP)).unwrap();
    stream.group(2, &HashedGroup::of(0, &bytes[..GROUP])).unwrap();
    too_long(stream.group(2, &HashedGroup::of(2, &bytes[..1])).unwrap_err());
    too_long(stream.group(2, &HashedGroup::of(1, &bytes[..5])).unwrap_err());
    too_long(stream.hole(2, &HashedHole::of(1, 2, Some(2 * GROUP as u64))).unwrap_err());
    too_long(stream.hole(2, &HashedHole::of(u64::MAX, u64::MAX, None)).unwrap_err());
    let short = stream.end(2, GROUP as u64, blake3::hash(&bytes[..GROUP])).unwrap_err();
    assert!(matches!(short, PublishError::Short { .. }), "{short:?}");
    too_long(stream.group(7, &HashedGroup::of(0, b"of no file")).unwrap_err());
    assert!(stream.finish().is_empty());
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn groups_may_come_in_any_order_and_after_the_end_and_of_several_files_at_once() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    let (a, b) = (big(3 * GROUP + 7, 1), big(2 * GROUP, 2));
    stream.file(0, &path("a"), plan(a.len())).unwrap();
    stream.file(1, &path("b"), plan(b.len())).unwrap();
    stream.group(0, &HashedGroup::of(3, &a[3 * GROUP..])).unwrap();
    stream.end(0, a.len() as u64, blake3::hash(&a)).unwrap();
    stream.group(1, &HashedGroup::of(1, &b[GROUP..])).unwrap();
    stream.group(0, &HashedGroup::of(0, &a[..GROUP])).unwrap();
    assert!(stream.flush().is_empty());
    stream.group(1, &HashedGroup::of(0, &b[..GROUP])).unwrap();
    stream.group(0, &HashedGroup::of(2, &a[2 * GROUP..3 * GROUP])).unwrap();
    stream.group(0, &HashedGroup::of(1, &a[GROUP..2 * GROUP])).unwrap();
    assert_eq!(kept(&stream.flush()), ["a"]);
    stream.end(1, b.len() as u64, blake3::hash(&b)).unwrap();
    assert_eq!(kept(&stream.finish()), ["b"]);
    assert!(fs::read(dir.path().join("a")).unwrap() == a && fs::read(dir.path().join("b")).unwrap() == b);
}

#[test]
fn holes_stay_holes() {
    let dir = TempDir::new().unwrap();
    let mut bytes = vec![0; 8 * GROUP];
    bytes[5 * GROUP..6 * GROUP].fill(9);
    let mut stream = arrival(dir.path());
    stream.file(0, &path("f"), Plan { sparse: true, ..plan(bytes.len()) }).unwrap();
    let size = Some(bytes.len() as u64);
    stream.hole(0, &HashedHole::of(0, 5, size)).unwrap();
    stream.hole(0, &HashedHole::of(6, 2, size)).unwrap();
    stream.group(0, &HashedGroup::of(5, &bytes[5 * GROUP..6 * GROUP])).unwrap();
    stream.end(0, bytes.len() as u64, blake3::hash(&bytes)).unwrap();
    assert_eq!(kept(&stream.finish()), ["f"]);
    let file = dir.path().join("f");
    assert!(fs::read(&file).unwrap() == bytes);
    assert!(fs::metadata(&file).unwrap().blocks() * 512 < 4 * GROUP as u64);
}

#[test]
fn a_directory_is_not_replaced_and_the_share_itself_is_no_target() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    let mut stream = arrival(dir.path());
    assert!(matches!(stream.file(0, &path("d"), plan(1)), Err(TreeError::IsADirectory { .. })));
    let root = stream.file(1, &SharePath::root(), plan(1));
    assert!(matches!(root, Err(TreeError::Refused { why: Refusal::Root, .. })), "{root:?}");
    // And if it becomes one while the file is arriving.
    send(&mut stream, 2, "late", plan(1), b"x").unwrap();
    fs::create_dir(dir.path().join("late")).unwrap();
    let fates = stream.finish();
    assert_eq!(faults(&fates), ["late: is a directory"]);
    assert_eq!(names(dir.path()), ["d", "late"]);
}

#[test]
fn of_two_writers_the_last_to_publish_wins_whole() {
    let dir = TempDir::new().unwrap();
    for sizes in [(3 * GROUP / 2, 3 * GROUP / 2), (10, 20), (10, 2 * GROUP)] {
        let (a, b) = (big(sizes.0, 1), big(sizes.1, 2));
        let (mut first, mut second) = (arrival(dir.path()), arrival(dir.path()));
        send(&mut first, 0, "f", plan(a.len()), &a).unwrap();
        send(&mut second, 0, "f", plan(b.len()), &b).unwrap();
        assert_eq!(kept(&second.finish()), ["f"]);
        assert!(fs::read(dir.path().join("f")).unwrap() == b);
        assert_eq!(kept(&first.finish()), ["f"]);
        assert!(fs::read(dir.path().join("f")).unwrap() == a);
        assert_eq!(names(dir.path()), ["f"]);
        fs::remove_file(dir.path().join("f")).unwrap();
    }
}

#[test]
fn a_batch_tells_of_each_file_and_one_failure_stops_no_other() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("there")).unwrap();
    // Few, then enough for one sync of everything.
    for count in [3, 40] {
        let mut stream = arrival(dir.path());
        stream.dir(&path("there")).unwrap();
        for number in 0..count {
            let bytes = format!("content {number}");
            stream.file(number, &path(&format!("{number}")), plan(bytes.len())).unwrap();
            let hash = blake3::hash(if number == 1 { b"damaged" } else { bytes.as_bytes() });
            assert_eq!(stream.whole(number, &HashedFile::of(bytes.as_bytes()), hash).is_err(), number == 1);
        }
        stream.dir_end(0o755, time(3));
        assert_eq!(kept(&stream.finish()).len() as u64, count - 1);
        assert_eq!(names(&dir.path().join("there")).len() as u64, count - 1);
        assert_eq!(mtime(&dir.path().join("there")), (3, 5_000));
        fs::remove_dir_all(dir.path().join("there")).unwrap();
        fs::create_dir(dir.path().join("there")).unwrap();
    }
    assert!(arrival(dir.path()).flush().is_empty());
}

#[test]
fn remains_of_the_dead_are_swept_and_those_of_the_living_are_not() {
    let dir = TempDir::new().unwrap();
    let mut living = arrival(dir.path());
    send(&mut living, 0, "living", plan(4), b"half").unwrap();
    let dead = dir.path().join(".landline-part-00000000000000aa");
    fs::write(&dead, "half").unwrap();
    let not_ours = dir.path().join(".landline-part-notes");
    fs::write(&not_ours, "no staging name").unwrap();
    let restarted = engine(dir.path());
    let mut stream = restarted.arrive(&SharePath::root(), owner(2), crate::files::engine::Policy::default());
    send(&mut stream, 0, "other", plan(0), b"").unwrap();
    drop(stream);
    assert!(!dead.exists());
    assert!(not_ours.exists());
    assert_eq!(sweep(&restarted.tree().dir(&SharePath::root()).unwrap()).unwrap(), 0);
    assert_eq!(kept(&living.finish()), ["living"]);
    assert_eq!(fs::read_to_string(dir.path().join("living")).unwrap(), "half");
}

#[test]
fn a_living_writer_is_never_swept_even_at_birth() {
    let dir = TempDir::new().unwrap();
    let engine = engine(dir.path());
    let root = engine.tree().dir(&SharePath::root()).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    let published: Vec<bool> = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                sweep(&root).unwrap();
            }
        });
        // Each attempt either fails to start, or goes through to the end. An assertion in here would never be heard.
        let published = (0..300)
            .filter_map(|number| {
                let mut stream = engine.arrive(&SharePath::root(), owner(1), crate::files::engine::Policy::default());
                let bytes = if number % 2 == 0 { big(10, 0) } else { big(GROUP + 1, 0) };
                let plan = Plan { mtime: time(number), ..plan(bytes.len()) };
                send(&mut stream, 0, "f", plan, &bytes).ok()?;
                Some(matches!(stream.finish().as_slice(), [Fate::Kept { .. }]))
            })
            .collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        published
    });
    assert!(published.len() > 250 && published.iter().all(|ok| *ok), "{} of 300 began", published.len());
    assert_eq!(names(dir.path()), ["f"]);
}

#[test]
fn what_is_arriving_is_hidden_and_readable_by_its_owner_alone() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    send(&mut stream, 0, "f", Plan { mode: 0o777, ..plan(6) }, b"secret").unwrap();
    stream.file(1, &path("g"), Plan { mode: 0o777, ..plan(2 * GROUP) }).unwrap();
    stream.group(1, &HashedGroup::of(0, &vec![1; GROUP])).unwrap();
    stream.dir(&path("new")).unwrap();
    send(&mut stream, 2, "f", Plan { mode: 0o777, ..plan(6) }, b"secret").unwrap();
    let names = names(dir.path());
    assert!(names.len() == 4 && names.iter().all(|name| name.starts_with(".landline-part-")), "{names:?}");
    for name in names {
        assert_eq!(mode(&dir.path().join(&name)) & 0o077, 0, "{name}");
    }
    assert_eq!(engine(dir.path()).tree().list(&SharePath::root()).unwrap(), []);
}

#[test]
fn a_number_that_comes_twice_forgets_the_first() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    assert_eq!(stream.file(0, &path("a"), plan(1)).unwrap(), Verdict::Want);
    assert_eq!(stream.file(0, &path("b"), plan(1)).unwrap(), Verdict::Want);
    stream.whole(0, &HashedFile::of(b"b"), blake3::hash(b"b")).unwrap();
    stream.broken(9);
    assert_eq!(kept(&stream.finish()), ["b"]);
}
