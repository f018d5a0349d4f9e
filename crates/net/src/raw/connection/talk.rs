//! How a connection talks, what a message is, and what is counted.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use landline_wire::framing::{Framing, JsonHead};
use landline_wire::limits::FramingLimits;

use crate::raw::scratch;

/// How a connection talks.
///
/// ```
/// use std::time::Duration;
/// use landline_net::raw::{Connection, Talk};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// // Lines come, and go out behind their length as four bytes.
/// let talk = Talk {
///     incoming: "line".parse()?,
///     outgoing: "u32be".parse()?,
///     idle: Some(Duration::from_secs(30)),
///     ..Talk::default()
/// };
/// let (mut here, mut there) = Connection::pair(1024, &Talk { incoming: "raw".parse()?, ..talk })?;
/// here.send(b"hello").await?;
/// assert_eq!(there.receive().await?.expect("it came").body, &b"\0\0\0\x05hello"[..]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Talk {
    /// How what comes is cut into messages.
    pub incoming: Framing,
    /// How messages are sent.
    pub outgoing: Framing,
    /// What a message may have.
    pub limits: FramingLimits,
    /// Bytes that one read takes at most: a longer datagram is cut, a longer run of bytes comes in pieces.
    pub read_bytes: usize,
    /// The longest wait for something to come, and for the other end to take what is sent; `None` waits for ever.
    pub idle: Option<Duration>,
}

impl Default for Talk {
    fn default() -> Self {
        Self {
            incoming: Framing::Raw,
            outgoing: Framing::Raw,
            limits: FramingLimits::default(),
            read_bytes: scratch::SCRATCH_BYTES,
            idle: None,
        }
    }
}

/// One message that came.
///
/// ```
/// use landline_net::raw::{Connection, Message, Talk};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let talk = Talk { incoming: "json".parse()?, outgoing: "json".parse()?, ..Talk::default() };
/// let (mut here, mut there) = Connection::pair(1024, &talk)?;
/// here.send(b"hello").await?;
/// let Message { body, header, cut_from } = there.receive().await?.expect("it came");
/// assert_eq!((&body[..], cut_from), (&b"hello"[..], None));
/// assert_eq!(header.expect("this framing has one").body_len(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    /// Its bytes, without what framed them.
    pub body: Bytes,
    /// The header, of framings that have one.
    pub header: Option<JsonHead>,
    /// The bytes it had, if it was a datagram and longer than one read takes: the rest is lost.
    pub cut_from: Option<usize>,
}

/// Bytes that went each way, counted by whoever carries them.
///
/// ```
/// use landline_net::raw::{Connection, Talk};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let (mut here, there) = Connection::pair(1024, &Talk::default())?;
/// let traffic = here.traffic();
/// here.send(b"hello").await?;
/// drop((here, there));
/// assert_eq!((traffic.sent(), traffic.received()), (5, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Traffic {
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
}

impl Traffic {
    /// Bytes that came.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Bytes that were handed to the system.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }
}
