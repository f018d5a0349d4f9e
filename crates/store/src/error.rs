//! What can go wrong with memory, in words: what, which file, why, and what to do about it.
//!
//! In: faults of the file system and of the database. Out: one enum for the crate, sorted by what the caller does next.
//! Invariant: no secret (seed, code word) ever appears in a message.

use std::io;
use std::path::PathBuf;

use landline_addr::contact::ContactName;

/// Why the home folder or its database could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No flag, no variable and no home directory say where the state folder is.
    #[error("cannot tell where the state folder is: set LANDLINE_HOME, or HOME")]
    NoHome,
    /// The operating system refused a file operation.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// A verb and its object, to be followed by the path.
        doing: &'static str,
        /// The file concerned.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The state folder belongs to another user.
    #[error("{} belongs to uid {owner}, and you are uid {you}: run as its owner, or choose another folder with LANDLINE_HOME", path.display())]
    NotYours {
        /// The folder or file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        you: u32,
    },
    /// Others may write in the state folder, so they could exchange the key.
    #[error("other users may write in the state folder {} (mode {mode:04o}): chmod 700 {}", path.display(), path.display())]
    HomeExposed {
        /// The state folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others may read the machine key, so it may no longer be secret.
    #[error("other users may read the machine key {} (mode {mode:04o}): chmod 600 {}", path.display(), path.display())]
    KeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file is not what landline wrote.
    #[error("the machine key {} is damaged ({why}): put back a copy, or move it away to get a new identity", path.display())]
    KeyDamaged {
        /// The key file.
        path: PathBuf,
        /// Which part is wrong; never the content.
        why: &'static str,
    },
    /// The list of the statements by which keys followed each other is not what landline wrote.
    #[error("{} is damaged ({why}): put back a copy, or move it away; who knows only an older key must then be introduced anew", path.display())]
    SuccessorsDamaged {
        /// The file.
        path: PathBuf,
        /// Which part is wrong.
        why: &'static str,
    },
    /// The system's random source failed.
    #[error("the system gave no random bytes for a new machine key: {0}")]
    Random(#[source] getrandom::Error),
    /// Another process serves this home.
    #[error("already serving: process {pid} holds {}", path.display())]
    AlreadyServing {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        pid: u32,
    },
    /// Something holds the lock and has not said who it is.
    #[error("{} is held by a process that wrote no process number into it", path.display())]
    LockNameless {
        /// The lock file.
        path: PathBuf,
    },
    /// The folder for the socket is not ours alone.
    #[error("{} cannot hold our socket: {why}; remove it, or set XDG_RUNTIME_DIR to a folder of yours", path.display())]
    SocketDir {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The database was written by a newer landline.
    #[error("{} was written by a newer landline (schema {found}, this one knows up to {known}): upgrade landline", path.display())]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// Its schema number.
        found: i64,
        /// The newest number this program knows.
        known: i64,
    },
    /// Another process kept the database locked for longer than we wait.
    #[error("{} is kept busy by another process: try again, or end that process", path.display())]
    Busy {
        /// The database file.
        path: PathBuf,
    },
    /// The disk under the database is full.
    #[error("no space left for {}", path.display())]
    NoSpace {
        /// The database file.
        path: PathBuf,
    },
    /// The database file is not one, or is broken.
    #[error("{} is damaged or not a database: put back a copy, or move it away to start empty", path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
    },
    /// The database holds a value that this program cannot read: nothing is decided from it.
    #[error("{} holds a {what} that cannot be read", path.display())]
    UnreadableRow {
        /// The database file.
        path: PathBuf,
        /// The kind of value.
        what: &'static str,
    },
    /// Any other fault of the database.
    #[error("the database {} failed: {source}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// What the library said.
        source: DatabaseFault,
    },
    /// The runtime is shutting down and takes no more work.
    #[error("the store is closing")]
    Closing,
    /// A code with this number is open already.
    #[error("code number {number} is in use")]
    NumberTaken {
        /// The number asked for.
        number: u16,
    },
    /// Every code number is in use.
    #[error("all code numbers are in use: wait until one expires, or withdraw one")]
    NoFreeNumber,
    /// No user of this name exists.
    #[error("there is no user {name:?}")]
    UnknownUser {
        /// The name asked for.
        name: String,
    },
    /// A user of this name exists already.
    #[error("there is a user {name} already")]
    UserTaken {
        /// The name asked for.
        name: String,
    },
    /// The default user can't be removed: invitations enrol to it.
    #[error("{name} is who machines are invited as unless another user is named, and stays; its grants can be revoked")]
    DefaultUser {
        /// Its name.
        name: String,
    },
    /// The user has no such right.
    #[error("{name} has no grant {grant:?}")]
    NotGranted {
        /// The user.
        name: String,
        /// The text of the grant.
        grant: String,
    },
    /// No contact of this name exists.
    #[error("there is no contact {name}")]
    UnknownContact {
        /// The name asked for.
        name: ContactName,
    },
    /// The name belongs to a contact with other keys.
    #[error("the name {name} is taken by another machine: choose another name, or remove that contact first")]
    ContactTaken {
        /// The name asked for.
        name: ContactName,
    },
    /// More than one entry of a memory may take.
    #[error("{what} is too large to be remembered: {size}, at most {limit}")]
    TooLarge {
        /// The kind of entry, and what of it was counted.
        what: &'static str,
        /// How much there is.
        size: usize,
        /// How much there may be.
        limit: usize,
    },
    /// An entry that could not be read back.
    #[error("{what} cannot be remembered: {why}")]
    Unfit {
        /// The kind of entry.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A contact without a key would be a name that proves nothing.
    #[error("contact {name} has no key")]
    ContactWithoutKey {
        /// The contact's name.
        name: ContactName,
    },
}

/// A fault that the database library reported. Opaque, so that its types stay inside.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseFault(pub(crate) rusqlite::Error);

impl StoreError {
    /// For `map_err` on file operations: `doing` is a verb and its object, such as "read the key".
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.into();
        move |source| StoreError::Io { doing, path, source }
    }
}
