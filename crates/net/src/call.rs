//! A call: frames both ways over one connection, whatever carries it.
//!
//! In: a connection that already proved who is there. Out: messages and data in order, each direction on its own.
//! Reading never waits for writing; every wait has a deadline that progress renews. Both halves keep their place in
//! themselves, so a `recv` or `flush` that loses a `select!` loses no byte.
//! Bulk data travels in [`Block`]s that leave room for their header, so no copy is made to frame them and none to protect
//! them. Over TCP the frames go in TLS records that are sealed and opened in place, on a UNIX socket in the clear; the two
//! halves are the same code with and without ends for records. Source: PROTOCOL.md §2.

use std::time::Duration;

use landline_wire::{Limits, Reply};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use crate::{
    card::Card,
    error::CallError,
    limits::CallLimits,
    line::{self, LineReader, LineStats, LineWriter},
    peer::{Origin, Peer},
    record::{self, Established, RecordError, RecordReader, RecordWriter, Rotation},
};

mod block;
mod reader;
mod writer;

pub use block::Block;
pub use reader::{CallReader, Received};
pub use writer::CallWriter;

/// Bytes of the key that both ends can derive from a TLS connection (RFC 9266 shape, own label).
pub type Exporter = [u8; 32];

/// What a call can run over in the clear: a UNIX socket, a pipe in memory.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

/// One connection from a machine to one service of another.
#[derive(Debug)]
pub struct Call {
    reader: CallReader,
    writer: CallWriter,
    peer: Peer,
    origin: Origin,
    exporter: Option<Exporter>,
    line: LineStats,
    card: Card,
}

/// Who is at the other end of a connection and where, as it proved.
#[derive(Debug)]
pub(crate) struct Proved {
    pub(crate) peer: Peer,
    pub(crate) origin: Origin,
    pub(crate) exporter: Option<Exporter>,
}

impl Call {
    /// A call in the clear over a connection that proved `peer`. `exporter` where there is one.
    #[must_use]
    pub fn over(
        stream: impl Stream,
        peer: Peer,
        origin: Origin,
        exporter: Option<Exporter>,
        frames: Limits,
        limits: &CallLimits,
    ) -> Self {
        Self::assemble(line::over_any(stream), None, Proved { peer, origin, exporter }, frames, limits)
    }

    /// A call over a TCP connection whose handshake is done.
    pub(crate) fn secured(
        socket: TcpStream,
        established: Established,
        proved: Proved,
        frames: Limits,
        limits: &CallLimits,
    ) -> Result<Self, RecordError> {
        let line = line::over_tcp(socket, established.early.len());
        let ends = record::ends(established, Rotation::default())?;
        Ok(Self::assemble(line, Some(ends), proved, frames, limits))
    }

    pub(crate) fn assemble(
        (rd, wr, line): (LineReader, LineWriter, LineStats),
        records: Option<(RecordReader, RecordWriter)>,
        Proved { peer, origin, exporter }: Proved,
        frames: Limits,
        limits: &CallLimits,
    ) -> Self {
        let (opens, seals) = records.unzip();
        Self {
            reader: CallReader::new(rd, opens, frames, limits.read_idle),
            writer: CallWriter::new(wr, seals, limits.write_idle),
            peer,
            origin,
            exporter,
            line,
            card: Card::default(),
        }
    }

    /// What is told of the call while it runs: a server's services write on it what they do.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// What can be told of the line while the call runs, from any task.
    #[must_use]
    pub fn line(&self) -> LineStats {
        self.line.clone()
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Where the other end is.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// A secret that only the two ends of this connection can compute; none without TLS.
    #[must_use]
    pub fn exporter(&self) -> Option<&Exporter> {
        self.exporter.as_ref()
    }

    /// Raises or lowers what the peer may send from the next frame on.
    pub fn set_limits(&mut self, frames: Limits) {
        self.reader.set_limits(frames);
    }

    /// How long the next waits for the peer may take without progress.
    pub fn set_read_idle(&mut self, patience: Duration) {
        self.reader.set_idle(patience);
    }

    /// Both halves, to be used at the same time.
    pub fn halves(&mut self) -> (&mut CallReader, &mut CallWriter) {
        (&mut self.reader, &mut self.writer)
    }

    /// Sends one message now.
    ///
    /// # Errors
    /// [`CallError::Message`] if it is too long, else as the line fails.
    pub async fn send<T: Serialize + Sync>(&mut self, message: &T) -> Result<(), CallError> {
        self.writer.queue(message)?;
        self.writer.flush().await
    }

    /// Waits for one message; `None` when the peer hung up cleanly.
    ///
    /// # Errors
    /// As [`CallReader::recv`]; [`CallError::OutOfTurn`] if data comes instead.
    pub async fn recv<T: DeserializeOwned>(&mut self) -> Result<Option<T>, CallError> {
        self.reader.message().await
    }

    /// Sends a message and waits for the answer to it.
    ///
    /// # Errors
    /// [`CallError::HungUp`] if none comes.
    pub async fn ask<T: Serialize + Sync, A: DeserializeOwned>(&mut self, message: &T) -> Result<A, CallError> {
        self.send(message).await?;
        self.recv().await?.ok_or(CallError::HungUp)
    }

    /// Sends a message whose answer is just "done".
    ///
    /// # Errors
    /// [`CallError::Fault`] if the answer is a fault.
    pub async fn order<T: Serialize + Sync>(&mut self, message: &T) -> Result<(), CallError> {
        match self.ask(message).await? {
            Reply::Done {} => Ok(()),
            Reply::Error(fault) => Err(fault.into()),
        }
    }

    /// Ends the call cleanly: what was queued is sent, then the mark of the end.
    ///
    /// # Errors
    /// As the line fails; nothing is left to do then.
    pub async fn close(mut self) -> Result<(), CallError> {
        self.writer.finish().await
    }
}

impl Call {
    /// Ends the call and stays on the line for up to `linger`, or until the peer ends too. A connection that is closed
    /// with bytes unread is reset, and the reset can destroy our last words on their way.
    pub async fn hang_up(mut self, linger: Duration) {
        if self.writer.finish().await.is_ok() {
            // Whether the peer ended in time makes no difference: our words had their chance.
            drop(tokio::time::timeout(linger, self.reader.drain()).await);
        }
    }
}

#[cfg(test)]
mod tests;
