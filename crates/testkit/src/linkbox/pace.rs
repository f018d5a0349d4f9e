//! Pace: how a slow line shares its bytes out over time.
//!
//! In: the time, and how many bytes passed. Out: how many may pass now, and when it is the turn of the next.
//! The time is an argument; the sizes of the pieces follow from a seed, so that a reader meets other cuts each time.
//! Invariant: from a start at rest, never more bytes pass than the rate allows and one piece.

use std::time::{Duration, Instant};

use crate::Random;

/// The largest piece lasts this long, so that a slow line is even.
const LARGEST_PIECE: Duration = Duration::from_millis(20);
/// Pieces are no larger than one read, whatever the rate.
const LARGEST_PIECE_BYTES: u64 = 64 * 1024;
/// A turn that a busy machine comes to late by no more than this is made up for; what is lost beyond stays lost.
const MADE_UP_FOR: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: u64,
    random: Random,
    /// When the next piece may pass; `None` before the first.
    turn: Option<Instant>,
    /// How large it is.
    piece: usize,
}

impl Pace {
    pub(super) fn new(bytes_per_second: u64, seed: u64) -> Self {
        let mut pace = Self { bytes_per_second, random: Random::new(seed), turn: None, piece: 0 };
        pace.draw();
        pace
    }

    fn draw(&mut self) {
        let per_piece = u64::try_from(LARGEST_PIECE.as_millis()).unwrap_or(u64::MAX);
        let most = (self.bytes_per_second.saturating_mul(per_piece) / 1000).clamp(1, LARGEST_PIECE_BYTES);
        self.piece = usize::try_from(1 + self.random.below(most)).unwrap_or(1);
    }

    /// When the next bytes may pass, if that is not now.
    pub(super) fn turn(&self, now: Instant) -> Option<Instant> {
        self.turn.filter(|turn| *turn > now)
    }

    /// How many bytes may pass now.
    pub(super) fn may_pass(&self, now: Instant) -> usize {
        if self.turn(now).is_some() { 0 } else { self.piece }
    }

    /// Notes that so many have passed.
    pub(super) fn note_passed(&mut self, now: Instant, count: usize) {
        let nanos = (count as u128) * 1_000_000_000 / u128::from(self.bytes_per_second.max(1));
        let lasts = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let start = self.turn.filter(|turn| now.saturating_duration_since(*turn) <= MADE_UP_FOR).unwrap_or(now);
        self.turn = Some(start.checked_add(lasts).unwrap_or(now + MADE_UP_FOR));
        self.draw();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes all that may until `end` has gone by, looking at each turn; how many bytes in which pieces.
    fn pieces(bytes_per_second: u64, seed: u64, end: Duration) -> Vec<usize> {
        let start = Instant::now();
        let (mut pace, mut now, mut pieces) = (Pace::new(bytes_per_second, seed), start, Vec::new());
        while now < start + end {
            let count = pace.may_pass(now);
            assert!(count > 0, "it is its turn");
            pace.note_passed(now, count);
            pieces.push(count);
            now = pace.turn(now).unwrap_or(now);
            assert_eq!(pace.may_pass(now.checked_sub(Duration::from_nanos(1)).unwrap()), 0);
        }
        pieces
    }

    #[test]
    fn the_rate_is_kept_to_a_piece() {
        for rate in [1, 7, 1000, 123_456, 50_000_000] {
            let secs = 20;
            let passed: usize = pieces(rate, 3, Duration::from_secs(secs)).into_iter().sum();
            let (passed, due) = (passed as u64, rate * secs);
            let piece = (rate / 50).clamp(1, LARGEST_PIECE_BYTES);
            assert!((due..=due + piece + 1).contains(&passed), "{passed} bytes at {rate} a second in {secs} s");
        }
    }

    #[test]
    fn the_pieces_repeat_with_their_seed() {
        let of = |seed| pieces(10_000, seed, Duration::from_secs(1));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn a_turn_missed_a_little_is_made_up_for_and_a_long_rest_is_not() {
        let start = Instant::now();
        let mut pace = Pace::new(1000, 1);
        pace.note_passed(start, 10); // 10 ms
        let late = start + Duration::from_millis(15);
        pace.note_passed(late, 10);
        assert_eq!(pace.turn(late), Some(start + Duration::from_millis(20)));
        let rested = start + Duration::from_secs(5);
        pace.note_passed(rested, 10);
        assert_eq!(pace.turn(rested), Some(rested + Duration::from_millis(10)));
    }
}
