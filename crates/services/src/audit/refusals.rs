//! How many refusals are told: strangers make as many as they like, and must not push everything else out of the log.
//!
//! In: that a caller was refused, and the time. Out: whether it is told one by one, and how many were not. Pure.

use std::time::{Duration, Instant};

/// Refusals that are told one by one in each [`WINDOW`]: enough to see who tries what. A flood that never ends then makes
/// some 3000 lines a day, under 1 MB, of the 50 MB that are kept.
const TOLD: u32 = 20;
const WINDOW: Duration = Duration::from_secs(600);

/// What became of refusals in the window that runs.
#[derive(Debug)]
pub(super) struct Refusals {
    began: Instant,
    told: u32,
    left_out: u64,
}

impl Refusals {
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, told: 0, left_out: 0 }
    }

    /// Whether one more is told; if not it is counted.
    pub(super) fn takes(&mut self, now: Instant) -> bool {
        if self.is_over(now) && self.left_out == 0 {
            *self = Self::new(now);
        }
        if self.told < TOLD {
            self.told += 1;
            return true;
        }
        self.left_out += 1;
        false
    }

    /// How many were left out in a window that is over; another begins then.
    pub(super) fn over(&mut self, now: Instant) -> u64 {
        if self.left_out == 0 || !self.is_over(now) {
            return 0;
        }
        std::mem::replace(self, Self::new(now)).left_out
    }

    /// How many were left out since that was last told.
    pub(super) fn left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }

    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_some_are_told_and_the_rest_is_a_number() {
        let now = Instant::now();
        let mut refusals = Refusals::new(now);
        let told = (0..1000).filter(|_| refusals.takes(now)).count();
        assert_eq!(told, 20);
        assert_eq!(refusals.over(now + WINDOW - Duration::from_secs(1)), 0, "not yet");
        assert_eq!((refusals.over(now + WINDOW), refusals.over(now + WINDOW)), (980, 0), "once");
        assert!(refusals.takes(now + WINDOW));
    }

    #[test]
    fn few_are_all_told_however_long_it_goes_on() {
        let now = Instant::now();
        let mut refusals = Refusals::new(now);
        assert!((0..100).all(|n| refusals.takes(now + WINDOW / 10 * n)));
        assert_eq!(refusals.left_out(), 0);
    }
}
