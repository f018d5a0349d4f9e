//! How many connections a server serves in all: who has got so far takes a place.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio_util::sync::CancellationToken;

/// The connections that may be served in all.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) taken: AtomicU64,
    /// The last one is taken.
    pub(super) gone: CancellationToken,
}

impl Places {
    /// The number of a further one, from 1, if there is one.
    pub(super) fn take(&self, total: Option<u64>) -> Option<u64> {
        let total = total.unwrap_or(u64::MAX);
        let next = |taken: u64| (taken < total).then_some(taken.saturating_add(1));
        let id = self.taken.fetch_update(Relaxed, Relaxed, next).ok()?.saturating_add(1);
        if id == total {
            self.gone.cancel();
        }
        Some(id)
    }
}
