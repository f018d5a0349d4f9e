//! What is told of partials is what is there, and clearing removes that and nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;
use crate::files::digest::GROUP;
use crate::files::engine::arrival::Plan;
use crate::files::engine::partial::Partial;
use crate::files::engine::patience::Turn;
use crate::files::engine::{Owner, SourceMark};
use crate::files::tree::sweep;

fn path(text: &str) -> SharePath {
    SharePath::parse(text.as_bytes()).unwrap()
}

fn begin(dir: &Path, target: &str) -> Partial {
    let tree = Tree::open(dir).unwrap();
    let owner = Owner { id: [1; 32], label: "anna's laptop".to_owned() };
    let (size, source, attributes) = (Some(3 << 20), SourceMark([1; 16]), Vec::new());
    let plan = Plan { size, mode: 0o644, mtime: None, source, sparse: false, linked: false, attributes, hash: None };
    let held = Arc::new(tree.dir(&SharePath::root()).unwrap());
    let mut partial =
        Partial::open(&held, &Name::last_of(&path(target)).unwrap(), &owner, &plan, Turn::at_once()).unwrap();
    partial.put_group(2, &vec![7; GROUP]).unwrap();
    partial
}

fn staging_of(partial: &Partial) -> String {
    String::from_utf8(partial.staging_name().unwrap().as_bytes().to_vec()).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn make_old(file: &Path, age: Duration) {
    fs::File::open(file).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn all_partials_below_a_directory_are_found_and_told_apart_from_leftovers() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    let living = begin(dir.path(), "big");
    let dead = begin(&dir.path().join("a/b"), "other\x1b");
    let staging = [staging_of(&living), staging_of(&dead)];
    drop(dead);
    fs::write(dir.path().join("a/.landline-part-00000000000000aa"), "half").unwrap();
    fs::write(dir.path().join("a/.landline-part-00000000000000bb.journal"), "half").unwrap();
    let tree = Tree::open(dir.path()).unwrap();
    let mut found = Vec::new();
    find(&tree, &SharePath::root(), |dir, staging, info| found.push((dir.clone(), staging.to_owned(), info))).unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    for ((place, name, info), (at, staging, target, living)) in found
        .iter()
        .zip([(SharePath::root(), &staging[0], "big", true), (path("a/b"), &staging[1], "other\x1b", false)])
    {
        assert_eq!((place, name), (&at, staging));
        assert_eq!((info.target.as_slice(), info.owner.as_str()), (target.as_bytes(), "anna's laptop"));
        assert_eq!((info.size, info.verified, info.living, info.tree), (Some(3 << 20), 1 << 20, living, false));
        assert!(info.started > 1_700_000_000 && info.changed.secs() >= info.started);
        assert_eq!(describe(&tree, &at, staging).as_ref(), Some(info));
    }
    assert_eq!(describe(&tree, &path("a"), ".landline-part-00000000000000aa"), None);
    for not_a_staging_name in ["big", "", "../x", ".landline-part-00000000000000aa/x"] {
        assert_eq!(describe(&tree, &SharePath::root(), not_a_staging_name), None);
    }
}

#[test]
fn clearing_removes_a_dead_partial_and_leaves_a_living_one() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("kept"), "").unwrap();
    let tree = Tree::open(dir.path()).unwrap();
    let living = begin(dir.path(), "big");
    let staging = staging_of(&living);
    let clear = |name: &str| clear(&tree, &SharePath::root(), name).unwrap();
    assert!(!clear(&staging));
    assert_eq!(names(dir.path()).len(), 3);
    drop(living);
    assert!(!clear("kept") && !clear(".landline-part-00000000000000aa"));
    assert!(clear(&staging) && !clear(&staging));
    assert_eq!(names(dir.path()), ["kept"]);
}

#[test]
fn a_staged_tree_is_cleared_with_all_that_is_in_it_whatever_its_permissions() {
    let dir = TempDir::new().unwrap();
    let staged = dir.path().join(".landline-part-00000000000000cc");
    fs::create_dir_all(staged.join("closed/inner")).unwrap();
    fs::write(staged.join("closed/inner/file"), "12345").unwrap();
    fs::set_permissions(staged.join("closed"), fs::Permissions::from_mode(0o500)).unwrap();
    let tree = Tree::open(dir.path()).unwrap();
    assert_eq!(sweep(&tree.dir(&SharePath::root()).unwrap()).unwrap(), 0, "it can be resumed");
    assert!(clear(&tree, &SharePath::root(), ".landline-part-00000000000000cc").unwrap());
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn sweeping_leaves_what_can_be_resumed_for_two_weeks_and_no_more() {
    let dir = TempDir::new().unwrap();
    let partial = begin(dir.path(), "big");
    let staging = staging_of(&partial);
    drop(partial);
    let journal = dir.path().join(format!("{staging}.journal"));
    let orphan = dir.path().join(".landline-part-00000000000000bb.journal");
    let staged = dir.path().join(".landline-part-00000000000000cc");
    fs::write(&orphan, "").unwrap();
    fs::create_dir(&staged).unwrap();
    fs::write(dir.path().join(".landline-part-00000000000000aa"), "no journal").unwrap();
    fs::write(dir.path().join(".landline-part-notes"), "no name of ours").unwrap();
    let held = Tree::open(dir.path()).unwrap().dir(&SharePath::root()).unwrap();

    assert_eq!(sweep(&held).unwrap(), 1, "the one without a journal");
    for old in [&journal, &staged] {
        make_old(old, 13 * DAY);
    }
    make_old(&orphan, Duration::from_secs(2 * 60 * 60));
    assert_eq!(sweep(&held).unwrap(), 1, "the orphan");
    let living = begin(dir.path(), "big");
    make_old(&journal, 15 * DAY);
    assert_eq!(sweep(&held).unwrap(), 0, "it is getting on, whatever the clock says");
    drop(living);
    for old in [&journal, &staged] {
        make_old(old, 15 * DAY);
    }
    assert_eq!(sweep(&held).unwrap(), 2);
    assert_eq!(names(dir.path()), [".landline-part-notes"]);
}

#[test]
fn a_directory_that_holds_only_partials_can_be_removed() {
    let dir = TempDir::new().unwrap();
    let tree = Tree::open(dir.path()).unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    let living = begin(&dir.path().join("d"), "big");
    assert!(matches!(tree.remove(&path("d"), false), Err(TreeError::NotEmpty { .. })));
    drop(living);
    tree.remove(&path("d"), false).unwrap();
    assert_eq!(names(dir.path()), [""; 0]);
}
