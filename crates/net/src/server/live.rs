//! The calls that run: to be listed, to be ended, and by peer, so that a revocation reaches them.
//!
//! A call is registered *before* its admission is asked: a key that is revoked in between is found here, so there is
//! no gap in which a revoked key keeps a call. Numbers count from 1 and are never given twice.
//! Rates: once a second every call's counters are noted, and the note before the last is kept. A rate is what moved since
//! that one, so over 1 s at least and 2 s at most, or since the call began if it is younger.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use landline_trust::key::PublicKey;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::parting::{End, Parting};
use crate::{
    call::Call,
    card::Card,
    line::LineStats,
    peer::{Origin, Peer},
};

/// How often the counters of all calls are noted.
const NOTED_EVERY: Duration = Duration::from_secs(1);

/// A view of the running calls. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Live {
    calls: Arc<Mutex<Calls>>,
    panics: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Calls {
    running: BTreeMap<u64, Entry>,
    last: u64,
}

#[derive(Debug)]
struct Entry {
    peer: Peer,
    origin: Origin,
    begun: SystemTime,
    born: Instant,
    line: LineStats,
    card: Card,
    cut: CancellationToken,
    /// The last two notes of the counters, the older first.
    notes: [Note; 2],
}

/// The counters at one time.
#[derive(Debug, Clone, Copy)]
struct Note {
    at: Instant,
    received: u64,
    sent: u64,
}

/// A call as it is told of at one moment. Texts may hold anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCall {
    /// From 1, in the order in which they came.
    pub number: u64,
    /// Who, as the connection proved it.
    pub peer: Peer,
    /// From where.
    pub origin: Origin,
    /// As whom it was let in; empty before, and in an introduction.
    pub user: String,
    /// What the machine calls itself; empty where it has no name.
    pub label: String,
    /// The service that it asked for; empty before.
    pub service: String,
    /// What it is doing, in words.
    pub doing: String,
    /// When it came.
    pub begun: SystemTime,
    /// Bytes from the peer, as they came over the line.
    pub received: u64,
    /// Bytes to the peer.
    pub sent: u64,
    /// Bytes a second from the peer; see the module.
    pub rate_in: u64,
    /// Bytes a second to the peer.
    pub rate_out: u64,
}

impl Live {
    /// All calls, by number.
    #[must_use]
    pub fn list(&self) -> Vec<LiveCall> {
        let now = Instant::now();
        self.lock().running.iter().map(|(number, entry)| entry.told(*number, now)).collect()
    }

    /// Ends one call: a known peer is told, anybody else is cut. False: there is none of this number.
    #[must_use]
    pub fn end(&self, number: u64) -> bool {
        let calls = self.lock();
        let Some(entry) = calls.running.get(&number) else { return false };
        entry.card.ending().cancel();
        if !entry.card.is_admitted() {
            entry.cut.cancel();
        }
        true
    }

    /// Cuts every call of `key`, whatever it does; returns how many there were.
    pub fn cut(&self, key: &PublicKey) -> usize {
        let calls = self.lock();
        let theirs = calls.running.values().filter(|entry| entry.peer == Peer::Key(*key));
        theirs.map(|entry| entry.cut.cancel()).count()
    }

    /// Cuts the calls of `key` that were let in as those of a known peer: not one in which it is only just becoming known, or
    /// known as somebody else.
    pub fn cut_admitted(&self, key: &PublicKey) -> usize {
        let calls = self.lock();
        let theirs = calls.running.values().filter(|entry| entry.peer == Peer::Key(*key) && entry.card.is_admitted());
        theirs.map(|entry| entry.cut.cancel()).count()
    }

    /// Cuts every call of a key that `may_stay` says no to.
    pub fn cut_all_but(&self, may_stay: impl Fn(&PublicKey) -> bool) {
        for entry in self.lock().running.values() {
            if matches!(&entry.peer, Peer::Key(key) if !may_stay(key)) {
                entry.cut.cancel();
            }
        }
    }

    /// How many calls run of keys that `counts` says yes to.
    #[must_use]
    pub fn count_of(&self, counts: impl Fn(&PublicKey) -> bool) -> usize {
        self.lock().running.values().filter(|entry| matches!(&entry.peer, Peer::Key(key) if counts(key))).count()
    }

    /// How many calls run.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().running.len()
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

    pub(crate) fn register(&self, call: &Call, cut: CancellationToken) -> Registered {
        let (now, card) = (Instant::now(), call.card().clone());
        let note = Note { at: now, received: 0, sent: 0 };
        let entry = Entry {
            peer: call.peer(),
            origin: call.origin(),
            begun: SystemTime::now(),
            born: now,
            line: call.line(),
            card: card.clone(),
            cut,
            notes: [note; 2],
        };
        let mut calls = self.lock();
        let others = calls.running.values().filter(|other| other.peer == entry.peer).count();
        calls.last += 1;
        let number = calls.last;
        card.set_number(number);
        calls.running.insert(number, entry);
        Registered { live: self.clone(), number, others }
    }

    /// Notes the counters of all calls once a second, for ever.
    pub(crate) async fn keep_notes(&self) -> Infallible {
        let mut beat = interval(NOTED_EVERY);
        loop {
            beat.tick().await;
            self.note(Instant::now());
        }
    }

    fn note(&self, now: Instant) {
        for entry in self.lock().running.values_mut() {
            let [_, last] = entry.notes;
            entry.notes = [last, entry.counted(now)];
        }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn counted(&self, now: Instant) -> Note {
        Note { at: now, received: self.line.received(), sent: self.line.sent() }
    }

    fn told(&self, number: u64, now: Instant) -> LiveCall {
        let (words, counted, [before, _]) = (self.card.words(), self.counted(now), self.notes);
        let doing = match words.doing {
            _ if self.card.ending().is_cancelled() => "ending".to_owned(),
            nothing if nothing.is_empty() => "arriving".to_owned(),
            doing => doing,
        };
        LiveCall {
            number,
            peer: self.peer,
            origin: self.origin,
            user: words.user,
            label: words.label,
            service: words.service,
            doing,
            begun: self.begun,
            received: counted.received,
            sent: counted.sent,
            rate_in: a_second(counted.received.saturating_sub(before.received), now.duration_since(before.at)),
            rate_out: a_second(counted.sent.saturating_sub(before.sent), now.duration_since(before.at)),
        }
    }
}

/// Bytes a second; 0 for no time at all.
fn a_second(bytes: u64, time: Duration) -> u64 {
    let rate = (u128::from(bytes) * 1_000_000).checked_div(time.as_micros()).unwrap_or(0);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// A call's entry; dropping it takes the call off the list.
#[derive(Debug)]
pub(crate) struct Registered {
    live: Live,
    number: u64,
    /// Calls of the same peer that ran when this one came.
    pub(crate) others: usize,
}

impl Registered {
    /// What there is to tell at the end.
    pub(crate) fn parting(&self, end: End) -> Option<Parting> {
        let calls = self.live.lock();
        let entry = calls.running.get(&self.number)?;
        let words = entry.card.words();
        Some(Parting {
            number: self.number,
            peer: Some(entry.peer),
            origin: entry.origin,
            user: words.user,
            label: words.label,
            service: words.service,
            begun: entry.begun,
            lasted: entry.born.elapsed(),
            received: entry.line.received(),
            sent: entry.line.sent(),
            end,
        })
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.live.lock().running.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use landline_wire::Limits;
    use tokio::io::duplex;

    use super::*;
    use crate::limits::CallLimits;

    fn call(peer: Peer) -> Call {
        Call::over(duplex(64).0, peer, Origin::Unix, None, Limits::KNOWN, &CallLimits::default())
    }

    fn key(byte: u8) -> Peer {
        Peer::Key(PublicKey::from_bytes([byte; 32]))
    }

    #[tokio::test]
    async fn cutting_a_key_reaches_its_calls_and_no_others() {
        let live = Live::default();
        let tokens: Vec<_> = (0..3).map(|_| CancellationToken::new()).collect();
        let entries: Vec<_> = [key(1), key(2), key(1)]
            .into_iter()
            .zip(&tokens)
            .map(|(peer, token)| live.register(&call(peer), token.clone()))
            .collect();
        assert_eq!(entries.iter().map(|entry| entry.others).collect::<Vec<_>>(), [0, 0, 1]);
        assert_eq!(live.cut(&PublicKey::from_bytes([1; 32])), 2);
        assert_eq!(tokens.iter().map(CancellationToken::is_cancelled).collect::<Vec<_>>(), [true, false, true]);
        drop(entries);
        assert_eq!(live.count(), 0);
    }

    #[tokio::test]
    async fn numbers_count_from_one_and_one_call_is_ended_by_its_number() {
        let live = Live::default();
        let (first, second) = (call(key(1)), call(Peer::Uid(0)));
        let cut = CancellationToken::new();
        drop(live.register(&first, cut.clone()));
        let _registered = live.register(&second, cut.clone());
        assert_eq!((first.card().number(), second.card().number()), (1, 2));
        assert!(!live.end(1), "it is over");
        assert!(!live.end(3) && !cut.is_cancelled());
        second.card().admit("ann".to_owned(), "laptop".to_owned());
        assert!(live.end(2) && second.card().ending().is_cancelled());
        assert!(!cut.is_cancelled(), "whoever was let in is told first");
        assert_eq!(live.list()[0].doing, "ending");
    }

    #[tokio::test]
    async fn whoever_was_not_let_in_is_just_cut() {
        let (live, cut) = (Live::default(), CancellationToken::new());
        let _registered = live.register(&call(key(1)), cut.clone());
        assert_eq!(live.list()[0].doing, "arriving");
        assert!(live.end(1) && cut.is_cancelled());
    }

    #[tokio::test]
    async fn a_rate_is_of_the_last_second_or_two() {
        let live = Live::default();
        let (near, _far) = duplex(64);
        let mut call = Call::over(near, key(1), Origin::Unix, None, Limits::KNOWN, &CallLimits::default());
        let _registered = live.register(&call, CancellationToken::new());
        call.halves().1.queue_data(&[1; 30]).unwrap();
        call.halves().1.flush().await.unwrap();
        let (born, sent) = (live.lock().running[&1].born, call.line().sent());
        let told = |secs: u64| live.lock().running[&1].told(1, born + Duration::from_secs(secs));
        assert_eq!((told(2).sent, told(2).rate_out, told(2).rate_in), (sent, sent / 2, 0));
        live.note(born + Duration::from_secs(1));
        assert_eq!(told(2).rate_out, sent / 2, "the note before is still that of the beginning");
        live.note(born + Duration::from_secs(2));
        assert_eq!((told(3).rate_out, told(3).sent), (0, sent), "nothing moved since the first second");
        assert_eq!(a_second(5, Duration::ZERO), 0);
    }
}
