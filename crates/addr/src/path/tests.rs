//! Every rule of a path, and the properties that the rest of the house leans on.

use proptest::prelude::*;

use super::*;

fn path(text: &str) -> SharePath {
    SharePath::parse(text.as_bytes()).unwrap()
}

#[test]
fn reads_what_is_canonical() {
    assert!(path("").is_root());
    assert_eq!(path("a/b c/ü").components().count(), 3);
    assert_eq!(path("..a/b../...").components().count(), 3);
    assert_eq!(SharePath::parse(b"\xff/\n").unwrap().as_bytes(), b"\xff/\n");
}

#[test]
fn refuses_each_breach_by_its_name() {
    let long_name = vec![b'x'; MAX_NAME_BYTES + 1];
    let long_path = vec![b'x'; MAX_PATH_BYTES + 1];
    let deep = vec!["d"; MAX_COMPONENTS + 1].join("/");
    let cases: [(&[u8], PathError); 16] = [
        (b"/", PathError::Absolute),
        (b"/etc/passwd", PathError::Absolute),
        (b"..", PathError::Parent),
        (b"a/../b", PathError::Parent),
        (b"a/..", PathError::Parent),
        (b".", PathError::Dot),
        (b"a/./b", PathError::Dot),
        (b"a//b", PathError::Empty),
        (b"a/", PathError::Empty),
        (b"a\0b", PathError::Nul),
        (b"a/.landline-part-0123456789abcdef", PathError::Reserved),
        (b".landline-part-/a", PathError::Reserved),
        (b".LandLine-PART-1", PathError::Reserved),
        (&long_name, PathError::NameTooLong),
        (&long_path, PathError::TooLong),
        (deep.as_bytes(), PathError::TooDeep),
    ];
    for (bytes, why) in cases {
        assert_eq!(SharePath::parse(bytes), Err(why), "{}", bytes.escape_ascii());
    }
}

#[test]
fn accepts_exactly_up_to_each_limit() {
    assert!(SharePath::parse(&[b'x'; MAX_NAME_BYTES]).is_ok());
    assert!(SharePath::parse(vec!["d"; MAX_COMPONENTS].join("/").as_bytes()).is_ok());
    let name = "x".repeat(MAX_NAME_BYTES);
    let full = vec![name.as_str(); 16].join("/");
    assert_eq!(full.len(), MAX_PATH_BYTES - 1);
    assert!(SharePath::parse(full.as_bytes()).is_ok());
}

#[test]
fn repairs_what_a_person_types_and_no_more() {
    let user = |text: &str| SharePath::from_user(text.as_bytes());
    assert_eq!(user("./a//b/."), Ok(path("a/b")));
    assert_eq!(user("."), Ok(SharePath::root()));
    assert_eq!(user("./"), Ok(SharePath::root()));
    assert_eq!(user(""), Ok(SharePath::root()));
    assert_eq!(user("/a"), Err(PathError::Absolute));
    assert_eq!(user("a/.."), Err(PathError::Parent));
    assert_eq!(user("a\0"), Err(PathError::Nul));
    assert_eq!(user("./.landline-part-x"), Err(PathError::Reserved));
}

#[test]
fn a_name_is_one_component() {
    assert_eq!(FileName::parse(b"a").unwrap().as_bytes(), b"a");
    assert_eq!(FileName::parse(b"a/b"), Err(PathError::Slash));
    assert_eq!(FileName::parse(b".."), Err(PathError::Parent));
    assert_eq!(FileName::parse(b"."), Err(PathError::Dot));
    assert_eq!(FileName::parse(b""), Err(PathError::Empty));
    assert_eq!(FileName::parse(b".landline-part-"), Err(PathError::Reserved));
}

#[test]
fn compares_ancestors_by_whole_names() {
    assert!(path("a/b").starts_with(&path("a")));
    assert!(path("a").starts_with(&path("a")));
    assert!(path("a").starts_with(&SharePath::root()));
    assert!(SharePath::root().starts_with(&SharePath::root()));
    assert!(!path("ab").starts_with(&path("a")));
    assert!(!path("a").starts_with(&path("a/b")));
    assert!(!SharePath::root().starts_with(&path("a")));
}

#[test]
fn growing_a_path_keeps_the_limits() {
    let deep = path(&vec!["d"; MAX_COMPONENTS].join("/"));
    assert_eq!(deep.join(&FileName::parse(b"x").unwrap()), Err(PathError::TooDeep));
    let long = path(&vec!["x".repeat(MAX_NAME_BYTES); 16].join("/"));
    assert_eq!(long.append(&path("x")), Err(PathError::TooLong));
    assert_eq!(long.append(&SharePath::root()), Ok(long.clone()));
    assert_eq!(SharePath::root().append(&long), Ok(long));
}

#[test]
fn debug_never_prints_raw_control_bytes() {
    let hostile = SharePath::parse(b"\x1b[2J").unwrap();
    assert_eq!(format!("{hostile:?}"), r#"SharePath("\x1b[2J")"#);
    assert_eq!(format!("{:?}", hostile.file_name().unwrap()), r#"FileName("\x1b[2J")"#);
}

/// Bytes rich in what parsers trip over.
fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"/".to_vec()),
        Just(b".".to_vec()),
        Just(b"..".to_vec()),
        Just(b"\0".to_vec()),
        Just(RESERVED_PREFIX.to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn name() -> impl Strategy<Value = FileName> {
    prop::collection::vec(any::<u8>(), 1..20).prop_filter_map("not a name", |bytes| FileName::parse(&bytes).ok())
}

proptest! {
    #[test]
    fn whatever_is_accepted_is_canonical_and_stays_inside(bytes in nasty()) {
        if let Ok(path) = SharePath::parse(&bytes) {
            prop_assert_eq!(path.as_bytes(), bytes.as_slice());
            for component in path.components() {
                prop_assert!(FileName::parse(component).is_ok());
            }
            prop_assert_eq!(path.components().collect::<Vec<_>>().join(&b'/'), bytes);
        }
    }

    #[test]
    fn the_lenient_reader_only_yields_strict_paths(bytes in nasty()) {
        if let Ok(path) = SharePath::from_user(&bytes) {
            prop_assert_eq!(SharePath::parse(path.as_bytes()), Ok(path.clone()));
            prop_assert_eq!(SharePath::from_user(path.as_bytes()), Ok(path));
        }
    }

    #[test]
    fn strict_paths_mean_the_same_to_the_lenient_reader(bytes in nasty()) {
        if let Ok(path) = SharePath::parse(&bytes) {
            prop_assert_eq!(SharePath::from_user(&bytes), Ok(path));
        }
    }

    #[test]
    fn joining_and_taking_apart_are_inverse(names in prop::collection::vec(name(), 0..6), last in name()) {
        let mut dir = SharePath::root();
        for name in &names {
            dir = dir.join(name).unwrap();
        }
        let full = dir.join(&last).unwrap();
        prop_assert_eq!(full.parent(), Some(dir.clone()));
        prop_assert_eq!(full.file_name(), Some(last.clone()));
        prop_assert!(full.starts_with(&dir));
        prop_assert!(!dir.starts_with(&full));
        prop_assert_eq!(dir.append(&SharePath::from(last)), Ok(full));
    }
}
