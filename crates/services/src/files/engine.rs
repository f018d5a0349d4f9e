//! The engine: how the bytes of a file become that file, all at once or not at all.
//!
//! In: a stream of entries and content, by [`LocalEngine::arrive`]. Out: published files that survive a power cut, or
//! errors and the old files untouched; of what was cut, partials that the next stream takes up.
//! Knows nothing of calls and users. Rooms: `arrival` is one stream; `partial` a file that comes in groups, with its
//! journal in a `table`; [`partials`] what lies of cut streams; [`deposit`] a single file that comes in order. Calls block: use them off the async threads.
//! Source: ARCHITECTURE.md, decision 7. Invariant: nobody ever sees a part of a file under its final name.

use blake3::Hash;
use landline_wire::ErrorCode;

use super::tree::{TreeError, place};

pub mod arrival;
pub mod deposit;
mod local;
mod partial;
pub mod partials;
mod patience;
#[doc(hidden)]
pub mod probe;
pub(in crate::files) mod table;

pub use arrival::{Arrival, Existing, Fate, PartialIndex, Plan, Policy, Published, Verdict};
pub use local::LocalEngine;

pub(in crate::files) use arrival::BACKUP;

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

#[cfg(test)]
mod tests;
