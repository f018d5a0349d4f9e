//! Each right opens its own door and no other, and its text form reads back.

use proptest::prelude::*;

use super::*;

fn path(text: &str) -> SharePath {
    SharePath::parse(text.as_bytes()).unwrap()
}

fn grants(texts: &[&str]) -> Vec<Grant> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn without_grants_nothing_is_allowed() {
    for ask in [Ask::FilesRead(&path("")), Ask::FilesWrite(&path("a")), Ask::Admin, Ask::Files] {
        assert!(!may(&[], &ask), "{ask:?}");
    }
}

#[test]
fn reading_covers_a_path_and_all_below_it() {
    let reader = grants(&["files:read /pub"]);
    assert!(may(&reader, &Ask::FilesRead(&path("pub"))));
    assert!(may(&reader, &Ask::FilesRead(&path("pub/a/b"))));
    assert!(may(&reader, &Ask::Files));
    assert!(!may(&reader, &Ask::FilesRead(&path("public"))));
    assert!(!may(&reader, &Ask::FilesRead(&path("PUB"))));
    assert!(!may(&reader, &Ask::FilesRead(&path("private"))));
    assert!(!may(&reader, &Ask::FilesRead(&path(""))));
}

#[test]
fn no_right_implies_another() {
    let p = path("a");
    let reader = grants(&["files:read /"]);
    let writer = grants(&["files:write /"]);
    let admin = grants(&["admin"]);
    assert!(!may(&reader, &Ask::FilesWrite(&p)) && !may(&reader, &Ask::Admin));
    assert!(!may(&writer, &Ask::FilesRead(&p)) && !may(&writer, &Ask::Admin));
    assert!(!may(&admin, &Ask::FilesRead(&p)) && !may(&admin, &Ask::FilesWrite(&p)) && !may(&admin, &Ask::Files));
    assert!(may(&writer, &Ask::FilesWrite(&p)) && may(&writer, &Ask::Files) && may(&admin, &Ask::Admin));
}

#[test]
fn grants_add_up() {
    let both = grants(&["files:read /a", "files:read /b", "files:write /b"]);
    assert!(may(&both, &Ask::FilesRead(&path("a/x"))) && may(&both, &Ask::FilesWrite(&path("b/x"))));
    assert!(!may(&both, &Ask::FilesWrite(&path("a/x"))));
}

#[test]
fn by_default_a_friend_reads_and_writes_the_share() {
    let texts = Grant::defaults().map(|grant| grant.to_string());
    assert_eq!(texts, ["files:read /", "files:write /"]);
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
        ("files:read ~", GrantError::NoPath),
        ("admin /", GrantError::Trailing),
        ("admin ", GrantError::Trailing),
        ("files:read /100%", GrantError::Percent),
        ("files:read /%+1", GrantError::Percent),
        ("files:read /%2", GrantError::Percent),
        ("files:read //a", GrantError::Path(PathError::Absolute)),
        ("files:write /a/../b", GrantError::Path(PathError::Parent)),
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

fn any_grant() -> impl Strategy<Value = Grant> {
    prop_oneof![any_path().prop_map(Grant::FilesRead), any_path().prop_map(Grant::FilesWrite), Just(Grant::Admin)]
}

proptest! {
    #[test]
    fn every_grant_reads_back_and_prints_without_control_characters(grant in any_grant()) {
        let text = grant.to_string();
        prop_assert!(!text.chars().any(char::is_control));
        prop_assert_eq!(text.parse(), Ok(grant));
    }

    #[test]
    fn more_grants_never_allow_less(some in prop::collection::vec(any_grant(), 0..3), more in any_grant(), p in any_path()) {
        for ask in [Ask::FilesRead(&p), Ask::FilesWrite(&p), Ask::Admin, Ask::Files] {
            let before = may(&some, &ask);
            let after = may(&[some.as_slice(), std::slice::from_ref(&more)].concat(), &ask);
            prop_assert!(!before || after);
            prop_assert_eq!(after, before || may(std::slice::from_ref(&more), &ask));
        }
    }

    #[test]
    fn what_is_allowed_lies_below_a_grant_of_the_same_kind(granted in any_path(), asked in any_path()) {
        let below = asked.components().collect::<Vec<_>>().starts_with(&granted.components().collect::<Vec<_>>());
        prop_assert_eq!(may(&[Grant::FilesRead(granted.clone())], &Ask::FilesRead(&asked)), below);
        prop_assert_eq!(may(&[Grant::FilesWrite(granted)], &Ask::FilesWrite(&asked)), below);
    }

    #[test]
    fn no_text_panics(text in "(files:read /|files:write /)?.{0,20}") {
        let _ = text.parse::<Grant>();
    }
}
