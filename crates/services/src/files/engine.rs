//! The engine: how the bytes of a file become that file, all at once or not at all.
//!
//! In: groups of bytes, and the hash that the sender says they have. Out: a published file that survives a power cut,
//! or an error and the old file untouched. `stage → put_group … → publish`, or `discard`.
//! Knows nothing of calls and users. [`LocalEngine`] keeps files in a [`Tree`](super::tree::Tree); an object store could
//! stand behind the same trait. Calls block: use them off the async threads.
//! Source: ARCHITECTURE.md, decision 7. Invariant: nobody ever sees a part of a file under its final name.

use blake3::Hash;
use landline_addr::path::SharePath;
use landline_wire::ErrorCode;

use super::tree::{Mtime, TreeError, Version, place};

pub mod arrival;
mod local;
mod partial;
pub mod partials;
#[doc(hidden)]
pub mod probe;
pub(in crate::files) mod table;

pub use arrival::{Arrival, Existing, Fate, PartialIndex, Policy, Verdict};
pub use local::{LocalEngine, Staged};

/// Which state of the source a transfer reads: opaque, equal only if the source is the same file, unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceMark(pub [u8; 16]);

/// Who a partial belongs to: only the same owner takes it up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// BLAKE3 of what identifies the peer: its key or its uid.
    pub id: [u8; 32],
    /// For people; shown escaped.
    pub label: String,
}

/// What is verified of a partial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The state of the source it was taken from.
    pub source: SourceMark,
    /// Sorted, disjoint, non-empty half-open runs of group numbers.
    pub runs: Vec<(u64, u64)>,
}

/// Bytes in one group, the unit in which files travel; the last of a file may be shorter.
pub const GROUP: usize = 1 << 20;

/// What the sender says about a file before its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many bytes will come, if the sender knows. Then it is a promise: more are refused, and so are fewer.
    pub size: Option<u64>,
    /// Permission bits of the published file; `& 0o777` is taken.
    pub mode: u32,
    /// Time of modification of the published file; `None` for the time of its last byte.
    pub mtime: Option<Mtime>,
    /// What has to be there for this to be published; `None` to replace whatever is there.
    pub if_match: Option<IfMatch>,
}

/// A condition on what a publication replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// Nothing may have that name: the file is new.
    Absent,
    /// What has that name must still be this version of it.
    Same(Version),
}

/// A file that is there to stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Where.
    pub path: SharePath,
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of the bytes that were written.
    pub hash: Hash,
    /// To say [`IfMatch::Same`] with the next time.
    pub version: Version,
}

/// Why a file was not published. The old file, if there is one, is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The tree said no.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The bytes that arrived are not the bytes that were sent.
    #[error("{}: the bytes that arrived are not those that were sent (BLAKE3 {got}, expected {expected})", place(.path))]
    Integrity {
        /// The file, raw.
        path: Vec<u8>,
        /// What the sender says.
        expected: Hash,
        /// What was written.
        got: Hash,
    },
    /// The sender announced more bytes than it sent.
    #[error("{}: {got} bytes arrived, {planned} were announced", place(.path))]
    Short {
        /// The file, raw.
        path: Vec<u8>,
        /// Bytes announced.
        planned: u64,
        /// Bytes written.
        got: u64,
    },
}

impl PublishError {
    /// The word for programs that stands for this error on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Tree(error) => error.code(),
            Self::Integrity { .. } | Self::Short { .. } => ErrorCode::Integrity,
        }
    }
}

/// Where files are kept.
pub trait Engine: Send + Sync {
    /// A file that is still arriving. Dropping it discards it.
    type Staged: Send;

    /// Makes room for a file that shall become `target`, and its missing parents.
    ///
    /// # Errors
    /// Whatever can be known before the first byte: no space for [`Plan::size`], a directory or another version at
    /// `target`, no permission.
    fn stage(&self, target: &SharePath, plan: &Plan) -> Result<Self::Staged, TreeError>;

    /// Adds bytes at the end. After an error nothing of `group` counts: the same may be put again.
    ///
    /// # Errors
    /// [`TreeError::NoSpace`] and its like; [`Refusal::MoreThanPlanned`](super::tree::Refusal::MoreThanPlanned).
    fn put_group(&self, staged: &mut Self::Staged, group: &[u8]) -> Result<(), TreeError>;

    /// Publishes files, each if its bytes have the hash that the sender says; one outcome for each, in the same order.
    ///
    /// When this returns, every file with an `Ok` survives a power cut. Many small files at once are far cheaper than
    /// one by one. Each staged file holds an open file: keep a batch below the process's limit of those.
    fn publish(&self, batch: Vec<(Self::Staged, Hash)>) -> Vec<Result<Published, PublishError>>;

    /// Forgets a file that shall not be published.
    fn discard(&self, staged: Self::Staged) {
        drop(staged);
    }
}

#[cfg(test)]
mod tests;
