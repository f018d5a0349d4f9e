//! A connection of messages: one socket of any kind with a framing on it.
//!
//! In: two halves of a link. Out: [`Message`]s in, messages out, and an end in each direction by itself. Where the socket keeps
//! bounds, a packet is a message; where it does not, the framing tells them apart; with none ([`Framing::Raw`]) a message is
//! what one read gave. Holds no buffer while the peer is silent, but for the part of a message that has come.
//! Source: PROTOCOL.md §10.

use std::{
    future::poll_fn,
    io,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    task::{Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use landline_trust::challenge::EXPORTER_LEN;
use landline_wire::framing::{Decoder, Encoder, Framing};
use landline_wire::limits::FramingLimits;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use super::{
    error::RawError,
    link::{Halves, Plain, ReadLink, Took, WriteLink},
    peer::PeerName,
    scratch,
};

mod bare;
mod ready;
mod talk;

pub use talk::{Message, Talk, Traffic};

/// A connection to one peer.
///
/// ```
/// use landline_net::raw::{Connection, Talk};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let lines = Talk { incoming: "line".parse()?, outgoing: "line".parse()?, ..Talk::default() };
/// let (mut here, mut there) = Connection::pair(1024, &lines)?;
/// here.send(b"one").await?;
/// here.send(b"two").await?;
/// here.finish().await?;
/// assert_eq!(there.receive().await?.expect("a message").body, "one");
/// there.send(b"an answer").await?; // the other direction is still open
/// assert_eq!(there.receive().await?.expect("a message").body, "two");
/// assert!(there.receive().await?.is_none());
/// assert_eq!(here.receive().await?.expect("an answer").body, "an answer");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    receiver: Receiver,
    sender: Sender,
    peer: PeerName,
    /// What a challenge is bound to, where TLS is below.
    exporter: Option<Box<[u8; EXPORTER_LEN]>>,
}

/// The half that receives.
///
/// ```
/// use landline_net::raw::{Connection, Talk};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let (mut here, there) = Connection::pair(1024, &Talk::default())?;
/// let (mut receiver, _sender) = there.split();
/// let reading = tokio::spawn(async move { receiver.read_exactly(5).await });
/// here.send(b"hello").await?;
/// assert_eq!(reading.await??.expect("all five"), "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Receiver {
    link: ReadLink,
    framing: Incoming,
    /// What came and is no whole message yet.
    inbox: BytesMut,
    read_bytes: usize,
    idle: Option<Duration>,
    end: End,
    traffic: Arc<Traffic>,
}

/// The half that sends.
///
/// ```
/// use landline_net::raw::{Connection, Talk};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let (mut here, there) = Connection::pair(1024, &Talk::default())?;
/// let (_receiver, mut sender) = there.split();
/// tokio::spawn(async move { sender.send(b"hello").await }).await??;
/// assert_eq!(here.receive().await?.expect("it came").body, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sender {
    link: WriteLink,
    framing: Outgoing,
    idle: Option<Duration>,
    traffic: Arc<Traffic>,
}

#[derive(Debug)]
enum Incoming {
    Raw,
    Framed(Box<Decoder>),
    Ready(FramingLimits),
}

#[derive(Debug)]
enum Outgoing {
    Raw,
    Framed(Box<Encoder>),
    Ready(FramingLimits),
}

/// How far the incoming direction is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Ended,
    Torn,
}

impl Connection {
    pub(crate) fn new((read, write): Halves, peer: PeerName, talk: &Talk) -> Result<Self, RawError> {
        let traffic = Arc::new(Traffic::default());
        let receiver = Receiver {
            link: read,
            framing: match &talk.incoming {
                Framing::Raw => Incoming::Raw,
                Framing::Ready => Incoming::Ready(talk.limits),
                framing => Incoming::Framed(Box::new(Decoder::new(framing, talk.limits)?)),
            },
            inbox: BytesMut::new(),
            read_bytes: talk.read_bytes,
            idle: talk.idle,
            end: End::Open,
            traffic: Arc::clone(&traffic),
        };
        let sender = Sender {
            link: write,
            framing: match &talk.outgoing {
                Framing::Raw => Outgoing::Raw,
                Framing::Ready => Outgoing::Ready(talk.limits),
                framing => Outgoing::Framed(Box::new(Encoder::new(framing, talk.limits)?)),
            },
            idle: talk.idle,
            traffic,
        };
        Ok(Self { receiver, sender, peer, exporter: None })
    }

    /// Two connections that are each other's other end, without any socket: for tests and for handlers within a
    /// program. Each direction holds `bytes` that were not received yet.
    ///
    /// # Errors
    /// If `talk` is impossible.
    pub fn pair(bytes: usize, talk: &Talk) -> Result<(Self, Self), RawError> {
        let (one, other) = tokio::io::duplex(bytes);
        Ok((Self::over(one, PeerName::Memory, talk)?, Self::over(other, PeerName::Memory, talk)?))
    }

    /// A connection over any stream of bytes, one that another library made for instance; `peer` is believed.
    ///
    /// ```
    /// use landline_net::raw::{Connection, PeerName, Talk};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let (here, there) = tokio::io::duplex(1024);
    /// let caller = PeerName::Inet("192.0.2.7:4000".parse().expect("an address"));
    /// let mut at_the_server = Connection::over(there, caller, &Talk::default())?;
    /// let mut at_the_client = Connection::over(here, PeerName::Memory, &Talk::default())?;
    /// at_the_client.send(b"hello").await?;
    /// assert_eq!(at_the_server.receive().await?.expect("a message").body, "hello");
    /// assert_eq!(at_the_server.peer().to_string(), "192.0.2.7:4000");
    /// # Ok::<(), landline_net::raw::RawError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If `talk` is impossible.
    pub fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
        peer: PeerName,
        talk: &Talk,
    ) -> Result<Self, RawError> {
        Self::new(super::link::memory(stream), peer, talk)
    }

    pub(crate) fn bound_to(mut self, exporter: Option<[u8; EXPORTER_LEN]>) -> Self {
        self.exporter = exporter.map(Box::new);
        self
    }

    pub(crate) fn exporter(&self) -> Option<&[u8; EXPORTER_LEN]> {
        self.exporter.as_deref()
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &PeerName {
        &self.peer
    }

    /// The bytes that went each way; stays readable when the connection has been taken apart.
    #[must_use]
    pub fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.receiver.traffic)
    }

    /// The next message; `None` once the other end has ended its direction, after which it may still be sent to.
    ///
    /// # Errors
    /// As the line fails, if what came breaks the framing, or if nothing came for as long as may be idle.
    pub async fn receive(&mut self) -> Result<Option<Message>, RawError> {
        match self.receiver.framing {
            Incoming::Ready(limits) => ready::receive(self, limits).await,
            Incoming::Raw | Incoming::Framed(_) => self.receiver.receive().await,
        }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// As the line fails, or if the framing can't carry the message. A datagram that is too long is an error and nothing
    /// of it is sent.
    pub async fn send(&mut self, body: &[u8]) -> Result<(), RawError> {
        match self.sender.framing {
            Outgoing::Ready(limits) => ready::send(self, body, limits).await,
            Outgoing::Raw | Outgoing::Framed(_) => self.sender.send(body).await,
        }
    }

    /// Ends the own direction; the other one stays open.
    ///
    /// # Errors
    /// As the line fails.
    pub async fn finish(&mut self) -> Result<(), RawError> {
        self.sender.finish().await
    }

    /// Both halves, for two tasks.
    #[must_use]
    pub fn split(self) -> (Receiver, Sender) {
        (self.receiver, self.sender)
    }

    /// Both halves, in place.
    pub fn halves(&mut self) -> (&mut Receiver, &mut Sender) {
        (&mut self.receiver, &mut self.sender)
    }

    /// Whether there is no connection below: nothing tells an end, and anybody can send in the peer's name.
    #[must_use]
    pub fn is_datagram(&self) -> bool {
        self.receiver.link.is_datagram()
    }

    /// Whether both sides take turns, one way or the other (framing `ready`): then what comes early may belong to what this
    /// side sends next.
    #[must_use]
    pub fn takes_turns(&self) -> bool {
        matches!(self.receiver.framing, Incoming::Ready(_)) || matches!(self.sender.framing, Outgoing::Ready(_))
    }

    /// Whether the socket itself keeps messages apart.
    #[must_use]
    pub fn keeps_bounds(&self) -> bool {
        self.receiver.link.keeps_bounds()
    }
}

impl Receiver {
    /// The next message, as [`Connection::receive`] gives it.
    ///
    /// # Errors
    /// As [`Connection::receive`]; [`RawError::Unsuitable`] for the framing `ready`, which has to send for each message that it
    /// receives.
    pub async fn receive(&mut self) -> Result<Option<Message>, RawError> {
        let Self { framing, .. } = self;
        match framing {
            Incoming::Raw => self.receive_raw().await,
            Incoming::Framed(_) => self.receive_framed().await,
            Incoming::Ready(_) => {
                Err(RawError::Unsuitable("the ready framing takes turns and can't be split in halves"))
            }
        }
    }

    /// What one read gives, whatever the framing: at most `most` bytes.
    ///
    /// # Errors
    /// As the line fails, or if nothing came for as long as may be idle.
    pub async fn read_some(&mut self, most: usize) -> Result<Option<Message>, RawError> {
        if !self.inbox.is_empty() {
            let len = self.inbox.len().min(most);
            return Ok(Some(Message { body: self.inbox.split_to(len).freeze(), ..Message::default() }));
        }
        let most = most.min(self.read_bytes);
        self.patiently(most).await
    }

    /// Exactly `len` bytes; `None` if the end came before them.
    ///
    /// # Errors
    /// As [`Self::read_some`].
    pub async fn read_exactly(&mut self, len: usize) -> Result<Option<Bytes>, RawError> {
        while self.inbox.len() < len {
            match self.patiently((len - self.inbox.len()).min(self.read_bytes)).await? {
                Some(part) => self.inbox.extend_from_slice(&part.body),
                None => return Ok(None),
            }
        }
        Ok(Some(self.inbox.split_to(len).freeze()))
    }

    /// Whether the other end left without TLS's sign that nothing is missing.
    #[must_use]
    pub fn was_torn(&self) -> bool {
        self.end == End::Torn
    }

    /// What was read and not given out yet, if anything.
    pub(crate) fn leftover(&mut self) -> Option<BytesMut> {
        (!self.inbox.is_empty()).then(|| std::mem::take(&mut self.inbox))
    }

    /// The plain stream below, if nothing ends it in this process.
    pub(crate) fn plain(&self) -> Option<Plain<'_>> {
        self.link.plain().filter(|_| self.idle.is_none() && self.end == End::Open)
    }

    /// Notes bytes that the kernel moved by itself.
    pub(crate) fn count(&self, bytes: usize) {
        count(&self.traffic.received, bytes);
    }

    /// Puts back what was read too far: it comes again before anything else.
    pub fn put_back(&mut self, bytes: &[u8]) {
        let mut all = BytesMut::from(bytes);
        all.extend_from_slice(&self.inbox);
        self.inbox = all;
    }

    async fn receive_raw(&mut self) -> Result<Option<Message>, RawError> {
        let most = self.read_bytes;
        self.read_some(most).await
    }

    async fn receive_framed(&mut self) -> Result<Option<Message>, RawError> {
        loop {
            if !self.inbox.is_empty()
                && let Some(found) = self.decode(false)?
            {
                return Ok(Some(found));
            }
            match self.patiently(self.read_bytes).await? {
                Some(part) => self.inbox.extend_from_slice(&part.body),
                None => return self.decode(true),
            }
        }
    }

    fn decode(&mut self, at_end: bool) -> Result<Option<Message>, RawError> {
        let Incoming::Framed(decoder) = &mut self.framing else { return Ok(None) };
        let found = if at_end { decoder.finish(&mut self.inbox)? } else { decoder.decode(&mut self.inbox)? };
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new(); // lets go of its memory
        }
        Ok(found.map(|message| Message { body: message.body, header: message.header, cut_from: None }))
    }

    async fn patiently(&mut self, most: usize) -> Result<Option<Message>, RawError> {
        match self.idle {
            None => self.take(most).await,
            Some(idle) => timeout(idle, self.take(most)).await.map_err(|_| RawError::Idle(idle))?,
        }
    }

    /// One read of the link. Cancel-safe: nothing is taken unless it is returned.
    async fn take(&mut self, most: usize) -> Result<Option<Message>, RawError> {
        if self.end != End::Open {
            return Ok(None);
        }
        let Self { link, end, traffic, .. } = self;
        poll_fn(|cx| {
            scratch::with(most, |room| {
                let took = ready!(link.poll_take(cx, room))?;
                let body = |kept: usize| Bytes::copy_from_slice(room.get(..kept).unwrap_or_default());
                let message = match took {
                    Took::Bytes(kept) => Message { body: body(kept), ..Message::default() },
                    Took::Packet { kept, sent } => {
                        Message { body: body(kept), header: None, cut_from: (sent > kept).then_some(sent) }
                    }
                    Took::End => {
                        *end = End::Ended;
                        return Poll::Ready(Ok(None));
                    }
                    Took::Torn => {
                        *end = End::Torn;
                        return Poll::Ready(Ok(None));
                    }
                };
                count(&traffic.received, message.body.len());
                Poll::Ready(Ok(Some(message)))
            })
        })
        .await
    }
}

impl Sender {
    /// Sends one message, as [`Connection::send`] does.
    ///
    /// # Errors
    /// As [`Connection::send`]; [`RawError::Unsuitable`] for the framing `ready`.
    pub async fn send(&mut self, body: &[u8]) -> Result<(), RawError> {
        match &self.framing {
            Outgoing::Raw => self.write(body).await,
            Outgoing::Framed(encoder) => {
                let mut framed = BytesMut::new();
                encoder.encode(body, &mut framed)?;
                self.write(&framed).await
            }
            Outgoing::Ready(_) => {
                Err(RawError::Unsuitable("the ready framing takes turns and can't be split in halves"))
            }
        }
    }

    /// Sends bytes as they are, whatever the framing.
    ///
    /// # Errors
    /// As the line fails, or if the other end took nothing for as long as may be idle.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), RawError> {
        let put = self.link.put(bytes);
        match self.idle {
            None => put.await?,
            Some(idle) => timeout(idle, put).await.map_err(|_| RawError::Idle(idle))??,
        }
        count(&self.traffic.sent, bytes.len());
        Ok(())
    }

    /// Ends this direction.
    ///
    /// # Errors
    /// As the line fails.
    pub async fn finish(&mut self) -> Result<(), RawError> {
        Ok(self.link.finish().await?)
    }

    /// The plain stream below, if nothing limits it in this process.
    pub(crate) fn plain(&self) -> Option<Plain<'_>> {
        self.link.plain().filter(|_| self.idle.is_none())
    }

    /// Notes bytes that the kernel moved by itself.
    pub(crate) fn count(&self, bytes: usize) {
        count(&self.traffic.sent, bytes);
    }
}

impl From<RawError> for io::Error {
    fn from(fault: RawError) -> Self {
        match fault {
            RawError::Io(fault) => fault,
            other => Self::other(other),
        }
    }
}

fn count(counter: &AtomicU64, bytes: usize) {
    counter.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
}

#[cfg(test)]
mod tests;
