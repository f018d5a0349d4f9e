//! What the files service says on the wire. Source: PROTOCOL.md §7.
//!
//! A call is a sequence of requests, each answered before the next. `get` and `put` turn the call into a *copy
//! stream* for a while: items one way, acknowledgements the other, both at once, until `done`.

use landline_wire::{Fault, WireName};
use serde::{Deserialize, Serialize};

use super::tree::{Entry, Kind, Mtime};

/// The name by which this service is opened.
pub const SERVICE: &str = "files";

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
    },
    /// I send files; the copy stream follows at once, with paths in the share.
    Put {},
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
    /// The stream can't begin or go on; the last item.
    Error(Fault),
    /// How much there will be, as far as known when counted.
    Totals {
        /// Files.
        files: u64,
        /// Bytes of their contents.
        bytes: u64,
    },
    /// A directory, before what is in it.
    Dir {
        /// Where.
        path: WireName,
    },
    /// A directory, after all that is in it, with what is to be kept of it.
    DirEnd {
        /// Where.
        path: WireName,
        /// Permission bits.
        mode: u32,
        /// Time of last change.
        mtime: (i64, u32),
    },
    /// A file; its bytes follow in data frames, then `end` or `broken`. Files are numbered from 0 by their order.
    File {
        /// Where.
        path: WireName,
        /// How many bytes will come: a promise. A file of another length is not kept, whatever its `end` says.
        size: u64,
        /// Permission bits.
        mode: u32,
        /// Time of last change.
        mtime: (i64, u32),
    },
    /// All bytes of the file were sent.
    End {
        /// How many.
        size: u64,
        /// BLAKE3 of them in hex.
        hash: String,
    },
    /// The file's bytes can't be completed; what came of it is to be dropped.
    Broken(Fault),
    /// Something that is not sent, and why.
    Skip {
        /// Where.
        path: WireName,
        /// Why.
        fault: Fault,
    },
    /// Nothing to say but still here; sent when the source is slow.
    Working {},
    /// That was all.
    Finish {},
}

/// In a copy stream, from receiver to sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ack {
    /// The receiver can't go on; the last acknowledgement.
    Error(Fault),
    /// Every file with a lower number, except those reported as failed or broken, is published and durable.
    Kept {
        /// Number of the first file of which this is not said.
        below: u64,
    },
    /// A file that will not be kept, and why.
    Failed {
        /// Its number.
        file: u64,
        /// Why.
        fault: Fault,
    },
    /// A directory that could not be made or set, and why.
    DirFailed {
        /// Where, as the item said it.
        path: WireName,
        /// Why.
        fault: Fault,
    },
    /// Nothing to say but still here; sent when the disk is slow.
    Working {},
    /// All is published and durable, except what was reported.
    Done {
        /// Files kept.
        files: u64,
        /// Bytes of them.
        bytes: u64,
        /// Files and directories not kept.
        failed: u64,
    },
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
