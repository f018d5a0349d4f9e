//! What is remembered is what was put, of the same state of the same file; and it never grows without end.

use std::os::unix::fs::{FileExt, PermissionsExt};

use tempfile::TempDir;

use super::*;
use crate::files::tree::{Tree, TreeError};

const SIZE: u64 = 9 * GROUP_BYTES + 5;

/// A file of holes, and what a look at it tells.
fn file(dir: &Path, name: &str, size: u64) -> Found {
    File::create(dir.join(name)).unwrap().set_len(size).unwrap();
    look(dir, name).unwrap()
}

fn look(dir: &Path, name: &str) -> Result<Found, TreeError> {
    let root = landline_addr::path::SharePath::root();
    let held = Tree::open(dir)?.dir(&root)?;
    let name = crate::files::tree::Name::last_of(&landline_addr::path::SharePath::parse(name.as_bytes()).unwrap());
    held.look(&name.unwrap()).map_err(|errno| TreeError::at(&root, errno))
}

/// When everything that changed in this test has settled.
fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

fn value(seed: u8) -> GroupValue {
    GroupValue::of(0, &[seed])
}

fn tables(home: &TempDir) -> usize {
    fs::read_dir(home.path().join("hashes")).unwrap().count()
}

fn cache(home: &TempDir) -> HashCache {
    HashCache::open(&home.path().join("hashes"))
}

#[test]
fn values_are_remembered_until_the_file_changes() {
    let (home, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let found = file(dir.path(), "f", SIZE);
    let mut values = cache(&home).of_at(&found, later());
    assert_eq!(values.get(0), None);
    assert_eq!(tables(&home), 0, "no table for nothing");
    for (index, seed) in [(0, 1), (9, 2)] {
        values.put(index, &value(seed));
    }
    assert_eq!(values.get(9).unwrap().parts().0, value(2).parts().0);
    let again = cache(&home).of_at(&found, later());
    assert_eq!(again.get(0), Some(value(1)), "the hash as a whole file too");
    assert_eq!((again.get(1), again.get(u64::MAX)), (None, None));

    // Whoever has the older table goes on with that, and disturbs nobody.
    File::options().write(true).open(dir.path().join("f")).unwrap().set_len(SIZE + 1).unwrap();
    let changed = look(dir.path(), "f").unwrap();
    let mut new = cache(&home).of_at(&changed, later());
    assert_eq!(new.get(0), None);
    new.put(0, &value(3));
    values.put(0, &value(4));
    assert_eq!(cache(&home).of_at(&changed, later()).get(0), Some(value(3)));
    assert_eq!(tables(&home), 1);
}

#[test]
fn any_part_of_the_identity_counts() {
    let dir = TempDir::new().unwrap();
    let found = file(dir.path(), "f", SIZE);
    let other = |change: &dyn Fn(&mut Found)| {
        let mut other = found.clone();
        change(&mut other);
        assert_ne!(Identity::of(&other), Identity::of(&found));
    };
    let time = crate::files::tree::Mtime::new(found.ctime.secs() + 1, found.ctime.nanos()).unwrap();
    other(&|found| found.entry.dev += 1);
    other(&|found| found.entry.inode += 1);
    other(&|found| found.entry.size += 1);
    other(&|found| found.entry.mtime = time);
    other(&|found| found.ctime = time);
}

#[test]
fn small_files_and_those_that_just_changed_are_read_instead() {
    let (home, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let small = file(dir.path(), "small", 7 * GROUP_BYTES);
    let large = file(dir.path(), "large", SIZE);
    let earlier = SystemTime::now() - Duration::from_secs(60);
    for (found, now) in [(&small, later()), (&large, SystemTime::now()), (&large, earlier)] {
        let mut values = cache(&home).of_at(found, now);
        values.put(0, &value(1));
        assert_eq!(values.get(0), None);
    }
    assert_eq!(tables(&home), 0);
}

#[test]
fn the_least_recently_used_tables_go_when_there_are_too_many() {
    let (home, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let found = file(dir.path(), "f", SIZE);
    cache(&home).of_at(&found, later()).put(0, &value(1));
    let hashes = home.path().join("hashes");
    for age in 1..=300_u64 {
        let file = File::create(hashes.join(format!("{age}{TABLE_SUFFIX}"))).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age * 60)).unwrap();
    }
    File::create(hashes.join(format!("1{TABLE_SUFFIX}"))).unwrap().set_len(200 << 20).unwrap();
    let died = File::create(hashes.join(format!("x{TEMPORARY_SUFFIX}"))).unwrap();
    died.set_modified(SystemTime::now() - 2 * TEMPORARY_LIFE).unwrap();
    make_room(&hashes);
    assert_eq!(tables(&home), MAX_TABLES);
    assert_eq!(cache(&home).of_at(&found, later()).get(0), Some(value(1)));
    // More bytes than all may have: the larger and older go.
    File::create(hashes.join(format!("2{TABLE_SUFFIX}"))).unwrap().set_len(100 << 20).unwrap();
    make_room(&hashes);
    assert!(tables(&home) < 4, "{}", tables(&home));
}

#[test]
fn a_folder_that_can_not_be_used_only_means_that_nothing_is_remembered() {
    let (home, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let found = file(dir.path(), "f", SIZE);
    fs::write(home.path().join("hashes"), "in the way").unwrap();
    for cache in [cache(&home), HashCache::none(), HashCache::default()] {
        let mut values = cache.of_at(&found, later());
        values.put(0, &value(1));
        assert_eq!(values.get(0), None);
    }
    assert_eq!(fs::read(home.path().join("hashes")).unwrap(), b"in the way");
}

#[test]
fn a_table_that_is_damaged_or_not_ours_is_not_believed() {
    let (home, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let found = file(dir.path(), "f", SIZE);
    let remember = || cache(&home).of_at(&found, later()).put(3, &value(1));
    let recall = || cache(&home).of_at(&found, later()).get(3);
    remember();
    let place = home.path().join("hashes").join(Identity::of(&found).file_name());
    fs::set_permissions(&place, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(recall(), None);
    fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(recall().is_some());
    let table = File::options().write(true).open(&place).unwrap();
    table.write_all_at(&[9; 10], 4096 + 4 * 64).unwrap();
    assert_eq!(recall(), None);
    remember();
    assert!(recall().is_some());
    fs::write(&place, "nothing of the kind").unwrap();
    assert_eq!(recall(), None);
    remember();
    assert!(recall().is_some());
}
