//! Partials: an index of transfers that stopped half-way and can be resumed.
//!
//! In: where a partial lies and what it will be, when one is born; its place, when it is gone. Out: all that are noted.
//! One file a note in `partials` of the home, named after the place, so that processes at work on different files never
//! meet. Every call blocks for a few calls to the file system: for threads that may do so.
//! It is an index, not the truth: a note may be lost, or outlive its partial. Whoever acts on one looks at the disk first.
//! Knows nothing of what a partial holds.
//! Invariant: a file that is not exactly a note of ours, under the name that belongs to it, is never told.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use landline_wire::WireName;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::folder::Folder;
use crate::{Home, StoreError};

/// Most notes kept; the oldest go. Far more than a person lets lie about, and still listed in an instant.
const MAX_NOTES: usize = 4096;
/// Most bytes of one note: two paths of 4096 bytes, each of which JSON may make six times as long, and the rest.
const MAX_NOTE_BYTES: usize = 64 * 1024;
/// Hex digits of a SHA-256.
const NAME_LEN: usize = 64;

/// A transfer that can be resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialNote {
    /// The absolute directory in which it lies.
    pub dir: PathBuf,
    /// The name of the staging file or directory in it.
    pub staging: String,
    /// What it will be: a share path or a name, raw bytes.
    pub target: Vec<u8>,
    /// Who began it, in words.
    pub owner: String,
    /// When it began, in seconds since 1970.
    pub started: i64,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    dir: WireName,
    staging: String,
    target: WireName,
    owner: String,
    started: i64,
}

/// The index of partials. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Partials {
    folder: Folder,
}

impl Partials {
    /// Opens the index of a home, making its folder at first use. Blocks.
    ///
    /// # Errors
    /// [`StoreError::NotYours`] if somebody else owns the folder, [`StoreError::Io`].
    pub fn open(home: &Home) -> Result<Self, StoreError> {
        let folder = Folder::inside(home, "partials");
        folder.prepare(is_ours)?;
        Ok(Self { folder })
    }

    /// Notes a partial, in place of an older note of the same place. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] if `dir` is not absolute or `staging` not one name, [`StoreError::TooLarge`],
    /// [`StoreError::Io`].
    pub fn note(&self, note: &PartialNote) -> Result<(), StoreError> {
        if let Some(why) = flaw(&note.dir, &note.staging) {
            return Err(StoreError::Unfit { what: "a partial transfer", why });
        }
        let written = Written {
            dir: WireName(note.dir.as_os_str().as_bytes().to_vec()),
            staging: note.staging.clone(),
            target: WireName(note.target.clone()),
            owner: note.owner.clone(),
            started: note.started,
        };
        let name = file_name(&note.dir, &note.staging);
        let bytes = serde_json::to_vec(&written).map_err(|e| StoreError::Io {
            doing: "write",
            path: self.folder.path(&name),
            source: e.into(),
        })?;
        if bytes.len() > MAX_NOTE_BYTES {
            let (what, size) = ("the note of a partial transfer, in bytes,", bytes.len());
            return Err(StoreError::TooLarge { what, size, limit: MAX_NOTE_BYTES });
        }
        self.folder.replace(&name, &bytes)?;
        self.folder.thin(MAX_NOTES, &name, is_ours)
    }

    /// Forgets a partial; one that was not noted is no error. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn forget(&self, dir: &Path, staging: &str) -> Result<(), StoreError> {
        self.folder.remove(&file_name(dir, staging)).map(drop)
    }

    /// All notes, the oldest start first. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the folder cannot be listed; a note that cannot be read is passed over.
    pub fn list(&self) -> Result<Vec<PartialNote>, StoreError> {
        let mut notes = Vec::new();
        for name in self.folder.list(is_ours)?.into_iter().take(MAX_NOTES) {
            match self.folder.read(&name, MAX_NOTE_BYTES) {
                Ok(bytes) => match bytes.as_deref().and_then(|bytes| parse(&name, bytes)) {
                    Some(note) => notes.push(note),
                    None => tracing::debug!(file = %self.folder.path(&name).display(), "not a note of a partial"),
                },
                Err(error) => tracing::debug!(%error, "a note of a partial cannot be read"),
            }
        }
        notes.sort_by(|a, b| (a.started, &a.dir, &a.staging).cmp(&(b.started, &b.dir, &b.staging)));
        Ok(notes)
    }
}

/// The note in a file's bytes, if they are one and the file's name belongs to it.
fn parse(name: &str, bytes: &[u8]) -> Option<PartialNote> {
    let Written { dir, staging, target, owner, started } = serde_json::from_slice(bytes).ok()?;
    let dir = PathBuf::from(OsString::from_vec(dir.0));
    let is_sound = flaw(&dir, &staging).is_none() && file_name(&dir, &staging) == name;
    is_sound.then_some(PartialNote { dir, staging, target: target.0, owner, started })
}

/// What is wrong with a place.
fn flaw(dir: &Path, staging: &str) -> Option<&'static str> {
    if !dir.is_absolute() || dir.as_os_str().as_bytes().contains(&0) {
        return Some("its directory is not an absolute path");
    }
    let is_one_name = !matches!(staging, "" | "." | "..") && !staging.contains(['/', '\0']);
    (!is_one_name).then_some("its staging name is not one name")
}

/// The name of the note: the same for the same place, and made of nothing that came from outside.
fn file_name(dir: &Path, staging: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(dir.as_os_str().as_bytes());
    hash.update([0]); // no path holds it, so that no two places run together
    hash.update(staging.as_bytes());
    HEXLOWER.encode(&hash.finalize())
}

fn is_ours(name: &str) -> bool {
    name.len() == NAME_LEN && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
