//! The disk: every system call that changes something goes through here, so that each can be made to fail.
//!
//! In: handles and single names. Out: the system's answer, or the failure that a [`Faults`] asked for in its place.
//! In production nobody asks for any, which costs one branch a call. A tree that may hold only so much has a [`Meter`], which is asked
//! here too. Knows nothing of paths.
//! Invariant: a call that was made to fail did nothing, and a short write wrote as much as it says.

use std::fmt;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, MutexGuard};

use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags, Stat, XattrFlags};
use rustix::io::{self, Errno};

use super::entry::Mtime;
use super::faults::{Faults, Op, Verdict};
use super::meter::{self, BLOCK, Meter};
use super::name::Name;
use super::os;

/// The way to the disk. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::files) struct Disk {
    faults: Option<Arc<dyn Faults>>,
    meter: Option<Arc<Meter>>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.faults.is_some() { "Disk(faulty)" } else { "Disk" })
    }
}

impl Disk {
    /// A disk that fails when `faults` says so.
    pub(super) fn faulty(faults: Arc<dyn Faults>) -> Self {
        Self { faults: Some(faults), meter: None }
    }

    /// A disk on which `meter` counts.
    pub(super) fn metered(meter: Arc<Meter>) -> Self {
        Self { faults: None, meter: Some(meter) }
    }

    pub(super) fn meter(&self) -> Option<&Arc<Meter>> {
        self.meter.as_ref()
    }

    /// Does `work`, which adds `more` bytes, if there is room for them.
    fn adding<T>(&self, more: u64, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let Some(meter) = &self.meter else { return work() };
        meter.take(more)?;
        work().inspect_err(|_| meter.give(more))
    }

    /// What has this name, where anybody counts.
    fn counted(&self, dir: BorrowedFd<'_>, name: &[u8]) -> Option<Stat> {
        self.meter.as_ref().and_then(|_| rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok())
    }

    /// What had this name is gone.
    fn gone(&self, name: &[u8], what: Option<Stat>) {
        if let (Some(meter), Some(what)) = (&self.meter, what) {
            meter.gone(&what, Name::component(name).is_hidden());
        }
    }

    /// Held from a look at a name until it has gone, where anybody counts.
    fn alone(&self) -> Option<MutexGuard<'_, ()>> {
        self.meter.as_ref().map(|meter| meter.changing())
    }

    /// To be asked before each call. A short write of what can't be short is a failure.
    fn before(&self, op: Op, what: &[u8]) -> io::Result<()> {
        let Some(faults) = &self.faults else { return Ok(()) };
        match faults.before(op, what) {
            Verdict::Go => Ok(()),
            Verdict::Fail(errno) => Err(errno),
            Verdict::Short(_) => Err(Errno::IO),
        }
    }

    /// Opens `name`, which these flags make: `CREATE` and `EXCL`.
    pub(super) fn create(&self, dir: BorrowedFd<'_>, name: &[u8], flags: OFlags, mode: Mode) -> io::Result<File> {
        self.before(Op::Create, name)?;
        let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.adding(BLOCK, || rustix::fs::openat(dir, name, flags, mode).map(File::from))
    }

    pub(super) fn make_dir(&self, dir: BorrowedFd<'_>, name: &[u8], mode: Mode) -> io::Result<()> {
        self.before(Op::MakeDir, name)?;
        self.adding(BLOCK, || rustix::fs::mkdirat(dir, name, mode))
    }

    /// Writes all of `bytes` at `offset`. After an error any part of them may have been written.
    pub(in crate::files) fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let len = u64::try_from(bytes.len()).map_err(|_| Errno::FBIG)?;
        let end = offset.checked_add(len).ok_or(Errno::FBIG)?;
        self.growing(file, end, || self.write_all_at(file, bytes, offset))
    }

    /// Does `work`, after which `file` has `end` bytes or as many as before, if there is room for them.
    fn growing(&self, file: &File, end: u64, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let Some(meter) = &self.meter else { return work() };
        let _alone = meter.changing();
        let more = meter.grow(&rustix::fs::fstat(file)?, end)?;
        work().inspect_err(|_| {
            let became = rustix::fs::fstat(file).map_or(0, |stat| meter::cost(&stat));
            meter.give(meter::cost_of(end).saturating_sub(became).min(more));
        })
    }

    fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (mut rest, mut offset) = (bytes, offset);
        while !rest.is_empty() {
            let most = self.write_allowance(rest.len())?;
            let now = rest.get(..most).unwrap_or(rest);
            match file.write_at(now, offset) {
                Ok(0) => return Err(Errno::IO),
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    offset = u64::try_from(written).ok().and_then(|len| offset.checked_add(len)).ok_or(Errno::FBIG)?;
                }
                Err(error) => match Errno::from_io_error(&error) {
                    Some(Errno::INTR) => {}
                    errno => return Err(errno.unwrap_or(Errno::IO)),
                },
            }
        }
        Ok(())
    }

    /// How much of a write of `len` bytes is done; at least 1.
    fn write_allowance(&self, len: usize) -> io::Result<usize> {
        let Some(faults) = &self.faults else { return Ok(len) };
        match faults.before(Op::Write, b"") {
            Verdict::Go => Ok(len),
            Verdict::Fail(errno) => Err(errno),
            Verdict::Short(0) => Err(Errno::IO),
            Verdict::Short(most) => Ok(most.min(len)),
        }
    }

    /// Makes the file `size` bytes long, cutting it or adding a hole.
    pub(in crate::files) fn truncate(&self, file: &File, size: u64) -> io::Result<()> {
        self.before(Op::Truncate, b"")?;
        let before = self.meter.as_ref().and_then(|_| rustix::fs::fstat(file).ok());
        self.growing(file, size, || rustix::fs::ftruncate(file, size))?;
        if let (Some(meter), Some(before)) = (&self.meter, before) {
            meter.shrunk(&before, size);
        }
        Ok(())
    }

    /// Sets aside space so that the file may have `size` bytes, without changing its length; see [`os::reserve`].
    pub(in crate::files) fn reserve(&self, file: &File, size: u64) -> io::Result<()> {
        self.before(Op::Allocate, b"")?;
        let Some(meter) = &self.meter else { return os::reserve(file.as_fd(), size) };
        let _alone = meter.changing();
        meter.promise(&rustix::fs::fstat(file)?, size)?;
        os::reserve(file.as_fd(), size).inspect_err(|_| self.unpromise(file))
    }

    /// Gives back what was set aside for `file` and not written: nothing of it outlives its writer.
    pub(in crate::files) fn release(&self, file: &File) {
        let _alone = self.alone();
        self.unpromise(file);
    }

    fn unpromise(&self, file: &File) {
        let Some(meter) = &self.meter else { return };
        let Ok(stat) = rustix::fs::fstat(file) else { return };
        if meter.release(&stat) {
            // To its own length: what the disk set aside behind it is given back.
            let _ = rustix::fs::ftruncate(file, u64::try_from(stat.st_size).unwrap_or(0));
        }
    }

    /// Makes `len` bytes at `offset` a hole that reads as zeros; `OPNOTSUPP` where there is no such thing.
    pub(in crate::files) fn punch(&self, file: &File, offset: u64, len: u64) -> io::Result<()> {
        self.before(Op::Allocate, b"")?;
        rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, offset, len)
    }

    /// Whether everything on the file system of `fd` is gone at the next start of the machine, so that syncing is for
    /// nothing.
    pub(in crate::files) fn is_volatile(fd: impl AsFd) -> bool {
        os::is_volatile(fd.as_fd())
    }

    /// Makes a file durable with all that describes it, or what a directory lists.
    pub(in crate::files) fn sync(&self, fd: impl AsFd) -> io::Result<()> {
        self.before(Op::Sync, b"")?;
        rustix::fs::fsync(fd)
    }

    /// Makes the content of a file durable, and its length. `what`: what a [`Faults`] is told that it is.
    pub(in crate::files) fn sync_content(&self, file: &File, what: &[u8]) -> io::Result<()> {
        self.before(Op::Sync, what)?;
        rustix::fs::fdatasync(file)
    }

    /// Makes everything on the file system of `fd` durable.
    pub(in crate::files) fn sync_all(&self, fd: impl AsFd) -> io::Result<()> {
        self.before(Op::SyncAll, b"")?;
        rustix::fs::syncfs(fd)
    }

    pub(super) fn rename(
        &self,
        from: (BorrowedFd<'_>, &[u8]),
        to: (BorrowedFd<'_>, &[u8]),
        replace: bool,
    ) -> io::Result<()> {
        self.before(Op::Rename, to.1)?;
        let _alone = self.alone();
        let replaced = if replace && !self.are_one(from, to) { self.counted(to.0, to.1) } else { None };
        os::rename(from.0, from.1, to.0, to.1, replace)?;
        self.gone(to.1, replaced);
        Ok(())
    }

    pub(super) fn hard_link(&self, from: (BorrowedFd<'_>, &[u8]), to: (BorrowedFd<'_>, &[u8])) -> io::Result<()> {
        self.before(Op::Link, to.1)?;
        let more = self.counted(from.0, from.1).map_or(0, |stat| meter::cost(&stat));
        self.adding(more, || rustix::fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty()))
    }

    /// Whether two names stand for one file, so that giving one the other's place does nothing (rename(2)). Asked where anybody counts.
    fn are_one(&self, one: (BorrowedFd<'_>, &[u8]), other: (BorrowedFd<'_>, &[u8])) -> bool {
        let which = |(dir, name): (BorrowedFd<'_>, &[u8])| {
            let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            Some((stat.st_dev, stat.st_ino))
        };
        self.meter.is_some() && which(one).is_some_and(|one| Some(one) == which(other))
    }

    pub(super) fn symlink(&self, target: &[u8], dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        self.before(Op::Symlink, name)?;
        self.adding(BLOCK, || rustix::fs::symlinkat(target, dir, name))
    }

    pub(super) fn unlink(&self, dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        self.before(Op::Unlink, name)?;
        let _alone = self.alone();
        let what = self.counted(dir, name);
        rustix::fs::unlinkat(dir, name, AtFlags::empty())?;
        self.gone(name, what);
        Ok(())
    }

    pub(super) fn remove_dir(&self, dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        self.before(Op::RemoveDir, name)?;
        rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)?;
        if let Some(meter) = &self.meter {
            meter.give(BLOCK);
        }
        Ok(())
    }

    /// Permission bits of an open file, exactly these.
    pub(in crate::files) fn set_mode(&self, file: impl AsFd, mode: u32) -> io::Result<()> {
        self.before(Op::SetMode, b"")?;
        rustix::fs::fchmod(file, Mode::from_raw_mode(mode))
    }

    /// Time of modification of an open file; the time of access stays.
    pub(in crate::files) fn set_mtime(&self, file: impl AsFd, mtime: Mtime) -> io::Result<()> {
        self.before(Op::SetTime, b"")?;
        rustix::fs::futimens(file, &os::only_mtime(mtime))
    }

    /// The same for what has `name`, be it a link.
    pub(super) fn set_mtime_of(&self, dir: BorrowedFd<'_>, name: &[u8], mtime: Mtime) -> io::Result<()> {
        self.before(Op::SetTime, name)?;
        rustix::fs::utimensat(dir, name, &os::only_mtime(mtime), AtFlags::SYMLINK_NOFOLLOW)
    }

    /// See [`os::set_meta`].
    pub(super) fn set_meta(
        &self,
        pinned: BorrowedFd<'_>,
        readable: io::Result<std::os::fd::OwnedFd>,
        mode: Option<u32>,
        mtime: Option<Mtime>,
    ) -> io::Result<()> {
        if mode.is_some() {
            self.before(Op::SetMode, b"")?;
        }
        if mtime.is_some() {
            self.before(Op::SetTime, b"")?;
        }
        os::set_meta(pinned, readable, mode, mtime)
    }

    pub(super) fn set_attribute(&self, file: &File, name: &[u8], value: &[u8]) -> io::Result<()> {
        self.before(Op::SetAttribute, name)?;
        rustix::fs::fsetxattr(file, name, value, XattrFlags::empty())
    }

    pub(super) fn remove_attribute(&self, file: &File, name: &[u8]) -> io::Result<()> {
        self.before(Op::SetAttribute, name)?;
        rustix::fs::fremovexattr(file, name)
    }
}
