//! How much went each way on a connection.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes that went each way, counted by whoever carries them.
#[derive(Debug, Default)]
pub struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Traffic {
    /// Bytes that came.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Bytes that were handed to the system.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    pub(crate) fn came(&self, bytes: usize) {
        add(&self.received, bytes);
    }

    pub(crate) fn went(&self, bytes: usize) {
        add(&self.sent, bytes);
    }
}

fn add(counter: &AtomicU64, bytes: usize) {
    counter.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
}
