//! Runs: a set of group numbers, kept as stretches without a gap, because that is how files arrive.

use std::collections::BTreeMap;

/// A set of numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Runs(BTreeMap<u64, u64>);

impl Runs {
    /// Adds the numbers from `first` up to `end`.
    pub(super) fn insert(&mut self, first: u64, end: u64) {
        if first >= end {
            return;
        }
        let (mut first, mut end) = (first, end);
        while let Some((start, stop)) = self.0.range(..=end).next_back().map(|(start, stop)| (*start, *stop)) {
            if stop < first {
                break;
            }
            self.0.remove(&start);
            (first, end) = (first.min(start), end.max(stop));
        }
        self.0.insert(first, end);
    }

    /// Takes away the numbers from `first` up to `end`.
    pub(super) fn remove(&mut self, first: u64, end: u64) {
        while let Some((start, stop)) = self.0.range(..end).next_back().map(|(start, stop)| (*start, *stop)) {
            if stop <= first || first >= end {
                break;
            }
            self.0.remove(&start);
            for (start, stop) in [(start, first), (end, stop)] {
                if start < stop {
                    self.0.insert(start, stop);
                }
            }
        }
    }

    /// Whether all from `first` up to `end` are in it.
    pub(super) fn covers(&self, first: u64, end: u64) -> bool {
        first >= end || self.0.range(..=first).next_back().is_some_and(|(_, stop)| *stop >= end)
    }

    /// Whether any from `first` up to `end` is in it.
    pub(super) fn touches(&self, first: u64, end: u64) -> bool {
        first < end && self.0.range(..end).next_back().is_some_and(|(_, stop)| *stop > first)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The stretches below `limit`, in order.
    pub(super) fn below(&self, limit: u64) -> impl Iterator<Item = (u64, u64)> {
        self.0.range(..limit).map(move |(start, stop)| (*start, (*stop).min(limit)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_the_same_set_as_a_set_of_numbers(steps in prop::collection::vec((any::<bool>(), 0_u64..40, 0_u64..12), 0..40)) {
            let (mut runs, mut model) = (Runs::default(), BTreeSet::new());
            for (insert, first, count) in steps {
                let end = first + count;
                if insert {
                    runs.insert(first, end);
                    model.extend(first..end);
                } else {
                    runs.remove(first, end);
                    model.retain(|number| !(first..end).contains(number));
                }
                let told: Vec<(u64, u64)> = runs.below(u64::MAX).collect();
                prop_assert!(told.iter().all(|(start, stop)| start < stop));
                prop_assert!(told.windows(2).all(|pair| pair[0].1 < pair[1].0), "{told:?}");
                prop_assert!(told.iter().flat_map(|(start, stop)| *start..*stop).eq(model.iter().copied()));
                prop_assert_eq!(runs.covers(first, end), (first..end).all(|number| model.contains(&number)));
                prop_assert_eq!(runs.touches(first, end), (first..end).any(|number| model.contains(&number)));
                prop_assert!(runs.below(20).flat_map(|(start, stop)| start..stop).eq(model.range(..20).copied()));
            }
        }
    }
}
