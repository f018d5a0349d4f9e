//! The owner's own service, over the UNIX socket: invite, revoke, look.
//!
//! `msg` is the wire form, [`serve`] the running server's end, [`ask`] the command's. Source: PROTOCOL.md §8.

pub mod ask;
pub mod msg;
pub mod serve;

pub use ask::Admin;
pub use msg::{Invitation, Revoked, SERVICE, Status};
