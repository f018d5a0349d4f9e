//! Sockets that keep messages apart: UDP, UNIX datagrams, UNIX seqpacket. tokio has no type for all of them.
//!
//! In: a non-blocking socket. Out: one packet a read, with its true length where it was longer than the buffer, and one
//! packet a write. Source: recv(2) on `MSG_TRUNC`, unix(7).

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    task::{Context, Poll, ready},
};

use landline_sys::batch::Inbox;
use rustix::net::{RecvFlags, SendFlags, SocketAddrAny};
use socket2::Socket;
use tokio::io::{Interest, unix::AsyncFd};

/// A socket of packets.
#[derive(Debug)]
pub(crate) struct Packets {
    fd: AsyncFd<Socket>,
    /// Whether an empty packet means the end, as on a socket with connections.
    ends: bool,
}

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Bytes that are in the buffer.
    pub(crate) kept: usize,
    /// Bytes that it had.
    pub(crate) sent: usize,
}

impl Packets {
    /// Takes `socket`, which must not block. `ends`: whether it has connections, whose end reads as an empty packet.
    pub(crate) fn new(socket: Socket, ends: bool) -> io::Result<Self> {
        Ok(Self { fd: watched(socket)?, ends })
    }

    pub(crate) fn ends(&self) -> bool {
        self.ends
    }

    pub(crate) fn socket(&self) -> &Socket {
        self.fd.get_ref()
    }

    /// One packet from the connected peer.
    pub(crate) fn poll_recv(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<Packet>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            let took = guard.try_io(|fd| {
                let (kept, sent) = rustix::net::recv(fd, &mut *into, RecvFlags::TRUNC)?;
                Ok(Packet { kept, sent })
            });
            if let Ok(took) = took {
                return Poll::Ready(took);
            }
        }
    }

    /// One packet from anybody, and who that is; `None` for a UNIX socket without a name.
    pub(crate) fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<(Packet, Option<SocketAddrAny>)>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            let took = guard.try_io(|fd| {
                let (kept, sent, from) = rustix::net::recvfrom(fd, &mut *into, RecvFlags::TRUNC)?;
                Ok((Packet { kept, sent }, from))
            });
            if let Ok(took) = took {
                return Poll::Ready(took);
            }
        }
    }

    /// As many datagrams as are there and `inbox` has room for.
    ///
    /// The socket counts as ready until a call finds nothing. To wait as soon as a batch is not full saves that call and costs more,
    /// as under load the next datagram is mostly there by then: 1.2 and not 1.0 times the CPU of a bare loop that four sockets ask
    /// (`cargo xtask bench sockets --series udp`).
    pub(crate) fn poll_batch(&self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            if let Ok(took) = guard.try_io(|fd| inbox.receive(fd.as_fd())) {
                return Poll::Ready(took);
            }
        }
    }

    /// Sends one packet to the connected peer.
    pub(crate) async fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.write(|fd| rustix::net::send(fd, packet, SendFlags::NOSIGNAL)).await
    }

    /// Sends one packet to `to`.
    pub(crate) async fn send_to(&self, packet: &[u8], to: &SocketAddrAny) -> io::Result<()> {
        self.write(|fd| rustix::net::sendto(fd, packet, SendFlags::NOSIGNAL, to)).await
    }

    /// Sends one packet to `to` at once or not at all.
    pub(crate) fn try_send_to(&self, packet: &[u8], to: &SocketAddrAny) -> io::Result<()> {
        Ok(rustix::net::sendto(self.socket(), packet, SendFlags::NOSIGNAL | SendFlags::DONTWAIT, to).map(drop)?)
    }

    async fn write(&self, send: impl Fn(BorrowedFd<'_>) -> rustix::io::Result<usize>) -> io::Result<()> {
        self.io(Interest::WRITABLE, |fd| Ok(send(fd)?)).await.map(drop)
    }

    /// Does `work` as soon as the socket is ready for it and it does not say that it would block.
    pub(crate) async fn io<T>(
        &self,
        interest: Interest,
        mut work: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        self.fd.async_io(interest, |fd| work(fd.as_fd())).await
    }
}

/// Has the runtime watch `socket`.
#[expect(deprecated, reason = "unsound only for types that lie about their descriptor, which a Socket can't")]
pub(crate) fn watched(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    AsyncFd::new(socket)
}

impl AsRawFd for Packets {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.fd.as_raw_fd()
    }
}
