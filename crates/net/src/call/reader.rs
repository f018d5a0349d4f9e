//! The reading half of a call.

use std::{
    fmt,
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use landline_wire::{Header, Kind, Limits, decode};
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    time::timeout,
};

use crate::{
    body::Body,
    error::CallError,
    line::LineReader,
    record::{Destination, Got, RecordReader},
};

/// Bytes that a body in the clear may grow by before more of it has arrived, so that nothing is allocated on a peer's
/// word; and of a frame from which on a used buffer is worth having.
const GROWTH: usize = 64 << 10;
/// Bytes that are read at once to be forgotten.
const SCRATCH: usize = 16 << 10;
/// Buffers kept for the next frames while bulk data flows; [`CallReader::release`] lets them go.
const SPARE: usize = 8;

/// One frame that arrived. Give its buffer back with [`CallReader::recycle`] when bulk data flows.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// One JSON object, not parsed yet.
    Message(Vec<u8>),
    /// Raw bytes.
    Data(Vec<u8>),
    /// Raw bytes of a command's standard error.
    Stderr(Vec<u8>),
    /// Binary records of the service.
    Records(Vec<u8>),
}

/// The reading half of a call; see [`super`].
pub struct CallReader {
    rd: LineReader,
    /// Over TLS.
    records: Option<Box<RecordReader>>,
    limits: Limits,
    idle: Duration,
    head: [u8; Header::SIZE],
    head_len: usize,
    /// The header once complete; its body is being gathered then.
    header: Option<Header>,
    body: Body,
    spare: Vec<Vec<u8>>,
}

impl fmt::Debug for CallReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallReader").field("limits", &self.limits).field("header", &self.header).finish_non_exhaustive()
    }
}

impl CallReader {
    pub(crate) fn new(rd: LineReader, records: Option<RecordReader>, limits: Limits, idle: Duration) -> Self {
        let (head, body, spare) = ([0; Header::SIZE], Body::default(), Vec::new());
        Self { rd, records: records.map(Box::new), limits, idle, head, head_len: 0, header: None, body, spare }
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// How long a wait may take without one byte arriving.
    pub fn set_idle(&mut self, idle: Duration) {
        self.idle = idle;
    }

    /// Waits for one frame; `None` when the peer ended cleanly between frames. Cancel-safe.
    ///
    /// # Errors
    /// [`CallError::Frame`] above the limits or of an unknown kind; [`CallError::Cut`] inside a frame or without the
    /// mark of a clean end; [`CallError::Silent`] after the idle time.
    pub async fn recv(&mut self) -> Result<Option<Received>, CallError> {
        loop {
            let Some(header) = self.head().await? else { return Ok(None) };
            while self.body.len() < header.body_len() {
                if self.read(Place::Body(header.body_len())).await? == Got::End {
                    return Err(CallError::Cut);
                }
            }
            self.header = None;
            let body = self.body.take();
            match header.kind() {
                Kind::Message => return Ok(Some(Received::Message(body))),
                Kind::Data => return Ok(Some(Received::Data(body))),
                Kind::Stderr => return Ok(Some(Received::Stderr(body))),
                Kind::Records => return Ok(Some(Received::Records(body))),
                Kind::Ignorable(_) => self.recycle(body),
            }
        }
    }

    /// Waits for one message; `None` when the peer ended cleanly.
    ///
    /// # Errors
    /// As [`Self::recv`]; [`CallError::OutOfTurn`] if the next frame is none; [`CallError::Message`] if it can't be
    /// read.
    pub async fn message<T: DeserializeOwned>(&mut self) -> Result<Option<T>, CallError> {
        match self.recv().await? {
            None => Ok(None),
            Some(Received::Message(body)) => {
                let message = decode(&body)?;
                self.recycle(body);
                Ok(Some(message))
            }
            Some(Received::Data(_) | Received::Stderr(_) | Received::Records(_)) => {
                Err(CallError::OutOfTurn { got: "data", wanted: "a message" })
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn body_capacity(&self) -> usize {
        self.body.capacity()
    }

    /// Gives a buffer back for a later frame. A small one is let go: large frames would have to make it grow.
    pub fn recycle(&mut self, body: Vec<u8>) {
        if body.capacity() >= GROWTH && self.spare.len() < SPARE {
            self.spare.push(body);
        }
    }

    /// Lets go of the buffers that were kept for bulk data: nothing is held for an idle peer.
    pub fn release(&mut self) {
        self.spare = Vec::new();
        if self.header.is_none() {
            self.body = Body::default();
        }
    }

    /// Reads and forgets whatever still comes, until the peer ends too.
    pub(crate) async fn drain(&mut self) {
        self.release();
        while let Ok(Got::Bytes(_) | Got::Life) = self.read(Place::Nowhere).await {}
    }

    async fn head(&mut self) -> Result<Option<Header>, CallError> {
        if let Some(header) = self.header {
            return Ok(Some(header));
        }
        while self.head_len < Header::SIZE {
            match self.read(Place::Head).await? {
                Got::Bytes(n) => self.head_len += n,
                Got::Life => {}
                Got::End if self.head_len == 0 => return Ok(None),
                Got::End => return Err(CallError::Cut),
            }
        }
        self.head_len = 0;
        let header = Header::decode(self.head, &self.limits)?;
        // Small frames stand between the large ones of a copy. A used buffer would be cut to their few bytes, and cleared anew
        // for the next large frame: that was a tenth of what receiving a file costs (`perf`, `bench --series big`).
        if header.body_len() >= GROWTH {
            self.body = Body::reusing(self.spare.pop().unwrap_or_default());
        }
        self.header = Some(header);
        Ok(Some(header))
    }

    /// Waits for anything from the line, for as long as the idle time. Cancel-safe: what came is kept.
    async fn read(&mut self, place: Place) -> Result<Got, CallError> {
        let idle = self.idle;
        let read = timeout(idle, poll_fn(|cx| self.poll_read(cx, place))).await;
        Ok(read.map_err(|_| CallError::Silent(idle))??)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, place: Place) -> Poll<io::Result<Got>> {
        let Some(records) = &mut self.records else { return self.poll_clear(cx, place) };
        let mut to = match place {
            Place::Head => Destination::Slice(self.head.get_mut(self.head_len..).unwrap_or_default()),
            Place::Body(whole) => Destination::Body(&mut self.body, whole),
            Place::Nowhere => Destination::Void,
        };
        let start = Instant::now();
        let got = records.take(&mut to)?;
        if got != Got::Life {
            self.rd.counters().opening.add_since(start);
            return Poll::Ready(Ok(got));
        }
        records.poll_fill(cx, &mut self.rd).map_ok(|()| Got::Life)
    }

    fn poll_clear(&mut self, cx: &mut Context<'_>, place: Place) -> Poll<io::Result<Got>> {
        let mut scratch = [const { MaybeUninit::uninit() }; SCRATCH];
        let mut room = match place {
            Place::Head => ReadBuf::new(self.head.get_mut(self.head_len..).unwrap_or_default()),
            Place::Body(whole) => ReadBuf::new(self.body.some_room(GROWTH, whole)),
            Place::Nowhere => ReadBuf::uninit(&mut scratch),
        };
        ready!(Pin::new(&mut self.rd).poll_read(cx, &mut room))?;
        let came = room.filled().len();
        if matches!(place, Place::Body(_)) {
            self.body.advance(came);
        }
        Poll::Ready(Ok(if came == 0 { Got::End } else { Got::Bytes(came) }))
    }
}

/// Where the next bytes belong.
#[derive(Debug, Clone, Copy)]
enum Place {
    Head,
    /// Into the body, until it has so many bytes.
    Body(usize),
    Nowhere,
}
