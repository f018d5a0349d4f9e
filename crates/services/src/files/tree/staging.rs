//! Staging files: what is still arriving, under a reserved name beside its target.
//!
//! In: a held directory. Out: [`StagingFile`], which either gets its real name by one rename or vanishes with its
//! handle. While it is in use its file is locked (`flock`), so whoever finds an unlocked one knows that its writer died.
//! Invariant: a staging file with a living writer is never removed by [`sweep`], not even in the moment of its birth.

use std::fs::File;
use std::sync::Arc;

use rustix::fs::FlockOperation;
use rustix::io::{self, Errno};

use super::entry::{Kind, kind_of};
use super::held::{Held, Name};
use super::os;

/// How often a new name is drawn when a sweeper catches the file between its making and its locking.
const ATTEMPTS: u32 = 16;

/// A locked file under a staging name, open for writing. Dropping it removes it.
#[derive(Debug)]
pub(in crate::files) struct StagingFile {
    dir: Arc<Held>,
    /// `None` once it has its real name.
    name: Option<Name>,
    file: File,
}

impl StagingFile {
    /// Makes one in `dir`, readable and writable by its owner alone.
    pub(in crate::files) fn create(dir: &Arc<Held>) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(|_unavailable| Errno::IO)?;
            let name = Name::staging(u64::from_be_bytes(random));
            let file = match dir.create(&name) {
                Err(Errno::EXIST) => continue,
                made => made?,
            };
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // A sweeper took it for dead and is about to remove it.
                Err(Errno::WOULDBLOCK) => continue,
                // No locks on this file system: no sweeper can lock it either, and so none removes it.
                Ok(()) | Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
                Err(errno) => return Err(errno),
            }
            let staging = Self { dir: Arc::clone(dir), name: Some(name), file };
            if rustix::fs::fstat(&staging.file)?.st_nlink > 0 {
                return Ok(staging);
            }
        }
        Err(Errno::AGAIN)
    }

    pub(in crate::files) fn file(&self) -> &File {
        &self.file
    }

    pub(in crate::files) fn dir(&self) -> &Arc<Held> {
        &self.dir
    }

    /// See [`os::reserve`].
    pub(in crate::files) fn reserve(&self, size: u64) -> io::Result<()> {
        use std::os::fd::AsFd as _;
        os::reserve(self.file.as_fd(), size)
    }

    /// Gives the file its real name, in place of whatever has it (unless `replace` is unset) but a directory.
    pub(in crate::files) fn rename(&mut self, target: &Name, replace: bool) -> io::Result<()> {
        let Some(name) = &self.name else { return Err(Errno::NOENT) };
        self.dir.rename(name, &self.dir, target, replace)?;
        self.name = None;
        Ok(())
    }
}

impl Drop for StagingFile {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // If that fails, the next sweep finds it unlocked.
            let _ = self.dir.unlink(name);
        }
    }
}

/// Removes the staging files in `dir` whose writers died; how many.
///
/// One that can't be opened or locked is left: it is in use, or not ours, or locks don't work here.
pub(in crate::files) fn sweep(dir: &Held) -> io::Result<usize> {
    let mut swept = 0;
    for name in dir.names()? {
        if !name.is_staging() || !dir.stat(&name).is_ok_and(|stat| kind_of(&stat) == Kind::File) {
            continue;
        }
        let Ok(file) = dir.open_read(&name) else { continue };
        // Removed while locked: a writer that has just made it finds the lock taken, or its file gone, and makes another.
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() && dir.unlink(&name).is_ok() {
            swept += 1;
        }
    }
    Ok(swept)
}
