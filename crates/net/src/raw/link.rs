//! One connected socket of any kind, as two halves: one that reads, one that writes.
//!
//! In: a socket of tokio's or [`Packets`]. Out: bytes or packets, and an end in each direction by itself: shutting the write half leaves
//! the read half open (half-close). Knows nothing of messages.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use rustix::net::SocketAddrAny;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf, ReadHalf, WriteHalf},
    net::{TcpStream, UnixStream, tcp, unix},
    sync::mpsc,
};
use tokio_rustls::TlsStream;

use super::{packets::Packets, queue::Queue};

/// The half that reads.
#[derive(Debug)]
pub(crate) enum ReadLink {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
    Tls(ReadHalf<TlsStream<TcpStream>>),
    /// A stream that is no socket of ours: a pipe in memory, or what somebody else made.
    Other(ReadHalf<AnyStream>),
    Packets(Arc<Packets>),
    /// A datagram socket that hears everybody: what is dialled is a group or a broadcast address.
    Anyone(Arc<Packets>),
    /// One peer of a datagram socket that many share.
    Session(mpsc::Receiver<SessionPacket>),
}

/// The half that writes.
#[derive(Debug)]
pub(crate) enum WriteLink {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
    Tls(WriteHalf<TlsStream<TcpStream>>),
    Other(WriteHalf<AnyStream>),
    Packets(Arc<Packets>),
    Session(Box<ToPeer>),
    /// Datagrams in memory.
    Queue(Box<Queue>),
}

/// Any stream of bytes.
pub(crate) type AnyStream = Box<dyn Stream>;

/// What a stream has to be.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

impl std::fmt::Debug for dyn Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

/// The way to one peer of a datagram socket.
#[derive(Debug)]
pub(crate) struct ToPeer {
    pub(crate) socket: Arc<Packets>,
    pub(crate) to: SocketAddrAny,
    /// What may be said to a peer that may not be who it seems.
    pub(crate) allowance: Option<Arc<Allowance>>,
}

/// Never more goes to a peer than came from it: its address may be forged. Source: PROTOCOL.md §12.1.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    left: AtomicUsize,
    dropped: Arc<AtomicU64>,
}

/// Bytes of the headers of IPv4 and UDP: an empty datagram is no nothing.
const HEADERS: usize = 28;

impl Allowance {
    /// None yet; what is withheld is counted in `dropped`.
    pub(crate) fn new(dropped: Arc<AtomicU64>) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(0), dropped })
    }

    /// So many bytes came.
    pub(crate) fn earn(&self, bytes: usize) {
        let bytes = bytes.saturating_add(HEADERS);
        let _ = self.left.fetch_update(Relaxed, Relaxed, |left| Some(left.saturating_add(bytes))); // never refuses
    }

    /// Whether so many may go.
    pub(crate) fn spend(&self, bytes: usize) -> bool {
        let bytes = bytes.saturating_add(HEADERS);
        let spent = self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes)).is_ok();
        if !spent {
            self.dropped.fetch_add(1, Relaxed);
        }
        spent
    }
}

impl ToPeer {
    async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        if self.allowance.as_ref().is_some_and(|allowance| !allowance.spend(bytes.len())) {
            return Ok(()); // lost, as datagrams may be
        }
        if SocketAddr::try_from(self.to.clone()).is_err() {
            // The queue of a UNIX socket is its owner's, who may never read: what finds no room is lost.
            return match self.socket.try_send_to(bytes, &self.to) {
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => Ok(()),
                other => other,
            };
        }
        self.socket.send_to(bytes, &self.to).await
    }
}

/// A datagram that was sorted to its session, and how long it was before it was cut.
#[derive(Debug)]
pub(crate) struct SessionPacket {
    pub(crate) body: Bytes,
    pub(crate) sent: usize,
    pub(crate) held: Held,
}

/// Bytes that count as waiting until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<(Arc<AtomicUsize>, usize)>);

impl Held {
    /// Counts `bytes` in `all`, unless that would make it more than `most`.
    pub(crate) fn take(all: &Arc<AtomicUsize>, bytes: usize, most: usize) -> Option<Self> {
        let fits = |now: usize| now.checked_add(bytes).filter(|sum| *sum <= most);
        all.fetch_update(Relaxed, Relaxed, fits).ok()?;
        Some(Self(Some((Arc::clone(all), bytes))))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((all, bytes)) = &self.0 {
            all.fetch_sub(*bytes, Relaxed);
        }
    }
}

/// What one read gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Took {
    /// So many bytes of a stream.
    Bytes(usize),
    /// One packet: so many bytes in the buffer, of so many that were sent.
    Packet { kept: usize, sent: usize },
    /// The other end will send no more.
    End,
    /// The line ended without the sign that TLS has for it: what came may have been cut by somebody on the way.
    Torn,
}

/// A plain stream socket, which the kernel itself can read from and write to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plain<'a> {
    Tcp(&'a TcpStream),
    Unix(&'a UnixStream),
}

/// Both halves of one connection.
pub(crate) type Halves = (ReadLink, WriteLink);

pub(crate) fn tcp(stream: TcpStream) -> Halves {
    let (read, write) = stream.into_split();
    (ReadLink::Tcp(read), WriteLink::Tcp(write))
}

pub(crate) fn unix(stream: UnixStream) -> Halves {
    let (read, write) = stream.into_split();
    (ReadLink::Unix(read), WriteLink::Unix(write))
}

pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Halves {
    let (read, write) = tokio::io::split(stream);
    (ReadLink::Tls(read), WriteLink::Tls(write))
}

pub(crate) fn memory(stream: impl Stream + 'static) -> Halves {
    let (read, write) = tokio::io::split(Box::new(stream) as AnyStream);
    (ReadLink::Other(read), WriteLink::Other(write))
}

pub(crate) fn packets(socket: Packets) -> Halves {
    let socket = Arc::new(socket);
    (ReadLink::Packets(Arc::clone(&socket)), WriteLink::Packets(socket))
}

impl ReadLink {
    /// Whether what comes keeps the bounds that the sender gave it.
    pub(crate) fn keeps_bounds(&self) -> bool {
        matches!(self, Self::Packets(_) | Self::Anyone(_) | Self::Session(_))
    }

    /// Whether there is no connection, so that nothing tells the end.
    pub(crate) fn is_datagram(&self) -> bool {
        match self {
            Self::Packets(socket) => !socket.ends(),
            Self::Anyone(_) | Self::Session(_) => true,
            Self::Tcp(_) | Self::Unix(_) | Self::Tls(_) | Self::Other(_) => false,
        }
    }

    /// The plain stream below, where there is one.
    pub(crate) fn plain(&self) -> Option<Plain<'_>> {
        match self {
            Self::Tcp(half) => Some(Plain::Tcp(half.as_ref())),
            Self::Unix(half) => Some(Plain::Unix(half.as_ref())),
            Self::Tls(_) | Self::Other(_) | Self::Packets(_) | Self::Anyone(_) | Self::Session(_) => None,
        }
    }

    /// Reads once into `into`, which must not be empty.
    pub(crate) fn poll_take(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<Took>> {
        match self {
            Self::Tcp(half) => poll_stream(Pin::new(half), cx, into),
            Self::Unix(half) => poll_stream(Pin::new(half), cx, into),
            Self::Tls(half) => poll_stream(Pin::new(half), cx, into).map(clean_end),
            Self::Other(half) => poll_stream(Pin::new(half), cx, into),
            Self::Packets(socket) => {
                let packet = ready!(socket.poll_recv(cx, into))?;
                let over = packet.sent == 0 && socket.ends();
                Poll::Ready(Ok(if over { Took::End } else { Took::Packet { kept: packet.kept, sent: packet.sent } }))
            }
            Self::Anyone(socket) => {
                let (packet, _) = ready!(socket.poll_recv_from(cx, into))?;
                Poll::Ready(Ok(Took::Packet { kept: packet.kept, sent: packet.sent }))
            }
            Self::Session(inbox) => Poll::Ready(Ok(match ready!(inbox.poll_recv(cx)) {
                None => Took::End,
                Some(packet) => {
                    let kept = packet.body.len().min(into.len());
                    if let (Some(room), Some(body)) = (into.get_mut(..kept), packet.body.get(..kept)) {
                        room.copy_from_slice(body);
                    }
                    Took::Packet { kept, sent: packet.sent }
                }
            })),
        }
    }
}

impl WriteLink {
    /// Sends all of `bytes`: on a stream as bytes, on a socket of packets as one.
    pub(crate) async fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(half) => half.write_all(bytes).await,
            Self::Unix(half) => half.write_all(bytes).await,
            Self::Tls(half) => {
                half.write_all(bytes).await?;
                half.flush().await
            }
            Self::Other(half) => {
                half.write_all(bytes).await?;
                half.flush().await
            }
            Self::Queue(queue) => {
                queue.put(bytes).await;
                Ok(())
            }
            Self::Packets(socket) => socket.send(bytes).await,
            Self::Session(peer) => peer.send(bytes).await,
        }
    }

    /// Writes some of `bytes` to a stream; only streams are asked.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(half) => Pin::new(half).poll_write(cx, bytes),
            Self::Unix(half) => Pin::new(half).poll_write(cx, bytes),
            Self::Tls(half) => Pin::new(half).poll_write(cx, bytes),
            Self::Other(half) => Pin::new(half).poll_write(cx, bytes),
            Self::Packets(_) | Self::Session(_) | Self::Queue(_) => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
        }
    }

    /// Puts out what a stream has gathered.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tls(half) => Pin::new(half).poll_flush(cx),
            Self::Other(half) => Pin::new(half).poll_flush(cx),
            Self::Tcp(_) | Self::Unix(_) | Self::Packets(_) | Self::Session(_) | Self::Queue(_) => Poll::Ready(Ok(())),
        }
    }

    /// Whether what was written may wait for [`Self::poll_flush`].
    pub(crate) fn gathers(&self) -> bool {
        matches!(self, Self::Tls(_) | Self::Other(_))
    }

    /// Says that no more will be sent. Datagrams have no end to tell; there it does nothing.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        let ended = match self {
            Self::Tcp(half) => half.shutdown().await,
            Self::Unix(half) => half.shutdown().await,
            Self::Tls(half) => half.shutdown().await,
            Self::Other(half) => half.shutdown().await,
            Self::Packets(socket) if socket.ends() => socket.socket().shutdown(std::net::Shutdown::Write),
            Self::Packets(_) | Self::Session(..) => Ok(()),
            Self::Queue(queue) => {
                queue.finish().await;
                Ok(())
            }
        };
        match ended {
            Err(fault) if fault.kind() == io::ErrorKind::NotConnected => Ok(()), // the other end was quicker
            other => other,
        }
    }

    /// The plain stream below, where there is one.
    pub(crate) fn plain(&self) -> Option<Plain<'_>> {
        match self {
            Self::Tcp(half) => Some(Plain::Tcp(half.as_ref())),
            Self::Unix(half) => Some(Plain::Unix(half.as_ref())),
            Self::Tls(_) | Self::Other(_) | Self::Packets(_) | Self::Session(..) | Self::Queue(_) => None,
        }
    }
}

fn poll_stream<R: tokio::io::AsyncRead>(
    half: Pin<&mut R>,
    cx: &mut Context<'_>,
    into: &mut [u8],
) -> Poll<io::Result<Took>> {
    let mut room = ReadBuf::new(into);
    ready!(half.poll_read(cx, &mut room))?;
    Poll::Ready(Ok(match room.filled().len() {
        0 => Took::End,
        len => Took::Bytes(len),
    }))
}

/// A TLS peer that leaves without its closing alert (RFC 8446 §6.1): many programs do, so it is told and no fault.
fn clean_end(took: io::Result<Took>) -> io::Result<Took> {
    match took {
        Err(fault) if fault.kind() == io::ErrorKind::UnexpectedEof => Ok(Took::Torn),
        other => other,
    }
}
