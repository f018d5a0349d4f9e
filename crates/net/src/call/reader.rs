//! The reading half of a call.

use std::{fmt, time::Duration};

use landline_wire::{Header, Kind, Limits, decode};
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};

use crate::error::CallError;

/// Bytes that a body may grow by before more of it has arrived, so that nothing is allocated on a peer's word.
const GROWTH: usize = 64 << 10;
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
    rd: Box<dyn AsyncRead + Send + Unpin>,
    limits: Limits,
    idle: Duration,
    head: [u8; Header::SIZE],
    head_len: usize,
    /// The header once complete; its body is being gathered then.
    header: Option<Header>,
    body: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

impl fmt::Debug for CallReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallReader").field("limits", &self.limits).field("header", &self.header).finish_non_exhaustive()
    }
}

impl CallReader {
    pub(crate) fn new(rd: Box<dyn AsyncRead + Send + Unpin>, limits: Limits, idle: Duration) -> Self {
        let (body, spare) = (Vec::new(), Vec::new());
        Self { rd, limits, idle, head: [0; Header::SIZE], head_len: 0, header: None, body, spare }
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
                self.fill(header.body_len()).await?;
            }
            self.header = None;
            let next = self.spare.pop().unwrap_or_default();
            let body = std::mem::replace(&mut self.body, next);
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

    /// Gives a buffer back for a later frame.
    pub fn recycle(&mut self, mut body: Vec<u8>) {
        if self.spare.len() < SPARE {
            body.clear();
            self.spare.push(body);
        }
    }

    /// Lets go of the buffers that were kept for bulk data: nothing is held for an idle peer.
    pub fn release(&mut self) {
        self.spare = Vec::new();
        if self.header.is_none() {
            self.body = Vec::new();
        }
    }

    /// Reads and forgets whatever still comes, until the peer ends too.
    pub(crate) async fn drain(&mut self) {
        let mut scratch = vec![0; GROWTH];
        while let Ok(1..) = self.rd.read(&mut scratch).await {}
    }

    async fn head(&mut self) -> Result<Option<Header>, CallError> {
        if let Some(header) = self.header {
            return Ok(Some(header));
        }
        while self.head_len < Header::SIZE {
            let room = self.head.get_mut(self.head_len..).unwrap_or_default();
            let n = timeout(self.idle, self.rd.read(room)).await.map_err(|_| CallError::Silent(self.idle))??;
            match n {
                0 if self.head_len == 0 => return Ok(None),
                0 => return Err(CallError::Cut),
                n => self.head_len += n,
            }
        }
        self.head_len = 0;
        let header = Header::decode(self.head, &self.limits)?;
        self.header = Some(header);
        Ok(Some(header))
    }

    async fn fill(&mut self, whole: usize) -> Result<(), CallError> {
        let missing = whole - self.body.len();
        if self.body.capacity() == self.body.len() {
            self.body.reserve(missing.min(GROWTH));
        }
        let mut part = (&mut self.rd).take(u64::try_from(missing).unwrap_or(u64::MAX));
        let read = part.read_buf(&mut self.body);
        match timeout(self.idle, read).await.map_err(|_| CallError::Silent(self.idle))?? {
            0 => Err(CallError::Cut),
            _ => Ok(()),
        }
    }
}
