//! Partials as a person sees them: what was begun and not finished, whose it is, and that it can go.
//!
//! In: a tree and where to look. Out: [`PartialInfo`]; or the partial is gone. Files that arrive in groups and staged
//! trees alike. Nothing is believed that was not written by landline itself; nothing that has a living writer is removed.
//! To see whether there is one, its lock is asked for: a writer that comes at the same moment begins anew.

use std::ops::ControlFlow;
use std::time::Duration;

use landline_addr::path::{FileName, MAX_COMPONENTS, SharePath};
use rustix::io::Errno;

use super::arrival;
use super::partial::{Header, MAGIC};
use super::table::{MAX_GROUPS, Table};
use crate::files::digest::GROUP_BYTES;
use crate::files::tree::{self, Kind, Mtime, Name, Tree, TreeError, has_writer, kind_of, remove_one};

/// Something that arrived in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialInfo {
    /// The name that it will have, raw.
    pub target: Vec<u8>,
    /// Who sends it, in words from outside.
    pub owner: String,
    /// Whether it is a whole tree.
    pub tree: bool,
    /// Bytes that it will have, if that is known.
    pub size: Option<u64>,
    /// Bytes of it that are here and were verified; of a tree, those of its files.
    pub verified: u64,
    /// When it was begun, in seconds since 1970.
    pub started: i64,
    /// When it last got on.
    pub changed: Mtime,
    /// Whether it is arriving right now.
    pub living: bool,
}

/// What is known of the partial `staging` in the directory `dir`; `None` if there is none.
#[must_use]
pub fn describe(tree: &Tree, dir: &SharePath, staging: &str) -> Option<PartialInfo> {
    info(&tree.dir(dir).ok()?, &Name::parse_staging(staging)?)
}

/// Removes the partial `staging` in the directory `dir` with all that is known of it; whether it did. One that is
/// arriving right now stays.
///
/// # Errors
/// As the system refuses it.
pub fn clear(tree: &Tree, dir: &SharePath, staging: &str) -> Result<bool, TreeError> {
    let Some(name) = Name::parse_staging(staging) else { return Ok(false) };
    match remove_one(&tree.dir(dir)?, &name, Duration::ZERO) {
        Err(Errno::NOENT) => Ok(false),
        done => done.map_err(|errno| TreeError::at(dir, errno)),
    }
}

/// Tells `each` of all partials in the directory `dir` and those below it: where, the staging name, and what it is.
/// Directories that can't be read are passed over, and so is what others than landline left under such names.
///
/// # Errors
/// As the tree says of `dir` itself.
pub fn find(
    tree: &Tree,
    dir: &SharePath,
    mut each: impl FnMut(&SharePath, &str, PartialInfo),
) -> Result<(), TreeError> {
    let held = tree.dir(dir)?;
    below(&held, dir, 0, &mut each).map_err(|errno| TreeError::at(dir, errno))
}

/// Holds one handle for each level.
fn below(
    dir: &tree::Held,
    path: &SharePath,
    depth: usize,
    each: &mut impl FnMut(&SharePath, &str, PartialInfo),
) -> Result<(), Errno> {
    let (mut staged, mut children) = (Vec::new(), Vec::new());
    dir.names_streamed(|name, kind| {
        let name = Name::component(name);
        if name.is_staging() {
            staged.push(name);
        } else if !name.is_hidden() && kind.is_none_or(|kind| kind == Kind::Dir) {
            children.push(name);
        }
        ControlFlow::Continue(())
    })?;
    staged.sort_unstable();
    for name in staged {
        if let (Some(info), Ok(text)) = (info(dir, &name), std::str::from_utf8(name.as_bytes())) {
            each(path, text, info);
        }
    }
    children.sort_unstable();
    for name in children.into_iter().filter(|_| depth < MAX_COMPONENTS) {
        let inner = FileName::parse(name.as_bytes()).and_then(|name| path.join(&name));
        if let (Ok(inner), Ok(child)) = (inner, dir.child(&name)) {
            let _ = below(&child, &inner, depth + 1, each);
        }
    }
    Ok(())
}

fn info(dir: &tree::Held, staging: &Name) -> Option<PartialInfo> {
    match kind_of(&dir.stat(staging).ok()?) {
        Kind::File => file(dir, staging),
        Kind::Dir => whole_tree(dir, staging),
        Kind::Link | Kind::Other => None,
    }
}

fn file(dir: &tree::Held, staging: &Name) -> Option<PartialInfo> {
    let (content, found) = dir.open_file(staging, None).ok()?;
    let (entries, changed) = dir.open_file(&staging.journal(), None).ok()?;
    let (table, head) = Table::open(entries, dir.disk().clone(), MAGIC).ok()??;
    let header = Header::decode(&head.payload)?;
    let mut verified = 0_u64;
    let count = |index: u64, len: u32| {
        let end = index.saturating_mul(GROUP_BYTES).saturating_add(len.into());
        if end <= found.size { u64::from(len) } else { 0 }
    };
    table.scan(0, MAX_GROUPS, |index, record| verified += count(index, record.len)).ok()?;
    Some(PartialInfo {
        target: header.target,
        owner: header.label,
        tree: false,
        size: header.size,
        verified,
        started: header.started,
        changed: changed.mtime,
        living: has_writer(content),
    })
}

fn whole_tree(dir: &tree::Held, staging: &Name) -> Option<PartialInfo> {
    let inside = dir.child(staging).ok()?;
    let header = arrival::Header::read(&inside)?;
    Some(PartialInfo {
        target: header.target,
        owner: header.owner.label,
        tree: true,
        size: None,
        verified: bytes_in(&inside, 0),
        started: i64::try_from(header.started).unwrap_or(i64::MAX),
        changed: inside.look(&arrival::Header::file_name()).ok()?.mtime,
        living: has_writer(inside.open_dir_for_lock().ok()?),
    })
}

/// Bytes of all files in a tree; what can't be read counts nothing.
fn bytes_in(dir: &tree::Held, depth: usize) -> u64 {
    let names = dir.list_unsorted().unwrap_or_default();
    let size = |(name, kind): (Name, Option<Kind>)| match dir.look(&name) {
        Ok(found) if found.kind == Kind::File => found.size,
        Ok(found) if found.kind == Kind::Dir && kind.is_none_or(|kind| kind == Kind::Dir) && depth < MAX_COMPONENTS => {
            dir.child(&name).map_or(0, |child| bytes_in(&child, depth + 1))
        }
        Ok(_) | Err(_) => 0,
    };
    names.into_iter().map(size).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests;
