//! A job whose line was cut begins its stream again: what is settled comes up once more, and must not count twice.
//!
//! In: that a stream begins, that it was cut, what had been sent by then. Out: what an outcome means after that.
//! Invariant: each file counts once, as what this job made of it.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{Outcome, Watch};

/// Files that were sent and whose fate the cut left open, so many of them: as many as may be sent without it. Of more, the
/// rest count as what is there already.
const MAX_OPEN: usize = 1 << 16;

/// What is remembered of a stream, in case it begins again.
#[derive(Debug, Default)]
pub(super) struct Again {
    cuts: AtomicU64,
    /// How far the job had come when the line was last cut.
    cut_at: Mutex<Option<u64>>,
    /// Bytes that had moved by then of files that were not settled: what of them is there counts already.
    moved: AtomicU64,
    /// Files that were settled before the stream began; they don't come up again.
    before: AtomicU64,
    /// Files and bytes that were counted before it began.
    counted: Mutex<(u64, u64)>,
    /// Files of the stream that were settled before the line was cut: the same again after it, they don't count twice.
    credit: AtomicU64,
    /// By their paths.
    open: Mutex<HashMap<Vec<u8>, LeftOpen>>,
}

/// A file that was sent before the line was cut.
#[derive(Debug)]
struct LeftOpen {
    size: u64,
    /// In hex.
    hash: Option<String>,
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Again {
    /// What an outcome means: a file that this job sent, and that the other end calls the same now, is kept.
    pub(super) fn settled(&self, outcome: Outcome) -> Outcome {
        if self.cuts.load(Relaxed) == 0 {
            return outcome;
        }
        match outcome {
            Outcome::Same { path, size } => match lock(&self.open).remove(&path) {
                Some(LeftOpen { size: sent, hash }) if sent == size => Outcome::Kept { path, size, hash },
                _ => Outcome::Same { path, size },
            },
            Outcome::Kept { ref path, .. } | Outcome::Failed { ref path, .. } => {
                lock(&self.open).remove(path);
                outcome
            }
            other => other,
        }
    }

    /// How many of `held` bytes, which are there from before, this job has not counted when it moved them.
    pub(super) fn uncounted(&self, held: u64) -> u64 {
        let take = |moved: u64| Some(moved.saturating_sub(held));
        let moved = self.moved.fetch_update(Relaxed, Relaxed, take).unwrap_or(0);
        held.saturating_sub(moved)
    }

    /// Whether something that is the same was settled before the cut.
    pub(super) fn uses_credit(&self) -> bool {
        self.credit.fetch_update(Relaxed, Relaxed, |credit| credit.checked_sub(1)).is_ok()
    }
}

impl Watch {
    fn settled_files(&self) -> u64 {
        self.files().saturating_add(self.same())
    }

    /// A stream of the job begins, not for the second time.
    pub(in crate::files) fn begins(&self) {
        let again = &self.inner.again;
        again.before.store(self.settled_files(), Relaxed);
        again.credit.store(0, Relaxed);
        lock(&again.open).clear();
        *lock(&again.counted) = (self.inner.total_files.load(Relaxed), self.inner.total_bytes.load(Relaxed));
    }

    /// The stream begins once more, and counts what there is once more.
    pub(in crate::files) fn counts_again(&self) {
        let (files, bytes) = *lock(&self.inner.again.counted);
        self.inner.total_files.store(files, Relaxed);
        self.inner.total_bytes.store(bytes, Relaxed);
    }

    /// The line was cut; the stream begins again, and what is settled comes up once more.
    pub(in crate::files) fn cut(&self) {
        let again = &self.inner.again;
        again.cuts.fetch_add(1, Relaxed);
        *lock(&again.cut_at) = Some(self.reached());
        let settled = self.inner.kept_bytes.load(Relaxed).saturating_add(self.inner.same_bytes.load(Relaxed));
        again.moved.store(self.bytes().saturating_sub(settled), Relaxed);
        again.credit.store(self.settled_files().saturating_sub(again.before.load(Relaxed)), Relaxed);
        self.counts_again();
    }

    /// The line was cut, and nobody said what became of this file, which had been sent.
    pub(in crate::files) fn left_open(&self, path: Vec<u8>, size: u64, hash: Option<String>) {
        let mut open = lock(&self.inner.again.open);
        if open.len() < MAX_OPEN {
            open.insert(path, LeftOpen { size, hash });
        }
    }

    /// How often the line was cut and dialled again.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.inner.again.cuts.load(Relaxed)
    }

    /// Whether anything came of the last attempt; else another makes no sense.
    pub(in crate::files) fn has_moved_since_last_cut(&self) -> bool {
        *lock(&self.inner.again.cut_at) != Some(self.reached())
    }

    /// Grows with whatever comes of an attempt, also if that is only to find again what came of an earlier one.
    fn reached(&self) -> u64 {
        self.bytes().saturating_add(self.inner.resumed.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn watched() -> (Watch, Arc<Mutex<Vec<Outcome>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        (Watch::new(move |outcome| sink.lock().unwrap().push(outcome)), seen)
    }

    fn same(path: &str) -> Outcome {
        Outcome::Same { path: path.into(), size: 1 }
    }

    fn kept(path: &str) -> Outcome {
        Outcome::Kept { path: path.into(), size: 1, hash: None }
    }

    #[test]
    fn each_file_counts_once_and_as_what_the_job_made_of_it_however_often_the_line_is_cut() {
        let (watch, seen) = watched();
        watch.begins();
        watch.came_to(kept("a"));
        watch.came_to(same("b"));
        for _ in 0..2 {
            watch.left_open(b"c".to_vec(), 1, None);
            watch.cut();
            ["a", "b"].iter().for_each(|path| watch.came_to(same(path)));
        }
        ["c", "d"].iter().for_each(|path| watch.came_to(same(path)));
        assert_eq!(*seen.lock().unwrap(), [kept("a"), same("b"), kept("c"), same("d")]);
        assert_eq!((watch.files(), watch.same(), watch.summary().bytes, watch.cuts()), (2, 2, 2, 2));
    }

    #[test]
    fn bytes_that_moved_before_the_cut_and_are_there_after_it_count_once() {
        let (watch, _) = watched();
        let resumed = |held| Outcome::Resumed { path: b"big".to_vec(), held, changed: false };
        watch.begins();
        watch.came_to(resumed(100)); // from an earlier run
        watch.moved(50);
        assert_eq!(watch.bytes(), 150);
        watch.cut();
        assert!(!watch.has_moved_since_last_cut());
        watch.came_to(resumed(140)); // ten were on their way
        assert!(watch.has_moved_since_last_cut());
        assert_eq!(watch.bytes(), 150);
        watch.cut();
        watch.came_to(resumed(200));
        assert_eq!(watch.bytes(), 200, "more is there than this job ever counted");
    }

    #[test]
    fn what_was_settled_in_an_earlier_stream_does_not_hide_what_is_the_same_in_a_later_one() {
        let (watch, seen) = watched();
        for stream in ["first", "second"] {
            watch.begins();
            watch.came_to(kept(stream));
            watch.left_open(b"open".to_vec(), 1, None);
            watch.cut();
            watch.came_to(same(stream));
        }
        watch.begins();
        ["third", "open"].iter().for_each(|path| watch.came_to(same(path)));
        assert_eq!(*seen.lock().unwrap(), [kept("first"), kept("second"), same("third"), same("open")]);
    }

    #[test]
    fn a_file_that_was_sent_twice_or_is_another_by_now_is_not_taken_for_the_one_that_was_sent() {
        let (watch, seen) = watched();
        watch.begins();
        ["sent twice", "failed"].iter().for_each(|path| watch.left_open((*path).into(), 1, None));
        watch.left_open(b"changed".to_vec(), 2, None);
        watch.cut();
        let failed = Outcome::Failed { path: b"failed".to_vec(), fault: landline_wire::Fault::stranger() };
        for outcome in [kept("sent twice"), failed.clone(), same("changed")] {
            watch.came_to(outcome);
        }
        assert!(lock(&watch.inner.again.open).is_empty());
        assert_eq!(*seen.lock().unwrap(), [kept("sent twice"), failed, same("changed")]);
    }

    #[test]
    fn totals_are_those_of_the_last_count() {
        let (watch, _) = watched();
        for stream in 1..=2 {
            watch.begins();
            watch.add_totals(3, 30);
            watch.cut();
            watch.add_totals(4, 40);
            watch.counts_again();
            watch.add_totals(5, 50);
            assert_eq!(watch.total(), Some((5 * stream, 50 * stream)));
        }
    }

    #[test]
    fn what_a_cut_leaves_open_is_bounded() {
        let (watch, _) = watched();
        for number in 0..=MAX_OPEN {
            watch.left_open(number.to_be_bytes().to_vec(), 1, None);
        }
        assert_eq!(lock(&watch.inner.again.open).len(), MAX_OPEN);
    }
}
