//! Files: listing, looking, changing, and moving them whole between machines.
//!
//! `msg` is the wire form; [`tree`] the one module that opens paths from outside; [`engine`] publishes atomically;
//! [`copy`] moves trees over a call, or over several by [`streams`], where no other user is in `company`; [`serve`] answers a call, [`ask`] makes one; [`filter`] and [`watch`] serve both;
//! [`homes`] gives users a folder of their own; [`leftovers`] shows what was cut, [`selftest`] makes the disk fail to see what becomes of files.

pub mod ask;
mod company;
pub mod copy;
pub mod digest;
pub mod engine;
pub mod filter;
pub mod hashes;
pub mod homes;
pub mod leftovers;
pub mod memory;
pub mod msg;
pub mod records;
pub mod selftest;
pub mod serve;
pub mod streams;
pub mod tree;
pub mod verify;
pub mod watch;

pub use msg::{SERVICE, SERVICE_ROOT};
