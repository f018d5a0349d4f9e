//! New trees: visible in one step, closed to others until then, merged where somebody was quicker.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::files::{
    digest::GROUP,
    engine::{Arrival, Existing, Fate, Policy, arrival::Plan},
    tree::TreeError,
};
use landline_addr::path::SharePath;

/// A tree of `files` files in directories inside each other.
fn fill(stream: &mut Arrival, top: &str, files: u64) {
    stream.dir(&path(top)).unwrap();
    for number in 0..files {
        send(stream, number, &format!("f{number}"), plan(3), format!("{number:03}").as_bytes()).unwrap();
        if number % 5 == 0 {
            stream.dir(&path(&format!("d{number}"))).unwrap();
        }
    }
    while stream.depth() > 1 {
        stream.dir_end(0o750, time(7));
    }
    stream.dir_end(0o755, time(8));
}

#[test]
fn a_new_tree_becomes_visible_in_one_step() {
    let dir = TempDir::new().unwrap();
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = Vec::new();
            loop {
                let last = done.load(Ordering::Acquire);
                let tops = names(dir.path()).into_iter().filter(|name| !name.starts_with(".landline-part-"));
                seen.extend(tops.map(|top| content(&dir.path().join(top)).len()));
                if last {
                    return seen;
                }
            }
        });
        for number in 0..20 {
            let top = format!("top{number}");
            let mut stream = arrival(dir.path());
            fill(&mut stream, &top, 40);
            assert!(!dir.path().join(&top).exists());
            let fates = stream.finish();
            assert_eq!(kept(&fates).len(), 40);
            assert!(fates.iter().any(|fate| matches!(fate, Fate::TreePublished { path: told } if *told == path(&top))));
        }
        done.store(true, Ordering::Release);
        watcher.join().unwrap()
    });
    assert!(seen.len() >= 20 && seen.iter().all(|count| *count == 48), "{seen:?}");
}

#[test]
fn directories_get_their_permissions_and_times_last_and_are_closed_until_then() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("there")).unwrap();
    let mut stream = arrival(dir.path());
    stream.dir(&path("there")).unwrap();
    stream.dir(&path("new")).unwrap();
    let staged = names(&dir.path().join("there"));
    assert_eq!((staged.len(), mode(&dir.path().join("there").join(&staged[0]))), (1, 0o700));
    stream.dir(&path("inner")).unwrap();
    send(&mut stream, 0, "f", plan(1), b"x").unwrap();
    assert_eq!(mode(&dir.path().join("there").join(&staged[0]).join("inner")), 0o700);
    stream.dir_end(0o550, time(1));
    stream.dir_end(0o711, time(2));
    stream.dir_end(0o1777, time(3));
    assert_eq!(stream.depth(), 0);
    assert_eq!(kept(&stream.finish()), ["there/new/inner/f"]);
    for (name, bits, secs) in [("there/new/inner", 0o550, 1), ("there/new", 0o711, 2), ("there", 0o777, 3)] {
        let place = dir.path().join(name);
        assert_eq!((mode(&place), mtime(&place)), (bits, (secs, 5_000)), "{name}");
    }
    assert_eq!(content(dir.path()).len(), 4);
}

#[test]
fn the_share_itself_keeps_its_permissions_and_time() {
    let dir = TempDir::new().unwrap();
    let before = mode(dir.path());
    let mut stream = arrival(dir.path());
    stream.dir(&SharePath::root()).unwrap();
    send(&mut stream, 0, "f", plan(1), b"x").unwrap();
    stream.dir_end(0o711, time(2));
    assert_eq!(kept(&stream.finish()), ["f"]);
    assert_eq!(mode(dir.path()), before);
    assert_ne!(mtime(dir.path()), (2, 5_000));
    let mut stream = engine(dir.path()).arrive(&path("base/of/it"), owner(1), Policy::default());
    stream.dir(&SharePath::root()).unwrap();
    assert_eq!(stream.place(&path("x")).unwrap(), path("base/of/it/x"));
    stream.dir_end(0o711, time(2));
    stream.finish();
    assert_eq!((mode(&dir.path().join("base/of/it")), mtime(&dir.path().join("base/of/it"))), (0o711, (2, 5_000)));
}

#[test]
fn what_fails_in_a_tree_is_left_out_and_the_rest_is_published() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    stream.dir(&path("top")).unwrap();
    stream.file(0, &path("bad"), plan(1)).unwrap();
    stream.whole(0, &HashedFile::of(b"x"), blake3::hash(b"y")).unwrap_err();
    stream.file(1, &path("broken"), plan(1)).unwrap();
    let bytes = big(2 * GROUP, 3);
    stream.file(2, &path("half"), plan(bytes.len())).unwrap();
    stream.group(2, &HashedGroup::of(0, &bytes[..GROUP])).unwrap();
    send(&mut stream, 3, "good", plan(1), b"x").unwrap();
    send(&mut stream, 4, "big", plan(bytes.len()), &bytes).unwrap();
    stream.dir_end(0o755, time(1));
    assert!(stream.flush().is_empty(), "two files are still arriving");
    stream.broken(1);
    stream.broken(2);
    assert_eq!(kept(&stream.finish()), ["top/big", "top/good"]);
    let names = names(&dir.path().join("top"));
    assert_eq!(names.iter().filter(|name| !name.starts_with('.')).count(), 2);
    assert!(names.len() > 2, "the half one can be resumed there: {names:?}");
    let mut stream = arrival(dir.path());
    stream.dir(&path("top")).unwrap();
    let verdict = send(&mut stream, 0, "half", plan(bytes.len()), &bytes).unwrap();
    assert!(matches!(verdict, crate::files::engine::Verdict::Rest(held) if held.runs == [(0, 1)]));
    stream.dir_end(0o755, time(1));
    assert_eq!(kept(&stream.finish()), ["top/half"]);
}

#[test]
fn a_tree_whose_name_was_taken_is_merged_into_what_took_it() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    stream.dir(&path("top")).unwrap();
    for (number, name) in ["both", "mine", "dir-there"].into_iter().enumerate() {
        send(&mut stream, number as u64, name, plan(4), b"mine").unwrap();
    }
    for (number, name) in ["shared", "fresh", "file-there"].into_iter().enumerate() {
        stream.dir(&path(name)).unwrap();
        send(&mut stream, 10 + number as u64, "f", plan(4), b"mine").unwrap();
        stream.dir_end(0o555, time(4));
    }
    stream.dir_end(0o750, time(5));
    let top = dir.path().join("top");
    fs::create_dir_all(top.join("shared/old")).unwrap();
    fs::create_dir(top.join("dir-there")).unwrap();
    for name in ["both", "theirs", "shared/f", "shared/g", "file-there"] {
        fs::write(top.join(name), "theirs").unwrap();
    }
    let fates = stream.finish();
    assert_eq!(
        faults(&fates),
        [
            "dir top/file-there: is not a directory, or leads through something that is none",
            "top/dir-there: is a directory",
            "top/file-there/f: is not a directory, or leads through something that is none",
        ]
    );
    let told = fates.iter().filter(|fate| matches!(fate, Fate::Kept { .. })).count();
    assert_eq!(told, 4);
    let found = content(&top);
    let expected = [
        ("both", "mine"),
        ("dir-there", "/"),
        ("file-there", "theirs"),
        ("fresh", "/"),
        ("fresh/f", "mine"),
        ("mine", "mine"),
        ("shared", "/"),
        ("shared/f", "mine"),
        ("shared/g", "theirs"),
        ("shared/old", "/"),
        ("theirs", "theirs"),
    ];
    assert_eq!(found.iter().map(|(name, what)| (name.as_str(), what.as_str())).collect::<Vec<_>>(), expected);
    assert_eq!((mode(&top), mtime(&top)), (0o750, (5, 5_000)));
    for name in ["shared", "fresh"] {
        assert_eq!((mode(&top.join(name)), mtime(&top.join(name))), (0o555, (4, 5_000)), "{name}");
    }
    assert_eq!(names(dir.path()).len(), 2, "what could not be merged stays to be taken up");
}

#[test]
fn a_tree_whose_name_was_taken_by_a_file_stays_and_everything_in_it_is_told_as_failed() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    fill(&mut stream, "top", 3);
    fs::write(dir.path().join("top"), "theirs").unwrap();
    let fates = stream.finish();
    assert_eq!(faults(&fates).len(), 4);
    assert!(fates.iter().any(|fate| matches!(fate,
        Fate::DirFailed { fault: TreeError::NotADirectory { .. }, path: top } if *top == path("top"))));
    assert_eq!(fs::read_to_string(dir.path().join("top")).unwrap(), "theirs");
    drop(stream);
    fs::remove_file(dir.path().join("top")).unwrap();
    let mut stream = arrival(dir.path());
    fill(&mut stream, "top", 3);
    assert_eq!(kept(&stream.finish()).len(), 3);
    assert_eq!(names(dir.path()), ["top"]);
}

#[test]
fn two_arrivals_of_one_tree_do_not_disturb_each_other() {
    let dir = TempDir::new().unwrap();
    for (one, other) in [(1, 1), (1, 2)] {
        let engine = engine(dir.path());
        let mut first = engine.arrive(&SharePath::root(), owner(one), Policy::default());
        let mut second = engine.arrive(&SharePath::root(), owner(other), Policy::default());
        fill(&mut first, "top", 7);
        fill(&mut second, "top", 7);
        assert_eq!(names(dir.path()).len(), 2);
        assert_eq!(kept(&second.finish()).len(), 7);
        assert_eq!(kept(&first.finish()).len(), 7);
        assert_eq!(names(dir.path()), ["top"]);
        assert_eq!(content(&dir.path().join("top")).len(), 9);
        fs::remove_dir_all(dir.path().join("top")).unwrap();
    }
}

#[test]
fn of_two_new_trees_of_one_name_the_last_wins_file_by_file_and_nothing_of_the_other_is_lost() {
    let begin = |dir: &Path, id: u8, word: &str, backup: bool| {
        let policy = Policy { backup, ..Policy::default() };
        let mut stream = engine(dir).arrive(&SharePath::root(), owner(id), policy);
        let bytes = word.as_bytes();
        stream.dir(&path("top")).unwrap();
        send(&mut stream, 0, "both", plan(bytes.len()), bytes).unwrap();
        send(&mut stream, 1, &format!("of-{word}"), plan(bytes.len()), bytes).unwrap();
        stream.link(2, &path("link"), format!("of-{word}").as_bytes(), None).unwrap();
        stream.dir(&path("shared")).unwrap();
        send(&mut stream, 3, "both", plan(bytes.len()), bytes).unwrap();
        stream.dir_end(0o700 + u32::from(id), time(i64::from(id)));
        stream
    };
    // Of one owner or of two; whoever ends last wins, whoever began first.
    for (one, other, backup, last) in
        [(1, 1, false, "second"), (1, 2, false, "second"), (1, 2, true, "second"), (1, 2, false, "first")]
    {
        let dir = TempDir::new().unwrap();
        let mut first = begin(dir.path(), one, "first", backup);
        let mut second = begin(dir.path(), other, "second", backup);
        send(&mut first, 4, "kind", plan(5), b"first").unwrap();
        second.dir(&path("kind")).unwrap();
        send(&mut second, 4, "f", plan(6), b"second").unwrap();
        second.dir_end(0o755, time(9));
        first.dir_end(0o755, time(9));
        second.dir_end(0o755, time(9));
        let (mut winner, mut loser, quicker) =
            if last == "second" { (second, first, "first") } else { (first, second, "second") };
        assert_eq!(kept(&loser.finish()).len(), 5);
        let top = dir.path().join("top");
        let before = content(&top);
        assert_eq!(before["both"], quicker, "it is there, and whole");
        let fates = winner.finish();
        // Where one has a file and the other a directory, what is there stays, and that is told.
        let expected = if last == "second" {
            vec![
                "dir top/kind: is not a directory, or leads through something that is none",
                "top/kind/f: is not a directory, or leads through something that is none",
            ]
        } else {
            vec!["top/kind: is a directory"]
        };
        assert_eq!(faults(&fates), expected);
        assert_eq!(fates.iter().filter(|fate| matches!(fate, Fate::Kept { .. })).count(), 4);
        let now = content(&top);
        for name in ["both", "shared/both"] {
            assert_eq!(now[name], last, "{name}");
            assert_eq!(now.get(&format!("{name}~")), before.get(name).filter(|_| backup), "{name}");
        }
        assert_eq!(now["link"], format!("-> of-{last}"));
        for word in ["first", "second"] {
            assert_eq!(now[&format!("of-{word}")], word, "what only one has stays");
        }
        assert_eq!((&now["kind"], now.get("kind/f")), (&before["kind"], before.get("kind/f")));
        let id = if last == "second" { other } else { one };
        assert_eq!((mode(&top.join("shared")), mtime(&top.join("shared")).0), (0o700 + u32::from(id), i64::from(id)));
        // What was in the way of the last one's is not lost either: it stays where it arrived.
        assert_eq!(names(dir.path()).len(), 2);
    }
}

#[test]
fn many_new_directories_in_one_that_was_there_each_appear_whole() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    stream.dir(&SharePath::root()).unwrap();
    let mut told = Vec::new();
    for number in 0..100 {
        stream.dir(&path(&format!("d{number:03}"))).unwrap();
        send(&mut stream, number, "f", plan(1), b"x").unwrap();
        stream.dir_end(0o755, time(1));
        if stream.wants_flush(std::time::Instant::now()) {
            told.extend(stream.flush());
        }
    }
    stream.dir_end(0o755, time(1));
    told.extend(stream.finish());
    assert_eq!(kept(&told).len(), 100);
    assert_eq!(content(dir.path()).len(), 200);
}

#[test]
fn without_trees_files_appear_as_they_are_complete() {
    let dir = TempDir::new().unwrap();
    let policy = Policy { trees: false, ..Policy::default() };
    let mut stream = engine(dir.path()).arrive(&SharePath::root(), owner(1), policy);
    stream.dir(&path("top")).unwrap();
    send(&mut stream, 0, "f", plan(1), b"x").unwrap();
    assert_eq!(mode(&dir.path().join("top")), 0o700);
    assert_eq!(kept(&stream.flush()), ["top/f"]);
    assert_eq!(fs::read_to_string(dir.path().join("top/f")).unwrap(), "x");
    stream.dir_end(0o755, time(1));
    assert!(stream.finish().is_empty());
    assert_eq!((mode(&dir.path().join("top")), mtime(&dir.path().join("top"))), (0o755, (1, 5_000)));
    assert_eq!(content(dir.path()).len(), 2);
}

#[test]
fn a_directory_that_never_ends_is_not_published() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    stream.dir(&path("top")).unwrap();
    send(&mut stream, 0, "f", plan(1), b"x").unwrap();
    assert!(stream.finish().is_empty());
    drop(stream);
    assert!(!dir.path().join("top").exists());
    let mut stream = arrival(dir.path());
    stream.dir(&path("empty")).unwrap();
    drop(stream);
    assert_eq!(names(dir.path()).len(), 1, "the one with a file in it can be taken up, the empty one is not worth it");
}

#[test]
fn a_stream_that_says_a_name_twice_gets_the_last() {
    let dir = TempDir::new().unwrap();
    for base in ["new", "."] {
        let mut stream = arrival(dir.path());
        stream.dir(&SharePath::from_user(base.as_bytes()).unwrap()).unwrap();
        send(&mut stream, 0, "f", plan(1), b"1").unwrap();
        send(&mut stream, 1, "f", Plan { mtime: time(2), ..plan(1) }, b"2").unwrap();
        stream.dir_end(0o755, None);
        assert_eq!(kept(&stream.finish()).len(), 2);
        assert_eq!(fs::read_to_string(dir.path().join(base).join("f")).unwrap(), "2");
    }
    let mut stream = arrival(dir.path());
    stream.dir(&path("mixed")).unwrap();
    stream.dir(&path("x")).unwrap();
    stream.dir_end(0o755, None);
    let refused = send(&mut stream, 0, "x", plan(1), b"x").unwrap_err();
    assert_eq!(refused.text(), "mixed/x: is a directory");
    let policy = Policy { existing: Existing::Always, ..Policy::default() };
    let nothing = engine(dir.path()).arrive(&SharePath::root(), owner(3), policy).finish();
    assert!(nothing.is_empty());
}
