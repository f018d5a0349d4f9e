//! What the kernel knows of a TCP connection: `TCP_INFO` of tcp(7), `struct tcp_info` in the kernel's `linux/tcp.h`.
//!
//! In: a connected TCP socket. Out: the figures that tell a slow line from a slow end. The kernel only ever appends to
//! the structure and writes as much of it as it has, so a field that an older kernel lacks is `None` and never wrong.

use std::{io, os::fd::BorrowedFd, time::Duration};

/// Bytes asked for: more than the last field that is read here.
const ASKED: usize = 256;

/// One reading of a TCP connection's state; a count or time is of the whole connection up to now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// Smoothed round-trip time.
    pub rtt: Option<Duration>,
    /// How much the round-trip time varies.
    pub rttvar: Option<Duration>,
    /// Shortest round-trip time seen lately.
    pub min_rtt: Option<Duration>,
    /// Segments sent again.
    pub retransmits: Option<u32>,
    /// Segments that are thought to be lost at the moment.
    pub lost: Option<u32>,
    /// Segments that may be under way at once, as congestion control sees it.
    pub cwnd: Option<u32>,
    /// Bytes of a full segment that we send.
    pub mss: Option<u32>,
    /// Bytes of ours that the other end's system has taken.
    pub acked: Option<u64>,
    /// Bytes a second that lately arrived at the other end.
    pub delivery_rate: Option<u64>,
    /// Time with data to send.
    pub busy: Option<Duration>,
    /// Part of `busy` in which the other end's window was full: its reader is slow.
    pub rwnd_limited: Option<Duration>,
    /// Part of `busy` in which our send buffer was the limit.
    pub sndbuf_limited: Option<Duration>,
}

impl TcpInfo {
    /// Asks the kernel about `socket`.
    ///
    /// # Errors
    /// As the system refuses it: not a TCP socket, or a system that has no such question.
    pub fn of(socket: BorrowedFd<'_>) -> io::Result<Self> {
        let mut bytes = [0; ASKED];
        let known = ask(socket, &mut bytes)?;
        Ok(Self::read(bytes.get(..known).unwrap_or(&bytes)))
    }

    /// Offsets are those of `struct tcp_info`.
    fn read(bytes: &[u8]) -> Self {
        Self {
            rtt: micros(bytes, 68),
            rttvar: micros(bytes, 72),
            min_rtt: micros(bytes, 148),
            retransmits: short(bytes, 100),
            lost: short(bytes, 32),
            cwnd: short(bytes, 80),
            mss: short(bytes, 16),
            acked: long(bytes, 120),
            delivery_rate: long(bytes, 160),
            busy: long(bytes, 168).map(Duration::from_micros),
            rwnd_limited: long(bytes, 176).map(Duration::from_micros),
            sndbuf_limited: long(bytes, 184).map(Duration::from_micros),
        }
    }
}

fn short(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_ne_bytes)
}

fn micros(bytes: &[u8], at: usize) -> Option<Duration> {
    short(bytes, at).map(|us| Duration::from_micros(us.into()))
}

/// Fills `bytes` as far as the kernel knows; how far that is.
#[cfg(target_os = "linux")]
fn ask(socket: BorrowedFd<'_>, bytes: &mut [u8; ASKED]) -> io::Result<usize> {
    use std::os::fd::AsRawFd as _;

    let mut len: libc::socklen_t = libc::socklen_t::try_from(ASKED).unwrap_or(0);
    // SAFETY: the descriptor is open for as long as it is borrowed; the kernel writes at most `len` bytes to `bytes`, which
    // has that many and takes any value, and how many it wrote to `len`, a value of the type that it expects.
    let asked = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            bytes.as_mut_ptr().cast(),
            std::ptr::from_mut(&mut len),
        )
    };
    if asked != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(len).unwrap_or(ASKED))
}

#[cfg(not(target_os = "linux"))]
fn ask(_socket: BorrowedFd<'_>, _bytes: &mut [u8; ASKED]) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{TcpListener, TcpStream},
        os::{fd::AsFd as _, unix::net::UnixStream},
    };

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_that_carried_bytes_has_a_round_trip_time_and_a_window() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        near.write_all(&[7; 1000]).unwrap();
        far.read_exact(&mut [0; 1000]).unwrap();
        let info = TcpInfo::of(near.as_fd()).unwrap();
        assert!(info.rtt.unwrap() > Duration::ZERO, "{info:?}");
        assert!(info.cwnd.unwrap() > 0 && info.mss.unwrap() > 0, "{info:?}");
        assert!(info.rtt.unwrap() >= info.min_rtt.unwrap(), "{info:?}");
        assert!(
            info.acked.is_some_and(|acked| acked <= 1001),
            "with the first segment, and perhaps not yet all: {info:?}"
        );
    }

    #[test]
    fn what_is_no_tcp_socket_is_an_error() {
        let (near, _far) = UnixStream::pair().unwrap();
        assert!(TcpInfo::of(near.as_fd()).is_err());
    }

    #[test]
    fn what_an_older_kernel_does_not_tell_is_missing_and_not_zero() {
        let mut bytes = [0; 104];
        bytes[68..72].copy_from_slice(&1500u32.to_ne_bytes());
        let info = TcpInfo::read(&bytes);
        assert_eq!(info.rtt, Some(Duration::from_micros(1500)));
        assert_eq!(info.retransmits, Some(0));
        assert_eq!((info.min_rtt, info.delivery_rate, info.busy), (None, None, None));
    }
}
