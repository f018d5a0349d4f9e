//! Visitors: who asks, and what each may read, see and change. The one place where the files service asks the decision.

use landline_addr::path::{FileName, SharePath};
use landline_trust::grant::{Area, Ask, Grant, may};
use landline_wire::{ErrorCode, Fault, WireName};

use super::Share;
use crate::files::{
    copy::receive::Coming,
    engine::{BACKUP, Existing, Policy},
    tree::Entry,
};

/// Who asks, with what rights.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// For the log.
    pub name: String,
    /// Whether many people go by this name: all who were let in without one of their own.
    pub is_default: bool,
    /// What this one may do.
    pub grants: Vec<Grant>,
    /// Where the paths of this call begin.
    pub area: Area,
}

impl Visitor {
    pub(super) fn may_read(&self, at: &SharePath) -> bool {
        may(&self.grants, &Ask::FilesRead(self.area, at))
    }

    fn may_write(&self, at: &SharePath) -> bool {
        may(&self.grants, &Ask::FilesWrite(self.area, at))
    }

    /// Whether this one may know that a folder is there: it holds something that is granted, or is that.
    fn may_see(&self, at: &SharePath) -> bool {
        self.may_read(at) || may(&self.grants, &Ask::FilesSee(self.area, at))
    }

    /// Whether this one could read what lies at `at`, or a part of it, or a folder that it is in.
    pub(super) fn may_read_about(&self, at: &SharePath) -> bool {
        may(&self.grants, &Ask::FilesReadAbout(self.area, at))
    }

    pub(super) fn may_not(&self, what: &str) -> Fault {
        Fault::new(ErrorCode::Refused, format!("{} may not {what} here", self.name))
    }
}

impl Share {
    pub(super) fn judge_writing(&self, visitor: &Visitor, at: &SharePath) -> Result<(), Fault> {
        if !visitor.may_write(at) {
            return Err(visitor.may_not("write"));
        }
        if self.read_only {
            return Err(Fault::new(ErrorCode::ReadOnly, "this share is served read-only"));
        }
        Ok(())
    }

    /// Whether that may be put at `at` in this way: a backup writes beside it, and a condition on what is there tells of it.
    pub(super) fn judge_putting(
        &self,
        visitor: &Visitor,
        (at, coming): (&SharePath, Coming),
        policy: Policy,
    ) -> Result<(), Fault> {
        self.judge_writing(visitor, at)?;
        if coming == Coming::Dir {
            return Ok(());
        }
        if policy.backup {
            let beside = SharePath::parse(&[at.as_bytes(), BACKUP].concat());
            let beside = beside.map_err(|fault| Fault::new(ErrorCode::BadName, fault.to_string()))?;
            self.judge_writing(visitor, &beside)?;
        }
        if (policy.if_match.is_some() || policy.existing == Existing::ByHash) && !visitor.may_read(at) {
            return Err(visitor.may_not("read"));
        }
        Ok(())
    }

    pub(super) fn writable(&self, visitor: &Visitor, path: &WireName) -> Result<SharePath, Fault> {
        let at = parse(path)?;
        self.judge_writing(visitor, &at)?;
        Ok(at)
    }
}

fn parse(path: &WireName) -> Result<SharePath, Fault> {
    SharePath::parse(&path.0).map_err(|fault| Fault::new(ErrorCode::BadName, fault.to_string()))
}

pub(super) fn readable(visitor: &Visitor, path: &WireName) -> Result<SharePath, Fault> {
    let at = parse(path)?;
    if visitor.may_read(&at) { Ok(at) } else { Err(visitor.may_not("read")) }
}

/// A path that may be read, or leads to one that may.
pub(super) fn visible(visitor: &Visitor, path: &WireName) -> Result<SharePath, Fault> {
    let at = parse(path)?;
    if visitor.may_see(&at) { Ok(at) } else { Err(visitor.may_not("read")) }
}

fn leads(visitor: &Visitor, dir: &SharePath, entry: &Entry) -> bool {
    let at = FileName::parse(&entry.name).and_then(|name| dir.join(&name));
    at.is_ok_and(|at| visitor.may_see(&at))
}

/// Of a folder that only leads to what is granted, what leads there.
pub(super) fn only_visible(visitor: &Visitor, at: &SharePath, mut entries: Vec<Entry>) -> Vec<Entry> {
    if !visitor.may_read(at) {
        entries.retain(|entry| leads(visitor, at, entry));
    }
    entries
}
