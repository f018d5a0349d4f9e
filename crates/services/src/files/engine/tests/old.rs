//! What publishing promises: all or nothing, the sender's bytes, permissions and time, and nothing left lying about.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use landline_addr::path::SharePath;
use tempfile::TempDir;

use super::super::*;
use crate::files::tree::{Refusal, Tree, sweep};

fn plan() -> Plan {
    Plan { size: None, mode: 0o644, mtime: None, if_match: None }
}

fn path(text: &str) -> SharePath {
    SharePath::parse(text.as_bytes()).unwrap()
}

fn engine(dir: &Path) -> LocalEngine {
    LocalEngine::new(Arc::new(Tree::open(dir).unwrap()))
}

fn staged(engine: &LocalEngine, target: &str, plan: &Plan, content: &[u8]) -> Staged {
    let mut staged = engine.stage(&path(target), plan).unwrap();
    for group in content.chunks(GROUP) {
        engine.put_group(&mut staged, group).unwrap();
    }
    staged
}

fn publish(engine: &LocalEngine, target: &str, plan: &Plan, content: &[u8]) -> Result<Published, PublishError> {
    let staged = staged(engine, target, plan, content);
    engine.publish(vec![(staged, blake3::hash(content))]).remove(0)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn publishes_what_was_sent_with_its_permissions_and_time() {
    let dir = TempDir::new().unwrap();
    let content: Vec<u8> = (0_u32..3_000_000).map(|i| i.to_le_bytes()[1]).collect();
    for size in [None, u64::try_from(content.len()).ok()] {
        let mtime = Mtime::new(1_000_000_000, 5_000);
        let published =
            publish(&engine(dir.path()), "new/dir/big", &Plan { size, mode: 0o4751, mtime, ..plan() }, &content);
        let published = published.unwrap();
        assert_eq!((published.size, published.hash), (3_000_000, blake3::hash(&content)));
        let file = dir.path().join("new/dir/big");
        let meta = fs::metadata(&file).unwrap();
        assert_eq!(meta.mode() & 0o7777, 0o751, "setuid never comes from outside");
        assert_eq!((meta.mtime(), meta.mtime_nsec()), (1_000_000_000, 5_000));
        assert!(fs::read(&file).unwrap() == content);
        assert_eq!(names(&dir.path().join("new/dir")), ["big"]);
    }
}

#[test]
fn an_empty_file_is_a_file() {
    let dir = TempDir::new().unwrap();
    publish(&engine(dir.path()), "empty", &Plan { size: Some(0), ..plan() }, b"").unwrap();
    assert_eq!(fs::metadata(dir.path().join("empty")).unwrap().len(), 0);
}

#[test]
fn the_old_file_is_intact_until_the_new_one_is_published() {
    let dir = TempDir::new().unwrap();
    let (engine, file) = (engine(dir.path()), dir.path().join("f"));
    fs::write(&file, "old").unwrap();
    let before = fs::metadata(&file).unwrap().ino();
    let half = staged(&engine, "f", &plan(), b"new");
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    engine.discard(half);
    assert_eq!((fs::read_to_string(&file).unwrap().as_str(), fs::metadata(&file).unwrap().ino()), ("old", before));
    assert_eq!(names(dir.path()), ["f"]);
    publish(&engine, "f", &plan(), b"new").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
}

#[test]
fn bytes_that_are_not_the_senders_are_never_published() {
    let dir = TempDir::new().unwrap();
    let engine = engine(dir.path());
    fs::write(dir.path().join("f"), "old").unwrap();
    let wrong = staged(&engine, "f", &plan(), b"new");
    let expected = blake3::hash(b"what was meant");
    let outcome = engine.publish(vec![(wrong, expected)]).remove(0);
    assert!(
        matches!(&outcome, Err(PublishError::Integrity { got, .. }) if *got == blake3::hash(b"new")),
        "{outcome:?}"
    );
    assert_eq!(outcome.unwrap_err().code(), ErrorCode::Integrity);
    assert_eq!(fs::read_to_string(dir.path().join("f")).unwrap(), "old");
    assert_eq!(names(dir.path()), ["f"]);
}

#[test]
fn an_announced_size_is_a_promise() {
    let dir = TempDir::new().unwrap();
    let engine = engine(dir.path());
    let plan = Plan { size: Some(4), ..plan() };
    let short = publish(&engine, "f", &plan, b"abc");
    assert!(matches!(short, Err(PublishError::Short { planned: 4, got: 3, .. })), "{short:?}");
    let mut long = staged(&engine, "f", &plan, b"abcd");
    let refused = engine.put_group(&mut long, b"e");
    assert!(matches!(refused, Err(TreeError::Refused { why: Refusal::MoreThanPlanned, .. })), "{refused:?}");
    drop(long);
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_directory_is_not_replaced_and_the_share_itself_is_no_target() {
    let dir = TempDir::new().unwrap();
    let engine = engine(dir.path());
    fs::create_dir(dir.path().join("d")).unwrap();
    assert!(matches!(engine.stage(&path("d"), &plan()), Err(TreeError::IsADirectory { .. })));
    assert!(matches!(engine.stage(&SharePath::root(), &plan()), Err(TreeError::Refused { why: Refusal::Root, .. })));
    // And if it becomes one while the file is arriving.
    let late = staged(&engine, "late", &plan(), b"x");
    fs::create_dir(dir.path().join("late")).unwrap();
    let outcome = engine.publish(vec![(late, blake3::hash(b"x"))]).remove(0);
    assert!(matches!(outcome, Err(PublishError::Tree(TreeError::IsADirectory { .. }))), "{outcome:?}");
    assert_eq!(names(dir.path()), ["d", "late"]);
}

#[test]
fn a_new_file_is_only_made_where_nothing_is() {
    let dir = TempDir::new().unwrap();
    let engine = engine(dir.path());
    let plan = Plan { if_match: Some(IfMatch::Absent), ..plan() };
    let late = staged(&engine, "f", &plan, b"second");
    publish(&engine, "f", &plan, b"first").unwrap();
    assert!(matches!(engine.stage(&path("f"), &plan), Err(TreeError::Exists { .. })));
    let outcome = engine.publish(vec![(late, blake3::hash(b"second"))]).remove(0);
    assert!(matches!(outcome, Err(PublishError::Tree(TreeError::Exists { .. }))), "{outcome:?}");
    assert_eq!(fs::read_to_string(dir.path().join("f")).unwrap(), "first");
}

/// Two engines, as two processes would have: no lock between them helps, only the system's own condition.
#[test]
fn of_two_who_both_make_a_new_file_exactly_one_does() {
    let dir = TempDir::new().unwrap();
    let start = std::sync::Barrier::new(2);
    let plan = Plan { if_match: Some(IfMatch::Absent), ..plan() };
    let rival = |content: &'static [u8]| {
        let engine = engine(dir.path());
        let (plan, start) = (&plan, &start);
        move || -> Vec<bool> {
            let make = |i: u32| {
                let staged = engine.stage(&path(&i.to_string()), plan);
                start.wait(); // both have found nothing there
                let Ok(mut staged) = staged else { return false };
                engine.put_group(&mut staged, content).is_ok()
                    && engine.publish(vec![(staged, blake3::hash(content))]).remove(0).is_ok()
            };
            (0..200).map(make).collect()
        }
    };
    let (one, other) = (rival(b"one"), rival(b"other"));
    let (one, other) = std::thread::scope(|scope| {
        let (one, other) = (scope.spawn(one), scope.spawn(other));
        (one.join().unwrap(), other.join().unwrap())
    });
    for (i, (one, other)) in one.into_iter().zip(other).enumerate() {
        assert!(one != other, "{i}: {one} {other}");
        let kept = fs::read_to_string(dir.path().join(i.to_string())).unwrap();
        assert_eq!(kept, if one { "one" } else { "other" });
    }
}

#[test]
fn a_file_that_changed_in_the_meantime_is_not_replaced() {
    let dir = TempDir::new().unwrap();
    let engine = engine(dir.path());
    let first = publish(&engine, "f", &plan(), b"first").unwrap().version;
    let plan = Plan { if_match: Some(IfMatch::Same(first)), ..plan() };
    let late = staged(&engine, "f", &plan, b"late");
    publish(&engine, "f", &plan, b"second").unwrap();
    assert!(matches!(engine.stage(&path("f"), &plan), Err(TreeError::Changed { .. })));
    let outcome = engine.publish(vec![(late, blake3::hash(b"late"))]).remove(0);
    assert!(matches!(outcome, Err(PublishError::Tree(TreeError::Changed { .. }))), "{outcome:?}");
    assert!(matches!(engine.stage(&path("gone"), &plan), Err(TreeError::Changed { .. })));
    assert_eq!(fs::read_to_string(dir.path().join("f")).unwrap(), "second");
}

#[test]
fn of_two_writers_the_last_to_publish_wins_whole() {
    let dir = TempDir::new().unwrap();
    let engine = engine(dir.path());
    let (a, b) = (vec![b'a'; 3 * GROUP / 2], vec![b'b'; GROUP / 2]);
    let first = staged(&engine, "f", &plan(), &a);
    let second = staged(&engine, "f", &plan(), &b);
    engine.publish(vec![(second, blake3::hash(&b))]).remove(0).unwrap();
    assert!(fs::read(dir.path().join("f")).unwrap() == b);
    engine.publish(vec![(first, blake3::hash(&a))]).remove(0).unwrap();
    assert!(fs::read(dir.path().join("f")).unwrap() == a);
    assert_eq!(names(dir.path()), ["f"]);
}

#[test]
fn a_batch_reports_each_file_in_order_and_one_failure_stops_no_other() {
    let dir = TempDir::new().unwrap();
    let engine = engine(dir.path());
    // Few, then enough for one sync of everything.
    for count in [3, 40] {
        let batch: Vec<(Staged, Hash)> = (0..count)
            .map(|i| {
                let content = format!("content {i}");
                let hash = blake3::hash(if i == 1 { b"damaged" } else { content.as_bytes() });
                (staged(&engine, &format!("{count}/{}/{i}", i % 3), &plan(), content.as_bytes()), hash)
            })
            .collect();
        let outcomes = engine.publish(batch);
        assert_eq!(outcomes.len(), count);
        for (i, outcome) in outcomes.into_iter().enumerate() {
            let file = dir.path().join(format!("{count}/{}/{i}", i % 3));
            if i == 1 {
                assert!(matches!(outcome, Err(PublishError::Integrity { .. })));
                assert!(!file.exists());
            } else {
                assert_eq!(outcome.unwrap().path, path(&format!("{count}/{}/{i}", i % 3)));
                assert_eq!(fs::read_to_string(&file).unwrap(), format!("content {i}"));
            }
        }
    }
    assert_eq!(engine.publish(Vec::new()).len(), 0);
}

#[test]
fn staging_files_of_the_dead_are_swept_and_those_of_the_living_are_not() {
    let dir = TempDir::new().unwrap();
    let living = engine(dir.path());
    let arriving = staged(&living, "living", &plan(), b"half");
    let dead = dir.path().join(".landline-part-00000000000000aa");
    fs::write(&dead, "half").unwrap();
    let not_ours = dir.path().join(".landline-part-notes");
    fs::write(&not_ours, "no staging name").unwrap();
    let restarted = engine(dir.path());
    drop(staged(&restarted, "other", &plan(), b""));
    assert!(!dead.exists());
    assert!(not_ours.exists());
    assert_eq!(sweep(&restarted.tree().dir(&SharePath::root()).unwrap()).unwrap(), 0);
    living.publish(vec![(arriving, blake3::hash(b"half"))]).remove(0).unwrap();
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
            .filter_map(|_| engine.stage(&path("f"), &plan()).ok())
            .map(|staged| engine.publish(vec![(staged, blake3::hash(b""))]).remove(0).is_ok())
            .collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        published
    });
    assert!(published.len() > 250 && published.iter().all(|ok| *ok), "{} of 300 began", published.len());
    assert_eq!(names(dir.path()), ["f"]);
}

#[test]
fn a_directory_that_moved_away_takes_no_file_with_it() {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let engine = engine(dir.path());
    for replaced in [false, true] {
        let arriving = staged(&engine, "d/f", &plan(), b"new");
        let gone = elsewhere.path().join(format!("gone {replaced}"));
        fs::rename(dir.path().join("d"), &gone).unwrap();
        if replaced {
            fs::create_dir(dir.path().join("d")).unwrap();
        }
        let outcome = engine.publish(vec![(arriving, blake3::hash(b"new"))]).remove(0);
        let Err(PublishError::Tree(TreeError::Refused { why, .. })) = outcome else { panic!("{outcome:?}") };
        assert_eq!(why, Refusal::FolderMoved);
        assert_eq!(names(&gone), [""; 0]);
    }
}

#[test]
fn what_is_arriving_is_hidden_and_readable_by_its_owner_alone() {
    let dir = TempDir::new().unwrap();
    let engine = engine(dir.path());
    let arriving = staged(&engine, "f", &Plan { mode: 0o777, ..plan() }, b"secret");
    assert_eq!((arriving.written(), arriving.target()), (6, &path("f")));
    let names = names(dir.path());
    assert!(names.len() == 1 && names[0].starts_with(".landline-part-"), "{names:?}");
    let mode = fs::metadata(dir.path().join(&names[0])).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(engine.tree().list(&SharePath::root()).unwrap(), []);
}
