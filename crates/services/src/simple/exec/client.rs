//! The client of the command service: its commands in order, and whether it is still there while one runs.
//!
//! In: a connection. Out: commands, one at a time. What comes while one runs waits, so many and so many bytes; then the line is
//! not read any further, and the client has to wait. Where both sides take turns (framing `ready`), what comes early is left
//! on the line: it may be the word that belongs to the answer.

use std::{collections::VecDeque, future::pending};

use bytes::Bytes;
use landline_net::raw::{Connection, RawError};
use tokio::time::Instant;

/// Commands that may wait behind the one that runs: enough for a script that does not take turns.
const WAITING_COMMANDS: usize = 16;

/// Bytes of commands after which no further one is read.
const WAITING_BYTES: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Client {
    connection: Connection,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    /// When its direction ended, as far as we have seen.
    ended: Option<Instant>,
    /// Something came that must stay on the line until the answer is sent.
    early: bool,
}

impl Client {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, waiting: VecDeque::new(), waiting_bytes: 0, ended: None, early: false }
    }

    /// The next command; `None` if there will be none.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, RawError> {
        if let Some(command) = self.waiting.pop_front() {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(command.len());
            return Ok(Some(command));
        }
        self.early = false;
        if self.ended.is_some() {
            return Ok(None);
        }
        Ok(self.connection.receive().await?.map(|message| message.body))
    }

    /// Returns when something came, or the end, while a command runs. May be given up at any time.
    ///
    /// # Errors
    /// If the client is gone, or what it sends can't be understood.
    pub(super) async fn ahead(&mut self) -> Result<(), RawError> {
        let full = self.waiting.len() >= WAITING_COMMANDS || self.waiting_bytes >= WAITING_BYTES;
        if full || self.early || self.ended.is_some() {
            return pending().await;
        }
        let turns = self.connection.takes_turns();
        let (receiver, _) = self.connection.halves();
        let read = if turns { receiver.read_some(usize::MAX).await } else { receiver.receive().await };
        match read {
            Ok(Some(message)) if turns => {
                receiver.put_back(&message.body);
                self.early = true;
            }
            Ok(Some(message)) => {
                self.waiting_bytes = self.waiting_bytes.saturating_add(message.body.len());
                self.waiting.push_back(message.body);
            }
            Ok(None) => self.ended = Some(Instant::now()),
            Err(RawError::Idle(_)) => {} // it waits for us, not we for it
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// When its direction ended.
    pub(super) fn ended(&self) -> Option<Instant> {
        self.ended
    }

    pub(super) fn keeps_bounds(&self) -> bool {
        self.connection.keeps_bounds()
    }

    pub(super) async fn send(&mut self, answer: &[u8]) -> Result<(), RawError> {
        self.connection.send(answer).await
    }

    pub(super) async fn finish(mut self) -> Result<(), RawError> {
        self.connection.finish().await
    }
}
