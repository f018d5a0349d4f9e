//! Which groups of a file are to be sent when the receiver has some of them.

use std::collections::HashMap;

use crate::files::digest::{GroupValue, groups_in};

/// What the receiver has of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Resume {
    /// Runs of groups that are there, half-open, sorted, disjoint.
    pub(super) runs: Vec<(u64, u64)>,
    /// Whether they may be of another state of the source, so that their tags are to be compared.
    pub(super) tagged: bool,
}

impl Resume {
    /// Cut to the groups that a file of `size` has.
    pub(super) fn within(mut self, size: u64) -> Self {
        let groups = groups_in(size);
        self.runs.retain(|(from, _)| *from < groups);
        if let Some(last) = self.runs.last_mut() {
            last.1 = last.1.min(groups);
        }
        self
    }

    /// How many groups are there.
    pub(super) fn held(&self) -> u64 {
        self.runs.iter().map(|(from, to)| to - from).sum()
    }

    pub(super) fn held_groups(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs.iter().flat_map(|(from, to)| *from..*to)
    }

    /// Runs of groups that are not there, of a file of `size`.
    pub(super) fn missing(&self, size: u64) -> Vec<(u64, u64)> {
        let (mut missing, mut next) = (Vec::new(), 0);
        for (from, to) in &self.runs {
            if *from > next {
                missing.push((next, *from));
            }
            next = *to;
        }
        if next < groups_in(size) {
            missing.push((next, groups_in(size)));
        }
        missing
    }
}

/// Values of groups, where they are not read in order.
#[derive(Debug, Default)]
pub(super) struct Values {
    known: HashMap<u64, GroupValue>,
}

impl Values {
    pub(super) fn put(&mut self, index: u64, value: GroupValue) {
        self.known.insert(index, value);
    }

    pub(super) fn get(&self, index: u64) -> Option<GroupValue> {
        self.known.get(&index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::digest::GROUP_BYTES;

    #[test]
    fn what_is_missing_is_what_is_not_held() {
        let resume = Resume { runs: vec![(0, 2), (5, 6)], tagged: false };
        assert_eq!(resume.missing(8 * GROUP_BYTES), [(2, 5), (6, 8)]);
        assert_eq!(resume.missing(6 * GROUP_BYTES), [(2, 5)]);
        assert_eq!(resume.held(), 3);
        assert_eq!(Resume::default().missing(1), [(0, 1)]);
    }

    #[test]
    fn what_is_held_beyond_the_end_of_the_file_does_not_count() {
        let resume = Resume { runs: vec![(0, 2), (3, 9), (12, 14)], tagged: true };
        assert_eq!(resume.within(5 * GROUP_BYTES).runs, [(0, 2), (3, 5)]);
    }
}
