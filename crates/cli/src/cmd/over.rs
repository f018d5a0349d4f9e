//! Over: a thread that outlives whoever waited for it says nothing more.
//!
//! In: the end of a command, also by Ctrl-C in the files shell. Out: for its threads, whether it has ended. Disk threads and printers can't be
//! stopped from outside; they end by themselves, and until then their words belong to no command.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A command that runs; over when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Over(Arc<AtomicBool>);

/// For its threads.
#[derive(Debug, Clone)]
pub(super) struct Glimpse(Arc<AtomicBool>);

impl Over {
    /// What its threads look at.
    pub(super) fn glimpse(&self) -> Glimpse {
        Glimpse(Arc::clone(&self.0))
    }
}

impl Glimpse {
    /// Whether the command has ended.
    pub(super) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_when_it_is_dropped() {
        let over = Over::default();
        let glimpse = over.glimpse();
        assert!(!glimpse.is_over());
        drop(over);
        assert!(glimpse.is_over());
    }
}
