//! Targets of `addr`: paths of a share, places on a command line, endpoints, codes.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use landline_addr::{
    code::{Code, MAX_NUMBER},
    contact::{ContactName, Machine, Place},
    endpoint::Endpoint,
    path::{FileName, MAX_COMPONENTS, MAX_NAME_BYTES, MAX_PATH_BYTES, PathError, SharePath, is_reserved},
    raw::RawEndpoint,
};

use crate::wire::assert_harmless;

/// A path from the wire. Invariants: what is taken is what was said, keeps every rule, reads the same as a person's path,
/// and is its parent and its last name put together.
pub fn share_paths(data: &[u8]) {
    let Ok(path) = SharePath::parse(data) else { return };
    assert_eq!(path.as_bytes(), data);
    assert_eq!(SharePath::from_user(data), Ok(path.clone()));
    keeps_the_rules(&path);
}

/// A path that a person typed. Invariants: what is taken is canonical, and is taken as itself again.
pub fn typed_paths(data: &[u8]) {
    let Ok(path) = SharePath::from_user(data) else { return };
    assert!(path.as_bytes().len() <= data.len() && data.first() != Some(&b'/'));
    assert_eq!(SharePath::parse(path.as_bytes()), Ok(path.clone()));
    keeps_the_rules(&path);
}

fn keeps_the_rules(path: &SharePath) {
    assert!(path.as_bytes().len() <= MAX_PATH_BYTES && path.components().count() <= MAX_COMPONENTS);
    assert_eq!(path.components().collect::<Vec<_>>().join(&b'/'), path.as_bytes());
    assert_eq!(path.is_root(), path.as_bytes().is_empty());
    assert!(path.starts_with(path) && path.starts_with(&SharePath::root()));
    for name in path.components() {
        assert_eq!(FileName::parse(name).expect("a component is a name").as_bytes(), name);
        assert!(!is_reserved(name));
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            assert_eq!(parent.join(&name).as_ref(), Ok(path));
            assert!(path.starts_with(&parent) && !parent.starts_with(path));
        }
        (parent, name) => assert!(path.is_root() && parent.is_none() && name.is_none()),
    }
    match path.append(path) {
        Ok(twice) => assert!(twice.starts_with(path) && SharePath::parse(twice.as_bytes()) == Ok(twice)),
        Err(fault) => assert!(matches!(fault, PathError::TooLong | PathError::TooDeep)),
    }
}

/// One name. Invariants: what is taken is one component of a path, whole.
pub fn file_names(data: &[u8]) {
    let Ok(name) = FileName::parse(data) else { return };
    assert_eq!(name.as_bytes(), data);
    assert!((1..=MAX_NAME_BYTES).contains(&data.len()) && !data.contains(&b'/') && !data.contains(&0));
    assert!(data != b"." && data != b".." && !is_reserved(data));
    assert_eq!(SharePath::parse(data), Ok(SharePath::from(name)));
}

/// An argument of a command. Invariants: nothing of it is lost; a slash before the colon makes it local; `./` before it
/// always does.
pub fn places(data: &[u8]) {
    let dotted = [b"./", data].concat();
    assert!(matches!(Place::parse(OsStr::from_bytes(&dotted)), Ok(Place::Local(_))));
    match Place::parse(OsStr::from_bytes(data)) {
        Ok(Place::Local(path)) => {
            assert_eq!(path.as_os_str().as_bytes(), data);
            let before_colon = data.split(|byte| *byte == b':').next().unwrap_or_default();
            assert!(before_colon.len() == data.len() || before_colon.contains(&b'/'));
        }
        Ok(Place::Remote { machine, path }) => {
            let said = format!("{machine}:");
            assert_eq!([said.as_bytes(), &path].concat(), data);
            assert_eq!(said.trim_end_matches(':').parse(), Ok(machine));
        }
        Err(fault) => assert_harmless(&fault.to_string()),
    }
}

/// A contact's name. Invariant: what is taken is safe to print, fits a column and names no machine of landline's own.
pub fn contact_names(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match text.parse::<ContactName>() {
        Ok(name) => {
            assert_eq!(name.as_str(), text);
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':' && byte != b'/'));
            assert_eq!(text.parse(), Ok(Machine::Contact(name)));
        }
        Err(fault) => assert_harmless(&fault.to_string()),
    }
}

/// An endpoint of a call, and of a raw socket. Invariants: what is printed reads back as the same endpoint and is harmless; so are the words of refusal.
pub fn endpoints(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match text.parse::<RawEndpoint>() {
        Ok(endpoint) => {
            let printed = endpoint.to_string();
            assert!(!printed.chars().any(char::is_control), "{printed:?}");
            assert_eq!(printed.parse(), Ok(endpoint));
        }
        Err(fault) => assert!(!fault.to_string().chars().any(char::is_control), "{fault:?}"),
    }
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            let printed = endpoint.to_string();
            assert!(!printed.chars().any(char::is_control), "{printed:?}");
            assert_eq!(printed.parse(), Ok(endpoint));
        }
        Err(fault) => assert!(!fault.to_string().chars().any(char::is_control), "{fault:?}"),
    }
}

/// A typed code. Invariants: what is printed reads back; the refusal repeats no word of four letters that was typed.
pub fn codes(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match text.parse::<Code>() {
        Ok(code) => {
            let printed = code.to_string();
            assert_eq!(printed, format!("{}-{}", code.number(), *code.secret()));
            assert!((1..=MAX_NUMBER).contains(&code.number()));
            assert!(printed.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            assert_eq!(printed.parse(), Ok(code));
        }
        Err(fault) => assert!(fault.to_string().is_ascii(), "{fault}"),
    }
}
