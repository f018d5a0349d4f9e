//! Publishing: what is complete is made durable, gets its name, and only then is told.
//!
//! A batch goes by stages, because a sync is what costs: (1) give partials their length, permissions and time, (2) make
//! all content durable, (3) rename all, (4) sync each directory once. One failure stops no other file.
//! Invariant: a file that is told as kept survives a power cut.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use landline_addr::path::SharePath;
use rustix::io::{self, Errno};

use super::{
    Arrival,
    content::{Body, Ready},
    existing::Entity,
    own::OwnDir,
    plan::{Fate, Published},
    rooms::RoomId,
    trees::same_at,
};
use crate::files::tree::{Entry, Held as Dir, Name, Refusal, TreeError, sweep};

/// From how many files on a batch is made durable by one sync of the whole file system instead of one for each file.
///
/// Measured on ext4, files of 4 KiB: 16 take 6 ms one by one and 1 ms at once, 256 take 115 ms and 4 ms; below, it is
/// a draw. It also writes what other programs have not yet written, so it is not worth it for a few files.
const SYNC_ALL_FROM: usize = 16;

/// Complete files that are worth a batch.
const BATCH_FILES: usize = 1024;
/// The same in bytes: a big file is published when it is complete.
const BATCH_BYTES: u64 = 64 << 20;
/// Complete partials that are worth a batch: each holds three descriptors.
const BATCH_PARTIALS: usize = 32;
/// Staged trees that are worth a batch: each holds three descriptors.
const BATCH_STAGES: usize = 16;

/// How long something complete waits for company. Measured by nobody: at full speed a batch is full long before, and a
/// sync a second is little for any disk; but what waits is lost work if this process is killed.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Keeps directories for small files apart from other directories of landline's own.
const DOMAIN: &str = "landline scratch directory 1";

/// Directories remembered as tidied. A caller can make any number; one that is forgotten is merely swept once more.
const MAX_TIDIED: usize = 4096;

/// A file on its way through a publication.
type Slot = (Ready, Result<(), TreeError>);

/// The rooms whose names were made durable, or not.
type Synced = HashMap<RoomId, Result<(), TreeError>>;

impl Arrival {
    pub(super) fn is_worth_a_flush(&mut self, now: Instant) -> bool {
        self.is_batch() || self.has_waited(now)
    }

    fn is_batch(&self) -> bool {
        self.ready.len() >= BATCH_FILES
            || self.ready_bytes >= BATCH_BYTES
            || self.ready_partials >= BATCH_PARTIALS
            || self.fates.len() >= BATCH_FILES
            || self.stages.values().any(|stage| stage.wants_record() || stage.is_too_large())
            || self.stages.values().filter(|stage| stage.complete.is_some()).count() >= BATCH_STAGES
    }

    /// Waiting is counted from the first look that finds something, so that no file costs a look at the clock.
    fn has_waited(&mut self, now: Instant) -> bool {
        let waits = !self.ready.is_empty()
            || !self.fates.is_empty()
            || self.stages.values().any(|stage| stage.complete.is_some());
        waits && now.saturating_duration_since(*self.waiting.get_or_insert(now)) >= LONGEST_WAIT
    }

    pub(super) fn publish_all(&mut self) -> Vec<Fate> {
        self.waiting = None;
        self.publish_ready();
        self.publish_stages();
        self.record_stages(false);
        std::mem::take(&mut self.fates)
    }

    pub(super) fn publish_ready(&mut self) {
        (self.ready_bytes, self.ready_partials, self.open_small) = (0, 0, 0);
        let ready = std::mem::take(&mut self.ready);
        if ready.is_empty() {
            return;
        }
        let mut slots: Vec<Slot> = ready.into_iter().map(|ready| (ready, Ok(()))).collect();
        for (ready, outcome) in &mut slots {
            if let Body::Groups(partial) = &ready.body {
                let finished = partial.finish(ready.size, &ready.file.plan);
                *outcome = finished.map_err(|errno| TreeError::at(&ready.file.target, errno));
            }
        }
        self.make_durable(&mut slots);
        let mut rooms = HashMap::new();
        for (ready, outcome) in slots.iter_mut().filter(|(_, outcome)| outcome.is_ok()) {
            *outcome = self.name_it(ready, &mut rooms);
        }
        let mut synced = HashMap::new();
        let mut settled = Vec::with_capacity(slots.len());
        for (ready, outcome) in slots {
            let outcome = outcome.and_then(|()| self.acknowledge(&ready, &mut synced));
            settled.push((ready.number, ready.file.room, self.tell(ready, outcome)));
        }
        // Only now: a room that is settled is gone, and its directory may get its last time.
        for (number, room, entity) in settled {
            self.settle_origin(number, entity);
            self.release(room);
        }
    }

    /// Stage 2: file by file, or each file system once.
    fn make_durable(&mut self, slots: &mut [Slot]) {
        let together = slots.iter().filter(|(_, outcome)| outcome.is_ok()).count() >= SYNC_ALL_FROM;
        let mut done: HashMap<u64, bool> = HashMap::new();
        for (ready, outcome) in slots.iter_mut().filter(|(_, outcome)| outcome.is_ok()) {
            let failed = |errno| TreeError::at(&ready.file.target, errno);
            let dir = match self.handle(ready.file.room) {
                Ok(dir) => dir,
                Err(fault) => {
                    *outcome = Err(fault);
                    continue;
                }
            };
            // Where that fails, each file is asked for itself what is wrong with it.
            let dev = dir.id().dev;
            if together && *done.entry(dev).or_insert_with(|| self.sync_file_system(&dir).is_ok()) {
                continue;
            }
            let synced = match &ready.body {
                Body::Groups(partial) => partial.sync(),
                Body::Small { file: Some(file), .. } => dir.disk().sync(file),
                Body::Small { name, file: None, .. } => self.sync_small(ready.file.room, name),
            };
            *outcome = synced.map_err(failed);
        }
    }

    fn sync_small(&self, room: RoomId, name: &Name) -> io::Result<()> {
        let scratch = self.rooms.get(room).and_then(|room| room.scratch.as_ref()).ok_or(Errno::NOENT)?;
        scratch.dir.disk().sync(scratch.dir.open_read(name)?)
    }

    /// Makes all on the file system of `dir` durable, and hears of every write there that failed since the arrival
    /// began to write.
    pub(super) fn sync_file_system(&self, dir: &Dir) -> io::Result<()> {
        match self.witnesses.get(&dir.id().dev) {
            Some(Some(witness)) => dir.disk().sync_all(witness),
            Some(None) | None => Err(Errno::NOSYS),
        }
    }

    /// Stage 3. The directory must still be where it was, or the path we acknowledge would be a lie.
    fn name_it(&mut self, ready: &mut Ready, rooms: &mut HashMap<RoomId, Option<Arc<Dir>>>) -> Result<(), TreeError> {
        let (file, room) = (&ready.file, ready.file.room);
        let dir = match rooms.get(&room) {
            Some(Some(dir)) => Arc::clone(dir),
            Some(None) => {
                return Err(TreeError::refused(&file.target, Refusal::FolderMoved));
            }
            None => {
                let found = self.rooms.check_place(room, &self.engine.tree);
                rooms.insert(room, found.as_ref().ok().cloned());
                found.map_err(|_| TreeError::refused(&file.target, Refusal::FolderMoved))?
            }
        };
        let place = (&file.name, &file.target);
        let scratch = self.rooms.get(room).and_then(|room| room.scratch.as_ref());
        match &mut ready.body {
            Body::Groups(partial) => {
                let staging = partial.staging_name().cloned();
                self.engine.put_in_place(&dir, place, file.only, &self.policy, |replace| {
                    partial.rename(&file.name, replace)
                })?;
                self.tell_gone(&dir, staging.as_ref(), file.plan.size);
                Ok(())
            }
            Body::Small { name, .. } => {
                let scratch = scratch.ok_or_else(|| TreeError::at(&file.target, Errno::NOENT))?;
                self.engine.put_in_place(&dir, place, file.only, &self.policy, |replace| {
                    scratch.dir.rename(name, &dir, &file.name, replace)
                })
            }
        }
    }

    /// Stage 4.
    fn acknowledge(&mut self, ready: &Ready, synced: &mut Synced) -> Result<(), TreeError> {
        let (room, target) = (ready.file.room, &ready.file.target);
        // A failed sync is not asked twice: the second may succeed although the first lost something.
        let done = synced.entry(room).or_insert_with(|| self.sync_room(room, target));
        done.as_ref().copied().map_err(|fault| same_at(fault, target))
    }

    /// Says what became of a file. Which file it is, if it is there.
    fn tell(&mut self, ready: Ready, outcome: Result<(), TreeError>) -> Option<Entity> {
        let Ready { number, file, size, hash, body } = ready;
        let path = file.target;
        let found = outcome.and_then(|()| match &body {
            Body::Small { entry, .. } => Ok(entry.clone()),
            Body::Groups(partial) => rustix::fs::fstat(partial.file())
                .map(|stat| Entry::of(b"", &stat))
                .map_err(|errno| TreeError::at(&path, errno)),
        });
        match found {
            Ok(entry) => {
                let published = Published { path, size, hash: Some(hash), version: entry.version() };
                self.fates.push(Fate::Kept { number, published });
                Some(Entity::of(&entry))
            }
            Err(fault) => {
                if let Body::Small { name, .. } = &body
                    && let Some(scratch) = self.rooms.get(file.room).and_then(|room| room.scratch.as_ref())
                {
                    let _ = scratch.dir.unlink(name); // else it goes with the scratch directory
                }
                self.fates.push(Fate::Failed { number, path, fault: fault.into() });
                None
            }
        }
    }

    /// The directory in which small files of a room arrive.
    pub(super) fn scratch(&mut self, id: RoomId, target: &SharePath) -> Result<Arc<Dir>, TreeError> {
        if let Some(scratch) = self.rooms.get(id).and_then(|room| room.scratch.as_ref()) {
            return Ok(Arc::clone(&scratch.dir));
        }
        let dir = self.handle(id)?;
        self.tidy(&dir);
        self.witness(&dir);
        let rooms = &self.rooms;
        let is_own = || rooms.has_scratch_in(dir.id());
        let turn = self.patience.turn(&is_own);
        let taken = OwnDir::take(&dir, DOMAIN, b"", &self.owner, turn).and_then(|(own, old)| {
            if old {
                own.empty()?;
            }
            Ok(own)
        });
        let own = taken.map_err(|errno| TreeError::at(target, errno))?;
        let dir = Arc::clone(&own.dir);
        if let Some(room) = self.rooms.get_mut(id) {
            room.scratch = Some(own);
        }
        Ok(dir)
    }

    /// A name that no other file in any scratch directory of this arrival has.
    pub(super) fn next_scratch_name(&mut self) -> Name {
        self.next_scratch += 1;
        Name::staging(self.next_scratch)
    }

    /// Before the first write to a file system: a handle that is told of every write there that fails from now on.
    pub(super) fn witness(&mut self, dir: &Dir) {
        let open = || -> Option<OwnedFd> { dir.open_dir_for_lock().ok() };
        self.witnesses.entry(dir.id().dev).or_insert_with(open);
    }

    /// Before the first write to a directory: what the dead have left in it goes, once for each engine.
    pub(super) fn tidy(&self, dir: &Dir) {
        let mut tidied = self.engine.tidied.lock().unwrap_or_else(PoisonError::into_inner);
        if tidied.len() >= MAX_TIDIED {
            tidied.clear();
        }
        if tidied.insert(dir.id()) {
            drop(tidied);
            // Tidying only: a directory that can't be read can still be written to.
            let _ = sweep(dir);
        }
    }
}
