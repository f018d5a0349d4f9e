//! What is there already: whether it is the same, whether it may be replaced, and how it is.
//!
//! In: a held directory, a name in it, and the user's [`Policy`]. Out: a judgement, or the new file in place of the old.
//! Invariant: a directory, device, pipe or socket is never replaced, and at no moment is there nothing under a name that
//! had something.

use std::io::Read as _;
use std::sync::PoisonError;

use blake3::{Hash, Hasher};
use landline_addr::path::SharePath;
use rustix::io::{self, Errno};

use super::{
    own::random_name,
    plan::{Existing, Plan, Policy},
};
use crate::files::{
    digest::GROUP,
    engine::LocalEngine,
    tree::{Entry, Held as Dir, Kind, Name, PERMISSIONS, TreeError, Version},
};

/// What the name of an old file gets that is kept.
pub(in crate::files) const BACKUP: &[u8] = b"~";

/// What is under a name that a file is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    /// Something that may be replaced, or nothing.
    Free,
    /// What may be replaced only if it is still this.
    Only(Version),
    /// The very file.
    Same(Entity),
}

/// Which file this is, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entity {
    pub(super) dev: u64,
    pub(super) inode: u64,
}

impl Entity {
    pub(super) fn of(entry: &Entry) -> Self {
        Self { dev: entry.dev, inode: entry.inode }
    }
}

impl LocalEngine {
    /// Whether a file is wanted in the place of what is at `name`.
    pub(super) fn judge(
        &self,
        dir: &Dir,
        (name, target): (&Name, &SharePath),
        plan: &Plan,
        policy: &Policy,
    ) -> Result<There, TreeError> {
        let path = || target.as_bytes().to_vec();
        let failed = |errno| TreeError::at(target, errno);
        let entry = match dir.stat(name) {
            Ok(stat) => Entry::of(b"", &stat),
            Err(Errno::NOENT) if policy.if_match.is_some() => return Err(TreeError::Changed { path: path() }),
            Err(Errno::NOENT) => return Ok(There::Free),
            Err(errno) => return Err(failed(errno)),
        };
        replaceable(entry.kind, target)?;
        if policy.existing == Existing::Never {
            return Err(TreeError::Exists { path: path() });
        }
        if entry.kind != Kind::File {
            return if policy.if_match.is_some() { Err(TreeError::Changed { path: path() }) } else { Ok(There::Free) };
        }
        let by_hash = (policy.existing == Existing::ByHash && plan.size.is_none_or(|size| size == entry.size))
            .then_some(plan.hash)
            .flatten();
        let mut there = None;
        if policy.if_match.is_some() || by_hash.is_some() {
            there = Some(hash_of(dir, name).map_err(failed)?);
        }
        if policy.if_match.is_some_and(|wanted| there != Some(wanted)) {
            return Err(TreeError::Changed { path: path() });
        }
        let same = match policy.existing {
            Existing::Update => plan.size == Some(entry.size) && plan.mtime == Some(entry.mtime),
            Existing::ByHash => by_hash.is_some() && there == by_hash,
            Existing::Always | Existing::Never => false,
        };
        if same {
            self.agree(target, &entry, plan)?;
            return Ok(There::Same(Entity::of(&entry)));
        }
        Ok(if policy.if_match.is_some() { There::Only(entry.version()) } else { There::Free })
    }

    /// The content is the same; permissions and time follow where they differ.
    fn agree(&self, target: &SharePath, entry: &Entry, plan: &Plan) -> Result<(), TreeError> {
        let mode = Some(plan.mode & PERMISSIONS).filter(|mode| *mode != entry.mode);
        let mtime = plan.mtime.filter(|mtime| *mtime != entry.mtime);
        if mode.is_some() || mtime.is_some() { self.tree().set_meta(target, mode, mtime) } else { Ok(()) }
    }

    /// Puts something in the place of what is at `name` in `dir`, by `rename`, which is told whether it may replace.
    ///
    /// `only`: what has to be there. Of two who come together the last wins whole.
    pub(in crate::files::engine) fn put_in_place(
        &self,
        dir: &Dir,
        (name, target): (&Name, &SharePath),
        only: Option<Version>,
        policy: &Policy,
        rename: impl FnOnce(bool) -> io::Result<()>,
    ) -> Result<(), TreeError> {
        let path = || target.as_bytes().to_vec();
        let failed = |errno| TreeError::at(target, errno);
        let _order = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        match dir.stat(name).map(|stat| Entry::of(b"", &stat)) {
            Ok(entry) => {
                replaceable(entry.kind, target)?;
                if policy.existing == Existing::Never {
                    return Err(TreeError::Exists { path: path() });
                }
                if only.is_some_and(|version| version != entry.version()) {
                    return Err(TreeError::Changed { path: path() });
                }
                if policy.backup {
                    keep_old(dir, name, target)?;
                }
            }
            Err(Errno::NOENT) if only.is_some() => return Err(TreeError::Changed { path: path() }),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
        rename(policy.existing != Existing::Never).map_err(failed)
    }
}

/// A file or a link gives way to another. A device, pipe or socket is there for some program; a file in its place would
/// break that in silence.
fn replaceable(kind: Kind, target: &SharePath) -> Result<(), TreeError> {
    let path = target.as_bytes().to_vec();
    match kind {
        Kind::File | Kind::Link => Ok(()),
        Kind::Dir => Err(TreeError::IsADirectory { path }),
        Kind::Other => Err(TreeError::WrongKind { path, kind }),
    }
}

/// Gives what is at `name` a second name, in place of an older one of that name; the first stays until it is replaced.
fn keep_old(dir: &Dir, name: &Name, target: &SharePath) -> Result<(), TreeError> {
    let backup = name.with_suffix(BACKUP).ok_or_else(|| TreeError::at(target, Errno::NAMETOOLONG))?;
    let place = SharePath::parse(&[target.as_bytes(), BACKUP].concat());
    let place = place.map_err(|_too_long| TreeError::at(target, Errno::NAMETOOLONG))?;
    match dir.stat(&backup) {
        Ok(stat) => replaceable(Entry::of(b"", &stat).kind, &place)?,
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(TreeError::at(&place, errno)),
    }
    let moved = random_name().and_then(|between| {
        dir.hard_link(name, dir, &between)?;
        let moved = dir.rename(&between, dir, &backup, true);
        // Also when it worked: of two names of one file, a rename leaves both.
        match dir.unlink(&between) {
            Ok(()) | Err(Errno::NOENT) => moved,
            Err(errno) => moved.and(Err(errno)),
        }
    });
    moved.map_err(|errno| TreeError::at(&place, errno))
}

/// The BLAKE3 of a file that is there.
pub(super) fn hash_of(dir: &Dir, name: &Name) -> io::Result<Hash> {
    let (mut file, _) = dir.open_file(name, Some(Kind::File))?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; GROUP];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize()),
            Ok(read) => {
                hasher.update(buffer.get(..read).unwrap_or_default());
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        }
    }
}
