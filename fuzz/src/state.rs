//! Targets of what a receiver finds on its own disk: headers of partials and of staged trees, tables of group values.
//!
//! Nothing of it comes over the line, but a disk loses and mixes, and others may write where we do. Checks are put right
//! where the first byte asks for it: chance alone would never get past them.

use std::{
    io::{Read as _, Seek as _, Write as _},
    ops::Range,
};

use landline_services::files::engine::probe::{make_table, partial_header, read_table, tree_header};

/// Bytes of a head of a table and of the header of a staged tree, the last 16 of them the check.
const HEAD: usize = 1024;
const CHECK: usize = 16;
/// Where the key stands in the head of a table.
const KEY: Range<usize> = 16..48;
/// Where entries begin, how long they are, and how many are looked for. The first slot belongs to entry 0.
const ENTRIES: usize = 4096;
const ENTRY: usize = 64;
const GROUPS: usize = 40;

/// The header of a partial. Invariant: what is read is what would be written.
pub fn partial_headers(data: &[u8]) {
    if let Some(again) = partial_header(data) {
        assert_eq!(again, data);
    }
}

/// The header of a staged tree. Invariant: what is read, written again, is read as the same.
pub fn tree_headers(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let mut bytes = rest.to_vec();
    if choice & 1 == 1 {
        bytes.resize(HEAD - CHECK, 0);
        let check = check_of(blake3::Hasher::new().update(&bytes));
        bytes.extend(check);
    }
    if let Some(again) = tree_header(&bytes) {
        assert_eq!(tree_header(&again).as_ref(), Some(&again));
    }
}

/// A table of group values. Invariants: those in [`read_table`]; groups come in order, each once.
pub fn tables(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let mut bytes = rest.to_vec();
    if choice & 1 == 1 {
        put_heads_right(&mut bytes);
    }
    if choice & 2 == 2 {
        put_entries_right(&mut bytes);
    }
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(&bytes).expect("it has room");
    let end = u64::try_from(GROUPS).unwrap_or(u64::MAX);
    let found = read_table(file, end).expect("a file of ours can be read").unwrap_or_default();
    assert!(found.is_sorted_by(|(a, _), (b, _)| a < b) && found.iter().all(|(index, _)| *index < end), "{found:?}");
}

/// A table as it is written, as a seed: two groups.
pub(crate) fn a_table() -> Vec<u8> {
    let mut file = tempfile::tempfile().expect("a temporary file");
    let second = file.try_clone().expect("a second handle");
    make_table(second, &[b"a group", b"another"]).expect("it can be written");
    let mut bytes = Vec::new();
    file.rewind().expect("a file has a beginning");
    file.read_to_end(&mut bytes).expect("it can be read");
    bytes
}

fn put_heads_right(bytes: &mut [u8]) {
    for head in bytes.chunks_exact_mut(HEAD).take(2) {
        let (body, check) = head.split_at_mut(HEAD - CHECK);
        check.copy_from_slice(&check_of(blake3::Hasher::new().update(body)));
    }
}

fn put_entries_right(bytes: &mut [u8]) {
    let Some(Ok(key)) = bytes.get(KEY).map(<[u8; 32]>::try_from) else { return };
    let alone: [u8; 32] = bytes.get(ENTRIES..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    let entries = bytes.get_mut(ENTRIES + ENTRY..).unwrap_or_default().chunks_exact_mut(ENTRY);
    for (entry, index) in entries.zip(0u64..) {
        let (body, check) = entry.split_at_mut(ENTRY - CHECK);
        let alone = if index == 0 { alone } else { [0; 32] };
        let mut hasher = blake3::Hasher::new_keyed(&key);
        check.copy_from_slice(&check_of(hasher.update(&index.to_be_bytes()).update(body).update(&alone)));
    }
}

fn check_of(hasher: &blake3::Hasher) -> [u8; CHECK] {
    let mut check = [0; CHECK];
    hasher.finalize_xof().fill(&mut check);
    check
}
