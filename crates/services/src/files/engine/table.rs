//! A table of group values in a file: entries at fixed places by group number, each believed only if its check agrees.
//!
//! In: values, in any order and any number of times. Out: those that are there whole. What is torn, damaged, written by
//! somebody else or left from an earlier table is as if it were not there, so that every content of the file is safe to
//! read. Serves the journal of a partial and the sender's memory of hashes; knows nothing of either.
//!
//! Layout, integers big-endian: two heads of 1024 bytes, of which the whole one with the higher number counts; from 4096
//! on entries of 64 bytes: first the hash of group 0 as a whole file, then group 0, group 1 and so on.
//! Invariant: an entry counts only under the key in the head, which is new with each table.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt as _;

use rustix::fs::SeekFrom;
use rustix::io::{self, Errno};

use crate::files::digest::{GROUP, GroupValue};
use crate::files::tree::Disk;

/// Bytes of one head. Both lie in the first page; a torn write spoils whole sectors, and so one head only.
const HEAD_BYTES: usize = 1024;

/// Bytes of a head around what the user of the table keeps there: magic, number, key, length, check.
const HEAD_FRAME: usize = 8 + 8 + 32 + 2 + CHECK_BYTES;

/// Most bytes that the user of a table can keep in its head.
pub(in crate::files) const MAX_PAYLOAD: usize = HEAD_BYTES - HEAD_FRAME;

/// Where the entries begin.
const ENTRIES_AT: u64 = 4096;

/// Bytes of an entry: value 32, boot 8, generation 4, length 4, check 16.
pub(in crate::files) const ENTRY_BYTES: usize = 64;

/// Bytes of a check: against accidents and leftovers, so half a hash is plenty.
const CHECK_BYTES: usize = 16;

/// Entries that are read or written at once.
const CHUNK: usize = 1024;

/// Groups that a table has room for: files of 64 TiB, with a table of 4 GiB. Bounds what an opening has to read.
pub(in crate::files) const MAX_GROUPS: u64 = 1 << 26;

/// What is known of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::files) struct Record {
    /// What its bytes come to.
    pub(in crate::files) value: GroupValue,
    /// Bytes in it, 1 to [`GROUP`].
    pub(in crate::files) len: u32,
    /// Which start of the machine it was written in; 0 if that is not known.
    pub(in crate::files) boot: u64,
    /// Counts up with each time that the content was made durable.
    pub(in crate::files) generation: u32,
}

/// A table that is open.
#[derive(Debug)]
pub(in crate::files) struct Table {
    file: File,
    disk: Disk,
    magic: [u8; 8],
    key: [u8; 32],
}

impl Drop for Table {
    fn drop(&mut self) {
        self.disk.release(&self.file);
    }
}

/// The head of a table: its number, and what its user keeps there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::files) struct Head {
    pub(in crate::files) number: u64,
    pub(in crate::files) payload: Vec<u8>,
}

impl Table {
    /// Begins a table in an empty file. `magic`: what it is for, and in which version. `payload`: at most
    /// [`MAX_PAYLOAD`] bytes.
    pub(in crate::files) fn create(file: File, disk: Disk, magic: [u8; 8], payload: &[u8]) -> io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|_unavailable| Errno::IO)?;
        let table = Self { file, disk, magic, key };
        table.set_head(&Head { number: 0, payload: payload.to_vec() })?;
        Ok(table)
    }

    /// Opens one that is there; `None` if neither head is whole.
    pub(in crate::files) fn open(file: File, disk: Disk, magic: [u8; 8]) -> io::Result<Option<(Self, Head)>> {
        let mut bytes = [0; 2 * HEAD_BYTES];
        let len = read_at(&file, &mut bytes, 0)?;
        let heads = bytes.get(..len).unwrap_or_default().chunks(HEAD_BYTES).filter_map(|head| decode_head(head, magic));
        let best = heads.max_by_key(|(head, _)| head.number);
        Ok(best.map(|(head, key)| (Self { file, disk, magic, key }, head)))
    }

    /// Replaces the head. `head.number` must be higher than that of the last one.
    pub(in crate::files) fn set_head(&self, head: &Head) -> io::Result<()> {
        let bytes = encode_head(head, self.magic, &self.key).ok_or(Errno::NAMETOOLONG)?;
        let place = if head.number.is_multiple_of(2) { 0 } else { HEAD_BYTES as u64 };
        self.disk.write_at(&self.file, &bytes, place)
    }

    /// Writes the entries of the groups from `first` on.
    pub(in crate::files) fn put(&self, first: u64, records: &[Record]) -> io::Result<()> {
        for (chunk, index) in records.chunks(CHUNK).zip((first..).step_by(CHUNK)) {
            let mut bytes = Vec::with_capacity((chunk.len() + 1) * ENTRY_BYTES);
            for (record, index) in chunk.iter().zip(index..) {
                if index == 0 {
                    bytes.extend(record.value.parts().1.unwrap_or(&[0; 32]));
                    bytes.extend([0; ENTRY_BYTES - 32]);
                }
                bytes.extend(self.encode(index, record));
            }
            self.disk.write_at(&self.file, &bytes, start_of(index)?)?;
        }
        Ok(())
    }

    /// Removes the entries of the groups from `first` up to `end`.
    pub(in crate::files) fn erase(&self, first: u64, end: u64) -> io::Result<()> {
        let zeros = vec![0; (CHUNK + 1) * ENTRY_BYTES];
        let mut index = first;
        while index < end {
            let until = end.min(index.saturating_add(CHUNK as u64));
            let len = usize::try_from(place_of(until)?.saturating_sub(start_of(index)?)).unwrap_or(zeros.len());
            self.disk.write_at(&self.file, zeros.get(..len).unwrap_or(&zeros), start_of(index)?)?;
            index = until;
        }
        Ok(())
    }

    /// The entry of one group, if it is whole.
    pub(in crate::files) fn get(&self, index: u64) -> io::Result<Option<Record>> {
        if index >= MAX_GROUPS {
            return Ok(None);
        }
        let mut found = None;
        self.scan(index, index + 1, |_, record| found = Some(record))?;
        Ok(found)
    }

    /// All whole entries of groups from `first` up to `end`, in order. Reads nothing where nothing was ever written.
    pub(in crate::files) fn scan(&self, first: u64, end: u64, mut each: impl FnMut(u64, Record)) -> io::Result<()> {
        let end = end.min(MAX_GROUPS);
        let mut index = first;
        let mut bytes = vec![0; CHUNK.min(usize::try_from(end.saturating_sub(first)).unwrap_or(CHUNK)) * ENTRY_BYTES];
        let alone = self.alone(first)?;
        while index < end {
            if end - index > 1 {
                index = self.next_written(index)?;
            }
            if index >= end {
                break;
            }
            let wanted = usize::try_from(end.saturating_sub(index)).unwrap_or(CHUNK).min(CHUNK) * ENTRY_BYTES;
            let buffer = bytes.get_mut(..wanted).unwrap_or_default();
            let len = read_at(&self.file, buffer, place_of(index)?)?;
            let (entries, _torn) = buffer.get(..len).unwrap_or_default().as_chunks::<ENTRY_BYTES>();
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                if let Some(record) = self.decode(index, entry, alone) {
                    each(index, record);
                }
                index += 1;
            }
        }
        Ok(())
    }

    /// Sets space aside for the entries of `groups` groups.
    pub(in crate::files) fn reserve(&self, groups: u64) -> io::Result<()> {
        self.disk.reserve(&self.file, place_of(groups.min(MAX_GROUPS))?)
    }

    /// Makes everything written so far durable.
    pub(in crate::files) fn sync(&self) -> io::Result<()> {
        self.disk.sync_content(&self.file, &self.magic)
    }

    /// The first group from `index` on whose entry may have been written; far away if there is none.
    fn next_written(&self, index: u64) -> io::Result<u64> {
        let place = place_of(index)?;
        match rustix::fs::seek(self.file.as_fd(), SeekFrom::Data(place)) {
            Ok(data) => Ok(index + data.saturating_sub(place) / ENTRY_BYTES as u64),
            Err(Errno::NXIO) => Ok(u64::MAX),
            Err(_) => Ok(index), // no such question here: it is read instead
        }
    }

    /// The hash of group 0 as a whole file, unchecked: the entry of group 0 vouches for it.
    fn alone(&self, index: u64) -> io::Result<[u8; 32]> {
        let mut alone = [0; 32];
        if index == 0 {
            read_at(&self.file, &mut alone, ENTRIES_AT)?;
        }
        Ok(alone)
    }

    fn encode(&self, index: u64, record: &Record) -> [u8; ENTRY_BYTES] {
        let (value, alone) = record.value.parts();
        let mut bytes = [0; ENTRY_BYTES];
        let parts: [&[u8]; 4] =
            [value, &record.boot.to_be_bytes(), &record.generation.to_be_bytes(), &record.len.to_be_bytes()];
        let body = parts.concat();
        let check = self.check(index, &body, alone.filter(|_| index == 0).unwrap_or(&[0; 32]));
        for (to, from) in bytes.iter_mut().zip(body.into_iter().chain(check)) {
            *to = from;
        }
        bytes
    }

    fn decode(&self, index: u64, bytes: &[u8; ENTRY_BYTES], alone: [u8; 32]) -> Option<Record> {
        let alone = if index == 0 { alone } else { [0; 32] };
        let (body, check) = bytes.split_last_chunk::<CHECK_BYTES>()?;
        let (value, rest) = body.split_first_chunk::<32>()?;
        let (boot, rest) = rest.split_first_chunk::<8>()?;
        let (generation, len) = rest.split_first_chunk::<4>()?;
        let len = u32::from_be_bytes(*len.first_chunk::<4>()?);
        let sound = (1..=GROUP).contains(&usize::try_from(len).ok()?) && *check == self.check(index, body, &alone);
        sound.then(|| Record {
            value: GroupValue::kept(*value, (index == 0).then_some(alone)),
            len,
            boot: u64::from_be_bytes(*boot),
            generation: u32::from_be_bytes(*generation),
        })
    }

    fn check(&self, index: u64, body: &[u8], alone: &[u8; 32]) -> [u8; CHECK_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&index.to_be_bytes()).update(body).update(alone);
        let mut check = [0; CHECK_BYTES];
        hasher.finalize_xof().fill(&mut check);
        check
    }
}

/// Where the entry of group `index` lies.
fn place_of(index: u64) -> io::Result<u64> {
    let place = index.checked_add(1).and_then(|slots| slots.checked_mul(ENTRY_BYTES as u64));
    place.and_then(|place| place.checked_add(ENTRIES_AT)).ok_or(Errno::FBIG)
}

/// Where what belongs to group `index` begins: for the first one, that is the hash of it as a whole file.
fn start_of(index: u64) -> io::Result<u64> {
    if index == 0 { Ok(ENTRIES_AT) } else { place_of(index) }
}

/// Reads until `bytes` is full or the file ends; how many.
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = bytes.get_mut(len..).filter(|rest| !rest.is_empty()) {
        let at = offset.checked_add(u64::try_from(len).unwrap_or(u64::MAX)).ok_or(Errno::FBIG)?;
        match file.read_at(rest, at) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        }
    }
    Ok(len)
}

/// `None` if the payload is too long.
fn encode_head(head: &Head, magic: [u8; 8], key: &[u8; 32]) -> Option<Vec<u8>> {
    let len = u16::try_from(head.payload.len()).ok().filter(|len| usize::from(*len) <= MAX_PAYLOAD)?;
    let number = head.number.to_be_bytes();
    let mut bytes: Vec<u8> = [magic.as_slice(), &number, key, &len.to_be_bytes(), &head.payload].concat();
    bytes.resize(HEAD_BYTES - CHECK_BYTES, 0);
    let check = head_check(&bytes);
    bytes.extend(check);
    Some(bytes)
}

fn decode_head(bytes: &[u8], magic: [u8; 8]) -> Option<(Head, [u8; 32])> {
    let bytes: &[u8; HEAD_BYTES] = bytes.try_into().ok()?;
    let (body, check) = bytes.split_last_chunk::<CHECK_BYTES>()?;
    let rest = body.strip_prefix(magic.as_slice()).filter(|_| *check == head_check(body))?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (key, rest) = rest.split_first_chunk::<32>()?;
    let (len, rest) = rest.split_first_chunk::<2>()?;
    let payload = rest.get(..usize::from(u16::from_be_bytes(*len)))?.to_vec();
    Some((Head { number: u64::from_be_bytes(*number), payload }, *key))
}

fn head_check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    blake3::Hasher::new().update(bytes).finalize_xof().fill(&mut check);
    check
}

#[cfg(test)]
mod tests;
