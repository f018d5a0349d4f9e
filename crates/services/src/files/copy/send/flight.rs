//! Entries that were told and are not settled: numbered in the order of telling, each until its verdict or its last byte.

use std::{collections::VecDeque, sync::Arc};

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
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.base += 1;
        }
        told
    }
}
