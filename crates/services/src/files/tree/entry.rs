//! What is known of one name in a share: kind, size, permissions, time, and where a link points.
//!
//! In: the system's `stat`. Out: [`Entry`]. Nothing here was followed: a link is described as itself.

use std::fmt;

use rustix::fs::{FileType, Stat};

/// Permission bits that may come from, or be told to, the outside: setuid, setgid and sticky never do.
pub(in crate::files) const PERMISSIONS: u32 = 0o777;

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The last component, raw; empty for the share itself.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Bytes of content; meaningful for files only.
    pub size: u64,
    /// Permission bits, `0o000..=0o777`.
    pub mode: u32,
    /// When the content last changed.
    pub mtime: Mtime,
    /// Where a link points, raw and never followed; `None` for anything else.
    pub link_target: Option<Vec<u8>>,
    /// Number of the inode, unique within `dev` while it exists.
    pub inode: u64,
    /// Number of the file system.
    pub dev: u64,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A pipe, a socket or a device.
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "a file",
            Self::Dir => "a directory",
            Self::Link => "a link",
            Self::Other => "a pipe, socket or device",
        })
    }
}

/// A time of modification: seconds since 1970 (negative before), and nanoseconds below 1,000,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mtime {
    secs: i64,
    nanos: u32,
}

impl Mtime {
    /// 1970-01-01 00:00:00 UTC.
    pub const EPOCH: Self = Self { secs: 0, nanos: 0 };

    /// `None` unless `nanos` is below 1,000,000,000: larger numbers mean "now" and "leave it" to the system.
    #[must_use]
    pub const fn new(secs: i64, nanos: u32) -> Option<Self> {
        if nanos < 1_000_000_000 { Some(Self { secs, nanos }) } else { None }
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.secs
    }

    /// Nanoseconds after [`Self::secs`].
    #[must_use]
    pub const fn nanos(self) -> u32 {
        self.nanos
    }
}

/// What one look tells of a name: the entry, and what only this machine wants to know. Reads as an [`Entry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What others may know too. `link_target` is not filled in: that is a second look.
    pub entry: Entry,
    /// When anything about it last changed; nobody but the system can set it.
    pub ctime: Mtime,
    /// How many names it has.
    pub nlink: u64,
    /// Units of 512 bytes that it takes on the disk.
    pub blocks: u64,
}

impl Found {
    #[allow(clippy::useless_conversion, reason = "counts of links are narrower on other processors")]
    pub(in crate::files) fn of(name: &[u8], stat: &Stat) -> Self {
        Self {
            entry: Entry::of(name, stat),
            ctime: Mtime { secs: stat.st_ctime, nanos: u32::try_from(stat.st_ctime_nsec).unwrap_or(0) },
            nlink: stat.st_nlink.into(),
            blocks: u64::try_from(stat.st_blocks).unwrap_or(0),
        }
    }

    /// Whether it takes less of the disk than it is long, and so may have holes.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        self.entry.kind == Kind::File && self.blocks.saturating_mul(512) < self.entry.size
    }
}

impl std::ops::Deref for Found {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry
    }
}

/// Which state of a file this is: changes whenever the file is replaced, written or cut.
///
/// Opaque, 16 bytes, made of file system, inode, size and time of modification; equal on one machine only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version([u8; 16]);

impl Version {
    /// For one that came over the wire.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// To be sent over the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Entry {
    /// `link_target` is left empty: whoever made `stat` reads it where it is a link.
    pub(in crate::files) fn of(name: &[u8], stat: &Stat) -> Self {
        Self {
            name: name.to_vec(),
            kind: kind_of(stat),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mode: stat.st_mode & PERMISSIONS,
            mtime: Mtime { secs: stat.st_mtime, nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0) },
            link_target: None,
            inode: stat.st_ino,
            dev: stat.st_dev,
        }
    }

    /// Which state of the file this entry describes.
    #[must_use]
    pub fn version(&self) -> Version {
        let mut hasher = blake3::Hasher::new();
        for part in [self.dev, self.inode, self.size] {
            hasher.update(&part.to_be_bytes());
        }
        hasher.update(&self.mtime.secs.to_be_bytes()).update(&self.mtime.nanos.to_be_bytes());
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        Version(bytes)
    }
}

pub(in crate::files) fn kind_of(stat: &Stat) -> Kind {
    kind_of_type(FileType::from_raw_mode(stat.st_mode)).unwrap_or(Kind::Other)
}

/// `None` if the type is not known, as in the listings of some file systems.
pub(super) fn kind_of_type(file_type: FileType) -> Option<Kind> {
    match file_type {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Dir),
        FileType::Symlink => Some(Kind::Link),
        FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice => Some(Kind::Other),
        FileType::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_that_mean_now_or_leave_it_are_no_time() {
        assert_eq!(Mtime::new(0, 0x3fff_ffff), None); // UTIME_NOW
        assert_eq!(Mtime::new(0, 0x3fff_fffe), None); // UTIME_OMIT
        assert!(Mtime::new(-1, 999_999_999).is_some());
    }
}
