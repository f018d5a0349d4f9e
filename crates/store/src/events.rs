//! What happened in the store, told to whoever must act on it at once (a live call of a revoked key ends).
//!
//! In: committed changes of this and other processes on the same home. Out: [`Event`] values by
//! [`Store::events`](crate::Store::events).
//! Invariant: an event is told only after its change is durable.

use landline_trust::key::PublicKey;

/// A committed change that somebody may be waiting for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The key is no longer enrolled: its live calls must end.
    KeyRevoked(PublicKey),
    /// The user of the key lost a right: the key's live calls were let in with it and must end.
    RightsLost(PublicKey),
    /// The key is known in place of one that named it as its successor.
    KeyFollowed(PublicKey),
    /// A confirmation failed and the code is gone: both humans must be told.
    CodeBurned {
        /// The code's number.
        number: u16,
    },
    /// The code was redeemed.
    CodeUsed {
        /// The code's number.
        number: u16,
        /// The key enrolled by it.
        key: PublicKey,
    },
}
