//! Every operation against every trap: links as the last name and on the way, pipes, sockets, devices.

use std::fs;
use std::sync::Arc;

use super::room::{DIR_LINKS, FILE_LINKS, Room, path};
use super::*;
use crate::files::engine::LocalEngine;

type Operation = fn(&Arc<Tree>, &SharePath) -> Result<(), TreeError>;

/// Each thing that can be done at a path.
const OPERATIONS: [(&str, Operation); 12] = [
    ("stat", |tree, path| tree.stat(path).map(drop)),
    ("list", |tree, path| tree.list(path).map(drop)),
    ("read", |tree, path| tree.open_file(path).map(drop)),
    ("make_dir", |tree, path| tree.make_dir(path, 0o777)),
    ("make_dirs", |tree, path| tree.make_dirs(path)),
    ("rename from", |tree, from| tree.rename(from, &path("moved"), false)),
    ("rename to", |tree, to| tree.rename(&path("plain.txt"), to, false)),
    ("rename over", |tree, to| tree.rename(&path("plain.txt"), to, true)),
    ("remove", |tree, path| tree.remove(path, false)),
    ("remove all", |tree, path| tree.remove(path, true)),
    ("set_meta", |tree, path| tree.set_meta(path, Some(0o777), Mtime::new(0, 0))),
    ("stage", |tree, path| publish(tree, path).map(drop)),
];

fn publish(tree: &Arc<Tree>, path: &SharePath) -> Result<(), TreeError> {
    super::publish(&Arc::new(LocalEngine::new(Arc::clone(tree))), path)
}

fn in_both_ways(test: impl Fn(&Room, &Arc<Tree>)) {
    for which in [0, 1] {
        let room = Room::new();
        let tree = room.trees().into_iter().nth(which).unwrap();
        test(&room, &Arc::new(tree));
        room.assert_outside_untouched();
    }
}

#[test]
fn nothing_leads_through_a_link_on_the_way() {
    in_both_ways(|room, tree| {
        let before = room::snapshot(&room.share());
        for link in DIR_LINKS {
            for below in ["secret.txt", "new", "sub/secret.txt", "new/newer"] {
                for (name, operation) in OPERATIONS {
                    let done = operation(tree, &path(&format!("{link}/{below}")));
                    assert!(matches!(done, Err(TreeError::Crossing { .. })), "{name} {link}/{below}: {done:?}");
                }
            }
        }
        assert_eq!(room::snapshot(&room.share()), before);
    });
}

#[test]
fn a_link_is_described_moved_replaced_and_removed_as_itself() {
    for link in DIR_LINKS.into_iter().chain(FILE_LINKS) {
        in_both_ways(|room, tree| {
            let (at, on_disk) = (path(link), room.share().join(link));
            let target = fs::read_link(&on_disk).unwrap();
            assert_eq!(tree.stat(&at).unwrap().kind, Kind::Link);
            assert!(matches!(tree.list(&at), Err(TreeError::Crossing { .. })));
            assert!(matches!(tree.open_file(&at), Err(TreeError::WrongKind { kind: Kind::Link, .. })));
            assert!(matches!(tree.make_dir(&at, 0o755), Err(TreeError::Exists { .. })));
            assert!(matches!(tree.make_dirs(&at), Err(TreeError::Crossing { .. })));
            let set = tree.set_meta(&at, Some(0o777), Mtime::new(0, 0));
            assert!(matches!(set, Err(TreeError::WrongKind { kind: Kind::Link, .. })));
            assert!(matches!(tree.rename(&path("plain.txt"), &at, false), Err(TreeError::Exists { .. })));
            assert_eq!(fs::read_link(&on_disk).unwrap(), target);

            tree.rename(&at, &path("moved"), false).unwrap();
            assert_eq!(fs::read_link(room.share().join("moved")).unwrap(), target);
            tree.remove(&path("moved"), true).unwrap();
            assert!(!on_disk.is_symlink());
        });
    }
}

#[test]
fn a_rename_or_a_publication_onto_a_link_replaces_the_link() {
    for link in DIR_LINKS.into_iter().chain(FILE_LINKS) {
        in_both_ways(|room, tree| {
            let on_disk = room.share().join(link);
            publish(tree, &path(link)).unwrap();
            assert!(fs::symlink_metadata(&on_disk).unwrap().is_file());
            assert_eq!(fs::read_to_string(&on_disk).unwrap(), "new");
        });
        in_both_ways(|room, tree| {
            tree.rename(&path("dir/inner.txt"), &path(link), true).unwrap();
            assert!(fs::symlink_metadata(room.share().join(link)).unwrap().is_file());
        });
    }
}

#[test]
fn pipes_sockets_and_devices_are_never_opened_and_never_block() {
    in_both_ways(|room, tree| {
        for special in room.specials() {
            let at = path(special);
            assert_eq!(tree.stat(&at).unwrap().kind, Kind::Other);
            let read = tree.open_file(&at);
            assert!(matches!(read, Err(TreeError::WrongKind { kind: Kind::Other, .. })), "{special}: {read:?}");
            let set = tree.set_meta(&at, Some(0o777), Mtime::new(0, 0));
            assert!(matches!(set, Err(TreeError::WrongKind { kind: Kind::Other, .. })), "{special}: {set:?}");
            assert!(matches!(tree.list(&at), Err(TreeError::NotADirectory { .. })));
            assert!(matches!(tree.make_dir(&at, 0o755), Err(TreeError::Exists { .. })));
            tree.rename(&at, &path("moved"), false).unwrap();
            tree.rename(&path("moved"), &at, false).unwrap();
            assert!(publish(tree, &at).is_err());
            assert!(!fs::symlink_metadata(room.share().join(special)).unwrap().is_file());
            tree.remove(&at, false).unwrap();
        }
    });
}

#[test]
fn a_path_that_climbs_can_not_even_be_written() {
    for climbing in ["..", "../outside", "dir/../../outside", "/etc/passwd", "dir/..", "./x"] {
        assert!(SharePath::parse(climbing.as_bytes()).is_err(), "{climbing}");
    }
}

#[test]
fn hostile_names_are_listed_raw_and_told_escaped() {
    use std::os::unix::ffi::OsStrExt as _;
    in_both_ways(|room, tree| {
        let name = b"\x1b[2J\n\xff";
        fs::write(room.share().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
        assert!(tree.list(&SharePath::root()).unwrap().iter().any(|entry| entry.name == name));
        let told = tree.list(&SharePath::parse(name).unwrap()).unwrap_err().to_string();
        assert!(told.starts_with("\\u{1b}[2J\\n\\xff: "), "{told}");
    });
}
