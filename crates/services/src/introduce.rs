//! Introductions: a one-time code makes two machines know each other's keys.
//!
//! `msg` is the wire form, [`serve`] the inviter's end, [`ask`] the joiner's. The proof itself is in
//! `landline_trust::introduction`; it binds the code to both keys and to this very TLS connection, so whoever stands
//! between fails at first contact. Source: PROTOCOL.md §6.

pub mod ask;
pub mod msg;
pub mod serve;

pub use ask::{Introduced, JoinError, join};
pub use msg::SERVICE;
