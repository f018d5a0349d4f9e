use std::fs::{self, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::open_or_create(dir.path().join("home")).unwrap();
    (dir, Folder::inside(&home, "memory"))
}

/// Sets the time of a file to so many seconds ago.
fn age(path: &Path, seconds: u64) {
    let at = SystemTime::now() - Duration::from_secs(seconds);
    File::options().write(true).open(path).unwrap().set_times(FileTimes::new().set_modified(at)).unwrap();
}

#[test]
fn folder_and_files_are_for_their_owner_alone() {
    let (_dir, folder) = folder();
    folder.replace("a", b"x").unwrap();
    assert_eq!(fs::metadata(folder.path("")).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(folder.path("a")).unwrap().mode() & 0o777, 0o600);
    fs::set_permissions(folder.path(""), Permissions::from_mode(0o755)).unwrap();
    folder.prepare(|_| true).unwrap();
    assert_eq!(fs::metadata(folder.path("")).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn a_file_is_replaced_whole_and_no_draft_is_left() {
    let (_dir, folder) = folder();
    folder.replace("a", b"one").unwrap();
    folder.replace("a", b"two").unwrap();
    assert_eq!(folder.read("a", 3).unwrap().unwrap(), b"two");
    assert_eq!(folder.list(|_| true).unwrap(), ["a"]);
}

#[test]
fn a_folder_that_was_removed_is_made_again() {
    let (_dir, folder) = folder();
    folder.replace("a", b"x").unwrap();
    fs::remove_dir_all(folder.path("")).unwrap();
    assert_eq!(folder.read("a", 9).unwrap(), None);
    folder.replace("a", b"y").unwrap();
    assert_eq!(folder.read("a", 9).unwrap().unwrap(), b"y");
}

#[test]
fn what_is_no_regular_file_or_too_large_is_not_read() {
    let (dir, folder) = folder();
    folder.prepare(|_| true).unwrap();
    fs::write(dir.path().join("outside"), "secret").unwrap();
    symlink(dir.path().join("outside"), folder.path("link")).unwrap();
    fs::create_dir(folder.path("dir")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, folder.path("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
    fs::write(folder.path("large"), "four").unwrap();
    for name in ["link", "dir", "pipe", "socket", "large", "missing"] {
        assert_eq!(folder.read(name, 3).unwrap(), None, "{name}");
    }
    assert_eq!(folder.read("large", 4).unwrap().unwrap(), b"four");
}

#[test]
fn a_link_in_place_of_the_folder_or_a_file_leads_nowhere() {
    let (dir, folder) = folder();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, folder.path("")).unwrap();
    assert!(matches!(folder.replace("a", b"x"), Err(StoreError::Io { .. })));
    assert!(matches!(folder.prepare(|_| true), Err(StoreError::Io { .. })));
    fs::remove_file(folder.path("")).unwrap();

    folder.prepare(|_| true).unwrap();
    symlink(outside.join("b"), folder.path("b")).unwrap();
    folder.replace("b", b"x").unwrap();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(folder.read("b", 9).unwrap().unwrap(), b"x");
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    let (_dir, folder) = folder();
    folder.prepare(|_| true).unwrap();
    let owner = folder.home.owner_uid();
    let other = Folder { home: folder.home.owned_by(owner + 1), ..folder };
    assert!(matches!(other.prepare(|_| true), Err(StoreError::NotYours { owner: found, .. }) if found == owner));
}

#[test]
fn what_root_makes_in_the_home_of_another_user_belongs_to_that_user() {
    const SOMEBODY: u32 = 54_321;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(dir.path(), Some(SOMEBODY), None).unwrap();
    let folder = Folder::inside(&Home::open_or_create(dir.path()).unwrap(), "memory");
    folder.replace("a", b"x").unwrap();
    folder.add(["b".to_owned()], |_| Ok(())).unwrap();
    for file in ["", "a", "b"] {
        assert_eq!(fs::metadata(folder.path(file)).unwrap().uid(), SOMEBODY, "{file:?}");
    }
}

#[test]
fn of_several_that_add_at_once_each_gets_a_name_of_its_own() {
    let (_dir, folder) = folder();
    let names = || (1..=40).map(|n| n.to_string());
    let added: Vec<Option<String>> = std::thread::scope(|scope| {
        let adding: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..10).map(|_| folder.add(names(), |_| Ok(())).unwrap()).collect()))
            .collect();
        adding.into_iter().flat_map(|thread| -> Vec<_> { thread.join().unwrap() }).collect()
    });
    let mut numbers: Vec<u32> = added.into_iter().map(|name| name.unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    assert_eq!(folder.add(names(), |_| Ok(())).unwrap(), None, "all are taken");
    assert_eq!(folder.list(|name| name.contains(DRAFT)).unwrap(), [""; 0], "no draft is left");
}

#[test]
fn a_draft_that_could_not_be_written_is_not_left() {
    let (_dir, folder) = folder();
    let full = || Err(std::io::ErrorKind::StorageFull.into());
    assert!(folder.add(["1".to_owned()], |_| full()).is_err());
    fs::create_dir(folder.path("taken")).unwrap();
    assert!(folder.replace("taken", b"x").is_err());
    assert_eq!(folder.list(|name| name != "taken").unwrap(), [""; 0]);
}

#[test]
fn drafts_of_the_dead_go_and_those_of_the_living_stay() {
    let (_dir, folder) = folder();
    for (name, seconds) in [("a.new-00", 7200), ("a.new-01", 5), ("b.new-00", 7200), ("a", 7200)] {
        folder.replace(name, b"x").unwrap();
        age(&folder.path(name), seconds);
    }
    folder.prepare(|file| file == "a").unwrap();
    let mut left = folder.list(|_| true).unwrap();
    left.sort();
    assert_eq!(left, ["a", "a.new-01", "b.new-00"]);
}

#[test]
fn thinning_takes_the_oldest_of_ours_only() {
    let (_dir, folder) = folder();
    for (n, name) in ["1", "2", "3", "4", "foreign"].into_iter().enumerate() {
        folder.replace(name, b"x").unwrap();
        age(&folder.path(name), 1000 - n as u64);
    }
    age(&folder.path("foreign"), 9000);
    let ours = |name: &str| name.parse::<u32>().is_ok();
    folder.thin(2, "1", ours).unwrap();
    let mut left = folder.list(|_| true).unwrap();
    left.sort();
    assert_eq!(left, ["1", "4", "foreign"]);
    folder.thin(2, "1", ours).unwrap();
    assert_eq!(folder.list(ours).unwrap().len(), 2);
}

#[test]
fn no_reader_sees_half_of_a_file() {
    let (_dir, folder) = folder();
    let (short, long) = (vec![b's'; 10], vec![b'l'; 100_000]);
    folder.replace("a", &short).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..50 {
                folder.replace("a", &long).unwrap();
                folder.replace("a", &short).unwrap();
            }
        });
        for _ in 0..100 {
            let seen = folder.read("a", 100_000).unwrap().unwrap();
            assert!(seen == short || seen == long, "{} bytes", seen.len());
        }
    });
}
