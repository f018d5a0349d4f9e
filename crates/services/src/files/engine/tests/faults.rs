//! A disk that fails: each call once, in turn, and each from there on. Whatever it is, every file is the old one or the
//! new one, what failed is said and named, and the next run completes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::files::{
    digest::GROUP,
    engine::{Arrival, Existing, Fate, LocalEngine, Policy, arrival::Plan},
    tree::{Errno, FailNth, Faults, Op, Tree, Verdict},
};
use landline_addr::path::SharePath;
use landline_wire::ErrorCode;

/// Far more than the stream makes; that it ends before is part of the test.
const MOST_CALLS: u64 = 2_000;

fn stream_on(dir: &Path, faults: Arc<dyn Faults>) -> Arrival {
    let engine = Arc::new(LocalEngine::new(Arc::new(Tree::open_with_faults(dir, faults).unwrap())));
    let policy = Policy { existing: Existing::Update, backup: true, ..Policy::default() };
    engine.arrive(&SharePath::root(), owner(1), policy)
}

fn new_plan(len: usize) -> Plan {
    Plan { mtime: time(2_000_000_000), ..plan(len) }
}

/// Everything that an arrival can do. What went wrong, with the name it was said of; and what was told as kept.
fn run(stream: &mut Arrival, large: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut wrong = Vec::new();
    let mut fates = Vec::new();
    let mut note = |outcome: Result<(), String>| wrong.extend(outcome.err());
    let file = |stream: &mut Arrival, number, name: &str, linked, bytes: &[u8]| {
        let plan = Plan { linked, ..new_plan(bytes.len()) };
        send(stream, number, name, plan, bytes).map(|_| ()).map_err(|told| told.text())
    };
    note(file(stream, 0, "old", true, b"new"));
    note(file(stream, 1, "old-large", false, large));
    note(stream.link(2, &path("link"), b"old", time(5)).map(|_| ()).map_err(|fault| fault.to_string()));
    fates.extend(stream.flush());
    match stream.dir(&path("tree")) {
        Err(fault) => note(Err(fault.to_string())),
        Ok(()) => {
            note(file(stream, 10, "small", true, b"new"));
            note(file(stream, 11, "large", false, large));
            note(stream.link(12, &path("link"), b"small", None).map(|_| ()).map_err(|fault| fault.to_string()));
            note(stream.hard_link(13, &path("too"), 10).map(|_| ()).map_err(|fault| fault.to_string()));
            match stream.dir(&path("inner")) {
                Err(fault) => note(Err(fault.to_string())),
                Ok(()) => {
                    note(file(stream, 14, "f", false, b"new"));
                    stream.dir_end(0o750, time(3));
                }
            }
            stream.dir_end(0o755, time(4));
        }
    }
    fates.extend(stream.finish());
    let kept = fates.iter().filter_map(|fate| match fate {
        Fate::Kept { published, .. } => Some(String::from_utf8(published.path.as_bytes().to_vec()).unwrap()),
        Fate::Failed { .. } | Fate::DirFailed { .. } | Fate::TreePublished { .. } => None,
    });
    let kept = kept.collect();
    wrong.extend(faults(&fates));
    (wrong, kept)
}

fn prepare(old_large: &[u8]) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("old"), "old").unwrap();
    fs::write(dir.path().join("old-large"), old_large).unwrap();
    dir
}

/// Old or new, but nothing else; and what was told as kept is new.
fn check(dir: &Path, kept: &[String], old_large: &[u8], large: &[u8], when: &str) {
    let old = fs::read(dir.join("old")).unwrap();
    assert!(old == b"old" || old == b"new", "{when}: {old:?}");
    let file = fs::read(dir.join("old-large")).unwrap();
    assert!(file == old_large || file == large, "{when}");
    for name in kept {
        let meta = fs::symlink_metadata(dir.join(name)).unwrap_or_else(|error| panic!("{when}: {name}: {error}"));
        if meta.is_symlink() {
            continue;
        }
        let bytes = fs::read(dir.join(name)).unwrap();
        assert!(if name.ends_with("large") { bytes == large } else { bytes == b"new" }, "{when}: {name}");
    }
    let tree = dir.join("tree");
    if tree.exists() {
        for (name, what) in content(&tree) {
            let right = match name.as_str() {
                "small" | "too" | "inner/f" => what == "new",
                "large" => fs::read(tree.join("large")).unwrap() == large,
                "link" => what == "-> small",
                "inner" => what == "/",
                hidden => hidden.contains(".landline-part-"),
            };
            assert!(right, "{when}: {name}: {what}");
        }
    }
}

/// Which of the things that were sent, and why in words that a person understands; of the consequences of a failure too.
fn assert_says_what_and_why(fault: &str, errno: Errno, when: &str) {
    let fault = fault.strip_prefix("dir ").unwrap_or(fault);
    let (place, why) = fault.split_once(": ").unwrap_or_else(|| panic!("{when}: {fault}"));
    let sent = ["old", "old~", "old-large", "old-large~", "link", "tree", "tree/small", "tree/large", "tree/link"];
    let below = ["tree/too", "tree/inner", "tree/inner/f"];
    assert!(sent.contains(&place) || below.contains(&place), "{when}: {fault}");
    let words = match errno {
        Errno::NOSPC => "no space left on the disk",
        Errno::DQUOT => "the quota is used up",
        _ => "the disk failed (input/output error)",
    };
    let consequence = ["not found"]; // of a second name, whose first never came
    assert!(why == words || consequence.contains(&why), "{when}: {fault}");
}

fn every_call(errno: Errno, lasting: bool) {
    let (old_large, large) = (big(GROUP + 5, 1), big(2 * GROUP + 9, 2));
    for n in 0..MOST_CALLS {
        let dir = prepare(&old_large);
        let faults = FailNth::new(None, n, errno);
        let faults = Arc::new(if lasting { faults.lasting() } else { faults });
        let when = format!("call {n}, {errno:?}{}", if lasting { " and all after it" } else { "" });
        let mut stream = stream_on(dir.path(), Arc::clone(&faults) as _);
        let (wrong, kept) = run(&mut stream, &large);
        drop(stream);
        check(dir.path(), &kept, &old_large, &large, &when);
        for fault in &wrong {
            assert_says_what_and_why(fault, errno, &when);
        }
        let complete = dir.path().join("tree/inner/f").exists() && fs::read(dir.path().join("old")).unwrap() == b"new";
        assert!(complete || !wrong.is_empty(), "{when}: something is missing and nobody says so");
        if lasting && faults.struck() {
            assert!(!wrong.is_empty() || complete, "{when}");
        }

        // The disk is well again: the next run completes, and leaves nothing behind.
        let mut stream = stream_on(dir.path(), Arc::new(FailNth::new(None, u64::MAX, errno)));
        let (wrong, kept) = run(&mut stream, &large);
        drop(stream);
        assert_eq!(wrong, [""; 0], "{when}, second run");
        check(dir.path(), &kept, &old_large, &large, &when);
        assert_eq!(fs::read(dir.path().join("old")).unwrap(), b"new", "{when}");
        assert!(fs::read(dir.path().join("old-large")).unwrap() == large, "{when}");
        // A journal that could not be removed is hidden, and goes with a later sweep.
        let orphan = |name: &String| name.contains(".landline-part-") && name.ends_with(".journal");
        let tree = content(&dir.path().join("tree")).into_keys().filter(|name| !orphan(name));
        let tree: Vec<String> = tree.collect();
        assert_eq!(tree, ["inner", "inner/f", "large", "link", "small", "too"], "{when}");
        assert_eq!(mode(&dir.path().join("tree/inner")), 0o750, "{when}");
        if !faults.struck() {
            assert!(n > 50, "only {n} calls were made to fail");
            return;
        }
    }
    panic!("more than {MOST_CALLS} calls");
}

#[test]
fn any_call_that_fails_once_costs_no_old_file_and_no_new_one_for_long() {
    every_call(Errno::IO, false);
}

#[test]
fn a_disk_that_is_full_from_some_call_on_costs_no_old_file_and_no_new_one_for_long() {
    every_call(Errno::NOSPC, true);
}

#[test]
fn a_quota_that_is_used_up_from_some_call_on_costs_no_old_file_and_no_new_one_for_long() {
    every_call(Errno::DQUOT, true);
}

#[test]
fn a_quota_has_a_word_of_its_own_and_a_broken_disk_is_no_full_one() {
    for (op, errno, code) in [
        (Op::Write, Errno::DQUOT, ErrorCode::Quota),
        (Op::Allocate, Errno::DQUOT, ErrorCode::Quota),
        (Op::Write, Errno::NOSPC, ErrorCode::NoSpace),
        (Op::Write, Errno::IO, ErrorCode::Internal),
    ] {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("f"), "old").unwrap();
        let mut stream = stream_on(dir.path(), Arc::new(FailNth::new(Some(op), 0, errno).lasting()));
        let bytes = big(2 * GROUP, 1);
        let told = match send(&mut stream, 0, "f", new_plan(bytes.len()), &bytes).unwrap_err() {
            Told::Tree(fault) => (fault.code(), fault.to_string()),
            Told::Publish(fault) => (fault.code(), fault.to_string()),
        };
        assert_eq!(told.0, code, "{op} {told:?}");
        assert_says_what_and_why(&told.1.replacen("f: ", "old: ", 1), errno, "at once");
        assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"old");
    }
}

/// From the `n`-th write on: that one falls short, and those after it fail.
struct FillsUp {
    n: u64,
    seen: AtomicU64,
    errno: Errno,
}

impl Faults for FillsUp {
    fn before(&self, op: Op, _what: &[u8]) -> Verdict {
        if op != Op::Write {
            return Verdict::Go;
        }
        match self.seen.fetch_add(1, Ordering::Relaxed).checked_sub(self.n) {
            None => Verdict::Go,
            Some(0) => Verdict::Short(1),
            Some(_) => Verdict::Fail(self.errno),
        }
    }
}

#[test]
fn any_write_that_is_cut_short_is_gone_on_with() {
    let (old_large, large) = (big(GROUP + 5, 1), big(2 * GROUP + 9, 2));
    for n in 0..MOST_CALLS {
        let dir = prepare(&old_large);
        let faults = Arc::new(FailNth::short(n, 1));
        let mut stream = stream_on(dir.path(), Arc::clone(&faults) as _);
        let (wrong, kept) = run(&mut stream, &large);
        assert_eq!(wrong, [""; 0], "write {n}");
        assert_eq!(kept.len(), 8, "write {n}");
        check(dir.path(), &kept, &old_large, &large, &format!("write {n} was short"));
        if !faults.struck() {
            assert!(n > 12, "only {n} writes");
            return;
        }
    }
    panic!("more than {MOST_CALLS} writes");
}

#[test]
fn any_write_that_is_cut_short_by_a_disk_that_takes_no_more_leaves_the_old_file() {
    let (old_large, large) = (big(GROUP + 5, 1), big(2 * GROUP + 9, 2));
    for (n, errno) in (0..MOST_CALLS).flat_map(|n| [(n, Errno::NOSPC), (n, Errno::DQUOT), (n, Errno::IO)]) {
        let dir = prepare(&old_large);
        let faults = Arc::new(FillsUp { n, seen: AtomicU64::new(0), errno });
        let when = format!("write {n} was short, then {errno:?}");
        let mut stream = stream_on(dir.path(), Arc::clone(&faults) as _);
        let (wrong, kept) = run(&mut stream, &large);
        drop(stream);
        check(dir.path(), &kept, &old_large, &large, &when);
        if faults.seen.load(Ordering::Relaxed) <= n {
            assert!(n > 12 && wrong.is_empty(), "{when}: only {n} writes, {wrong:?}");
            return;
        }
        for fault in &wrong {
            assert_says_what_and_why(fault, errno, &when);
        }
        let mut stream = stream_on(dir.path(), Arc::new(FailNth::new(None, u64::MAX, errno)));
        let (wrong, kept) = run(&mut stream, &large);
        assert_eq!(wrong, [""; 0], "{when}, second run");
        check(dir.path(), &kept, &old_large, &large, &when);
        assert!(fs::read(dir.path().join("old-large")).unwrap() == large, "{when}");
    }
    panic!("more than {MOST_CALLS} writes");
}
