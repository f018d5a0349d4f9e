//! Merging a staged tree into a directory that got its name first: file by file, the last to come wins whole.
//!
//! In: both directories, held. Out: what could not be moved, which stays where it was. Durable when it returns.

use landline_addr::path::{MAX_COMPONENTS, SharePath};
use rustix::io::Errno;

use super::{own::ARRIVING_MODE, plan::Policy, trees::Lost};
use crate::files::{
    engine::LocalEngine,
    tree::{Entry, Held as Dir, Kind, Name, Refusal, TreeError},
};

/// One merge.
pub(super) struct Merge<'a> {
    pub(super) engine: &'a LocalEngine,
    pub(super) policy: &'a Policy,
    pub(super) lost: &'a mut Lost,
}

impl Merge<'_> {
    /// Moves all that is in `from` to `to`, which has the place `path`.
    pub(super) fn run(&mut self, from: &Dir, to: &Dir, path: &SharePath) -> Result<(), TreeError> {
        self.level(from, to, path, 0)
    }

    fn level(&mut self, from: &Dir, to: &Dir, path: &SharePath, depth: usize) -> Result<(), TreeError> {
        let failed = |errno| TreeError::at(path, errno);
        if depth > MAX_COMPONENTS {
            return Err(TreeError::refused(path, Refusal::TooDeep));
        }
        from.set_own_meta(Some(ARRIVING_MODE), None).map_err(failed)?; // it may have its final permissions already
        for name in from.names().map_err(failed)? {
            if name.is_hidden() {
                let _ = from.rename(&name, to, &name, false); // a partial; if it can't be moved it stays
                continue;
            }
            let place = SharePath::parse(name.as_bytes()).and_then(|inside| path.append(&inside));
            let Ok(place) = place else { continue }; // not from this stream
            if let Err(fault) = self.one(from, to, &name, &place, depth) {
                self.lost.insert(place, fault);
            }
        }
        to.sync().map_err(failed)
    }

    fn one(&mut self, from: &Dir, to: &Dir, name: &Name, place: &SharePath, depth: usize) -> Result<(), TreeError> {
        let failed = |errno| TreeError::at(place, errno);
        let entry = Entry::of(b"", &from.stat(name).map_err(failed)?);
        if entry.kind != Kind::Dir {
            let move_it = |replace| from.rename(name, to, name, replace);
            return self.engine.put_in_place(to, (name, place), None, self.policy, move_it);
        }
        let inner = from.child(name).map_err(failed)?;
        // To give a directory another parent, one must be able to write to it.
        inner.set_own_meta(Some(entry.mode | ARRIVING_MODE), None).map_err(failed)?;
        let there = match from.rename(name, to, name, false) {
            Err(Errno::EXIST | Errno::NOTEMPTY) => to.child(name).map_err(failed)?,
            Err(errno) => return Err(failed(errno)),
            Ok(()) => return inner.set_own_meta(Some(entry.mode), Some(entry.mtime)).map_err(failed),
        };
        self.level(&inner, &there, place, depth + 1)?;
        there.set_own_meta(Some(entry.mode), Some(entry.mtime)).map_err(failed)?;
        // If something of it could not be moved, it stays with that.
        match from.remove_dir(name) {
            Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            Err(errno) => Err(failed(errno)),
        }
    }
}
