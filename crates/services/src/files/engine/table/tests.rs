//! What a table tells is what was put there, whatever else happened to its file.

use std::fs::OpenOptions;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const MAGIC: [u8; 8] = *b"testing1";

fn file(dir: &TempDir) -> File {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(dir.path().join("table")).unwrap()
}

fn record(index: u64, generation: u32) -> Record {
    let value = GroupValue::of(index, &[u8::try_from(index % 251).unwrap(); 100]);
    Record { value, len: 100, boot: 7, generation }
}

fn all(table: &Table) -> Vec<(u64, Record)> {
    let mut all = Vec::new();
    table.scan(0, MAX_GROUPS, |index, record| all.push((index, record))).unwrap();
    all
}

fn open(dir: &TempDir) -> Option<(Table, Head)> {
    Table::open(file(dir), Disk::default(), MAGIC).unwrap()
}

#[test]
fn tells_again_what_was_put_wherever_it_lies() {
    let dir = TempDir::new().unwrap();
    let table = Table::create(file(&dir), Disk::default(), MAGIC, b"mine").unwrap();
    let far = [0, 1, 2, 1023, 1024, 1025, 70_000, MAX_GROUPS - 1];
    for index in far {
        table.put(index, &[record(index, 3)]).unwrap();
    }
    let (table, head) = open(&dir).unwrap();
    assert_eq!(head, Head { number: 0, payload: b"mine".to_vec() });
    assert_eq!(all(&table), far.map(|index| (index, record(index, 3))));
    for index in far {
        assert_eq!(table.get(index).unwrap(), Some(record(index, 3)));
        assert_eq!(table.get(index + 3000).unwrap(), None);
    }
    table.erase(0, 1025).unwrap();
    assert_eq!(all(&table).len(), 3);
    table.put(0, &(0..2500).map(|index| record(index, 4)).collect::<Vec<_>>()).unwrap();
    assert_eq!(all(&table).len(), 2502);
    table.erase(1, 2499).unwrap();
    assert_eq!(all(&table).iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 2499, 70_000, MAX_GROUPS - 1]);
}

#[test]
fn the_newer_head_counts_and_a_torn_one_leaves_the_older() {
    let dir = TempDir::new().unwrap();
    let table = Table::create(file(&dir), Disk::default(), MAGIC, b"0").unwrap();
    table.put(5, &[record(5, 0)]).unwrap();
    for number in 1..4_u64 {
        table.set_head(&Head { number, payload: number.to_string().into_bytes() }).unwrap();
        assert_eq!(open(&dir).unwrap().1.number, number);
    }
    file(&dir).write_all_at(&[1; 100], HEAD_BYTES as u64 + 500).unwrap();
    let (table, head) = open(&dir).unwrap();
    assert_eq!((head.number, table.get(5).unwrap()), (2, Some(record(5, 0))));
    file(&dir).write_all_at(&[1; 100], 500).unwrap();
    assert!(open(&dir).is_none());
}

#[test]
fn entries_of_an_earlier_table_in_the_same_file_do_not_count() {
    let dir = TempDir::new().unwrap();
    let old = Table::create(file(&dir), Disk::default(), MAGIC, b"").unwrap();
    old.put(0, &[record(0, 0), record(1, 0)]).unwrap();
    let new = Table::create(file(&dir), Disk::default(), MAGIC, b"").unwrap();
    assert_eq!(all(&new), []);
    assert!(Table::open(file(&dir), Disk::default(), *b"testing2").unwrap().is_none(), "another purpose or version");
}

#[test]
fn more_than_fits_a_head_is_refused() {
    let dir = TempDir::new().unwrap();
    assert!(Table::create(file(&dir), Disk::default(), MAGIC, &[1; MAX_PAYLOAD]).is_ok());
    assert_eq!(open(&dir).unwrap().1.payload, [1; MAX_PAYLOAD]);
    assert!(Table::create(file(&dir), Disk::default(), MAGIC, &[1; MAX_PAYLOAD + 1]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_damage_takes_entries_away_and_never_changes_or_adds_one(
        put in prop::collection::vec(0_u64..40, 0..20),
        damage in prop::collection::vec((0_u64..8192, prop::collection::vec(any::<u8>(), 1..300)), 0..4),
        cut in prop::option::of(0_u64..8192),
    ) {
        let dir = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        let table = Table::create(file(&dir), Disk::default(), MAGIC, b"mine").unwrap();
        for index in &put {
            table.put(*index, &[record(*index, 1)]).unwrap();
        }
        for (at, bytes) in &damage {
            file(&dir).write_all_at(bytes, *at).unwrap();
        }
        if let Some(len) = cut {
            file(&dir).set_len(len).unwrap();
        }
        if let Some((table, head)) = open(&dir) {
            prop_assert_eq!(head.payload, b"mine".to_vec());
            for (index, told) in all(&table) {
                prop_assert!(put.contains(&index));
                prop_assert_eq!(told, record(index, 1));
            }
        }
    }
}
