//! Proof: who somebody is, how two machines come to know each other, and who may do what.
//!
//! In: keys, codes, passwords, secrets, grants, and randomness as an argument. Out: evidence, or a refusal.
//! Knows nothing of sockets, clocks, files and terminals.
#![forbid(unsafe_code)]

pub mod challenge;
pub mod export;
pub mod grant;
pub mod introduction;
pub mod key;
pub mod password;
pub mod rotation;
pub mod stored;
pub mod stretch;
