//! The challenge of raw sockets: a short talk by HMAC, before anything else, that proves a shared key.
//!
//! ```text
//! hmac-md5, hmac-sha256                              mutual
//!   Challenger              Answerer                   Challenger              Answerer
//!     start   -- nonce ------>  answer                   start   -- nonce ------>  answer
//!     judge   <- HMAC ------    Done                     judge   <- nonce, proof -
//!   Proved                                             Proved    -- proof ------>  AwaitProof::judge
//!                                                                                Proved
//! ```
//!
//! In: a [`Secret`], nonces, the TLS exporter where there is one, the other side's bytes. Out: bytes to send, the exact
//! number to read next, and in the end [`Proved`] or [`ChallengeError::Refused`].
//! Knows nothing of sockets, clocks and randomness: deadlines, penalties and closing without a word are the caller's.
//! Source: PROTOCOL.md §11; HMAC after RFC 2104. `hmac-md5` is what Python tutorials of the last decade teach.
//!
//! What it does not do: without TLS nothing after the challenge is protected, and whoever stands between the two may pass a
//! right talk on and then take the connection over. Only `mutual` over TLS, bound to the exporter, stops that. Who listens,
//! or has itself answered, can test guesses of the key at home: the key must be random, not a word
//! ([`Secret::is_short`]; short codes are for [`crate::introduction`]). The one-way schemes sign whatever nonce a false
//! server sends, and prove nothing about the server.
//!
//! Invariant: a step is used up by what it judges or answers, right or wrong. One nonce, one answer.

use std::fmt;

mod answerer;
mod challenger;
mod mac;
mod scheme;
mod secret;

pub use answerer::{Answered, Answerer, AwaitProof};
pub use challenger::Challenger;
pub use mac::hmac_md5;
pub use scheme::Scheme;
pub use secret::{LONGEST_SECRET_BYTES, SHORT_SECRET_BYTES, Secret};

/// Bytes in a nonce, and so in what the server sends first in every scheme.
pub const NONCE_LEN: usize = 32;

/// Bytes in a proof of `mutual`, and in the server's last message there.
pub const PROOF_LEN: usize = 32;

/// Bytes of the TLS exporter (RFC 8446 §7.5) that `mutual` is bound to.
pub const EXPORTER_LEN: usize = 32;

/// The label under which that exporter is drawn, without a context. PROTOCOL.md §11.2.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-landline-challenge";

/// Why a talk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// The other side did not prove the key. Whatever the reason, there is this one word for it, so that none can leak:
    /// hang up without saying anything.
    #[error("the other side does not hold the key")]
    Refused,
    /// Our own caller's fault: these are not the bytes that the step asked for. Says nothing about the peer.
    #[error("a step of the challenge takes {wanted} bytes and was given {given}")]
    Misread {
        /// Bytes that the step takes.
        wanted: usize,
        /// Bytes that it was handed.
        given: usize,
    },
}

/// Why settings make no challenge.
///
/// ```
/// use landline_trust::challenge::{Scheme, Secret, SetupError};
///
/// assert_eq!("rot13".parse::<Scheme>(), Err(SetupError::UnknownScheme));
/// assert_eq!(Secret::new("").err(), Some(SetupError::EmptySecret));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A secret of no bytes at all, which everybody knows.
    #[error("the key of a challenge is empty")]
    EmptySecret,
    /// A secret longer than [`LONGEST_SECRET_BYTES`]: most likely another file than was meant.
    #[error("the key of a challenge has more than 1024 bytes")]
    LongSecret,
    /// No scheme has this name.
    #[error("unknown scheme; there are \"hmac-md5\", \"hmac-sha256\" and \"mutual\"")]
    UnknownScheme,
}

/// Evidence that the other side holds the key, on this connection and now. The private field leaves
/// [`Challenger::judge`] and [`AwaitProof::judge`] as its only sources; it cannot be copied.
///
/// ```compile_fail,E0451
/// use landline_trust::challenge::{Proved, Scheme};
/// let forged = Proved { scheme: Scheme::Mutual };
/// ```
#[must_use = "what a peer may do depends on this evidence"]
#[derive(PartialEq, Eq)]
pub struct Proved {
    scheme: Scheme,
}

impl Proved {
    /// By which scheme it was proven.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }
}

impl fmt::Debug for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proved({})", self.scheme)
    }
}

/// What was read, as the step wants it. The error is the caller's: a peer that sends less has not finished the step.
fn exactly<const N: usize>(given: &[u8]) -> Result<&[u8; N], ChallengeError> {
    given.try_into().map_err(|_| ChallengeError::Misread { wanted: N, given: given.len() })
}

#[cfg(test)]
mod tests;
