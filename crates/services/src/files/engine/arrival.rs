//! One stream's arrival: directories, files, links and groups as they come, and what became of each.
//!
//! In: entries in the order of the stream (depth first) and their content in any order. Out: a [`Verdict`] for each entry
//! at once, and [`Fate`]s once things are durable and have their names.
//! Knows nothing of calls and users. Calls block: use them off the async threads.
//! Invariant: a file under its final name is whole, and a new tree appears whole.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use blake3::Hash;
use landline_addr::path::{PathError, SharePath};

use super::{LocalEngine, Owner, PublishError, patience::Patience};
use crate::files::digest::{GROUP_BYTES, HashedFile, HashedGroup, HashedHole};
use crate::files::tree::{Held as Dir, Mtime, TreeError};

mod announce;
mod content;
mod dirs;
mod existing;
mod header;
mod links;
mod merge;
mod own;
mod plan;
mod publish;
mod rooms;
mod small;
mod stage;
mod tags;
mod told;
mod trees;

pub(in crate::files) use existing::BACKUP;
pub(in crate::files) use header::Header;
pub use plan::{Existing, Fate, PartialIndex, Plan, Policy, Published, Verdict};

use content::{Incoming, Ready};
use links::Origin;
use rooms::{RoomId, Rooms};
use stage::{Stage, StageId};

/// The receiving side of one stream. One thread at a time.
///
/// Dropped without [`Self::finish`] or [`Self::cut`], nothing more is published; partials and staged trees stay.
#[derive(Debug)]
pub struct Arrival {
    engine: Arc<LocalEngine>,
    base: SharePath,
    owner: Owner,
    policy: Policy,
    rooms: Rooms,
    /// The directories that the stream is in, each inside the one before.
    inside: Vec<RoomId>,
    /// The room of entries that are in none of them.
    outermost: Option<RoomId>,
    files: HashMap<u64, Incoming>,
    /// How many of `files` have an open partial.
    partials: usize,
    uses: u64,
    origins: HashMap<u64, Origin>,
    /// Complete files for directories that others can see, and what they come to.
    ready: Vec<Ready>,
    ready_bytes: u64,
    ready_partials: usize,
    open_small: usize,
    stages: HashMap<StageId, Stage>,
    next_stage: u64,
    next_scratch: u64,
    /// By file system: a handle that is older than anything this arrival wrote there; `None` if there can't be one.
    witnesses: HashMap<u64, Option<OwnedFd>>,
    /// What is to be told with the next flush.
    fates: Vec<Fate>,
    /// When it was first seen that something is ready to be published.
    waiting: Option<Instant>,
    /// For names that another stream holds.
    patience: Patience,
}

impl Arrival {
    pub(super) fn new(engine: Arc<LocalEngine>, base: SharePath, owner: Owner, policy: Policy) -> Self {
        Self {
            engine,
            base,
            owner,
            policy,
            rooms: Rooms::default(),
            inside: Vec::new(),
            outermost: None,
            files: HashMap::new(),
            partials: 0,
            uses: 0,
            origins: HashMap::new(),
            ready: Vec::new(),
            ready_bytes: 0,
            ready_partials: 0,
            open_small: 0,
            stages: HashMap::new(),
            next_stage: 0,
            next_scratch: 0,
            witnesses: HashMap::new(),
            fates: Vec::new(),
            waiting: None,
            patience: Patience::new(),
        }
    }

    /// Another patience than that of a test.
    #[cfg(test)]
    pub(super) fn set_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// Where a path of the stream lies in the share: the base, the directories that are open, and `relative`.
    ///
    /// # Errors
    /// [`PathError::TooLong`] or [`PathError::TooDeep`].
    pub fn place(&self, relative: &SharePath) -> Result<SharePath, PathError> {
        match self.inside.last().and_then(|id| self.rooms.get(*id)) {
            Some(room) => room.path.append(relative),
            None => self.base.append(relative),
        }
    }

    /// Enters a directory, made if it is missing. `relative`: one name inside a directory; at the top any path, or the
    /// empty one, which is the base.
    ///
    /// # Errors
    /// As the tree says; then nothing was entered.
    pub fn dir(&mut self, relative: &SharePath) -> Result<(), TreeError> {
        self.enter(relative)
    }

    /// Leaves the innermost directory. Its mode and time are set once all in it is settled.
    pub fn dir_end(&mut self, mode: u32, mtime: Option<Mtime>) {
        self.leave(mode, mtime);
    }

    /// How many directories are open.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.inside.len()
    }

    /// A file is to come. Numbers count up but may have gaps.
    ///
    /// # Errors
    /// Whatever can be known before the first byte.
    pub fn file(&mut self, number: u64, relative: &SharePath, plan: Plan) -> Result<Verdict, TreeError> {
        self.announce(number, relative, plan)
    }

    /// A symbolic link. [`Verdict::Want`] means taken: it is made after everything else of its directory.
    ///
    /// # Errors
    /// [`Refusal::LinkOutside`](crate::files::tree::Refusal) for a target that leads out of the tree that it came with:
    /// out of the outermost directory that the stream is in; out of its own directory if the stream is in none.
    pub fn link(
        &mut self,
        number: u64,
        relative: &SharePath,
        target: &[u8],
        mtime: Option<Mtime>,
    ) -> Result<Verdict, TreeError> {
        self.take_link(number, relative, target, mtime)
    }

    /// Another name of file `first` of this stream, made when that one is published. `first` was planned as `linked`.
    ///
    /// # Errors
    /// As [`Self::file`]; [`TreeError::NotFound`] if there is no such file.
    pub fn hard_link(&mut self, number: u64, relative: &SharePath, first: u64) -> Result<Verdict, TreeError> {
        self.take_hard_link(number, relative, first)
    }

    /// All content of a small file at once, at most 512 KiB. `hash`, which the sender told, is compared before anything
    /// is written.
    ///
    /// # Errors
    /// [`PublishError`]; then the file is forgotten.
    pub fn whole(&mut self, number: u64, whole: &HashedFile<'_>, hash: Hash) -> Result<(), PublishError> {
        self.put_whole(number, whole, hash)
    }

    /// A group of a file that got [`Verdict::Want`] or [`Verdict::Rest`].
    ///
    /// # Errors
    /// [`PublishError`]; the same may be put again.
    pub fn group(&mut self, number: u64, group: &HashedGroup<'_>) -> Result<(), PublishError> {
        self.put_group(number, group)
    }

    /// What a group begins with that is here from before; none if it isn't, or can't be told any more.
    #[must_use]
    pub fn tag(&self, number: u64, index: u64) -> Option<[u8; 8]> {
        self.tag_of(number, index)
    }

    /// Groups of zeros.
    ///
    /// # Errors
    /// As [`Self::group`].
    pub fn hole(&mut self, number: u64, hole: &HashedHole) -> Result<(), PublishError> {
        self.put_hole(number, hole)
    }

    /// Everything of it was sent. Groups may still come over another lane: it is complete once all are there.
    ///
    /// # Errors
    /// [`PublishError::Integrity`], then the partial was removed, because it would mislead for ever.
    pub fn end(&mut self, number: u64, size: u64, hash: Hash) -> Result<(), PublishError> {
        self.put_end(number, size, hash)
    }

    /// How many groups of a file are here from its first one on, without a gap.
    #[must_use]
    pub fn begun(&self, number: u64) -> u64 {
        let partial = self.files.get(&number).and_then(|file| file.partial.as_ref());
        let first = partial.and_then(|partial| partial.held().runs.first().copied());
        first.filter(|(from, _)| *from == 0).map_or(0, |(_, to)| to)
    }

    /// What a file lacks of which everything was sent; `None` if it is complete.
    #[must_use]
    pub fn lack(&self, number: u64) -> Option<PublishError> {
        let file = self.files.get(&number)?;
        let (planned, _) = file.ended?;
        let runs = file.partial.as_ref().map(|partial| partial.held().runs).unwrap_or_default();
        let groups: u64 = runs.iter().map(|(from, to)| to.saturating_sub(*from)).sum();
        let got = groups.saturating_mul(GROUP_BYTES).min(planned);
        Some(PublishError::Short { path: file.target.as_bytes().to_vec(), planned, got })
    }

    /// The sender can't complete it. What is worth keeping of it stays for another time.
    pub fn broken(&mut self, number: u64) {
        self.give_up(number);
    }

    /// Whether enough is collected for [`Self::flush`] to be worth it, or something waits for that long enough.
    ///
    /// To be asked now and then while content comes: what waits is seen only here.
    #[must_use]
    pub fn wants_flush(&mut self, now: Instant) -> bool {
        self.is_worth_a_flush(now)
    }

    /// Makes durable and publishes what is complete; finishes directories that are.
    pub fn flush(&mut self) -> Vec<Fate> {
        self.publish_all()
    }

    /// The stream has ended: everything, then links, directories, staged trees.
    pub fn finish(&mut self) -> Vec<Fate> {
        let open: Vec<u64> = self.files.keys().copied().collect();
        for number in open {
            self.give_up(number);
        }
        self.publish_ready();
        self.give_up_origins();
        self.leave_outermost();
        self.flush()
    }

    /// The line is gone: what is complete in directories that existed before is published; staged trees and partials
    /// stay for the next run.
    pub fn cut(&mut self) -> Vec<Fate> {
        let mut fates = self.flush();
        self.record_stages(true);
        fates.append(&mut self.fates); // what is durable in a staged tree is kept
        fates
    }

    fn handle(&mut self, room: RoomId) -> Result<Arc<Dir>, TreeError> {
        self.rooms.handle(room, &self.engine.tree)
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        for (_, file) in std::mem::take(&mut self.files) {
            self.close(file);
        }
        self.ready.clear();
        self.rooms.clear_up();
    }
}
