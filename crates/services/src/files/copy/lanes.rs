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
pub(super) struct Bundle {
    /// Lanes that are open.
    open: AtomicUsize,
    /// Lanes that ever were.
    joined: AtomicUsize,
    /// The stream has begun: lanes can join it.
    pub(super) begun: CancellationToken,
    /// The stream has ended, however.
    pub(super) over: CancellationToken,
    /// A lane was cut, or the stream has to give way: it ends as if its own line had been cut.
    pub(super) cut: CancellationToken,
}

impl Bundle {
    /// One lane more; it is given back by [`Membership`].
    ///
    /// # Errors
    /// A fault for the peer if there are enough.
    pub(super) fn join(self: &Arc<Self>) -> Result<Membership, CallError> {
        let room = |open: usize| (open < MAX_LANES).then_some(open + 1);
        if self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).is_err() {
            return Err(Fault::new(ErrorCode::Conflict, format!("a stream has {MAX_LANES} lanes at most")).into());
        }
        self.joined.fetch_add(1, Ordering::AcqRel);
        Ok(Membership(Arc::clone(self)))
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    pub(super) fn ever_joined(&self) -> bool {
        self.joined.load(Ordering::Acquire) > 0
    }
}

/// A lane that is open; dropped when it has ended.
#[derive(Debug)]
pub(super) struct Membership(Arc<Bundle>);

impl Drop for Membership {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// No such stream, or none any more.
pub(in crate::files) fn no_stream() -> CallError {
    Fault::new(ErrorCode::NotFound, "there is no such stream, or it has ended").into()
}
