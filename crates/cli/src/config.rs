//! Settings: what the server does unless told otherwise, and who said so.
//!
//! In: flags, environment, `config.toml`. Out: [`Settings`], each value with its [`Origin`]; flag > environment > file >
//! default. Every default is safe without any file. What is wrong is named with its flag, variable or line.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landline_addr::DEFAULT_PORT;
use landline_addr::endpoint::{Endpoint, Host};

use crate::fail::Fail;
use crate::logs;

mod file;

pub(crate) use file::File;

/// Seconds that calls may go on for after the stop signal: enough for a group to be finished, short of the 90 s after
/// which systemd kills.
const DEFAULT_GRACE_SECONDS: u64 = 30;
/// Longest grace period: a day. A larger number is a slip.
const MAX_GRACE_SECONDS: u64 = 86_400;
/// Minutes for which a code can be used: long enough to read it out, short enough to forget.
const DEFAULT_CODE_MINUTES: u64 = 10;
/// Longest life of a code: a day.
const MAX_CODE_MINUTES: u64 = 1440;
/// The folder of homes beside the configuration file, in the state folder.
const HOMES: &str = "homes";
/// What is logged without being asked for.
const DEFAULT_LOG: &str = "warn";

/// What the command line says; all may be absent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// `--listen`, each.
    pub(crate) listen: Vec<Endpoint>,
    /// `DIR`.
    pub(crate) share: Option<PathBuf>,
    /// `--homes`.
    pub(crate) homes: Option<PathBuf>,
    /// `--read-only`.
    pub(crate) read_only: Option<bool>,
    /// `--grace`, seconds.
    pub(crate) grace_seconds: Option<u64>,
    /// `--minutes`.
    pub(crate) code_minutes: Option<u64>,
    /// From `-v`.
    pub(crate) log: Option<&'static str>,
}

/// A value and who said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    /// What holds.
    pub(crate) value: T,
    /// Why.
    pub(crate) origin: Origin,
}

/// Who said a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag, by its name.
    Flag(&'static str),
    /// A variable, by its name.
    Environment(&'static str),
    /// The configuration file.
    File(PathBuf),
    /// Nobody.
    Default,
}

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Where to listen; never empty.
    pub(crate) listen: Setting<Vec<Endpoint>>,
    /// The folder to serve.
    pub(crate) share: Setting<Option<PathBuf>>,
    /// Where the homes of users lie; in the state folder if nobody says otherwise.
    pub(crate) homes: Setting<PathBuf>,
    /// Whether nobody may change the share.
    pub(crate) read_only: Setting<bool>,
    /// How long calls may go on for after the stop signal.
    pub(crate) grace: Setting<Duration>,
    /// How long a code can be used for.
    pub(crate) code_life: Setting<Duration>,
    /// Whether the server notes who called and what was done.
    pub(crate) audit: Setting<bool>,
    /// Log level or directive.
    pub(crate) log: Setting<String>,
}

/// Reads a variable.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Settings {
    /// Puts everything together; `path` is the configuration file, which need not exist.
    ///
    /// # Errors
    /// The first thing that can't be understood, by its flag, variable or line.
    pub(crate) fn load(flags: &Flags, environment: Environment<'_>, path: &Path) -> Result<Self, Fail> {
        let file = File::read_if_present(path)?;
        let ask = Ask { environment, path };
        let grace = ask.setting(
            (flags.grace_seconds, "--grace"),
            ("LANDLINE_GRACE", &|text| number("LANDLINE_GRACE", text)),
            file.grace_seconds,
            DEFAULT_GRACE_SECONDS,
        )?;
        let code_life = ask.setting(
            (flags.code_minutes, "--minutes"),
            ("LANDLINE_CODE_MINUTES", &|text| number("LANDLINE_CODE_MINUTES", text)),
            file.code_minutes,
            DEFAULT_CODE_MINUTES,
        )?;
        let log = ask.setting(
            (flags.log.map(str::to_owned), "-v"),
            ("LANDLINE_LOG", &|text| Ok(text.to_owned())),
            file.log,
            DEFAULT_LOG.to_owned(),
        )?;
        logs::filter(&log.value).map_err(|fail| said_by(fail, &log.origin))?;
        Ok(Self {
            listen: ask.setting(
                ((!flags.listen.is_empty()).then(|| flags.listen.clone()), "--listen"),
                ("LANDLINE_LISTEN", &listen_list),
                file.listen,
                vec![Endpoint::Tcp { host: Host::Any, port: DEFAULT_PORT }],
            )?,
            share: ask.setting(
                (flags.share.clone().map(Some), "DIR"),
                ("LANDLINE_SHARE", &|text| Ok(Some(PathBuf::from(text)))),
                file.share.map(Some),
                None,
            )?,
            homes: ask.setting(
                (flags.homes.clone(), "--homes"),
                ("LANDLINE_HOMES", &|text| Ok(PathBuf::from(text))),
                file.homes,
                path.with_file_name(HOMES),
            )?,
            read_only: ask.setting(
                (flags.read_only, "--read-only"),
                ("LANDLINE_READ_ONLY", &|text| yes_or_no("LANDLINE_READ_ONLY", text)),
                file.read_only,
                false,
            )?,
            audit: ask.setting(
                (None, "--audit"), // no flag: what is noted is no matter of one start
                ("LANDLINE_AUDIT", &|text| yes_or_no("LANDLINE_AUDIT", text)),
                file.audit,
                true,
            )?,
            grace: within(grace, "the grace period", "seconds", 0..=MAX_GRACE_SECONDS)?.map(Duration::from_secs),
            code_life: within(code_life, "the life of a code", "minutes", 1..=MAX_CODE_MINUTES)?
                .map(|minutes| Duration::from_secs(minutes * 60)),
            log,
        })
    }
}

struct Ask<'a> {
    environment: Environment<'a>,
    path: &'a Path,
}

type Reader<'a, T> = &'a dyn Fn(&str) -> Result<T, Fail>;

impl Ask<'_> {
    fn setting<T>(
        &self,
        (flag, flag_name): (Option<T>, &'static str),
        (variable, read): (&'static str, Reader<'_, T>),
        file: Option<T>,
        default: T,
    ) -> Result<Setting<T>, Fail> {
        if let Some(value) = flag {
            return Ok(Setting { value, origin: Origin::Flag(flag_name) });
        }
        // An empty variable counts as unset, as everywhere.
        if let Some(text) = (self.environment)(variable).filter(|text| !text.is_empty()) {
            let text = text.to_str().ok_or_else(|| Fail::usage(format_args!("{variable} is not valid text")))?;
            return Ok(Setting { value: read(text)?, origin: Origin::Environment(variable) });
        }
        Ok(match file {
            Some(value) => Setting { value, origin: Origin::File(self.path.to_owned()) },
            None => Setting { value: default, origin: Origin::Default },
        })
    }
}

impl<T> Setting<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: change(self.value), origin: self.origin }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "command line ({name})"),
            Self::Environment(name) => write!(f, "environment ({name})"),
            Self::File(path) => write!(f, "file ({})", path.display()),
            Self::Default => write!(f, "default"),
        }
    }
}

fn within(
    setting: Setting<u64>,
    what: &str,
    unit: &str,
    range: std::ops::RangeInclusive<u64>,
) -> Result<Setting<u64>, Fail> {
    if range.contains(&setting.value) {
        return Ok(setting);
    }
    let (from, to, got) = (range.start(), range.end(), setting.value);
    Err(said_by(Fail::usage(format_args!("{what} is {from} to {to} {unit}, not {got}")), &setting.origin))
}

fn said_by(fail: Fail, origin: &Origin) -> Fail {
    Fail::usage(format_args!("{origin}: {}", fail.what()))
}

fn number(variable: &str, text: &str) -> Result<u64, Fail> {
    text.trim().parse().map_err(|_| Fail::usage(format_args!("{variable} is {text:?}, which is no whole number")))
}

fn yes_or_no(variable: &str, text: &str) -> Result<bool, Fail> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(Fail::usage(format_args!("{variable} is {text:?}; write true or false"))),
    }
}

fn listen_list(text: &str) -> Result<Vec<Endpoint>, Fail> {
    let parts = text.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty());
    let listen: Result<Vec<Endpoint>, Fail> =
        parts.map(|part| part.parse().map_err(|fault| Fail::usage(format_args!("LANDLINE_LISTEN: {fault}")))).collect();
    let listen = listen?;
    if listen.is_empty() { Err(Fail::usage("LANDLINE_LISTEN names no endpoint")) } else { Ok(listen) }
}

#[cfg(test)]
mod tests;
