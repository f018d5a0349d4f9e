//! A partial: a file that arrives in groups, in any order, perhaps over several runs of the program.
//!
//! In: groups, and who sends them. Out: the file, complete and under its name, or a staging file with a journal that the
//! same owner takes up again, so that nothing verified is sent or read twice.
//! Knows nothing of calls; what is done about a name that is taken is for those above. Calls block.
//!
//! Rooms: `put` writes groups, `journal` and its `header` remember what was verified, `runs` is the same in memory, `boot`
//! tells the starts of the machine apart. Source: ARCHITECTURE.md, decision 7.
//! Invariant: a group that [`Partial::held`] tells has in the staging file exactly the bytes that [`Partial::value`] says.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use blake3::Hash;
use rustix::io::{self, Errno};

use super::arrival::Plan;
use super::table::MAX_GROUPS;
use super::{Held, Owner, SourceMark, patience::Turn};
use crate::files::digest::{GROUP, GROUP_BYTES, GroupValue, Root, groups_in};
use crate::files::tree::{self, Claim, Disk, Found, Name, StagingFile, set_attributes};

pub(super) mod boot;
mod header;
mod journal;
mod put;
mod runs;

pub(in crate::files) use header::{Header, MAGIC};

use journal::Journal;
use runs::Runs;

/// Keeps the staging names of files apart from those of directories.
const DOMAIN: &str = "landline 2026 staging file";

/// Transfers of one owner to one name at the same time that can each be resumed; one more can't.
const SLOTS: u8 = 4;

/// After how many bytes the disk is asked to make them durable: what a power cut costs at most, twice over.
const SYNC_EVERY: u64 = 64 << 20;

/// What only tests change.
#[derive(Debug, Clone, Copy)]
struct Tuning {
    /// This start of the machine; 0 if it is not known.
    boot: u64,
    sync_every: u64,
    /// Nothing survives the machine here anyway.
    volatile: bool,
}

impl SourceMark {
    /// The mark of a source that was just looked at. Another one whenever anything about the file has changed.
    #[must_use]
    pub fn of(found: &Found) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [found.dev, found.inode, found.size] {
            hasher.update(&part.to_be_bytes());
        }
        for time in [found.mtime, found.ctime] {
            hasher.update(&time.secs().to_be_bytes()).update(&time.nanos().to_be_bytes());
        }
        let mut mark = [0; 16];
        hasher.finalize_xof().fill(&mut mark);
        Self(mark)
    }
}

/// A file that arrives in groups.
///
/// Dropped without [`Self::rename`], it stays for its owner if that is worth it: if a group is verified, and more than
/// one was to come.
#[derive(Debug)]
pub(in crate::files) struct Partial {
    staging: StagingFile,
    /// As it is planned now.
    header: Header,
    sparse: bool,
    /// The journal, made with the first group of a file of more than one.
    journal: Option<Journal>,
    tuning: Tuning,
    /// Held groups of full length.
    full: Runs,
    /// The held group that is shorter, and its length; a file has but one.
    short: Option<(u64, u32)>,
    /// The value of group 0 while there is no journal.
    single: Option<GroupValue>,
    /// Groups whose entry may be in the journal although they are not held: something failed half-way.
    uncertain: Runs,
    /// The file is at least so long.
    len: u64,
    /// Nothing was ever written behind this.
    touched: u64,
    /// What the journal says of the source is true of all groups from now on.
    marked: bool,
    /// What is there has still to be read; until then nothing is known against it.
    unread: bool,
    discarded: bool,
}

impl Partial {
    /// Makes the staging file for `name` in `dir`, or takes up the one that `owner` left there, also if it was to have
    /// another size or is from another state of the source. After a start of the machine, what was not yet durable is
    /// read again, and kept if it is still there.
    ///
    /// # Errors
    /// As the system says: no space for [`Plan::size`], no permission.
    pub(in crate::files) fn open(
        dir: &Arc<tree::Held>,
        name: &Name,
        owner: &Owner,
        plan: &Plan,
        turn: Turn<'_>,
    ) -> io::Result<Self> {
        let boot = boot::current();
        Self::open_tuned(dir, name, owner, plan, turn, |file| Tuning {
            boot,
            sync_every: SYNC_EVERY,
            volatile: Disk::is_volatile(file),
        })
    }

    fn open_tuned(
        dir: &Arc<tree::Held>,
        name: &Name,
        owner: &Owner,
        plan: &Plan,
        mut turn: Turn<'_>,
        tune: impl Fn(&File) -> Tuning,
    ) -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let header = Header {
            target: name.as_bytes().to_vec(),
            owner: owner.id,
            label: owner.label.clone(),
            source: plan.source,
            size: plan.size,
            started: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            synced: 0,
            suspect: false,
        };
        for slot in 0..SLOTS {
            let staging = Name::staging_for(DOMAIN, name.as_bytes(), &owner.id, slot);
            let claim = || StagingFile::claim(dir, &staging);
            match turn.give_way(claim, |claim| slot == 0 && matches!(claim, Claim::Taken))? {
                Claim::New(staging) => return Self::begin(staging, header, plan, tune),
                Claim::Found(staging) => return Self::take_up(staging, header, plan, tune),
                Claim::Taken => {}
            }
        }
        Self::begin(StagingFile::create(dir)?, header, plan, tune)
    }

    /// An empty one.
    fn begin(staging: StagingFile, header: Header, plan: &Plan, tune: impl Fn(&File) -> Tuning) -> io::Result<Self> {
        let tuning = tune(staging.file());
        let partial = Self::over(staging, header, plan, tuning);
        // An old journal would tell of an old file.
        if let Some(name) = partial.staging.name() {
            journal::remove(partial.dir(), name)?;
        }
        partial.reserve()?;
        Ok(partial)
    }

    fn over(staging: StagingFile, header: Header, plan: &Plan, tuning: Tuning) -> Self {
        Self {
            staging,
            header,
            sparse: plan.sparse,
            journal: None,
            tuning,
            full: Runs::default(),
            short: None,
            single: None,
            uncertain: Runs::default(),
            len: 0,
            touched: 0,
            marked: false,
            unread: false,
            discarded: false,
        }
    }

    /// One that was left.
    fn take_up(
        mut staging: StagingFile,
        header: Header,
        plan: &Plan,
        tune: impl Fn(&File) -> Tuning,
    ) -> io::Result<Self> {
        // Whatever goes wrong from here on, it stays for another attempt.
        staging.keep(true);
        let len = u64::try_from(rustix::fs::fstat(staging.file())?.st_size).unwrap_or(0);
        let tuning = tune(staging.file());
        let journal = match (len, staging.name()) {
            // Its writer died before it could remove the journal of an earlier one.
            (0, _) | (_, None) => None,
            (_, Some(name)) => Journal::open(staging.dir(), name, staging.file(), tuning)?,
        };
        let is_same = |found: &Header| (&found.target, found.owner) == (&header.target, header.owner);
        let Some(journal) = journal.filter(|journal| is_same(&journal.header())) else {
            staging.dir().disk().truncate(staging.file(), 0)?;
            staging.keep(false);
            return Self::begin(staging, header, plan, tune);
        };
        let mut partial = Self::over(staging, header, plan, tuning);
        (partial.len, partial.touched, partial.unread) = (len, len, true);
        partial.believe(journal)?;
        partial.unread = false;
        partial.reserve()?;
        Ok(partial)
    }

    /// Takes from a journal what can be believed, by what it says or by reading it again, and removes the rest from it.
    fn believe(&mut self, mut journal: Journal) -> io::Result<()> {
        let found = journal.header();
        if found.suspect {
            // What the disk lost can still be seen in memory: from now on it is read from the disk.
            let _ = rustix::fs::fadvise(self.staging.file(), 0, None, rustix::fs::Advice::DontNeed);
        }
        let (mut doubtful, mut refuted, mut latest) = (Runs::default(), Runs::default(), 0);
        journal.scan(MAX_GROUPS, |index, record| {
            latest = latest.max(record.generation);
            let end = index.checked_mul(GROUP_BYTES).and_then(|start| start.checked_add(record.len.into()));
            let displaced = if end.is_none_or(|end| end > self.len) {
                Some(index)
            } else if journal.trusts(&record) {
                self.hold(index, record.len)
            } else {
                doubtful.insert(index, index + 1);
                None
            };
            displaced.into_iter().for_each(|index| refuted.insert(index, index + 1));
        })?;
        journal.begin_after(latest)?;
        for index in doubtful.below(MAX_GROUPS).flat_map(|(first, end)| first..end) {
            let agreeing = match journal.get(index)? {
                Some(record) if self.has(index, &record.value, record.len)? => Some(record),
                _ => None,
            };
            let displaced = match agreeing {
                Some(record) => {
                    journal.put(index, &[(record.value, record.len)])?;
                    self.hold(index, record.len)
                }
                None => Some(index),
            };
            displaced.into_iter().for_each(|index| refuted.insert(index, index + 1));
        }
        for (first, end) in refuted.below(MAX_GROUPS) {
            journal.forget(first, end)?;
        }
        let header = self.header.clone();
        let is_empty = self.is_empty();
        journal.describe(|found| {
            (found.size, found.label, found.suspect) = (header.size, header.label, false);
            if is_empty {
                found.source = header.source;
            }
        })?;
        self.journal = Some(journal);
        Ok(())
    }

    /// Whether the staging file has these bytes there.
    fn has(&self, index: u64, value: &GroupValue, len: u32) -> io::Result<bool> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(GROUP)];
        let place = index.checked_mul(GROUP_BYTES).ok_or(Errno::FBIG)?;
        match self.staging.file().read_exact_at(&mut bytes, place) {
            Ok(()) => Ok(GroupValue::of(index, &bytes) == *value),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            // A place that can't be read is one to be written again.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => Ok(false),
            Err(error) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        }
    }

    /// Meets a full disk before any byte is sent. How much a file with holes will take is not known.
    fn reserve(&self) -> io::Result<()> {
        match self.header.size {
            Some(size) if size > 0 && !self.sparse => self.staging.reserve(size),
            _ => Ok(()),
        }
    }

    /// Which group is not held any more: a file has but one short one.
    fn hold(&mut self, index: u64, len: u32) -> Option<u64> {
        if usize::try_from(len) == Ok(GROUP) {
            self.full.insert(index, index + 1);
            return None;
        }
        let before = self.short.replace((index, len));
        before.map(|(before, _)| before).filter(|before| *before != index)
    }

    fn is_empty(&self) -> bool {
        self.full.is_empty() && self.short.is_none()
    }

    /// What is verified, and would be a group of the file as it is planned now; empty for a new one.
    pub(in crate::files) fn held(&self) -> Held {
        let source = self.journal.as_ref().map_or(self.header.source, |journal| journal.header().source);
        let whole = self.header.size.map_or(u64::MAX, |size| size / GROUP_BYTES);
        let mut runs: Vec<(u64, u64)> = self.full.below(whole).collect();
        let fits = |(index, len): &(u64, u32)| {
            self.header.size.is_none_or(|size| *index == whole && size % GROUP_BYTES == u64::from(*len))
        };
        match (self.short.filter(fits), runs.last_mut()) {
            (Some((index, _)), Some(last)) if last.1 == index => last.1 += 1,
            (Some((index, _)), _) => {
                runs.push((index, index + 1));
                runs.sort_unstable();
            }
            (None, _) => {}
        }
        Held { source, runs }
    }

    /// The value of a held group; `None` if it is not held.
    pub(in crate::files) fn value(&self, index: u64) -> io::Result<Option<GroupValue>> {
        let is_short = self.short.is_some_and(|(short, _)| short == index);
        if !is_short && !self.full.covers(index, index.saturating_add(1)) {
            return Ok(None);
        }
        match &self.journal {
            Some(journal) => Ok(journal.get(index)?.map(|record| record.value)),
            None => Ok(self.single),
        }
    }

    /// Whether every group of a file of `size` bytes is held.
    pub(in crate::files) fn is_whole(&self, size: u64) -> bool {
        let rest = size % GROUP_BYTES;
        let last = self.short.is_some_and(|(index, len)| (index, u64::from(len)) == (size / GROUP_BYTES, rest));
        self.full.covers(0, size / GROUP_BYTES) && (rest == 0 || last)
    }

    /// The hash of the file of `size` bytes, from what is verified of its groups.
    ///
    /// # Errors
    /// `IO` if a group is not held, or the journal was damaged meanwhile.
    pub(in crate::files) fn root(&self, size: u64) -> io::Result<Hash> {
        let (mut root, groups) = (Root::new(), groups_in(size));
        if !self.is_whole(size) {
            return Err(Errno::IO);
        }
        match &self.journal {
            Some(journal) => journal.scan(groups, |index, record| {
                if index == root.count() {
                    root.push(&record.value);
                }
            })?,
            None => self.single.iter().filter(|_| groups > 0).for_each(|value| root.push(value)),
        }
        if root.count() == groups { Ok(root.finish()) } else { Err(Errno::IO) }
    }

    /// Makes everything final but the name: length, attributes, permissions, and time last.
    ///
    /// # Errors
    /// As the system says; also what it has said of content that was written before.
    pub(in crate::files) fn finish(&self, size: u64, plan: &Plan) -> io::Result<()> {
        self.journal.as_ref().map_or(Ok(()), Journal::settle)?;
        let (disk, file) = (self.dir().disk(), self.staging.file());
        // Also if it is as long as that already: more may have been set aside behind it.
        disk.truncate(file, size)?;
        set_attributes(disk, file, &plan.attributes)?;
        disk.set_mode(file, plan.mode & tree::PERMISSIONS)?;
        plan.mtime.map_or(Ok(()), |mtime| disk.set_mtime(file, mtime))
    }

    /// Makes the content durable.
    ///
    /// # Errors
    /// As the system says, now or before. Then what was written is lost for this attempt; another one reads from the disk
    /// what is there.
    pub(in crate::files) fn sync(&self) -> io::Result<()> {
        self.journal.as_ref().map_or(Ok(()), Journal::settle)?;
        self.dir().disk().sync(self.staging.file()).inspect_err(|errno| self.lose(*errno))
    }

    /// To be told if the content was made durable by other means, and that failed.
    pub(in crate::files) fn lose(&self, errno: Errno) {
        if let Some(journal) = &self.journal {
            journal.lose(errno);
        }
    }

    /// Gives the file its real name, in place of whatever has it (unless `replace` is unset) but a directory.
    pub(in crate::files) fn rename(&mut self, to: &Name, replace: bool) -> io::Result<()> {
        let staging = self.staging.name().cloned();
        self.staging.rename(to, replace)?;
        if let Some(name) = staging.filter(|_| self.journal.is_some()) {
            let _ = journal::remove(self.dir(), &name); // an orphan, which the next sweep removes
        }
        Ok(())
    }

    /// Removes it and all that is known of it.
    pub(in crate::files) fn discard(mut self) {
        self.discarded = true;
    }

    /// The staging file, open for reading and writing.
    pub(in crate::files) fn file(&self) -> &File {
        self.staging.file()
    }

    /// The name under which it waits; `None` once it has its real name.
    pub(in crate::files) fn staging_name(&self) -> Option<&Name> {
        self.staging.name()
    }

    /// The directory in which it lies.
    pub(in crate::files) fn dir(&self) -> &Arc<tree::Held> {
        self.staging.dir()
    }

    fn is_worth_keeping(&self) -> bool {
        if self.unread {
            return true;
        }
        let sound = self.journal.as_ref().is_some_and(Journal::is_sound);
        sound && !self.discarded && self.staging.is_locked() && !self.is_empty()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Before the lock goes: who takes it up next must find nobody writing.
        let _ = self.journal.as_ref().map(Journal::settle);
        self.dir().disk().release(self.staging.file());
        let Some(name) = self.staging.name().cloned() else { return };
        let kept = self.is_worth_keeping();
        self.staging.keep(kept);
        if !kept {
            let _ = journal::remove(self.dir(), &name);
        }
    }
}

#[cfg(test)]
mod tests;
