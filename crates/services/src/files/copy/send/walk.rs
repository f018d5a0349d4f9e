//! The walk through what is sent: directories before and after their content, names in order, one listing held per
//! level.

use std::{sync::Arc, vec};

use landline_addr::path::{FileName, SharePath};
use landline_wire::{ErrorCode, Fault};
use tokio_util::sync::CancellationToken;

use super::Load;
use crate::files::{
    filter::Filter,
    tree::{Entry, Kind, Tree, TreeError},
};

/// One thing that is sent, with all below it.
#[derive(Debug, Clone)]
pub struct Root {
    /// The tree it lies in.
    pub tree: Arc<Tree>,
    /// Where in that tree.
    pub from: SharePath,
    /// Where it shall be at the receiver.
    pub to: SharePath,
}

/// What comes next.
pub(super) enum Step {
    /// A directory begins.
    Dir { to: SharePath },
    /// A directory is complete.
    DirEnd { to: SharePath, entry: Entry },
    /// A file.
    File { from: SharePath, to: SharePath, size: u64 },
    /// Something that is not sent.
    Skip { from: Vec<u8>, fault: Fault },
}

pub(super) struct Walk<'a> {
    root: &'a Root,
    filter: &'a Filter,
    /// A walk that nobody waits for any more ends here, also where it finds nothing to tell.
    gone: &'a CancellationToken,
    started: bool,
    levels: Vec<Level>,
}

struct Level {
    from: SharePath,
    to: SharePath,
    entry: Entry,
    rest: vec::IntoIter<Entry>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Root, filter: &'a Filter, gone: &'a CancellationToken) -> Self {
        Self { root, filter, gone, started: false, levels: Vec::new() }
    }

    pub(super) fn next_step(&mut self) -> Option<Step> {
        if !self.started {
            self.started = true;
            let (from, to) = (self.root.from.clone(), self.root.to.clone());
            return Some(match self.root.tree.stat(&from) {
                Ok(entry) => self.step(from, to, entry),
                Err(fault) => skip(&from, &fault),
            });
        }
        while !self.gone.is_cancelled() {
            let (root, filter) = (self.root, self.filter);
            let level = self.levels.last_mut()?;
            let Some(entry) = level.rest.next() else {
                let Level { to, entry, .. } = self.levels.pop()?;
                return Some(Step::DirEnd { to, entry });
            };
            let name = entry.name.clone();
            let paths = FileName::parse(&name).and_then(|name| Ok((level.from.join(&name)?, level.to.join(&name)?)));
            match paths {
                Ok((from, _)) if is_excluded(root, filter, &from) => {}
                Ok((from, to)) => return Some(self.step(from, to, entry)),
                Err(fault) => {
                    let mut from = level.from.as_bytes().to_vec();
                    from.push(b'/');
                    from.extend(name);
                    return Some(Step::Skip { from, fault: Fault::new(ErrorCode::BadName, fault.to_string()) });
                }
            }
        }
        None
    }

    fn step(&mut self, from: SharePath, to: SharePath, entry: Entry) -> Step {
        match entry.kind {
            Kind::File => Step::File { from, to, size: entry.size },
            Kind::Dir => match self.root.tree.list(&from) {
                Ok(entries) => {
                    self.levels.push(Level { from, to: to.clone(), entry, rest: entries.into_iter() });
                    Step::Dir { to }
                }
                Err(fault) => skip(&from, &fault),
            },
            kind @ (Kind::Link | Kind::Other) => {
                let fault = Fault::new(ErrorCode::WrongKind, format!("{kind} is not copied"));
                Step::Skip { from: from.as_bytes().to_vec(), fault }
            }
        }
    }
}

/// Judged by the path relative to what is sent, so that where that lies makes no difference.
fn is_excluded(root: &Root, filter: &Filter, from: &SharePath) -> bool {
    let whole = from.as_bytes();
    let relative = whole.get(root.from.as_bytes().len()..).unwrap_or(whole);
    filter.excludes(relative.strip_prefix(b"/").unwrap_or(relative))
}

fn skip(from: &SharePath, fault: &TreeError) -> Step {
    Step::Skip { from: from.as_bytes().to_vec(), fault: Fault::new(fault.code(), fault.to_string()) }
}

/// Files and bytes of the whole load by a walk without reading; `None` if there is nothing.
pub(super) fn count(load: &Load, gone: &CancellationToken) -> Option<(u64, u64)> {
    let (mut files, mut bytes) = (0u64, 0u64);
    for root in &load.roots {
        let mut walk = Walk::new(root, &load.filter, gone);
        while let Some(step) = walk.next_step() {
            if let Step::File { size, .. } = step {
                files += 1;
                bytes = bytes.saturating_add(size);
            }
        }
    }
    (files > 0).then_some((files, bytes))
}

/// What a dry run would send: the receiver's path and size of each file, and what would be left out.
pub fn plan(roots: &[Root], filter: &Filter, mut each: impl FnMut(Planned)) {
    let never = CancellationToken::new();
    for root in roots {
        let mut walk = Walk::new(root, filter, &never);
        while let Some(step) = walk.next_step() {
            match step {
                Step::File { to, size, .. } => each(Planned::File { to, size }),
                Step::Skip { from, fault } => each(Planned::Skip { from, fault }),
                Step::Dir { .. } | Step::DirEnd { .. } => {}
            }
        }
    }
}

/// One step of [`plan`].
#[derive(Debug)]
pub enum Planned {
    /// Would be sent.
    File {
        /// Where it would be.
        to: SharePath,
        /// Bytes.
        size: u64,
    },
    /// Would not be sent.
    Skip {
        /// What.
        from: Vec<u8>,
        /// Why.
        fault: Fault,
    },
}
