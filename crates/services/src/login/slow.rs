//! Holding off who guesses: the more a source has failed at a user, the later its next attempt is answered.
//!
//! In: a source, a user's name, the time. Out: when the attempt may be answered, or that it must come again later. Counted by the pair, so that
//! nobody locks a user out of another place; every attempt is a failure until it is proved to be none. Pure: no clock, no socket.
//! Memory is bounded: of too many pairs those that were quiet longest are forgotten.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    time::{Duration, Instant},
};

use landline_addr::source::SourceKey;

/// Failures that cost nothing: slips of a person.
pub const FREE: u32 = 3;

/// What the first failure after those costs; each further one twice as much.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two answers to one pair: 240 guesses an hour.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// An attempt that would wait longer than this is sent away, so that waiting ones don't pile up; shorter than a stranger's call may take.
pub const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// A pair that was quiet for so long begins anew.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// Pairs remembered: 4 MiB.
const MOST_PAIRS: usize = 65_536;

/// The failures of all pairs.
#[derive(Debug)]
pub struct Slow {
    pairs: HashMap<(SourceKey, u64), Pair>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Pair {
    failures: u32,
    /// When the last attempt was or will be answered.
    answered: Instant,
}

impl Default for Slow {
    fn default() -> Self {
        Self { pairs: HashMap::new(), hasher: RandomState::new() }
    }
}

impl Slow {
    /// Counts an attempt as failed; when it may be answered.
    ///
    /// # Errors
    /// How long to stay away; then it was not counted.
    pub fn attempt(&mut self, source: SourceKey, user: &str, now: Instant) -> Result<Instant, Duration> {
        let key = (source, self.hasher.hash_one(user));
        if !self.pairs.contains_key(&key) && self.pairs.len() >= MOST_PAIRS {
            self.make_room(now);
        }
        let pair = self.pairs.entry(key).or_insert(Pair { failures: 0, answered: now });
        if now.saturating_duration_since(pair.answered) >= FORGOTTEN_AFTER {
            pair.failures = 0;
        }
        let at = (pair.answered + pause_after(pair.failures)).max(now);
        let wait = at.saturating_duration_since(now);
        if wait > LONGEST_WAIT {
            return Err(wait - LONGEST_WAIT);
        }
        *pair = Pair { failures: pair.failures.saturating_add(1), answered: at };
        Ok(at)
    }

    /// The attempt was proved right: the pair has never failed.
    pub fn proved(&mut self, source: SourceKey, user: &str) {
        self.pairs.remove(&(source, self.hasher.hash_one(user)));
    }

    fn make_room(&mut self, now: Instant) {
        self.pairs.retain(|_, pair| now.saturating_duration_since(pair.answered) < FORGOTTEN_AFTER);
        if self.pairs.len() >= MOST_PAIRS {
            let mut ends: Vec<Instant> = self.pairs.values().map(|pair| pair.answered).collect();
            ends.sort_unstable();
            let cut = ends.get(ends.len() / 16).copied().unwrap_or(now);
            self.pairs.retain(|_, pair| pair.answered > cut);
        }
    }
}

/// Between the answer to the last attempt and that to the next.
fn pause_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(more) => FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(more)).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    fn source(number: u32) -> SourceKey {
        SourceKey::from(IpAddr::from(Ipv4Addr::from(number)))
    }

    #[test]
    fn slips_cost_nothing_and_guessing_is_slow() {
        let (mut slow, begun) = (Slow::default(), Instant::now());
        let mut now = begun;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let at = slow.attempt(source(1), "amy", now).unwrap();
            pauses.push((at - now).as_secs());
            now = at;
        }
        assert_eq!(pauses, [0, 0, 0, 1, 2, 4, 8, 15, 15, 15]);
    }

    #[test]
    fn attempts_at_once_wait_for_each_other_and_most_are_sent_away() {
        let (mut slow, now) = (Slow::default(), Instant::now());
        let answered = (0..1000).filter(|_| slow.attempt(source(1), "amy", now).is_ok()).count();
        assert_eq!(answered, 7, "at 0, 0, 0, 1, 3, 7 and 15 s");
    }

    #[test]
    fn another_source_another_user_and_who_proved_it_are_not_slowed() {
        let (mut slow, now) = (Slow::default(), Instant::now());
        for _ in 0..100 {
            let _ = slow.attempt(source(1), "amy", now);
        }
        assert_eq!(slow.attempt(source(2), "amy", now), Ok(now));
        assert_eq!(slow.attempt(source(1), "bob", now), Ok(now));
        slow.proved(source(1), "amy");
        assert_eq!(slow.attempt(source(1), "amy", now), Ok(now));
        for _ in 0..100 {
            let _ = slow.attempt(source(3), "amy", now);
        }
        let later = now + FORGOTTEN_AFTER + LONGEST_WAIT;
        assert_eq!(slow.attempt(source(3), "amy", later), Ok(later));
    }

    proptest! {
        /// However attempts are spread over a time, the answers within it are few.
        #[test]
        fn nobody_gets_more_than_a_guess_in_fifteen_seconds(waits in prop::collection::vec(0_u64..20_000, 1..300)) {
            let (mut slow, begun) = (Slow::default(), Instant::now());
            let (mut now, mut answered) = (begun, 0_u64);
            for wait in waits {
                now += Duration::from_millis(wait);
                answered += u64::from(slow.attempt(source(1), "amy", now).is_ok());
            }
            let most = 8 + (now - begun + LONGEST_WAIT).as_secs() / LONGEST_PAUSE.as_secs();
            prop_assert!(answered <= most, "{answered} of {most}");
        }

        #[test]
        fn the_table_is_bounded(sources in prop::collection::vec(0_u32..1_000_000, 0..200)) {
            let (mut slow, now) = (Slow::default(), Instant::now());
            for number in sources {
                let _ = slow.attempt(source(number), "amy", now);
            }
            prop_assert!(slow.pairs.len() <= MOST_PAIRS);
        }
    }
}
