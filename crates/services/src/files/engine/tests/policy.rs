//! What is done about what is there: kept, compared, replaced, saved, or refused.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use super::*;
use crate::files::{
    digest::GROUP,
    engine::{Existing, Fate, Policy, Verdict, arrival::Plan},
};
use landline_addr::path::SharePath;

fn with(dir: &Path, policy: Policy) -> crate::files::engine::Arrival {
    engine(dir).arrive(&SharePath::root(), owner(1), policy)
}

fn existing(existing: Existing) -> Policy {
    Policy { existing, ..Policy::default() }
}

#[test]
fn the_same_size_time_and_permissions_are_the_same_file() {
    let dir = TempDir::new().unwrap();
    publish(&mut arrival(dir.path()), "f", plan(3), b"old");
    let inode = fs::metadata(dir.path().join("f")).unwrap().ino();
    let mut stream = arrival(dir.path());
    let again = |stream: &mut crate::files::engine::Arrival, plan| stream.file(0, &path("f"), plan).unwrap();
    assert_eq!(again(&mut stream, plan(3)), Verdict::Same);
    assert_eq!(again(&mut stream, Plan { mode: 0o600, ..plan(3) }), Verdict::Same);
    assert_eq!(mode(&dir.path().join("f")), 0o600, "permissions alone need no bytes");
    assert_eq!(mtime(&dir.path().join("f")), (1_000_000_000, 5_000));
    assert_eq!(again(&mut stream, plan(4)), Verdict::Want);
    assert_eq!(again(&mut stream, Plan { mtime: time(1), ..plan(3) }), Verdict::Want);
    assert_eq!(again(&mut stream, Plan { mtime: None, ..plan(3) }), Verdict::Want);
    assert_eq!(again(&mut stream, Plan { size: None, ..plan(3) }), Verdict::Want);
    assert!(stream.finish().is_empty());
    let mut stream = with(dir.path(), existing(Existing::Always));
    assert_eq!(again(&mut stream, Plan { mode: 0o600, ..plan(3) }), Verdict::Want);
    drop(stream);
    assert_eq!(fs::metadata(dir.path().join("f")).unwrap().ino(), inode);
    assert_eq!(names(dir.path()), ["f"]);
}

#[test]
fn compared_by_hash_only_the_bytes_count() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("f"), "old").unwrap();
    let mut stream = with(dir.path(), existing(Existing::ByHash));
    let hash = |text: &[u8]| Plan { hash: Some(blake3::hash(text)), ..plan(3) };
    assert_eq!(stream.file(0, &path("f"), hash(b"new")).unwrap(), Verdict::Want);
    assert_eq!(stream.file(1, &path("f"), plan(3)).unwrap(), Verdict::Want);
    assert_eq!(stream.file(2, &path("f"), hash(b"old")).unwrap(), Verdict::Same);
    assert_eq!(mtime(&dir.path().join("f")), (1_000_000_000, 5_000), "so that the next look is a quick one");
    assert!(stream.finish().is_empty());
}

#[test]
fn what_is_there_stays_if_that_is_asked_for() {
    let dir = TempDir::new().unwrap();
    let mut stream = with(dir.path(), existing(Existing::Never));
    send(&mut stream, 0, "late", plan(2), b"me").unwrap();
    let bytes = big(GROUP + 1, 0);
    send(&mut stream, 1, "late-big", plan(bytes.len()), &bytes).unwrap();
    stream.link(2, &path("late-link"), b"late", None).unwrap();
    for name in ["early", "late", "late-big", "late-link"] {
        fs::write(dir.path().join(name), "they").unwrap();
    }
    assert_eq!(send(&mut stream, 3, "early", plan(2), b"me").unwrap_err().text(), "early: exists already");
    send(&mut stream, 4, "new", plan(2), b"me").unwrap();
    let fates = stream.finish();
    assert_eq!(faults(&fates), ["late-big: exists already", "late-link: exists already", "late: exists already"]);
    for name in ["early", "late", "late-big", "late-link"] {
        assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), "they");
    }
    assert_eq!(fs::read_to_string(dir.path().join("new")).unwrap(), "me");
}

/// Two engines, as two processes would have: no lock between them helps, only the system's own condition.
#[test]
fn of_two_who_both_make_a_new_file_exactly_one_does() {
    let dir = TempDir::new().unwrap();
    let start = std::sync::Barrier::new(2);
    let rival = |id: u8, content: &'static [u8]| {
        let (engine, start) = (engine(dir.path()), &start);
        move || -> Vec<bool> {
            let make = |number: u32| {
                let mut stream = engine.arrive(&SharePath::root(), owner(id), existing(Existing::Never));
                let sent = send(&mut stream, 0, &number.to_string(), plan(content.len()), content);
                start.wait(); // both have found nothing there
                sent.is_ok() && matches!(stream.finish().as_slice(), [Fate::Kept { .. }])
            };
            (0..200).map(make).collect()
        }
    };
    let (one, other) = (rival(1, b"one"), rival(2, b"other"));
    let (one, other) = std::thread::scope(|scope| {
        let (one, other) = (scope.spawn(one), scope.spawn(other));
        (one.join().unwrap(), other.join().unwrap())
    });
    for (number, (one, other)) in one.into_iter().zip(other).enumerate() {
        assert!(one != other, "{number}: {one} {other}");
        let kept = fs::read_to_string(dir.path().join(number.to_string())).unwrap();
        assert_eq!(kept, if one { "one" } else { "other" });
    }
}

#[test]
fn a_file_is_replaced_only_while_it_is_what_it_was_said_to_be() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("f"), "first").unwrap();
    let policy = |text: &[u8]| Policy { if_match: Some(blake3::hash(text)), ..Policy::default() };
    let mut late = with(dir.path(), policy(b"first"));
    send(&mut late, 0, "f", plan(4), b"late").unwrap();
    let mut quick = with(dir.path(), policy(b"first"));
    send(&mut quick, 0, "f", plan(5), b"quick").unwrap();
    assert_eq!(kept(&quick.finish()), ["f"]);
    assert_eq!(faults(&late.finish()), ["f: changed in the meantime"]);
    let told = |name: &str, policy| send(&mut with(dir.path(), policy), 0, name, plan(4), b"more").unwrap_err().text();
    assert_eq!(told("f", policy(b"first")), "f: changed in the meantime");
    assert_eq!(told("gone", policy(b"first")), "gone: changed in the meantime");
    let mut tree = with(dir.path(), policy(b"first"));
    tree.dir(&path("new")).unwrap();
    assert_eq!(send(&mut tree, 0, "f", plan(4), b"more").unwrap_err().text(), "new/f: changed in the meantime");
    std::os::unix::fs::symlink("f", dir.path().join("link")).unwrap();
    assert_eq!(told("link", policy(b"quick")), "link: changed in the meantime");
    assert_eq!(fs::read_to_string(dir.path().join("f")).unwrap(), "quick");
}

#[test]
fn the_old_file_stays_beside_the_new_one_if_that_is_asked_for() {
    let dir = TempDir::new().unwrap();
    let policy = Policy { backup: true, existing: Existing::Always, ..Policy::default() };
    for text in ["first", "second", "third"] {
        assert_eq!(kept(&publish(&mut with(dir.path(), policy), "f", plan(text.len()), text.as_bytes())), ["f"]);
    }
    assert_eq!(
        content(dir.path()).into_iter().collect::<Vec<_>>(),
        [("f".to_owned(), "third".to_owned()), ("f~".to_owned(), "second".to_owned())]
    );
    fs::remove_file(dir.path().join("f~")).unwrap();
    fs::hard_link(dir.path().join("f"), dir.path().join("f~")).unwrap();
    let bytes = big(GROUP + 1, 0);
    assert_eq!(kept(&publish(&mut with(dir.path(), policy), "f", plan(bytes.len()), &bytes)), ["f"]);
    assert_eq!(fs::read_to_string(dir.path().join("f~")).unwrap(), "third");
    fs::remove_file(dir.path().join("f~")).unwrap();
    fs::create_dir(dir.path().join("f~")).unwrap();
    assert_eq!(faults(&publish(&mut with(dir.path(), policy), "f", plan(1), b"x")), ["f~: is a directory"]);
    assert!(fs::read(dir.path().join("f")).unwrap() == bytes);
    let long = "n".repeat(255);
    publish(&mut with(dir.path(), policy), &long, plan(1), b"x");
    let told = faults(&publish(&mut with(dir.path(), policy), &long, plan(1), b"y"));
    assert!(told.len() == 1 && told[0].contains("too long"), "{told:?}");
}

#[test]
fn while_a_file_is_saved_and_replaced_there_is_always_one_under_its_name() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("f"), "old").unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    let missing = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut missing = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                missing += u32::from(fs::symlink_metadata(dir.path().join("f")).is_err());
            }
            missing
        });
        let policy = Policy { backup: true, existing: Existing::Always, ..Policy::default() };
        let told: Vec<usize> = (0..200)
            .map(|number: u32| {
                let text = number.to_string();
                faults(&publish(&mut with(dir.path(), policy), "f", plan(text.len()), text.as_bytes())).len()
            })
            .collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(told, [0; 200]);
        watcher.join().unwrap()
    });
    assert_eq!(missing, 0);
}

#[test]
fn a_link_gives_way_to_a_file_and_a_pipe_does_not() {
    let dir = TempDir::new().unwrap();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("f"), "outside").unwrap();
    std::os::unix::fs::symlink(outside.path().join("f"), dir.path().join("link")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let mut stream = arrival(dir.path());
    send(&mut stream, 0, "link", plan(1), b"x").unwrap();
    let told = send(&mut stream, 1, "pipe", plan(1), b"x").unwrap_err().text();
    assert!(told.starts_with("pipe: is a pipe"), "{told}");
    assert_eq!(kept(&stream.finish()), ["link"]);
    assert_eq!(fs::read_to_string(dir.path().join("link")).unwrap(), "x");
    assert_eq!(fs::read_to_string(outside.path().join("f")).unwrap(), "outside");
}

#[test]
fn permissions_that_forbid_reading_are_kept_too() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    stream.dir(&path("t")).unwrap();
    send(&mut stream, 0, "small", Plan { mode: 0o000, ..plan(1) }, b"x").unwrap();
    stream.dir_end(0o300, time(1));
    send(&mut stream, 1, "small", Plan { mode: 0o222, ..plan(1) }, b"x").unwrap();
    assert_eq!(kept(&stream.finish()), ["small", "t/small"]);
    let bits = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!([bits("t"), bits("t/small"), bits("small")], [0o300, 0o000, 0o222]);
}
