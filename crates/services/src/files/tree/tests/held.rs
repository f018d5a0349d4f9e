//! What is done to single names in a held directory: looking, opening, listing, linking; holes and attributes.

use std::io::{Seek, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

use super::room::{Room, path};
use super::*;
use crate::files::digest::GROUP_BYTES;
use crate::files::engine::SourceMark;

fn held(room: &Room) -> Held {
    Tree::open(&room.share()).unwrap().dir(&SharePath::root()).unwrap()
}

fn name(text: &str) -> Name {
    Name::last_of(&path(text)).unwrap()
}

#[test]
fn only_regular_files_are_opened_whatever_the_caller_thinks_they_are() {
    let room = Room::new();
    let held = held(&room);
    let fifo = room.share().join("a_pipe");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    std::os::unix::net::UnixListener::bind(room.share().join("a_socket")).unwrap();
    for known in [None, Some(Kind::File), Some(Kind::Dir)] {
        let (file, found) = held.open_file(&name("plain.txt"), known).unwrap();
        assert_eq!(std::io::read_to_string(file).unwrap().len() as u64, found.size);
        let refused = |what| held.open_file(&name(what), known).unwrap_err();
        assert_eq!(refused("dir"), Errno::ISDIR);
        assert_eq!(refused("file_out"), Errno::LOOP);
        assert_eq!(refused("a_pipe"), Errno::NXIO);
        assert_eq!(refused("a_socket"), Errno::NXIO);
        assert_eq!(refused("nothing"), Errno::NOENT);
    }
    let told = TreeError::at(&path("a_pipe"), Errno::NXIO);
    assert!(matches!(told, TreeError::WrongKind { kind: Kind::Other, .. }), "{told:?}");
}

#[test]
fn a_listing_tells_kinds_hides_what_is_reserved_and_ends_when_it_is_told_to() {
    let room = Room::new();
    fs::write(room.share().join(".landline-part-0123456789abcdef"), "half").unwrap();
    fs::create_dir(room.share().join("many")).unwrap();
    for i in 0..3000 {
        fs::write(room.share().join(format!("many/a rather long name of a file, number {i}")), "").unwrap();
    }
    let held = held(&room);
    let listed = held.list_sorted().unwrap();
    assert!(listed.is_sorted_by(|one, other| one.0 < other.0));
    assert!(listed.iter().all(|(name, _)| !name.is_hidden()));
    for (name, kind) in &listed {
        assert!(kind.is_none_or(|kind| kind == held.look(name).unwrap().kind), "{name:?}");
    }
    assert_eq!(held.names().unwrap().len(), listed.len() + 1);
    let many = held.child(&name("many")).unwrap();
    assert_eq!(many.list_unsorted().unwrap().len(), 3000);
    let mut seen = 0;
    many.names_streamed(|_, _| {
        seen += 1;
        if seen == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(seen, 10);
}

#[test]
fn links_are_made_dated_and_shared_as_themselves() {
    let room = Room::new();
    let held = held(&room);
    let before = held.look(&name("plain.txt")).unwrap();
    held.symlink(&name("new"), b"plain.txt").unwrap();
    assert_eq!(held.symlink(&name("new"), b"elsewhere").unwrap_err(), Errno::EXIST);
    held.set_link_mtime(&name("new"), Mtime::new(5, 6).unwrap()).unwrap();
    let link = held.look(&name("new")).unwrap();
    assert_eq!((link.kind, link.mtime), (Kind::Link, Mtime::new(5, 6).unwrap()));
    assert_eq!(held.read_link(&name("new")).unwrap(), b"plain.txt");
    assert_eq!(held.look(&name("plain.txt")).unwrap(), before);

    held.hard_link(&name("plain.txt"), &held, &name("again")).unwrap();
    let again = held.look(&name("again")).unwrap();
    assert_eq!((again.inode, again.nlink), (before.inode, 2));
    held.hard_link(&name("new"), &held, &name("new too")).unwrap();
    assert_eq!(held.look(&name("new too")).unwrap().inode, link.inode, "of the link, not of what it leads to");

    let file = held.create_with_mode(&name("made"), 0o4640).unwrap();
    assert_eq!(file.metadata().unwrap().mode() & 0o7137, 0o040 & 0o7137);
    assert_eq!(held.create_with_mode(&name("new"), 0o600).unwrap_err(), Errno::EXIST);
    room.assert_outside_untouched();
}

#[test]
fn the_mark_of_a_source_changes_with_anything_about_it() {
    let room = Room::new();
    let held = held(&room);
    let mark = || SourceMark::of(&held.look(&name("plain.txt")).unwrap());
    let first = mark();
    assert_eq!(mark(), first);
    let file = room.share().join("plain.txt");
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let content = fs::read(&file).unwrap();
    // Another content of the same length, with the time set back: only the system's own time tells. It counts in steps.
    while mark() == first {
        fs::File::create(&file).unwrap().write_all(&content).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    }
    assert_eq!(held.look(&name("plain.txt")).unwrap().mtime.secs(), fs::metadata(&file).unwrap().mtime());
}

#[test]
fn groups_that_are_nothing_but_hole_are_found() {
    let room = Room::new();
    let file = fs::File::options().read(true).write(true).create_new(true).open(room.share().join("h")).unwrap();
    let size = 6 * GROUP_BYTES + 10;
    file.set_len(size).unwrap();
    if hole_runs(&file, size).unwrap() != [(0, 7)] {
        return println!("SKIPPED: this file system does not tell holes");
    }
    for place in [2 * GROUP_BYTES + 70_000, 2 * GROUP_BYTES + 700_000, 4 * GROUP_BYTES - 4096, 4 * GROUP_BYTES] {
        file.write_all_at(&[1; 4096], place).unwrap();
    }
    assert_eq!(hole_runs(&file, size).unwrap(), [(0, 2), (5, 7)]);
    let mut found = held(&room).look(&name("h")).unwrap();
    assert!(found.is_sparse());
    found.entry.kind = Kind::Dir;
    assert!(!found.is_sparse());
    file.write_all_at(&[1; 10], 6 * GROUP_BYTES).unwrap();
    assert_eq!(hole_runs(&file, size).unwrap(), [(0, 2), (5, 6)]);
    assert_eq!(hole_runs(&file, GROUP_BYTES + 1).unwrap(), [(0, 2)], "cut since it was looked at");
    assert_eq!(hole_runs(&file, 0).unwrap(), []);
    let mut full = fs::File::options().read(true).append(true).open(room.share().join("plain.txt")).unwrap();
    full.rewind().unwrap();
    assert_eq!(hole_runs(&full, full.metadata().unwrap().len()).unwrap(), []);
}

#[test]
fn attributes_are_told_within_limits_and_only_those_of_users() {
    let room = Room::new();
    let file = fs::File::create(room.share().join("a")).unwrap();
    let disk = Disk::default();
    let of = |count: u8| -> Vec<(Vec<u8>, Vec<u8>)> {
        (0..count).map(|i| (format!("user.{i:03}").into_bytes(), vec![i; 3])).collect()
    };
    match set_attributes(&disk, &file, &of(20)) {
        Err(Errno::OPNOTSUPP) => return println!("SKIPPED: no extended attributes on this file system"),
        done => done.unwrap(),
    }
    assert_eq!(attributes(&file).unwrap(), of(20));
    set_attributes(&disk, &file, &of(3)).unwrap();
    assert_eq!(attributes(&file).unwrap(), of(3));
    assert_eq!(set_attributes(&disk, &file, &of(65)).unwrap_err(), Errno::TOOBIG);
    assert_eq!(set_attributes(&disk, &file, &[(b"trusted.x".to_vec(), Vec::new())]).unwrap_err(), Errno::INVAL);
    assert_eq!(attributes(&file).unwrap(), of(3), "judged before anything is done");
    for (name, value) in of(65) {
        if rustix::fs::fsetxattr(&file, name.as_slice(), &value, rustix::fs::XattrFlags::empty()).is_err() {
            return; // this file system has no room for so many
        }
    }
    assert_eq!(attributes(&file).unwrap_err(), Errno::TOOBIG);
}
