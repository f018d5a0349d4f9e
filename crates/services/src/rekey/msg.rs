//! What is said when a key has changed. Source: PROTOCOL.md §14.2.
//!
//! ```text
//! dialler                                            server
//!   ── moved {chain} ──────────────────────────────►   my key follows one that you know
//!   ◄──────────────────────────────────── known {} ──   I know you by this key
//!   ── follow {keys} ──────────────────────────────►   I know you by one of these
//!   ◄────────────────────────────── chain {chain} ───   this leads from it to the key that I show
//! ```

use landline_trust::key::{KEY_BYTES, PublicKey};
use landline_trust::rotation::Statement;
use landline_wire::{Blob, Fault};
use serde::{Deserialize, Serialize};

/// The name by which this service is opened.
pub const SERVICE: &str = "rekey";

/// Most keys in one question: several times what a contact pins.
pub const MOST_KEYS: usize = 16;

/// From the dialler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// The key that I show follows one that you know.
    Moved {
        /// Statements, oldest first.
        chain: Vec<Blob>,
    },
    /// How does the key that you show follow one of these?
    Follow {
        /// Public keys of 32 bytes, at most [`MOST_KEYS`].
        keys: Vec<Blob>,
    },
}

/// From the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The one refusal that strangers hear.
    Error(Fault),
    /// I know you by the key that you show.
    Known {},
    /// How my key follows one of yours.
    Chain {
        /// Statements, oldest first; the last leads to the key that I show.
        chain: Vec<Blob>,
    },
}

/// Statements as they are sent.
#[must_use]
pub fn blobs(statements: &[Statement]) -> Vec<Blob> {
    statements.iter().map(|statement| Blob(statement.encode().to_vec())).collect()
}

/// Statements as they came; [`landline_trust::rotation::Chain::decode`] judges them.
#[must_use]
pub fn bytes(blobs: &[Blob]) -> Vec<&[u8]> {
    blobs.iter().map(|blob| blob.0.as_slice()).collect()
}

/// The keys of a question; `None` if there are too many, or one is none.
#[must_use]
pub fn keys(blobs: &[Blob]) -> Option<Vec<PublicKey>> {
    if blobs.len() > MOST_KEYS {
        return None;
    }
    let key = |blob: &Blob| <[u8; KEY_BYTES]>::try_from(blob.0.as_slice()).ok().map(PublicKey::from_bytes);
    blobs.iter().map(key).collect()
}
