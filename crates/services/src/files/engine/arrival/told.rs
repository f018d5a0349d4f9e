//! Telling the index of partials: where one is, and when it is no more.
//!
//! In: the directory and the staging name. Out: calls of the [`PartialIndex`](super::PartialIndex), if there is one.

use landline_addr::path::SharePath;

use super::Arrival;
use crate::files::tree::{Held as Dir, Name};

/// From this size on a person may want to know of a partial file: below, it is sent again in no time.
const WORTH_TELLING: u64 = 8 << 20;

impl Arrival {
    /// `size`: of a file; `None` if that is not known, or for a tree.
    pub(super) fn tell_born(&self, dir: &Dir, staging: Option<&Name>, size: Option<u64>, target: &SharePath) {
        if let Some(index) = &self.engine.index
            && let Some((place, staging)) = spoken(dir, staging, size)
        {
            index.born(&place, staging, target, &self.owner);
        }
    }

    /// The same of its end.
    pub(super) fn tell_gone(&self, dir: &Dir, staging: Option<&Name>, size: Option<u64>) {
        if let Some(index) = &self.engine.index
            && let Some((place, staging)) = spoken(dir, staging, size)
        {
            index.gone(&place, staging);
        }
    }
}

fn spoken<'a>(dir: &Dir, staging: Option<&'a Name>, size: Option<u64>) -> Option<(std::path::PathBuf, &'a str)> {
    if size.is_some_and(|size| size < WORTH_TELLING) {
        return None;
    }
    Some((dir.place_on_disk()?, std::str::from_utf8(staging?.as_bytes()).ok()?))
}
