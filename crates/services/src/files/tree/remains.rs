//! Remains: what writers that died left in a directory, and when it goes.
//!
//! In: a held directory. Out: how much was removed. What can be resumed stays for two weeks: a staging file with
//! a journal beside it, a staged directory. What can't goes at once.
//! Invariant: what has a living writer is locked, and what is locked is not touched.

use std::os::fd::AsFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use landline_addr::path::MAX_COMPONENTS;
use rustix::io::{self, Errno};

use super::entry::{Kind, kind_of};
use super::held::Held;
use super::name::Name;
use super::staging::{Lock, lock};

/// What its owner needs to empty a directory.
const ALL_RIGHTS: u32 = 0o700;

/// How long a transfer that was cut can be resumed, since it last got on: two weeks, a holiday.
const PARTIAL_LIFE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// How long a journal without its staging file is left alone: its writer may just be making or publishing the file.
const ORPHAN_LIFE: Duration = Duration::from_secs(60 * 60);

/// The file inside a staged directory that says what it is.
const DIR_JOURNAL: &str = "journal";

/// Removes the remains in `dir` that nobody will take up; how many.
///
/// What can't be opened or locked is left: it is in use, or not ours, or locks don't work here.
pub(in crate::files) fn sweep(dir: &Held) -> io::Result<usize> {
    remove(dir, PARTIAL_LIFE, ORPHAN_LIFE)
}

/// Removes all remains in `dir`, also what could be resumed.
pub(in crate::files) fn sweep_all(dir: &Held) -> io::Result<usize> {
    remove(dir, Duration::ZERO, Duration::ZERO)
}

fn remove(dir: &Held, partial_life: Duration, orphan_life: Duration) -> io::Result<usize> {
    let mut removed = 0;
    let names = dir.names()?;
    for name in names.iter().filter(|name| name.is_staging()) {
        // A sweep is not to fail for one thing that can't be removed.
        if remove_one(dir, name, partial_life).unwrap_or(false) {
            removed += 1;
        }
    }
    for name in &names {
        let is_orphan = name.journal_of().is_some_and(|staging| dir.stat(&staging).is_err());
        if is_orphan && age(dir, name).is_some_and(|age| age >= orphan_life) && dir.unlink(name).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

/// Removes the staging file or directory `name`, with all that belongs to it, if it has no living writer and did not get
/// on for as long as `life`; without a journal it goes however young it is. Whether it did.
pub(in crate::files) fn remove_one(dir: &Held, name: &Name, life: Duration) -> io::Result<bool> {
    match kind_of(&dir.stat(name)?) {
        Kind::File => {
            let file = dir.open_read(name)?;
            // Removed while locked: a writer that has just made it finds the lock taken, or its file gone, and makes
            // another.
            if !lock(&file)?.is_ours() || age(dir, &name.journal()).is_some_and(|age| age < life) {
                return Ok(false);
            }
            dir.unlink(name)?;
            let _ = dir.unlink(&name.journal()); // there may be none
            Ok(true)
        }
        Kind::Dir => {
            let child = dir.child(name)?;
            let handle = child.open_dir_for_lock()?;
            let idle = age(&child, &Name::reserved(DIR_JOURNAL)).or_else(|| age(dir, name));
            if !lock(&handle)?.is_ours() || idle.is_none_or(|age| age < life) {
                return Ok(false);
            }
            empty(&child, 0)?;
            dir.remove_dir(name)?;
            Ok(true)
        }
        Kind::Link | Kind::Other => Ok(false),
    }
}

/// Removes everything in a directory of our own. Some below it may have their final permissions already.
fn empty(dir: &Held, depth: usize) -> io::Result<()> {
    if depth > MAX_COMPONENTS {
        return Err(Errno::NAMETOOLONG);
    }
    if dir.own_stat()?.st_mode & ALL_RIGHTS != ALL_RIGHTS {
        dir.set_own_meta(Some(ALL_RIGHTS), None)?;
    }
    for name in dir.names()? {
        match dir.unlink(&name) {
            Err(Errno::ISDIR) => {
                empty(&dir.child(&name)?, depth + 1)?;
                dir.remove_dir(&name)?;
            }
            Err(Errno::NOENT) => {}
            done => done?,
        }
    }
    Ok(())
}

/// Whether this open staging file or directory is locked by a writer.
pub(in crate::files) fn has_writer(handle: impl AsFd) -> bool {
    lock(handle).is_ok_and(|lock| lock == Lock::Theirs)
}

/// How long ago `name` was last written to; zero for a time to come.
fn age(dir: &Held, name: &Name) -> Option<Duration> {
    let mtime = dir.look(name).ok()?.mtime;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(now.saturating_sub(Duration::new(u64::try_from(mtime.secs()).unwrap_or(0), mtime.nanos())))
}
