//! A directory held open: everything is done to single names inside it, and no path is ever resolved again.
//!
//! In: a handle that `resolve` made, and a [`Name`]. Out: the system's answer as an error number; the callers know the
//! path and give it words. Only in this file and in `os` does landline act on names from outside.
//! Invariant: a [`Name`] is one component and not `..`, and no call here follows a link in its place.

use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, Stat};
use rustix::io::{self, Errno};

use super::disk::Disk;
use super::entry::{Entry, Found, Kind, Mtime, PERMISSIONS, kind_of, kind_of_type};
use super::name::Name;
use super::os;

/// Bytes of a listing that are asked for at once: a few hundred names.
const LISTING_BYTES: usize = 32 << 10;

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
    disk: Disk,
}

impl Held {
    pub(super) fn new(fd: OwnedFd, disk: Disk) -> io::Result<Self> {
        let stat = rustix::fs::fstat(&fd)?;
        Ok(Self { fd, id: DirId { dev: stat.st_dev, inode: stat.st_ino }, disk })
    }

    /// The way to its disk, for what is done to open files.
    pub(in crate::files) fn disk(&self) -> &Disk {
        &self.disk
    }

    pub(in crate::files) fn id(&self) -> DirId {
        self.id
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The directory `name`; `LOOP` if that is a link, `NOTDIR` if anything else.
    pub(in crate::files) fn child(&self, name: &Name) -> io::Result<Self> {
        match rustix::fs::openat(&self.fd, name.as_bytes(), os::HANDLE | OFlags::NOFOLLOW, Mode::empty()) {
            // The kernel says NOTDIR for a link too; people are told the difference.
            Err(Errno::NOTDIR) if self.stat(name).is_ok_and(|stat| kind_of(&stat) == Kind::Link) => Err(Errno::LOOP),
            Err(errno) => Err(errno),
            Ok(fd) => Self::new(fd, self.disk.clone()),
        }
    }

    pub(in crate::files) fn stat(&self, name: &Name) -> io::Result<Stat> {
        rustix::fs::statat(&self.fd, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The directory itself.
    pub(in crate::files) fn own_stat(&self) -> io::Result<Stat> {
        rustix::fs::fstat(&self.fd)
    }

    /// Describes `name` in one call: where a link leads is left out.
    pub(in crate::files) fn look(&self, name: &Name) -> io::Result<Found> {
        self.stat(name).map(|stat| Found::of(name.as_bytes(), &stat))
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
            match self.read_link(name) {
                Ok(target) => {
                    entry.link_target = Some(target);
                    return Ok(entry);
                }
                Err(errno) => last = errno,
            }
        }
        Err(last)
    }

    /// Where the link `name` leads, raw.
    pub(in crate::files) fn read_link(&self, name: &Name) -> io::Result<Vec<u8>> {
        rustix::fs::readlinkat(&self.fd, name.as_bytes(), Vec::new()).map(std::ffi::CString::into_bytes)
    }

    /// All names inside but `.` and `..`, in no order, reserved ones too.
    pub(in crate::files) fn names(&self) -> io::Result<Vec<Name>> {
        let mut names = Vec::new();
        self.names_streamed(|name, _| {
            names.push(Name::component(name));
            ControlFlow::Continue(())
        })?;
        Ok(names)
    }

    /// The same one by one, with the kind where the directory itself knows it, until `each` has enough.
    pub(in crate::files) fn names_streamed(
        &self,
        mut each: impl FnMut(&[u8], Option<Kind>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let fd = self.readable()?;
        let mut buffer = Vec::with_capacity(LISTING_BYTES);
        let mut entries = RawDir::new(fd, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." && each(name, kind_of_type(entry.file_type())).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// What is inside for everyone to see, in no order, with the kind where the directory itself knows it. Nothing is
    /// looked at: some of it may be gone when it is.
    pub(in crate::files) fn list_unsorted(&self) -> io::Result<Vec<(Name, Option<Kind>)>> {
        let mut listed = Vec::new();
        self.names_streamed(|name, kind| {
            let name = Name::component(name);
            if !name.is_hidden() {
                listed.push((name, kind));
            }
            ControlFlow::Continue(())
        })?;
        Ok(listed)
    }

    /// The same sorted by raw name.
    pub(in crate::files) fn list_sorted(&self) -> io::Result<Vec<(Name, Option<Kind>)>> {
        let mut listed = self.list_unsorted()?;
        listed.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        Ok(listed)
    }

    /// Opens `name` for reading. The caller checks by `fstat` what was opened: a pipe does not block, a link is `LOOP`.
    pub(in crate::files) fn open_read(&self, name: &Name) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, name.as_bytes(), flags, Mode::empty())
    }

    /// The same for reading and writing what is there.
    pub(in crate::files) fn open_write(&self, name: &Name) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, name.as_bytes(), flags, Mode::empty()).map(File::from)
    }

    /// Opens the regular file `name` for reading, and describes the file that was opened. Never blocks, whatever is there.
    ///
    /// `known`: what a listing or a look has just said of it; if that was a file, there is no other look first.
    ///
    /// # Errors
    /// `ISDIR`, `LOOP` for a link, `NXIO` for a pipe, a socket, a device.
    pub(in crate::files) fn open_file(&self, name: &Name, known: Option<Kind>) -> io::Result<(File, Found)> {
        // A look first, because merely opening a device can do something (rewind a tape, arm a watchdog).
        if known != Some(Kind::File) {
            only_a_file(kind_of(&self.stat(name)?))?;
        }
        let fd = self.open_read(name)?;
        // And a look at what was really opened, because the name may have been given to something else in between.
        let found = Found::of(name.as_bytes(), &rustix::fs::fstat(&fd)?);
        only_a_file(found.kind)?;
        Ok((File::from(fd), found))
    }

    /// Makes the file `name`, for its owner alone, and opens it for writing and reading; `EXIST` if anything has that
    /// name.
    pub(in crate::files) fn create(&self, name: &Name) -> io::Result<File> {
        self.disk.create(self.fd(), name.as_bytes(), OFlags::RDWR, Mode::RUSR | Mode::WUSR)
    }

    /// Makes the file `name` and opens it for writing; the umask takes from `mode`. `EXIST` if anything has that name.
    pub(in crate::files) fn create_with_mode(&self, name: &Name, mode: u32) -> io::Result<File> {
        self.disk.create(self.fd(), name.as_bytes(), OFlags::WRONLY, Mode::from_raw_mode(mode & PERMISSIONS))
    }

    pub(in crate::files) fn make_dir(&self, name: &Name, mode: u32) -> io::Result<()> {
        self.disk.make_dir(self.fd(), name.as_bytes(), Mode::from_raw_mode(mode))
    }

    /// Makes a link that leads to `target`, raw; whoever calls this has judged where that is.
    pub(in crate::files) fn symlink(&self, name: &Name, target: &[u8]) -> io::Result<()> {
        self.disk.symlink(target, self.fd(), name.as_bytes())
    }

    /// Gives what is called `name` here the name `to_name` there too; a link as itself.
    pub(in crate::files) fn hard_link(&self, name: &Name, to: &Self, to_name: &Name) -> io::Result<()> {
        self.disk.hard_link((self.fd(), name.as_bytes()), (to.fd(), to_name.as_bytes()))
    }

    /// Sets the time of modification of what is called `name`; of a link itself.
    pub(in crate::files) fn set_link_mtime(&self, name: &Name, mtime: Mtime) -> io::Result<()> {
        self.disk.set_mtime_of(self.fd(), name.as_bytes(), mtime)
    }

    /// Removes anything but a directory; `ISDIR` for that.
    pub(in crate::files) fn unlink(&self, name: &Name) -> io::Result<()> {
        self.disk.unlink(self.fd(), name.as_bytes())
    }

    pub(in crate::files) fn remove_dir(&self, name: &Name) -> io::Result<()> {
        self.disk.remove_dir(self.fd(), name.as_bytes())
    }

    pub(in crate::files) fn rename(&self, name: &Name, to: &Self, to_name: &Name, replace: bool) -> io::Result<()> {
        self.disk.rename((self.fd(), name.as_bytes()), (to.fd(), to_name.as_bytes()), replace)
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

    /// This directory, opened so that it can be locked (`flock`), for as long as the handle lives.
    pub(in crate::files) fn open_dir_for_lock(&self) -> io::Result<OwnedFd> {
        self.readable()
    }

    /// Permissions (exactly these but that the directory keeps its special bits) and time of modification.
    pub(in crate::files) fn set_own_meta(&self, mode: Option<u32>, mtime: Option<Mtime>) -> io::Result<()> {
        // Setgid on a directory means that its owner shares it with a group.
        let special = self.own_stat()?.st_mode & 0o7000;
        self.disk.set_meta(self.fd(), self.readable(), mode.map(|mode| mode & PERMISSIONS | special), mtime)
    }

    /// Where the directory lies on this machine, for people and for notes; best effort.
    pub(in crate::files) fn place_on_disk(&self) -> Option<std::path::PathBuf> {
        use std::os::fd::AsRawFd as _;
        std::fs::read_link(format!("/proc/self/fd/{}", self.fd.as_raw_fd())).ok().filter(|place| place.is_absolute())
    }

    /// Returns once every name that was made, moved or removed in here before would survive a power cut.
    pub(in crate::files) fn sync(&self) -> io::Result<()> {
        match self.readable() {
            Ok(fd) => match self.disk.sync(fd) {
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

fn only_a_file(kind: Kind) -> io::Result<()> {
    match kind {
        Kind::File => Ok(()),
        Kind::Dir => Err(Errno::ISDIR),
        Kind::Link => Err(Errno::LOOP),
        Kind::Other => Err(Errno::NXIO), // what the system itself says of a socket
    }
}
