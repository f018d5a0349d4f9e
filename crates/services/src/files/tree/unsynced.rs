//! Directories in which a new directory was made but not yet made durable.
//!
//! Missing parents of arriving files are made by the thousand; one sync for each would cost more than the files. So the
//! one who makes them notes them here, and a publication syncs what lies above its file before it is acknowledged,
//! whoever made it. In: [`DirId`]s. Out: what still needs a sync.
//! Invariant: a note goes away only after a sync that began after it was written.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::held::DirId;

/// The notes of one tree.
#[derive(Debug, Default)]
pub(super) struct Unsynced(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    latest: u64,
    by_dir: HashMap<DirId, u64>,
}

/// Proof of which notes a sync that begins now will cover.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(u64);

impl Unsynced {
    /// Makes a directory in `dir` and notes it, as one step: whoever sees the new directory sees the note too.
    pub(super) fn making<T>(&self, dir: DirId, make: impl FnOnce() -> T) -> T {
        let mut notes = self.lock();
        let made = make();
        notes.latest += 1;
        let number = notes.latest;
        notes.by_dir.insert(dir, number);
        made
    }

    /// Whether there is nothing to do at all.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().by_dir.is_empty()
    }

    /// To be asked before syncing `dir`; `None` if that is not needed.
    pub(super) fn mark(&self, dir: DirId) -> Option<Mark> {
        self.lock().by_dir.get(&dir).copied().map(Mark)
    }

    /// `dir` was synced, by a sync that began after `mark` was taken.
    pub(super) fn settle(&self, dir: DirId, mark: Mark) {
        let mut notes = self.lock();
        if notes.by_dir.get(&dir) == Some(&mark.0) {
            notes.by_dir.remove(&dir);
        }
    }

    /// A panic elsewhere can't leave the notes half written: each change is one insertion or removal.
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
