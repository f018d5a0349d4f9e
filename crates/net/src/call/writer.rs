//! The writing half of a call.

use std::{fmt, time::Duration};

use bytes::{Buf as _, BufMut as _, BytesMut};
use landline_wire::{FrameError, Header, Kind, Limits, encode_into};
use serde::Serialize;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::Block;
use crate::error::CallError;

/// Queued bytes from which [`CallWriter::is_full`] asks for a flush: some TLS records' worth, so that many small
/// frames share system calls.
const HIGH_WATER: usize = 64 << 10;

/// The writing half of a call; see [`super`].
pub struct CallWriter {
    wr: Box<dyn AsyncWrite + Send + Unpin>,
    idle: Duration,
    outbox: BytesMut,
    /// A block was left in the middle: whatever followed would be taken for its bytes.
    torn: bool,
}

impl fmt::Debug for CallWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallWriter").field("queued", &self.outbox.len()).finish_non_exhaustive()
    }
}

impl CallWriter {
    pub(crate) fn new(wr: Box<dyn AsyncWrite + Send + Unpin>, idle: Duration) -> Self {
        Self { wr, idle, outbox: BytesMut::new(), torn: false }
    }

    /// How long the peer may take nothing of what we send. Where the peer shows life in the other direction, as in a
    /// copy stream, that is judged there and this may be long.
    pub fn set_idle(&mut self, idle: Duration) {
        self.idle = idle;
    }

    /// Puts a message behind what is queued; nothing is sent before [`Self::flush`] or [`Self::send_block`].
    ///
    /// # Errors
    /// [`CallError::Message`] if it is too long; nothing was queued then.
    pub fn queue<T: Serialize>(&mut self, message: &T) -> Result<(), CallError> {
        Ok(encode_into(message, &mut self.outbox)?)
    }

    /// Puts a small piece of data behind what is queued, by copying it; big ones go through [`Self::send_block`].
    ///
    /// # Errors
    /// [`CallError::Frame`] if it is longer than a frame may be.
    pub fn queue_data(&mut self, data: &[u8]) -> Result<(), FrameError> {
        self.queue_raw(Kind::Data, data)
    }

    /// Puts binary records behind what is queued, by copying them.
    ///
    /// # Errors
    /// [`CallError::Frame`] if they are longer than a frame may be.
    pub fn queue_records(&mut self, records: &[u8]) -> Result<(), FrameError> {
        self.queue_raw(Kind::Records, records)
    }

    fn queue_raw(&mut self, kind: Kind, payload: &[u8]) -> Result<(), FrameError> {
        let header = Header::new(kind, payload.len(), &Limits::KNOWN)?;
        self.outbox.put_slice(&header.encode());
        self.outbox.put_slice(payload);
        Ok(())
    }

    /// Whether enough is queued that it should be flushed before more is.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.outbox.len() >= HIGH_WATER
    }

    /// Whether anything is queued.
    #[must_use]
    pub fn has_queued(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Sends all that is queued. Cancel-safe: what was not sent stays queued.
    ///
    /// # Errors
    /// [`CallError::Silent`] if the peer takes nothing for the idle time, else as the line fails.
    pub async fn flush(&mut self) -> Result<(), CallError> {
        if self.torn {
            return Err(CallError::Cut);
        }
        while !self.outbox.is_empty() {
            let wrote = timeout(self.idle, self.wr.write(&self.outbox)).await;
            match wrote.map_err(|_| CallError::Silent(self.idle))?? {
                0 => return Err(CallError::Cut),
                n => self.outbox.advance(n),
            }
        }
        if self.outbox.capacity() > 2 * HIGH_WATER {
            self.outbox = BytesMut::new(); // nothing is held for an idle peer
        }
        timeout(self.idle, self.wr.flush()).await.map_err(|_| CallError::Silent(self.idle))??;
        Ok(())
    }

    /// Sends a block, behind what is queued. Not cancel-safe: once dropped in the middle, nothing more can be sent.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub async fn send_block(&mut self, block: &mut Block) -> Result<(), CallError> {
        if self.has_queued() {
            self.flush().await?;
        }
        if self.torn {
            return Err(CallError::Cut);
        }
        let mut frame = block.frame()?;
        self.torn = true;
        while !frame.is_empty() {
            let wrote = timeout(self.idle, self.wr.write(frame)).await;
            match wrote.map_err(|_| CallError::Silent(self.idle))?? {
                0 => return Err(CallError::Cut),
                n => frame = frame.get(n..).unwrap_or_default(),
            }
        }
        self.torn = false;
        timeout(self.idle, self.wr.flush()).await.map_err(|_| CallError::Silent(self.idle))??;
        Ok(())
    }

    /// Sends what is queued and the mark of a clean end.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub async fn finish(&mut self) -> Result<(), CallError> {
        self.flush().await?;
        timeout(self.idle, self.wr.shutdown()).await.map_err(|_| CallError::Silent(self.idle))??;
        Ok(())
    }
}
