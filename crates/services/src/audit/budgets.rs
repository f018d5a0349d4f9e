//! How much of each user is told: somebody who calls again and again, with long names at that, must not push everything else out of the log.
//!
//! In: a user, the bytes of a line, the time. Out: whether it is told; now and then, of whom how many lines were not. Pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a budget lasts.
pub(super) const WINDOW: Duration = Duration::from_secs(600);

/// Bytes of lines about one user in that time: some four thousand requests; the log holds fifty times as much.
pub(super) const MOST_BYTES: usize = 1 << 20;

/// Users whose budgets are remembered; beyond them the others share one.
const MOST_USERS: usize = 4096;

/// What was told of each user in the window that runs.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    users: HashMap<String, Budget>,
}

#[derive(Debug)]
struct Budget {
    begun: Instant,
    told: usize,
    left_out: u64,
}

impl Budgets {
    /// Whether a line of `len` bytes about `user` is told; else it is counted.
    pub(super) fn takes(&mut self, user: &str, len: usize, now: Instant) -> bool {
        let user = if self.users.len() < MOST_USERS || self.users.contains_key(user) { user } else { "" };
        let budget = self.users.entry(user.to_owned()).or_insert(Budget { begun: now, told: 0, left_out: 0 });
        if budget.told.saturating_add(len) > MOST_BYTES {
            budget.left_out = budget.left_out.saturating_add(1);
            return false;
        }
        budget.told = budget.told.saturating_add(len);
        true
    }

    /// Ends the windows whose time is over, or all; of whom how many lines were left out in them.
    pub(super) fn over(&mut self, now: Option<Instant>) -> Vec<(String, u64)> {
        let is_over = |budget: &Budget| now.is_none_or(|now| now.saturating_duration_since(budget.begun) >= WINDOW);
        let ended = self.users.extract_if(|_, budget| is_over(budget));
        ended.filter(|(_, budget)| budget.left_out > 0).map(|(user, budget)| (user, budget.left_out)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_floods_is_counted_and_the_others_are_told() {
        let (mut budgets, now) = (Budgets::default(), Instant::now());
        let told = (0..100_000).filter(|_| budgets.takes("eve", 1000, now)).count();
        assert_eq!(told, MOST_BYTES / 1000);
        assert!(budgets.takes("amy", 1000, now));
        assert_eq!(budgets.over(Some(now + WINDOW / 2)), []);
        let left = u64::try_from(100_000 - told).unwrap();
        assert_eq!(budgets.over(Some(now + WINDOW)), [("eve".to_owned(), left)]);
        assert!(budgets.takes("eve", 1000, now + WINDOW));
        assert_eq!(budgets.over(None), []);
    }

    #[test]
    fn many_users_share_what_is_left() {
        let (mut budgets, now) = (Budgets::default(), Instant::now());
        for number in 0..10_000 {
            budgets.takes(&format!("user{number}"), 1, now);
        }
        assert!(budgets.users.len() <= MOST_USERS + 1);
    }
}
