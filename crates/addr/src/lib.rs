//! Where and who, by name.
//!
//! In: text and bytes that people, files and peers wrote. Out: types that can only hold what they may.
//! Knows nothing of sockets, lookups, clocks or terminals. The lowest floor: uses no other room.
//!
//! Nothing here escapes text for a screen: names from outside go through `wire::shown` on their way to one.
#![forbid(unsafe_code)]

pub mod code;
pub mod contact;
pub mod endpoint;
pub mod path;
pub mod raw;
pub mod source;
pub mod user;

/// The one port, TCP and UDP: L-I-N-E on a telephone.
pub const DEFAULT_PORT: u16 = 5463;
