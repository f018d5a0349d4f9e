//! The calls of Linux that not every system, kernel or file system has, each with what is done instead.
//!
//! In: held handles and single names. Out: the same promise either way; where it is weaker, the function says so.
//! A port to another system begins with this file.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, FallocateFlags, Mode, OFlags, RenameFlags, ResolveFlags, Timespec, Timestamps, UTIME_OMIT,
};
use rustix::io::{self, Errno};

use super::entry::Mtime;

/// A handle that names a directory without the right to read it.
pub(super) const HANDLE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Nothing above the handle, no link on the way, no magic link of `/proc`.
const CONFINED: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// File systems on which reserving space costs as much as writing it, so that it is only compared with what is free.
const TMPFS_MAGIC: i128 = 0x0102_1994;

/// Whether this kernel has `openat2` (5.6) and no sandbox forbids it: `EPERM` is what older container profiles say.
pub(super) fn has_openat2(root: BorrowedFd<'_>) -> bool {
    open_beneath(root, b".").is_ok()
}

/// The directory `path` below `root`, resolved by the kernel in one confined step.
pub(super) fn open_beneath(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<OwnedFd> {
    rustix::fs::openat2(root, path, HANDLE, Mode::empty(), CONFINED)
}

/// Renames; with `replace` unset only if the new name is free.
///
/// A file system without that condition (NFS, some FUSE) gets a look before the rename instead: between the two, a
/// program on the same machine could still take the name.
pub(super) fn rename(
    from: BorrowedFd<'_>,
    from_name: &[u8],
    to: BorrowedFd<'_>,
    to_name: &[u8],
    replace: bool,
) -> io::Result<()> {
    if replace {
        return rustix::fs::renameat(from, from_name, to, to_name);
    }
    match rustix::fs::renameat_with(from, from_name, to, to_name, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            match rustix::fs::statat(to, to_name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Err(Errno::EXIST),
                Err(Errno::NOENT) => rustix::fs::renameat(from, from_name, to, to_name),
                Err(errno) => Err(errno),
            }
        }
        done => done,
    }
}

/// Whether everything on this file system is gone at the next start of the machine, so that syncing is for nothing.
pub(super) fn is_volatile(fd: BorrowedFd<'_>) -> bool {
    rustix::fs::fstatfs(fd).is_ok_and(|stat| i128::from(stat.f_type) == TMPFS_MAGIC)
}

/// Sets aside `size` bytes for `file` without changing its length, so that a full disk is met before any byte is sent.
pub(super) fn reserve(file: BorrowedFd<'_>, size: u64) -> io::Result<()> {
    // First a look: a file system that is asked for more than it has takes all of it before it says no, and every other
    // program meets a full disk meanwhile.
    let there = u64::try_from(rustix::fs::fstat(file)?.st_blocks).unwrap_or(0).saturating_mul(512);
    if free_space(file)? < size.saturating_sub(there) {
        return Err(Errno::NOSPC);
    }
    if is_volatile(file) {
        return Ok(()); // nothing is set aside: two files that arrive at once can still meet a full disk on the way
    }
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, size) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::INTR) => Ok(()),
        done => done,
    }
}

/// Bytes that an unprivileged writer may still use.
pub(super) fn free_space(fd: BorrowedFd<'_>) -> io::Result<u64> {
    space(fd).map(|(free, _)| free)
}

/// The same, and all bytes of the file system.
pub(super) fn space(fd: BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::fstatvfs(fd)?;
    Ok((stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize)))
}

/// Permission bits (exactly these) and time of modification of what `pinned`, a handle without rights, stands for.
///
/// `readable`: the same thing opened for reading, if our permissions allowed that; then `/proc` is not needed.
pub(super) fn set_meta(
    pinned: BorrowedFd<'_>,
    readable: io::Result<OwnedFd>,
    mode: Option<u32>,
    mtime: Option<Mtime>,
) -> io::Result<()> {
    match readable {
        Ok(fd) => {
            if let Some(mode) = mode {
                rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode))?;
            }
            mtime.map_or(Ok(()), |mtime| set_mtime(fd.as_fd(), mtime))
        }
        // Ours, but not readable by us (mode 0300, say). Linux changes what a pinned handle stands for under its name in
        // /proc, which leads to the handle's inode and nowhere else.
        Err(Errno::ACCESS) => {
            let own = format!("/proc/self/fd/{}", pinned.as_raw_fd());
            if let Some(mode) = mode {
                rustix::fs::chmodat(CWD, &own, Mode::from_raw_mode(mode), AtFlags::empty())?;
            }
            mtime.map_or(Ok(()), |mtime| rustix::fs::utimensat(CWD, &own, &only_mtime(mtime), AtFlags::empty()))
        }
        Err(errno) => Err(errno),
    }
}

/// Sets the time of modification of an open file; the time of access stays.
pub(in crate::files) fn set_mtime(fd: BorrowedFd<'_>, mtime: Mtime) -> io::Result<()> {
    rustix::fs::futimens(fd, &only_mtime(mtime))
}

pub(super) fn only_mtime(mtime: Mtime) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime.secs(), tv_nsec: i64::from(mtime.nanos()) },
    }
}
