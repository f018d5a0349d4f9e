//! Many datagrams in one system call: `recvmmsg` and `sendmmsg`, which no safe library of ours offers.
//!
//! In: a descriptor of a datagram socket. Out: datagrams with their senders, kept in buffers that are made once. Other systems
//! than Linux get one datagram a call from the caller's plain path. Source: recvmmsg(2), sendmmsg(2).

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::ptr;

/// Who sent a datagram, as the kernel gave it; good for answering whatever the family is.
#[derive(Clone, Copy)]
pub struct Sender {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

/// Datagrams that came.
pub struct Inbox {
    /// `slots` times `bytes`.
    room: Vec<u8>,
    bytes: usize,
    senders: Vec<Sender>,
    lengths: Vec<usize>,
    count: usize,
}

/// Datagrams to send.
#[derive(Default)]
pub struct Outbox {
    room: Vec<u8>,
    /// Where each ends in `room`, and whom it is for.
    ends: Vec<(usize, Sender)>,
}

/// The most datagrams of one call.
pub const MOST: usize = 64;

/// One datagram that came.
pub struct Datagram<'a> {
    /// What of it there was room for.
    pub body: &'a [u8],
    /// Bytes that it had.
    pub sent: usize,
    /// Who sent it.
    pub from: Sender,
}

impl Sender {
    /// The address, of a sender that has one.
    #[must_use]
    pub fn inet(&self) -> Option<SocketAddr> {
        match i32::from(self.storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says that the storage, which is larger and aligned for all, holds a sockaddr_in.
                let v4 = unsafe { ptr::from_ref(&self.storage).cast::<libc::sockaddr_in>().read() };
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 => {
                // SAFETY: as above, for a sockaddr_in6.
                let v6 = unsafe { ptr::from_ref(&self.storage).cast::<libc::sockaddr_in6>().read() };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), v6.sin6_flowinfo, v6.sin6_scope_id).into())
            }
            _ => None,
        }
    }

    /// Whether it can be answered at all: a UNIX socket without a name can't.
    #[must_use]
    pub fn has_name(&self) -> bool {
        usize::try_from(self.len).unwrap_or(0) > mem::size_of::<libc::sa_family_t>()
    }

    const fn nobody() -> Self {
        // SAFETY: sockaddr_storage is plain integers, for which zeroes are a value.
        Self { storage: unsafe { MaybeUninit::zeroed().assume_init() }, len: 0 }
    }
}

impl Inbox {
    /// Room for `slots` datagrams (at most [`MOST`]) of `bytes` each.
    #[must_use]
    pub fn new(slots: usize, bytes: usize) -> Self {
        let (slots, bytes) = (slots.clamp(1, MOST), bytes.max(1));
        Self {
            room: vec![0; slots * bytes],
            bytes,
            senders: vec![Sender::nobody(); slots],
            lengths: vec![0; slots],
            count: 0,
        }
    }

    /// Takes what is there, without waiting. Returns how many came; what came before is gone.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is there, else as the system fails.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.count = 0;
        let mut pieces = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; MOST];
        let mut headers = [const { MaybeUninit::uninit() }; MOST];
        let slots = self.senders.len();
        let parts = self.room.chunks_mut(self.bytes).zip(&mut self.senders).zip(&mut pieces).zip(&mut headers);
        for (((room, sender), piece), header) in parts {
            piece.iov_base = room.as_mut_ptr().cast();
            piece.iov_len = room.len();
            header.write(of(piece, ptr::from_mut(&mut sender.storage), storage_len()));
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        let vlen = libc::c_uint::try_from(slots).unwrap_or(1);
        // SAFETY: the first `slots` headers point to one piece each, every piece to its own part of `room`, every name to its
        // own storage of the length given; all of them outlive the call. No timeout is passed.
        let came = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr().cast(), vlen, flags as _, ptr::null_mut())
        };
        let count = usize::try_from(came).map_err(|_| io::Error::last_os_error())?;
        for ((header, sender), length) in headers.iter().zip(&mut self.senders).zip(&mut self.lengths).take(count) {
            // SAFETY: no more than `slots` came, and so many headers were written above.
            let header = unsafe { header.assume_init_ref() };
            sender.len = header.msg_hdr.msg_namelen;
            *length = usize::try_from(header.msg_len).unwrap_or(0);
        }
        self.count = count;
        Ok(count)
    }

    /// What the last [`Self::receive`] took.
    pub fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        let parts = self.room.chunks(self.bytes).zip(&self.senders).zip(&self.lengths).take(self.count);
        parts.map(|((room, from), sent)| {
            let body = room.get(..(*sent).min(room.len())).unwrap_or_default();
            Datagram { body, sent: *sent, from: *from }
        })
    }
}

impl Outbox {
    /// Room for an answer to `to`: what `write` puts behind the bytes that are there becomes its body. `write` says whether
    /// it shall be sent.
    pub fn push(&mut self, to: Sender, write: impl FnOnce(&mut Vec<u8>) -> bool) {
        let before = self.room.len();
        if write(&mut self.room) && self.room.len() >= before {
            self.ends.push((self.room.len(), to));
        } else {
            self.room.truncate(before);
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Sends what waits, as far as the socket takes it; one that the system refuses is let go, as the network lets go of them.
    /// Returns how many it refused.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if the socket is full: call again when it is writable.
    pub fn send(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let mut refused = 0;
        let mut done = 0;
        let outcome = loop {
            if done >= self.ends.len() {
                break Ok(refused);
            }
            match self.send_from(done, socket) {
                Ok(sent) => done += sent.max(1),
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => break Err(fault),
                Err(_) => (done, refused) = (done + 1, refused + 1),
            }
        };
        self.forget(done);
        outcome
    }

    fn send_from(&self, first: usize, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let mut pieces = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; MOST];
        let mut headers = [const { MaybeUninit::uninit() }; MOST];
        let mut from = match first.checked_sub(1) {
            Some(before) => self.ends.get(before).map_or(0, |(end, _)| *end),
            None => 0,
        };
        let mut count: libc::c_uint = 0;
        for (((end, to), piece), header) in self.ends.iter().skip(first).zip(&mut pieces).zip(&mut headers) {
            let body = self.room.get(from..*end).unwrap_or_default();
            piece.iov_base = body.as_ptr().cast_mut().cast();
            piece.iov_len = body.len();
            header.write(of(piece, ptr::from_ref(&to.storage).cast_mut(), to.len));
            (from, count) = (*end, count + 1);
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: the first `count` headers point to pieces of `room` and to names in `ends`, which are only read and outlive
        // the call.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr().cast(), count, flags as _) };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    /// Lets go of the one at the front.
    pub fn skip(&mut self) {
        self.forget(1);
    }

    fn forget(&mut self, done: usize) {
        if done >= self.ends.len() {
            self.ends.clear();
            self.room.clear();
            return;
        }
        let cut = done.checked_sub(1).and_then(|last| self.ends.get(last)).map_or(0, |(end, _)| *end);
        self.ends.drain(..done);
        self.room.drain(..cut);
        for (end, _) in &mut self.ends {
            *end -= cut;
        }
    }
}

/// The header of one datagram: one piece, one name.
fn of(piece: &mut libc::iovec, name: *mut libc::sockaddr_storage, len: libc::socklen_t) -> libc::mmsghdr {
    // SAFETY: mmsghdr is integers and pointers, for which zeroes are values.
    let mut header: libc::mmsghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_hdr.msg_iov = piece;
    header.msg_hdr.msg_iovlen = 1;
    header.msg_hdr.msg_name = name.cast();
    header.msg_hdr.msg_namelen = len;
    header
}

fn storage_len() -> libc::socklen_t {
    libc::socklen_t::try_from(mem::size_of::<libc::sockaddr_storage>()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd as _;

    use super::*;

    fn pair() -> (UdpSocket, UdpSocket) {
        let (one, other) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        one.connect(other.local_addr().unwrap()).unwrap();
        (one, other)
    }

    #[test]
    fn several_come_in_one_call_and_are_answered_in_one() {
        let (client, server) = pair();
        for text in ["one", "", "three"] {
            client.send(text.as_bytes()).unwrap();
        }
        let (mut inbox, mut outbox) = (Inbox::new(8, 4), Outbox::default());
        assert_eq!(inbox.receive(server.as_fd()).unwrap(), 3);
        let seen: Vec<_> = inbox.datagrams().map(|one| (one.body.to_vec(), one.sent)).collect();
        assert_eq!(seen, [(b"one".to_vec(), 3), (b"".to_vec(), 0), (b"thre".to_vec(), 5)]);
        for datagram in inbox.datagrams() {
            assert_eq!(datagram.from.inet(), Some(client.local_addr().unwrap()));
            outbox.push(datagram.from, |room| {
                room.extend_from_slice(datagram.body);
                room.push(b'!');
                datagram.sent != 0
            });
        }
        assert_eq!(outbox.len(), 2);
        assert_eq!(outbox.send(server.as_fd()).unwrap(), 0);
        assert!(outbox.is_empty());
        let mut room = [0; 16];
        let mut next = || {
            let len = client.recv(&mut room).unwrap();
            room.get(..len).unwrap().to_vec()
        };
        assert_eq!((next(), next()), (b"one!".to_vec(), b"thre!".to_vec()));
    }

    #[test]
    fn one_that_is_refused_does_not_hold_up_the_others() {
        let (client, server) = pair();
        client.send(b"x").unwrap();
        let (mut inbox, mut outbox) = (Inbox::new(1, 4), Outbox::default());
        inbox.receive(server.as_fd()).unwrap();
        let from = inbox.datagrams().next().unwrap().from;
        outbox.push(from, |room| {
            room.resize(70_000, 0);
            true
        });
        outbox.push(from, |room| {
            room.extend_from_slice(b"ok");
            true
        });
        assert_eq!(outbox.send(server.as_fd()).unwrap(), 1);
        let mut room = [0; 16];
        assert_eq!(client.recv(&mut room).unwrap(), 2);
    }

    #[test]
    fn nothing_there_is_said_at_once() {
        let (_client, server) = pair();
        assert_eq!(Inbox::new(4, 4).receive(server.as_fd()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
