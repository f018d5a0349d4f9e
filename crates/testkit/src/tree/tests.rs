use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn the_same_seed_makes_the_same_tree_and_another_seed_another() {
    let base = folder();
    for (name, seed) in [("a", 1), ("b", 1), ("c", 2)] {
        make(base.path().join(name), &Shape::small(seed));
    }
    assert_same(base.path().join("a"), base.path().join("b"), Compare::ALL);
    assert!(!differences(base.path().join("a"), base.path().join("c"), Compare::CONTENT).is_empty());
}

#[test]
fn a_small_tree_has_everything_that_troubles_a_copy() {
    let base = folder();
    make(base.path(), &Shape::small(7));
    let (mut files, mut folders, mut links, mut empty, mut odd) = (0, 0, 0, 0, 0);
    let mut open = vec![base.path().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            odd += usize::from(ODD_NAMES.contains(&entry.file_name().as_bytes()));
            let meta = fs::symlink_metadata(entry.path()).unwrap();
            match () {
                () if meta.is_file() => (files, empty) = (files + 1, empty + usize::from(meta.len() == 0)),
                () if meta.is_dir() => {
                    folders += 1;
                    open.push(entry.path());
                }
                () => links += 1,
            }
        }
    }
    assert_eq!((files, folders, links, odd), (24, 5, 3, ODD_NAMES.len()));
    assert!(empty > 0);
}

/// Two equal trees of one folder and one file, and what `change` does to the right one.
fn told_after(change: impl FnOnce(&Path)) -> Vec<String> {
    let base = folder();
    let (left, right) = (base.path().join("left"), base.path().join("right"));
    for tree in [&left, &right] {
        fs::create_dir_all(tree.join("sub")).unwrap();
        fs::write(tree.join("sub/file"), "bytes").unwrap();
        symlink("sub/file", tree.join("link")).unwrap();
        for path in ["sub/file", "sub"] {
            fs::set_permissions(tree.join(path), Permissions::from_mode(0o755)).unwrap();
            let time = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + FIRST_TIME);
            File::open(tree.join(path)).unwrap().set_times(time).unwrap();
        }
    }
    change(&right);
    // The folder's time follows from most changes; it has a test of its own.
    differences(&left, &right, Compare::FILES)
}

#[test]
fn each_difference_is_told_in_words() {
    let keep_time = |path: &Path, bytes: &str| {
        fs::write(path, bytes).unwrap();
        let time = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + FIRST_TIME);
        File::open(path).unwrap().set_times(time).unwrap();
    };
    assert_eq!(told_after(|_| {}), [""; 0]);
    assert_eq!(told_after(|tree| fs::write(tree.join("new\n"), "").unwrap()), ["new\\n: only right"]);
    assert_eq!(told_after(|tree| fs::remove_file(tree.join("link")).unwrap()), ["link: only left"]);
    let told = told_after(|tree| keep_time(&tree.join("sub/file"), "bites"));
    assert_eq!(told, ["sub/file: bytes differ first at 1 of 5: 0x79 / 0x69"]);
    assert_eq!(told_after(|tree| keep_time(&tree.join("sub/file"), "by")), ["sub/file: 5 bytes / 2 bytes"]);
    let told = told_after(|tree| fs::set_permissions(tree.join("sub"), Permissions::from_mode(0o700)).unwrap());
    assert_eq!(told, ["sub: mode 0755 / 0700"]);
    let told = told_after(|tree| {
        let time = SystemTime::UNIX_EPOCH + FIRST_TIME + Duration::from_nanos(1);
        File::open(tree.join("sub/file")).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    });
    assert_eq!(told, ["sub/file: mtime 1577836800.000000000 / 1577836800.000000001"]);
    let told = told_after(|tree| {
        fs::remove_file(tree.join("link")).unwrap();
        symlink("elsewhere", tree.join("link")).unwrap();
    });
    assert_eq!(told, ["link: link to sub/file / elsewhere"]);
    let told = told_after(|tree| {
        fs::remove_file(tree.join("link")).unwrap();
        fs::create_dir(tree.join("link")).unwrap();
    });
    assert_eq!(told, ["link: link / folder"]);
}

#[test]
fn folder_times_count_only_where_asked() {
    let base = folder();
    for (tree, secs) in [("left", 1), ("right", 2)] {
        fs::create_dir_all(base.path().join(tree).join("sub")).unwrap();
        let time = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(secs));
        File::open(base.path().join(tree).join("sub")).unwrap().set_times(time).unwrap();
    }
    let (left, right) = (base.path().join("left"), base.path().join("right"));
    assert_same(&left, &right, Compare::FILES);
    assert_eq!(differences(&left, &right, Compare::ALL), ["sub: mtime 1.000000000 / 2.000000000"]);
}

#[test]
#[should_panic(expected = "1 differences, left")]
fn a_difference_fails_the_test() {
    let base = folder();
    fs::create_dir_all(base.path().join("left/only")).unwrap();
    fs::create_dir_all(base.path().join("right")).unwrap();
    assert_same(base.path().join("left"), base.path().join("right"), Compare::CONTENT);
}

#[test]
fn attributes_count_where_asked_and_those_of_the_system_never() {
    let base = folder();
    let (left, right) = (base.path().join("left"), base.path().join("right"));
    for (tree, value) in [(&left, "one\n"), (&right, "two")] {
        fs::create_dir_all(tree).unwrap();
        fs::write(tree.join("file"), "").unwrap();
        let set = |name, value: &str| {
            rustix::fs::setxattr(tree.join("file"), name, value.as_bytes(), rustix::fs::XattrFlags::empty())
        };
        if set("user.note", value) == Err(rustix::io::Errno::NOTSUP) {
            return; // a file system without them: nothing could differ
        }
        set("user.same", "x").unwrap();
    }
    rustix::fs::removexattr(right.join("file"), "user.same").unwrap();
    let only_attributes = Compare { attributes: true, ..Compare::CONTENT };
    let told = differences(&left, &right, only_attributes);
    let note = r#"file: attribute user.note "one\n" / "two""#;
    assert_eq!(told, [note, r#"file: attribute user.same "x" / none"#]);
    assert_eq!(describe(&left, &right, only_attributes).as_deref(), Some(note));
    assert!(same(&left, &right, Compare::CONTENT) && !same(&left, &right, only_attributes));
}

#[test]
fn times_of_links_count_where_asked() {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    let base = folder();
    for (tree, tv_nsec) in [("left", 1), ("right", 2)] {
        fs::create_dir(base.path().join(tree)).unwrap();
        let link = base.path().join(tree).join("link");
        symlink("nowhere", &link).unwrap();
        let time = Timespec { tv_sec: 5, tv_nsec };
        let both = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, &link, &both, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
    let (left, right) = (base.path().join("left"), base.path().join("right"));
    assert_eq!(differences(&left, &right, Compare::FILES), [""; 0]);
    assert_eq!(differences(&left, &right, Compare::ALL), ["link: mtime 5.000000001 / 5.000000002"]);
}
