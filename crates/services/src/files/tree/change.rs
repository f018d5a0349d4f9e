//! Changes to the tree: directories, names, permissions and times. Durable when they return.
//!
//! In: share paths. Out: done, or a [`TreeError`]. Content is not changed here: that is the engine's.
//! Invariant: what is removed is found through held handles only, so nothing can be swapped under a removal.

use std::os::fd::AsFd;

use landline_addr::path::{MAX_COMPONENTS, SharePath};
use rustix::io::{self, Errno};

use super::entry::{Kind, Mtime, PERMISSIONS, kind_of};
use super::error::{Refusal, TreeError};
use super::held::Held;
use super::name::Name;
use super::{Tree, remains};

/// What a directory gets that is made only because something shall lie in it; the umask takes away from it.
const USUAL_DIR_MODE: u32 = 0o777;

/// What a directory has while its content arrives: its owner's alone.
const ARRIVING_DIR_MODE: u32 = 0o700;

impl Tree {
    /// Makes one directory with exactly these permissions (`mode & 0o777`, whatever the umask).
    ///
    /// # Errors
    /// [`TreeError::Exists`]; [`TreeError::NotFound`] if its parent is missing.
    pub fn make_dir(&self, path: &SharePath, mode: u32) -> Result<(), TreeError> {
        let failed = |errno| TreeError::at(path, errno);
        let (parent, name) = self.locate_below_root(path)?;
        let mode = mode & PERMISSIONS;
        self.unsynced.making(parent.id(), || parent.make_dir(&name, mode)).map_err(failed)?;
        let dir = parent.child(&name).map_err(failed)?;
        if dir.own_stat().map_err(failed)?.st_mode & PERMISSIONS != mode {
            dir.set_own_meta(Some(mode), None).map_err(failed)?;
        }
        parent.sync().map_err(failed)?;
        self.sync_above(path)
    }

    /// Makes a directory and its missing parents, with the usual permissions; one that is there already is fine.
    ///
    /// # Errors
    /// [`TreeError::NotADirectory`], [`TreeError::Crossing`] if something else has one of the names.
    pub fn make_dirs(&self, path: &SharePath) -> Result<(), TreeError> {
        self.make_dirs_unsynced(path)?;
        self.sync_above(path)
    }

    /// As [`Self::make_dirs`], but a power cut may still take them until [`Self::sync_above`] was called.
    pub(in crate::files) fn make_dirs_unsynced(&self, path: &SharePath) -> Result<Held, TreeError> {
        let failed = |errno| TreeError::at(path, errno);
        match self.resolve(path) {
            Err(Errno::NOENT) => {}
            found => return found.map_err(failed),
        }
        let mut held = self.dir(&SharePath::root())?;
        for name in path.components() {
            let name = Name::component(name);
            held = self.enter_or_make(&held, &name, USUAL_DIR_MODE).map_err(failed)?;
        }
        Ok(held)
    }

    /// Makes a directory whose content arrives now, closed to others until its permissions are set: it may be a
    /// private one. One that is there already is fine and stays as it is. Not durable before [`Self::sync_above`].
    ///
    /// # Errors
    /// As [`Self::make_dirs`].
    pub(in crate::files) fn make_arriving_dir(&self, path: &SharePath) -> Result<(), TreeError> {
        let Some((parent, name)) = path.parent().zip(Name::last_of(path)) else { return Ok(()) };
        let parent = self.make_dirs_unsynced(&parent)?;
        let made = self.enter_or_make(&parent, &name, ARRIVING_DIR_MODE);
        made.map(|_| ()).map_err(|errno| TreeError::at(path, errno))
    }

    fn enter_or_make(&self, parent: &Held, name: &Name, mode: u32) -> io::Result<Held> {
        match parent.child(name) {
            Err(Errno::NOENT) => {}
            found => return found,
        }
        match self.unsynced.making(parent.id(), || parent.make_dir(name, mode)) {
            Ok(()) | Err(Errno::EXIST) => parent.child(name), // or somebody else was quicker
            Err(errno) => Err(errno),
        }
    }

    /// Makes the directories on the way to `path` durable, if any of them is new; `path` itself may be anything.
    pub(in crate::files) fn sync_above(&self, path: &SharePath) -> Result<(), TreeError> {
        if self.unsynced.is_empty() {
            return Ok(());
        }
        let mut above = path.parent();
        while let Some(dir) = above {
            let held = self.dir(&dir)?;
            if let Some(mark) = self.unsynced.mark(held.id()) {
                held.sync().map_err(|errno| TreeError::at(&dir, errno))?;
                self.unsynced.settle(held.id(), mark);
            }
            above = dir.parent();
        }
        Ok(())
    }

    /// Gives `from` the name `to`; a link moves as itself. With `replace` unset, only if nothing is there.
    ///
    /// # Errors
    /// [`TreeError::Exists`]; [`TreeError::IsADirectory`], [`TreeError::NotADirectory`], [`TreeError::NotEmpty`] for what
    /// can't be replaced; [`TreeError::Refused`] for the share itself, into itself, onto another file system.
    pub fn rename(&self, from: &SharePath, to: &SharePath, replace: bool) -> Result<(), TreeError> {
        let (old, old_name) = self.locate_below_root(from)?;
        let (new, new_name) = self.locate_below_root(to)?;
        if to != from && to.starts_with(from) {
            return Err(TreeError::refused(to, Refusal::IntoItself));
        }
        match old.rename(&old_name, &new, &new_name, replace) {
            // Whose fault it is: the source that is missing, or the target that is in the way.
            Err(errno @ Errno::NOENT) => return Err(TreeError::at(from, errno)),
            done => done.map_err(|errno| TreeError::at(to, errno))?,
        }
        new.sync().map_err(|errno| TreeError::at(to, errno))?;
        if old.id() != new.id() {
            old.sync().map_err(|errno| TreeError::at(from, errno))?;
        }
        self.sync_above(to)
    }

    /// Removes what is at `path`: a link as itself, a directory only if it is empty or `recursive` is set.
    ///
    /// A removal that fails half-way has removed what it could up to there.
    ///
    /// # Errors
    /// [`TreeError::NotEmpty`]; [`TreeError::Refused`] for the share itself, or a directory deeper than any path. The
    /// path in the error is that of the thing which could not be removed.
    pub fn remove(&self, path: &SharePath, recursive: bool) -> Result<(), TreeError> {
        let failed = |errno| TreeError::at(path, errno);
        let (parent, name) = self.locate_below_root(path)?;
        match parent.unlink(&name) {
            Err(Errno::ISDIR) => remove_dir(&parent, &name, path, recursive)?,
            done => done.map_err(failed)?,
        }
        parent.sync().map_err(failed)
    }

    /// Sets permissions (`mode & 0o777`) and time of modification of a file or directory; never through a link.
    ///
    /// A directory keeps the setgid and sticky bits that its owner gave it; a file loses setuid and setgid.
    ///
    /// # Errors
    /// [`TreeError::WrongKind`] for a link, a pipe, a socket, a device; [`TreeError::Denied`] if it is not ours.
    pub fn set_meta(&self, path: &SharePath, mode: Option<u32>, mtime: Option<Mtime>) -> Result<(), TreeError> {
        let failed = |errno| TreeError::at(path, errno);
        let Some((parent, name)) = self.locate(path)? else {
            return self.root.set_own_meta(mode, mtime).map_err(failed);
        };
        let pinned = parent.pin(&name).map_err(failed)?;
        let stat = rustix::fs::fstat(&pinned).map_err(failed)?;
        match kind_of(&stat) {
            Kind::Dir => {
                let dir = Held::new(pinned, self.root.disk().clone()).map_err(failed)?;
                dir.set_own_meta(mode, mtime).map_err(failed)
            }
            Kind::File => {
                let readable = parent.open_read(&name);
                if let Ok(fd) = &readable {
                    let opened = rustix::fs::fstat(fd).map_err(failed)?;
                    if (opened.st_dev, opened.st_ino) != (stat.st_dev, stat.st_ino) {
                        return Err(TreeError::Changed { path: path.as_bytes().to_vec() });
                    }
                }
                let mode = mode.map(|mode| mode & PERMISSIONS);
                self.root.disk().set_meta(pinned.as_fd(), readable, mode, mtime).map_err(failed)
            }
            kind @ (Kind::Link | Kind::Other) => Err(TreeError::WrongKind { path: path.as_bytes().to_vec(), kind }),
        }
    }
}

fn remove_dir(parent: &Held, name: &Name, path: &SharePath, recursive: bool) -> Result<(), TreeError> {
    let failed = |errno| TreeError::at(path, errno);
    match parent.remove_dir(name) {
        Err(Errno::NOTEMPTY | Errno::EXIST) => {}
        done => return done.map_err(failed),
    }
    let dir = parent.child(name).map_err(failed)?;
    if recursive {
        empty(&dir, path.as_bytes(), 0)?;
    } else {
        // To everyone outside it looks empty if it holds nothing but the remains of writers that died, even if they could
        // be resumed: whoever removes the directory gives that up.
        remains::sweep_all(&dir).map_err(failed)?;
    }
    match parent.remove_dir(name) {
        Err(Errno::NOTEMPTY | Errno::EXIST) => Err(failed(Errno::NOTEMPTY)),
        done => done.map_err(failed),
    }
}

/// Removes everything in `dir`, which `path` is the name of for messages. Holds one handle for each level.
fn empty(dir: &Held, path: &[u8], depth: usize) -> Result<(), TreeError> {
    if depth >= MAX_COMPONENTS {
        return Err(TreeError::Refused { path: path.to_vec(), why: Refusal::TooDeep });
    }
    for name in dir.names().map_err(|errno| TreeError::at_bytes(path.to_vec(), errno))? {
        let here = [path, b"/", name.as_bytes()].concat();
        let removed = match dir.unlink(&name) {
            Err(Errno::ISDIR) => {
                let child = dir.child(&name).map_err(|errno| TreeError::at_bytes(here.clone(), errno))?;
                empty(&child, &here, depth + 1)?;
                dir.remove_dir(&name)
            }
            done => done,
        };
        match removed {
            Ok(()) | Err(Errno::NOENT) => {} // somebody else removed it: so much the better
            Err(errno) => return Err(TreeError::at_bytes(here, errno)),
        }
    }
    Ok(())
}
