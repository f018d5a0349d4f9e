//! Links that were taken and wait for the end of their directory: how much they hold.
//!
//! A link costs its sender a few bytes and comes without content, so nothing else bounds them. Pure.

use std::collections::HashMap;

/// Bytes of all links that wait: some 200,000 of ordinary length. An honest tree with more in one directory gets the rest
/// by a second run.
const MAX_BYTES: usize = 64 << 20;

/// Bytes that a link holds besides its name and its target.
const EACH: usize = 256;

/// What waits, by the numbers of the entries.
#[derive(Debug, Default)]
pub(super) struct Links {
    held: HashMap<u64, usize>,
    bytes: usize,
}

impl Links {
    /// Bytes that a link of this name and target holds; `None` if there is no room for it.
    pub(super) fn room_for(&self, name: usize, target: usize) -> Option<usize> {
        let cost = name.saturating_add(target).saturating_add(EACH);
        (self.bytes.saturating_add(cost) <= MAX_BYTES).then_some(cost)
    }

    /// Link `number` waits and holds `cost` bytes.
    pub(super) fn wait(&mut self, number: u64, cost: usize) {
        self.bytes = self.bytes.saturating_add(cost).saturating_sub(self.held.insert(number, cost).unwrap_or(0));
    }

    /// What becomes of entry `number` is known.
    pub(super) fn settled(&mut self, number: u64) {
        self.bytes = self.bytes.saturating_sub(self.held.remove(&number).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_wait_up_to_a_bound_and_make_room_when_they_are_settled() {
        let mut links = Links::default();
        let mut number = 0;
        while let Some(cost) = links.room_for(8, 4000) {
            links.wait(number, cost);
            number += 1;
        }
        assert!((10_000..100_000).contains(&number), "{number}");
        links.settled(u64::MAX);
        assert_eq!(links.room_for(8, 4000), None);
        links.settled(3);
        links.settled(3);
        let cost = links.room_for(8, 4000).unwrap();
        links.wait(number, cost);
        assert_eq!((links.room_for(8, 4000), links.held.len()), (None, usize::try_from(number).unwrap()));
    }
}
