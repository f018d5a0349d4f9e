//! The tree: a share, held by one directory handle. The only module that opens paths from outside.
//!
//! In: [`SharePath`]s, which can't be absolute or climb. Out: entries, open files, and changes made in place. Each
//! operation opens the *parent* without following any link, then acts on the last name as itself. A link in the share
//! can be listed, moved and removed; nobody is ever led through it, not even by swapping a directory for a link meanwhile.
//! Knows nothing of users and grants. Calls block: use them off the async threads.
//!
//! Rooms: `held` acts on single names (`name`), `disk` is the way of every change to the system and `faults` makes
//! it fail, `os` has what not every system has, `change` alters the tree, `staging` makes the files that are still arriving
//! and `remains` removes what became of them, `meter` counts what the tree holds, `unsynced` remembers which directories are not yet durable; `holes` and
//! `attributes` are what some files have besides bytes.
//! Source: openat2(2); ARCHITECTURE.md, decision 8.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use landline_addr::path::SharePath;
use rustix::fs::{CWD, Mode};
use rustix::io;

mod attributes;
mod change;
mod disk;
mod entry;
mod error;
mod faults;
mod held;
mod holes;
mod meter;
mod name;
mod os;
mod remains;
mod staging;
mod unsynced;

pub use entry::{Entry, Found, Kind, Mtime, Version};
pub use error::{Refusal, TreeError};
pub use faults::{Errno, FailNth, Faults, Op, Verdict};
pub use meter::{BLOCK, Meter};

pub(in crate::files) use attributes::{attributes, set_attributes};
pub(in crate::files) use disk::Disk;
pub(in crate::files) use entry::{PERMISSIONS, kind_of};
pub(in crate::files) use error::place;
pub(in crate::files) use held::{DirId, Held};
pub(in crate::files) use holes::hole_runs;
pub(in crate::files) use name::Name;
pub(in crate::files) use remains::{has_writer, remove_one, sweep};
pub(in crate::files) use staging::{Claim, StagingFile, is_private};

/// A share. Everything below its root can be reached through it, and nothing else.
#[derive(Debug)]
pub struct Tree {
    root: Held,
    resolver: Resolver,
    unsynced: unsynced::Unsynced,
}

/// Who goes down the path to the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolver {
    /// The kernel, in one call.
    Openat2,
    /// We, one component at a time, holding each.
    Walk,
}

impl Tree {
    /// Holds the directory `dir`. The owner named it, so links on the way to it are followed, this one time.
    ///
    /// # Errors
    /// [`TreeError::NotFound`], [`TreeError::NotADirectory`], [`TreeError::Denied`] and what else the system says.
    pub fn open(dir: &Path) -> Result<Self, TreeError> {
        Self::open_walking(dir).map(Self::with_best_resolver)
    }

    fn with_best_resolver(mut self) -> Self {
        if os::has_openat2(self.root.fd()) {
            self.resolver = Resolver::Openat2;
        }
        self
    }

    /// The same, for a kernel or sandbox without `openat2`.
    pub(in crate::files) fn open_walking(dir: &Path) -> Result<Self, TreeError> {
        Self::open_on(dir, Disk::default())
    }

    /// As [`Self::open`], on a disk that fails when `faults` says so.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with_faults(dir: &Path, faults: Arc<dyn Faults>) -> Result<Self, TreeError> {
        Self::open_on(dir, Disk::faulty(faults)).map(Self::with_best_resolver)
    }

    /// As [`Self::open`], a tree that counts what it holds and takes no more than `limit` bytes; see [`Meter`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_metered(dir: &Path, limit: Option<u64>) -> Result<Self, TreeError> {
        let failed = |errno| TreeError::at_bytes(dir.as_os_str().as_encoded_bytes().to_vec(), errno);
        let root = rustix::fs::openat(CWD, dir, os::HANDLE, Mode::empty()).map_err(failed)?;
        // The same folder, whatever its name will stand for.
        let counted = rustix::io::fcntl_dupfd_cloexec(&root, 0).map_err(failed)?;
        let disk = Disk::metered(Arc::new(Meter::new(counted, limit).map_err(failed)?));
        let root = Held::new(root, disk).map_err(failed)?;
        let tree = Self { root, resolver: Resolver::Walk, unsynced: unsynced::Unsynced::default() };
        Ok(tree.with_best_resolver())
    }

    /// What counts here, if anything does.
    #[must_use]
    pub fn meter(&self) -> Option<&Arc<Meter>> {
        self.root.disk().meter()
    }

    fn open_on(dir: &Path, disk: Disk) -> Result<Self, TreeError> {
        let root = rustix::fs::openat(CWD, dir, os::HANDLE, Mode::empty())
            .and_then(|fd| Held::new(fd, disk))
            .map_err(|errno| TreeError::at_bytes(dir.as_os_str().as_encoded_bytes().to_vec(), errno))?;
        Ok(Self { root, resolver: Resolver::Walk, unsynced: unsynced::Unsynced::default() })
    }

    /// Describes what is at `path`, a link as itself.
    ///
    /// # Errors
    /// [`TreeError::NotFound`]; [`TreeError::Crossing`] if a link is on the way.
    pub fn stat(&self, path: &SharePath) -> Result<Entry, TreeError> {
        let entry = match self.locate(path)? {
            Some((parent, name)) => parent.entry(&name),
            None => self.root.own_stat().map(|stat| Entry::of(b"", &stat)),
        };
        entry.map_err(|errno| TreeError::at(path, errno))
    }

    /// What is in the directory `path`, sorted by raw name. Files that are still arriving are left out, and so is what
    /// vanishes while we look.
    ///
    /// # Errors
    /// As [`Self::stat`]; [`TreeError::NotADirectory`], [`TreeError::Crossing`] if `path` itself is a link.
    pub fn list(&self, path: &SharePath) -> Result<Vec<Entry>, TreeError> {
        let failed = |errno| TreeError::at(path, errno);
        let dir = self.dir(path)?;
        let mut names = dir.names().map_err(failed)?;
        names.retain(|name| !name.is_hidden());
        names.sort_unstable();
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            match dir.entry(&name) {
                Ok(entry) => entries.push(entry),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
        Ok(entries)
    }

    /// Opens a regular file for reading, and describes the file that was opened. Never blocks, whatever is there.
    ///
    /// # Errors
    /// [`TreeError::IsADirectory`]; [`TreeError::WrongKind`] for a link, a pipe, a socket, a device; as [`Self::stat`].
    pub fn open_file(&self, path: &SharePath) -> Result<(File, Entry), TreeError> {
        let failed = |errno| TreeError::at(path, errno);
        let Some((parent, name)) = self.locate(path)? else { return Err(failed(Errno::ISDIR)) };
        // A look first, because merely opening a device can do something (rewind a tape, arm a watchdog).
        only_a_file(path, Entry::of(name.as_bytes(), &parent.stat(&name).map_err(failed)?))?;
        let fd = parent.open_read(&name).map_err(failed)?;
        // And a look at what was really opened, because the name may have been given to something else in between.
        let entry = Entry::of(name.as_bytes(), &rustix::fs::fstat(&fd).map_err(failed)?);
        Ok((File::from(fd), only_a_file(path, entry)?))
    }

    /// Bytes that may still be written to the share's file system by an unprivileged program.
    ///
    /// # Errors
    /// [`TreeError::Io`] if the system can't tell.
    pub fn free_space(&self) -> Result<u64, TreeError> {
        self.disk_space().map(|(free, _)| free)
    }

    /// The same, and all bytes of the file system.
    ///
    /// # Errors
    /// As [`Self::free_space`].
    pub fn disk_space(&self) -> Result<(u64, u64), TreeError> {
        os::space(self.root.fd()).map_err(|errno| TreeError::at(&SharePath::root(), errno))
    }

    /// The directory that holds `path`, and the last name; `None` for the share itself.
    fn locate(&self, path: &SharePath) -> Result<Option<(Held, Name)>, TreeError> {
        let (Some(parent), Some(name)) = (path.parent(), Name::last_of(path)) else { return Ok(None) };
        match self.resolve(&parent) {
            Ok(held) => Ok(Some((held, name))),
            Err(errno) => Err(TreeError::at(path, errno)),
        }
    }

    /// As [`Self::locate`], for operations that the share itself is exempt from.
    fn locate_below_root(&self, path: &SharePath) -> Result<(Held, Name), TreeError> {
        self.locate(path)?.ok_or_else(|| TreeError::refused(path, Refusal::Root))
    }

    /// The directory `path` itself.
    pub(in crate::files) fn dir(&self, path: &SharePath) -> Result<Held, TreeError> {
        self.resolve(path).map_err(|errno| TreeError::at(path, errno))
    }

    fn resolve(&self, path: &SharePath) -> io::Result<Held> {
        if self.resolver == Resolver::Openat2 {
            let relative = if path.is_root() { b".".as_slice() } else { path.as_bytes() };
            match os::open_beneath(self.root.fd(), relative) {
                // AGAIN: a rename elsewhere disturbed the kernel's proof of confinement. NAMETOOLONG: the longest path
                // leaves no room for the final zero. Walking knows neither.
                Err(Errno::AGAIN | Errno::NAMETOOLONG) => {}
                // Links are refused for where they lead (LOOP) or by where they would (XDEV): one answer.
                Err(Errno::XDEV) => return Err(Errno::LOOP),
                opened => return opened.and_then(|fd| Held::new(fd, self.root.disk().clone())),
            }
        }
        let mut held = Held::new(self.reopen_root()?, self.root.disk().clone())?;
        for name in path.components() {
            held = held.child(&Name::component(name))?;
        }
        Ok(held)
    }

    fn reopen_root(&self) -> io::Result<OwnedFd> {
        rustix::fs::openat(self.root.fd(), ".", os::HANDLE, Mode::empty())
    }
}

fn only_a_file(path: &SharePath, entry: Entry) -> Result<Entry, TreeError> {
    let path = path.as_bytes().to_vec();
    match entry.kind {
        Kind::File => Ok(entry),
        Kind::Dir => Err(TreeError::IsADirectory { path }),
        kind @ (Kind::Link | Kind::Other) => Err(TreeError::WrongKind { path, kind }),
    }
}

#[cfg(test)]
mod tests;
