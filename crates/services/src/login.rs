//! Logging in: a user's password, once, enrols the key of a new machine; then the key does the work.
//!
//! `msg` is the wire form, [`serve`] the answering end, [`ask`] the asking end; [`slow`] holds off who guesses. The proof is in
//! `landline_trust::password`: the server never sees the password, both ends prove that they have it or its record, and the proof is
//! bound to both keys and this very connection, so a machine that logs in knows the server's key without having met it before.
//! Source: PROTOCOL.md §13.

pub mod ask;
pub mod msg;
pub mod serve;
pub mod slow;

pub use ask::{LoggedIn, LoginFault, login};
pub use msg::SERVICE;
