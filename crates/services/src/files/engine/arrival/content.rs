//! Files of a stream and their content, from the announcement until they are complete.
//!
//! In: plans, bytes whose hash was told, groups in any order. Out: a complete file in a staged tree, or one that is ready
//! to be published. Small files are written whole; larger ones are partials, which outlive a cut.
//! Invariant: what becomes complete has the hash that the sender told.

use std::fs::File;

use blake3::Hash;
use landline_addr::path::SharePath;

use super::{
    Arrival,
    existing::Entity,
    plan::Plan,
    rooms::RoomId,
    small,
    stage::{StageId, Written},
};
use crate::files::{
    digest::{GROUP, GROUP_BYTES, HashedFile, HashedGroup, HashedHole, group_len},
    engine::{PublishError, partial::Partial},
    tree::{Entry, Name, Refusal, TreeError, Version},
};

/// Partials that are open at once: each holds three descriptors. The others are taken up again when their next group comes.
const MAX_PARTIALS: usize = 64;

/// Small files of a batch that stay open, so that a few can be made durable one by one.
pub(super) const MAX_OPEN_SMALL: usize = 16;

/// A file that is announced and not complete.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) room: RoomId,
    pub(super) name: Name,
    pub(super) target: SharePath,
    pub(super) plan: Plan,
    /// What has to be under its name when it is published.
    pub(super) only: Option<Version>,
    pub(super) partial: Option<Box<Partial>>,
    /// Size and hash, once the sender has told them.
    pub(super) ended: Option<(u64, Hash)>,
    /// Counts up with each use of any file.
    pub(super) used: u64,
}

/// A complete file for a directory that others can see.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) number: u64,
    pub(super) file: Incoming,
    pub(super) size: u64,
    pub(super) hash: Hash,
    pub(super) body: Body,
}

/// Where its content is.
#[derive(Debug)]
pub(super) enum Body {
    /// In the room's scratch directory, under this name; open if it is one of the first.
    Small { name: Name, file: Option<File>, entry: Entry },
    /// In a partial.
    Groups(Box<Partial>),
}

impl Arrival {
    pub(super) fn open_partial(&mut self, file: &mut Incoming) -> Result<(), TreeError> {
        if file.partial.is_some() {
            return Ok(());
        }
        let dir = self.handle(file.room)?;
        self.tidy(&dir);
        self.witness(&dir);
        let (files, ready) = (&self.files, &self.ready);
        let is_own = || {
            let waits = |one: &Ready| matches!(one.body, Body::Groups(_)) && one.file.target == file.target;
            files.values().any(|one| one.partial.is_some() && one.target == file.target) || ready.iter().any(waits)
        };
        let turn = self.patience.turn(&is_own);
        let partial = Partial::open(&dir, &file.name, &self.owner, &file.plan, turn);
        let partial = partial.map_err(|errno| TreeError::at(&file.target, errno))?;
        self.tell_born(&dir, partial.staging_name(), file.plan.size, &file.target);
        file.partial = Some(Box::new(partial));
        self.partials += 1;
        Ok(())
    }

    /// Closes a partial, which stays if something of it is verified.
    fn let_go(&mut self, partial: Box<Partial>, size: Option<u64>) {
        self.partials -= 1;
        if partial.held().runs.is_empty() {
            self.tell_gone(partial.dir(), partial.staging_name(), size);
        }
    }

    fn discard(&mut self, partial: Box<Partial>, size: Option<u64>) {
        self.partials -= 1;
        self.tell_gone(partial.dir(), partial.staging_name(), size);
        partial.discard();
    }

    /// Keeps a file for what comes next of it. When too many partials are open, half of them are let go, those whose turn
    /// was longest ago and that lose nothing by it.
    pub(super) fn keep_file(&mut self, number: u64, mut file: Incoming) {
        self.uses += 1;
        file.used = self.uses;
        self.files.insert(number, file);
        if self.partials <= MAX_PARTIALS {
            return;
        }
        let can_go = |file: &Incoming| file.partial.is_some() && file.plan.size.is_none_or(|size| size > GROUP_BYTES);
        let mut idle: Vec<(u64, u64)> =
            self.files.iter().filter(|(_, file)| can_go(file)).map(|(number, file)| (file.used, *number)).collect();
        idle.sort_unstable();
        for (_, number) in idle.into_iter().take(MAX_PARTIALS / 2) {
            let Some(file) = self.files.get_mut(&number) else { continue };
            if let (Some(partial), size) = (file.partial.take(), file.plan.size) {
                self.let_go(partial, size);
            }
        }
    }

    /// The file `number`, which a group or an end came for.
    fn take_file(&mut self, number: u64) -> Result<Incoming, PublishError> {
        let unknown = || TreeError::refused(&self.base, Refusal::MoreThanPlanned).into();
        self.files.remove(&number).ok_or_else(unknown)
    }

    pub(super) fn close(&mut self, mut file: Incoming) {
        if let Some(partial) = file.partial.take() {
            self.let_go(partial, file.plan.size);
        }
    }

    /// The file is no more, for good or for now.
    fn drop_file(&mut self, number: u64, file: Incoming) {
        let room = file.room;
        self.close(file);
        self.settle_origin(number, None);
        self.release(room);
    }

    pub(super) fn put_whole(&mut self, number: u64, whole: &HashedFile<'_>, hash: Hash) -> Result<(), PublishError> {
        let mut file = self.take_file(number)?;
        if let Some(partial) = file.partial.take() {
            self.discard(partial, file.plan.size);
        }
        let size = u64::try_from(whole.bytes().len()).unwrap_or(u64::MAX);
        let checked = check_size(&file, size).and_then(|()| check_hash(&file, hash, whole.hash()));
        match checked.and_then(|()| Ok(self.write_small(&file, whole.bytes())?)) {
            Ok(body) => {
                self.is_ready(number, file, size, hash, body);
                Ok(())
            }
            Err(fault) => {
                self.drop_file(number, file);
                Err(fault)
            }
        }
    }

    /// `None` if it is in its place in a staged tree.
    fn write_small(&mut self, file: &Incoming, bytes: &[u8]) -> Result<Body, TreeError> {
        let failed = |errno| TreeError::at(&file.target, errno);
        let staged = self.rooms.get(file.room).is_some_and(|room| room.stage.is_some());
        if staged {
            let dir = self.handle(file.room)?;
            let (_, entry) = small::write(&dir, &file.name, &file.plan, bytes).map_err(failed)?;
            return Ok(Body::Small { name: file.name.clone(), file: None, entry });
        }
        let dir = self.scratch(file.room, &file.target)?;
        let name = self.next_scratch_name();
        let (open, entry) = small::write(&dir, &name, &file.plan, bytes).map_err(failed)?;
        let open = (self.open_small < MAX_OPEN_SMALL).then_some(open);
        self.open_small += usize::from(open.is_some());
        Ok(Body::Small { name, file: open, entry })
    }

    fn is_ready(&mut self, number: u64, file: Incoming, size: u64, hash: Hash, body: Body) {
        let room = file.room;
        let Some(stage) = self.rooms.get(room).and_then(|room| room.stage) else {
            self.ready_bytes = self.ready_bytes.saturating_add(size);
            self.ready.push(Ready { number, file, size, hash, body });
            return;
        };
        let Body::Small { name, entry, .. } = body else { return };
        if let Some(stage) = self.stages.get_mut(&stage) {
            stage.add(Written::of(number, room, name, Some(hash), &entry));
        }
        self.settle_origin(number, Some(Entity::of(&entry)));
        self.release(room);
    }

    pub(super) fn put_group(&mut self, number: u64, group: &HashedGroup<'_>) -> Result<(), PublishError> {
        let mut file = self.take_file(number)?;
        let (index, bytes) = (group.index(), group.bytes());
        let fits = match file.ended.map(|(size, _)| size).or(file.plan.size) {
            Some(size) => group_len(size, index) == bytes.len() && !bytes.is_empty(),
            None => !bytes.is_empty() && bytes.len() <= GROUP,
        };
        let put = if fits {
            self.open_partial(&mut file).and_then(|()| {
                let Some(partial) = &mut file.partial else { return Ok(()) };
                partial.put_hashed(group).map(|_| ()).map_err(|errno| TreeError::at(&file.target, errno))
            })
        } else {
            Err(TreeError::refused(&file.target, Refusal::MoreThanPlanned))
        };
        self.go_on(number, file, put)
    }

    pub(super) fn put_hole(&mut self, number: u64, hole: &HashedHole) -> Result<(), PublishError> {
        let mut file = self.take_file(number)?;
        let (first, count) = (hole.first(), hole.count());
        let size = file.ended.map(|(size, _)| size).or(file.plan.size);
        let end = first.checked_add(count).and_then(|end| end.checked_mul(GROUP_BYTES));
        // The last group may be shorter than a group.
        let fits = count > 0 && end.is_some_and(|end| size.is_none_or(|size| end < size.saturating_add(GROUP_BYTES)));
        let put = if fits {
            self.open_partial(&mut file).and_then(|()| {
                let Some(partial) = &mut file.partial else { return Ok(()) };
                partial.put_hashed_hole(hole).map_err(|errno| TreeError::at(&file.target, errno))
            })
        } else {
            Err(TreeError::refused(&file.target, Refusal::MoreThanPlanned))
        };
        self.go_on(number, file, put)
    }

    pub(super) fn put_end(&mut self, number: u64, size: u64, hash: Hash) -> Result<(), PublishError> {
        if size == 0 {
            return self.put_whole(number, &HashedFile::of(b""), hash);
        }
        let mut file = self.take_file(number)?;
        if let Err(fault) = check_size(&file, size) {
            if let Some(partial) = file.partial.take() {
                self.discard(partial, file.plan.size);
            }
            self.drop_file(number, file);
            return Err(fault);
        }
        file.ended = Some((size, hash));
        let opened = self.open_partial(&mut file);
        self.go_on(number, file, opened)
    }

    /// Looks whether the file is complete now. After `put` failed, it waits for the same again.
    fn go_on(&mut self, number: u64, mut file: Incoming, put: Result<(), TreeError>) -> Result<(), PublishError> {
        let complete = file.ended.filter(|(size, _)| file.partial.as_ref().is_some_and(|one| one.is_whole(*size)));
        let (Some((size, hash)), Ok(())) = (complete, &put) else {
            self.keep_file(number, file);
            return put.map_err(PublishError::from);
        };
        let Some(mut partial) = file.partial.take() else { return Ok(()) };
        let planned = file.plan.size;
        let failed = |errno| TreeError::at(&file.target, errno);
        let got = match partial.root(size) {
            Ok(got) => got,
            Err(errno) => {
                let fault = failed(errno);
                self.let_go(partial, planned);
                self.drop_file(number, file);
                return Err(fault.into());
            }
        };
        if let Err(fault) = check_hash(&file, hash, got) {
            self.discard(partial, planned);
            self.drop_file(number, file);
            return Err(fault);
        }
        if self.rooms.get(file.room).is_none_or(|room| room.stage.is_none()) {
            self.partials -= 1;
            self.ready_partials += 1;
            self.is_ready(number, file, size, hash, Body::Groups(partial));
            return Ok(());
        }
        let staging = partial.staging_name().cloned();
        let placed = self.handle(file.room).and_then(|dir| {
            partial.finish(size, &file.plan).and_then(|()| partial.rename(&file.name, true)).map_err(failed)?;
            dir.stat(&file.name).map(|stat| Entry::of(b"", &stat)).map_err(failed)
        });
        match placed {
            Ok(entry) => {
                self.tell_gone(partial.dir(), staging.as_ref(), planned);
                self.partials -= 1;
                let body = Body::Small { name: file.name.clone(), file: None, entry };
                self.is_ready(number, file, size, hash, body);
                Ok(())
            }
            Err(fault) => {
                self.let_go(partial, planned);
                self.drop_file(number, file);
                Err(fault.into())
            }
        }
    }

    /// Lets go of the partials in a staged tree, which may be about to move.
    pub(super) fn park_stage(&mut self, id: StageId) {
        let rooms = &self.rooms;
        let inside = |file: &Incoming| rooms.get(file.room).is_some_and(|room| room.stage == Some(id));
        let idle: Vec<(Box<Partial>, Option<u64>)> = (self.files.values_mut().filter(|file| inside(file)))
            .filter_map(|file| Some((file.partial.take()?, file.plan.size)))
            .collect();
        for (partial, size) in idle {
            self.let_go(partial, size);
        }
    }

    pub(super) fn give_up(&mut self, number: u64) {
        if let Some(file) = self.files.remove(&number) {
            self.drop_file(number, file);
        }
    }
}

fn check_size(file: &Incoming, size: u64) -> Result<(), PublishError> {
    let path = file.target.as_bytes().to_vec();
    match file.plan.size {
        Some(planned) if size > planned => Err(TreeError::refused(&file.target, Refusal::MoreThanPlanned).into()),
        Some(planned) if size < planned => Err(PublishError::Short { path, planned, got: size }),
        _ => Ok(()),
    }
}

fn check_hash(file: &Incoming, expected: Hash, got: Hash) -> Result<(), PublishError> {
    let path = || file.target.as_bytes().to_vec();
    if got == expected { Ok(()) } else { Err(PublishError::Integrity { path: path(), expected, got }) }
}
