//! The journal of a partial: the value of each verified group, and how far the content is durable.
//!
//! In: values as groups are written. Out: which of them can be believed. A table beside the staging file; every 64 MiB a
//! thread of its own makes the content durable, so that the writer need not wait and a power cut costs little.
//! Knows nothing of what is in the groups.
//!
//! Invariant: an entry that [`Journal::trusts`] has exactly its bytes in the staging file. So the entry is written after
//! the content, and removed before the content is overwritten; `synced` is raised after content *and* entries are durable,
//! and lowered, durably, before anything that it covers is overwritten.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use rustix::io::{self, Errno};

use super::Tuning;
use super::header::{Header, MAGIC};
use crate::files::digest::GroupValue;
use crate::files::engine::SourceMark;
use crate::files::engine::table::{Head, Record, Table};
use crate::files::tree::{self, Disk, Name, is_private};

/// The journal of a partial that is being written.
#[derive(Debug)]
pub(super) struct Journal {
    shared: Arc<Shared>,
    tuning: Tuning,
    /// The generation of what is written now.
    generation: u32,
    /// Bytes written since the last sync began.
    unsynced: u64,
    syncing: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer and the thread that syncs have in common.
#[derive(Debug)]
struct Shared {
    table: Table,
    staging: File,
    disk: Disk,
    state: Mutex<State>,
    /// Why the content can't be believed any more.
    lost: OnceLock<Errno>,
    /// The disk holds no sign of `lost`: the journal must go.
    unmarked: AtomicBool,
}

#[derive(Debug)]
struct State {
    header: Header,
    number: u64,
    /// Counts up when something is overwritten: a sync that began before says nothing of it.
    overwrites: u64,
    /// The header was written and not yet synced.
    unsynced: bool,
}

impl Journal {
    /// Begins one for `staging`, in place of any that was left under its name, with room for the entries of `groups`
    /// groups set aside.
    pub(super) fn create(
        dir: &tree::Held,
        name: &Name,
        staging: &File,
        (header, groups): (Header, u64),
        tuning: Tuning,
    ) -> io::Result<Self> {
        remove(dir, name)?;
        let staging = duplicate(staging)?;
        let made = dir.create(&name.journal()).and_then(|file| {
            let table = Table::create(file, dir.disk().clone(), MAGIC, &header.encode())?;
            table.reserve(groups)?;
            Ok(table)
        });
        let table = made.inspect_err(|_| {
            let _ = remove(dir, name);
        })?;
        Ok(Self::over(table, staging, dir.disk().clone(), header, 0, tuning))
    }

    /// Opens the one that was left for `staging`. `None` if there is none, or none that can be believed.
    pub(super) fn open(dir: &tree::Held, name: &Name, staging: &File, tuning: Tuning) -> io::Result<Option<Self>> {
        let file = match dir.open_write(&name.journal()) {
            Err(Errno::NOENT | Errno::ISDIR | Errno::LOOP | Errno::NXIO | Errno::ACCESS) => return Ok(None),
            opened => opened?,
        };
        if !is_private(&file)? {
            return Ok(None);
        }
        let Some((table, head)) = Table::open(file, dir.disk().clone(), MAGIC)? else { return Ok(None) };
        let Some(header) = Header::decode(&head.payload) else { return Ok(None) };
        Ok(Some(Self::over(table, duplicate(staging)?, dir.disk().clone(), header, head.number, tuning)))
    }

    fn over(table: Table, staging: File, disk: Disk, header: Header, number: u64, tuning: Tuning) -> Self {
        let generation = header.synced;
        let state = Mutex::new(State { header, number, overwrites: 0, unsynced: true });
        let (lost, unmarked) = (OnceLock::new(), AtomicBool::new(false));
        let shared = Arc::new(Shared { table, staging, disk, state, lost, unmarked });
        Self { shared, tuning, generation, unsynced: 0, syncing: Mutex::default() }
    }

    /// What it says now.
    pub(super) fn header(&self) -> Header {
        self.shared.state().header.clone()
    }

    /// Whether what this entry says of the content is so, without reading the content.
    pub(super) fn trusts(&self, record: &Record) -> bool {
        let state = self.shared.state();
        let same_boot = record.boot == self.tuning.boot && record.boot != 0;
        !state.header.suspect && (same_boot || record.generation < state.header.synced)
    }

    /// Everything from now on is of a later generation than `generation`, one that was found.
    ///
    /// # Errors
    /// `OVERFLOW` if there is none; no honest journal comes near.
    pub(super) fn begin_after(&mut self, generation: u32) -> io::Result<()> {
        let next = generation.checked_add(1).filter(|next| *next < u32::MAX).ok_or(Errno::OVERFLOW)?;
        self.generation = self.generation.max(next);
        Ok(())
    }

    /// Keeps the values of the groups from `first` on, whose content is written.
    pub(super) fn put(&mut self, first: u64, values: &[(GroupValue, u32)]) -> io::Result<()> {
        let (boot, generation) = (self.tuning.boot, self.generation);
        let record = |(value, len): &(GroupValue, u32)| Record { value: *value, len: *len, boot, generation };
        self.shared.table.put(first, &values.iter().map(record).collect::<Vec<_>>())
    }

    /// Forgets the groups from `first` up to `end`, whose content may be overwritten once this has returned.
    pub(super) fn forget(&self, first: u64, end: u64) -> io::Result<()> {
        let mut state = self.shared.state();
        state.overwrites += 1;
        let (synced, mut covered) = (state.header.synced, false);
        if synced > 0 {
            self.shared.table.scan(first, end, |_, record| covered |= record.generation < synced)?;
        }
        if covered {
            let header = Header { synced: 0, ..state.header.clone() };
            self.shared.write_for_good(&mut state, header)?;
        }
        self.shared.table.erase(first, end)
    }

    pub(super) fn get(&self, index: u64) -> io::Result<Option<Record>> {
        self.shared.table.get(index)
    }

    pub(super) fn scan(&self, end: u64, each: impl FnMut(u64, Record)) -> io::Result<()> {
        self.shared.table.scan(0, end, each)
    }

    /// Changes what it says of the partial; what it says of durability stays.
    pub(super) fn describe(&self, change: impl FnOnce(&mut Header)) -> io::Result<()> {
        let mut state = self.shared.state();
        let mut header = state.header.clone();
        change(&mut header);
        if header == state.header { Ok(()) } else { self.shared.write(&mut state, header) }
    }

    /// Changes which source the groups are from, before any other comes.
    pub(super) fn set_source(&self, source: SourceMark) -> io::Result<()> {
        let mut state = self.shared.state();
        let header = Header { source, ..state.header.clone() };
        self.shared.write_for_good(&mut state, header)
    }

    /// `bytes` of content were written and entered. Now and then the disk is asked to keep up.
    pub(super) fn wrote(&mut self, bytes: u64) {
        self.unsynced = self.unsynced.saturating_add(bytes);
        if self.tuning.volatile || self.unsynced < self.tuning.sync_every || self.generation >= u32::MAX - 1 {
            return;
        }
        let syncing = self.syncing.get_mut().unwrap_or_else(PoisonError::into_inner);
        if syncing.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return; // one at a time: the next one covers this too
        }
        let (shared, generation) = (Arc::clone(&self.shared), self.generation);
        let overwrites = shared.state().overwrites;
        let thread = std::thread::Builder::new().name("sync".to_owned());
        // Without a thread it is not synced: a power cut costs more, that is all.
        *syncing = thread.spawn(move || shared.make_durable(generation, overwrites)).ok();
        self.generation += 1;
        self.unsynced = 0;
    }

    /// Waits until nobody syncs; then what the disk has lost, if it has.
    pub(super) fn settle(&self) -> io::Result<()> {
        if let Some(thread) = self.syncing.lock().unwrap_or_else(PoisonError::into_inner).take()
            && thread.join().is_err()
        {
            self.lose(Errno::IO);
        }
        self.check()
    }

    /// What the disk has lost, if anything: content that was written and can't be believed any more.
    pub(super) fn check(&self) -> io::Result<()> {
        self.shared.lost.get().map_or(Ok(()), |errno| Err(*errno))
    }

    /// The disk failed to keep what was written. It may show it for a while all the same, until its memory is needed for
    /// something else, and says so only once.
    pub(super) fn lose(&self, errno: Errno) {
        self.shared.lose(errno);
    }

    /// Whether this may stay for another time.
    pub(super) fn is_sound(&self) -> bool {
        !self.shared.unmarked.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Nobody panics while holding it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the header. One that failed is written in the same place again: the other is still good. Only one of the
    /// two is ever in danger from a power cut.
    fn write(&self, state: &mut State, header: Header) -> io::Result<()> {
        if state.unsynced {
            self.sync(state)?;
        }
        let number = state.number + 1;
        state.unsynced = true;
        self.table.set_head(&Head { number, payload: header.encode() })?;
        state.number = number;
        state.header = header;
        Ok(())
    }

    /// Replaces the header so that no power cut brings the former one back: it stands in the other place.
    fn write_for_good(&self, state: &mut State, header: Header) -> io::Result<()> {
        self.write(state, header.clone())?;
        self.write(state, header)?;
        self.sync(state)
    }

    fn sync(&self, state: &mut State) -> io::Result<()> {
        self.table.sync()?;
        state.unsynced = false;
        Ok(())
    }

    fn make_durable(&self, generation: u32, overwrites: u64) {
        if let Err(errno) = self.try_to_make_durable(generation, overwrites) {
            self.lose(errno);
        }
    }

    fn try_to_make_durable(&self, generation: u32, overwrites: u64) -> io::Result<()> {
        self.disk.sync_content(&self.staging, b"")?;
        // Before the header says so: an entry that was removed must not be on the disk any more.
        self.table.sync()?;
        let mut state = self.state();
        if state.overwrites != overwrites {
            return Ok(());
        }
        let header = Header { synced: generation.saturating_add(1), ..state.header.clone() };
        self.write(&mut state, header)?;
        self.sync(&mut state)
    }

    fn lose(&self, errno: Errno) {
        if self.lost.set(errno).is_err() {
            return;
        }
        let mut state = self.state();
        state.overwrites += 1;
        let header = Header { suspect: true, synced: 0, ..state.header.clone() };
        let marked = self.write_for_good(&mut state, header);
        self.unmarked.store(marked.is_err(), Ordering::Relaxed);
    }
}

/// Removes the journal of the staging file `name`; none is fine.
pub(super) fn remove(dir: &tree::Held, name: &Name) -> io::Result<()> {
    match dir.unlink(&name.journal()) {
        Err(Errno::NOENT) => Ok(()),
        done => done,
    }
}

fn duplicate(file: &File) -> io::Result<File> {
    file.try_clone().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}
