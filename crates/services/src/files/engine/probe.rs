//! Ways in for the fuzz targets: decoders of what the engine finds on the disk. No part of the interface.

use std::fs::File;

use rustix::io::{self, Errno};

use super::{
    arrival, partial,
    table::{Record, Table},
};
use crate::files::{
    digest::{GROUP, GroupValue},
    tree::Disk,
};

/// The magic of tables made and read here.
pub const TABLE_MAGIC: [u8; 8] = *b"llprobe\x01";

/// The header of a partial, read and written again; `None` if it is refused.
#[must_use]
pub fn partial_header(bytes: &[u8]) -> Option<Vec<u8>> {
    partial::Header::decode(bytes).map(|header| header.encode())
}

/// The header of a staged tree, read and written again; `None` if it is refused.
#[must_use]
pub fn tree_header(bytes: &[u8]) -> Option<Vec<u8>> {
    arrival::Header::decode(bytes).map(|header| header.encode())
}

/// Makes a table in an empty file, with the values of `groups` from the first on.
///
/// # Errors
/// As the system says.
pub fn make_table(file: File, groups: &[&[u8]]) -> io::Result<()> {
    let table = Table::create(file, Disk::default(), TABLE_MAGIC, b"probe")?;
    for (group, index) in groups.iter().zip(0..) {
        let len = u32::try_from(group.len()).map_err(|_| Errno::FBIG)?;
        table.put(index, &[Record { value: GroupValue::of(index, group), len, boot: 1, generation: 1 }])?;
    }
    Ok(())
}

/// The numbers and lengths of the groups below `end` in the table that lies in `file`; `None` if there is none.
///
/// # Errors
/// As the system says.
///
/// # Panics
/// If an entry that is believed can't be, or is not the same when it is asked for alone.
pub fn read_table(file: File, end: u64) -> io::Result<Option<Vec<(u64, u32)>>> {
    let Some((table, _)) = Table::open(file, Disk::default(), TABLE_MAGIC)? else { return Ok(None) };
    let mut found = Vec::new();
    table.scan(0, end, |index, record| found.push((index, record)))?;
    for (index, record) in &found {
        assert!(usize::try_from(record.len).is_ok_and(|len| (1..=GROUP).contains(&len)), "group {index}");
        assert_eq!(table.get(*index)?, Some(*record), "group {index}");
    }
    Ok(Some(found.into_iter().map(|(index, record)| (index, record.len)).collect()))
}

/// No stream waits for what another one still holds.
pub fn make_haste() {
    super::patience::make_haste();
}
