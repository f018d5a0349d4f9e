//! Links of both kinds, made after everything else of their directory.
//!
//! In: where a link is and where it leads. Out: a verdict at once, the link when its directory is settled. A symbolic
//! link may lead only to places inside the tree that it came with, which is the outermost directory that the stream is in:
//! not the base, into which several trees may come side by side. One that came alone, in no directory, may lead to what
//! is beside it and below. Nothing here ever follows one.
//! Invariant: while anything still arrives in a directory, no link of the stream is in it.

use landline_addr::path::SharePath;
use rustix::io::Errno;

use super::{
    Arrival,
    existing::Entity,
    own::remove_all,
    plan::{Existing, Fate, Published, Verdict},
    rooms::RoomId,
    stage::Written,
    trees::same_at,
};
use crate::files::tree::{Entry, Held as Dir, Kind, Mtime, Name, Refusal, TreeError};

/// Files whose other names may still come; a sender that links more has the rest sent as files of their own.
const MAX_ORIGINS: usize = 1 << 16;

/// A link that waits for its directory.
#[derive(Debug)]
pub(super) struct Link {
    number: u64,
    name: Name,
    to: To,
}

#[derive(Debug)]
enum To {
    Target(Vec<u8>, Option<Mtime>),
    File(u64),
}

/// A file that gets other names too.
#[derive(Debug)]
pub(super) struct Origin {
    room: RoomId,
    name: Name,
    target: SharePath,
    state: State,
    /// Rooms with links that wait for it.
    waiting: Vec<RoomId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Arriving,
    There(Entity),
    Failed,
}

impl Arrival {
    /// Remembers a file that other names may come for.
    pub(super) fn remember_origin(&mut self, number: u64, room: RoomId, name: &Name, target: &SharePath) {
        if self.origins.len() < MAX_ORIGINS {
            let (name, target) = (name.clone(), target.clone());
            let origin = Origin { room, name, target, state: State::Arriving, waiting: Vec::new() };
            self.origins.insert(number, origin);
        }
    }

    /// The file is in its place, or (`None`) never will be; who waits for it can go on.
    pub(super) fn settle_origin(&mut self, number: u64, entity: Option<Entity>) {
        let Some(origin) = self.origins.get_mut(&number) else { return };
        origin.state = entity.map_or(State::Failed, State::There);
        for room in std::mem::take(&mut origin.waiting) {
            self.release(room);
        }
    }

    /// Files that never came can't be linked to.
    pub(super) fn give_up_origins(&mut self) {
        let open: Vec<u64> =
            self.origins.iter().filter(|(_, one)| one.state == State::Arriving).map(|(number, _)| *number).collect();
        for number in open {
            self.settle_origin(number, None);
        }
    }

    pub(super) fn take_link(
        &mut self,
        number: u64,
        relative: &SharePath,
        target: &[u8],
        mtime: Option<Mtime>,
    ) -> Result<Verdict, TreeError> {
        let (room, name, place) = self.spot(relative)?;
        let below_top = self.depth().saturating_sub(1);
        if !stays_inside(below_top, target) {
            return Err(TreeError::refused(&place, Refusal::LinkOutside));
        }
        let there = self.look_for_link(room, &name, &place)?;
        if let Some(entry) = there.filter(|entry| entry.kind == Kind::Link) {
            let dir = self.handle(room)?;
            if dir.read_link(&name).is_ok_and(|old| old == target) {
                if let Some(mtime) = mtime.filter(|mtime| *mtime != entry.mtime) {
                    dir.set_link_mtime(&name, mtime).map_err(|errno| TreeError::at(&place, errno))?;
                }
                return Ok(self.same_link(number, room, name, &entry));
            }
        }
        self.keep_link(room, Link { number, name, to: To::Target(target.to_vec(), mtime) });
        Ok(Verdict::Want)
    }

    pub(super) fn take_hard_link(
        &mut self,
        number: u64,
        relative: &SharePath,
        first: u64,
    ) -> Result<Verdict, TreeError> {
        let (room, name, place) = self.spot(relative)?;
        let there = self.look_for_link(room, &name, &place)?;
        let Some(origin) = self.origins.get_mut(&first) else {
            return Err(TreeError::NotFound { path: place.as_bytes().to_vec() });
        };
        match (origin.state, there) {
            (State::Failed, _) => return Err(TreeError::NotFound { path: origin.target.as_bytes().to_vec() }),
            (State::There(entity), Some(entry)) if Entity::of(&entry) == entity => {
                return Ok(self.same_link(number, room, name, &entry));
            }
            (State::There(_), _) => {}
            (State::Arriving, _) => {
                origin.waiting.push(room);
                self.hold_up(room);
            }
        }
        self.keep_link(room, Link { number, name, to: To::File(first) });
        Ok(Verdict::Want)
    }

    fn keep_link(&mut self, room: RoomId, link: Link) {
        if let Some(room) = self.rooms.get_mut(room) {
            room.links.push(link);
        }
    }

    /// What is there, if a link may take its place. In a staged tree everything gives way.
    fn look_for_link(&mut self, id: RoomId, name: &Name, place: &SharePath) -> Result<Option<Entry>, TreeError> {
        let dir = self.handle(id)?;
        let Some(room) = self.rooms.get_mut(id) else { return Ok(None) };
        if let Some(seen) = &mut room.seen {
            seen.insert(name.clone());
        }
        let staged = room.stage.is_some();
        let entry = match dir.stat(name) {
            Ok(stat) => Entry::of(b"", &stat),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(TreeError::at(place, errno)),
        };
        if staged {
            return Ok(Some(entry));
        }
        let path = place.as_bytes().to_vec();
        match entry.kind {
            Kind::Dir => Err(TreeError::IsADirectory { path }),
            kind @ Kind::Other => Err(TreeError::WrongKind { path, kind }),
            Kind::File | Kind::Link if self.policy.existing == Existing::Never => Err(TreeError::Exists { path }),
            Kind::File | Kind::Link => Ok(Some(entry)),
        }
    }

    /// In a staged tree it is published only now, and told then.
    fn same_link(&mut self, number: u64, room: RoomId, name: Name, entry: &Entry) -> Verdict {
        if let Some(stage) = self.stage_of(room) {
            stage.add(Written::of(number, room, name, None, entry));
        }
        Verdict::Same
    }

    /// Everything else in the room is settled: its links are made.
    pub(super) fn make_links(&mut self, id: RoomId) {
        let Some(links) = self.rooms.get_mut(id).map(|room| std::mem::take(&mut room.links)) else { return };
        if links.is_empty() {
            return;
        }
        let mut made = Vec::new();
        for link in links {
            let Some(path) = self.rooms.path_of(id, &link.name) else { continue };
            match self.make_link(id, &link, &path) {
                Ok(entry) => made.push((link, path, entry)),
                Err(fault) => self.fates.push(Fate::Failed { number: link.number, path, fault: fault.into() }),
            }
        }
        if let Some(stage) = self.stage_of(id) {
            for (link, _, entry) in made {
                stage.add(Written::of(link.number, id, link.name, None, &entry));
            }
            return;
        }
        let Some(some) = made.first().map(|(_, path, _)| path.clone()) else { return };
        let synced = self.sync_room(id, &some);
        for (link, path, entry) in made {
            let number = link.number;
            self.fates.push(match &synced {
                Ok(()) => {
                    let (size, version) = (entry.size, entry.version());
                    Fate::Kept { number, published: Published { path, size, hash: None, version } }
                }
                Err(fault) => Fate::Failed { number, fault: same_at(fault, &path).into(), path },
            });
        }
    }

    fn make_link(&mut self, id: RoomId, link: &Link, path: &SharePath) -> Result<Entry, TreeError> {
        let failed = |errno| TreeError::at(path, errno);
        let staged = self.rooms.get(id).is_some_and(|room| room.stage.is_some());
        let room = if staged { self.handle(id)? } else { self.rooms.check_place(id, &self.engine.tree)? };
        let (dir, name) = if staged {
            remove_all(&room, &link.name).map_err(failed)?;
            (room.clone(), link.name.clone())
        } else {
            (self.scratch(id, path)?, self.next_scratch_name())
        };
        match &link.to {
            To::Target(target, mtime) => {
                dir.symlink(&name, target).map_err(failed)?;
                if let Some(mtime) = mtime {
                    dir.set_link_mtime(&name, *mtime).map_err(failed)?;
                }
            }
            To::File(first) => self.link_file(*first, &dir, &name, path)?,
        }
        if !staged {
            let put = self.engine.put_in_place(&room, (&link.name, path), None, &self.policy, |replace| {
                dir.rename(&name, &room, &link.name, replace)
            });
            // Also when it worked: of two names of one file, a rename leaves both.
            let _ = dir.unlink(&name);
            put?;
        }
        room.stat(&link.name).map(|stat| Entry::of(b"", &stat)).map_err(failed)
    }

    /// Gives file `first` another name, if it is still that file.
    fn link_file(&mut self, first: u64, dir: &Dir, name: &Name, path: &SharePath) -> Result<(), TreeError> {
        let gone = || TreeError::NotFound { path: path.as_bytes().to_vec() };
        let failed = |errno| TreeError::at(path, errno);
        let origin = self.origins.get(&first).ok_or_else(gone)?;
        let State::There(entity) = origin.state else {
            return Err(TreeError::NotFound { path: origin.target.as_bytes().to_vec() });
        };
        let (room, old, target) = (origin.room, origin.name.clone(), origin.target.clone());
        let from = match self.rooms.get(room) {
            Some(_) => self.handle(room)?,
            None => match target.parent() {
                Some(above) => self.engine.tree.dir(&above).map(std::sync::Arc::new)?,
                None => return Err(gone()),
            },
        };
        from.hard_link(&old, dir, name).map_err(failed)?;
        let entry = dir.stat(name).map(|stat| Entry::of(b"", &stat)).map_err(failed)?;
        if Entity::of(&entry) != entity {
            let _ = dir.unlink(name);
            return Err(TreeError::Changed { path: target.as_bytes().to_vec() });
        }
        Ok(())
    }
}

/// Whether `target` leads to a place inside the tree, read as text, from a link that lies `depth` directories below its
/// top. What other links would make of it is for the machine that follows them.
fn stays_inside(depth: usize, target: &[u8]) -> bool {
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) {
        return false;
    }
    let mut depth = Some(depth);
    for part in target.split(|byte| *byte == b'/') {
        depth = match part {
            b"" | b"." => depth,
            b".." => depth.and_then(|depth| depth.checked_sub(1)),
            _ => depth.map(|depth| depth + 1),
        };
    }
    depth.is_some()
}

#[cfg(test)]
mod tests {
    use super::stays_inside;

    #[test]
    fn a_link_may_lead_anywhere_below_the_top_and_nowhere_else() {
        for (depth, target) in
            [(0, "a"), (0, "a/../b"), (1, ".."), (2, "../../x"), (1, "./.././a"), (0, "..."), (0, "a/.."), (0, ".")]
        {
            assert!(stays_inside(depth, target.as_bytes()), "{depth} {target}");
        }
        for (depth, target) in [
            (0, ""),
            (0, "/etc"),
            (0, ".."),
            (1, "../.."),
            (0, "a/../../b"),
            (1, "../../x/y"),
            (0, "a\0b"),
            (0, "../a"),
        ] {
            assert!(!stays_inside(depth, target.as_bytes()), "{depth} {target}");
        }
    }
}
