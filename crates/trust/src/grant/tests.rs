//! Each right opens its own door and no other, and its text form reads back.

use proptest::prelude::*;

use super::Area::{Home, Share};
use super::*;

fn path(text: &str) -> SharePath {
    SharePath::parse(text.as_bytes()).unwrap()
}

fn grants(texts: &[&str]) -> Vec<Grant> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Who has which grants, what he asks, and whether he may.
#[test]
fn the_table_of_decisions() {
    let none: &[&str] = &[];
    let (p, dir, below, like, root) = (path("pub"), path("pub/a"), path("pub/a/b"), path("public"), path(""));
    let (reader, writer) = (&["files:read /pub"][..], &["files:write /pub"][..]);
    let (home, deep, admin) = (&["files:read ~", "files:write ~"][..], &["files:read /pub/a"][..], &["admin"][..]);
    for (who, ask, allowed) in [
        (none, Ask::FilesRead(Share, &root), false),
        (none, Ask::FilesWrite(Share, &p), false),
        (none, Ask::FilesSee(Share, &root), false),
        (none, Ask::Files(Share), false),
        (none, Ask::Files(Home), false),
        (none, Ask::Admin, false),
        // A path and all below it, and nothing that only looks like it.
        (reader, Ask::FilesRead(Share, &p), true),
        (reader, Ask::FilesRead(Share, &below), true),
        (reader, Ask::FilesRead(Share, &like), false),
        (reader, Ask::FilesRead(Share, &path("PUB")), false),
        (reader, Ask::FilesRead(Share, &root), false),
        (reader, Ask::Files(Share), true),
        // No right implies another.
        (reader, Ask::FilesWrite(Share, &p), false),
        (writer, Ask::FilesWrite(Share, &below), true),
        (writer, Ask::FilesRead(Share, &p), false),
        (reader, Ask::Admin, false),
        (writer, Ask::Admin, false),
        (admin, Ask::Admin, true),
        (admin, Ask::FilesRead(Share, &p), false),
        (admin, Ask::FilesWrite(Home, &root), false),
        (admin, Ask::FilesSee(Share, &root), false),
        (admin, Ask::Files(Share), false),
        // A home is not the share, whatever the path.
        (reader, Ask::FilesRead(Home, &p), false),
        (reader, Ask::Files(Home), false),
        (home, Ask::FilesRead(Home, &below), true),
        (home, Ask::FilesWrite(Home, &root), true),
        (home, Ask::FilesRead(Share, &root), false),
        (home, Ask::FilesSee(Share, &root), false),
        (home, Ask::Files(Share), false),
        // The way to what is granted is seen, and nothing beside it.
        (deep, Ask::FilesSee(Share, &root), true),
        (deep, Ask::FilesSee(Share, &p), true),
        (deep, Ask::FilesSee(Share, &dir), true),
        (deep, Ask::FilesSee(Share, &below), false),
        (deep, Ask::FilesSee(Share, &like), false),
        (deep, Ask::FilesSee(Home, &root), false),
        (deep, Ask::FilesRead(Share, &p), false),
        // What is moved to a place could be read there, or in a part of it.
        (deep, Ask::FilesReadAbout(Share, &root), true),
        (deep, Ask::FilesReadAbout(Share, &p), true),
        (deep, Ask::FilesReadAbout(Share, &below), true),
        (deep, Ask::FilesReadAbout(Share, &like), false),
        (deep, Ask::FilesReadAbout(Home, &p), false),
        (writer, Ask::FilesReadAbout(Share, &p), false),
        (admin, Ask::FilesReadAbout(Share, &p), false),
    ] {
        assert_eq!(may(&grants(who), &ask), allowed, "{who:?} {ask:?}");
    }
}

#[test]
fn grants_add_up() {
    let both = grants(&["files:read /a", "files:read /b", "files:write /b"]);
    assert!(may(&both, &Ask::FilesRead(Share, &path("a/x"))) && may(&both, &Ask::FilesWrite(Share, &path("b/x"))));
    assert!(!may(&both, &Ask::FilesWrite(Share, &path("a/x"))));
}

#[test]
fn by_default_a_friend_has_the_share_and_a_user_his_home() {
    assert_eq!(Grant::defaults().map(|grant| grant.to_string()), ["files:read /", "files:write /"]);
    assert_eq!(Grant::own_home().map(|grant| grant.to_string()), ["files:read ~", "files:write ~"]);
}

#[test]
fn reads_and_prints_the_text_form() {
    for (text, canonical) in [
        ("admin", "admin"),
        ("files:read /", "files:read /"),
        ("files:write /a b/ü", "files:write /a b/ü"),
        ("files:read /a//b/./", "files:read /a/b"),
        ("files:read /100%25", "files:read /100%25"),
        ("files:read /%e9%0A", "files:read /%E9%0A"),
        ("files:read /\u{202e}", "files:read /%E2%80%AE"),
        ("files:read /a\u{3164}", "files:read /a%E3%85%A4"), // a letter that nobody sees
        ("files:read ~", "files:read ~"),
        ("files:read ~/", "files:read ~"),
        ("files:write ~/in box/", "files:write ~/in box"),
        ("files:write /~", "files:write /~"),
    ] {
        assert_eq!(text.parse::<Grant>().unwrap().to_string(), canonical);
    }
}

#[test]
fn refuses_other_texts_and_says_why() {
    for (text, why) in [
        ("", GrantError::Unknown),
        ("files", GrantError::Unknown),
        ("Admin", GrantError::Unknown),
        ("shell", GrantError::Unknown),
        ("files:read  /a", GrantError::NoPath),
        ("files:read", GrantError::NoPath),
        ("files:read ", GrantError::NoPath),
        ("files:read pub", GrantError::NoPath),
        ("files:read ~amy", GrantError::NoPath),
        ("files:write ~~/a", GrantError::NoPath),
        ("admin /", GrantError::Trailing),
        ("admin ", GrantError::Trailing),
        ("files:read /100%", GrantError::Percent),
        ("files:read /%+1", GrantError::Percent),
        ("files:read /%2", GrantError::Percent),
        ("files:read //a", GrantError::Path(PathError::Absolute)),
        ("files:read ~//a", GrantError::Path(PathError::Absolute)),
        ("files:write /a/../b", GrantError::Path(PathError::Parent)),
        ("files:write ~/..", GrantError::Path(PathError::Parent)),
        ("files:write /%2e%2E", GrantError::Path(PathError::Parent)),
        ("files:write /%00", GrantError::Path(PathError::Nul)),
    ] {
        assert_eq!(text.parse::<Grant>(), Err(why), "{text}");
    }
}

fn any_path() -> impl Strategy<Value = SharePath> {
    let name = prop_oneof!["[ab]{1,2}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 1..5)];
    prop::collection::vec(name, 0..4).prop_filter_map("no path", |names| SharePath::parse(&names.join(&b'/')).ok())
}

fn any_area() -> impl Strategy<Value = Area> {
    prop_oneof![Just(Share), Just(Home)]
}

fn any_grant() -> impl Strategy<Value = Grant> {
    prop_oneof![
        (any_area(), any_path()).prop_map(|(area, path)| Grant::FilesRead(area, path)),
        (any_area(), any_path()).prop_map(|(area, path)| Grant::FilesWrite(area, path)),
        Just(Grant::Admin)
    ]
}

/// A path as its names, by which the model knows what lies below what.
fn names(path: &SharePath) -> Vec<Vec<u8>> {
    path.components().map(<[u8]>::to_vec).collect()
}

proptest! {
    #[test]
    fn every_grant_reads_back_and_prints_without_control_characters(grant in any_grant()) {
        let text = grant.to_string();
        prop_assert!(!text.chars().any(char::is_control));
        prop_assert_eq!(text.parse(), Ok(grant));
    }

    #[test]
    fn more_grants_never_allow_less(
        some in prop::collection::vec(any_grant(), 0..3), more in any_grant(), area in any_area(), p in any_path(),
    ) {
        for ask in [
            Ask::FilesRead(area, &p), Ask::FilesWrite(area, &p), Ask::FilesSee(area, &p), Ask::Admin, Ask::Files(area),
        ] {
            let before = may(&some, &ask);
            let after = may(&[some.as_slice(), std::slice::from_ref(&more)].concat(), &ask);
            prop_assert!(!before || after);
            prop_assert_eq!(after, before || may(std::slice::from_ref(&more), &ask));
        }
    }

    /// Grants come and go in any order: what is touched was named by a grant that is there, of that kind and in that area.
    #[test]
    fn no_sequence_of_grants_touches_what_none_names(
        steps in prop::collection::vec((any::<bool>(), any_grant()), 0..12), area in any_area(), asked in any_path(),
    ) {
        let mut held: Vec<Grant> = Vec::new();
        for (comes, grant) in steps {
            held.retain(|other| *other != grant);
            if comes {
                held.push(grant);
            }
            let named = |write: bool| held.iter().any(|grant| match grant {
                Grant::FilesRead(at, dir) => !write && *at == area && names(&asked).starts_with(&names(dir)),
                Grant::FilesWrite(at, dir) => write && *at == area && names(&asked).starts_with(&names(dir)),
                Grant::Admin => false,
            });
            prop_assert_eq!(may(&held, &Ask::FilesRead(area, &asked)), named(false));
            prop_assert_eq!(may(&held, &Ask::FilesWrite(area, &asked)), named(true));
            let leads = held.iter().any(|grant| match grant {
                Grant::FilesRead(at, dir) | Grant::FilesWrite(at, dir) => {
                    *at == area && names(dir).starts_with(&names(&asked))
                }
                Grant::Admin => false,
            });
            prop_assert_eq!(may(&held, &Ask::FilesSee(area, &asked)), leads);
            prop_assert_eq!(may(&held, &Ask::Admin), held.contains(&Grant::Admin));
        }
    }

    #[test]
    fn no_text_panics(text in "(files:read [/~]|files:write [/~])?.{0,20}") {
        let _ = text.parse::<Grant>();
    }
}
