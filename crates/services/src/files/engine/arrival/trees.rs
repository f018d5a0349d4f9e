//! Staged trees get their names: whole and in one step, or into a directory that has the name by now.
//!
//! In: staged trees that are complete. Out: their fates and those of all files in them.
//!
//! Two new trees of one name that arrive at the same time don't see each other until one is complete: that one gets the
//! name by a rename, whole. The other, complete too by then, is merged into it by one rename a file (`merge`). So of what
//! both have, the one that ends last wins, file by file and whole; what only one has stays; directories get permissions
//! and time of the last. What is there is then the sum of both and neither's tree alone. A directory never gives way to
//! a file nor a file to a directory: what is there stays, what would have come is told as failed and stays staged. What
//! was told as kept is lost by nothing but being replaced, and not even then if backups are asked for.
//!
//! Invariant: before a tree is told as published, everything in it is durable, and so is its name.

use std::collections::HashMap;

use landline_addr::path::SharePath;
use rustix::io::Errno;

use super::{
    Arrival,
    merge::Merge,
    plan::{Fate, Published},
    rooms::RoomId,
    stage::{Stage, StageId, Written},
};
use crate::files::tree::{Refusal, TreeError};

/// What of a tree could not be kept.
pub(super) type Lost = HashMap<SharePath, TreeError>;

impl Arrival {
    pub(super) fn stage_of(&mut self, room: RoomId) -> Option<&mut Stage> {
        let stage = self.rooms.get(room)?.stage?;
        self.stages.get_mut(&stage)
    }

    /// Publishes the staged trees that are complete, and those that are too large to be remembered any longer.
    pub(super) fn publish_stages(&mut self) {
        let mut due: Vec<StageId> = (self.stages.iter())
            .filter(|(_, stage)| stage.complete.is_some() || stage.is_too_large())
            .map(|(id, _)| *id)
            .collect();
        due.sort_unstable();
        for id in due {
            self.publish_stage(id);
        }
    }

    fn publish_stage(&mut self, id: StageId) {
        self.park_stage(id);
        let Some(mut stage) = self.stages.remove(&id) else { return };
        let rooms = self.rooms.of_stage(id);
        let top = rooms.iter().copied().find(|room| self.rooms.is_top(*room));
        let above = top.and_then(|top| self.rooms.get(top)).and_then(|top| top.parent);
        let mut lost = Lost::new();
        let outcome =
            self.make_stage_durable(&stage, &rooms, &mut lost).and_then(|()| self.name_stage(&mut stage, &mut lost));
        let fault = outcome.as_ref().err();
        for one in &stage.written {
            let fate = self.fate_of(one, &mut lost, fault);
            self.fates.extend(fate);
        }
        self.fates.extend(lost.into_iter().map(|(path, fault)| Fate::DirFailed { path, fault }));
        let goes_on = outcome.is_ok() && stage.complete.is_none();
        match outcome {
            Ok(()) => {
                self.tell_gone(&stage.own.parent, Some(&stage.own.name), None);
                self.fates.push(Fate::TreePublished { path: stage.target.clone() });
            }
            Err(fault) => self.fates.push(Fate::DirFailed { path: stage.target.clone(), fault }),
        }
        for room in rooms {
            if goes_on {
                self.rooms.unstage(room, &self.engine.tree);
            } else {
                self.rooms.remove(room);
            }
        }
        if let Some(above) = above.filter(|_| !goes_on) {
            self.release(above);
        }
    }

    /// Everything in the tree, files and directories: all at once, or where that fails, one by one.
    fn make_stage_durable(&mut self, stage: &Stage, rooms: &[RoomId], lost: &mut Lost) -> Result<(), TreeError> {
        if self.sync_file_system(&stage.own.dir).is_ok() {
            return Ok(());
        }
        for one in &stage.written {
            let Some(path) = self.rooms.path_of(one.room, &one.name) else { continue };
            let dir = self.handle(one.room)?;
            let synced = match dir.open_read(&one.name) {
                Err(Errno::LOOP) => continue, // a link: its directory holds it
                opened => opened.and_then(|file| dir.disk().sync(file)),
            };
            if let Err(errno) = synced {
                let _ = dir.unlink(&one.name); // it is told as failed, and without a record nobody trusts it
                lost.insert(path.clone(), TreeError::at(&path, errno));
            }
        }
        for room in rooms {
            let dir = self.handle(*room)?;
            dir.sync().map_err(|errno| TreeError::at(&stage.target, errno))?;
        }
        Ok(())
    }

    /// Gives the tree its name. What fails leaves it as it was, to be taken up by the next run.
    fn name_stage(&mut self, stage: &mut Stage, lost: &mut Lost) -> Result<(), TreeError> {
        let target = stage.target.clone();
        let failed = |errno| TreeError::at(&target, errno);
        let parent = target.parent().unwrap_or_default();
        if !self.engine.tree.dir(&parent).is_ok_and(|now| now.id() == stage.own.parent.id()) {
            return Err(TreeError::refused(&target, Refusal::FolderMoved));
        }
        let named = stage.forget_header().map_err(failed).and_then(|()| self.rename_stage(stage, lost));
        if named.is_err() {
            let _ = stage.write_header(); // without it, all of it is sent again
        }
        named?;
        stage.own.parent.sync().map_err(failed)?;
        self.engine.tree.sync_above(&target)
    }

    fn rename_stage(&mut self, stage: &mut Stage, lost: &mut Lost) -> Result<(), TreeError> {
        let target = &stage.target;
        let failed = |errno| TreeError::at(target, errno);
        let own = &stage.own;
        if let Some((mode, mtime)) = stage.complete {
            own.dir.set_own_meta(Some(mode), mtime).map_err(failed)?;
        }
        own.sync().map_err(failed)?;
        match own.parent.rename(&own.name, &own.parent, &stage.name, false) {
            Err(Errno::EXIST | Errno::NOTEMPTY) => {}
            done => return done.map_err(failed),
        }
        // Somebody was quicker.
        let there = own.parent.child(&stage.name).map_err(failed)?;
        let mut merge = Merge { engine: &self.engine, policy: &self.policy, lost };
        merge.run(&own.dir, &there, target)?;
        if let Some((mode, mtime)) = stage.complete {
            there.set_own_meta(Some(mode), mtime).map_err(failed)?;
        }
        if own.parent.remove_dir(&own.name).is_err() {
            let _ = stage.write_header(); // what could not be merged stays to be taken up
        }
        Ok(())
    }

    fn fate_of(&self, one: &Written, lost: &mut Lost, fault: Option<&TreeError>) -> Option<Fate> {
        let path = self.rooms.path_of(one.room, &one.name)?;
        let number = one.number;
        if let Some(fault) = fault {
            return Some(Fate::Failed { number, fault: same_at(fault, &path).into(), path });
        }
        if !lost.is_empty() {
            if let Some(fault) = lost.remove(&path) {
                return Some(Fate::Failed { number, path, fault: fault.into() });
            }
            let mut above = path.parent();
            while let Some(dir) = above {
                if let Some(fault) = lost.get(&dir) {
                    return Some(Fate::Failed { number, fault: same_at(fault, &path).into(), path });
                }
                above = dir.parent();
            }
        }
        Some(Fate::Kept { number, published: Published { path, size: one.size, hash: one.hash, version: one.version } })
    }

    /// Makes what is complete in staged trees durable and says so there, so that a power cut does not cost it. It is told
    /// as kept then: only the name of its tree is to come, of which the tree's own fate tells. So memory stays the same
    /// however many files there are.
    pub(super) fn record_stages(&mut self, all: bool) {
        let due: Vec<StageId> = (self.stages.iter())
            .filter(|(_, stage)| stage.wants_record() || all && stage.unrecorded() > 0)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let Some(mut stage) = self.stages.remove(&id) else { continue };
            // If it can't be recorded, a power cut costs more: no reason to stop.
            let recorded = self.sync_file_system(&stage.own.dir).is_ok()
                && stage.record(|one| self.rooms.path_of(one.room, &one.name)).is_ok();
            if recorded {
                let none = &mut Lost::new();
                for one in stage.take_recorded() {
                    self.fates.extend(self.fate_of(&one, none, None));
                }
            }
            stage.put_off_record();
            self.stages.insert(id, stage);
        }
    }
}

/// The same thing went wrong with `path`, because of something it lies in.
pub(super) fn same_at(fault: &TreeError, path: &SharePath) -> TreeError {
    let errno = match fault {
        TreeError::Refused { why, .. } => return TreeError::refused(path, *why),
        TreeError::NotFound { .. } => Errno::NOENT,
        TreeError::Exists { .. } => Errno::EXIST,
        TreeError::NotEmpty { .. } => Errno::NOTEMPTY,
        TreeError::IsADirectory { .. } => Errno::ISDIR,
        TreeError::NotADirectory { .. } => Errno::NOTDIR,
        TreeError::Crossing { .. } => Errno::LOOP,
        TreeError::NoSpace { .. } => Errno::NOSPC,
        TreeError::TooLarge { .. } => Errno::FBIG,
        TreeError::Quota { .. } => Errno::DQUOT,
        TreeError::ReadOnly { .. } => Errno::ROFS,
        TreeError::Denied { .. } => Errno::ACCESS,
        TreeError::WrongKind { kind, .. } => {
            return TreeError::WrongKind { path: path.as_bytes().to_vec(), kind: *kind };
        }
        TreeError::Changed { .. } => return TreeError::Changed { path: path.as_bytes().to_vec() },
        TreeError::Io { source, .. } => Errno::from_io_error(source).unwrap_or(Errno::IO),
    };
    TreeError::at(path, errno)
}
