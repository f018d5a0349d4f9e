//! Hashes: what a sender remembers of large files, so that resuming does not read again what was read before.
//!
//! In: a file's identity and the values of its groups. Out: the values again, for as long as the file is the same: same
//! inode, size and times. One table a file, in a folder of the home. A memory and no more: whatever goes wrong with it only
//! means that something is read again, and who relies on a value checks the hash of the whole file at the end.
//! Several processes may use it at once. A program that changes a file through a mapping can change it unseen for a while;
//! the whole hash tells.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;

use super::digest::{GROUP_BYTES, GroupValue, groups_in};
use super::engine::table::{ENTRY_BYTES, Record, Table};
use super::tree::{Disk, Found, is_private};

/// What a table is for, and in which version of the layout.
const MAGIC: [u8; 8] = *b"llhash\0\x01";

/// Files of fewer groups are not worth a table: reading them again takes a few milliseconds.
const MIN_GROUPS: u64 = 8;
/// Most tables; the least recently used go.
const MAX_TABLES: usize = 256;
/// Most bytes of all tables together: the values of 4 TiB of files.
const MAX_BYTES: u64 = 256 << 20;
/// A file that changed so lately could change again without its times telling, which some systems count in seconds.
const SETTLED: Duration = Duration::from_secs(3);
/// A new table that is older was left by a process that died.
const TEMPORARY_LIFE: Duration = Duration::from_secs(60 * 60);

const TABLE_SUFFIX: &str = ".values";
const TEMPORARY_SUFFIX: &str = ".new";

/// The memory. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct HashCache {
    /// `None`: nothing is remembered.
    dir: Option<PathBuf>,
}

/// What is remembered of one file.
#[derive(Debug, Default)]
pub struct CachedValues {
    table: Option<Table>,
    /// Where to make the table when there is something to keep.
    to_make: Option<(HashCache, Identity)>,
}

/// Which file, in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity([u8; 48]);

impl HashCache {
    /// Uses the folder `dir`, made if it is missing.
    #[must_use]
    pub fn open(dir: &Path) -> Self {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        Self { dir: made.is_ok().then(|| dir.to_owned()) }
    }

    /// Remembers nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self { dir: None }
    }

    /// What is remembered of the file that `found` describes; look at the open file that is read, not at a name.
    #[must_use]
    pub fn of(&self, found: &Found) -> CachedValues {
        self.of_at(found, SystemTime::now())
    }

    fn of_at(&self, found: &Found, now: SystemTime) -> CachedValues {
        let Some(dir) = &self.dir else { return CachedValues::default() };
        if !(MIN_GROUPS..=MAX_BYTES / ENTRY_BYTES as u64).contains(&groups_in(found.size)) || !is_settled(found, now) {
            return CachedValues::default();
        }
        let identity = Identity::of(found);
        match open(&dir.join(identity.file_name()), identity) {
            Some(table) => CachedValues { table: Some(table), to_make: None },
            None => CachedValues { table: None, to_make: Some((self.clone(), identity)) },
        }
    }

    /// Under a name of its own first: who uses an older table under this name goes on with that.
    fn make(&self, identity: Identity) -> Option<Table> {
        let dir = self.dir.as_ref()?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).ok()?;
        let temporary = dir.join(format!("{:016x}{TEMPORARY_SUFFIX}", u64::from_be_bytes(random)));
        let file = options().create_new(true).mode(0o600).open(&temporary).ok()?;
        let table = Table::create(file, Disk::default(), MAGIC, &identity.0).ok();
        let named = table.filter(|_| fs::rename(&temporary, dir.join(identity.file_name())).is_ok());
        if named.is_none() {
            let _ = fs::remove_file(&temporary);
        }
        make_room(dir);
        named
    }
}

impl CachedValues {
    /// The value of a group, if it is remembered.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<GroupValue> {
        Some(self.table.as_ref()?.get(index).ok()??.value)
    }

    /// Remembers the value of a group.
    pub fn put(&mut self, index: u64, value: &GroupValue) {
        if let Some((cache, identity)) = self.to_make.take() {
            self.table = cache.make(identity);
        }
        // How long the last group is follows from the size, which is part of the identity.
        let len = u32::try_from(GROUP_BYTES).unwrap_or(u32::MAX);
        let record = Record { value: *value, len, boot: 0, generation: 0 };
        if let Some(table) = &self.table
            && table.put(index, &[record]).is_err()
        {
            self.table = None; // a full disk, say: it is not asked again
        }
    }
}

impl Identity {
    fn of(found: &Found) -> Self {
        let mut bytes = [0; 48];
        let numbers = [found.dev, found.inode, found.size].into_iter().flat_map(u64::to_be_bytes);
        let times = [found.mtime, found.ctime].into_iter();
        let times = times.flat_map(|time| time.secs().to_be_bytes().into_iter().chain(time.nanos().to_be_bytes()));
        bytes.iter_mut().zip(numbers.chain(times)).for_each(|(to, from)| *to = from);
        Self(bytes)
    }

    /// By what does not change with the content: a file that changed finds its old table and replaces it.
    fn file_name(&self) -> String {
        let place = self.0.first_chunk::<16>().copied().unwrap_or_default();
        let hash = blake3::hash(&place).to_hex();
        format!("{}{TABLE_SUFFIX}", hash.get(..32).unwrap_or_default())
    }
}

fn is_settled(found: &Found, now: SystemTime) -> bool {
    let changed = Duration::new(u64::try_from(found.ctime.secs()).unwrap_or(0), found.ctime.nanos());
    let age = now.duration_since(UNIX_EPOCH).ok().and_then(|now| now.checked_sub(changed));
    age.is_some_and(|age| age >= SETTLED)
}

fn open(place: &Path, identity: Identity) -> Option<Table> {
    let file = options().open(place).ok().filter(|file| is_private(file).unwrap_or(false))?;
    mark_used(&file);
    let (table, head) = Table::open(file, Disk::default(), MAGIC).ok()??;
    (head.payload == identity.0).then_some(table)
}

fn options() -> OpenOptions {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
    options
}

/// The time of modification of a table is when it was last used.
fn mark_used(file: &File) {
    let _ = file.set_modified(SystemTime::now());
}

/// Removes what is too much, the least recently used first, and what died half-made.
fn make_room(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut tables = Vec::new();
    for entry in entries.flatten() {
        let (name, Ok(meta)) = (entry.file_name(), entry.metadata()) else { continue };
        let Ok(used) = meta.modified() else { continue };
        let name = name.to_string_lossy();
        if name.ends_with(TABLE_SUFFIX) {
            tables.push((used, meta.len(), entry.path()));
        } else if name.ends_with(TEMPORARY_SUFFIX) && used.elapsed().is_ok_and(|age| age > TEMPORARY_LIFE) {
            let _ = fs::remove_file(entry.path());
        }
    }
    tables.sort_unstable_by(|one, other| other.cmp(one));
    let mut bytes = 0_u64;
    for (count, (_, len, place)) in tables.into_iter().enumerate() {
        bytes = bytes.saturating_add(len);
        if count >= MAX_TABLES || bytes > MAX_BYTES {
            let _ = fs::remove_file(place);
        }
    }
}

#[cfg(test)]
mod tests;
