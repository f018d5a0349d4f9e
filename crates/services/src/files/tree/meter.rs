//! The meter of a tree: how many bytes it holds, and how many it may.
//!
//! In: each change that [`Disk`](super::disk::Disk) is about to make. Out: leave, or `DQUOT` as a file system with quotas would say, so that
//! everything above treats both alike. Every name counts as blocks of 4 KiB, one at least: empty files fill a disk too. A file that is still
//! arriving counts as well, and until a new version is whole both do. Counted once at the start and kept up; what others change
//! in the tree meanwhile is seen when the limit is met, before anybody is refused.
//! Invariant: no sum of changes made through one tree passes the limit.

use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use landline_addr::path::MAX_COMPONENTS;
use rustix::fs::{Mode, Stat};
use rustix::io::{self, Errno};

use super::disk::Disk;
use super::entry::{Kind, kind_of};
use super::held::Held;
use super::name::Name;
use super::os;

/// What one name costs at least, and the unit of all costs: the block of common file systems.
pub const BLOCK: u64 = 4096;

/// Between two counts of a tree whose limit is met again and again: a count of a million files takes a second or two.
const RECOUNT: Duration = Duration::from_secs(10);

/// Counts what a tree holds.
#[derive(Debug)]
pub struct Meter {
    root: OwnedFd,
    state: Mutex<State>,
    /// Held while a file grows: how long it was decides what the growth costs.
    growing: Mutex<()>,
}

#[derive(Debug)]
struct State {
    used: u64,
    limit: Option<u64>,
    /// When the tree was last counted because the limit was met.
    recounted: Option<Instant>,
}

impl Meter {
    /// Counts what is below `root`.
    pub(super) fn new(root: OwnedFd, limit: Option<u64>) -> io::Result<Self> {
        let used = count(&root)?;
        let state = State { used, limit, recounted: None };
        Ok(Self { root, state: Mutex::new(state), growing: Mutex::default() })
    }

    /// Bytes that the tree holds.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.state().used
    }

    /// Bytes that it may hold; any number if there is none.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.state().limit
    }

    /// Lets it hold so many from now on. What is there already stays, also if it is more.
    pub fn set_limit(&self, limit: Option<u64>) {
        self.state().limit = limit;
    }

    /// `DQUOT` unless `more` bytes have room; nothing is counted yet.
    pub(super) fn check(&self, more: u64) -> io::Result<()> {
        self.with_room(more, |_| {})
    }

    /// Counts `more` bytes, or `DQUOT`.
    pub(super) fn take(&self, more: u64) -> io::Result<()> {
        self.with_room(more, |state| state.used = state.used.saturating_add(more))
    }

    /// Counts `less` bytes less.
    pub(super) fn give(&self, less: u64) {
        let mut state = self.state();
        state.used = state.used.saturating_sub(less);
    }

    /// To be held from a look at a file's length until it has grown.
    pub(super) fn growing(&self) -> MutexGuard<'_, ()> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_room(&self, more: u64, then: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut state = self.state();
        if !state.has_room(more) && state.recounted.is_none_or(|at| at.elapsed() >= RECOUNT) {
            state.used = count(&self.root)?;
            state.recounted = Some(Instant::now());
        }
        if !state.has_room(more) {
            return Err(Errno::DQUOT);
        }
        then(&mut state);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self, more: u64) -> bool {
        more == 0 || self.limit.is_none_or(|limit| self.used.saturating_add(more) <= limit)
    }
}

/// What a file of `size` bytes costs.
pub(super) fn cost_of(size: u64) -> u64 {
    size.div_ceil(BLOCK).max(1).saturating_mul(BLOCK)
}

/// What a name costs.
pub(super) fn cost(stat: &Stat) -> u64 {
    match kind_of(stat) {
        Kind::File => cost_of(u64::try_from(stat.st_size).unwrap_or(0)),
        Kind::Dir | Kind::Link | Kind::Other => BLOCK,
    }
}

fn count(root: &OwnedFd) -> io::Result<u64> {
    let fd = rustix::fs::openat(root, ".", os::HANDLE, Mode::empty())?;
    let mut used = 0;
    count_below(&Held::new(fd, Disk::default())?, 0, &mut used)?;
    Ok(used)
}

/// Adds what is in `dir` and below it; what can't be looked at is passed over.
fn count_below(dir: &Held, depth: usize, used: &mut u64) -> io::Result<()> {
    let mut dirs = Vec::new();
    dir.names_streamed(|name, _| {
        let name = Name::component(name);
        if let Ok(stat) = dir.stat(&name) {
            *used = used.saturating_add(cost(&stat));
            if kind_of(&stat) == Kind::Dir && depth < MAX_COMPONENTS {
                dirs.push(name);
            }
        }
        ControlFlow::Continue(())
    })?;
    for name in dirs {
        if let Ok(child) = dir.child(&name) {
            match count_below(&child, depth + 1, used) {
                Ok(()) | Err(Errno::ACCESS | Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}
