//! What the tree does for honest requests; the dishonest ones are in `hostile`, `racing` and `random`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;

use rustix::fs::{CWD, Mode};
use rustix::io::Errno;

use super::*;
use crate::files::digest::HashedFile;
use crate::files::engine::{Fate, LocalEngine, Owner, Plan, Policy, PublishError, SourceMark};

mod failing;
mod held;
mod hostile;
mod racing;
mod random;
pub(in crate::files) mod room;

use room::{Room, path};

#[test]
fn lists_by_raw_name_and_describes_without_following() {
    let room = Room::new();
    for tree in room.trees() {
        let entries = tree.list(&SharePath::root()).unwrap();
        let names: Vec<&[u8]> = entries.iter().map(|entry| entry.name.as_slice()).collect();
        assert!(names.is_sorted());
        assert!(names.contains(&b"dir".as_slice()) && names.contains(&b"plain.txt".as_slice()));
        let link = entries.iter().find(|entry| entry.name == b"out_rel").unwrap();
        assert_eq!((link.kind, link.link_target.as_deref()), (Kind::Link, Some(b"../outside".as_slice())));
        for entry in entries {
            assert_eq!(tree.stat(&SharePath::parse(&entry.name).unwrap()).unwrap(), entry);
        }
    }
}

#[test]
fn the_root_can_be_described_and_listed_but_not_changed() {
    let room = Room::new();
    for tree in room.trees() {
        let root = SharePath::root();
        assert_eq!(tree.stat(&root).unwrap().kind, Kind::Dir);
        assert!(matches!(tree.open_file(&root), Err(TreeError::IsADirectory { .. })));
        let refused = |done: Result<(), TreeError>| {
            assert!(matches!(done, Err(TreeError::Refused { why: Refusal::Root, .. })), "{done:?}");
        };
        refused(tree.remove(&root, true));
        refused(tree.rename(&root, &path("dir/x"), true));
        refused(tree.rename(&path("dir"), &root, true));
        refused(tree.make_dir(&root, 0o755));
        tree.make_dirs(&root).unwrap();
    }
}

#[test]
fn reserved_names_are_hidden_and_can_not_be_asked_for() {
    let room = Room::new();
    let staging = room.share().join(".landline-part-0123456789abcdef");
    fs::write(&staging, "half").unwrap();
    for tree in room.trees() {
        assert!(tree.list(&SharePath::root()).unwrap().iter().all(|entry| !entry.name.starts_with(b".landline")));
        assert!(SharePath::parse(b".landline-part-0123456789abcdef").is_err());
    }
    assert!(staging.exists());
}

#[test]
fn reads_a_file_and_describes_the_one_it_opened() {
    let room = Room::new();
    for tree in room.trees() {
        let (file, entry) = tree.open_file(&path("dir/inner.txt")).unwrap();
        assert_eq!(std::io::read_to_string(file).unwrap(), "inside");
        assert_eq!((entry.kind, entry.size, entry.name.as_slice()), (Kind::File, 6, b"inner.txt".as_slice()));
    }
}

#[test]
fn what_is_missing_and_what_is_in_the_way_are_told_apart() {
    let room = Room::new();
    for tree in room.trees() {
        assert!(matches!(tree.stat(&path("nothing")), Err(TreeError::NotFound { .. })));
        assert!(matches!(tree.stat(&path("no/thing")), Err(TreeError::NotFound { .. })));
        assert!(matches!(tree.stat(&path("plain.txt/x")), Err(TreeError::NotADirectory { .. })));
        assert!(matches!(tree.list(&path("plain.txt")), Err(TreeError::NotADirectory { .. })));
        assert!(matches!(tree.open_file(&path("dir")), Err(TreeError::IsADirectory { .. })));
        assert!(matches!(tree.make_dir(&path("dir"), 0o755), Err(TreeError::Exists { .. })));
        assert!(matches!(tree.make_dirs(&path("plain.txt/x")), Err(TreeError::NotADirectory { .. })));
    }
}

#[test]
fn makes_directories_with_exactly_the_permissions_asked_for() {
    let room = Room::new();
    for (tree, name) in room.trees().into_iter().zip(["a", "b"]) {
        tree.make_dir(&path(name), 0o7777).unwrap(); // whatever the umask, and without the special bits
        assert_eq!(fs::metadata(room.share().join(name)).unwrap().mode() & 0o7777, 0o777);
        tree.make_dirs(&path(&format!("{name}/deep/deeper"))).unwrap();
        tree.make_dirs(&path(&format!("{name}/deep/deeper"))).unwrap();
        assert!(room.share().join(name).join("deep/deeper").is_dir());
        assert!(tree.unsynced.is_empty());
    }
}

#[test]
fn a_rename_replaces_only_when_asked_to() {
    let room = Room::new();
    for tree in room.trees() {
        fs::write(room.share().join("from"), "new").unwrap();
        fs::write(room.share().join("to"), "old").unwrap();
        assert!(matches!(tree.rename(&path("from"), &path("to"), false), Err(TreeError::Exists { .. })));
        assert_eq!(fs::read_to_string(room.share().join("to")).unwrap(), "old");
        tree.rename(&path("from"), &path("to"), true).unwrap();
        assert_eq!(fs::read_to_string(room.share().join("to")).unwrap(), "new");
        tree.rename(&path("to"), &path("dir/moved"), false).unwrap();
        assert_eq!(fs::read_to_string(room.share().join("dir/moved")).unwrap(), "new");
        assert!(matches!(tree.rename(&path("plain.txt"), &path("dir"), true), Err(TreeError::IsADirectory { .. })));
        assert!(matches!(tree.rename(&path("gone"), &path("x"), true), Err(TreeError::NotFound { .. })));
        tree.remove(&path("dir/moved"), false).unwrap();
    }
}

#[test]
fn a_directory_is_not_moved_into_itself() {
    let room = Room::new();
    for tree in room.trees() {
        let done = tree.rename(&path("dir"), &path("dir/inside"), true);
        assert!(matches!(done, Err(TreeError::Refused { why: Refusal::IntoItself, .. })), "{done:?}");
    }
}

#[test]
fn removes_a_full_directory_only_recursively() {
    let room = Room::new();
    for tree in room.trees() {
        fs::create_dir_all(room.share().join("full/of/things")).unwrap();
        fs::write(room.share().join("full/of/things/x"), "").unwrap();
        std::os::unix::fs::symlink(room.outside(), room.share().join("full/of/link")).unwrap();
        assert!(matches!(tree.remove(&path("full"), false), Err(TreeError::NotEmpty { .. })));
        tree.remove(&path("full"), true).unwrap();
        assert!(!room.share().join("full").exists());
        assert!(matches!(tree.remove(&path("full"), true), Err(TreeError::NotFound { .. })));
    }
    room.assert_outside_untouched();
}

#[test]
fn a_directory_that_only_holds_the_remains_of_dead_writers_counts_as_empty() {
    let room = Room::new();
    for tree in room.trees() {
        fs::create_dir(room.share().join("empty")).unwrap();
        fs::write(room.share().join("empty/.landline-part-0000000000000000"), "half").unwrap();
        tree.remove(&path("empty"), false).unwrap();
    }
}

#[test]
fn a_tree_deeper_than_any_path_is_refused_with_words() {
    let room = Room::new();
    let mut held = rustix::fs::openat(CWD, room.share(), os::HANDLE, Mode::empty()).unwrap();
    for _ in 0..200 {
        rustix::fs::mkdirat(&held, "d", Mode::RWXU).unwrap();
        held = rustix::fs::openat(&held, "d", os::HANDLE, Mode::empty()).unwrap();
    }
    for tree in room.trees() {
        let done = tree.remove(&path("d"), true);
        assert!(matches!(done, Err(TreeError::Refused { why: Refusal::TooDeep, .. })), "{done:?}");
    }
}

#[test]
fn the_deepest_and_longest_paths_that_can_be_written_can_be_used() {
    let room = Room::new();
    let deep = path(&["d"; landline_addr::path::MAX_COMPONENTS].join("/"));
    let long = ["n".repeat(240).as_str(); 17].join("/");
    assert_eq!(long.len(), landline_addr::path::MAX_PATH_BYTES);
    for tree in room.trees() {
        for whole in [&deep, &path(&long)] {
            tree.make_dirs(whole).unwrap();
            assert_eq!(tree.stat(whole).unwrap().kind, Kind::Dir);
            assert_eq!(tree.list(whole).unwrap(), []);
            tree.remove(&SharePath::parse(whole.components().next().unwrap()).unwrap(), true).unwrap();
        }
    }
}

#[test]
fn permissions_and_times_are_set_without_special_bits() {
    let room = Room::new();
    let when = Mtime::new(-86_400, 123_000_000).unwrap();
    for tree in room.trees() {
        let file = room.share().join("plain.txt");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o4755)).unwrap();
        tree.set_meta(&path("plain.txt"), Some(0o7640), Some(when)).unwrap();
        let meta = fs::metadata(&file).unwrap();
        assert_eq!((meta.mode() & 0o7777, meta.mtime(), meta.mtime_nsec()), (0o640, -86_400, 123_000_000));
        assert_eq!(tree.stat(&path("plain.txt")).unwrap().mtime, when);

        // A directory keeps what its owner set, and gets nothing special from outside.
        let dir = room.share().join("dir");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o2755)).unwrap();
        tree.set_meta(&path("dir"), Some(0o5700), Some(when)).unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o7777, 0o2700);
        tree.set_meta(&SharePath::root(), None, Some(when)).unwrap();
        assert_eq!(tree.stat(&SharePath::root()).unwrap().mtime, when);
    }
}

#[test]
fn what_we_own_but_can_not_read_still_gets_its_permissions() {
    let room = Room::new();
    for tree in room.trees() {
        fs::set_permissions(room.share().join("plain.txt"), fs::Permissions::from_mode(0o000)).unwrap();
        fs::set_permissions(room.share().join("dir"), fs::Permissions::from_mode(0o300)).unwrap();
        let when = Mtime::new(1, 0).unwrap();
        tree.set_meta(&path("plain.txt"), Some(0o600), Some(when)).unwrap();
        tree.make_dir(&path("dir/new"), 0o755).unwrap(); // a drop box: writable, not readable
        tree.remove(&path("dir/new"), false).unwrap();
        tree.set_meta(&path("dir"), Some(0o700), Some(when)).unwrap();
        assert_eq!(tree.stat(&path("plain.txt")).unwrap().mode, 0o600);
        assert_eq!(tree.stat(&path("dir")).unwrap().mtime, when);
    }
}

#[test]
fn a_version_changes_with_the_file() {
    let room = Room::new();
    let [tree, _] = room.trees();
    let before = tree.stat(&path("plain.txt")).unwrap().version();
    assert_eq!(tree.stat(&path("plain.txt")).unwrap().version(), before);
    fs::write(room.share().join("plain.txt"), "longer than it was").unwrap();
    assert_ne!(tree.stat(&path("plain.txt")).unwrap().version(), before);
}

#[test]
fn says_how_much_may_still_be_written() {
    assert!(Room::new().trees()[0].free_space().unwrap() > 0);
}

#[test]
fn a_share_that_is_not_there_or_no_directory_is_said_so() {
    let room = Room::new();
    assert!(matches!(Tree::open(&room.share().join("gone")), Err(TreeError::NotFound { .. })));
    assert!(matches!(Tree::open(&room.share().join("plain.txt")), Err(TreeError::NotADirectory { .. })));
}

/// Publishes three bytes at `path` by a stream of one file.
pub(super) fn publish(engine: &Arc<LocalEngine>, path: &SharePath) -> Result<(), TreeError> {
    let source = SourceMark([0; 16]);
    let (mode, mtime, attributes) = (0o644, Mtime::new(1_000_000_000, 0), Vec::new());
    let plan = Plan { size: Some(3), mode, mtime, source, sparse: false, linked: false, attributes, hash: None };
    let owner = Owner { id: [1; 32], label: "ann".to_owned() };
    let mut arrival = engine.arrive(&SharePath::root(), owner, Policy::default());
    arrival.file(0, path, plan)?;
    arrival.whole(0, &HashedFile::of(b"new"), blake3::hash(b"new")).map_err(of_tree)?;
    match arrival.finish().pop() {
        Some(Fate::Kept { .. }) => Ok(()),
        Some(Fate::Failed { fault, .. }) => Err(of_tree(fault)),
        Some(Fate::DirFailed { fault, .. }) => Err(fault),
        Some(Fate::TreePublished { .. }) | None => Ok(()),
    }
}

fn of_tree(fault: PublishError) -> TreeError {
    match fault {
        PublishError::Tree(fault) => fault,
        other => unreachable!("{other}"),
    }
}
