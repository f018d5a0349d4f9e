//! Penalties: what failures of a source add up to.
//!
//! In: a source, a cost, the time. Out: whether the source is slowed now. Each cost is added to the end of what is
//! left, capped; the table never grows above its size. Knows no sockets and no clock.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use landline_addr::source::SourceKey;

use crate::limits::PenaltyLimits;

/// The failures of all sources.
#[derive(Debug)]
pub struct Penalties {
    /// When the penalty of a source ends.
    ends: HashMap<SourceKey, Instant>,
    limits: PenaltyLimits,
}

impl Penalties {
    /// An empty table.
    #[must_use]
    pub fn new(limits: PenaltyLimits) -> Self {
        Self { ends: HashMap::new(), limits }
    }

    /// Adds `cost` to what `source` has left.
    pub fn add(&mut self, source: SourceKey, cost: Duration, now: Instant) {
        if !self.ends.contains_key(&source) && self.ends.len() >= self.limits.sources {
            self.make_room(now);
        }
        let end = self.ends.entry(source).or_insert(now);
        *end = ((*end).max(now) + cost).min(now + self.limits.cap);
    }

    /// Whether `source` has failed so often that it is slowed now.
    #[must_use]
    pub fn is_slowed(&self, source: SourceKey, now: Instant) -> bool {
        self.ends.get(&source).is_some_and(|end| end.saturating_duration_since(now) >= self.limits.enforced_from)
    }

    /// Forgets the sources whose penalty is over or, if none is, a share of those whose penalty ends first; a share, so
    /// that a flood of sources does not search the whole table for each.
    fn make_room(&mut self, now: Instant) {
        self.ends.retain(|_, end| *end > now);
        if self.ends.len() >= self.limits.sources {
            let mut ends: Vec<Instant> = self.ends.values().copied().collect();
            ends.sort_unstable();
            let cut = ends.get(ends.len() / 16).copied().unwrap_or(now);
            self.ends.retain(|_, end| *end > cut);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    fn source(n: u32) -> SourceKey {
        SourceKey::from(IpAddr::from(Ipv4Addr::from(n)))
    }

    #[test]
    fn the_sum_is_capped_and_runs_out() {
        let mut penalties = Penalties::new(PenaltyLimits::default());
        let now = Instant::now();
        for _ in 0..1000 {
            penalties.add(source(1), Duration::from_secs(90), now);
        }
        assert!(penalties.is_slowed(source(1), now + Duration::from_secs(584)));
        assert!(!penalties.is_slowed(source(1), now + Duration::from_secs(586)));
    }

    proptest! {
        #[test]
        fn the_table_never_outgrows_its_size(adds in proptest::collection::vec((0u32..500, 1u64..60), 0..2000)) {
            let mut penalties = Penalties::new(PenaltyLimits { sources: 64, ..PenaltyLimits::default() });
            let now = Instant::now();
            for (n, cost) in adds {
                penalties.add(source(n), Duration::from_secs(cost), now);
                prop_assert!(penalties.ends.len() <= 64);
            }
        }
    }
}
