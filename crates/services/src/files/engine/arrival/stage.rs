//! A staged tree: a new directory that arrives under a reserved name and becomes visible whole, by one rename.
//!
//! In: the directory that it shall lie in, and its name. Out: a locked directory to fill, which an owner's next run takes
//! up if this one dies. Files in it have their final names; the right time of modification, set last, is the mark that
//! one is complete. Source: rename(2).
//! Invariant: what is trusted in a tree that was taken up was written since the machine started, or has a record.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use blake3::Hash;
use landline_addr::path::SharePath;
use rustix::io::{self, Errno};

use super::{
    header::{HEADER_BYTES, Header, Record, record, records},
    own::{OwnDir, remove_all},
    rooms::RoomId,
};
use crate::files::{
    engine::{Owner, partial::boot, patience::Turn},
    tree::{Entry, Held as Dir, Kind, Mtime, Name, Version},
};

/// Keeps staged trees apart from other directories of landline's own.
const DOMAIN: &str = "landline staged tree 1";

/// What is written before it is made durable and recorded, so that a power cut costs no more than that.
const RECORD_FILES: usize = 4096;
/// The same in bytes.
const RECORD_AFTER: u64 = 256 << 20;

/// Memory for what is in one tree until it gets its name: some hundred thousand files. A larger tree gets it early.
const MAX_MEMORY: usize = 64 << 20;
/// What one file costs besides its name.
const FILE_MEMORY: usize = 160;

/// Which staged tree of an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct StageId(pub(super) u64);

/// A file or link that is complete in a staged tree.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) number: u64,
    pub(super) room: RoomId,
    pub(super) name: Name,
    pub(super) size: u64,
    pub(super) hash: Option<Hash>,
    pub(super) version: Version,
    mtime: Mtime,
}

impl Written {
    pub(super) fn of(number: u64, room: RoomId, name: Name, hash: Option<Hash>, entry: &Entry) -> Self {
        Self { number, room, name, size: entry.size, hash, version: entry.version(), mtime: entry.mtime }
    }
}

/// A staged tree.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) own: OwnDir,
    /// Where it shall be.
    pub(super) target: SharePath,
    pub(super) name: Name,
    header: Header,
    journal: Option<File>,
    /// Something of an earlier run is in it.
    pub(super) taken_up: bool,
    pub(super) written: Vec<Written>,
    memory: usize,
    /// How many of `written` are durable and recorded.
    recorded: usize,
    unrecorded_bytes: u64,
    /// Bytes in the header file.
    journal_len: u64,
    /// All of it has arrived: permissions and time of its top.
    pub(super) complete: Option<(u32, Option<Mtime>)>,
}

impl Stage {
    /// Begins the tree `name` in `parent`, or goes on with the one that `owner` left there.
    pub(super) fn begin(
        parent: &Arc<Dir>,
        target: SharePath,
        name: Name,
        owner: &Owner,
        turn: Turn<'_>,
    ) -> io::Result<Self> {
        let (own, old) = OwnDir::take(parent, DOMAIN, name.as_bytes(), owner, turn)?;
        let found = if old { Header::read(&own.dir) } else { None };
        let found = found.filter(|found| found.target == name.as_bytes() && found.owner.id == owner.id);
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut stage = Self {
            header: Header {
                target: name.as_bytes().to_vec(),
                owner: owner.clone(),
                boot: boot::current(),
                started: found.as_ref().map_or(started, |found| found.started),
            },
            own,
            target,
            name,
            journal: None,
            taken_up: found.is_some(),
            written: Vec::new(),
            memory: 0,
            recorded: 0,
            unrecorded_bytes: 0,
            journal_len: HEADER_BYTES as u64,
            complete: None,
        };
        match found {
            Some(found) => stage.go_on(&found)?,
            None => {
                if old {
                    stage.own.empty()?;
                }
                stage.write_header()?;
            }
        }
        Ok(stage)
    }

    /// What can't be trusted goes, so that everything that is there can be.
    fn go_on(&mut self, found: &Header) -> io::Result<()> {
        let journal = self.own.dir.open_write(&Header::file_name())?;
        if found.boot == 0 || found.boot != self.header.boot {
            prune(&self.own.dir, &mut Vec::new(), &records(&journal))?;
        }
        let len = u64::try_from(rustix::fs::fstat(&journal)?.st_size).unwrap_or(0);
        self.journal_len = len.max(HEADER_BYTES as u64);
        self.header.write(&self.own.dir, &journal)?;
        self.journal = Some(journal);
        Ok(())
    }

    /// Says whose it is, also after [`Self::forget_header`].
    pub(super) fn write_header(&mut self) -> io::Result<()> {
        let journal = self.own.dir.create(&Header::file_name())?;
        self.header.write(&self.own.dir, &journal)?;
        self.journal = Some(journal);
        Ok(())
    }

    /// The header goes: nothing but the sender's files may be in what is published.
    pub(super) fn forget_header(&mut self) -> io::Result<()> {
        self.journal = None;
        match self.own.dir.unlink(&Header::file_name()) {
            Err(Errno::NOENT) => Ok(()),
            done => done,
        }
    }

    /// Notes what is complete.
    pub(super) fn add(&mut self, written: Written) {
        self.memory += FILE_MEMORY + written.name.as_bytes().len();
        self.unrecorded_bytes = self.unrecorded_bytes.saturating_add(written.size);
        self.written.push(written);
    }

    /// Notes a directory.
    pub(super) fn add_dir(&mut self, path: &SharePath) {
        self.memory += FILE_MEMORY + path.as_bytes().len();
    }

    /// Whether it must get its name before it is complete, because it is too large to be remembered.
    pub(super) fn is_too_large(&self) -> bool {
        self.memory > MAX_MEMORY
    }

    /// Whether enough was written since the last record.
    pub(super) fn wants_record(&self) -> bool {
        self.unrecorded() >= RECORD_FILES || self.unrecorded_bytes >= RECORD_AFTER
    }

    /// Files that have no record.
    pub(super) fn unrecorded(&self) -> usize {
        self.written.len() - self.recorded
    }

    /// Records what was made durable just now. `path_of`: the path of a file of this tree in the share.
    pub(super) fn record(&mut self, path_of: impl Fn(&Written) -> Option<SharePath>) -> io::Result<()> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let mut bytes = Vec::new();
        for written in self.written.iter().skip(self.recorded) {
            let Some(path) = path_of(written) else { continue };
            let inside = path.as_bytes().strip_prefix(self.target.as_bytes()).unwrap_or_default();
            let inside = inside.strip_prefix(b"/").unwrap_or(inside);
            bytes.extend_from_slice(&record(inside, written.size, written.mtime));
        }
        self.own.dir.disk().write_at(journal, &bytes, self.journal_len)?;
        self.journal_len += bytes.len() as u64;
        Ok(())
    }

    /// What has a record needs no memory any more.
    pub(super) fn take_recorded(&mut self) -> Vec<Written> {
        let taken = std::mem::take(&mut self.written);
        let memory: usize = taken.iter().map(|one| FILE_MEMORY + one.name.as_bytes().len()).sum();
        self.memory = self.memory.saturating_sub(memory);
        self.recorded = 0;
        taken
    }

    /// What was to be recorded is, or can't be: the next record is for what comes from now on.
    pub(super) fn put_off_record(&mut self) {
        self.recorded = self.written.len();
        self.unrecorded_bytes = 0;
    }
}

impl Drop for Stage {
    /// One that nothing came into is not worth taking up.
    fn drop(&mut self) {
        let only_header = |names: Vec<Name>| names.iter().all(|name| *name == Header::file_name());
        if self.journal.is_some() && self.written.is_empty() && self.own.dir.names().is_ok_and(only_header) {
            let _ = self.own.remove(); // else a later sweep finds it
        }
    }
}

/// Removes every file in `dir` that has no record, and every link; `path` is that of `dir`. Partials have journals of
/// their own.
fn prune(dir: &Dir, path: &mut Vec<u8>, trusted: &HashSet<Record>) -> io::Result<()> {
    for name in dir.names()? {
        if name.is_hidden() {
            continue;
        }
        let here = path.len();
        if here > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(name.as_bytes());
        let stat = dir.stat(&name)?;
        let entry = Entry::of(b"", &stat);
        match entry.kind {
            Kind::Dir => prune(&dir.child(&name)?, path, trusted)?,
            Kind::File if trusted.contains(&record(path, entry.size, entry.mtime)) => {}
            Kind::File | Kind::Link | Kind::Other => remove_all(dir, &name)?,
        }
        path.truncate(here);
    }
    Ok(())
}
