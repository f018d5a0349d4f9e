//! Rooms: the directories that a stream has been in and that are not settled yet, and the few handles to them.
//!
//! In: directories as they are entered. Out: a handle to one, reopened by its confined path if it was let go, and proof
//! that it is still the same. Knows nothing of files.
//! Invariant: at most [`MAX_HANDLES`] handles are held for rooms, however many there are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use landline_addr::path::SharePath;

use super::{links::Link, own::OwnDir, stage::StageId};
use crate::files::tree::{DirId, Held as Dir, Mtime, Name, Refusal, Tree, TreeError};

/// Handles held at once: half of the depth of the deepest tree, far below the usual 1024 descriptors of a process.
const MAX_HANDLES: usize = 64;

/// Which room of an arrival. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RoomId(u64);

/// Whether more will come into a room, and what is to be set then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The stream is still in it.
    Open,
    /// The stream has left it, and it keeps what permissions and time it has.
    AsItIs,
    /// It gets these when all in it is settled.
    Meta(u32, Option<Mtime>),
}

/// A directory of the stream.
#[derive(Debug)]
pub(super) struct Room {
    /// Where it lies, or will lie when its staged tree is published.
    pub(super) path: SharePath,
    /// Inside `parent`.
    name: Option<Name>,
    pub(super) parent: Option<RoomId>,
    id: DirId,
    handle: Option<Arc<Dir>>,
    /// The top of a staged tree is held by that.
    anchored: bool,
    used: u64,
    /// The staged tree that it lies in.
    pub(super) stage: Option<StageId>,
    /// Nothing can be in it but what this arrival put there.
    pub(super) fresh: bool,
    /// Files, directories and links in it that are not settled.
    pub(super) unsettled: usize,
    pub(super) end: End,
    /// To be made last.
    pub(super) links: Vec<Link>,
    /// Where small files arrive if others can see this room.
    pub(super) scratch: Option<OwnDir>,
    /// What the stream has named, in a room that an earlier run has left; the rest is not wanted any more.
    pub(super) seen: Option<HashSet<Name>>,
}

/// How a room comes about.
pub(super) struct NewRoom {
    pub(super) path: SharePath,
    pub(super) name: Option<Name>,
    pub(super) parent: Option<RoomId>,
    pub(super) stage: Option<StageId>,
    pub(super) anchored: bool,
    pub(super) fresh: bool,
}

impl NewRoom {
    /// A directory that others can see, and that was not entered from another room.
    pub(super) fn plain(path: SharePath) -> Self {
        Self { path, name: None, parent: None, stage: None, anchored: false, fresh: false }
    }
}

/// All rooms of an arrival.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    all: HashMap<RoomId, Room>,
    open: Vec<RoomId>,
    next: u64,
    clock: u64,
}

impl Rooms {
    pub(super) fn add(&mut self, new: NewRoom, dir: Arc<Dir>) -> RoomId {
        let id = RoomId(self.next);
        self.next += 1;
        let NewRoom { path, name, parent, stage, anchored, fresh } = new;
        let seen = (stage.is_some() && !fresh).then(HashSet::new);
        let room = Room {
            path,
            name,
            parent,
            id: dir.id(),
            handle: None,
            anchored,
            used: 0,
            stage,
            fresh,
            unsettled: 0,
            end: End::Open,
            links: Vec::new(),
            scratch: None,
            seen,
        };
        self.all.insert(id, room);
        self.hold(id, dir);
        id
    }

    pub(super) fn get(&self, id: RoomId) -> Option<&Room> {
        self.all.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: RoomId) -> Option<&mut Room> {
        self.all.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: RoomId) -> Option<Room> {
        self.open.retain(|open| *open != id);
        self.all.remove(&id)
    }

    /// Removes what is only there while files arrive.
    pub(super) fn clear_up(&mut self) {
        for scratch in self.all.values_mut().filter_map(|room| room.scratch.take()) {
            let _ = scratch.remove(); // else a later sweep finds it
        }
    }

    /// Whether small files arrive in this directory already, by one room or another.
    pub(super) fn has_scratch_in(&self, dir: DirId) -> bool {
        self.all.values().filter_map(|room| room.scratch.as_ref()).any(|scratch| scratch.parent.id() == dir)
    }

    /// Whether this is the top of a staged tree.
    pub(super) fn is_top(&self, id: RoomId) -> bool {
        self.get(id).is_some_and(|room| room.anchored)
    }

    /// The rooms of a staged tree.
    pub(super) fn of_stage(&self, stage: StageId) -> Vec<RoomId> {
        self.all.iter().filter(|(_, room)| room.stage == Some(stage)).map(|(id, _)| *id).collect()
    }

    /// Where `name` lies, or will lie.
    pub(super) fn path_of(&self, id: RoomId, name: &Name) -> Option<SharePath> {
        self.get(id)?.path.append(&SharePath::parse(name.as_bytes()).ok()?).ok()
    }

    fn hold(&mut self, id: RoomId, dir: Arc<Dir>) {
        self.clock += 1;
        let clock = self.clock;
        let Some(room) = self.all.get_mut(&id) else { return };
        (room.handle, room.used) = (Some(dir), clock);
        if room.anchored {
            return;
        }
        self.open.push(id);
        if self.open.len() <= MAX_HANDLES {
            return;
        }
        let used = |id: &RoomId| self.all.get(id).map_or(0, |room| room.used);
        if let Some((at, _)) = self.open.iter().enumerate().min_by_key(|(_, id)| used(id)) {
            let oldest = self.open.swap_remove(at);
            if let Some(room) = self.all.get_mut(&oldest) {
                room.handle = None;
            }
        }
    }

    /// A handle to the room.
    ///
    /// # Errors
    /// [`Refusal::FolderMoved`] if its path leads elsewhere by now.
    pub(super) fn handle(&mut self, id: RoomId, tree: &Tree) -> Result<Arc<Dir>, TreeError> {
        self.clock += 1;
        let clock = self.clock;
        let Some(room) = self.all.get_mut(&id) else {
            return Err(TreeError::refused(&SharePath::root(), Refusal::FolderMoved));
        };
        room.used = clock;
        if let Some(dir) = &room.handle {
            return Ok(Arc::clone(dir));
        }
        let (path, known) = (room.path.clone(), room.id);
        let dir = match (room.stage, room.parent, room.name.clone()) {
            // Its path is not its own yet: down from the top of the staged tree.
            (Some(_), Some(parent), Some(name)) => {
                self.handle(parent, tree)?.child(&name).map_err(|errno| TreeError::at(&path, errno))?
            }
            _ => tree.dir(&path)?,
        };
        if dir.id() != known {
            return Err(TreeError::refused(&path, Refusal::FolderMoved));
        }
        let dir = Arc::new(dir);
        self.hold(id, Arc::clone(&dir));
        Ok(dir)
    }

    /// That the room is still where its path says: else the path that is acknowledged would be a lie.
    pub(super) fn check_place(&mut self, id: RoomId, tree: &Tree) -> Result<Arc<Dir>, TreeError> {
        let dir = self.handle(id, tree)?;
        let Some(room) = self.get(id) else { return Ok(dir) };
        if tree.dir(&room.path).is_ok_and(|now| now.id() == dir.id()) {
            Ok(dir)
        } else {
            Err(TreeError::refused(&room.path, Refusal::FolderMoved))
        }
    }

    /// The room's staged tree has its name: from now on it is a directory like others.
    pub(super) fn unstage(&mut self, id: RoomId, tree: &Tree) {
        self.open.retain(|open| *open != id);
        let Some(room) = self.all.get_mut(&id) else { return };
        (room.stage, room.anchored, room.fresh, room.seen, room.handle) = (None, false, false, None, None);
        // It may have been merged into a directory that was there.
        if let Ok(now) = tree.dir(&room.path) {
            room.id = now.id();
        }
    }
}
