//! Files of a stream before their content: whether they are wanted, and what of them is here already.
//!
//! In: a name and a plan. Out: a verdict, at the cost of one look for a file that is the same.

use landline_addr::path::SharePath;
use rustix::io::Errno;

use super::{
    Arrival,
    content::Incoming,
    existing::{Entity, There, hash_of},
    own::remove_all,
    plan::{Existing, Plan, Verdict},
    rooms::RoomId,
    stage::Written,
};
use crate::files::{
    digest::GROUP_BYTES,
    engine::partial::Partial,
    tree::{Entry, Kind, Name, PERMISSIONS, TreeError},
};

impl Arrival {
    pub(super) fn announce(&mut self, number: u64, relative: &SharePath, plan: Plan) -> Result<Verdict, TreeError> {
        self.broken(number); // a number is used once
        let (room, name, target) = self.spot(relative)?;
        if plan.linked {
            self.remember_origin(number, room, &name, &target);
        }
        let judged = self.judge(room, &name, &target, &plan);
        let only = match judged {
            Ok(There::Free) => None,
            Ok(There::Only(version)) => Some(version),
            Ok(There::Same(entity)) => {
                self.add_same(number, room, name, &plan, &target)?;
                self.settle_origin(number, Some(entity));
                return Ok(Verdict::Same);
            }
            Err(fault) => {
                self.settle_origin(number, None);
                return Err(fault);
            }
        };
        let mut file = Incoming { room, name, target, plan, only, partial: None, ended: None, used: 0 };
        let mut verdict = Verdict::Want;
        // A smaller one can't be resumed: there is nothing to ask for.
        if file.plan.size.is_none_or(|size| size > GROUP_BYTES) {
            let opened = self.open_partial(&mut file).inspect_err(|_| self.settle_origin(number, None));
            let held = opened.map(|()| file.partial.as_deref().map(Partial::held))?;
            if let Some(held) = held.filter(|held| !held.runs.is_empty()) {
                verdict = Verdict::Rest(held);
            }
        }
        self.hold_up(room);
        self.keep_file(number, file);
        Ok(verdict)
    }

    fn judge(&mut self, id: RoomId, name: &Name, target: &SharePath, plan: &Plan) -> Result<There, TreeError> {
        let Some(room) = self.rooms.get_mut(id) else { return Ok(There::Free) };
        if room.stage.is_none() {
            let dir = self.handle(id)?;
            return self.engine.judge(&dir, (name, target), plan, &self.policy);
        }
        if self.policy.if_match.is_some() {
            return Err(TreeError::Changed { path: target.as_bytes().to_vec() }); // its whole directory is new
        }
        let Some(seen) = &mut room.seen else { return Ok(There::Free) };
        seen.insert(name.clone());
        let failed = |errno| TreeError::at(target, errno);
        let dir = self.handle(id)?;
        let entry = match dir.stat(name) {
            Ok(stat) => Entry::of(b"", &stat),
            Err(Errno::NOENT) => return Ok(There::Free),
            Err(errno) => return Err(failed(errno)),
        };
        let agrees = entry.kind == Kind::File
            && plan.size == Some(entry.size)
            && plan.mtime == Some(entry.mtime)
            && plan.mode & PERMISSIONS == entry.mode;
        let same = agrees
            && match self.policy.existing {
                Existing::Update | Existing::Never => true,
                Existing::ByHash => match plan.hash {
                    Some(hash) => hash == hash_of(&dir, name).map_err(failed)?,
                    None => false,
                },
                Existing::Always => false,
            };
        if same {
            return Ok(There::Same(Entity::of(&entry)));
        }
        remove_all(&dir, name).map_err(failed)?; // it would be published, should this one fail
        Ok(There::Free)
    }

    /// In a staged tree it is published only now, and told then.
    fn add_same(
        &mut self,
        number: u64,
        room: RoomId,
        name: Name,
        plan: &Plan,
        target: &SharePath,
    ) -> Result<(), TreeError> {
        if self.stage_of(room).is_none() {
            return Ok(());
        }
        let stat = self.handle(room)?.stat(&name).map_err(|errno| TreeError::at(target, errno))?;
        let entry = Entry::of(b"", &stat);
        if let Some(stage) = self.stage_of(room) {
            stage.add(Written::of(number, room, name, plan.hash, &entry));
        }
        Ok(())
    }
}
