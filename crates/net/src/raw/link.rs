//! One connected socket of any kind, as two halves: one that reads, one that writes.
//!
//! In: a socket of tokio's or [`Packets`]. Out: bytes or packets, and an end in each direction by itself: shutting the write half leaves
//! the read half open (half-close). Knows nothing of messages.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use rustix::net::SocketAddrAny;
use tokio::{
    io::{AsyncWrite as _, AsyncWriteExt as _, DuplexStream, ReadBuf, ReadHalf, WriteHalf},
    net::{TcpStream, UnixStream, tcp, unix},
    sync::mpsc,
};
use tokio_rustls::TlsStream;

use super::packets::Packets;

/// The half that reads.
#[derive(Debug)]
pub(crate) enum ReadLink {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
    Tls(ReadHalf<TlsStream<TcpStream>>),
    Memory(ReadHalf<DuplexStream>),
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
    Memory(WriteHalf<DuplexStream>),
    Packets(Arc<Packets>),
    Session(Arc<Packets>, Box<SocketAddrAny>),
}

/// A datagram that was sorted to its session, and how long it was before it was cut.
#[derive(Debug)]
pub(crate) struct SessionPacket {
    pub(crate) body: Bytes,
    pub(crate) sent: usize,
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

pub(crate) fn memory(stream: DuplexStream) -> Halves {
    let (read, write) = tokio::io::split(stream);
    (ReadLink::Memory(read), WriteLink::Memory(write))
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
            Self::Tcp(_) | Self::Unix(_) | Self::Tls(_) | Self::Memory(_) => false,
        }
    }

    /// The plain stream below, where there is one.
    pub(crate) fn plain(&self) -> Option<Plain<'_>> {
        match self {
            Self::Tcp(half) => Some(Plain::Tcp(half.as_ref())),
            Self::Unix(half) => Some(Plain::Unix(half.as_ref())),
            Self::Tls(_) | Self::Memory(_) | Self::Packets(_) | Self::Anyone(_) | Self::Session(_) => None,
        }
    }

    /// Reads once into `into`, which must not be empty.
    pub(crate) fn poll_take(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<Took>> {
        match self {
            Self::Tcp(half) => poll_stream(Pin::new(half), cx, into),
            Self::Unix(half) => poll_stream(Pin::new(half), cx, into),
            Self::Tls(half) => poll_stream(Pin::new(half), cx, into).map(clean_end),
            Self::Memory(half) => poll_stream(Pin::new(half), cx, into),
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
            Self::Memory(half) => half.write_all(bytes).await,
            Self::Packets(socket) => socket.send(bytes).await,
            Self::Session(socket, to) => socket.send_to(bytes, to).await,
        }
    }

    /// Writes some of `bytes` to a stream; only streams are asked.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(half) => Pin::new(half).poll_write(cx, bytes),
            Self::Unix(half) => Pin::new(half).poll_write(cx, bytes),
            Self::Tls(half) => Pin::new(half).poll_write(cx, bytes),
            Self::Memory(half) => Pin::new(half).poll_write(cx, bytes),
            Self::Packets(_) | Self::Session(..) => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
        }
    }

    /// Puts out what a stream has gathered.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tls(half) => Pin::new(half).poll_flush(cx),
            Self::Tcp(_) | Self::Unix(_) | Self::Memory(_) | Self::Packets(_) | Self::Session(..) => {
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Whether what was written may wait for [`Self::poll_flush`].
    pub(crate) fn gathers(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Says that no more will be sent. Datagrams have no end to tell; there it does nothing.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        let ended = match self {
            Self::Tcp(half) => half.shutdown().await,
            Self::Unix(half) => half.shutdown().await,
            Self::Tls(half) => half.shutdown().await,
            Self::Memory(half) => half.shutdown().await,
            Self::Packets(socket) if socket.ends() => socket.socket().shutdown(std::net::Shutdown::Write),
            Self::Packets(_) | Self::Session(..) => Ok(()),
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
            Self::Tls(_) | Self::Memory(_) | Self::Packets(_) | Self::Session(..) => None,
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
