//! What the files service says on the wire. Source: PROTOCOL.md §7.
//!
//! A call is a sequence of requests, each answered before the next. `get` and `put` turn the call into a *copy
//! stream* for a while: items one way, acknowledgements the other, both at once, until `done`.

use landline_wire::{Fault, WireName};
use serde::{Deserialize, Serialize};

use super::{
    copy::press::When,
    engine::Existing,
    streams::StreamId,
    tree::{Entry, Kind, Mtime},
};

/// The name by which this service is opened: paths begin in the caller's home if he has one, else in the share.
pub const SERVICE: &str = "files";

/// The same with paths that begin in the share, if anything there is granted to the caller.
pub const SERVICE_ROOT: &str = "files/root";

/// Most entries in one `entries` message: ordinary names stay far under the limit of a message; where they do not, the
/// message holds fewer.
pub const ENTRIES_PER_MESSAGE: usize = 64;

/// From the one who dialled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// What is in this directory? Answered by `entries` messages.
    List {
        /// Path in the share.
        path: WireName,
    },
    /// What is this? Answered by `entry`.
    Stat {
        /// Path in the share.
        path: WireName,
        /// Whether the content is to be hashed too, which takes as long as reading it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        hash: bool,
    },
    /// Send me this file or tree. Answered by a copy stream with paths relative to `path`.
    Get {
        /// Path in the share.
        path: WireName,
        /// Patterns of names that are not wanted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exclude: Vec<String>,
        /// Whether a `totals` item is wanted early, for a progress display.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        totals: bool,
        /// Whether the hash of each file is told before its content.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_hash: bool,
        /// Whether names of one file are told to be that.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        hard_links: bool,
        /// Whether extended attributes (`user.*`) are told.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        attributes: bool,
        /// Bytes a second at most; 0 for no limit.
        #[serde(default, skip_serializing_if = "is_zero")]
        rate: u64,
        /// When content is compressed.
        #[serde(default, skip_serializing_if = "PressMsg::is_default")]
        press: PressMsg,
        /// What other calls name this stream by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stream: Option<StreamId>,
    },
    /// I send files; the copy stream follows at once, with paths in the share.
    Put {
        /// What becomes of files that are there already.
        #[serde(default, skip_serializing_if = "ExistingMsg::is_default")]
        existing: ExistingMsg,
        /// Whether a file that is replaced stays beside as `NAME~`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        backup: bool,
        /// Publish only over a file with this BLAKE3 (hex).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_match: Option<String>,
        /// What other calls name this stream by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stream: Option<StreamId>,
    },
    /// Let this call carry groups of a copy stream that runs on another one. Answered by `done`, then the lane begins.
    Lane {
        /// Which.
        of: StreamId,
    },
    /// What is in a tree, with the hash of each file; records, then `done`.
    Hashes {
        /// The top of it.
        path: WireName,
        /// Names that are left out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exclude: Vec<String>,
    },
    /// Make a directory.
    MakeDir {
        /// Path in the share.
        path: WireName,
        /// Whether missing parents are made too, and an existing directory is fine.
        #[serde(default)]
        parents: bool,
    },
    /// Give something another name.
    Move {
        /// What it is called.
        from: WireName,
        /// What it shall be called.
        to: WireName,
        /// Whether something that is called so may be replaced.
        #[serde(default)]
        replace: bool,
    },
    /// How much room is there? Answered by `space`.
    Space {},
    /// Delete something.
    Remove {
        /// Path in the share.
        path: WireName,
        /// Whether a directory goes with all that is in it.
        #[serde(default)]
        recursive: bool,
    },
}

/// To the one who dialled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Not done, and why.
    Error(Fault),
    /// Done.
    Done {},
    /// Still at it; sent when an answer takes long.
    Working {},
    /// Part of a directory.
    Entries {
        /// Sorted by the bytes of their names.
        entries: Vec<EntryMsg>,
        /// Whether another `entries` follows.
        more: bool,
    },
    /// One thing.
    Entry {
        /// What it is.
        entry: EntryMsg,
        /// BLAKE3 of its content in hex, if asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<String>,
    },
    /// How much room there is.
    Space(SpaceMsg),
}

/// How much room there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceMsg {
    /// Who asks, as this machine calls him.
    pub user: String,
    /// Whether paths begin in his home.
    pub home: bool,
    /// Bytes that the home holds, if it has a quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// Bytes that it may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// Bytes that can still be written to the disk below.
    pub free: u64,
    /// Bytes of that disk.
    pub total: u64,
}

/// One thing in a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryMsg {
    /// Its last name; empty for the root.
    pub name: WireName,
    /// What it is.
    pub kind: KindMsg,
    /// Bytes of content, for files.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// When its content changed: seconds and nanoseconds since 1970-01-01 UTC.
    pub mtime: (i64, u32),
    /// Where a link points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<WireName>,
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KindMsg {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A device, pipe or socket, or a word of a later version.
    #[serde(other)]
    Other,
}

/// In a copy stream, from sender to receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// The stream can't begin or go on; the call ends.
    Error(Fault),
    /// What will come, as far as counted; a hint for progress.
    Totals {
        /// Files.
        files: u64,
        /// Bytes of all of them.
        bytes: u64,
    },
    /// A file can't be completed; what came of it counts only as a partial.
    Broken {
        /// Its number.
        file: u64,
        /// Why.
        fault: Fault,
    },
    /// Something that is not sent.
    Skip {
        /// Where it would have been, relative to what is copied.
        path: WireName,
        /// Why.
        fault: Fault,
    },
    /// Still here.
    Working {
        /// What the sender has been busy with since the stream began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        load: Option<LoadMsg>,
    },
    /// That was all.
    Finish {},
}

/// What the receiver of a copy stream says in words; what it says by the thousand are [records](super::records).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ack {
    /// The receiver can't go on; the call ends.
    Error(Fault),
    /// This file will not be kept; its content need not come.
    Failed {
        /// Its number.
        file: u64,
        /// Why.
        fault: Fault,
    },
    /// This directory was not made, or not given its mode and time, or not its name.
    DirFailed {
        /// Which, relative to what is copied.
        path: WireName,
        /// Why.
        fault: Fault,
    },
    /// A directory that was new has its name now, with all that is in it.
    Tree {
        /// Which, relative to what is copied.
        path: WireName,
    },
    /// Still here.
    Working {
        /// What the receiver has been busy with since the stream began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        load: Option<LoadMsg>,
    },
    /// All that was sent is published and durable but what was reported.
    Done {
        /// Files that were kept.
        files: u64,
        /// Bytes of them.
        bytes: u64,
        /// Files and directories that were not.
        failed: u64,
        /// What the receiver was busy with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        load: Option<LoadMsg>,
    },
}

/// On a lane, from the sender of its stream to the receiver, besides groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LaneItem {
    /// Still here.
    Working {},
    /// No more groups come over this lane.
    Finish {
        /// There are more, for other calls.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        early: bool,
    },
}

/// On a lane, from the receiver of its stream to the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LaneAck {
    /// Still here.
    Working {},
    /// This lane is not needed any more; what is on its way still counts.
    Enough {},
    /// Answers `finish`: the call can be used for another request.
    Done {},
}

/// What an end has been busy with, in milliseconds since the stream began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadMsg {
    /// Reading from or writing to the disk.
    pub disk: u64,
    /// Hashing.
    pub hash: u64,
    /// Making durable.
    pub sync: u64,
}

/// What becomes of files that are there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExistingMsg {
    /// The same size, time and mode: nothing is done.
    #[default]
    Update,
    /// The same content: nothing is done.
    ByHash,
    /// They are replaced, whatever they are.
    Always,
    /// They stay, whatever they are.
    Never,
}

/// How a policy is said, and whether the sender has to hash before it tells.
#[must_use]
pub fn existing_msg(existing: Existing) -> (ExistingMsg, bool) {
    match existing {
        Existing::Update => (ExistingMsg::Update, false),
        Existing::ByHash => (ExistingMsg::ByHash, true),
        Existing::Always => (ExistingMsg::Always, false),
        Existing::Never => (ExistingMsg::Never, false),
    }
}

impl From<ExistingMsg> for Existing {
    fn from(said: ExistingMsg) -> Self {
        match said {
            ExistingMsg::Update => Self::Update,
            ExistingMsg::ByHash => Self::ByHash,
            ExistingMsg::Always => Self::Always,
            ExistingMsg::Never => Self::Never,
        }
    }
}

impl ExistingMsg {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// When content is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PressMsg {
    /// Where a sample says that it pays.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl PressMsg {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl From<When> for PressMsg {
    fn from(when: When) -> Self {
        match when {
            When::Auto => Self::Auto,
            When::Always => Self::Always,
            When::Never => Self::Never,
        }
    }
}

impl From<PressMsg> for When {
    fn from(said: PressMsg) -> Self {
        match said {
            PressMsg::Auto => Self::Auto,
            PressMsg::Always => Self::Always,
            PressMsg::Never => Self::Never,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl From<&Entry> for EntryMsg {
    fn from(entry: &Entry) -> Self {
        let kind = match entry.kind {
            Kind::File => KindMsg::File,
            Kind::Dir => KindMsg::Dir,
            Kind::Link => KindMsg::Link,
            Kind::Other => KindMsg::Other,
        };
        Self {
            name: WireName(entry.name.clone()),
            kind,
            size: entry.size,
            mode: entry.mode,
            mtime: (entry.mtime.secs(), entry.mtime.nanos()),
            target: entry.link_target.clone().map(WireName),
        }
    }
}

impl From<EntryMsg> for Entry {
    fn from(said: EntryMsg) -> Self {
        let kind = match said.kind {
            KindMsg::File => Kind::File,
            KindMsg::Dir => Kind::Dir,
            KindMsg::Link => Kind::Link,
            KindMsg::Other => Kind::Other,
        };
        Self {
            name: said.name.0,
            kind,
            size: said.size,
            mode: said.mode,
            mtime: mtime_of(said.mtime).unwrap_or(Mtime::EPOCH),
            link_target: said.target.map(|target| target.0),
            inode: 0,
            dev: 0,
        }
    }
}

/// A time from the wire; nanoseconds that make no sense count as none.
#[must_use]
pub fn mtime_of((secs, nanos): (i64, u32)) -> Option<Mtime> {
    Mtime::new(secs, nanos).or_else(|| Mtime::new(secs, 0))
}
