//! The door: how many strangers may stand in it, and how sources that fail are slowed.
//!
//! In: where a connection came from. Out: a place, or "turned away". From `strangers_start` on a growing share is
//! turned away at random, at `strangers_full` all are, so that a flood can't keep everybody else out; a penalised
//! source has one place at a time. UNIX sockets have neither limit nor penalty (ARCHITECTURE.md, D10).

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use landline_addr::source::{Neighbourhood, SourceKey};

use super::penalty::Penalties;
use crate::limits::{PenaltyLimits, ServerLimits};

/// Full sources' worth of places that one neighbourhood has: a third of the door, so that somebody with a network of his
/// own can't stand in all of it.
const NEIGHBOURS: usize = 2;

/// Shared by all listeners of a server.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    inner: Arc<Mutex<Inner>>,
    rule: Rule,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    start: usize,
    percent: u32,
    full: usize,
    per_source: usize,
    costs: PenaltyLimits,
}

#[derive(Debug)]
struct Inner {
    standing: usize,
    by_source: HashMap<SourceKey, usize>,
    by_neighbourhood: HashMap<Neighbourhood, usize>,
    penalties: Penalties,
    turned_away: u64,
}

/// A failure, by what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A refused key, or a code that did not match.
    Refused,
    /// Came and left without trying.
    NoAttempt,
    /// Ran out the time, or broke the protocol.
    RanOut,
}

impl Door {
    pub(crate) fn new(limits: &ServerLimits) -> Self {
        let inner = Inner {
            standing: 0,
            by_source: HashMap::new(),
            by_neighbourhood: HashMap::new(),
            penalties: Penalties::new(limits.penalties),
            turned_away: 0,
        };
        let rule = Rule {
            start: limits.strangers_start,
            percent: limits.strangers_drop_percent,
            full: limits.strangers_full.max(1),
            per_source: limits.strangers_per_source,
            costs: limits.penalties,
        };
        Self { inner: Arc::new(Mutex::new(inner)), rule }
    }

    /// A place for one connection that is not admitted yet. `dice`: 0 to 99, at random.
    pub(crate) fn enter(&self, source: SourceKey, now: Instant, dice: u32) -> Option<Place> {
        let mut inner = self.lock();
        let here = inner.by_source.get(&source).copied().unwrap_or(0);
        let allowed = if inner.penalties.is_slowed(source, now) { 1 } else { self.rule.per_source };
        let near = inner.by_neighbourhood.get(&source.neighbourhood()).copied().unwrap_or(0);
        let crowded = near >= self.rule.per_source.saturating_mul(NEIGHBOURS);
        if here >= allowed || crowded || dice < self.rule.share_dropped(inner.standing) {
            inner.turned_away += 1;
            return None;
        }
        inner.standing += 1;
        inner.by_source.insert(source, here + 1);
        inner.by_neighbourhood.insert(source.neighbourhood(), near + 1);
        Some(Place { door: self.clone(), source })
    }

    pub(crate) fn turned_away(&self) -> u64 {
        self.lock().turned_away
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cost(&self, failure: Failure) -> Duration {
        match failure {
            Failure::Refused => self.rule.costs.refused,
            Failure::NoAttempt => self.rule.costs.no_attempt,
            Failure::RanOut => self.rule.costs.ran_out,
        }
    }
}

impl Rule {
    /// How many of 100 are turned away when `standing` are in the door: OpenSSH's `MaxStartups start:rate:full`.
    fn share_dropped(&self, standing: usize) -> u32 {
        if standing >= self.full {
            return 100;
        }
        if standing < self.start {
            return 0;
        }
        let span = u32::try_from(self.full - self.start).unwrap_or(u32::MAX).max(1);
        let over = u32::try_from(standing - self.start).unwrap_or(u32::MAX);
        self.percent + (100u32.saturating_sub(self.percent)).saturating_mul(over) / span
    }
}

/// One connection's place in the door; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Place {
    door: Door,
    source: SourceKey,
}

impl Place {
    /// Counts a failure against the source of this connection.
    pub(crate) fn penalise(&self, failure: Failure, now: Instant) {
        let cost = self.door.cost(failure);
        self.door.lock().penalties.add(self.source, cost, now);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.door.lock();
        inner.standing = inner.standing.saturating_sub(1);
        leave(&mut inner.by_source, self.source);
        leave(&mut inner.by_neighbourhood, self.source.neighbourhood());
    }
}

fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, who: K) {
    if let Entry::Occupied(mut count) = counts.entry(who) {
        *count.get_mut() = count.get().saturating_sub(1);
        if *count.get() == 0 {
            count.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn source(last: u8) -> SourceKey {
        SourceKey::from(IpAddr::from(Ipv4Addr::new(10, 0, 0, last)))
    }

    #[test]
    fn few_strangers_all_come_in_many_are_thinned_out_and_the_door_never_overfills() {
        let door = Door::new(&ServerLimits { strangers_per_source: 1000, ..ServerLimits::default() });
        let now = Instant::now();
        let first: Vec<_> = (0..10).map(|n| door.enter(source(n), now, 0).expect("room")).collect();
        assert!(door.enter(source(11), now, 29).is_none(), "of 100, 30 are turned away from the tenth on");
        let rest: Vec<_> = (10..100).map(|n| door.enter(source(n), now, 99).expect("room")).collect();
        assert!(door.enter(source(200), now, 99).is_none(), "full");
        assert_eq!(door.turned_away(), 2);
        drop((first, rest));
        assert!(door.enter(source(1), now, 0).is_some(), "room again");
    }

    #[test]
    fn one_source_can_not_fill_the_door() {
        let door = Door::new(&ServerLimits { strangers_per_source: 2, ..ServerLimits::default() });
        let now = Instant::now();
        let _held = (door.enter(source(1), now, 99), door.enter(source(1), now, 99));
        assert!(door.enter(source(1), now, 99).is_none());
        assert!(door.enter(source(2), now, 99).is_some());
    }

    #[test]
    fn one_neighbourhood_can_not_fill_the_door_either() {
        let door = Door::new(&ServerLimits { strangers_per_source: 2, ..ServerLimits::default() });
        let now = Instant::now();
        let _held: Vec<_> = (0..4).map(|n| door.enter(source(n), now, 99).expect("room")).collect();
        assert!(door.enter(source(4), now, 99).is_none());
        assert!(door.enter(SourceKey::from(IpAddr::from([10, 0, 1, 1])), now, 99).is_some());
    }

    #[test]
    fn a_source_that_failed_often_has_one_place_at_a_time_until_its_penalty_ends() {
        let door = Door::new(&ServerLimits::default());
        let now = Instant::now();
        for _ in 0..3 {
            door.enter(source(1), now, 99).expect("room").penalise(Failure::Refused, now);
        }
        let held = door.enter(source(1), now, 99);
        assert!(held.is_some() && door.enter(source(1), now, 99).is_none());
        let later = now + Duration::from_secs(16);
        assert!(door.enter(source(1), later, 99).is_some());
    }
}
