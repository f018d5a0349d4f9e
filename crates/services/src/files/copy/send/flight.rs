//! Entries that were told and are not settled: numbered in the order of telling, each until its verdict or its last byte.

use std::{
    collections::{HashSet, VecDeque},
    ops::Range,
    sync::Arc,
};

use landline_addr::path::SharePath;

use super::walk::Place;
use crate::files::tree::{Found, Name};

/// A file that the receiver knows of.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// Its directory, held.
    pub(super) place: Arc<Place>,
    /// Its name there.
    pub(super) name: Name,
    /// Where it shall be, for people.
    pub(super) to: SharePath,
    /// What it was when it was told.
    pub(super) entry: Found,
    /// What the receiver was told of it.
    pub(super) kind: TellKind,
}

/// How an entry was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TellKind {
    /// A file with its content to come.
    File,
    /// A link, or another name: nothing more comes of it.
    Bare,
}

#[derive(Debug, Default)]
pub(super) struct Flight {
    /// The number of the first slot.
    base: u64,
    slots: VecDeque<Option<Told>>,
    /// Those of them that the receiver has asked for.
    asked: HashSet<u64>,
}

impl Flight {
    /// Takes an entry in; its number.
    pub(super) fn push(&mut self, told: Told) -> u64 {
        let number = self.next();
        self.slots.push_back(Some(told));
        number
    }

    /// The number of the next entry.
    pub(super) fn next(&self) -> u64 {
        self.base.saturating_add(u64::try_from(self.slots.len()).unwrap_or(u64::MAX))
    }

    /// The numbers that can be unsettled: whatever a receiver says of others says nothing.
    pub(super) fn numbers(&self) -> Range<u64> {
        self.base..self.next()
    }

    /// What is asked for, the first time; `None` if it is settled, was never told, or was asked for before.
    pub(super) fn ask(&mut self, number: u64) -> Option<TellKind> {
        let kind = self.get(number)?.kind;
        self.asked.insert(number).then_some(kind)
    }

    /// How many are between the first that is not settled and the last.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn get(&self, number: u64) -> Option<&Told> {
        let place = usize::try_from(number.checked_sub(self.base)?).ok()?;
        self.slots.get(place)?.as_ref()
    }

    /// Settles an entry; `None` if it was, or never was told.
    pub(super) fn take(&mut self, number: u64) -> Option<Told> {
        let place = usize::try_from(number.checked_sub(self.base)?).ok()?;
        let told = self.slots.get_mut(place)?.take();
        self.asked.remove(&number);
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.base += 1;
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::files::copy::send::walk::{Root, Step, Walk};
    use crate::files::{filter::Filter, tree::Tree};

    #[test]
    fn each_is_asked_for_once_and_settled_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f"), b"").unwrap();
        let tree = Arc::new(Tree::open(folder.path()).unwrap());
        let root = Root { tree, from: SharePath::root(), to: SharePath::root() };
        let filter = Filter::default();
        let mut walk = Walk::new(&root, &filter, CancellationToken::new(), Arc::default());
        let told = std::iter::from_fn(|| walk.next_step()).find_map(|step| match step {
            Step::Entry { place, name, to, entry, .. } => Some(Told { place, name, to, entry, kind: TellKind::File }),
            _ => None,
        });
        let told = told.unwrap();
        let mut flight = Flight::default();
        assert_eq!([flight.push(told.clone()), flight.push(told)], [0, 1]);
        assert_eq!([1, 1, 2].map(|number| flight.ask(number)), [Some(TellKind::File), None, None]);
        assert!(flight.take(1).is_some() && flight.take(1).is_none());
        assert_eq!((flight.numbers(), flight.ask(1)), (0..2, None));
        assert!(flight.take(0).is_some());
        assert_eq!((flight.numbers(), flight.len()), (2..2, 0));
    }
}
