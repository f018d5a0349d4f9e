//! What can go wrong at a path, in words for people and a word for programs.
//!
//! In: the path that was asked for and the system's error number. Out: [`TreeError`], which always names the path.
//! Paths are raw bytes from outside: the words escape them, the fields do not.

use landline_addr::path::{MAX_COMPONENTS, SharePath};
use landline_wire::{ErrorCode, shown};
use rustix::io::Errno;

use super::entry::Kind;

/// Why an operation on a [`Tree`](super::Tree) was not done. Each `path` is raw; an empty one is the share itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Nothing has that name.
    #[error("{}: not found", place(.path))]
    NotFound {
        /// What was asked for.
        path: Vec<u8>,
    },
    /// landline itself refuses, whatever the system would say.
    #[error("{}: {why}", place(.path))]
    Refused {
        /// What was asked for.
        path: Vec<u8>,
        /// Which rule says no.
        why: Refusal,
    },
    /// The name is taken, and it was asked not to replace it.
    #[error("{}: exists already", place(.path))]
    Exists {
        /// The name that is taken.
        path: Vec<u8>,
    },
    /// It is not what the caller last saw under that name.
    #[error("{}: changed in the meantime", place(.path))]
    Changed {
        /// What changed.
        path: Vec<u8>,
    },
    /// A directory that still holds something.
    #[error("{}: the directory is not empty", place(.path))]
    NotEmpty {
        /// The directory.
        path: Vec<u8>,
    },
    /// A directory, where only something else will do.
    #[error("{}: is a directory", place(.path))]
    IsADirectory {
        /// The directory.
        path: Vec<u8>,
    },
    /// Something else, where only a directory will do; it may be a component on the way.
    #[error("{}: is not a directory, or leads through something that is none", place(.path))]
    NotADirectory {
        /// What was asked for.
        path: Vec<u8>,
    },
    /// A symbolic link is on the way, or is what was asked for.
    #[error("{}: is a link or leads through one, and links are never followed", place(.path))]
    Crossing {
        /// What was asked for.
        path: Vec<u8>,
    },
    /// The operation makes no sense for this kind of thing.
    #[error("{}: is {kind}, which this can't be done to", place(.path))]
    WrongKind {
        /// What was asked for.
        path: Vec<u8>,
        /// What it is.
        kind: Kind,
    },
    /// The disk is full.
    #[error("{}: no space left on the disk", place(.path))]
    NoSpace {
        /// What was being written.
        path: Vec<u8>,
    },
    /// The file is larger than the file system or the process limit (`ulimit -f`) allows.
    #[error("{}: larger than this file system or the process's file size limit allows", place(.path))]
    TooLarge {
        /// What was being written.
        path: Vec<u8>,
    },
    /// A quota, the system's or the owner's, is used up.
    #[error("{}: the quota is used up", place(.path))]
    Quota {
        /// What was being written.
        path: Vec<u8>,
    },
    /// The file system is mounted read-only.
    #[error("{}: the file system is read-only", place(.path))]
    ReadOnly {
        /// What was asked for.
        path: Vec<u8>,
    },
    /// The system's permissions stand in the way.
    #[error("{}: permission denied", place(.path))]
    Denied {
        /// What was asked for.
        path: Vec<u8>,
    },
    /// Anything else the system said.
    #[error("{}: {}", place(.path), words(.source))]
    Io {
        /// What was asked for.
        path: Vec<u8>,
        /// The system's own words.
        source: std::io::Error,
    },
}

/// The rules of landline's own that a request can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The root of a share is the owner's to name and to keep.
    #[error("the share itself can't be created, moved, removed or replaced")]
    Root,
    /// A directory can't be moved to a place below itself.
    #[error("a directory can't be moved into itself")]
    IntoItself,
    /// A rename never copies, so both names must lie on one file system.
    #[error("the new name lies on another file system; copy it instead")]
    OtherDisk,
    /// The tree is deeper than any path of the share can be.
    #[error("holds more than {MAX_COMPONENTS} directories inside each other; remove it on the machine itself")]
    TooDeep,
    /// The directory was moved, removed or replaced while a file for it was arriving.
    #[error("the directory was moved, removed or replaced while the file was arriving")]
    FolderMoved,
    /// More bytes came than the sender announced.
    #[error("more bytes arrived than were announced")]
    MoreThanPlanned,
    /// A symbolic link of a stream would lead out of the tree that it came with.
    #[error("the link leads to a place outside the tree that is being copied")]
    LinkOutside,
}

impl TreeError {
    /// Gives an error number of the system its meaning at `path`.
    pub(in crate::files) fn at(path: &SharePath, errno: Errno) -> Self {
        Self::at_bytes(path.as_bytes().to_vec(), errno)
    }

    pub(super) fn at_bytes(path: Vec<u8>, errno: Errno) -> Self {
        match errno {
            Errno::NOENT => Self::NotFound { path },
            Errno::EXIST => Self::Exists { path },
            Errno::NOTEMPTY => Self::NotEmpty { path },
            Errno::ISDIR => Self::IsADirectory { path },
            Errno::NOTDIR => Self::NotADirectory { path },
            Errno::LOOP => Self::Crossing { path },
            Errno::NXIO => Self::WrongKind { path, kind: Kind::Other },
            Errno::NOSPC => Self::NoSpace { path },
            Errno::FBIG => Self::TooLarge { path },
            Errno::DQUOT => Self::Quota { path },
            Errno::ROFS => Self::ReadOnly { path },
            Errno::ACCESS | Errno::PERM => Self::Denied { path },
            Errno::XDEV => Self::Refused { path, why: Refusal::OtherDisk },
            other => Self::Io { path, source: other.into() },
        }
    }

    pub(in crate::files) fn refused(path: &SharePath, why: Refusal) -> Self {
        Self::Refused { path: path.as_bytes().to_vec(), why }
    }

    /// The word for programs that stands for this error on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::Refused { why: Refusal::MoreThanPlanned, .. } => ErrorCode::Integrity,
            Self::Refused { .. } | Self::Crossing { .. } => ErrorCode::Refused,
            Self::Exists { .. } | Self::Changed { .. } | Self::NotEmpty { .. } => ErrorCode::Conflict,
            Self::IsADirectory { .. } | Self::NotADirectory { .. } | Self::WrongKind { .. } => ErrorCode::WrongKind,
            Self::NoSpace { .. } | Self::TooLarge { .. } => ErrorCode::NoSpace,
            Self::Quota { .. } => ErrorCode::Quota,
            Self::ReadOnly { .. } => ErrorCode::ReadOnly,
            Self::Denied { .. } => ErrorCode::Denied,
            Self::Io { .. } => ErrorCode::Internal,
        }
    }
}

/// What the system said. Of its words for a broken disk hardly anybody would think of a disk.
fn words(source: &std::io::Error) -> String {
    match Errno::from_io_error(source) {
        Some(Errno::IO) => "the disk failed (input/output error)".to_owned(),
        _ => source.to_string(),
    }
}

/// A path as a person may see it; the share itself is `/`, as in grants.
pub(in crate::files) fn place(path: &[u8]) -> String {
    if path.is_empty() { "/".to_owned() } else { shown(path).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_escape_the_name_and_call_the_root_a_slash() {
        let hostile = SharePath::parse(b"a\x1b[2J\xff").unwrap();
        assert_eq!(TreeError::at(&hostile, Errno::NOENT).to_string(), "a\\u{1b}[2J\\xff: not found");
        assert_eq!(TreeError::at(&SharePath::root(), Errno::ACCESS).to_string(), "/: permission denied");
    }

    #[test]
    fn a_full_disk_and_a_used_up_quota_are_told_apart() {
        let path = SharePath::parse(b"x").unwrap();
        assert_eq!(TreeError::at(&path, Errno::NOSPC).code(), ErrorCode::NoSpace);
        assert_eq!(TreeError::at(&path, Errno::DQUOT).code(), ErrorCode::Quota);
        assert_eq!(TreeError::at(&path, Errno::DQUOT).to_string(), "x: the quota is used up");
    }

    #[test]
    fn a_broken_disk_is_called_a_disk() {
        let path = SharePath::parse(b"x").unwrap();
        assert_eq!(TreeError::at(&path, Errno::IO).to_string(), "x: the disk failed (input/output error)");
        assert_eq!(TreeError::at(&path, Errno::MFILE).to_string(), "x: Too many open files (os error 24)");
    }
}
