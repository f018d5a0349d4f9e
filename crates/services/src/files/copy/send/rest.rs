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

/// Tags that are held for files whose turn has not come: 64 MiB of them, files of four terabytes.
const MAX_TAGS: usize = 1 << 22;

/// Tags of groups, of files whose turn has not come.
#[derive(Debug, Default)]
pub(super) struct Tags {
    of: HashMap<u64, Vec<(u64, [u8; 8])>>,
    held: usize,
}

impl Tags {
    /// Keeps tags of the groups from `first` on; `false` if there are too many already.
    pub(super) fn add(&mut self, number: u64, first: u64, tags: Vec<[u8; 8]>) -> bool {
        let fits = self.held + tags.len() <= MAX_TAGS;
        if fits && !tags.is_empty() {
            self.held += tags.len();
            let numbered = tags.into_iter().zip(first..).map(|(tag, index)| (index, tag));
            self.of.entry(number).or_default().extend(numbered);
        }
        fits
    }

    /// How many there are of one file.
    pub(super) fn count(&self, number: u64) -> usize {
        self.of.get(&number).map_or(0, Vec::len)
    }

    /// Those of one file, which are held no longer.
    pub(super) fn take(&mut self, number: u64) -> Vec<(u64, [u8; 8])> {
        let taken = self.of.remove(&number).unwrap_or_default();
        self.held = self.held.saturating_sub(taken.len());
        taken
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
    fn tags_are_held_up_to_a_bound_and_make_room_when_they_are_taken() {
        let mut tags = Tags::default();
        assert!(tags.add(1, 5, vec![[1; 8]; 2]) && tags.add(1, 9, vec![[2; 8]]));
        assert!(!tags.add(2, 0, vec![[0; 8]; MAX_TAGS]));
        assert_eq!(tags.take(1), [(5, [1; 8]), (6, [1; 8]), (9, [2; 8])]);
        assert!(tags.add(2, 0, vec![[0; 8]; MAX_TAGS]) && !tags.add(3, 0, vec![[0; 8]]));
        assert_eq!((tags.count(1), tags.count(2)), (0, MAX_TAGS));
    }

    #[test]
    fn what_is_held_beyond_the_end_of_the_file_does_not_count() {
        let resume = Resume { runs: vec![(0, 2), (3, 9), (12, 14)], tagged: true };
        assert_eq!(resume.within(5 * GROUP_BYTES).runs, [(0, 2), (3, 5)]);
    }
}
