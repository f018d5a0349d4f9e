//! A command as a process group: its start, its two pipes, its end.
//!
//! In: the bytes of a command. Out: what it writes, when it has ended. The shell leads a group of its own; it is not reaped before
//! the group was killed, so the group's number can't have become another's. What leaves the group by itself (`setsid`) goes on.
//! Invariant: a [`Group`] that is dropped, also in the middle of anything, has killed all of its group.

use std::{
    ffi::OsStr,
    future::pending,
    io,
    os::{fd::AsFd, unix::ffi::OsStrExt as _},
    process::Stdio,
    time::Duration,
};

use bytes::Bytes;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, ChildStderr, ChildStdout, Command},
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use super::output::Source;

const SHELL: &str = "/bin/sh";

/// Where the key of a challenge may be: not for whoever has proved it to hand on.
const KEY_VARIABLE: &str = "LANDLINE_KEY";

/// Bytes of one read of a pipe; streamed, of one message.
const PIECE_BYTES: usize = 16 << 10;

/// Bytes that are taken at the very end from a pipe that something still holds: what a pipe can have in it on Linux.
const REST_BYTES: usize = 1 << 20;

/// The processes of a command.
#[derive(Debug)]
pub(super) struct Group {
    leader: Child,
    id: Pid,
    /// Told of every child of this program that ends.
    ended: tokio::signal::unix::Signal,
}

/// What the command writes to.
#[derive(Debug)]
pub(super) struct Pipes {
    stdout: Pipe<ChildStdout>,
    stderr: Pipe<ChildStderr>,
}

#[derive(Debug)]
struct Pipe<R> {
    /// `None` once it is closed.
    end: Option<R>,
    room: Vec<u8>,
}

/// Starts the shell on a command, with nothing to read and the environment of this program.
///
/// # Errors
/// As the system says; `InvalidInput` for a zero byte.
pub(super) fn start(command: &[u8]) -> io::Result<(Group, Pipes)> {
    let ended = signal(SignalKind::child())?; // first, so that no end is missed
    // After "--" a command that begins with a dash is no option of the shell's.
    let mut shell = Command::new(SHELL);
    shell.args(["-c", "--"]).arg(OsStr::from_bytes(command)).process_group(0);
    shell.env_remove(KEY_VARIABLE);
    let mut leader = shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pipes = Pipes { stdout: Pipe::new(leader.stdout.take()), stderr: Pipe::new(leader.stderr.take()) };
    let id = leader.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let id = id.ok_or_else(|| io::Error::other("the system gave the command no number"))?;
    Ok((Group { leader, id, ended }, pipes))
}

impl Group {
    /// Returns when the leader has ended. It is not reaped. May be given up at any time.
    pub(super) async fn exited(&mut self) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        while let Ok(None) = waitid(WaitId::Pid(self.id), options) {
            if self.ended.recv().await.is_none() {
                return;
            }
        }
    }

    /// Sends a signal to all processes of the group.
    pub(super) fn signal(&self, signal: Signal) {
        if self.leader.id().is_some() {
            // It fails if only the leader is left, and that a zombie, on some systems: then all is well.
            let _ = kill_process_group(self.id, signal);
        }
    }

    /// Asks the group to end, and waits for its leader for as long as `grace`.
    pub(super) async fn stop(&mut self, grace: Duration) {
        self.signal(Signal::TERM);
        let _ = timeout(grace, self.exited()).await; // who did not hear it is killed next
    }

    /// Kills what is left of the group and reaps its leader.
    pub(super) async fn end(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.leader.wait().await; // how it ended is told to nobody
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL); // tokio reaps the leader some time
    }
}

impl Pipes {
    /// What comes next on either; never returns once both are closed. May be given up at any time.
    pub(super) async fn piece(&mut self) -> (Source, Bytes) {
        let Self { stdout, stderr } = self;
        tokio::select! {
            piece = stdout.piece() => (Source::Stdout, piece),
            piece = stderr.piece() => (Source::Stderr, piece),
        }
    }

    /// Whether nothing can come any more, as far as was read.
    pub(super) fn are_closed(&self) -> bool {
        self.stdout.end.is_none() && self.stderr.end.is_none()
    }

    /// What lies in pipes that something still holds, without waiting.
    pub(super) fn rest(&mut self) -> Vec<(Source, Bytes)> {
        let mut rest = Vec::new();
        self.stderr.rest(|piece| rest.push((Source::Stderr, piece)));
        self.stdout.rest(|piece| rest.push((Source::Stdout, piece)));
        rest
    }
}

impl<R: AsyncRead + AsFd + Unpin> Pipe<R> {
    fn new(end: Option<R>) -> Self {
        Self { end, room: vec![0; PIECE_BYTES] }
    }

    /// What comes next; empty once, at the end.
    async fn piece(&mut self) -> Bytes {
        let Some(end) = &mut self.end else { return pending().await };
        let read = end.read(&mut self.room).await.unwrap_or(0);
        if read == 0 {
            self.end = None;
        }
        Bytes::copy_from_slice(self.room.get(..read).unwrap_or_default())
    }

    fn rest(&mut self, mut put: impl FnMut(Bytes)) {
        let Some(end) = self.end.take() else { return };
        let mut left = REST_BYTES;
        while left > 0 {
            // The pipe does not block: an error also means that there is no more.
            let read = rustix::io::read(end.as_fd(), &mut self.room[..]).unwrap_or(0);
            if read == 0 {
                return;
            }
            put(Bytes::copy_from_slice(self.room.get(..read).unwrap_or_default()));
            left = left.saturating_sub(read);
        }
    }
}
