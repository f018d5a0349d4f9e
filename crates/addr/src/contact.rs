//! Contact names and places: `desk:dir/file`, as a person writes it on the command line.
//!
//! In: one argument. Out: whether it means a local file or a path on a machine, and which.
//! Knows nothing of the address book: a well-formed name need not be in it. The remote path is handed on raw;
//! [`crate::path::SharePath::from_user`] judges it.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::endpoint::SCHEMES;

/// Characters in a contact's name: short enough for a column, and for a file name if one is ever made of it.
pub const MAX_CONTACT_NAME: usize = 64;

/// The name of the machine that this home belongs to.
pub const LOCALHOST: &str = "localhost";

/// A name in the address book: `[a-z0-9][a-z0-9._-]*`, at most [`MAX_CONTACT_NAME`] characters, never `localhost`
/// or an endpoint scheme. Safe to print.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactName(String);

/// Why text is no contact name. The words say the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContactNameError {
    /// There is no character at all.
    #[error("a contact's name is empty; it is made of a-z, 0-9, '.', '_' and '-'")]
    Empty,
    /// There are more than [`MAX_CONTACT_NAME`] characters.
    #[error("a contact's name has at most {MAX_CONTACT_NAME} characters")]
    TooLong,
    /// It starts with `.`, `_` or `-`.
    #[error("a contact's name starts with a letter a-z or a digit")]
    Start,
    /// There is a character out of the set.
    #[error("a contact's name is made of a-z (lower case), 0-9, '.', '_' and '-'")]
    Character,
    /// It is `localhost`, which always means this machine.
    #[error("\"localhost\" always means this machine and cannot name a contact")]
    Localhost,
    /// It is one of [`SCHEMES`].
    #[error("{0:?} begins an endpoint and cannot name a contact")]
    Scheme(&'static str),
}

impl ContactName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContactName {
    type Err = ContactNameError;

    fn from_str(text: &str) -> Result<Self, ContactNameError> {
        let first = text.bytes().next().ok_or(ContactNameError::Empty)?;
        if text.len() > MAX_CONTACT_NAME {
            return Err(ContactNameError::TooLong);
        }
        if !text.bytes().all(|byte| is_plain(byte) || b"._-".contains(&byte)) {
            return Err(ContactNameError::Character);
        }
        if !is_plain(first) {
            return Err(ContactNameError::Start);
        }
        if text == LOCALHOST {
            return Err(ContactNameError::Localhost);
        }
        match SCHEMES.iter().find(|scheme| **scheme == text) {
            Some(scheme) => Err(ContactNameError::Scheme(scheme)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for ContactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// A machine, as a person names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Machine {
    /// The `serve` that runs on this home, over its UNIX socket.
    Localhost,
    /// A contact.
    Contact(ContactName),
}

impl FromStr for Machine {
    type Err = ContactNameError;

    fn from_str(text: &str) -> Result<Self, ContactNameError> {
        if text == LOCALHOST { Ok(Self::Localhost) } else { text.parse().map(Self::Contact) }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost => f.write_str(LOCALHOST),
            Self::Contact(name) => name.fmt(f),
        }
    }
}

/// Where a file is: here, or on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A path of this machine's file system, as given.
    Local(PathBuf),
    /// A path in the share of a machine.
    Remote {
        /// Whose share.
        machine: Machine,
        /// What followed the colon, unjudged: raw bytes, possibly empty (the share's root).
        path: Vec<u8>,
    },
}

/// Why an argument is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The argument is empty.
    #[error("an empty path; the current folder is \".\"")]
    Empty,
    /// What stands before the colon cannot be a contact.
    #[error("what stands before ':' names no machine: {0}; for a local file with ':' in its name write ./NAME")]
    Name(#[from] ContactNameError),
}

impl Place {
    /// Reads an argument. It is remote only if a `:` comes before any `/`.
    ///
    /// # Errors
    /// [`PlaceError::Name`] when the part before that colon is neither a contact name nor `localhost`: guessing
    /// that a local file was meant would create `Desk:file` here for someone who mistyped `desk:file`.
    pub fn parse(argument: &OsStr) -> Result<Self, PlaceError> {
        let bytes = argument.as_encoded_bytes();
        if bytes.is_empty() {
            return Err(PlaceError::Empty);
        }
        let mut halves = bytes.splitn(2, |byte| *byte == b':');
        match (halves.next(), halves.next()) {
            (Some(name), Some(path)) if !name.contains(&b'/') => {
                let name = str::from_utf8(name).map_err(|_| ContactNameError::Character)?;
                Ok(Self::Remote { machine: name.parse()?, path: path.to_vec() })
            }
            _ => Ok(Self::Local(PathBuf::from(argument))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(text: &str) -> Result<Place, PlaceError> {
        Place::parse(OsStr::new(text))
    }

    fn on_desk(path: &[u8]) -> Result<Place, PlaceError> {
        Ok(Place::Remote { machine: Machine::Contact("desk".parse().unwrap()), path: path.to_vec() })
    }

    #[test]
    fn accepts_names_that_fit_the_rule() {
        for name in ["desk", "7", "a.b_c-d", "tcp2", "unix-", "local", &"x".repeat(MAX_CONTACT_NAME)] {
            assert_eq!(name.parse::<ContactName>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn refuses_other_names_and_says_the_rule() {
        use ContactNameError as E;
        let long = "x".repeat(MAX_CONTACT_NAME + 1);
        let cases = [
            ("", E::Empty),
            (long.as_str(), E::TooLong),
            (".a", E::Start),
            ("-a", E::Start),
            ("_", E::Start),
            ("Desk", E::Character),
            ("a b", E::Character),
            ("bü", E::Character),
            ("a:", E::Character),
            ("\u{1b}", E::Character),
            ("localhost", E::Localhost),
            ("tcp", E::Scheme("tcp")),
            ("unix-seqpacket", E::Scheme("unix-seqpacket")),
        ];
        for (name, why) in cases {
            assert_eq!(name.parse::<ContactName>(), Err(why), "{name}");
        }
    }

    #[test]
    fn is_remote_when_a_colon_comes_before_any_slash() {
        assert_eq!(place("desk:"), on_desk(b""));
        assert_eq!(place("desk:a/b:c"), on_desk(b"a/b:c"));
        assert_eq!(place("desk:/a"), on_desk(b"/a"));
        assert_eq!(place("desk::"), on_desk(b":"));
        assert_eq!(place("localhost:a"), Ok(Place::Remote { machine: Machine::Localhost, path: b"a".to_vec() }));
    }

    #[test]
    fn is_local_otherwise() {
        for text in ["a", "a/b:c", "./a:b", "/a:b", "localhost", "..", "desk"] {
            assert_eq!(place(text), Ok(Place::Local(PathBuf::from(text))));
        }
    }

    #[test]
    fn tells_how_to_name_a_local_file_with_a_colon() {
        for text in [":a", "Desk:a", "tcp://h", "a b:c", "C:\\x"] {
            let error = place(text).unwrap_err();
            assert!(error.to_string().contains("./NAME"), "{text}: {error}");
        }
        assert_eq!(place(""), Err(PlaceError::Empty));
    }

    #[cfg(unix)]
    #[test]
    fn keeps_bytes_that_are_not_utf8() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(Place::parse(OsStr::from_bytes(b"desk:\xff")), on_desk(b"\xff"));
        assert!(matches!(Place::parse(OsStr::from_bytes(b"\xff:a")), Err(PlaceError::Name(_))));
        assert!(matches!(Place::parse(OsStr::from_bytes(b"\xff")), Ok(Place::Local(_))));
    }

    proptest! {
        #[test]
        fn names_are_always_safe_to_print(text in any::<String>()) {
            if let Ok(name) = text.parse::<ContactName>() {
                prop_assert!(name.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(name.to_string(), text);
            }
        }

        #[test]
        fn a_dot_slash_always_makes_it_local(text in any::<String>()) {
            let dotted = format!("./{text}");
            prop_assert_eq!(place(&dotted), Ok(Place::Local(PathBuf::from(dotted.clone()))));
        }
    }
}
