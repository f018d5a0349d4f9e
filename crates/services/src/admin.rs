//! The owner's own service, over the UNIX socket: invite, revoke, look, end calls.
//!
//! `msg` is the wire form, [`serve`] the running server's end, [`ask`] the command's, `who` what both know of
//! running calls. Source: PROTOCOL.md §8.

pub mod ask;
pub mod msg;
pub mod serve;
mod who;

pub use ask::Admin;
pub use msg::{Invitation, Revoked, SERVICE, Status};
pub use who::{CallRow, note_revoked_without_server};
pub(crate) use who::{from, note_first_invitation};
