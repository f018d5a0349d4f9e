//! Links of both kinds, and extended attributes.

use std::os::unix::fs::MetadataExt as _;

use super::*;
use crate::files::{
    digest::GROUP,
    engine::{Arrival, Fate, Policy, Verdict, arrival::Plan},
    tree::{Refusal, TreeError},
};
use landline_addr::path::SharePath;

fn target(dir: &Path, name: &str) -> String {
    fs::read_link(dir.join(name)).unwrap().to_str().unwrap().to_owned()
}

/// Into a new tree, and into a directory that is there.
fn both(each: impl Fn(&Path, &mut Arrival)) {
    for new in [true, false] {
        let dir = TempDir::new().unwrap();
        if !new {
            fs::create_dir(dir.path().join("top")).unwrap();
        }
        let mut stream = arrival(dir.path());
        stream.dir(&path("top")).unwrap();
        each(dir.path(), &mut stream);
    }
}

#[test]
fn links_are_made_as_links_after_everything_else() {
    both(|dir, stream| {
        stream.link(0, &path("first"), b"inner/f", time(9)).unwrap();
        stream.dir(&path("inner")).unwrap();
        stream.link(1, &path("up"), b"../first", None).unwrap();
        send(stream, 2, "f", plan(1), b"x").unwrap();
        assert!(content(dir).values().all(|what| !what.starts_with("->")));
        stream.dir_end(0o755, time(1));
        stream.dir_end(0o755, time(2));
        let fates = stream.finish();
        assert_eq!(kept(&fates), ["top/first", "top/inner/f", "top/inner/up"]);
        let top = dir.join("top");
        assert_eq!((target(&top, "first").as_str(), target(&top, "inner/up").as_str()), ("inner/f", "../first"));
        assert_eq!(mtime(&top.join("first")), (9, 5_000));
        assert_eq!((mtime(&top), mtime(&top.join("inner"))), ((2, 5_000), (1, 5_000)));
        assert_eq!(content(dir).len(), 5);
    });
}

#[test]
fn a_link_that_leads_out_of_its_tree_is_refused() {
    both(|dir, stream| {
        for target in ["/etc/passwd", "../x", "..", "", "a/../../x"] {
            leads_out(stream, target);
        }
        stream.link(1, &path("good"), b"inner/../beside", None).unwrap();
        stream.dir(&path("inner")).unwrap();
        for target in ["../../x", "./../..", "../top/../../x"] {
            leads_out(stream, target);
        }
        stream.link(2, &path("good"), b"../good", None).unwrap();
        stream.dir_end(0o755, None);
        stream.dir_end(0o755, None);
        assert_eq!(kept(&stream.finish()), ["top/good", "top/inner/good"]);
        assert_eq!(content(dir).len(), 4);
    });
}

fn leads_out(stream: &mut Arrival, target: &str) {
    let refused = stream.link(0, &path("bad"), target.as_bytes(), None);
    let right = matches!(refused, Err(TreeError::Refused { why: Refusal::LinkOutside, .. }));
    assert!(right, "{target} {refused:?}");
}

#[test]
fn trees_that_come_side_by_side_are_no_more_inside_each_other_than_anywhere_else() {
    // Wherever the base is, and however far below it the tree begins.
    for (base, top) in [("", "docs"), ("inbox", "docs"), ("", "inbox/docs"), ("far/down", "even/further/docs")] {
        let dir = TempDir::new().unwrap();
        let base = SharePath::parse(base.as_bytes()).unwrap();
        let mut stream = engine(dir.path()).arrive(&base, owner(1), Policy::default());
        for top in [top.to_owned(), top.replace("docs", "photos")] {
            stream.dir(&path(&top)).unwrap();
            leads_out(&mut stream, "../photos");
            leads_out(&mut stream, "../docs/f");
            stream.dir(&path("inner")).unwrap();
            stream.link(1, &path("in"), b"../f", None).unwrap();
            leads_out(&mut stream, "../../photos");
            stream.dir_end(0o755, None);
            stream.dir_end(0o755, None);
        }
        assert_eq!(kept(&stream.finish()).len(), 2);
    }
    // The base itself, as when all of a share is fetched.
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("inbox")).unwrap();
    let mut stream = engine(dir.path()).arrive(&path("inbox"), owner(1), Policy::default());
    stream.dir(&SharePath::root()).unwrap();
    leads_out(&mut stream, "../docs");
    stream.link(1, &path("in"), b"docs", None).unwrap();
    stream.dir_end(0o755, None);
    assert_eq!(kept(&stream.finish()), ["inbox/in"]);
}

#[test]
fn a_link_that_comes_alone_may_lead_to_what_is_beside_it_and_below() {
    let dir = TempDir::new().unwrap();
    for (base, place) in [("", "bad"), ("", "deep/down/bad"), ("base/deep/down/bad", "")] {
        let (base, place) = (SharePath::parse(base.as_bytes()).unwrap(), SharePath::parse(place.as_bytes()).unwrap());
        let mut stream = engine(dir.path()).arrive(&base, owner(1), Policy::default());
        for target in ["../x", "..", "a/../../x", "/x"] {
            let refused = stream.link(0, &place, target.as_bytes(), None);
            let right = matches!(refused, Err(TreeError::Refused { why: Refusal::LinkOutside, .. }));
            assert!(right, "{base:?} {place:?} {target} {refused:?}");
        }
        stream.link(1, &place, b"beside/and/below", None).unwrap();
        assert_eq!(kept(&stream.finish()).len(), 1);
    }
}

#[test]
fn a_link_that_is_there_is_the_same_and_another_gives_way() {
    let dir = TempDir::new().unwrap();
    std::os::unix::fs::symlink("old", dir.path().join("link")).unwrap();
    fs::write(dir.path().join("file"), "old").unwrap();
    fs::create_dir(dir.path().join("dir")).unwrap();
    let mut stream = arrival(dir.path());
    assert_eq!(stream.link(0, &path("link"), b"old", time(3)).unwrap(), Verdict::Same);
    assert_eq!(mtime(&dir.path().join("link")), (3, 5_000));
    assert_eq!(stream.link(1, &path("file"), b"new", None).unwrap(), Verdict::Want);
    let refused = stream.link(2, &path("dir"), b"new", None);
    assert!(matches!(refused, Err(TreeError::IsADirectory { .. })), "{refused:?}");
    assert_eq!(kept(&stream.finish()), ["file"]);
    let mut stream = arrival(dir.path());
    assert_eq!(stream.link(0, &path("link"), b"new", None).unwrap(), Verdict::Want);
    assert_eq!(kept(&stream.finish()), ["link"]);
    assert_eq!((target(dir.path(), "link"), target(dir.path(), "file")), ("new".to_owned(), "new".to_owned()));
    assert_eq!(names(dir.path()), ["dir", "file", "link"]);
}

#[test]
fn nothing_is_ever_written_through_a_link() {
    let (dir, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).unwrap();
    let mut stream = arrival(dir.path());
    assert!(matches!(stream.dir(&path("link")), Err(TreeError::Crossing { .. })));
    assert_eq!(stream.depth(), 0, "after an error nothing was entered");
    assert!(matches!(stream.file(0, &path("link/f"), plan(1)), Err(TreeError::Crossing { .. })));
    stream.dir(&path("top")).unwrap();
    stream.link(1, &path("away"), b"inner", None).unwrap();
    stream.dir(&path("away")).unwrap(); // the same name again, as a directory
    send(&mut stream, 2, "f", plan(1), b"x").unwrap();
    stream.dir_end(0o755, None);
    stream.dir_end(0o755, None);
    stream.finish();
    assert_eq!(names(outside.path()), [""; 0]);
}

#[test]
fn other_names_of_a_file_are_the_same_file() {
    both(|dir, stream| {
        let bytes = big(2 * GROUP, 1);
        send(stream, 0, "small", Plan { linked: true, ..plan(1) }, b"x").unwrap();
        stream.file(1, &path("big"), Plan { linked: true, ..plan(bytes.len()) }).unwrap();
        stream.dir(&path("inner")).unwrap();
        assert_eq!(stream.hard_link(2, &path("small-too"), 0).unwrap(), Verdict::Want);
        assert_eq!(stream.hard_link(3, &path("big-too"), 1).unwrap(), Verdict::Want);
        stream.dir_end(0o755, time(1));
        stream.dir_end(0o755, time(2));
        stream.group(1, &HashedGroup::of(0, &bytes[..GROUP])).unwrap();
        stream.group(1, &HashedGroup::of(1, &bytes[GROUP..])).unwrap();
        stream.end(1, bytes.len() as u64, blake3::hash(&bytes)).unwrap();
        let told = stream.finish();
        assert_eq!(kept(&told), ["top/big", "top/inner/big-too", "top/inner/small-too", "top/small"]);
        let inode = |name: &str| fs::metadata(dir.join("top").join(name)).unwrap().ino();
        assert_eq!((inode("small"), inode("big")), (inode("inner/small-too"), inode("inner/big-too")));
        assert_eq!(mtime(&dir.join("top/inner")), (1, 5_000));
        let mut again = arrival(dir);
        again.dir(&path("top")).unwrap();
        assert_eq!(again.file(0, &path("small"), Plan { linked: true, ..plan(1) }).unwrap(), Verdict::Same);
        assert_eq!(again.hard_link(1, &path("inner"), 0).unwrap_err().to_string(), "top/inner: is a directory");
        again.dir(&path("inner")).unwrap();
        assert_eq!(again.hard_link(2, &path("small-too"), 0).unwrap(), Verdict::Same);
        again.dir_end(0o755, time(1));
        again.dir_end(0o755, time(2));
        assert!(again.finish().is_empty());
    });
}

#[test]
fn a_link_to_a_file_that_never_came_fails_alone() {
    both(|dir, stream| {
        stream.file(0, &path("never"), Plan { linked: true, ..plan(1) }).unwrap();
        stream.hard_link(1, &path("too"), 0).unwrap();
        assert!(matches!(stream.hard_link(2, &path("unknown"), 7), Err(TreeError::NotFound { .. })));
        send(stream, 3, "good", plan(1), b"x").unwrap();
        stream.dir_end(0o755, time(2));
        let fates = stream.finish();
        assert_eq!(faults(&fates), ["top/never: not found"]);
        assert!(
            fates
                .iter()
                .any(|fate| matches!(fate, Fate::Failed { number: 1, path: told, .. } if *told == path("top/too")))
        );
        assert_eq!(names(&dir.join("top")), ["good"]);
    });
}

#[test]
fn a_file_that_was_replaced_meanwhile_is_not_linked_to() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    stream.dir(&SharePath::root()).unwrap();
    send(&mut stream, 0, "f", Plan { linked: true, ..plan(1) }, b"x").unwrap();
    stream.hard_link(1, &path("too"), 0).unwrap();
    assert_eq!(kept(&stream.flush()), ["f"]);
    fs::write(dir.path().join("g"), "theirs").unwrap();
    fs::rename(dir.path().join("g"), dir.path().join("f")).unwrap();
    stream.dir_end(0o755, None);
    assert_eq!(faults(&stream.finish()), ["f: changed in the meantime"]);
    assert_eq!(names(dir.path()), ["f"]);
}

#[test]
fn attributes_come_with_small_files_and_large_ones() {
    let dir = tempfile::tempdir_in(".").unwrap(); // not every temporary directory knows them
    let probe = dir.path().join("probe");
    fs::write(&probe, "").unwrap();
    if rustix::fs::setxattr(&probe, "user.probe", b"1", rustix::fs::XattrFlags::empty()).is_err() {
        println!("SKIPPED: this file system has no extended attributes");
        return;
    }
    let attributes = vec![(b"user.note".to_vec(), b"hello".to_vec())];
    let bytes = big(2 * GROUP, 1);
    let mut stream = arrival(dir.path());
    send(&mut stream, 0, "small", Plan { attributes: attributes.clone(), ..plan(1) }, b"x").unwrap();
    send(&mut stream, 1, "big", Plan { attributes, ..plan(bytes.len()) }, &bytes).unwrap();
    let others = vec![(b"security.evil".to_vec(), b"x".to_vec())];
    send(&mut stream, 2, "bad", Plan { attributes: others, ..plan(1) }, b"x").unwrap_err();
    assert_eq!(kept(&stream.finish()), ["big", "small"]);
    for name in ["small", "big"] {
        let mut value = [0; 5];
        rustix::fs::getxattr(dir.path().join(name), "user.note", value.as_mut_slice()).unwrap();
        assert_eq!(&value, b"hello");
        assert_eq!(mtime(&dir.path().join(name)), (1_000_000_000, 5_000));
    }
}
