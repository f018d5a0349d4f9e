//! The header of a staged tree: whose it is, what it shall become, and what in it is known to be durable.
//!
//! A file inside the tree, under a reserved name; removed before the tree gets its name. [`HEADER_BYTES`] bytes, then one
//! record of [`RECORD_BYTES`] for each file that was made durable: a truncated BLAKE3 of its path, size and time.
//! In: bytes that anything may have happened to. Out: a [`Header`] whose check agrees, or nothing.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use rustix::io;

use crate::files::{
    engine::Owner,
    tree::{Held as Dir, Mtime, Name},
};

/// What the header file is called inside the staged tree, after the reserved prefix.
const NAME: &str = "journal";

const MAGIC: &[u8; 8] = b"LLTREE\0\x01";
/// The header with its check, padded: a fixed place for the records behind it.
pub(super) const HEADER_BYTES: usize = 1024;
const CHECK_BYTES: usize = 16;
const LABEL_BYTES: usize = 255;
const RECORD_BYTES: usize = 16;
/// Records that are read again: what a person's largest trees hold. Files behind that are sent again.
const MAX_RECORDS: usize = 1 << 20;

/// What is said of a staged tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::files) struct Header {
    /// The name that it shall have.
    pub(in crate::files) target: Vec<u8>,
    /// Who may go on with it.
    pub(in crate::files) owner: Owner,
    /// The start of the machine in which everything in it that has no record was written; 0 if that can't be known.
    pub(in crate::files) boot: u64,
    /// When it was begun, in seconds since 1970.
    pub(in crate::files) started: u64,
}

/// One file that is durable.
pub(super) type Record = [u8; RECORD_BYTES];

impl Header {
    /// The file that headers are in.
    pub(in crate::files) fn file_name() -> Name {
        Name::reserved(NAME)
    }

    /// The header of the staged tree `dir`; `None` if there is none, or none that can be believed.
    pub(in crate::files) fn read(dir: &Dir) -> Option<Self> {
        let (file, _) = dir.open_file(&Self::file_name(), None).ok()?;
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact_at(&mut bytes, 0).ok()?;
        Self::decode(&bytes)
    }

    pub(in crate::files::engine) fn write(&self, dir: &Dir, file: &File) -> io::Result<()> {
        dir.disk().write_at(file, &self.encode(), 0)
    }

    pub(in crate::files::engine) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.boot.to_be_bytes());
        bytes.extend_from_slice(&self.started.to_be_bytes());
        bytes.extend_from_slice(&self.owner.id);
        for text in [label(&self.owner.label).as_bytes(), self.target.as_slice()] {
            let text = text.get(..text.len().min(LABEL_BYTES)).unwrap_or_default();
            bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(text);
        }
        bytes.resize(HEADER_BYTES - CHECK_BYTES, 0);
        let check = check(&bytes);
        bytes.extend_from_slice(&check);
        bytes
    }

    pub(in crate::files::engine) fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, told) = bytes.split_at_checked(HEADER_BYTES - CHECK_BYTES)?;
        if told != check(body) {
            return None;
        }
        let rest = body.strip_prefix(MAGIC.as_slice())?;
        let (boot, rest) = rest.split_first_chunk()?;
        let (started, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (label, rest) = text(rest)?;
        let (target, _) = text(rest)?;
        let owner = Owner { id: *id, label: String::from_utf8(label.to_vec()).ok()? };
        let (boot, started) = (u64::from_be_bytes(*boot), u64::from_be_bytes(*started));
        Some(Self { target: target.to_vec(), owner, boot, started })
    }
}

/// Cut where a character ends.
fn label(label: &str) -> &str {
    label.get(..label.floor_char_boundary(LABEL_BYTES)).unwrap_or_default()
}

fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*len))
}

fn check(body: &[u8]) -> [u8; CHECK_BYTES] {
    blake3::hash(body).as_bytes().first_chunk().copied().unwrap_or_default()
}

/// The record of a file. `path`: inside the staged tree.
pub(super) fn record(path: &[u8], size: u64, mtime: Mtime) -> Record {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_be_bytes()).update(&mtime.secs().to_be_bytes()).update(&mtime.nanos().to_be_bytes());
    hasher.update(path);
    hasher.finalize().as_bytes().first_chunk().copied().unwrap_or_default()
}

/// All records in the header file; what can't be read is as if it were not there.
pub(super) fn records(file: &File) -> std::collections::HashSet<Record> {
    let mut records = std::collections::HashSet::new();
    let mut offset = HEADER_BYTES as u64;
    let mut bytes = vec![0; 4096 * RECORD_BYTES];
    while records.len() < MAX_RECORDS {
        let read = file.read_at(&mut bytes, offset).unwrap_or(0);
        let whole = read - read % RECORD_BYTES;
        if whole == 0 {
            break;
        }
        let (chunks, _) = bytes.get(..whole).unwrap_or_default().as_chunks();
        records.extend(chunks.iter().copied());
        offset += whole as u64;
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let owner = Owner { id: [7; 32], label: "käthe".repeat(60) };
        Header { target: vec![b'n'; 255], owner, boot: 3, started: 1_700_000_000 }
    }

    #[test]
    fn what_was_written_is_read_and_labels_are_cut_between_characters() {
        let bytes = header().encode();
        assert_eq!(bytes.len(), HEADER_BYTES);
        let read = Header::decode(&bytes).unwrap();
        assert!(header().owner.label.starts_with(&read.owner.label) && read.owner.label.len() >= 250);
        assert_eq!((read.target, read.boot, read.started), (vec![b'n'; 255], 3, 1_700_000_000));
    }

    #[test]
    fn a_header_with_any_byte_changed_or_missing_is_none() {
        let bytes = header().encode();
        for at in 0..HEADER_BYTES {
            let mut torn = bytes.clone();
            *torn.get_mut(at).unwrap() ^= 1;
            assert_eq!(Header::decode(&torn), None, "{at}");
            assert_eq!(Header::decode(bytes.get(..at).unwrap()), None);
        }
    }
}
