//! How far a copy has come, for whoever looks: counters that cost nothing, and one outcome for each thing.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use landline_wire::{ErrorCode, Fault};

use landline_net::LineStats;

use super::msg::LoadMsg;

mod again;
mod clocks;
mod lines;

use again::Again;
use clocks::Clocks;
pub use lines::LineLoad;
use lines::Lines;

/// What became of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A file is at its place, whole, verified and durable.
    Kept {
        /// Path at the destination.
        path: Vec<u8>,
        /// Bytes.
        size: u64,
        /// BLAKE3 in hex; none for a link.
        hash: Option<String>,
    },
    /// A dry run would have copied it.
    Planned {
        /// Path at the destination.
        path: Vec<u8>,
        /// Bytes.
        size: u64,
    },
    /// A file is there already, the same: nothing was done.
    Same {
        /// Path at the destination.
        path: Vec<u8>,
        /// Bytes.
        size: u64,
    },
    /// A part of a file is there from an earlier try, verified: only the rest comes.
    Resumed {
        /// Path at the destination.
        path: Vec<u8>,
        /// Bytes that need not come.
        held: u64,
        /// Whether the source has changed since; then each part is compared.
        changed: bool,
    },
    /// A directory that was new has its name now, with all that is in it.
    Tree {
        /// Path at the destination.
        path: Vec<u8>,
    },
    /// Not copied because of what it is.
    Skipped {
        /// Path at the destination, where it would have been.
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

/// What time is spent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading or writing files.
    Disk,
    /// Hashing.
    Hash,
    /// Making durable.
    Sync,
    /// Waiting until the line takes or brings something.
    Line,
}

/// The counters of one job. Cheap to clone.
#[derive(Clone)]
pub struct Watch {
    inner: Arc<Inner>,
}

struct Inner {
    sink: Box<dyn Fn(Outcome) + Send + Sync>,
    /// Of the whole job that need not move any more: what moved, and what was there.
    bytes: AtomicU64,
    moved: AtomicU64,
    files: AtomicU64,
    same: AtomicU64,
    same_bytes: AtomicU64,
    resumed: AtomicU64,
    lost: AtomicU64,
    skipped: AtomicU64,
    failed: AtomicU64,
    kept_bytes: AtomicU64,
    total_files: AtomicU64,
    total_bytes: AtomicU64,
    phase: AtomicU8,
    again: Again,
    busy: Clocks,
    theirs: Mutex<Option<LoadMsg>>,
    lines: Lines,
    crowded: AtomicBool,
    started: Instant,
    /// When the first stream began.
    copying: OnceLock<Instant>,
    in_hand: OnceLock<InHand>,
}

/// Hears which file content comes of.
type InHand = Box<dyn Fn(&[u8]) + Send + Sync>;

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
    /// Bytes that were moved now: of kept files without what was there before, and of others.
    pub moved: u64,
    /// Files that were there already, the same.
    pub same: u64,
    /// Bytes that were there from an earlier try.
    pub resumed: u64,
    /// Things not copied because of what they are.
    pub skipped: u64,
    /// Things not copied because something went wrong, those in a directory that was not made among them.
    pub failed: u64,
    /// From the start of the job until all was durable.
    pub took: Duration,
}

impl Watch {
    /// A new job begins; each outcome goes to `sink`, from any thread.
    pub fn new(sink: impl Fn(Outcome) + Send + Sync + 'static) -> Self {
        let started = Instant::now();
        let inner = Inner {
            sink: Box::new(sink),
            bytes: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            files: AtomicU64::new(0),
            same: AtomicU64::new(0),
            same_bytes: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            kept_bytes: AtomicU64::new(0),
            total_files: AtomicU64::new(0),
            total_bytes: AtomicU64::new(0),
            phase: AtomicU8::new(0),
            again: Again::default(),
            busy: Clocks::new(started),
            theirs: Mutex::default(),
            lines: Lines::default(),
            crowded: AtomicBool::new(false),
            started,
            copying: OnceLock::new(),
            in_hand: OnceLock::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Bytes of the job that are done with, also because they were there already.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.inner.bytes.load(Relaxed)
    }

    /// Files that were there already, the same.
    #[must_use]
    pub fn same(&self) -> u64 {
        self.inner.same.load(Relaxed)
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
            moved: self.inner.moved.load(Relaxed),
            same: self.inner.same.load(Relaxed),
            resumed: self.inner.resumed.load(Relaxed),
            skipped: self.inner.skipped.load(Relaxed),
            failed: self.inner.failed.load(Relaxed).saturating_add(self.inner.lost.load(Relaxed)),
            took: self.inner.started.elapsed(),
        }
    }

    pub(super) fn moved(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(0);
        self.inner.bytes.fetch_add(bytes, Relaxed);
        self.inner.moved.fetch_add(bytes, Relaxed);
    }

    /// Bytes of the job that nobody needs to move: zeros.
    pub(super) fn passed(&self, bytes: u64) {
        self.inner.bytes.fetch_add(bytes, Relaxed);
    }

    /// Time that this end has spent with `stage`, what it is at right now among it.
    #[must_use]
    pub fn busy(&self, stage: Stage) -> Duration {
        self.inner.busy.busy(stage)
    }

    /// For how long the copy goes on, without the dialling before it; nothing while it has not begun.
    #[must_use]
    pub fn copying(&self) -> Duration {
        self.inner.copying.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// What the line did so far.
    #[must_use]
    pub fn line(&self) -> LineLoad {
        self.inner.lines.load()
    }

    /// The job goes on over this line, once a line.
    pub(super) fn over(&self, line: LineStats) {
        self.inner.lines.over(line);
    }

    /// A lane of the job goes over this line, once a line.
    pub(super) fn beside(&self, line: LineStats) {
        self.inner.lines.beside(line);
    }

    /// A lane has left the job.
    pub(super) fn left(&self) {
        self.inner.lines.left();
    }

    /// The most calls that carried content at once.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.inner.lines.most()
    }

    /// Whether the other machine wanted fewer calls to carry content, because other users copied there, too.
    #[must_use]
    pub fn was_crowded(&self) -> bool {
        self.inner.crowded.load(Relaxed)
    }

    pub(super) fn note_crowded(&self) {
        self.inner.crowded.store(true, Relaxed);
    }

    /// What the other end has said that it is busy with.
    #[must_use]
    pub fn theirs(&self) -> Option<LoadMsg> {
        *self.inner.theirs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_theirs(&self, load: Option<LoadMsg>) {
        if load.is_some() {
            *self.inner.theirs.lock().unwrap_or_else(PoisonError::into_inner) = load;
        }
    }

    /// What this end tells the other of itself.
    pub(super) fn ours(&self) -> LoadMsg {
        let millis = |stage| u64::try_from(self.busy(stage).as_millis()).unwrap_or(u64::MAX);
        LoadMsg { disk: millis(Stage::Disk), hash: millis(Stage::Hash), sync: millis(Stage::Sync) }
    }

    /// Does `work` and counts the time it takes to `stage`.
    pub(super) fn timed<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        self.inner.busy.timed(stage, work)
    }

    /// From now on `tell` hears the path of each file that content comes of, once a small file and once a group. The first
    /// one that was given stays.
    pub(super) fn tell_in_hand(&self, tell: impl Fn(&[u8]) + Send + Sync + 'static) {
        drop(self.inner.in_hand.set(Box::new(tell)));
    }

    pub(super) fn in_hand(&self, path: &[u8]) {
        if let Some(tell) = self.inner.in_hand.get() {
            tell(path);
        }
    }

    /// Entries that were not taken because their directory was not: it was told, they only count.
    pub(super) fn lost(&self, entries: u64) {
        self.inner.lost.fetch_add(entries, Relaxed);
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
        if phase == Phase::Copying {
            self.inner.copying.get_or_init(Instant::now);
        }
        self.inner.phase.store(number, Relaxed);
    }

    pub(super) fn came_to(&self, outcome: Outcome) {
        let outcome = self.inner.again.settled(outcome);
        match &outcome {
            Outcome::Kept { size, .. } | Outcome::Planned { size, .. } => {
                self.inner.files.fetch_add(1, Relaxed);
                self.inner.kept_bytes.fetch_add(*size, Relaxed);
            }
            Outcome::Same { .. } if self.inner.again.uses_credit() => return,
            Outcome::Same { size, .. } => {
                self.inner.same.fetch_add(1, Relaxed);
                self.inner.same_bytes.fetch_add(*size, Relaxed);
                self.inner.bytes.fetch_add(*size, Relaxed);
            }
            Outcome::Resumed { held, .. } => {
                self.inner.resumed.fetch_add(*held, Relaxed);
                self.inner.bytes.fetch_add(self.inner.again.uncounted(*held), Relaxed);
            }
            Outcome::Tree { .. } => {}
            Outcome::Skipped { .. } => drop(self.inner.skipped.fetch_add(1, Relaxed)),
            Outcome::Failed { .. } => drop(self.inner.failed.fetch_add(1, Relaxed)),
        }
        (self.inner.sink)(outcome);
    }
}
