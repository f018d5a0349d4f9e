//! Trap: kills a process at a point of its progress, not of time.
//!
//! In: a process that runs, and a [`KillPoint`]: so many bytes over a line, or so many in files that are still arriving.
//! Out: SIGKILL when the point is reached, and whether it came to that; or nothing, if the process ends before.
//! Points can be chosen by a seed, so that a round that fails can be played again.
//! Invariant: the signal goes to the very process that was named (by its pidfd), however late.

mod growth;

use std::fmt;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};

use crate::{Linkbox, Random, Running, Way};
use growth::Watcher;

/// States of a trap.
const ARMED: u8 = 0;
const STRUCK: u8 = 1;
const DISARMED: u8 = 2;

/// The victim's side of a trap: where the point is noticed.
#[derive(Debug)]
pub(crate) struct Jaw {
    victim: OwnedFd,
    state: Arc<AtomicU8>,
}

impl Jaw {
    /// A jaw for `victim`, and the trap that tells of it.
    #[track_caller]
    pub(crate) fn at(victim: &Running) -> (Self, Trap) {
        let state = Arc::new(AtomicU8::new(ARMED));
        let trap = Trap { state: Arc::clone(&state), watcher: None };
        (Self { victim: victim.pidfd(), state }, trap)
    }

    /// Kills the victim, unless it has ended or the trap was dropped.
    pub(crate) fn snap(self) {
        if self.victim_has_ended() {
            return;
        }
        let armed = self.state.compare_exchange(ARMED, STRUCK, Ordering::SeqCst, Ordering::SeqCst);
        if armed.is_ok() && pidfd_send_signal(&self.victim, Signal::KILL).is_err() {
            // It ended in between.
            self.state.store(DISARMED, Ordering::SeqCst);
        }
    }

    /// A pidfd is readable once its process has ended.
    fn victim_has_ended(&self) -> bool {
        let mut wanted = [PollFd::from_borrowed_fd(self.victim.as_fd(), PollFlags::IN)];
        poll(&mut wanted, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }
}

/// A point that was set for a process. Dropping it disarms it.
#[derive(Debug)]
#[must_use = "dropping the trap disarms it"]
pub struct Trap {
    state: Arc<AtomicU8>,
    /// Looks at files, if that is what it waits for.
    watcher: Option<Watcher>,
}

impl Trap {
    /// Kills `victim` once the files below `folder` that are still arriving hold `total` bytes together: those whose name
    /// begins with `prefix`, and all in folders of such a name. Bytes that were only set aside as a hole do not count;
    /// bytes that the file system was asked to reserve do, since nothing tells them from written ones.
    /// The victim goes on while this is noticed, so they may hold more by then.
    ///
    /// # Panics
    /// If `folder` cannot be watched, for instance since it does not exist.
    #[track_caller]
    pub fn once_grown(folder: impl AsRef<Path>, prefix: &str, total: u64, victim: &Running) -> Self {
        let (jaw, mut trap) = Jaw::at(victim);
        trap.watcher = Some(Watcher::start(folder.as_ref(), prefix, total, jaw));
        trap
    }

    /// Whether it killed. To be asked when the victim has ended; until then it may still.
    #[must_use]
    pub fn struck(&self) -> bool {
        self.state.load(Ordering::SeqCst) == STRUCK
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        // One that has struck stays so.
        let _ = self.state.compare_exchange(ARMED, DISARMED, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// Where a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillPoint {
    /// When so many bytes have passed this way since the line was made.
    Passed(Way, u64),
    /// When the files that are still arriving hold so many bytes together.
    Grown(u64),
}

/// What a [`KillPoint`] speaks of.
#[derive(Debug, Clone, Copy)]
pub struct KillSite<'a> {
    /// The line over which the bytes go.
    pub line: &'a Linkbox,
    /// The folder below which files arrive.
    pub folder: &'a Path,
    /// How the name of a file begins that is still arriving.
    pub prefix: &'a str,
}

impl KillPoint {
    /// Steps in which landline keeps files, 1 MiB: borders where something may go wrong.
    const STEP_BYTES: u64 = 1 << 20;

    /// A point somewhere in a transfer of `total` bytes that goes this way, decided by `random`: near the ends and the
    /// borders of each MiB more often than elsewhere.
    pub fn any(random: &mut Random, way: Way, total: u64) -> Self {
        let bytes = random.place(total, Self::STEP_BYTES);
        // Files that hold nothing yet are no point of their own.
        if random.below(2) == 0 { Self::Passed(way, bytes) } else { Self::Grown(bytes.max(1)) }
    }

    /// Sets a trap for `victim` at this point.
    ///
    /// # Panics
    /// As [`Trap::once_grown`].
    #[track_caller]
    pub fn set(self, site: &KillSite<'_>, victim: &Running) -> Trap {
        match self {
            Self::Passed(way, bytes) => site.line.kill_once_passed(way, bytes, victim),
            Self::Grown(bytes) => Trap::once_grown(site.folder, site.prefix, bytes, victim),
        }
    }
}

/// For the message of a round that failed.
impl fmt::Display for KillPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(Way::Up, bytes) => write!(f, "killed when {bytes} bytes had gone up the line"),
            Self::Passed(Way::Down, bytes) => write!(f, "killed when {bytes} bytes had come down the line"),
            Self::Grown(bytes) => write!(f, "killed when {bytes} bytes lay in files that were arriving"),
        }
    }
}

#[cfg(test)]
mod tests;
