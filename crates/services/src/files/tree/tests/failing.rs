//! A disk that fails: every change to the tree passes through the place where it can be made to, and says so.

use super::room::{Room, path};
use super::*;

/// One change of every kind that a tree makes.
fn changes(tree: &Tree) -> Result<(), TreeError> {
    tree.make_dir(&path("dir/made"), 0o755)?;
    tree.make_dirs(&path("dir/deep/deeper"))?;
    tree.set_meta(&path("plain.txt"), Some(0o600), Mtime::new(1, 2))?;
    tree.rename(&path("plain.txt"), &path("dir/moved"), false)?;
    tree.remove(&path("dir/deep"), true)?;
    tree.remove(&path("dir/moved"), false)
}

#[test]
fn every_change_can_fail_and_its_failure_is_told() {
    for n in 0.. {
        let room = Room::new();
        let faults = Arc::new(FailNth::new(None, n, Errno::IO));
        let tree = Tree::open_with_faults(&room.share(), Arc::clone(&faults) as _).unwrap();
        let done = changes(&tree);
        if !faults.struck() {
            done.unwrap();
            assert!(n >= 12, "only {n} calls were asked about");
            break;
        }
        assert!(matches!(done, Err(TreeError::Io { .. })), "call {n}: {done:?}");
        room.assert_outside_untouched();
    }
}

#[test]
fn a_call_that_fails_did_nothing() {
    for (op, errno) in [(Op::MakeDir, Errno::NOSPC), (Op::Rename, Errno::DQUOT), (Op::Unlink, Errno::ROFS)] {
        let room = Room::new();
        let before = room::snapshot(&room.share());
        let faults = Arc::new(FailNth::new(Some(op), 0, errno).lasting());
        let tree = Tree::open_with_faults(&room.share(), faults).unwrap();
        let done = match op {
            Op::MakeDir => tree.make_dir(&path("new"), 0o755),
            Op::Rename => tree.rename(&path("plain.txt"), &path("new"), true),
            _ => tree.remove(&path("plain.txt"), false),
        };
        let told = done.unwrap_err();
        let expected = TreeError::at(&path("x"), errno);
        assert_eq!(std::mem::discriminant(&told), std::mem::discriminant(&expected), "{told:?}");
        assert_eq!(room::snapshot(&room.share()), before);
    }
}
