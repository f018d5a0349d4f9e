//! Folder: small files in the home that are written often and may be lost.
//!
//! In: names that this crate chose, bytes. Out: the bytes again, whole or not at all, never more than asked for.
//! All of it blocks, for as long as a few calls to the file system take. Nothing is made durable: after a power cut an
//! entry may be gone or damaged, and whoever reads must cope with that anyway.
//! Knows nothing of what the files mean.
//! Invariants: no link is followed, neither by the folder's name nor by a file's, so that root serving somebody else's
//! home cannot be led out of it; what is made is private and belongs to the home's owner; several processes at once
//! see whole files.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::StoreError;
use crate::home::Home;

/// Names looked at in one folder: many times what it may hold, so that a folder into which something else wrote
/// costs time and memory with an end.
const MAX_SEEN: usize = 65_536;
/// What stands between a file's name and the random end of its draft's.
const DRAFT: &str = ".new-";
/// A draft of this age was left by a process that died: writing one takes seconds at most.
const DRAFT_LIFE: Duration = Duration::from_secs(60 * 60);

/// A folder in the home, or the home itself. Cheap to clone; opened anew for each use, so that it may be removed at
/// any time and is made again.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    home: Home,
    /// `None`: the home itself.
    name: Option<&'static str>,
}

impl Folder {
    /// The folder `name` of the home.
    pub(crate) fn inside(home: &Home, name: &'static str) -> Self {
        Self { home: home.clone(), name: Some(name) }
    }

    /// The home itself.
    pub(crate) fn home(home: &Home) -> Self {
        Self { home: home.clone(), name: None }
    }

    /// Where `file` is: for messages.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        let folder = self.name.map_or_else(|| self.home.path().to_owned(), |name| self.home.path().join(name));
        if file.is_empty() { folder } else { folder.join(file) }
    }

    /// The folder, made (mode 0700) if it is missing, and closed to others if it was not.
    fn open(&self) -> Result<OwnedFd, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = self.home.path();
        let home = rustix::fs::open(top, flags, Mode::empty()).map_err(|e| fault("open", top, e))?;
        let Some(name) = self.name else { return Ok(home) };
        let path = self.path("");
        let flags = flags | OFlags::NOFOLLOW;
        let folder = match rustix::fs::openat(&home, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => {
                match rustix::fs::mkdirat(&home, name, Mode::RWXU) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(e) => return Err(fault("make", &path, e)),
                }
                let made = rustix::fs::openat(&home, name, flags, Mode::empty());
                let made = File::from(made.map_err(|e| fault("open", &path, e))?);
                self.home.hand_over(&made, &path)?;
                OwnedFd::from(made)
            }
            opened => opened.map_err(|e| fault("open", &path, e))?,
        };
        let stat = rustix::fs::fstat(&folder).map_err(|e| fault("look at", &path, e))?;
        if stat.st_uid != self.home.owner_uid() {
            let you = rustix::process::geteuid().as_raw();
            return Err(StoreError::NotYours { path, owner: stat.st_uid, you });
        }
        if Mode::from_raw_mode(stat.st_mode).intersects(Mode::RWXG | Mode::RWXO) {
            rustix::fs::fchmod(&folder, Mode::RWXU).map_err(|e| fault("close to others", &path, e))?;
        }
        Ok(folder)
    }

    /// Makes the folder if it is missing, and removes drafts of `is_ours` that dead processes left.
    pub(crate) fn prepare(&self, is_ours: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let folder = self.open()?;
        let now = SystemTime::now();
        for name in self.names(&folder, |name| name.split_once(DRAFT).is_some_and(|(file, _)| is_ours(file)))? {
            let age = modified(&folder, &name).and_then(|at| now.duration_since(at).ok());
            if age.is_some_and(|age| age > DRAFT_LIFE) {
                // One that cannot be removed stays: it harms nobody.
                let _ = rustix::fs::unlinkat(&folder, &name, AtFlags::empty());
            }
        }
        Ok(())
    }

    /// Names that are `wanted`, in no order.
    pub(crate) fn list(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, StoreError> {
        let folder = self.open()?;
        self.names(&folder, wanted)
    }

    fn names(&self, folder: &OwnedFd, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, StoreError> {
        let fail = |e| fault("list", &self.path(""), e);
        let mut found = Vec::new();
        for entry in Dir::read_from(folder).map_err(fail)?.take(MAX_SEEN) {
            let entry = entry.map_err(fail)?;
            if let Ok(name) = entry.file_name().to_str()
                && !matches!(name, "." | "..")
                && wanted(name)
            {
                found.push(name.to_owned());
            }
        }
        Ok(found)
    }

    /// The bytes of a regular file of at most `limit` bytes; `None` if there is no such file, be it missing, larger or
    /// something else.
    pub(crate) fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((file, size)) = self.open_file(name, limit)? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(size);
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut bytes).map_err(StoreError::io("read", self.path(name)))?;
        Ok((bytes.len() <= limit).then_some(bytes))
    }

    /// An open regular file of at most `limit` bytes, and its size in bytes.
    pub(crate) fn open_file(&self, name: &str, limit: usize) -> Result<Option<(File, usize)>, StoreError> {
        // NONBLOCK: a pipe of that name would hold us for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.open()?, name, flags, Mode::empty()) {
            Ok(file) => file,
            // Missing, a link, a socket.
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(None),
            Err(e) => return Err(fault("open", &self.path(name), e)),
        };
        let stat = rustix::fs::fstat(&file).map_err(|e| fault("look at", &self.path(name), e))?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Ok(None);
        }
        let size = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
        Ok((size <= limit).then(|| (File::from(file), size)))
    }

    /// Puts a file in place of whatever has the name.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let folder = self.open()?;
        let draft = self.draft(&folder, name, |file| file.write_all(bytes))?;
        let placed = rustix::fs::renameat(&folder, &draft, &folder, name);
        if placed.is_err() {
            let _ = rustix::fs::unlinkat(&folder, &draft, AtFlags::empty());
        }
        placed.map_err(|e| fault("put in place", &self.path(name), e))
    }

    /// Puts a file under the first free one of `names`, and tells which; `None` if none was free.
    pub(crate) fn add(
        &self,
        names: impl IntoIterator<Item = String>,
        write: impl FnOnce(&mut File) -> std::io::Result<()>,
    ) -> Result<Option<String>, StoreError> {
        let folder = self.open()?;
        let draft = self.draft(&folder, "", write)?;
        // A link fails where a name is taken: of several processes one gets it.
        let mut placed = Ok(None);
        for name in names {
            match rustix::fs::linkat(&folder, &draft, &folder, &name, AtFlags::empty()) {
                Ok(()) => {
                    placed = Ok(Some(name));
                    break;
                }
                Err(Errno::EXIST) => {}
                Err(e) => {
                    placed = Err(fault("put in place", &self.path(&name), e));
                    break;
                }
            }
        }
        let _ = rustix::fs::unlinkat(&folder, &draft, AtFlags::empty());
        placed
    }

    /// Writes a private file beside the place where it will be, and answers with its name.
    fn draft(
        &self,
        folder: &OwnedFd,
        name: &str,
        write: impl FnOnce(&mut File) -> std::io::Result<()>,
    ) -> Result<String, StoreError> {
        let mut suffix = [0_u8; 8];
        getrandom::fill(&mut suffix).map_err(StoreError::Random)?;
        let draft = format!("{name}{DRAFT}{}", HEXLOWER.encode(&suffix));
        let path = self.path(&draft);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(folder, &draft, flags, Mode::RUSR | Mode::WUSR);
        let mut file = File::from(made.map_err(|e| fault("make", &path, e))?);
        let written = write(&mut file).map_err(StoreError::io("write", &path));
        let done = written.and_then(|()| self.home.hand_over(&file, &path));
        if done.is_err() {
            let _ = rustix::fs::unlinkat(folder, &draft, AtFlags::empty());
        }
        done.map(|()| draft)
    }

    /// Removes a file. False: there was none.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, StoreError> {
        match rustix::fs::unlinkat(&self.open()?, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(e) => Err(fault("remove", &self.path(name), e)),
        }
    }

    /// Removes the files longest unchanged until at most `limit` of those that are `ours` are left. `keep` stays.
    pub(crate) fn thin(&self, limit: usize, keep: &str, ours: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let folder = self.open()?;
        let names = self.names(&folder, ours)?;
        let Some(surplus) = names.len().checked_sub(limit).filter(|surplus| *surplus > 0) else { return Ok(()) };
        // What was removed meanwhile has no time and comes first: it is gone either way.
        let mut aged: Vec<_> = names
            .into_iter()
            .filter(|name| name != keep)
            .map(|name| (modified(&folder, &name).unwrap_or(UNIX_EPOCH), name))
            .collect();
        aged.sort();
        for (_, name) in aged.into_iter().take(surplus) {
            // Another process may have removed it; what is no file stays, and is never read.
            let _ = rustix::fs::unlinkat(&folder, &name, AtFlags::empty());
        }
        Ok(())
    }
}

/// When a file was written last.
fn modified(folder: impl AsFd, name: &str) -> Option<SystemTime> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let secs = Duration::from_secs(u64::try_from(stat.st_mtime).ok()?);
    let nanos = Duration::from_nanos(stat.st_mtime_nsec);
    UNIX_EPOCH.checked_add(secs.checked_add(nanos)?)
}

fn fault(doing: &'static str, path: &Path, errno: Errno) -> StoreError {
    StoreError::io(doing, path)(errno.into())
}

#[cfg(test)]
mod tests;
