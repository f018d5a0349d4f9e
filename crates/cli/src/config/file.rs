//! The configuration file: TOML, every key optional, an unknown key an error.
//!
//! ```toml
//! listen = ["tcp://*:5463"]   # where others can call
//! share = "/srv/share"        # the folder that `landline serve` serves
//! homes = "/srv/homes"        # where the folders of users lie
//! read_only = false           # whether nobody may change it
//! grace_seconds = 30          # how long calls may finish for when the server is stopped
//! code_minutes = 10           # how long an invitation can be used for
//! audit = true                # whether the server notes who called and what was done
//! log = "warn"                # off, error, warn, info, debug, trace
//! ```

use std::io;
use std::path::{Path, PathBuf};

use landline_addr::endpoint::Endpoint;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::fail::Fail;

/// Bytes of the longest file that is read: hundreds of times what its keys need.
const MAX_FILE: usize = 256 << 10;

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Where to listen.
    #[serde(default, deserialize_with = "endpoints")]
    pub(crate) listen: Option<Vec<Endpoint>>,
    /// The folder to serve.
    #[serde(default, deserialize_with = "folder")]
    pub(crate) share: Option<PathBuf>,
    /// Where the homes of users lie.
    #[serde(default, deserialize_with = "folder")]
    pub(crate) homes: Option<PathBuf>,
    /// Whether nobody may change it.
    pub(crate) read_only: Option<bool>,
    /// Seconds for calls to finish.
    pub(crate) grace_seconds: Option<u64>,
    /// Minutes that a code can be used for.
    pub(crate) code_minutes: Option<u64>,
    /// Whether the server notes who called and what was done.
    pub(crate) audit: Option<bool>,
    /// Log level.
    pub(crate) log: Option<String>,
}

impl File {
    /// Reads `path`; a file that is not there says nothing.
    ///
    /// # Errors
    /// If it can't be read or understood: its line is named.
    pub(crate) fn read_if_present(path: &Path) -> Result<Self, Fail> {
        match read(path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(fault) => Err(unreadable(path, &fault)),
            Ok(text) => Self::parse(&text, path),
        }
    }

    /// Reads `path`, which must be there.
    ///
    /// # Errors
    /// As [`File::read_if_present`], and if it is not there.
    pub(crate) fn read(path: &Path) -> Result<Self, Fail> {
        let text = read(path).map_err(|fault| unreadable(path, &fault))?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Fail> {
        if text.len() > MAX_FILE {
            return Err(Fail::usage(format_args!("{} is longer than {} KiB", path.display(), MAX_FILE >> 10)));
        }
        toml::from_str(text).map_err(|fault| {
            let start = fault.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            let what = fault.message().lines().collect::<Vec<_>>().join(", ").replace("unknown field", "unknown key");
            let what = what.replace("expected u64", "expected a whole number");
            Fail::usage(format_args!("{} line {line}: {what}", path.display()))
                .hint("mend the line or take it out; landline man tells about every key, under CONFIGURATION")
        })
    }
}

fn read(path: &Path) -> io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    // One byte more than may be used: it tells that there is more.
    let most = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path)?.take(most).read_to_string(&mut text)?;
    Ok(text)
}

fn unreadable(path: &Path, fault: &io::Error) -> Fail {
    if fault.kind() == io::ErrorKind::InvalidData {
        return Fail::usage(format_args!("{} is not text in UTF-8", path.display()));
    }
    Fail::io(format_args!("cannot read the configuration {}", path.display()), fault)
}

fn endpoints<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Endpoint>>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    if texts.is_empty() {
        return Err(D::Error::custom("listen names no endpoint; leave it out to listen on the usual port"));
    }
    let parsed: Result<Vec<Endpoint>, _> = texts.iter().map(|text| text.parse::<Endpoint>()).collect();
    parsed.map(Some).map_err(D::Error::custom)
}

/// An absolute path, or one below `~/`: a relative one would be another folder wherever the server is started.
fn folder<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(from)?;
    let path = match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(below), Some(home)) => home.join(below),
        _ => PathBuf::from(&text),
    };
    if path.is_absolute() {
        Ok(Some(path))
    } else {
        Err(D::Error::custom("share and homes must be absolute paths, or begin with ~/"))
    }
}
