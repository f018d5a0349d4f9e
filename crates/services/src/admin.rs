//! Managing a machine: inviting, revoking, users, who calls. For its owner over the UNIX socket, and from afar for users who are granted it.
//!
//! `msg` is the wire form, [`serve`] the running server's end, [`ask`] the command's; [`people`] changes users, also while no server
//! runs; `who` is what both ends know of running calls. Source: PROTOCOL.md §8.

pub mod ask;
pub mod msg;
pub mod people;
pub mod serve;
mod who;

pub use ask::Admin;
pub use msg::{Invitation, Revoked, SERVICE, Status};
pub use who::{CallRow, note_without_server};
pub(crate) use who::{from, note_first_invitation};
