//! A process we started that answers others: a server that stays, or a receiver that ends with its one transfer.
//!
//! In: a command. Out: its pid, the lines it prints, its last words when it fails. Dropping it ends it and everything
//! below it, by pid; the janitor knows it too, should we not get that far.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Pid;

use crate::janitor::{self, LOOK};
use crate::site::Site;
use crate::usage;

/// How long a server may take until it listens, on a machine that is busy with other things.
const BOOT: Duration = Duration::from_secs(20);
/// How much of what a failing program said goes into a table.
const LAST_WORDS: usize = 300;

/// See the module.
pub(crate) struct Daemon {
    child: Child,
    name: String,
    log: File,
}

impl Daemon {
    /// Starts `command`; its stderr is kept for [`Daemon::last_words`].
    pub(crate) fn start(site: &Site, name: &str, command: &mut Command) -> Result<Daemon> {
        let log = tempfile::tempfile().context("cannot make a file for a program's words")?;
        command.stderr(Stdio::from(log.try_clone()?));
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        site.janitor.watch_process(Pid::from_child(&child));
        Ok(Daemon { child, name: name.to_owned(), log })
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The end of what it said on stderr, on one line and harmless to print; words of its own for silence.
    pub(crate) fn last_words(&self) -> String {
        let (mut log, mut said) = (&self.log, Vec::new());
        // The offset is shared with the child: reading to the end leaves it where the child goes on writing.
        let _ = log.seek(SeekFrom::Start(0)).and_then(|_| log.read_to_end(&mut said));
        one_line(&String::from_utf8_lossy(&said))
    }

    /// Waits until a socket listens at `port` on this machine, without using up a connection.
    pub(crate) fn wait_listening(&mut self, port: u16) -> Result<()> {
        let deadline = Instant::now() + BOOT;
        while !listens(port) {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at once ({status}): {}", self.name, self.last_words());
            }
            if Instant::now() > deadline {
                bail!("{} does not listen after {BOOT:?}: {}", self.name, self.last_words());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Waits until `wanted` finds something in what it says on stderr.
    ///
    /// # Errors
    /// If it ends before that, or [`BOOT`] passes.
    pub(crate) fn wait_said<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + BOOT;
        loop {
            let said = self.last_words();
            if let Some(found) = wanted(&said) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at once ({status}): {said}", self.name);
            }
            if Instant::now() > deadline {
                bail!("{} is not ready after {BOOT:?}: {said}", self.name);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The lines of its stdout, which must be piped, read on for as long as it lives so that it never blocks on us.
    pub(crate) fn lines(&mut self) -> Result<Lines> {
        let stdout = self.child.stdout.take().with_context(|| format!("{} has no piped output", self.name))?;
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = tell.send(line); // nobody listening any more is fine: draining goes on
            }
        });
        Ok(Lines(told))
    }

    /// Both its pipes, which must have been asked for, to talk with it in turns.
    pub(crate) fn pipes(&mut self) -> Result<(ChildStdin, ChildStdout)> {
        let pipes = self.child.stdin.take().zip(self.child.stdout.take());
        pipes.with_context(|| format!("{} has no pipes", self.name))
    }

    /// Reads lines until `wanted` finds something in one.
    ///
    /// # Errors
    /// If the output ends or [`BOOT`] passes before that, with the program's last words.
    pub(crate) fn wait_line<T>(&mut self, lines: &Lines, wanted: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + BOOT;
        loop {
            match lines.0.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(found) = wanted(&line) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("{} is not ready after {BOOT:?}", self.name),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("{} ended without the expected line: {}", self.name, self.last_words())
                }
            }
        }
    }

    /// Waits for it to end well, reading its stdout, which must be piped, to the last line.
    ///
    /// # Errors
    /// If it fails, or `limit` passes; it is then ended.
    pub(crate) fn finish(mut self, limit: Duration) -> Result<String> {
        let (lines, deadline, mut said) = (self.lines()?, Instant::now() + limit, String::new());
        loop {
            match lines.0.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => said.extend([line.as_str(), "\n"]),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => bail!("{} still ran after {limit:?}, so it was ended", self.name),
            }
        }
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(said),
                Some(status) => bail!("{}: {status}: {}", self.name, self.last_words()),
                None if Instant::now() > deadline => bail!("{} still ran after {limit:?}, so it was ended", self.name),
                None => std::thread::sleep(LOOK),
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let pid = self.pid();
            if let Some(started) = usage::started(pid) {
                janitor::end_all(&janitor::with_descendants(&[(pid, started)]));
            }
            let _ = self.child.wait();
        }
    }
}

/// Lines of a [`Daemon`], as they come.
pub(crate) struct Lines(Receiver<String>);

/// The end of what a program said, its lines joined and its control characters escaped.
fn one_line(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "it said nothing".to_owned();
    }
    let joined = lines.join(" / ");
    let skip = joined.chars().count().saturating_sub(LAST_WORDS);
    let tail = joined.chars().skip(skip);
    tail.flat_map(|sign| if sign.is_control() { sign.escape_debug().collect() } else { vec![sign] }).collect()
}

/// A loopback port that was free a moment ago, for programs that cannot choose one themselves and tell.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr())?.port())
}

fn listens(port: u16) -> bool {
    fs::read_to_string("/proc/net/tcp").is_ok_and(|table| table.lines().any(|line| is_listener(line, port)))
}

/// Layout of a line: slot, local address `HEX:PORT`, remote address, state (`0A` is listening). Source: proc_net(5).
fn is_listener(line: &str, port: u16) -> bool {
    let mut words = line.split_whitespace();
    let (local, state) = (words.nth(1), words.nth(1));
    local.is_some_and(|local| local.ends_with(&format!(":{port:04X}"))) && state == Some("0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_short_and_cannot_drive_a_terminal() {
        assert_eq!(one_line("one\n\n  two \u{1b}[31m\n"), "one / two \\u{1b}[31m");
        assert_eq!(one_line(&"x".repeat(999)).len(), LAST_WORDS);
        assert_eq!(one_line("\n"), "it said nothing");
    }

    #[test]
    fn sees_a_listening_socket_and_not_a_connected_or_closed_one() {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        assert!(listens(port));
        let line = "0: 0100007F:1538 00000000:0000 01 00000000:00000000 00:00000000 00000000 0 0 9 1";
        assert!(!is_listener(line, 0x1538));
        assert!(is_listener(&line.replace(" 01 ", " 0A "), 0x1538));
        assert!(!is_listener("", 1));
    }
}
