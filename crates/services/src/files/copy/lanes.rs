//! Lanes: further calls that carry groups of one copy stream, because one connection does not always fill a line.
//!
//! Everything but groups stays on the stream's own call, in its order; a group says which it is, so it may come over any
//! lane at any time. A lane that is cut cuts the stream: nobody could say which groups had come over it, and a resumed
//! stream finds out. Source: PROTOCOL.md §7.6.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use landline_net::CallError;
use landline_wire::{ErrorCode, Fault};
use tokio_util::sync::CancellationToken;

/// Lanes of one stream besides its own call: more connections than that between two machines help nobody, and each
/// holds some 3 MiB at either end.
pub const MAX_LANES: usize = 15;

/// What the lanes of a stream have in common at either end.
#[derive(Debug, Default)]
pub(in crate::files) struct Bundle {
    /// Lanes that are open; [`SHUT`] once none may join any more.
    open: AtomicUsize,
    /// Lanes that ever were.
    joined: AtomicUsize,
    /// The other end has said something: from then on it knows the stream, and lanes can join it.
    pub(in crate::files) begun: CancellationToken,
    /// The stream has ended, however.
    pub(in crate::files) over: CancellationToken,
    /// A lane was cut, or the stream has to give way: it ends as if its own line had been cut.
    pub(in crate::files) cut: CancellationToken,
    /// Its owner ended it: it stops at the next good place.
    pub(in crate::files) ended: CancellationToken,
    /// A lane was dropped in the middle: its call was ended from this side (a revoked key, a stop), and so is the stream.
    pub(super) dropped: CancellationToken,
}

/// How a lane ended in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parted {
    /// All had gone, or this end had enough of it.
    Done,
    /// The other end had enough of it, while there was more to come.
    SentAway,
}

/// In place of a number of lanes.
const SHUT: usize = usize::MAX;

impl Bundle {
    /// One lane more; it is given back by [`Membership`].
    ///
    /// # Errors
    /// A fault for the peer if there are enough.
    pub(super) fn join(self: &Arc<Self>) -> Result<Membership, CallError> {
        let room = |open: usize| (open < MAX_LANES).then_some(open + 1);
        match self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, room) {
            Ok(_) => {}
            Err(SHUT) => return Err(no_stream()),
            Err(_) => {
                return Err(Fault::new(ErrorCode::Conflict, format!("a stream has {MAX_LANES} lanes at most")).into());
            }
        }
        self.joined.fetch_add(1, Ordering::AcqRel);
        Ok(Membership { bundle: Arc::clone(self), left: false })
    }

    pub(super) fn open(&self) -> usize {
        Some(self.open.load(Ordering::Acquire)).filter(|open| *open != SHUT).unwrap_or(0)
    }

    /// Lets no lane join any more, if none is open: one that came then would bring groups to nobody.
    pub(super) fn shut_if_empty(&self) -> bool {
        let shut = self.open.compare_exchange(0, SHUT, Ordering::AcqRel, Ordering::Acquire);
        shut.is_ok() || shut == Err(SHUT)
    }

    /// Whether a lane was cut or dropped, or the stream has to give way.
    pub(super) fn was_broken(&self) -> bool {
        self.cut.is_cancelled() || self.dropped.is_cancelled()
    }

    pub(super) fn ever_joined(&self) -> bool {
        self.joined.load(Ordering::Acquire) > 0
    }
}

/// A lane that is open. Dropped before it has left, it takes the stream along.
#[derive(Debug)]
pub(super) struct Membership {
    bundle: Arc<Bundle>,
    left: bool,
}

impl Membership {
    /// It has ended, well or with the stream.
    pub(super) fn leave(mut self) {
        self.left = true;
    }
}

impl Drop for Membership {
    /// In this order: who sees that no lane is open any more sees too whether all came that they brought.
    fn drop(&mut self) {
        if !self.left {
            self.bundle.dropped.cancel();
        }
        self.bundle.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Others copy here, too.
pub(in crate::files) fn crowded() -> CallError {
    Fault::new(ErrorCode::Conflict, "others copy here at this time, so one call of each carries his copy").into()
}

/// No such stream, or none any more.
pub(in crate::files) fn no_stream() -> CallError {
    Fault::new(ErrorCode::NotFound, "there is no such stream, or it has ended").into()
}
