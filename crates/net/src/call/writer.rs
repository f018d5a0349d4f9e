//! The writing half of a call.

use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::{BufMut as _, BytesMut};
use landline_wire::{FrameError, Header, Kind, Limits, encode_into};
use serde::Serialize;
use tokio::{
    io::{AsyncWrite as _, AsyncWriteExt as _},
    time::timeout,
};

use super::Block;
use crate::{
    error::CallError,
    line::LineWriter,
    record::{Pieces, RecordError, RecordWriter, Train},
};

/// Queued bytes from which [`CallWriter::is_full`] asks for a flush: some TLS records' worth, so that many small
/// frames share system calls.
const HIGH_WATER: usize = 64 << 10;

/// The writing half of a call; see [`super`].
pub struct CallWriter {
    wr: LineWriter,
    /// Over TLS.
    records: Option<RecordWriter>,
    idle: Duration,
    /// What is queued, as it was said.
    outbox: BytesMut,
    /// What is on its way, as it goes over the line.
    going: Going,
    /// A block was left in the middle: whatever followed would be taken for its bytes.
    torn: bool,
    /// The mark of the end is on its way, or an alert: nothing may follow it.
    closed: bool,
}

/// Bytes that are sent or nearly so. A flush that is dropped leaves them here.
#[derive(Debug, Default)]
struct Going {
    data: BytesMut,
    train: Train,
    sent: usize,
}

impl Going {
    fn is_done(&self) -> bool {
        self.sent >= self.train.len()
    }
}

impl fmt::Debug for CallWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallWriter").field("queued", &self.outbox.len()).finish_non_exhaustive()
    }
}

impl CallWriter {
    pub(crate) fn new(wr: LineWriter, records: Option<RecordWriter>, idle: Duration) -> Self {
        let (outbox, going) = (BytesMut::new(), Going::default());
        Self { wr, records, idle, outbox, going, torn: false, closed: false }
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
        !self.outbox.is_empty() || !self.going.is_done()
    }

    /// Sends all that is queued. Cancel-safe: what was not sent stays queued.
    ///
    /// # Errors
    /// [`CallError::Silent`] if the peer takes nothing for the idle time, else as the line fails.
    pub async fn flush(&mut self) -> Result<(), CallError> {
        self.check().await?;
        while self.has_queued() {
            if self.going.is_done() {
                self.load()?;
            }
            self.send(&[], &Train::default()).await?;
        }
        self.unload();
        timeout(self.idle, self.wr.flush()).await.map_err(|_| CallError::Silent(self.idle))??;
        Ok(())
    }

    /// Sends a block, behind what is queued and in one system call with it. Not cancel-safe: once dropped in the middle,
    /// nothing more can be sent. Over TLS the payload is destroyed, see [`Block`].
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub async fn send_block(&mut self, block: &mut Block) -> Result<(), CallError> {
        self.check().await?;
        if !self.going.is_done() {
            self.flush().await?; // it was left over by a flush that was dropped
        }
        let frame = block.frame()?;
        self.load()?;
        self.torn = true;
        let train = self.protect(frame)?;
        self.send(frame, &train).await?;
        self.torn = false;
        self.unload();
        timeout(self.idle, self.wr.flush()).await.map_err(|_| CallError::Silent(self.idle))??;
        Ok(())
    }

    /// Sends what is queued and the mark of a clean end.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub async fn finish(&mut self) -> Result<(), CallError> {
        if !self.closed {
            self.flush().await?;
            self.closed = true;
            if let Some(records) = &mut self.records {
                records.close(&mut self.going.train)?;
            }
        }
        self.send(&[], &Train::default()).await?;
        timeout(self.idle, self.wr.shutdown()).await.map_err(|_| CallError::Silent(self.idle))??;
        Ok(())
    }

    /// Whether anything may still be sent. If the reader left an alert it is sent now, and nothing behind it.
    async fn check(&mut self) -> Result<(), CallError> {
        if self.load_alert()? {
            self.send(&[], &Train::default()).await?;
        }
        if self.torn || self.closed { Err(CallError::Cut) } else { Ok(()) }
    }

    /// Puts the alert that the reader left behind what is going.
    fn load_alert(&mut self) -> Result<bool, RecordError> {
        let Some(records) = self.records.as_mut().filter(|_| !self.torn && !self.closed) else { return Ok(false) };
        self.closed = records.left_alert(&mut self.going.train)?;
        Ok(self.closed)
    }

    /// Protects what is queued where it stands and lets it go.
    fn load(&mut self) -> Result<(), RecordError> {
        self.unload();
        if !self.outbox.is_empty() {
            let mut data = std::mem::replace(&mut self.outbox, std::mem::take(&mut self.going.data));
            let sealed = self.protect(&mut data);
            self.going.data = data;
            self.going.train = sealed?;
        }
        Ok(())
    }

    /// Forgets what has gone.
    fn unload(&mut self) {
        let mut data = std::mem::take(&mut self.going).data;
        data.clear();
        if self.outbox.is_empty() && data.capacity() <= 2 * HIGH_WATER {
            self.outbox = data; // one that was bigger is freed: nothing is held for an idle peer
        }
    }

    fn protect(&mut self, data: &mut [u8]) -> Result<Train, RecordError> {
        let mut train = Train::default();
        match &mut self.records {
            None => train.data(data.len()),
            Some(records) => {
                let start = Instant::now();
                // Half a train can't be sent, and the numbers of its records can't be given again.
                records.seal(data, &mut train).inspect_err(|_| self.torn = true)?;
                self.wr.counters().sealing.add_since(start);
            }
        }
        Ok(train)
    }

    /// Sends what is going and `train` over `data` behind it. What is going is kept if this is dropped.
    async fn send(&mut self, data: &[u8], train: &Train) -> Result<(), CallError> {
        let first = self.going.train.len();
        let whole = first + train.len();
        let mut behind = 0;
        while self.going.sent + behind < whole {
            let wrote = timeout(self.idle, poll_fn(|cx| self.poll_send(cx, data, train, behind))).await;
            let wrote = wrote.map_err(|_| CallError::Silent(self.idle))??;
            if wrote == 0 {
                return Err(CallError::Cut);
            }
            let ours = wrote.min(first - self.going.sent);
            self.going.sent += ours;
            behind += wrote - ours;
        }
        Ok(())
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
        train: &Train,
        behind: usize,
    ) -> Poll<io::Result<usize>> {
        let mut pieces = Pieces::new();
        self.going.train.load(&self.going.data, self.going.sent, &mut pieces);
        train.load(data, behind, &mut pieces);
        Pin::new(&mut self.wr).poll_write_vectored(cx, pieces.as_slices())
    }
}

impl Drop for CallWriter {
    /// Tells the peer why, if the reader refused what it sent and nobody wrote since. Only as far as the line takes it at
    /// once: there is nobody left to wait.
    fn drop(&mut self) {
        if self.load_alert().unwrap_or(false) {
            let mut cx = Context::from_waker(Waker::noop());
            drop(self.poll_send(&mut cx, &[], &Train::default(), 0));
        }
    }
}
