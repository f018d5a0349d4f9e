//! How far a copy has come, for whoever looks: counters that cost nothing, and one outcome for each thing.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use landline_wire::{ErrorCode, Fault};

/// What became of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A file is at its place, whole, verified and durable.
    Kept {
        /// Path at the destination.
        path: Vec<u8>,
        /// Bytes.
        size: u64,
        /// BLAKE3 in hex.
        hash: String,
    },
    /// A dry run would have copied it.
    Planned {
        /// Path at the destination.
        path: Vec<u8>,
        /// Bytes.
        size: u64,
    },
    /// Not copied because of what it is.
    Skipped {
        /// Path at the source.
        path: Vec<u8>,
        /// Why.
        why: String,
    },
    /// Not copied because something went wrong; what was there before is still there.
    Failed {
        /// Path at the destination.
        path: Vec<u8>,
        /// What went wrong.
        fault: Fault,
    },
}

impl Outcome {
    /// Something that the sender did not send: skipped if it is nothing that is ever copied, else it went wrong.
    pub(super) fn left_out(path: Vec<u8>, fault: Fault) -> Self {
        match fault.code {
            ErrorCode::WrongKind | ErrorCode::BadName => Self::Skipped { path, why: fault.text.into_owned() },
            _ => Self::Failed { path, fault },
        }
    }
}

/// What a copy is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has moved yet.
    Connecting,
    /// Bytes move.
    Copying,
    /// All bytes are there; they are being verified and made durable.
    Publishing,
    /// Done.
    Done,
}

/// The counters of one job. Cheap to clone.
#[derive(Clone)]
pub struct Watch {
    inner: Arc<Inner>,
}

struct Inner {
    sink: Box<dyn Fn(Outcome) + Send + Sync>,
    bytes: AtomicU64,
    files: AtomicU64,
    skipped: AtomicU64,
    failed: AtomicU64,
    kept_bytes: AtomicU64,
    total_files: AtomicU64,
    total_bytes: AtomicU64,
    phase: AtomicU8,
    started: Instant,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("bytes", &self.bytes()).field("files", &self.files()).finish_non_exhaustive()
    }
}

/// What a job came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Files kept, or planned in a dry run.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Things not copied because of what they are.
    pub skipped: u64,
    /// Things not copied because something went wrong.
    pub failed: u64,
    /// From the start of the job until all was durable.
    pub took: Duration,
}

impl Watch {
    /// A new job begins; each outcome goes to `sink`, from any thread.
    pub fn new(sink: impl Fn(Outcome) + Send + Sync + 'static) -> Self {
        let inner = Inner {
            sink: Box::new(sink),
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            kept_bytes: AtomicU64::new(0),
            total_files: AtomicU64::new(0),
            total_bytes: AtomicU64::new(0),
            phase: AtomicU8::new(0),
            started: Instant::now(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Bytes moved so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.inner.bytes.load(Relaxed)
    }

    /// Files that are at their place.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.inner.files.load(Relaxed)
    }

    /// Files and bytes of the whole job, once counted.
    #[must_use]
    pub fn total(&self) -> Option<(u64, u64)> {
        let files = self.inner.total_files.load(Relaxed);
        (files > 0).then(|| (files, self.inner.total_bytes.load(Relaxed)))
    }

    /// What the job is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.inner.phase.load(Relaxed) {
            0 => Phase::Connecting,
            1 => Phase::Copying,
            2 => Phase::Publishing,
            _ => Phase::Done,
        }
    }

    /// What the job has come to so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            files: self.files(),
            bytes: self.inner.kept_bytes.load(Relaxed),
            skipped: self.inner.skipped.load(Relaxed),
            failed: self.inner.failed.load(Relaxed),
            took: self.inner.started.elapsed(),
        }
    }

    pub(super) fn moved(&self, bytes: usize) {
        self.inner.bytes.fetch_add(u64::try_from(bytes).unwrap_or(0), Relaxed);
    }

    pub(super) fn add_totals(&self, files: u64, bytes: u64) {
        self.inner.total_bytes.fetch_add(bytes, Relaxed);
        self.inner.total_files.fetch_add(files, Relaxed);
    }

    pub(super) fn enter(&self, phase: Phase) {
        let number = match phase {
            Phase::Connecting => 0,
            Phase::Copying => 1,
            Phase::Publishing => 2,
            Phase::Done => 3,
        };
        self.inner.phase.store(number, Relaxed);
    }

    pub(super) fn came_to(&self, outcome: Outcome) {
        match &outcome {
            Outcome::Kept { size, .. } | Outcome::Planned { size, .. } => {
                self.inner.files.fetch_add(1, Relaxed);
                self.inner.kept_bytes.fetch_add(*size, Relaxed);
            }
            Outcome::Skipped { .. } => drop(self.inner.skipped.fetch_add(1, Relaxed)),
            Outcome::Failed { .. } => drop(self.inner.failed.fetch_add(1, Relaxed)),
        }
        (self.inner.sink)(outcome);
    }
}
