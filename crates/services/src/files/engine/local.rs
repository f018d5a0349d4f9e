//! The engine over a local tree: staging file, hash, sync, rename, sync of the directory.
//!
//! Publishing a batch goes by stages, because a sync is what costs: (1) compare hashes, give permissions and times,
//! (2) make all content durable, (3) rename all, (4) sync each directory once; only then is anything acknowledged.
//! Two writers of one name don't disturb each other: each has its own staging file, and the last to publish wins whole.

use std::collections::{HashMap, HashSet};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use blake3::{Hash, Hasher};
use landline_addr::path::SharePath;
use rustix::fs::Mode;
use rustix::io::{self, Errno};

use super::{Arrival, Engine, IfMatch, Owner, PartialIndex, Plan, Policy, PublishError, Published};
use crate::files::tree::{
    DirId, Entry, Held, Kind, Name, PERMISSIONS, Refusal, StagingFile, Tree, TreeError, set_mtime, sweep,
};

/// From how many files on a batch is made durable by one sync of the whole file system instead of one for each file.
///
/// Measured on ext4, files of 4 KiB: 16 take 6 ms one by one and 1 ms at once, 256 take 115 ms and 4 ms; below, it is
/// a draw. It also writes what other programs have not yet written, so it is not worth it for a few files.
const SYNC_ALL_FROM: usize = 16;

/// Directories remembered as swept. A caller can make any number; one that is forgotten is merely swept once more.
const MAX_ROOMS: usize = 4096;

/// Keeps files in a [`Tree`]. One value for each share, shared by all calls.
pub struct LocalEngine {
    pub(super) tree: Arc<Tree>,
    pub(super) index: Option<Arc<dyn PartialIndex>>,
    /// Directories that were swept.
    pub(super) tidied: Mutex<HashSet<DirId>>,
    /// Directories that were swept, and the handle to each while a file is arriving in it.
    rooms: Mutex<HashMap<DirId, Weak<Held>>>,
    /// Held while a condition is checked and the rename done, so that no other publication comes between.
    pub(super) publishing: Mutex<()>,
    births: AtomicU64,
}

/// A file that is still arriving. Dropping it removes what has arrived.
#[derive(Debug)]
pub struct Staged {
    target: SharePath,
    name: Name,
    plan: Plan,
    staging: StagingFile,
    hasher: Hasher,
    written: u64,
    /// Counts up with each file that was opened.
    born: u64,
}

impl Staged {
    /// Where it will be published.
    #[must_use]
    pub fn target(&self) -> &SharePath {
        &self.target
    }

    /// Bytes put so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    fn failed(&self, errno: Errno) -> TreeError {
        TreeError::at(&self.target, errno)
    }

    /// Whether this is what the sender meant; then everything but its name is made final.
    fn complete(&mut self, expected: Hash) -> Result<Hash, PublishError> {
        let path = || self.target.as_bytes().to_vec();
        if let Some(planned) = self.plan.size.filter(|planned| *planned != self.written) {
            return Err(PublishError::Short { path: path(), planned, got: self.written });
        }
        let got = self.hasher.finalize();
        if got != expected {
            return Err(PublishError::Integrity { path: path(), expected, got });
        }
        self.finish_file().map_err(|errno| self.failed(errno))?;
        Ok(got)
    }

    fn finish_file(&self) -> io::Result<()> {
        let file = self.staging.file();
        if u64::try_from(rustix::fs::fstat(file)?.st_size) != Ok(self.written) {
            rustix::fs::ftruncate(file, self.written)?; // the rest of a group that failed and was not put again
        }
        rustix::fs::fchmod(file, Mode::from_raw_mode(self.plan.mode & PERMISSIONS))?;
        self.plan.mtime.map_or(Ok(()), |mtime| set_mtime(file.as_fd(), mtime))
    }

    fn sync(&self) -> Result<(), TreeError> {
        rustix::fs::fsync(self.staging.file()).map_err(|errno| self.failed(errno))
    }

    fn entry(&self) -> Result<Entry, TreeError> {
        rustix::fs::fstat(self.staging.file()).map(|stat| Entry::of(b"", &stat)).map_err(|errno| self.failed(errno))
    }
}

/// A file on its way through the stages of a publication.
struct Ready {
    staged: Staged,
    hash: Hash,
}

impl std::fmt::Debug for LocalEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalEngine").field("tree", &self.tree).finish_non_exhaustive()
    }
}

impl LocalEngine {
    /// Publishes into `tree`.
    #[must_use]
    pub fn new(tree: Arc<Tree>) -> Self {
        Self {
            tree,
            index: None,
            tidied: Mutex::default(),
            rooms: Mutex::default(),
            publishing: Mutex::default(),
            births: AtomicU64::new(0),
        }
    }

    /// Tells `index` of partials from now on.
    #[must_use]
    pub fn with_index(mut self, index: Arc<dyn PartialIndex>) -> Self {
        self.index = Some(index);
        self
    }

    /// Begins to receive a stream into `base`. What stays unfinished belongs to `owner`.
    #[must_use]
    pub fn arrive(self: &Arc<Self>, base: &SharePath, owner: Owner, policy: Policy) -> Arrival {
        Arrival::new(Arc::clone(self), base.clone(), owner, policy)
    }

    /// The tree that is published into.
    #[must_use]
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// The directory of `target`, one handle for all files that arrive in it; swept when it is first asked for.
    fn room(&self, parent: &SharePath) -> Result<Arc<Held>, TreeError> {
        let held = self.tree.make_dirs_unsynced(parent)?;
        let id = held.id();
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let known = rooms.get(&id);
        if let Some(shared) = known.and_then(Weak::upgrade) {
            return Ok(shared);
        }
        let first_time = known.is_none();
        if rooms.len() >= MAX_ROOMS {
            rooms.retain(|_, room| room.strong_count() > 0);
        }
        let held = Arc::new(held);
        rooms.insert(id, Arc::downgrade(&held));
        drop(rooms);
        if first_time {
            // Tidying only: a directory that can't be read can still be written to.
            let _ = sweep(&held);
        }
        Ok(held)
    }

    /// Whether what is there now may be replaced.
    fn check(&self, dir: &Held, name: &Name, target: &SharePath, plan: &Plan) -> Result<(), TreeError> {
        let path = || target.as_bytes().to_vec();
        match (dir.entry(name), plan.if_match) {
            (Ok(entry), _) if entry.kind == Kind::Dir => Err(TreeError::IsADirectory { path: path() }),
            // A device, pipe or socket is there for some program; a file in its place would break that in silence.
            (Ok(Entry { kind: kind @ Kind::Other, .. }), _) => Err(TreeError::WrongKind { path: path(), kind }),
            (Ok(_), Some(IfMatch::Absent)) => Err(TreeError::Exists { path: path() }),
            (Ok(entry), Some(IfMatch::Same(version))) if entry.version() != version => {
                Err(TreeError::Changed { path: path() })
            }
            (Err(Errno::NOENT), Some(IfMatch::Same(_))) => Err(TreeError::Changed { path: path() }),
            (Ok(_), None | Some(IfMatch::Same(_))) | (Err(Errno::NOENT), None | Some(IfMatch::Absent)) => Ok(()),
            (Err(errno), _) => Err(TreeError::at(target, errno)),
        }
    }

    /// Stage 3. The directory must still be where it was, or the path we acknowledge would be a lie.
    fn name_it(&self, staged: &mut Staged) -> Result<(), TreeError> {
        let target = staged.target.clone();
        let parent = target.parent().ok_or_else(|| TreeError::refused(&target, Refusal::Root))?;
        let room = Arc::clone(staged.staging.dir());
        if !self.tree.dir(&parent).is_ok_and(|now| now.id() == room.id()) {
            return Err(TreeError::refused(&target, Refusal::FolderMoved));
        }
        let _order = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        self.check(&room, &staged.name, &target, &staged.plan)?;
        let replace = staged.plan.if_match != Some(IfMatch::Absent);
        staged.staging.rename(&staged.name, replace).map_err(|errno| TreeError::at(&target, errno))
    }

    /// Stage 4, for one directory.
    fn sync_room(&self, target: &SharePath, room: &Held) -> Result<(), TreeError> {
        room.sync().map_err(|errno| TreeError::at(target, errno))?;
        self.tree.sync_above(target)
    }
}

impl Engine for LocalEngine {
    type Staged = Staged;

    fn stage(&self, target: &SharePath, plan: &Plan) -> Result<Staged, TreeError> {
        let (Some(parent), Some(name)) = (target.parent(), Name::last_of(target)) else {
            return Err(TreeError::refused(target, Refusal::Root));
        };
        let room = self.room(&parent)?;
        self.check(&room, &name, target, plan)?;
        let staging = StagingFile::create(&room).map_err(|errno| TreeError::at(target, errno))?;
        if let Some(size) = plan.size.filter(|size| *size > 0) {
            staging.reserve(size).map_err(|errno| TreeError::at(target, errno))?;
        }
        let born = self.births.fetch_add(1, Ordering::Relaxed);
        Ok(Staged { target: target.clone(), name, plan: *plan, staging, hasher: Hasher::new(), written: 0, born })
    }

    fn put_group(&self, staged: &mut Staged, group: &[u8]) -> Result<(), TreeError> {
        let after = u64::try_from(group.len()).ok().and_then(|len| staged.written.checked_add(len));
        let Some(after) = after.filter(|after| staged.plan.size.is_none_or(|planned| *after <= planned)) else {
            return Err(TreeError::refused(&staged.target, Refusal::MoreThanPlanned));
        };
        // At its own place and not merely "next", so that a group that failed half-way can be put again.
        if let Err(error) = staged.staging.file().write_all_at(group, staged.written) {
            return Err(staged.failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)));
        }
        staged.hasher.update(group); // the same bytes, still warm in the cache
        staged.written = after;
        Ok(())
    }

    fn publish(&self, batch: Vec<(Staged, Hash)>) -> Vec<Result<Published, PublishError>> {
        let mut work: Vec<Result<Ready, PublishError>> = batch
            .into_iter()
            .map(|(mut staged, expected)| staged.complete(expected).map(|hash| Ready { staged, hash }))
            .collect();
        make_durable(&mut work);
        for slot in &mut work {
            step(slot, |ready| self.name_it(&mut ready.staged));
        }
        let mut synced: HashMap<DirId, bool> = HashMap::new();
        for slot in &mut work {
            step(slot, |ready| {
                let room = ready.staged.staging.dir();
                match synced.get(&room.id()) {
                    Some(true) => return Ok(()),
                    // A failed sync is not asked twice: the second may succeed although the first lost something.
                    Some(false) => return Err(ready.staged.failed(Errno::IO)),
                    None => {}
                }
                let done = self.sync_room(&ready.staged.target, room);
                synced.insert(room.id(), done.is_ok());
                done
            });
        }
        work.into_iter().map(|slot| slot.and_then(acknowledge)).collect()
    }
}

/// Takes one file through one stage, unless it failed before. A file that fails is dropped, and so removed.
fn step(slot: &mut Result<Ready, PublishError>, stage: impl FnOnce(&mut Ready) -> Result<(), TreeError>) {
    if let Ok(ready) = slot
        && let Err(error) = stage(ready)
    {
        *slot = Err(error.into());
    }
}

/// Stage 2: file by file, or each file system once.
fn make_durable(work: &mut [Result<Ready, PublishError>]) {
    let mut done: HashSet<u64> = HashSet::new();
    if work.iter().filter(|slot| slot.is_ok()).count() >= SYNC_ALL_FROM {
        // Through the file opened first: it is told of every write that failed on its file system since then.
        let mut oldest: HashMap<u64, &Staged> = HashMap::new();
        for ready in work.iter().flatten() {
            let first = oldest.entry(ready.staged.staging.dir().id().dev).or_insert(&ready.staged);
            if ready.staged.born < first.born {
                *first = &ready.staged;
            }
        }
        // Where that fails, each file is asked for itself what is wrong with it.
        done.extend(
            oldest.iter().filter(|(_, first)| rustix::fs::syncfs(first.staging.file()).is_ok()).map(|(dev, _)| dev),
        );
    }
    for slot in work {
        step(slot, |ready| match done.contains(&ready.staged.staging.dir().id().dev) {
            true => Ok(()),
            false => ready.staged.sync(),
        });
    }
}

/// Everything is durable: say what there is now.
fn acknowledge(ready: Ready) -> Result<Published, PublishError> {
    let version = ready.staged.entry()?.version();
    Ok(Published { path: ready.staged.target, size: ready.staged.written, hash: ready.hash, version })
}
