//! Faults: a disk that fails when it is told to, for tests and for `landline selftest`.
//!
//! In: which call is about to be made. Out: whether it is made. See [`Tree::open_with_faults`](super::Tree).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

pub use rustix::io::Errno;

/// A kind of call that changes something on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// Making a file.
    Create,
    /// Making a directory.
    MakeDir,
    /// Writing to a file.
    Write,
    /// Setting the length of a file.
    Truncate,
    /// Setting space aside, or giving it back as a hole.
    Allocate,
    /// Making one file or directory durable.
    Sync,
    /// Making a whole file system durable.
    SyncAll,
    /// Giving a new name.
    Rename,
    /// Giving a second name.
    Link,
    /// Making a symbolic link.
    Symlink,
    /// Removing a name that is no directory.
    Unlink,
    /// Removing a directory.
    RemoveDir,
    /// Setting permissions.
    SetMode,
    /// Setting a time.
    SetTime,
    /// Setting or removing an extended attribute.
    SetAttribute,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Create,
        Self::MakeDir,
        Self::Write,
        Self::Truncate,
        Self::Allocate,
        Self::Sync,
        Self::SyncAll,
        Self::Rename,
        Self::Link,
        Self::Symlink,
        Self::Unlink,
        Self::RemoveDir,
        Self::SetMode,
        Self::SetTime,
        Self::SetAttribute,
    ];
}

/// What is to become of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is made.
    Go,
    /// It is not made and fails like this.
    Fail(Errno),
    /// At most so many bytes of a write are written; no failure in itself. Any other call fails.
    Short(usize),
}

/// Decides which calls fail. Asked from several threads.
pub trait Faults: Send + Sync {
    /// A call of kind `op` is about to be made. `what`: the single name that it acts on, empty if that is an open file.
    fn before(&self, op: Op, what: &[u8]) -> Verdict;
}

/// Fails one call, the `n`-th from 0 on; or that and all after it, as if the machine had lost its disk.
#[derive(Debug)]
pub struct FailNth {
    /// Only calls of this kind count.
    op: Option<Op>,
    n: u64,
    lasting: bool,
    verdict: Verdict,
    seen: AtomicU64,
}

impl FailNth {
    /// One failure. `op`: which calls count, `None` for all.
    #[must_use]
    pub const fn new(op: Option<Op>, n: u64, errno: Errno) -> Self {
        Self { op, n, lasting: false, verdict: Verdict::Fail(errno), seen: AtomicU64::new(0) }
    }

    /// One write that writes only `most` bytes.
    #[must_use]
    pub const fn short(n: u64, most: usize) -> Self {
        let verdict = Verdict::Short(most);
        Self { op: Some(Op::Write), n, lasting: false, verdict, seen: AtomicU64::new(0) }
    }

    /// The same for all calls after the `n`-th too.
    #[must_use]
    pub const fn lasting(mut self) -> Self {
        self.lasting = true;
        self
    }

    /// Calls that counted so far.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Whether a call failed.
    #[must_use]
    pub fn struck(&self) -> bool {
        self.seen() > self.n
    }
}

impl Faults for FailNth {
    fn before(&self, op: Op, _what: &[u8]) -> Verdict {
        if self.op.is_some_and(|only| only != op) {
            return Verdict::Go;
        }
        let number = self.seen.fetch_add(1, Ordering::Relaxed);
        if number == self.n || (self.lasting && number > self.n) { self.verdict } else { Verdict::Go }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
