//! The meter of a tree: how many bytes it holds, and how many it may.
//!
//! In: each change that [`Disk`](super::disk::Disk) is about to make. Out: leave, or `DQUOT` as a file system with quotas would say, so that
//! everything above treats both alike. Every name counts as blocks of 4 KiB, one at least: empty files fill a disk too. A file that is still
//! arriving counts with what was set aside for it, and until a new version is whole both count. Counted once at the start and kept up; what
//! others change in the tree meanwhile is seen when the limit is met, before anybody is refused.
//! Invariant: no sum of changes made through one tree passes the limit.

use std::collections::HashMap;
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
    /// Held from a look at a file until it has grown or gone: what it was decides what that costs.
    changing: Mutex<()>,
}

/// Which file.
type FileId = (u64, u64);

#[derive(Debug)]
struct State {
    used: u64,
    limit: Option<u64>,
    /// When the tree was last counted because the limit was met.
    recounted: Option<Instant>,
    /// What open files were promised, in bytes that count.
    promised: HashMap<FileId, u64>,
}

impl Meter {
    /// Counts what is below `root`.
    pub(super) fn new(root: OwnedFd, limit: Option<u64>) -> io::Result<Self> {
        let promised = HashMap::new();
        let used = count(&root, &promised)?;
        let state = State { used, limit, recounted: None, promised };
        Ok(Self { root, state: Mutex::new(state), changing: Mutex::default() })
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

    /// Counts what a file of `size` bytes costs above what this one does, or `DQUOT`; it may grow to that size for nothing then.
    pub(super) fn promise(&self, file: &Stat, size: u64) -> io::Result<()> {
        self.with_room(
            |state| cost_of(size).saturating_sub(state.held(file)),
            |state| {
                state.promised.insert(id(file), cost_of(size));
            },
        )
        .map(drop)
    }

    /// What was promised to a file and not used is free again; whether there was such a promise.
    pub(super) fn release(&self, file: &Stat) -> bool {
        let mut state = self.state();
        let Some(promised) = state.promised.remove(&id(file)) else { return false };
        state.used = state.used.saturating_sub(promised.saturating_sub(cost(file)));
        true
    }

    /// Counts what it costs that a file grows to `end` bytes, or `DQUOT`. How much that was.
    pub(super) fn grow(&self, file: &Stat, end: u64) -> io::Result<u64> {
        self.with_room(|state| cost_of(end).saturating_sub(state.held(file)), |_| {})
    }

    /// A name of this is gone, and with it what it was promised. `arriving`: whether it was the name of a file that is not whole yet.
    pub(super) fn gone(&self, what: &Stat, arriving: bool) {
        let mut state = self.state();
        let less = match state.promised.remove(&id(what)) {
            Some(promised) => cost(what).max(promised),
            None if arriving => cost_arriving(what),
            None => cost(what),
        };
        state.used = state.used.saturating_sub(less);
    }

    /// A file was cut from what it was to `size` bytes.
    pub(super) fn shrunk(&self, was: &Stat, size: u64) {
        let mut state = self.state();
        let promised = state.promised.get(&id(was)).copied().unwrap_or(0);
        let less = state.held(was).saturating_sub(cost_of(size).max(promised));
        state.used = state.used.saturating_sub(less);
    }

    /// Counts `more` bytes, or `DQUOT`.
    pub(super) fn take(&self, more: u64) -> io::Result<()> {
        self.with_room(|_| more, |_| {}).map(drop)
    }

    /// Counts `less` bytes less.
    pub(super) fn give(&self, less: u64) {
        let mut state = self.state();
        state.used = state.used.saturating_sub(less);
    }

    /// To be held from a look at a file until it has grown or gone.
    pub(super) fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_room(&self, more: impl Fn(&State) -> u64, then: impl FnOnce(&mut State)) -> io::Result<u64> {
        let mut state = self.state();
        if !state.has_room(more(&state)) && state.recounted.is_none_or(|at| at.elapsed() >= RECOUNT) {
            state.used = count(&self.root, &state.promised)?;
            state.recounted = Some(Instant::now());
        }
        let more = more(&state);
        if !state.has_room(more) {
            return Err(Errno::DQUOT);
        }
        state.used = state.used.saturating_add(more);
        then(&mut state);
        Ok(more)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What a file counts with: what it is, or what it was promised.
    fn held(&self, file: &Stat) -> u64 {
        cost(file).max(self.promised.get(&id(file)).copied().unwrap_or(0))
    }

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

/// What the name of a file that is still arriving costs, by what the disk set aside for it too: a writer that died has left that.
pub(super) fn cost_arriving(stat: &Stat) -> u64 {
    cost(stat).max(cost_of(u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512)))
}

fn id(file: &Stat) -> FileId {
    (file.st_dev, file.st_ino)
}

fn count(root: &OwnedFd, promised: &HashMap<FileId, u64>) -> io::Result<u64> {
    let fd = rustix::fs::openat(root, ".", os::HANDLE, Mode::empty())?;
    let mut used = 0;
    count_below(&Held::new(fd, Disk::default())?, 0, promised, &mut used)?;
    Ok(used)
}

/// Adds what is in `dir` and below it; what can't be looked at is passed over.
fn count_below(dir: &Held, depth: usize, promised: &HashMap<FileId, u64>, used: &mut u64) -> io::Result<()> {
    let mut dirs = Vec::new();
    dir.names_streamed(|name, _| {
        let name = Name::component(name);
        if let Ok(stat) = dir.stat(&name) {
            let costs = match promised.get(&id(&stat)) {
                Some(promised) => cost(&stat).max(*promised),
                None if name.is_hidden() => cost_arriving(&stat),
                None => cost(&stat),
            };
            *used = used.saturating_add(costs);
            if kind_of(&stat) == Kind::Dir && depth < MAX_COMPONENTS {
                dirs.push(name);
            }
        }
        ControlFlow::Continue(())
    })?;
    for name in dirs {
        if let Ok(child) = dir.child(&name) {
            match count_below(&child, depth + 1, promised, used) {
                Ok(()) | Err(Errno::ACCESS | Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}
