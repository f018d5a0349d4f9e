//! The janitor: a second process that removes what the bench leaves behind if it dies without cleaning up.
//!
//! In: one line per thing on its stdin (`dir PATH`, `pid NUMBER STARTED`). When that pipe closes, for whatever reason
//! (end, Ctrl-C, SIGKILL), it ends the processes that are still the same ones and removes the directories. After a
//! clean end there is nothing left to do. It stands in a process group of its own, so that Ctrl-C does not reach it.
//! Invariant: it touches only pids whose start time is the one told, and directories named [`crate::site::PREFIX`]….

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::site::PREFIX;
use crate::usage::{self, Started};

/// How long a process may take to end after SIGTERM before it gets SIGKILL.
pub(crate) const GRACE: Duration = Duration::from_secs(3);
/// How often an ending process is looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(5);

/// The bench's end of the pipe to the janitor.
pub(crate) struct Janitor(Mutex<Child>);

impl Janitor {
    /// Starts the janitor from this very program.
    pub(crate) fn start() -> Result<Janitor> {
        let me = std::env::current_exe().context("where this program is")?;
        let child = Command::new(me)
            .arg("janitor")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start the janitor")?;
        Ok(Janitor(Mutex::new(child)))
    }

    /// Asks for `dir` to be gone in the end.
    pub(crate) fn watch_dir(&self, dir: &Path) {
        self.tell(&[b"dir ", dir.as_os_str().as_encoded_bytes(), b"\n"].concat());
    }

    /// Asks for the process `pid`, and what it started, to be gone in the end.
    pub(crate) fn watch_process(&self, pid: Pid) {
        if let Some(started) = usage::started(pid) {
            self.tell(format!("pid {} {started}\n", pid.as_raw_nonzero()).as_bytes());
        }
    }

    /// A janitor that is gone is no reason to stop measuring.
    fn tell(&self, line: &[u8]) {
        if let Ok(mut child) = self.0.lock()
            && let Some(pipe) = &mut child.stdin
        {
            let _ = pipe.write_all(line);
        }
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        if let Ok(child) = self.0.get_mut() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// The janitor's whole life: note what is told until the pipe closes, then clean up.
pub(crate) fn run(told: impl BufRead) {
    let (mut dirs, mut processes) = (Vec::new(), Vec::new());
    for line in told.split(b'\n').map_while(Result::ok) {
        if let Some(path) = line.strip_prefix(b"dir ") {
            dirs.push(PathBuf::from(std::os::unix::ffi::OsStrExt::from_bytes(path) as &OsStr));
        } else if let Some(process) = line.strip_prefix(b"pid ").and_then(parse_process) {
            processes.push(process);
        }
    }
    end_all(&with_descendants(&processes));
    for dir in dirs {
        if dir.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes())) {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

fn parse_process(text: &[u8]) -> Option<(Pid, Started)> {
    let (pid, started) = std::str::from_utf8(text).ok()?.split_once(' ')?;
    Some((Pid::from_raw(pid.parse().ok()?)?, started.parse().ok()?))
}

/// The told processes that still live, and everything below them, each with its start time.
pub(crate) fn with_descendants(roots: &[(Pid, Started)]) -> Vec<(Pid, Started)> {
    let living = roots.iter().filter(|(pid, started)| usage::started(*pid) == Some(*started));
    living
        .flat_map(|(pid, _)| usage::tree(*pid))
        .filter_map(|pid| usage::started(pid).map(|started| (pid, started)))
        .collect()
}

/// SIGTERM, a grace period, SIGKILL: only to processes that are still the ones meant.
pub(crate) fn end_all(processes: &[(Pid, Started)]) {
    let living = || processes.iter().filter(|(pid, started)| usage::lives(*pid, *started)).map(|(pid, _)| *pid);
    for pid in living() {
        let _ = kill_process(pid, Signal::TERM);
    }
    let deadline = Instant::now() + GRACE;
    while living().next().is_some() && Instant::now() < deadline {
        std::thread::sleep(LOOK);
    }
    for pid in living() {
        let _ = kill_process(pid, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_told_directories_and_ends_told_processes_when_the_pipe_closes() {
        let room = tempfile::tempdir().unwrap();
        let ours = room.path().join(format!("{PREFIX}x"));
        let foreign = room.path().join("letters");
        for dir in [&ours, &foreign] {
            fs::create_dir(dir).unwrap();
        }
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let told = format!(
            "dir {}\ndir {}\npid {} {}\n",
            ours.display(),
            foreign.display(),
            pid.as_raw_nonzero(),
            usage::started(pid).unwrap()
        );
        run(told.as_bytes());
        assert!(!child.wait().unwrap().success());
        assert!(!ours.exists());
        assert!(foreign.exists(), "only its own kind of directory");
    }

    #[test]
    fn leaves_a_process_alone_that_merely_has_the_same_number() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let wrong = usage::started(pid).unwrap() + 1;
        run(format!("pid {} {wrong}\n", pid.as_raw_nonzero()).as_bytes());
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
