//! Flags that `put` and `get` have in common, and what they ask of the floors below.

use std::time::Duration;

use landline_services::files::ask::{CopyOptions, LaneCount, MOST_CALLS};
use landline_services::files::copy::press::When;
use landline_services::files::engine::{Existing, Policy};
use landline_services::files::filter::Filter;
use serde::{Deserialize, Serialize};

use crate::fail::Fail;

/// Flags of both. Written down as JSON they are how a job is tried again.
#[derive(Debug, Default, Serialize, Deserialize, clap::Args)]
#[serde(default)]
pub(crate) struct CopyFlags {
    /// Leave out what matches, at any depth: '*.o', 'target/', 'docs/**/*.tmp'; can be given several times
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    exclude: Vec<String>,
    /// Only tell what would be copied
    #[arg(long, short = 'n')]
    #[serde(skip)]
    pub(crate) dry_run: bool,
    /// Leave what is there already as it is
    #[arg(long, conflicts_with_all = ["backup", "if_match", "checksum", "ignore_times"])]
    no_clobber: bool,
    /// Keep a file that is replaced beside the new one, as NAME~
    #[arg(long)]
    backup: bool,
    /// Replace only a file whose BLAKE3 is this (landline stat --hash tells it); anything else is a conflict
    #[arg(long, value_name = "HASH", value_parser = hash)]
    #[serde(skip)]
    if_match: Option<blake3::Hash>,
    /// Compare files by content; without this, the same size, time and mode is the same file
    #[arg(long, short = 'c', conflicts_with = "ignore_times")]
    checksum: bool,
    /// Send every file again, also what looks the same
    #[arg(long, short = 'I')]
    ignore_times: bool,
    /// Keep several names of one file (hard links) as that
    #[arg(long, short = 'H')]
    hard_links: bool,
    /// Take extended attributes (user.*) along
    #[arg(long, short = 'X')]
    xattrs: bool,
    /// Compress on the way: where it makes the copy faster, always, or never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    compress: Compress,
    /// At most so many bytes a second: 500K, 2M, 1.5MiB
    #[arg(long, value_name = "RATE", value_parser = crate::units::parse_bytes, default_value = "0", hide_default_value = true)]
    limit: u64,
    /// Calls that carry content at once: a number up to 16, or auto for one, and more where measuring says that they help;
    /// what helped is remembered for each contact. One while other users copy there, too. A pipe always uses one
    #[arg(long, value_name = "N", value_parser = lanes, default_value = "auto")]
    lanes: Lanes,
    /// Dial again for so long when the line is cut; what arrived is not sent twice
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    reconnect: u64,
}

/// When content is compressed.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Compress {
    #[default]
    Auto,
    Always,
    Never,
}

impl From<Compress> for When {
    fn from(compress: Compress) -> Self {
        match compress {
            Compress::Auto => Self::Auto,
            Compress::Always => Self::Always,
            Compress::Never => Self::Never,
        }
    }
}

/// How many calls carry content; written down as a number, 0 for auto.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Lanes(usize);

impl From<Lanes> for LaneCount {
    fn from(lanes: Lanes) -> Self {
        match lanes.0 {
            0 => Self::Auto,
            calls => Self::Exactly(calls),
        }
    }
}

fn lanes(text: &str) -> Result<Lanes, String> {
    match text.parse() {
        Ok(calls @ 1..=MOST_CALLS) => Ok(Lanes(calls)),
        Err(_) if text == "auto" => Ok(Lanes(0)),
        _ => Err(format!("write auto, or a number from 1 to {MOST_CALLS}")),
    }
}

/// The files shell marks a star that was not quoted by a NUL, which no pattern has otherwise: here it is the star itself.
fn pattern(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.replace('\0', ""))
}

fn hash(text: &str) -> Result<blake3::Hash, String> {
    blake3::Hash::from_hex(text)
        .map_err(|_| "a hash is 64 hexadecimal digits, as landline stat --hash prints it".to_owned())
}

impl CopyFlags {
    /// The patterns, compiled.
    ///
    /// # Errors
    /// If one is no pattern.
    pub(crate) fn filter(&self) -> Result<Filter, Fail> {
        Ok(Filter::new(&self.exclude)?)
    }

    /// All of them, as the floors below take them. `draws`: whether there is a progress line.
    ///
    /// # Errors
    /// If a pattern is none.
    pub(crate) fn options(&self, draws: bool) -> Result<CopyOptions, Fail> {
        let existing = match (self.no_clobber, self.checksum, self.ignore_times) {
            (true, ..) => Existing::Never,
            (_, true, _) => Existing::ByHash,
            (.., true) => Existing::Always,
            _ => Existing::Update,
        };
        let policy = Policy { existing, backup: self.backup, if_match: self.if_match, ..Policy::default() };
        Ok(CopyOptions {
            filter: self.filter()?,
            totals: draws,
            dry_run: self.dry_run,
            policy,
            hard_links: self.hard_links,
            attributes: self.xattrs,
            rate: self.limit,
            press: self.compress.into(),
            reconnect: self.reconnect(),
            lanes: self.lanes.into(),
        })
    }

    /// Whether more calls than one are asked for.
    pub(crate) fn asks_for_lanes(&self) -> bool {
        self.lanes.0 > 1
    }

    /// For `landline retry`.
    pub(crate) fn kept(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Bytes a second at most; 0 for no limit.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// How long a line that was cut is dialled again.
    pub(crate) fn reconnect(&self) -> Duration {
        Duration::from_secs(self.reconnect)
    }
}
