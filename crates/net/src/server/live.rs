//! The calls that run, by peer, so that a revocation reaches them.
//!
//! A call is registered *before* its admission is asked: a key that is revoked in between is found here, so there is
//! no gap in which a revoked key keeps a call.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use landline_trust::key::PublicKey;
use tokio_util::sync::CancellationToken;

use crate::peer::Peer;

/// A view of the running calls. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Live {
    calls: Arc<Mutex<HashMap<u64, (Peer, CancellationToken)>>>,
    next: Arc<AtomicU64>,
    panics: Arc<AtomicU64>,
}

impl Live {
    /// Cuts every call of `key`, whatever it does; returns how many there were.
    pub fn cut(&self, key: &PublicKey) -> usize {
        let calls = self.lock();
        let theirs = calls.values().filter(|(peer, _)| *peer == Peer::Key(*key));
        theirs.map(|(_, cut)| cut.cancel()).count()
    }

    /// Cuts every call of a key that `may_stay` says no to.
    pub fn cut_all_but(&self, may_stay: impl Fn(&PublicKey) -> bool) {
        for (peer, cut) in self.lock().values() {
            if matches!(peer, Peer::Key(key) if !may_stay(key)) {
                cut.cancel();
            }
        }
    }

    /// How many calls run of keys that `counts` says yes to.
    #[must_use]
    pub fn count_of(&self, counts: impl Fn(&PublicKey) -> bool) -> usize {
        self.lock().values().filter(|(peer, _)| matches!(peer, Peer::Key(key) if counts(key))).count()
    }

    /// How many calls run.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// How many calls panicked since the server was made. Each ended alone; each is a bug.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Counts one more panic; how many there were with it.
    pub(crate) fn count_panic(&self) -> u64 {
        self.panics.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn register(&self, peer: Peer, cut: CancellationToken) -> Registered {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut calls = self.lock();
        let others = calls.values().filter(|(other, _)| *other == peer).count();
        calls.insert(id, (peer, cut));
        Registered { live: self.clone(), id, others }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, (Peer, CancellationToken)>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's entry; dropping it takes the call off the list.
#[derive(Debug)]
pub(crate) struct Registered {
    live: Live,
    id: u64,
    /// Calls of the same peer that ran when this one came.
    pub(crate) others: usize,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.live.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_a_key_reaches_its_calls_and_no_others() {
        let live = Live::default();
        let (a, b) = (PublicKey::from_bytes([1; 32]), PublicKey::from_bytes([2; 32]));
        let tokens: Vec<_> = (0..3).map(|_| CancellationToken::new()).collect();
        let entries: Vec<_> = [Peer::Key(a), Peer::Key(b), Peer::Key(a)]
            .into_iter()
            .zip(&tokens)
            .map(|(peer, token)| live.register(peer, token.clone()))
            .collect();
        assert_eq!(live.cut(&a), 2);
        assert_eq!(tokens.iter().map(CancellationToken::is_cancelled).collect::<Vec<_>>(), [true, false, true]);
        drop(entries);
        assert_eq!(live.count(), 0);
    }
}
