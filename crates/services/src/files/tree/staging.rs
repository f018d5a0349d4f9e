//! Staging files: what is still arriving, under a reserved name beside its target.
//!
//! In: a held directory. Out: [`StagingFile`], which gets its real name by one rename, or vanishes with its handle unless
//! it is to be kept. While it is in use its file is locked (`flock`), so whoever finds an unlocked one knows that its
//! writer died. Invariant: a staging file with a living writer is never removed by others, not even in the moment of its
//! birth, and never has two writers.

use std::fs::File;
use std::sync::Arc;

use rustix::fs::{FlockOperation, Mode};
use rustix::io::{self, Errno};

use super::entry::{Kind, kind_of};
use super::held::Held;
use super::name::Name;

/// How often it is tried again when a sweeper catches the file between its making and its locking.
const ATTEMPTS: u32 = 16;

/// What a file has while it arrives: its owner's alone.
const ARRIVING_MODE: u32 = 0o600;

/// A locked file under a staging name, open for writing. Dropping it removes it, unless it is to be kept.
#[derive(Debug)]
pub(in crate::files) struct StagingFile {
    dir: Arc<Held>,
    /// `None` once it has its real name.
    name: Option<Name>,
    file: File,
    locked: bool,
    kept: bool,
}

/// What became of asking for one certain staging name.
#[derive(Debug)]
pub(in crate::files) enum Claim {
    /// Nothing had that name: the file is new and empty.
    New(StagingFile),
    /// A file whose writer died.
    Found(StagingFile),
    /// A living writer has it, or it is none that we could trust.
    Taken,
}

impl StagingFile {
    /// Makes one in `dir`, readable and writable by its owner alone.
    pub(in crate::files) fn create(dir: &Arc<Held>) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(|_unavailable| Errno::IO)?;
            if let Some(staging) = Self::make(dir, &Name::staging(u64::from_be_bytes(random)))? {
                return Ok(staging);
            }
        }
        Err(Errno::AGAIN)
    }

    /// Makes the one of this name, or takes up the one that is there.
    pub(in crate::files) fn claim(dir: &Arc<Held>, name: &Name) -> io::Result<Claim> {
        for _ in 0..ATTEMPTS {
            match dir.stat(name) {
                Ok(stat) if kind_of(&stat) == Kind::File => {}
                Ok(_) => return Ok(Claim::Taken),
                Err(Errno::NOENT) => match Self::make(dir, name)? {
                    Some(staging) => return Ok(Claim::New(staging)),
                    None => continue,
                },
                Err(errno) => return Err(errno),
            }
            let file = match dir.open_write(name) {
                Err(Errno::NOENT) => continue,
                // Not ours, or something else by now.
                Err(Errno::ACCESS | Errno::PERM | Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Ok(Claim::Taken),
                opened => opened?,
            };
            // Where locks don't work, a living writer can't be told from a dead one.
            if !is_private(&file)? || !lock(&file)?.is_ours() {
                return Ok(Claim::Taken);
            }
            // Its last writer may have given it its real name before it let go: then it is a published file.
            if has_name(dir, name, &file)? {
                // It may have been about to get its real name, and with it the permissions of the published file.
                dir.disk().set_mode(&file, ARRIVING_MODE)?;
                let staging = Self { dir: Arc::clone(dir), name: Some(name.clone()), file, locked: true, kept: false };
                return Ok(Claim::Found(staging));
            }
        }
        Ok(Claim::Taken)
    }

    /// `None` if somebody came between.
    fn make(dir: &Arc<Held>, name: &Name) -> io::Result<Option<Self>> {
        let file = match dir.create(name) {
            Err(Errno::EXIST) => return Ok(None),
            made => made?,
        };
        let locked = match lock(&file)? {
            // A sweeper took it for dead and is about to remove it.
            Lock::Theirs => return Ok(None),
            Lock::Ours => true,
            // No sweeper can lock it either, and so none removes it.
            Lock::Unknown => false,
        };
        let staging = Self { dir: Arc::clone(dir), name: Some(name.clone()), file, locked, kept: false };
        Ok((rustix::fs::fstat(&staging.file)?.st_nlink > 0).then_some(staging))
    }

    pub(in crate::files) fn file(&self) -> &File {
        &self.file
    }

    pub(in crate::files) fn dir(&self) -> &Arc<Held> {
        &self.dir
    }

    /// `None` once it has its real name.
    pub(in crate::files) fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    /// Whether others can see that it has a writer. If not, nobody will ever take it up.
    pub(in crate::files) fn is_locked(&self) -> bool {
        self.locked
    }

    /// Whether it stays when it is dropped.
    pub(in crate::files) fn keep(&mut self, kept: bool) {
        self.kept = kept;
    }

    /// See [`Disk::reserve`](super::Disk::reserve).
    pub(in crate::files) fn reserve(&self, size: u64) -> io::Result<()> {
        self.dir.disk().reserve(&self.file, size)
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
        if let Some(name) = self.name.as_ref().filter(|_| !self.kept) {
            // If that fails, the next sweep finds it unlocked.
            let _ = self.dir.unlink(name);
        }
    }
}

/// Who has the lock of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    Ours,
    Theirs,
    /// There are no locks on this file system.
    Unknown,
}

impl Lock {
    pub(super) fn is_ours(self) -> bool {
        self == Self::Ours
    }
}

/// Takes the lock if nobody has it; it goes with the last handle.
pub(super) fn lock(file: impl std::os::fd::AsFd) -> io::Result<Lock> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock::Ours),
        Err(Errno::WOULDBLOCK) => Ok(Lock::Theirs),
        Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(Lock::Unknown),
        Err(errno) => Err(errno),
    }
}

/// Whether nobody else can have written to this file: it is a regular one of ours, with one name, that others may not
/// write to. In a directory that others may write to, staging names can be guessed and planted.
pub(in crate::files) fn is_private(file: &File) -> io::Result<bool> {
    let stat = rustix::fs::fstat(file)?;
    let others = Mode::WGRP | Mode::WOTH;
    Ok(kind_of(&stat) == Kind::File
        && stat.st_uid == rustix::process::geteuid().as_raw()
        && stat.st_nlink == 1
        && !Mode::from_raw_mode(stat.st_mode).intersects(others))
}

/// Whether `name` is this very file.
fn has_name(dir: &Held, name: &Name, file: &File) -> io::Result<bool> {
    let ours = rustix::fs::fstat(file)?;
    match dir.stat(name) {
        Ok(stat) => Ok((stat.st_dev, stat.st_ino) == (ours.st_dev, ours.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}
