//! What is said beforehand: by the sender of a file, by the receiver's user of what is there; and what is said after.
//!
//! In: nothing. Out: plain values, the words of an [`Arrival`](super::Arrival).

use std::path::Path;

use blake3::Hash;
use landline_addr::path::SharePath;

use crate::files::{
    engine::{Held, Owner, PublishError, SourceMark},
    tree::{Mtime, TreeError, Version},
};

/// What the sender says about a file before its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How many bytes will come, if the sender knows. Then it is a promise: more are refused, and so are fewer.
    pub size: Option<u64>,
    /// Permission bits of the published file; `& 0o777` is taken.
    pub mode: u32,
    /// Time of modification of the published file; `None` for the time of its last byte.
    pub mtime: Option<Mtime>,
    /// Which state of the source this is.
    pub source: SourceMark,
    /// The source has holes: zeros need not be written.
    pub sparse: bool,
    /// Other names of this file come later in the stream.
    pub linked: bool,
    /// Extended attributes, `user.*` only: names and values.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// BLAKE3 of the content, if the sender knows it beforehand; for [`Existing::ByHash`].
    pub hash: Option<Hash>,
}

/// What is to be done about what is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// When a file is the same already.
    pub existing: Existing,
    /// The old file stays beside the new one as `NAME~`, in place of an older one of that name.
    pub backup: bool,
    /// Publish only over a file that has this BLAKE3.
    pub if_match: Option<Hash>,
    /// New directories appear whole, with everything in them.
    pub trees: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { existing: Existing::Update, backup: false, if_match: None, trees: true }
    }
}

/// When a file that is there is the same as the one that would come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// If size, time and permissions agree; content is not read.
    #[default]
    Update,
    /// If the BLAKE3 of what is there is [`Plan::hash`].
    ByHash,
    /// Never: it is replaced.
    Always,
    /// What is there stays, and the new one is refused.
    Never,
}

/// What is to be done about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is here already as it should be: nothing is to be sent.
    Same,
    /// All of it is wanted.
    Want,
    /// A part is here from before, see there; the rest is wanted.
    Rest(Held),
}

/// A file or link that is there to stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Where.
    pub path: SharePath,
    /// Bytes; of a link, those of its target.
    pub size: u64,
    /// BLAKE3 of the bytes that were written; `None` for a link, and for what an earlier run left and nobody read again.
    pub hash: Option<Hash>,
    /// Which state of the file this is.
    pub version: Version,
}

/// What became of a part of the stream.
#[derive(Debug)]
pub enum Fate {
    /// A file or link is durable under its name.
    Kept {
        /// Its number.
        number: u64,
        /// What is there now.
        published: Published,
    },
    /// A file or link could not be kept; what had its name before is untouched.
    Failed {
        /// Its number.
        number: u64,
        /// Where it should have been.
        path: SharePath,
        /// Why not.
        fault: PublishError,
    },
    /// Something about a directory could not be done.
    DirFailed {
        /// The directory.
        path: SharePath,
        /// What and why.
        fault: TreeError,
    },
    /// A new tree got its name.
    TreePublished {
        /// Its top.
        path: SharePath,
    },
}

/// Told of partials that a person may want to know of: files of 8 MiB and more, and staged trees. Must not block long.
pub trait PartialIndex: Send + Sync {
    /// One was made or taken up. `dir`: absolute, as well as it can be known; `staging`: its name in there.
    fn born(&self, dir: &Path, staging: &str, target: &SharePath, owner: &Owner);
    /// One is no more: published or removed.
    fn gone(&self, dir: &Path, staging: &str);
}
