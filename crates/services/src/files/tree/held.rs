//! A directory held open: everything is done to single names inside it, and no path is ever resolved again.
//!
//! In: a handle that `resolve` made, and a [`Name`]. Out: the system's answer as an error number; the callers know the
//! path and give it words. Only in this file and in `os` does landline act on names from outside.
//! Invariant: a [`Name`] is one component and not `..`, and no call here follows a link in its place.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use landline_addr::path::{RESERVED_PREFIX, SharePath, is_reserved};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, Stat};
use rustix::io::{self, Errno};

use super::entry::{Entry, Kind, kind_of};
use super::os;

/// One component: the last of a share path, one that a directory listed, or a staging name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::files) struct Name(Vec<u8>);

impl Name {
    /// `None` for the share itself, which has no name of its own.
    pub(in crate::files) fn last_of(path: &SharePath) -> Option<Self> {
        path.components().next_back().map(Self::component)
    }

    /// One component of a share path.
    pub(super) fn component(name: &[u8]) -> Self {
        debug_assert!(!name.contains(&b'/') && name != b"..");
        Self(name.to_vec())
    }

    /// The name of a staging file: the reserved prefix and 16 hex digits.
    pub(super) fn staging(number: u64) -> Self {
        Self([RESERVED_PREFIX, format!("{number:016x}").as_bytes()].concat())
    }

    /// Whether [`Self::staging`] could have made this.
    pub(super) fn is_staging(&self) -> bool {
        let lower_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        self.0.strip_prefix(RESERVED_PREFIX).is_some_and(|rest| rest.len() == 16 && rest.iter().all(lower_hex))
    }

    /// Whether nobody outside may see it.
    pub(super) fn is_hidden(&self) -> bool {
        is_reserved(&self.0)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Which directory this is, whatever it is called: file system and inode. Unique while it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::files) struct DirId {
    pub(in crate::files) dev: u64,
    inode: u64,
}

/// A held directory.
#[derive(Debug)]
pub(in crate::files) struct Held {
    fd: OwnedFd,
    id: DirId,
}

impl Held {
    pub(super) fn new(fd: OwnedFd) -> io::Result<Self> {
        let stat = rustix::fs::fstat(&fd)?;
        Ok(Self { fd, id: DirId { dev: stat.st_dev, inode: stat.st_ino } })
    }

    pub(in crate::files) fn id(&self) -> DirId {
        self.id
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The directory `name`; `LOOP` if that is a link, `NOTDIR` if anything else.
    pub(super) fn child(&self, name: &Name) -> io::Result<Self> {
        match rustix::fs::openat(&self.fd, name.as_bytes(), os::HANDLE | OFlags::NOFOLLOW, Mode::empty()) {
            // The kernel says NOTDIR for a link too; people are told the difference.
            Err(Errno::NOTDIR) if self.stat(name).is_ok_and(|stat| kind_of(&stat) == Kind::Link) => Err(Errno::LOOP),
            Err(errno) => Err(errno),
            Ok(fd) => Self::new(fd),
        }
    }

    pub(super) fn stat(&self, name: &Name) -> io::Result<Stat> {
        rustix::fs::statat(&self.fd, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The directory itself.
    pub(super) fn own_stat(&self) -> io::Result<Stat> {
        rustix::fs::fstat(&self.fd)
    }

    /// Describes `name`. Reading a link's target is a second look: if it stops being a link in between, look again.
    pub(in crate::files) fn entry(&self, name: &Name) -> io::Result<Entry> {
        const LOOKS: u32 = 4; // someone who swaps it faster than that has no answer coming
        let mut last = Errno::NOENT;
        for _ in 0..LOOKS {
            let mut entry = Entry::of(name.as_bytes(), &self.stat(name)?);
            if entry.kind != Kind::Link {
                return Ok(entry);
            }
            match rustix::fs::readlinkat(&self.fd, name.as_bytes(), Vec::new()) {
                Ok(target) => {
                    entry.link_target = Some(target.into_bytes());
                    return Ok(entry);
                }
                Err(errno) => last = errno,
            }
        }
        Err(last)
    }

    /// All names inside but `.` and `..`, in no order, reserved ones too.
    pub(super) fn names(&self) -> io::Result<Vec<Name>> {
        let mut names = Vec::new();
        for entry in Dir::new(self.readable()?)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(Name(name));
            }
        }
        Ok(names)
    }

    /// Opens `name` for reading. The caller checks by `fstat` what was opened: a pipe does not block, a link is `LOOP`.
    pub(super) fn open_read(&self, name: &Name) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, name.as_bytes(), flags, Mode::empty())
    }

    /// Makes the file `name`, for its owner alone, and opens it for writing; `EXIST` if anything has that name.
    pub(super) fn create(&self, name: &Name) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, name.as_bytes(), flags, Mode::RUSR | Mode::WUSR).map(File::from)
    }

    pub(super) fn make_dir(&self, name: &Name, mode: u32) -> io::Result<()> {
        rustix::fs::mkdirat(&self.fd, name.as_bytes(), Mode::from_raw_mode(mode))
    }

    /// Removes anything but a directory; `ISDIR` for that.
    pub(super) fn unlink(&self, name: &Name) -> io::Result<()> {
        rustix::fs::unlinkat(&self.fd, name.as_bytes(), AtFlags::empty())
    }

    pub(super) fn remove_dir(&self, name: &Name) -> io::Result<()> {
        rustix::fs::unlinkat(&self.fd, name.as_bytes(), AtFlags::REMOVEDIR)
    }

    pub(super) fn rename(&self, name: &Name, to: &Self, to_name: &Name, replace: bool) -> io::Result<()> {
        os::rename(self.fd(), name.as_bytes(), to.fd(), to_name.as_bytes(), replace)
    }

    /// A handle to `name` itself, even if it is a link, that gives no right to its content.
    pub(super) fn pin(&self, name: &Name) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, name.as_bytes(), flags, Mode::empty())
    }

    /// This directory, opened for reading.
    pub(super) fn readable(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, ".", flags, Mode::empty())
    }

    /// Returns once every name that was made, moved or removed in here before would survive a power cut.
    pub(in crate::files) fn sync(&self) -> io::Result<()> {
        match self.readable() {
            Ok(fd) => match rustix::fs::fsync(fd) {
                Err(Errno::INVAL) => Ok(()), // a file system that has nothing to sync for a directory
                done => done,
            },
            // A drop box (mode 0300) may be written but not opened: sync everything instead.
            Err(Errno::ACCESS) => {
                rustix::fs::sync();
                Ok(())
            }
            Err(errno) => Err(errno),
        }
    }
}
