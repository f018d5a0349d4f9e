//! Directories that move, vanish, or can't be written to while something arrives in them.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use super::*;
use crate::files::{
    digest::GROUP,
    engine::{Fate, LocalEngine, Owner, PartialIndex, Policy, PublishError},
    tree::{Refusal, Tree, TreeError},
};
use landline_addr::path::SharePath;

#[test]
fn a_directory_that_moved_away_takes_no_file_with_it() {
    for replaced in [false, true] {
        for len in [3, GROUP + 1] {
            let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            fs::create_dir(dir.path().join("d")).unwrap();
            let mut stream = arrival(dir.path());
            send(&mut stream, 0, "d/f", plan(len), &big(len, 0)).unwrap();
            let gone = elsewhere.path().join("gone");
            fs::rename(dir.path().join("d"), &gone).unwrap();
            if replaced {
                fs::create_dir(dir.path().join("d")).unwrap();
            }
            let fates = stream.finish();
            let [Fate::Failed { fault: PublishError::Tree(TreeError::Refused { why, .. }), .. }] = fates.as_slice()
            else {
                panic!("{fates:?}")
            };
            assert_eq!(*why, Refusal::FolderMoved);
            drop(stream);
            assert!(names(&gone).iter().all(|name| name.starts_with(".landline-part-")));
        }
    }
}

#[test]
fn a_tree_whose_parent_moved_away_is_not_published_there() {
    let (dir, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::create_dir(dir.path().join("d")).unwrap();
    let mut stream = arrival(dir.path());
    stream.dir(&path("d/top")).unwrap();
    send(&mut stream, 0, "f", plan(1), b"x").unwrap();
    stream.dir_end(0o755, None);
    fs::rename(dir.path().join("d"), elsewhere.path().join("gone")).unwrap();
    let fates = stream.finish();
    assert_eq!(faults(&fates).len(), 2, "{fates:?}");
    assert!(!elsewhere.path().join("gone/top").exists());
}

#[test]
fn deep_and_wide_trees_need_few_handles() {
    let dir = TempDir::new().unwrap();
    for new in [true, false] {
        let mut stream = arrival(dir.path());
        let before = fs::read_dir("/proc/self/fd").unwrap().count();
        for depth in 0..120_u64 {
            stream.dir(&path("d")).unwrap();
            stream
                .file(depth, &path("f"), crate::files::engine::arrival::Plan { mtime: time(i64::from(new)), ..plan(1) })
                .unwrap();
        }
        assert!(fs::read_dir("/proc/self/fd").unwrap().count() < before + 100);
        for depth in 0..120_u64 {
            stream.whole(depth, &HashedFile::of(b"x"), blake3::hash(b"x")).unwrap();
        }
        for _ in 0..120 {
            stream.dir_end(0o755, time(1));
        }
        assert_eq!(kept(&stream.finish()).len(), 120);
    }
    assert_eq!(content(dir.path()).len(), 240);
}

#[test]
fn a_path_that_is_too_long_or_not_one_name_is_refused() {
    let dir = TempDir::new().unwrap();
    let mut stream = arrival(dir.path());
    stream.dir(&path("a")).unwrap();
    assert!(matches!(stream.file(0, &path("b/c"), plan(1)), Err(TreeError::NotFound { .. })));
    assert!(matches!(stream.dir(&path("b/c")), Err(TreeError::NotFound { .. })));
    assert!(stream.dir(&SharePath::root()).is_err());
    for _ in 1..landline_addr::path::MAX_COMPONENTS {
        stream.dir(&path("d")).unwrap();
    }
    assert!(stream.place(&path("f")).is_err());
    assert!(stream.dir(&path("d")).is_err() && stream.file(1, &path("f"), plan(1)).is_err());
    assert_eq!(stream.depth(), landline_addr::path::MAX_COMPONENTS);
}

/// As another user, because nothing stops root.
#[test]
fn a_directory_that_can_not_be_written_to_is_said_so() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("closed")).unwrap();
    fs::set_permissions(dir.path().join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(dir.path().join("closed/probe"), "").is_ok() {
        println!("SKIPPED: nothing stops root");
        return;
    }
    let mut stream = arrival(dir.path());
    let refused = send(&mut stream, 0, "closed/f", plan(1), b"x").unwrap_err().text();
    assert_eq!(refused, "closed/f: permission denied");
    stream.dir(&path("closed")).unwrap();
    assert!(matches!(stream.dir(&path("new")), Err(TreeError::Denied { .. })));
}

#[derive(Default)]
struct Index(Mutex<Vec<String>>);

impl PartialIndex for Index {
    fn born(&self, dir: &Path, staging: &str, target: &SharePath, owner: &Owner) {
        assert!(dir.join(staging).exists());
        let target = String::from_utf8(target.as_bytes().to_vec()).unwrap();
        self.0.lock().unwrap().push(format!("born {target} {}", owner.label));
    }

    fn gone(&self, dir: &Path, staging: &str) {
        assert!(!dir.join(staging).exists());
        self.0.lock().unwrap().push("gone".to_owned());
    }
}

#[test]
fn the_index_is_told_of_trees_and_large_files_and_of_their_end() {
    let dir = TempDir::new().unwrap();
    let index = Arc::new(Index::default());
    let engine = LocalEngine::new(Arc::new(Tree::open(dir.path()).unwrap()));
    let engine = Arc::new(engine.with_index(Arc::clone(&index) as Arc<dyn PartialIndex>));
    let mut stream = engine.arrive(&SharePath::root(), owner(1), Policy::default());
    let bytes = big(8 * GROUP, 1);
    send(&mut stream, 0, "big", plan(bytes.len()), &bytes).unwrap();
    send(&mut stream, 1, "small", plan(2 * GROUP), &bytes[..2 * GROUP]).unwrap();
    stream.dir(&path("tree")).unwrap();
    send(&mut stream, 2, "big", plan(bytes.len()), &bytes).unwrap();
    stream.dir_end(0o755, None);
    assert_eq!(kept(&stream.finish()).len(), 3);
    let told = index.0.lock().unwrap().clone();
    assert_eq!(told, ["born big owner 1", "born tree owner 1", "born tree/big owner 1", "gone", "gone", "gone"]);
}
