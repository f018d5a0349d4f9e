//! Leftovers: what lies of cut transfers on this machine, for its owner.
//!
//! In: the index of a state folder, or places to look at. Out: [`Leftover`]s as they are on the disk now; or they are
//! gone. The index is believed in nothing but where to look: a note of what is no more is forgotten.
//! Invariant: what is arriving right now is never removed.

use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use landline_addr::path::SharePath;
use landline_store::{PartialNote, Partials, StoreError};

use super::{
    engine::partials::{self, PartialInfo},
    tree::{Mtime, Tree, TreeError},
};

/// Something that arrived in part, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The directory in which it lies, and will be; absolute.
    pub dir: PathBuf,
    /// Its name in there for the time being.
    pub staging: String,
    /// What it is.
    pub info: PartialInfo,
}

impl Leftover {
    /// Where it would be if it were complete.
    #[must_use]
    pub fn target(&self) -> PathBuf {
        let name = self.info.target.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        self.dir.join(OsStr::from_bytes(name))
    }

    /// Whether it is `place`, or lies below it. `place`: absolute.
    #[must_use]
    pub fn is_below(&self, place: &Path) -> bool {
        self.target().starts_with(place) || self.dir.join(&self.staging).starts_with(place)
    }
}

/// All that is noted in the index and still there; notes of what is not are removed. Blocks.
///
/// # Errors
/// [`StoreError`] if the index can't be read.
pub fn noted(notes: &Partials) -> Result<Vec<Leftover>, StoreError> {
    let mut found = Vec::new();
    for note in notes.list()? {
        let place = note.dir.join(&note.staging);
        match std::fs::symlink_metadata(&place) {
            Ok(_) => found.push(look(note)),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => notes.forget(&note.dir, &note.staging)?,
            // It may be there: a directory that can't be entered, a disk that does not answer.
            Err(fault) => tracing::debug!(%fault, place = %place.display(), "a partial can't be looked at"),
        }
    }
    Ok(found)
}

/// What is there now; of what can't be read no more is known than its note says.
fn look(note: PartialNote) -> Leftover {
    let PartialNote { dir, staging, target, owner, started } = note;
    let known = Tree::open(&dir).ok().and_then(|tree| partials::describe(&tree, &SharePath::root(), &staging));
    let info = known.unwrap_or_else(|| PartialInfo {
        target,
        owner,
        tree: false,
        size: None,
        verified: 0,
        started,
        changed: Mtime::new(started, 0).unwrap_or(Mtime::EPOCH),
        living: false,
    });
    Leftover { dir, staging, info }
}

/// All in the directory `place` and below it, noted or not. Blocks.
///
/// # Errors
/// As the tree says of `place` itself.
pub fn below(place: &Path) -> Result<Vec<Leftover>, TreeError> {
    let (tree, mut found) = (Tree::open(place)?, Vec::new());
    partials::find(&tree, &SharePath::root(), |path, staging, info| {
        let dir = place.join(OsStr::from_bytes(path.as_bytes()));
        found.push(Leftover { dir, staging: staging.to_owned(), info });
    })?;
    Ok(found)
}

/// Removes one, with its note; whether it did. One that is arriving right now stays. Blocks.
///
/// # Errors
/// As the tree says.
pub fn clear(notes: &Partials, leftover: &Leftover) -> Result<bool, TreeError> {
    let cleared = partials::clear(&Tree::open(&leftover.dir)?, &SharePath::root(), &leftover.staging)?;
    if cleared && let Err(fault) = notes.forget(&leftover.dir, &leftover.staging) {
        tracing::debug!(%fault, "the note of a partial could not be removed"); // found stale when it is next looked at
    }
    Ok(cleared)
}
