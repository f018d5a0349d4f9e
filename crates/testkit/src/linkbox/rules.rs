//! The rules of a line, and what has passed it: plain facts and decisions.
//!
//! In: what the test asks for, and each byte that is about to pass. Out: how many may pass now, changed or not, and which
//! connections are over. Knows nothing of sockets or threads; the time is an argument.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::flow::MOST_HELD_BYTES;
use super::pace::Pace;
use super::{Cut, Way};
use crate::Random;
use crate::trap::Jaw;

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) server: SocketAddr,
    pub(super) ways: [WayRules; 2],
    /// Connections made so far; the number of the next one.
    pub(super) calls: u64,
    pub(super) refusing: bool,
    /// Each cut ended the calls with a number below the one it notes.
    cuts: Vec<(u64, Cut)>,
    /// Calls that were cut by themselves.
    cut_calls: Vec<(u64, Cut)>,
    closed: bool,
    /// Something changed that a connection at rest must learn.
    news: bool,
}

#[derive(Debug)]
pub(super) struct WayRules {
    pub(super) passed: u64,
    pub(super) dribbling: bool,
    /// Most bytes that one connection may hold.
    room: usize,
    stalled: bool,
    barrier: Option<Barrier>,
    delay: Option<(Range<Duration>, Random)>,
    pace: Option<Pace>,
    /// Bytes a second of each connection, and the seed of its pieces.
    pace_each: Option<(u64, u64)>,
    paces: BTreeMap<u64, Pace>,
    /// Offsets in all that passes this way.
    flips: Vec<u64>,
}

impl WayRules {
    const fn new() -> Self {
        Self {
            passed: 0,
            dribbling: false,
            room: MOST_HELD_BYTES,
            stalled: false,
            barrier: None,
            delay: None,
            pace: None,
            pace_each: None,
            paces: BTreeMap::new(),
            flips: Vec::new(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Barrier {
    /// Bytes that may still pass.
    pub(super) after: u64,
    pub(super) then: Then,
}

#[derive(Debug)]
pub(super) enum Then {
    Cut(Cut),
    Stall,
    Kill(Jaw),
}

/// What a connection is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    GoOn,
    End(Cut),
    /// The line itself is gone.
    Vanish,
}

impl Rules {
    pub(super) fn new(server: SocketAddr) -> Self {
        let ways = [WayRules::new(), WayRules::new()];
        Self {
            server,
            ways,
            calls: 0,
            refusing: false,
            cuts: Vec::new(),
            cut_calls: Vec::new(),
            closed: false,
            news: false,
        }
    }

    /// Whether connections at rest must look again; asking clears it.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    pub(super) fn fate(&self, call: u64) -> Fate {
        if self.closed {
            return Fate::Vanish;
        }
        let with_all = self.cuts.iter().find(|(below, _)| call < *below);
        let alone = || self.cut_calls.iter().find(|(cut, _)| call == *cut);
        with_all.or_else(alone).map_or(Fate::GoOn, |(_, how)| Fate::End(*how))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn was_cut(&self) -> bool {
        !(self.cuts.is_empty() && self.cut_calls.is_empty())
    }

    pub(super) fn close(&mut self) {
        (self.closed, self.news) = (true, true);
    }

    /// Ends every connection made so far.
    pub(super) fn sever(&mut self, how: Cut) {
        self.cuts.push((self.calls, how));
        self.news = true;
    }

    /// Ends one connection.
    pub(super) fn sever_call(&mut self, call: u64, how: Cut) {
        self.cut_calls.push((call, how));
        self.news = true;
    }

    pub(super) fn set_barrier(&mut self, way: Way, barrier: Barrier) {
        self.ways[way.index()].barrier = Some(barrier);
        self.meet_barrier(way);
    }

    pub(super) fn resume(&mut self, way: Way) {
        let rules = &mut self.ways[way.index()];
        (rules.stalled, rules.barrier) = (false, None);
        self.news = true;
    }

    pub(super) fn set_delay(&mut self, way: Way, between: Range<Duration>, seed: u64) {
        self.ways[way.index()].delay = Some((between, Random::new(seed)));
    }

    pub(super) fn set_pace(&mut self, way: Way, bytes_per_second: u64, seed: u64) {
        self.ways[way.index()].pace = Some(Pace::new(bytes_per_second, seed));
        self.news = true;
    }

    /// From now on each connection has a pace of its own.
    pub(super) fn set_pace_each(&mut self, way: Way, bytes_per_second: u64, seed: u64) {
        self.ways[way.index()].pace_each = Some((bytes_per_second, seed));
        self.news = true;
    }

    pub(super) fn set_room(&mut self, way: Way, bytes: usize) {
        self.ways[way.index()].room = bytes;
        self.news = true;
    }

    /// Takes back what makes this way late or slow.
    pub(super) fn hurry(&mut self, way: Way) {
        let rules = &mut self.ways[way.index()];
        (rules.delay, rules.pace, rules.pace_each, rules.dribbling) = (None, None, None, false);
        rules.paces.clear();
        self.news = true;
    }

    /// Kills by `jaw` once `total` bytes have passed this way since the line was made.
    pub(super) fn set_trap(&mut self, way: Way, total: u64, jaw: Jaw) {
        let after = total.saturating_sub(self.ways[way.index()].passed);
        self.set_barrier(way, Barrier { after, then: Then::Kill(jaw) });
    }

    pub(super) fn flip(&mut self, way: Way, offset: u64) {
        let rules = &mut self.ways[way.index()];
        rules.flips.push(rules.passed + offset);
    }

    pub(super) fn room(&self, way: Way) -> usize {
        self.ways[way.index()].room
    }

    pub(super) fn is_stalled(&self, way: Way) -> bool {
        self.ways[way.index()].stalled
    }

    /// By how much the piece that arrives now is late.
    pub(super) fn lateness(&mut self, way: Way) -> Duration {
        let Some((between, random)) = &mut self.ways[way.index()].delay else { return Duration::ZERO };
        let span = between.end.saturating_sub(between.start);
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        between.start + Duration::from_nanos(random.below(nanos))
    }

    /// When the next bytes of a connection may pass this way, if it is slow and that is not now.
    pub(super) fn turn(&self, (way, call): (Way, u64), now: Instant) -> Option<Instant> {
        let rules = &self.ways[way.index()];
        let paces = [rules.pace.as_ref(), rules.paces.get(&call)];
        paces.into_iter().flatten().filter_map(|pace| pace.turn(now)).max()
    }

    /// How many of `waiting` bytes of a connection may pass this way in one piece.
    pub(super) fn may_pass(&self, (way, call): (Way, u64), waiting: usize, now: Instant) -> usize {
        let rules = &self.ways[way.index()];
        let paces = [rules.pace.as_ref(), rules.paces.get(&call)];
        let paced = paces.into_iter().flatten().map(|pace| pace.may_pass(now)).fold(waiting, usize::min);
        let most = match (rules.stalled, rules.dribbling) {
            (true, _) => 0,
            (false, true) => paced.min(1),
            (false, false) => paced,
        };
        let left =
            rules.barrier.as_ref().map_or(usize::MAX, |barrier| usize::try_from(barrier.after).unwrap_or(usize::MAX));
        most.min(waiting).min(left)
    }

    /// Changes the bytes that are to be flipped, were `piece` the next to pass.
    pub(super) fn flip_in(&self, way: Way, piece: &mut [u8]) {
        let rules = &self.ways[way.index()];
        for offset in rules.flips.iter().filter_map(|at| at.checked_sub(rules.passed)) {
            if let Some(byte) = usize::try_from(offset).ok().and_then(|offset| piece.get_mut(offset)) {
                *byte = !*byte;
            }
        }
    }

    /// Notes that `count` bytes have passed, and does what was to happen after them.
    pub(super) fn note_passed(&mut self, (way, call): (Way, u64), count: usize, now: Instant) {
        let rules = &mut self.ways[way.index()];
        rules.passed += count as u64;
        if let Some((rate, seed)) = rules.pace_each {
            let pace = rules.paces.entry(call).or_insert_with(|| Pace::new(rate, seed.wrapping_add(call)));
            pace.note_passed(now, count);
        }
        if let Some(pace) = &mut rules.pace {
            pace.note_passed(now, count);
        }
        rules.flips.retain(|at| *at >= rules.passed);
        if let Some(barrier) = &mut rules.barrier {
            barrier.after = barrier.after.saturating_sub(count as u64);
        }
        self.meet_barrier(way);
    }

    fn meet_barrier(&mut self, way: Way) {
        let rules = &mut self.ways[way.index()];
        let Some(barrier) = rules.barrier.take_if(|barrier| barrier.after == 0) else { return };
        match barrier.then {
            Then::Stall => (rules.stalled, self.news) = (true, true),
            Then::Cut(how) => self.sever(how),
            Then::Kill(jaw) => jaw.snap(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules::new("127.0.0.1:1".parse().unwrap())
    }

    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_cut_ends_the_calls_made_before_it_and_no_later_one() {
        let mut rules = rules();
        rules.calls = 2;
        rules.set_barrier(Way::Up, Barrier { after: 10, then: Then::Cut(Cut::Fin) });
        assert_eq!(rules.may_pass((Way::Up, 0), 100, now()), 10);
        assert_eq!(rules.may_pass((Way::Down, 0), 100, now()), 100);
        rules.note_passed((Way::Up, 0), 9, now());
        assert_eq!((rules.may_pass((Way::Up, 0), 100, now()), rules.fate(1)), (1, Fate::GoOn));
        rules.note_passed((Way::Up, 0), 1, now());
        assert!(rules.take_news() && !rules.take_news());
        assert_eq!(
            (rules.fate(0), rules.fate(1), rules.fate(2)),
            (Fate::End(Cut::Fin), Fate::End(Cut::Fin), Fate::GoOn)
        );
        assert_eq!(rules.may_pass((Way::Up, 0), 100, now()), 100);
        rules.calls = 3;
        rules.sever(Cut::Reset);
        assert_eq!((rules.fate(0), rules.fate(2)), (Fate::End(Cut::Fin), Fate::End(Cut::Reset)));
    }

    #[test]
    fn a_stall_lets_exactly_its_bytes_pass_until_it_is_resumed() {
        let mut rules = rules();
        rules.set_barrier(Way::Down, Barrier { after: 3, then: Then::Stall });
        rules.note_passed((Way::Down, 0), 3, now());
        assert!(rules.is_stalled(Way::Down) && !rules.is_stalled(Way::Up));
        assert_eq!(rules.may_pass((Way::Down, 0), 5, now()), 0);
        rules.resume(Way::Down);
        assert_eq!(rules.may_pass((Way::Down, 0), 5, now()), 5);
        rules.set_barrier(Way::Down, Barrier { after: 0, then: Then::Stall });
        assert!(rules.is_stalled(Way::Down));
    }

    #[test]
    fn a_flip_counts_from_where_the_line_is_and_happens_once() {
        let mut rules = rules();
        rules.note_passed((Way::Up, 0), 5, now());
        rules.flip(Way::Up, 2);
        let mut piece = [0, 0, 0, 0];
        rules.flip_in(Way::Up, &mut piece);
        assert_eq!(piece, [0, 0, 0xff, 0]);
        rules.note_passed((Way::Up, 0), 2, now()); // only part of the piece was taken
        let mut rest = [0, 0];
        rules.flip_in(Way::Up, &mut rest);
        assert_eq!(rest, [0xff, 0]);
        rules.note_passed((Way::Up, 0), 2, now());
        let mut next = [0, 0];
        rules.flip_in(Way::Up, &mut next);
        assert_eq!(next, [0, 0]);
    }

    #[test]
    fn lateness_stays_in_its_range_and_repeats_with_its_seed() {
        let (low, high) = (Duration::from_millis(2), Duration::from_millis(9));
        let times = |seed| {
            let mut rules = rules();
            rules.set_delay(Way::Up, low..high, seed);
            (0..50).map(|_| rules.lateness(Way::Up)).collect::<Vec<_>>()
        };
        assert_eq!(times(1), times(1));
        assert_ne!(times(1), times(2));
        assert!(times(3).iter().all(|late| (low..high).contains(late)));
        assert_eq!(rules().lateness(Way::Up), Duration::ZERO);
    }

    #[test]
    fn a_pace_bounds_what_may_pass_and_hurrying_lifts_it() {
        let (mut rules, now) = (rules(), now());
        rules.set_pace(Way::Up, 100, 1);
        rules.ways[Way::Up.index()].dribbling = true;
        assert!(rules.take_news());
        assert_eq!((rules.may_pass((Way::Up, 0), 50, now), rules.may_pass((Way::Down, 0), 50, now)), (1, 50));
        rules.note_passed((Way::Up, 0), 1, now);
        assert_eq!(rules.may_pass((Way::Up, 0), 50, now), 0);
        assert_eq!(rules.turn((Way::Up, 0), now), Some(now + Duration::from_millis(10)));
        assert_eq!(rules.turn((Way::Down, 0), now), None);
        rules.hurry(Way::Up);
        assert!(rules.take_news());
        assert_eq!((rules.may_pass((Way::Up, 0), 50, now), rules.turn((Way::Up, 0), now)), (50, None));
    }

    #[test]
    fn each_connection_has_a_pace_of_its_own_and_can_be_cut_by_itself() {
        let (mut rules, now) = (rules(), now());
        rules.calls = 3;
        rules.set_pace_each(Way::Up, 1000, 1);
        rules.note_passed((Way::Up, 0), 10, now);
        assert_eq!(rules.may_pass((Way::Up, 0), 50, now), 0);
        assert_eq!(rules.may_pass((Way::Up, 1), 50, now), 50);
        rules.sever_call(1, Cut::Lost);
        assert_eq!([0, 1, 2].map(|call| rules.fate(call)), [Fate::GoOn, Fate::End(Cut::Lost), Fate::GoOn]);
        assert!(rules.was_cut());
    }
}
