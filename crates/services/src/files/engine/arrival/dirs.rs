//! Directories of a stream: entered, left, and settled when everything in them is.
//!
//! In: the names of directories, depth first. Out: rooms for what lies in them. One that is new becomes the top of a
//! staged tree, everything below it a plain directory in there; one that was there is filled as it stands.
//! Invariant: a directory gets its permissions and time after everything in it.

use std::sync::Arc;

use landline_addr::path::SharePath;
use rustix::io::Errno;

use super::{
    Arrival,
    own::{ARRIVING_MODE, remove_all},
    plan::Fate,
    rooms::{End, NewRoom, RoomId},
    stage::{Stage, StageId},
};
use crate::files::tree::{Held as Dir, Kind, Mtime, Name, PERMISSIONS, Refusal, TreeError, kind_of};

/// Staged trees at once: each holds three descriptors. What exceeds them appears file by file.
const MAX_STAGES: usize = 32;

impl Arrival {
    /// The room, the name and the place of an entry.
    pub(super) fn spot(&mut self, relative: &SharePath) -> Result<(RoomId, Name, SharePath), TreeError> {
        let place = self.place(relative).map_err(|_too_long| TreeError::at(relative, Errno::NAMETOOLONG))?;
        // At the top the empty path is the base itself.
        let named = if self.inside.is_empty() { &place } else { relative };
        let name = Name::last_of(named).ok_or_else(|| TreeError::refused(&place, Refusal::Root))?;
        let room = match self.inside.last() {
            Some(room) if relative.parent().is_some_and(|above| above.is_root()) => *room,
            Some(_) => return Err(TreeError::NotFound { path: place.as_bytes().to_vec() }),
            None => self.outermost(&place.parent().unwrap_or_default())?,
        };
        Ok((room, name, place))
    }

    /// The room of entries that are in no directory of the stream. It keeps its permissions and time.
    fn outermost(&mut self, path: &SharePath) -> Result<RoomId, TreeError> {
        if let Some(id) = self.outermost.filter(|id| self.rooms.get(*id).is_some_and(|room| room.path == *path)) {
            return Ok(id);
        }
        self.leave_outermost();
        let dir = Arc::new(self.engine.tree.make_dirs_unsynced(path)?);
        let id = self.rooms.add(NewRoom::plain(path.clone()), dir);
        self.outermost = Some(id);
        Ok(id)
    }

    pub(super) fn leave_outermost(&mut self) {
        if let Some(id) = self.outermost.take() {
            self.end_room(id, End::AsItIs);
        }
    }

    pub(super) fn enter(&mut self, relative: &SharePath) -> Result<(), TreeError> {
        let place = self.place(relative).map_err(|_too_long| TreeError::at(relative, Errno::NAMETOOLONG))?;
        let id = match (self.inside.last().copied(), Name::last_of(relative)) {
            (Some(parent), Some(name)) if relative.parent().is_some_and(|above| above.is_root()) => {
                self.enter_inside(parent, name, place)?
            }
            (Some(_), _) => return Err(TreeError::NotFound { path: place.as_bytes().to_vec() }),
            (None, _) => match (place.parent(), Name::last_of(&place)) {
                (Some(above), Some(name)) => {
                    let parent = Arc::new(self.engine.tree.make_dirs_unsynced(&above)?);
                    self.enter_plain(None, &parent, name, place)?
                }
                _ => {
                    let dir = self.engine.tree.dir(&place)?;
                    self.rooms.add(NewRoom::plain(place), Arc::new(dir))
                }
            },
        };
        self.inside.push(id);
        Ok(())
    }

    fn enter_inside(&mut self, parent: RoomId, name: Name, place: SharePath) -> Result<RoomId, TreeError> {
        let dir = self.handle(parent)?;
        let stage = self.rooms.get(parent).and_then(|room| room.stage);
        let id = match stage {
            Some(stage) => self.enter_staged(stage, parent, &dir, name, place)?,
            None => self.enter_plain(Some(parent), &dir, name, place)?,
        };
        self.hold_up(parent);
        Ok(id)
    }

    /// Where others can see: what is new there becomes a staged tree.
    fn enter_plain(
        &mut self,
        parent: Option<RoomId>,
        above: &Arc<Dir>,
        name: Name,
        path: SharePath,
    ) -> Result<RoomId, TreeError> {
        let failed = |errno| TreeError::at(&path, errno);
        let new = |path: SharePath| NewRoom { name: Some(name.clone()), parent, ..NewRoom::plain(path) };
        match above.child(&name) {
            Ok(dir) => return Ok(self.rooms.add(new(path), Arc::new(dir))),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
        if self.stages.len() >= MAX_STAGES {
            self.publish_stages();
        }
        if !self.policy.trees || self.stages.len() >= MAX_STAGES {
            self.engine.tree.make_arriving_dir(&path)?;
            let dir = self.engine.tree.dir(&path)?;
            return Ok(self.rooms.add(new(path), Arc::new(dir)));
        }
        self.tidy(above);
        self.witness(above);
        let stages = &self.stages;
        let holds = |stage: &Stage| stage.name == name && stage.own.parent.id() == above.id();
        let is_own = || stages.values().any(holds);
        let turn = self.patience.turn(&is_own);
        let stage = Stage::begin(above, path.clone(), name.clone(), &self.owner, turn).map_err(failed)?;
        let id = StageId(self.next_stage);
        self.next_stage += 1;
        self.tell_born(above, Some(&stage.own.name), None, &path);
        let room = NewRoom { stage: Some(id), anchored: true, fresh: !stage.taken_up, ..new(path) };
        let dir = Arc::clone(&stage.own.dir);
        self.stages.insert(id, stage);
        Ok(self.rooms.add(room, dir))
    }

    /// In a staged tree: whatever is in the way is left over from an earlier run.
    fn enter_staged(
        &mut self,
        stage: StageId,
        parent: RoomId,
        above: &Arc<Dir>,
        name: Name,
        path: SharePath,
    ) -> Result<RoomId, TreeError> {
        let failed = |errno| TreeError::at(&path, errno);
        if let Some(seen) = self.rooms.get_mut(parent).and_then(|room| room.seen.as_mut()) {
            seen.insert(name.clone());
        }
        let fresh = match above.make_dir(&name, ARRIVING_MODE) {
            Ok(()) => true,
            Err(Errno::EXIST) if above.stat(&name).is_ok_and(|stat| kind_of(&stat) == Kind::Dir) => false,
            Err(Errno::EXIST) => {
                remove_all(above, &name).and_then(|()| above.make_dir(&name, ARRIVING_MODE)).map_err(failed)?;
                true
            }
            Err(errno) => return Err(failed(errno)),
        };
        let dir = above.child(&name).map_err(failed)?;
        if !fresh && dir.own_stat().map_err(failed)?.st_mode & PERMISSIONS != ARRIVING_MODE {
            dir.set_own_meta(Some(ARRIVING_MODE), None).map_err(failed)?;
        }
        if let Some(stage) = self.stages.get_mut(&stage) {
            stage.add_dir(&path);
        }
        let stage = Some(stage);
        let room = NewRoom { path, name: Some(name), parent: Some(parent), stage, anchored: false, fresh };
        Ok(self.rooms.add(room, Arc::new(dir)))
    }

    pub(super) fn leave(&mut self, mode: u32, mtime: Option<Mtime>) {
        if let Some(id) = self.inside.pop() {
            self.end_room(id, End::Meta(mode, mtime));
        }
    }

    fn end_room(&mut self, id: RoomId, end: End) {
        if let Some(room) = self.rooms.get_mut(id) {
            room.end = end;
        }
        self.settle_if_done(id);
    }

    /// One more thing in the room is to be settled.
    pub(super) fn hold_up(&mut self, id: RoomId) {
        if let Some(room) = self.rooms.get_mut(id) {
            room.unsettled += 1;
        }
    }

    /// One thing in the room is settled.
    pub(super) fn release(&mut self, id: RoomId) {
        if let Some(room) = self.rooms.get_mut(id) {
            room.unsettled = room.unsettled.saturating_sub(1);
        }
        self.settle_if_done(id);
    }

    fn settle_if_done(&mut self, id: RoomId) {
        if !self.rooms.get(id).is_some_and(|room| room.end != End::Open && room.unsettled == 0) {
            return;
        }
        self.make_links(id);
        let Some(room) = self.rooms.get_mut(id) else { return };
        let (parent, path, stage, end) = (room.parent, room.path.clone(), room.stage, room.end);
        let (seen, scratch) = (room.seen.take(), room.scratch.take());
        if let Some(scratch) = scratch {
            let _ = scratch.remove(); // else a later sweep finds it
        }
        if let Some(seen) = seen
            && let Err(fault) = self.remove_unseen(id, &path, &seen)
        {
            self.fates.push(Fate::DirFailed { path: path.clone(), fault });
        }
        let top = stage.filter(|_| self.rooms.is_top(id));
        if let (Some(stage), End::Meta(mode, mtime)) = (top.and_then(|top| self.stages.get_mut(&top)), end) {
            stage.complete = Some((mode, mtime)); // its parent goes on when it has its name
            return;
        }
        if let End::Meta(mode, mtime) = end
            && let Err(fault) = self.finish_dir(id, &path, mode, mtime)
        {
            self.fates.push(Fate::DirFailed { path, fault });
        }
        if stage.is_none() {
            self.rooms.remove(id);
        }
        if let Some(parent) = parent {
            self.release(parent);
        }
    }

    /// What an earlier run brought and the source has no more.
    fn remove_unseen(
        &mut self,
        id: RoomId,
        path: &SharePath,
        seen: &std::collections::HashSet<Name>,
    ) -> Result<(), TreeError> {
        let dir = self.handle(id)?;
        let names = dir.names().map_err(|errno| TreeError::at(path, errno))?;
        for name in names.iter().filter(|name| !name.is_hidden() && !seen.contains(*name)) {
            remove_all(&dir, name).map_err(|errno| TreeError::at(path, errno))?;
        }
        Ok(())
    }

    fn finish_dir(&mut self, id: RoomId, path: &SharePath, mode: u32, mtime: Option<Mtime>) -> Result<(), TreeError> {
        if path.is_root() {
            return Ok(()); // the share itself keeps its own permissions and time
        }
        let failed = |errno| TreeError::at(path, errno);
        let dir = self.handle(id)?;
        let stat = dir.own_stat().map_err(failed)?;
        let now = Mtime::new(stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0));
        let mode = Some(mode & PERMISSIONS).filter(|mode| *mode != stat.st_mode & PERMISSIONS);
        let mtime = mtime.filter(|mtime| Some(*mtime) != now);
        if mode.is_some() || mtime.is_some() {
            dir.set_own_meta(mode, mtime).map_err(failed)?;
        }
        let staged = self.rooms.get(id).is_some_and(|room| room.stage.is_some());
        if staged { Ok(()) } else { self.engine.tree.sync_above(path) }
    }

    /// Makes the names in a room durable, and those on the way to it. `target`: something in it, for words.
    pub(super) fn sync_room(&mut self, id: RoomId, target: &SharePath) -> Result<(), TreeError> {
        let dir = self.handle(id)?;
        dir.sync().map_err(|errno| TreeError::at(target, errno))?;
        self.engine.tree.sync_above(target)
    }
}
