//! The command service: each message is a command for the shell, the answer is what it wrote.
//!
//! In: commands, as bytes. Out: their output in the [`Order`] of the tutorials. It is a shell for whoever may connect: who that is
//! was decided before. `process` is the command and its group, `output` what is kept of what it wrote, `client` what the client
//! says meanwhile. Both pipes are read at once, and the standard input is empty, so no command can block itself.
//!
//! ```text
//! running ─► exited ──────────────► draining ─► group killed, leader reaped ─► answer
//!    └─► limit, client long gone ─► SIGTERM ─► grace ─► SIGKILL ─┘
//! ```
//! Source: PROTOCOL.md §12; items R1 to R3, F5 to F7 and fault E7 of the tutorials.
//! Invariant: of a command's process group nothing is left when the command is over, however the connection ends.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use landline_net::raw::{Connection, Handler, RawError};
use rustix::process::Signal;
use tokio::time::{Instant, sleep_until, timeout_at};

mod client;
mod output;
mod process;

use client::Client;
use output::{Collected, Source};
use process::{Group, Pipes};

/// Bytes of the longest answer unless it is set otherwise: what one message of a framing may have unless that is.
pub const CAP_BYTES: usize = 1 << 20;

/// How long a command may go on when the client has said all, unless it is set otherwise.
pub const AFTER_END: Duration = Duration::from_secs(60);

/// Bytes of the longest answer in a packet: what an IPv4 datagram holds.
const DATAGRAM_BYTES: usize = 65_507;

/// Between SIGTERM and SIGKILL: enough to remove a temporary file.
const GRACE: Duration = Duration::from_millis(500);

/// How long output is waited for after the command itself has ended: something that it left running has the pipe.
const DRAIN: Duration = Duration::from_millis(250);

/// Which output is sent, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Pieces of both as they come, each a message; without a limit, nothing for a command that writes nothing. For the raw
    /// framing and for packets: others can't tell the end of the answer.
    Streamed,
    /// All of stderr, then all of stdout, as one message (R2).
    #[default]
    StderrFirst,
    /// Stderr if there is any, else stdout, as one message (F5 to F7).
    StderrElseStdout,
}

/// Runs commands for whoever connects.
///
/// ```
/// use landline_services::simple::{Exec, Order};
///
/// let framed = Exec { order: Order::StderrElseStdout, ..Exec::default() };
/// assert_eq!((framed.cap_bytes, framed.limit), (1 << 20, None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// Which output is sent.
    pub order: Order,
    /// Bytes of the longest answer, the line included that says how much was dropped. Packets have a limit of their own too.
    pub cap_bytes: usize,
    /// How long each command may run.
    pub limit: Option<Duration>,
    /// How long commands may go on once the client has ended its direction: it may still be reading.
    pub after_end: Duration,
}

impl Default for Exec {
    fn default() -> Self {
        Self { order: Order::default(), cap_bytes: CAP_BYTES, limit: None, after_end: AFTER_END }
    }
}

impl Handler for Exec {
    async fn handle(&self, connection: Connection) -> Result<(), RawError> {
        let mut client = Client::new(connection);
        let mut first = true;
        while let Some(command) = client.next().await? {
            if std::mem::take(&mut first) && is_of_a_browser(&command) {
                return Err(RawError::Unsuitable("an HTTP request came, and its lines are no commands"));
            }
            self.answer(&mut client, &command).await?;
        }
        client.finish().await
    }
}

/// Any page that somebody looks at can have the browser send a request to a port of this machine, and lines of its own choice in it.
fn is_of_a_browser(command: &[u8]) -> bool {
    let line = command.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.windows(6).any(|window| window == b" HTTP/")
}

/// How far a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// It was asked to end; when it is killed.
    Terminating(Instant),
    /// It has ended, or was killed; when its output is waited for no longer.
    Draining(Instant),
}

/// Why a command was ended.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Limit(Duration),
    Left(Duration),
}

impl Cut {
    fn line(self) -> String {
        match self {
            Self::Limit(limit) => format!("[landline: the command was ended after its time limit of {limit:?}]\n"),
            Self::Left(after) => format!("[landline: the command was ended {after:?} after the end of the stream]\n"),
        }
    }
}

/// One command on its way.
struct Work<'a> {
    exec: &'a Exec,
    client: &'a mut Client,
    collected: Collected,
    phase: Phase,
    limit_at: Option<(Instant, Cut)>,
    cut: Option<Cut>,
}

impl Exec {
    async fn answer(&self, client: &mut Client, command: &[u8]) -> Result<(), RawError> {
        let (mut group, mut pipes) = match process::start(command) {
            Ok(started) => started,
            Err(fault) => return client.send(format!("[landline: no command: {fault}]\n").as_bytes()).await,
        };
        let cap = if client.keeps_bounds() { self.cap_bytes.min(DATAGRAM_BYTES) } else { self.cap_bytes };
        let mut work = Work {
            exec: self,
            client,
            collected: Collected::new(self.order, cap),
            phase: Phase::Running,
            limit_at: self.limit.map(|limit| (Instant::now() + limit, Cut::Limit(limit))),
            cut: None,
        };
        let watched = work.watch(&mut group, &mut pipes).await;
        if watched.is_err() {
            group.stop(GRACE).await;
        }
        group.end().await;
        watched?;
        for (source, piece) in pipes.rest() {
            work.take(source, piece).await?;
        }
        work.finish().await
    }
}

impl Work<'_> {
    /// Until the command has ended and all it wrote is here, or as much as is waited for.
    async fn watch(&mut self, group: &mut Group, pipes: &mut Pipes) -> Result<(), RawError> {
        loop {
            if pipes.are_closed() && matches!(self.phase, Phase::Draining(_)) {
                return Ok(());
            }
            let due = self.due();
            tokio::select! {
                (source, piece) = pipes.piece() => self.take(source, piece).await?,
                () = group.exited(), if !matches!(self.phase, Phase::Draining(_)) => self.drain(),
                heard = self.client.ahead() => heard?,
                () = until(due.map(|(at, _)| at)) => match self.phase {
                    Phase::Running => {
                        self.cut = due.and_then(|(_, cut)| cut);
                        group.signal(Signal::TERM);
                        self.phase = Phase::Terminating(Instant::now() + GRACE);
                    }
                    Phase::Terminating(_) => {
                        group.signal(Signal::KILL);
                        self.drain();
                    }
                    Phase::Draining(_) => return Ok(()),
                },
            }
        }
    }

    fn drain(&mut self) {
        self.phase = Phase::Draining(Instant::now() + DRAIN);
    }

    /// When something is to be done if nothing happens before, and why.
    fn due(&self) -> Option<(Instant, Option<Cut>)> {
        match self.phase {
            Phase::Terminating(at) | Phase::Draining(at) => Some((at, None)),
            Phase::Running => {
                let after = self.exec.after_end;
                let left = self.client.ended().map(|ended| (ended + after, Cut::Left(after)));
                let first = self.limit_at.into_iter().chain(left).min_by_key(|(at, _)| *at);
                first.map(|(at, cut)| (at, Some(cut)))
            }
        }
    }

    /// What the command wrote is kept, or sent on: then no longer than the command may run, if the client does not take it.
    async fn take(&mut self, source: Source, piece: Bytes) -> Result<(), RawError> {
        if piece.is_empty() {
            return Ok(());
        }
        if self.exec.order != Order::Streamed {
            self.collected.put(source, &piece);
            return Ok(());
        }
        match self.due() {
            Some((at, Some(Cut::Limit(time) | Cut::Left(time)))) => {
                timeout_at(at, self.client.send(&piece)).await.map_err(|_| RawError::TimedOut(time))?
            }
            Some((_, None)) | None => self.client.send(&piece).await,
        }
    }

    async fn finish(self) -> Result<(), RawError> {
        let line = self.cut.map(Cut::line).unwrap_or_default();
        match self.exec.order {
            Order::Streamed if line.is_empty() => Ok(()),
            Order::Streamed => self.client.send(line.as_bytes()).await,
            Order::StderrFirst | Order::StderrElseStdout => self.client.send(&self.collected.into_message(&line)).await,
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
