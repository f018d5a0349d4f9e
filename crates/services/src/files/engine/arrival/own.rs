//! Directories of landline's own: what arrives lies in them, under a reserved name, until it gets its real place.
//!
//! In: the directory that they are made in, and what they are for. Out: one that is locked for as long as it is in use,
//! so that whoever finds an unlocked one knows that its writer died. For its owner alone (0700).
//! Invariant: what is taken up was made by this user, and nobody else uses it now.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use landline_addr::path::MAX_COMPONENTS;
use rustix::fs::FlockOperation;
use rustix::io::{self, Errno};

use crate::files::{
    engine::{Owner, patience::Turn},
    tree::{Held as Dir, Kind, Name, kind_of},
};

/// What such a directory has while content arrives: its owner's alone.
pub(super) const ARRIVING_MODE: u32 = 0o700;

/// How many arrivals of one owner at one name each get a directory that can be taken up again.
const SLOTS: u8 = 4;

/// How often a random name is drawn when all slots are in use or a sweeper is quicker.
const ATTEMPTS: u32 = 16;

/// A locked directory of landline's own.
#[derive(Debug)]
pub(super) struct OwnDir {
    /// Where it lies.
    pub(super) parent: Arc<Dir>,
    /// What it is called there.
    pub(super) name: Name,
    /// The directory.
    pub(super) dir: Arc<Dir>,
    lock: OwnedFd,
}

impl OwnDir {
    /// Makes one in `parent` for `target`, or takes up one that `owner` left; the second value says which.
    ///
    /// `domain` keeps apart what such directories are for.
    pub(super) fn take(
        parent: &Arc<Dir>,
        domain: &str,
        target: &[u8],
        owner: &Owner,
        mut turn: Turn<'_>,
    ) -> io::Result<(Self, bool)> {
        for slot in 0..SLOTS {
            let attempt = || Self::attempt(parent, Name::staging_for(domain, target, &owner.id, slot));
            if let Some(taken) = turn.give_way(attempt, |attempt| slot == 0 && attempt.is_none())? {
                return Ok(taken);
            }
        }
        for _ in 0..ATTEMPTS {
            if let Some(taken) = Self::attempt(parent, random_name()?)? {
                return Ok(taken);
            }
        }
        Err(Errno::AGAIN)
    }

    /// `None` if it is in use, or not ours.
    fn attempt(parent: &Arc<Dir>, name: Name) -> io::Result<Option<(Self, bool)>> {
        let old = match parent.make_dir(&name, ARRIVING_MODE) {
            Ok(()) => false,
            Err(Errno::EXIST) => true,
            Err(errno) => return Err(errno),
        };
        let dir = match parent.child(&name) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None), // swept, or no directory
            opened => opened?,
        };
        if old && dir.own_stat()?.st_uid != rustix::process::geteuid().as_raw() {
            return Ok(None);
        }
        if old && dir.own_stat()?.st_mode & 0o777 != ARRIVING_MODE {
            dir.set_own_meta(Some(ARRIVING_MODE), None)?; // its writer died when all but the name was final
        }
        let lock = dir.open_dir_for_lock()?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            // No locks on this file system: a new one is ours, for no sweeper can lock it either; an old one may be in use.
            Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::BADF) if !old => {}
            Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::BADF) => return Ok(None),
            Err(errno) => return Err(errno),
        }
        if !parent.child(&name).is_ok_and(|now| now.id() == dir.id()) {
            return Ok(None); // swept between the making and the locking
        }
        Ok(Some((Self { parent: Arc::clone(parent), name, dir: Arc::new(dir), lock }, old)))
    }

    /// Removes it with all that is in it.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove_all(&self.parent, &self.name)
    }

    /// Makes it durable itself: its names, permissions and time, also if nobody may read it by now.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.dir.disk().sync(&self.lock)
    }

    /// Removes all that is in it.
    pub(super) fn empty(&self) -> io::Result<()> {
        empty(&self.dir, 0)
    }
}

/// A staging name that nobody else has.
pub(super) fn random_name() -> io::Result<Name> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_unavailable| Errno::IO)?;
    Ok(Name::staging(u64::from_be_bytes(random)))
}

/// Removes `name`, whatever it is, with all that is in it. Nothing there is fine.
pub(super) fn remove_all(dir: &Dir, name: &Name) -> io::Result<()> {
    remove_below(dir, name, 0)
}

fn remove_below(dir: &Dir, name: &Name, depth: usize) -> io::Result<()> {
    let removed = match dir.unlink(name) {
        // PERM is what POSIX has for a directory, and some file systems say so.
        Err(Errno::ISDIR | Errno::PERM) if dir.stat(name).is_ok_and(|stat| kind_of(&stat) == Kind::Dir) => {
            let inner = dir.child(name)?;
            empty(&inner, depth + 1)?;
            dir.remove_dir(name)
        }
        done => done,
    };
    match removed {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Holds one handle for each level.
fn empty(dir: &Dir, depth: usize) -> io::Result<()> {
    if depth > MAX_COMPONENTS {
        return Err(Errno::NAMETOOLONG);
    }
    if dir.own_stat()?.st_mode & 0o300 != 0o300 {
        dir.set_own_meta(Some(ARRIVING_MODE), None)?; // it had its final permissions already
    }
    for name in dir.names()? {
        remove_below(dir, &name, depth)?;
    }
    Ok(())
}
