//! Other people's programs: where they are, how they are called, which version they say they are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::daemon::Daemon;
use crate::site::Site;

/// Where daemons live that are not on an ordinary user's `PATH`.
const SERVER_DIRS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// What making a key, logging in or an introduction may take on a busy machine; more is a hang.
const HELPER: Duration = Duration::from_secs(60);

/// The full path of a program, or the words for the table if it is not there.
pub(crate) fn find(name: &'static str) -> Result<PathBuf, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SERVER_DIRS.iter().map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| file.is_absolute() && file.is_file())
        .ok_or_else(|| Missing(format!("{name} is not installed")))
}

/// A program that this machine does not have, in words for the table.
#[derive(Debug, Clone)]
pub(crate) struct Missing(pub(crate) String);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

/// The error of something that several rows share, for one more of them: what is missing stays known as missing.
pub(crate) fn same(error: &anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<Missing>() {
        Some(missing) => missing.clone().into(),
        None => anyhow::anyhow!("{error:#}"),
    }
}

/// The bench itself, to be run as another process.
pub(crate) fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("where this program is")
}

/// A command with nothing of the caller's environment but `PATH`, in an empty home, silent on stdin and stdout.
pub(crate) fn command(site: &Site, program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .env("HOME", site.empty_home())
        .current_dir(site.empty_home())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Runs a short helper to its end and gives what it printed.
///
/// # Errors
/// With its own words if it fails or takes longer than a minute.
pub(crate) fn output(site: &Site, command: &mut Command) -> Result<String> {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    Daemon::start(site, &name, command.stdout(Stdio::piped()))?.finish(HELPER)
}

/// The first line of what `name FLAG` says about itself, on whichever of the two outputs; `None` if it is missing.
pub(crate) fn version(name: &'static str, flag: impl AsRef<OsStr>) -> Option<String> {
    let done = Command::new(find(name).ok()?).arg(flag).stdin(Stdio::null()).output().ok()?;
    let said = [done.stdout, done.stderr].concat();
    let line = String::from_utf8_lossy(&said).lines().find(|line| !line.trim().is_empty())?.trim().to_owned();
    Some(line)
}
