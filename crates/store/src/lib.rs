//! Memory: the home folder of a machine and the embedded database in it.
//!
//! In: domain values ([`User`], [`Contact`], [`OpenCode`], …) and the present time, always as an argument.
//! Out: the same values, kept across restarts and shared safely by several processes, and [`Event`]s of what changed.
//! The traits ([`Users`], [`Keys`], [`Contacts`], [`Codes`], [`Successors`]) are what the floors above know; [`Store`] implements them
//! over SQLite, and a database server can be put behind the same traits later.
//! What is written often and may be lost lies beside the database in small files: [`Partials`], [`Jobs`], [`Lanes`],
//! and the [`AuditLog`].
//! Ignorant of: protocol, sockets, and what a grant permits.
//! Invariant: no SQL and no type of the database library leaves this crate.
#![forbid(unsafe_code)]

mod audit;
mod codes;
mod contacts;
mod error;
mod events;
#[cfg(test)]
mod fixture;
mod folder;
mod home;
mod jobs;
mod keys;
mod lanes;
mod partials;
mod passwords;
mod sqlite;
mod successors;
mod users;

pub use audit::{AuditLog, AuditReader};
pub use codes::{Codes, OpenCode};
pub use contacts::{Contact, Contacts};
pub use error::{DatabaseFault, StoreError};
pub use events::Event;
pub use home::{Home, Rotated, ServeLock};
pub use jobs::{Job, JobKind, JobSummary, Jobs};
pub use keys::{EnrolledKey, Keys};
pub use lanes::Lanes;
pub use partials::{PartialNote, Partials};
pub use passwords::Passwords;
pub use sqlite::Store;
pub use successors::{Followed, Successors};
pub use users::{User, Users};
