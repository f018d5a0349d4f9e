//! Places on the command line: `desk:dir/file`, as a value that clap parses once and nobody checks again.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{OsStringValueParser, TypedValueParser};
use landline_addr::contact::{ContactName, ContactNameError, Machine, Place, PlaceError};
use landline_addr::path::{PathError, SharePath};
use landline_services::files::ask::{Files, Start};
use landline_services::line::Line;
use landline_wire::shown;

use crate::fail::{Fail, line_fail};

/// A path in the share of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    /// Whose share.
    pub(crate) machine: Machine,
    /// Where the path begins: in the share if it was written with a slash in front, else where the other machine lets us begin.
    pub(crate) start: Start,
    /// Where in it.
    pub(crate) path: SharePath,
    /// Whether it was written as a folder: with a closing slash, or as the share itself.
    pub(crate) as_folder: bool,
}

/// Whose files, and where paths in them begin; written `desk`, or `desk:/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whose {
    /// The machine.
    pub(crate) machine: Machine,
    /// Where paths begin.
    pub(crate) start: Start,
}

impl Whose {
    /// Calls the machine for its files.
    ///
    /// # Errors
    /// If it can't be called.
    pub(crate) async fn open(&self, line: &Line) -> Result<Files, Fail> {
        let opened = Files::open_at(line, &self.machine, self.start).await;
        opened.map_err(|fault| line_fail(&self.machine.to_string(), fault))
    }
}

impl FromStr for Whose {
    type Err = ContactNameError;

    fn from_str(text: &str) -> Result<Self, ContactNameError> {
        let (machine, start) = match text.strip_suffix(":/") {
            Some(machine) => (machine, Start::Root),
            None => (text, Start::Own),
        };
        Ok(Self { machine: machine.parse()?, start })
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.machine, if self.start == Start::Root { ":/" } else { "" })
    }
}

/// A path here or there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spot {
    /// On this machine, as written.
    Here(PathBuf),
    /// In the share of a machine.
    There(Remote),
}

/// Why an argument is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SpotError {
    /// Neither here nor there.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The path is none of a share.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A local path where only a remote one makes sense.
    #[error("this names a local file; name a machine too, like desk:path, or localhost:path for your own share")]
    NotRemote,
    /// A contact without its colon.
    #[error("to mean the machine {0}, put a colon behind it: {0}:")]
    NoColon(ContactName),
}

impl Spot {
    /// For clap.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        OsStringValueParser::new().try_map(|text: OsString| Self::parse(&text))
    }

    fn parse(text: &OsString) -> Result<Self, SpotError> {
        Ok(match Place::parse(text)? {
            Place::Local(path) => Self::Here(path),
            Place::Remote { machine, path } => {
                let as_folder = matches!(path.as_slice(), b"" | b".") || path.ends_with(b"/") || path.ends_with(b"/.");
                let (start, below) = match path.strip_prefix(b"/") {
                    Some(below) => (Start::Root, below),
                    None => (Start::Own, path.as_slice()),
                };
                let as_folder = as_folder || path == b"/";
                Self::There(Remote { machine, start, path: SharePath::from_user(below)?, as_folder })
            }
        })
    }
}

impl Remote {
    /// Without the path.
    pub(crate) fn whose(&self) -> Whose {
        Whose { machine: self.machine.clone(), start: self.start }
    }

    /// For clap.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        OsStringValueParser::new().try_map(|text: OsString| Self::parse(&text))
    }

    fn parse(text: &OsString) -> Result<Self, SpotError> {
        match Spot::parse(text)? {
            Spot::There(remote) => Ok(remote),
            Spot::Here(_) => Err(match text.to_str().and_then(|text| text.parse().ok()) {
                Some(name) => SpotError::NoColon(name),
                None => SpotError::NotRemote,
            }),
        }
    }
}

/// What to say to a person who named a machine without its colon; nothing if `path` can't be meant so.
pub(crate) fn colon_hint(path: &Path) -> Option<String> {
    let name: ContactName = path.to_str()?.parse().ok()?;
    Some(format!("to mean the machine {name}, put a colon behind it: {name}:"))
}

/// As it can be typed again, hostile names escaped.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.start == Start::Root { "/" } else { "" };
        write!(f, "{}:{slash}{}", self.machine, shown(self.path.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> Result<Remote, String> {
        Remote::parse(&OsString::from(text)).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_closing_slash_or_no_path_at_all_means_a_folder() {
        for (text, path, as_folder) in
            [("desk:", "", true), ("desk:.", "", true), ("desk:a/", "a", true), ("desk:./a//b", "a/b", false)]
        {
            let remote = remote(text).unwrap();
            assert_eq!((remote.path.as_bytes(), remote.as_folder), (path.as_bytes(), as_folder), "{text}");
        }
    }

    #[test]
    fn a_contact_without_its_colon_is_told_so() {
        assert!(remote("desk").unwrap_err().contains("desk:"));
        assert!(remote("./desk").unwrap_err().contains("localhost:path"));
    }

    #[test]
    fn paths_that_lead_out_are_refused_before_anybody_is_called() {
        assert!(remote("desk:../x").unwrap_err().contains("\"..\""));
        assert!(remote("desk://etc").unwrap_err().contains("relative to the share"));
        assert!(remote("desk:/../etc").unwrap_err().contains("\"..\""));
        assert!(remote("desk:.landline-part-1").unwrap_err().contains("reserved"));
    }

    #[test]
    fn a_slash_in_front_begins_in_the_share() {
        for (text, path, as_folder) in [("desk:/", "", true), ("desk:/a/", "a", true), ("desk:/a/b", "a/b", false)] {
            let remote = remote(text).unwrap();
            assert_eq!((remote.start, remote.path.as_bytes()), (Start::Root, path.as_bytes()), "{text}");
            assert_eq!(remote.as_folder, as_folder, "{text}");
            assert_eq!(remote.whose().to_string().parse(), Ok(remote.whose()));
            assert_eq!(
                remote.to_string(),
                text.strip_suffix('/').filter(|short| !short.ends_with(':')).unwrap_or(text)
            );
        }
        assert_eq!(remote("desk:a").unwrap().whose().to_string(), "desk");
    }

    #[test]
    fn it_prints_as_it_can_be_typed_again() {
        assert_eq!(remote("localhost:a/b").unwrap().to_string(), "localhost:a/b");
    }
}
