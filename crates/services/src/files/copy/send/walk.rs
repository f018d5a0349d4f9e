//! The walk through what is sent: directories before and after their content, names in order, one list of names held
//! per level.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    vec,
};

use landline_addr::path::{FileName, SharePath};
use landline_wire::{ErrorCode, Fault};
use tokio_util::sync::CancellationToken;

use super::Load;
use crate::files::{
    filter::Filter,
    tree::{Found, Held, Kind, Name, Tree, TreeError},
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

/// A directory that is read from, held open while anything of it is still to be sent.
#[derive(Debug)]
pub(in crate::files) struct Place {
    pub(in crate::files) held: Held,
    /// Counts the places there are.
    alive: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What comes next. `path` is relative to the directory that the stream is in.
pub(in crate::files) enum Step {
    /// A directory begins.
    Dir { path: Vec<u8>, to: SharePath },
    /// The innermost directory is complete.
    DirEnd { entry: Found },
    /// A file or a link.
    Entry { path: Vec<u8>, place: Arc<Place>, name: Name, to: SharePath, entry: Found },
    /// Something that is not sent.
    Skip { to: Vec<u8>, fault: Fault },
}

pub(in crate::files) struct Walk<'a> {
    root: &'a Root,
    filter: &'a Filter,
    /// A walk that nobody waits for any more ends here, also where it finds nothing to tell.
    gone: CancellationToken,
    alive: Arc<AtomicUsize>,
    started: bool,
    levels: Vec<Level>,
}

struct Level {
    place: Arc<Place>,
    from: SharePath,
    to: SharePath,
    entry: Found,
    rest: vec::IntoIter<(Name, Option<Kind>)>,
}

impl<'a> Walk<'a> {
    pub(in crate::files) fn new(
        root: &'a Root,
        filter: &'a Filter,
        gone: CancellationToken,
        alive: Arc<AtomicUsize>,
    ) -> Self {
        Self { root, filter, gone, alive, started: false, levels: Vec::new() }
    }

    pub(in crate::files) fn next_step(&mut self) -> Option<Step> {
        if !self.started {
            self.started = true;
            return Some(self.begin());
        }
        while !self.gone.is_cancelled() {
            let (root, filter) = (self.root, self.filter);
            let level = self.levels.last_mut()?;
            let Some((name, _)) = level.rest.next() else {
                let Level { entry, .. } = self.levels.pop()?;
                return Some(Step::DirEnd { entry });
            };
            let paths =
                FileName::parse(name.as_bytes()).and_then(|name| Ok((level.from.join(&name)?, level.to.join(&name)?)));
            let (from, to) = match paths {
                Ok((from, _)) if is_excluded(root, filter, &from) => continue,
                Ok(paths) => paths,
                Err(fault) => {
                    let to = [level.to.as_bytes(), b"/", name.as_bytes()].concat();
                    return Some(Step::Skip { to, fault: Fault::new(ErrorCode::BadName, fault.to_string()) });
                }
            };
            let place = Arc::clone(&level.place);
            match look(&place.held, &name) {
                Ok(entry) => return Some(self.step(place, name.as_bytes().to_vec(), name, from, to, entry)),
                Err(rustix::io::Errno::NOENT) => {} // gone since its directory was read: as if it had never been there
                Err(errno) => return Some(skip(&to, &from, &TreeError::at(&from, errno))),
            }
        }
        None
    }

    /// The root itself: a file or directory in a tree, or the tree's own root.
    fn begin(&mut self) -> Step {
        let (from, to) = (self.root.from.clone(), self.root.to.clone());
        let path = to.as_bytes().to_vec();
        let Some((parent, name)) = from.parent().zip(Name::last_of(&from)) else {
            let found = self.root.tree.dir(&from).and_then(|held| {
                let stat = held.own_stat().map_err(|errno| TreeError::at(&from, errno))?;
                Ok((Found::of(b"", &stat), held))
            });
            return match found {
                Ok((entry, held)) => self.enter(held, path, from, to, entry),
                Err(fault) => skip(&to, &from, &fault),
            };
        };
        let found = self.root.tree.dir(&parent).and_then(|held| {
            let entry = look(&held, &name).map_err(|errno| TreeError::at(&from, errno))?;
            Ok((held, entry))
        });
        match found {
            Ok((held, entry)) => {
                let place = self.place(held);
                self.step(place, path, name, from, to, entry)
            }
            Err(fault) => skip(&to, &from, &fault),
        }
    }

    fn place(&self, held: Held) -> Arc<Place> {
        self.alive.fetch_add(1, Ordering::Relaxed);
        Arc::new(Place { held, alive: Arc::clone(&self.alive) })
    }

    fn step(
        &mut self,
        place: Arc<Place>,
        path: Vec<u8>,
        name: Name,
        from: SharePath,
        to: SharePath,
        entry: Found,
    ) -> Step {
        match entry.kind {
            Kind::File | Kind::Link => Step::Entry { path, place, name, to, entry },
            Kind::Dir => match place.held.child(&name) {
                Ok(held) => self.enter(held, path, from, to, entry),
                Err(errno) => skip(&to, &from, &TreeError::at(&from, errno)),
            },
            kind @ Kind::Other => {
                let fault = Fault::new(ErrorCode::WrongKind, format!("{kind} is not copied"));
                Step::Skip { to: to.as_bytes().to_vec(), fault }
            }
        }
    }

    fn enter(&mut self, held: Held, path: Vec<u8>, from: SharePath, to: SharePath, entry: Found) -> Step {
        let names = match held.list_sorted() {
            Ok(names) => names,
            Err(errno) => return skip(&to, &from, &TreeError::at(&from, errno)),
        };
        let place = self.place(held);
        self.levels.push(Level { place, from, to: to.clone(), entry, rest: names.into_iter() });
        Step::Dir { path, to }
    }
}

/// What is called `name`, and where it leads if it is a link. One that stops being a link in between is gone.
fn look(held: &Held, name: &Name) -> rustix::io::Result<Found> {
    let mut found = held.look(name)?;
    if found.kind == Kind::Link {
        found.entry.link_target = Some(held.read_link(name).map_err(|_| rustix::io::Errno::NOENT)?);
    }
    Ok(found)
}

/// Judged by the path relative to what is sent, so that where that lies makes no difference.
fn is_excluded(root: &Root, filter: &Filter, from: &SharePath) -> bool {
    if filter.is_empty() {
        return false;
    }
    let whole = from.as_bytes();
    let relative = whole.get(root.from.as_bytes().len()..).unwrap_or(whole);
    filter.excludes(relative.strip_prefix(b"/").unwrap_or(relative))
}

/// Why the source at `place` can't be read, without that place: the receiver tells where it would have been.
pub(super) fn unreadable(place: &SharePath, fault: &TreeError) -> Fault {
    let text = fault.to_string();
    let words = text.strip_prefix(&format!("{}: ", crate::files::tree::place(place.as_bytes()))).unwrap_or(&text);
    Fault::new(fault.code(), format!("it can't be read: {words}"))
}

fn skip(to: &SharePath, from: &SharePath, fault: &TreeError) -> Step {
    Step::Skip { to: to.as_bytes().to_vec(), fault: unreadable(from, fault) }
}

/// Files and bytes of the whole load by a walk without reading; `None` if there is nothing.
pub(super) fn count(load: &Load, gone: &CancellationToken) -> Option<(u64, u64)> {
    let (mut files, mut bytes) = (0u64, 0u64);
    for root in &load.roots {
        let mut walk = Walk::new(root, &load.filter, gone.clone(), Arc::default());
        while let Some(step) = walk.next_step() {
            if let Step::Entry { entry, .. } = step
                && entry.kind == Kind::File
            {
                files += 1;
                bytes = bytes.saturating_add(entry.size);
            }
        }
    }
    (files > 0).then_some((files, bytes))
}

/// What a dry run would send: the receiver's path and size of each file, and what would be left out.
pub fn plan(roots: &[Root], filter: &Filter, mut each: impl FnMut(Planned)) {
    for root in roots {
        let mut walk = Walk::new(root, filter, CancellationToken::new(), Arc::default());
        while let Some(step) = walk.next_step() {
            match step {
                Step::Entry { to, entry, .. } => {
                    each(Planned::File { to, size: if entry.kind == Kind::File { entry.size } else { 0 } });
                }
                Step::Skip { to, fault } => each(Planned::Skip { to, fault }),
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
        /// Where it would have been.
        to: Vec<u8>,
        /// Why.
        fault: Fault,
    },
}
