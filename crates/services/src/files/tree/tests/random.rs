//! Whatever is done, in whatever order, through whatever links: the outside stays as it was.

use std::sync::Arc;

use proptest::prelude::*;

use super::room::{Room, SECRET};
use super::*;
use crate::files::digest::HashedFile;
use crate::files::engine::arrival::Plan;
use crate::files::engine::{LocalEngine, Owner, Policy, SourceMark};

#[derive(Debug, Clone)]
enum Step {
    Stat(SharePath),
    List(SharePath),
    Read(SharePath),
    MakeDir(SharePath, u32),
    MakeDirs(SharePath),
    Rename(SharePath, SharePath, bool),
    Remove(SharePath, bool),
    SetMeta(SharePath, u32),
    Publish(SharePath, u32),
    /// Somebody with access to the disk plants a link, as honest users of a share sometimes do.
    PlantLink(SharePath, &'static str),
}

fn paths() -> impl Strategy<Value = SharePath> {
    let name = prop::sample::select(vec![
        "dir",
        "inner.txt",
        "secret.txt",
        "sub",
        "new",
        "plain.txt",
        "out_rel",
        "out_abs",
        "in_link",
        "file_out",
        "fifo",
    ]);
    prop::collection::vec(name, 1..4).prop_map(|names| SharePath::parse(names.join("/").as_bytes()).unwrap())
}

/// Any bits, but always enough for its owner to look at what happened.
fn modes() -> impl Strategy<Value = u32> {
    any::<u32>().prop_map(|bits| bits | 0o700)
}

fn steps() -> impl Strategy<Value = Step> {
    let target = prop::sample::select(vec!["../outside", "../../outside", "../outside/secret.txt", ".", "/", "dir"]);
    prop_oneof![
        paths().prop_map(Step::Stat),
        paths().prop_map(Step::List),
        paths().prop_map(Step::Read),
        (paths(), modes()).prop_map(|(path, mode)| Step::MakeDir(path, mode)),
        paths().prop_map(Step::MakeDirs),
        (paths(), paths(), any::<bool>()).prop_map(|(from, to, replace)| Step::Rename(from, to, replace)),
        (paths(), any::<bool>()).prop_map(|(path, recursive)| Step::Remove(path, recursive)),
        (paths(), modes()).prop_map(|(path, mode)| Step::SetMeta(path, mode)),
        (paths(), modes()).prop_map(|(path, mode)| Step::Publish(path, mode)),
        (paths(), target).prop_map(|(path, target)| Step::PlantLink(path, target)),
    ]
}

/// Does it; what the tree says is its own affair, but it must never hand out the outside.
fn take(room: &Room, tree: &Arc<Tree>, engine: &Arc<LocalEngine>, step: &Step) {
    match step {
        Step::Stat(path) => {
            let _ = tree.stat(path);
        }
        Step::List(path) => {
            let _ = tree.list(path);
        }
        Step::Read(path) => {
            if let Ok((file, _)) = tree.open_file(path) {
                assert_ne!(std::io::read_to_string(file).unwrap(), SECRET);
            }
        }
        Step::MakeDir(path, mode) => drop(tree.make_dir(path, *mode)),
        Step::MakeDirs(path) => drop(tree.make_dirs(path)),
        Step::Rename(from, to, replace) => drop(tree.rename(from, to, *replace)),
        Step::Remove(path, recursive) => drop(tree.remove(path, *recursive)),
        Step::SetMeta(path, mode) => drop(tree.set_meta(path, Some(*mode), Mtime::new(1, 2))),
        Step::Publish(path, mode) => {
            let (size, source, attributes) = (Some(3), SourceMark([0; 16]), Vec::new());
            let (mode, mtime, hash) = (*mode, None, None);
            let plan = Plan { size, mode, mtime, source, sparse: false, linked: false, attributes, hash };
            let owner = Owner { id: [0; 32], label: String::new() };
            let mut arrival = engine.arrive(&SharePath::root(), owner, Policy::default());
            if arrival.file(0, path, plan).is_ok() {
                let _ = arrival.whole(0, &HashedFile::of(b"new"), blake3::hash(b"new"));
            }
            drop(arrival.finish());
        }
        Step::PlantLink(path, target) => {
            // Only inside: the planter works through the tree's own idea of the parent.
            if let Ok(Some((parent, name))) = tree.locate(path) {
                let _ = rustix::fs::symlinkat(*target, parent.fd(), name.as_bytes());
            }
        }
    }
    let leftovers = room::snapshot(&room.share());
    assert!(leftovers.keys().all(|path| !path.to_string_lossy().contains(".landline-part-")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_operations_touches_the_outside(
        steps in prop::collection::vec(steps(), 1..24), which in 0_usize..2,
    ) {
        let room = Room::new();
        let tree = Arc::new(room.trees().into_iter().nth(which).unwrap());
        let engine = Arc::new(LocalEngine::new(Arc::clone(&tree)));
        for step in &steps {
            take(&room, &tree, &engine, step);
        }
        room.assert_outside_untouched();
    }
}
