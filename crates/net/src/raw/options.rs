//! Options of a socket, by the names that people know them by.
//!
//! In: what the user asked for; nothing asked leaves the system's choice. Out: a socket with them set. What became of
//! them is told by [`super::info`], because the kernel rounds and doubles. Source: socket(7), tcp(7), ip(7), udp(7).

use std::{io, net::SocketAddr, time::Duration};

use landline_addr::raw::RawEndpoint;
use socket2::{Domain, Socket, TcpKeepalive, Type};

/// Connections that may wait between arriving and being accepted; the kernel caps it at its own `somaxconn`.
pub const DEFAULT_BACKLOG: u32 = 1024;

/// What is asked of a socket.
///
/// ```
/// use landline_net::raw::SocketOptions;
///
/// let asked = SocketOptions { nodelay: Some(false), send_buffer: Some(1 << 20), ..SocketOptions::default() };
/// assert_eq!(asked.without_meaning_at(&"udp://127.0.0.1:0".parse()?), ["--nodelay"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// `TCP_NODELAY`: small pieces go out at once, not gathered (Nagle). On unless asked otherwise.
    pub nodelay: Option<bool>,
    /// `TCP_CORK`: only full segments go out, or what is left after 200 ms.
    pub cork: bool,
    /// `SO_SNDBUF` in bytes; Linux doubles it.
    pub send_buffer: Option<usize>,
    /// `SO_RCVBUF` in bytes; Linux doubles it.
    pub receive_buffer: Option<usize>,
    /// `SO_REUSEADDR`. Left open: on for who listens on TCP (else a restart waits for TIME_WAIT), off for UDP (else a second
    /// server could take the first one's datagrams).
    pub reuse_address: Option<bool>,
    /// `SO_REUSEPORT`: several sockets of one user share the port, and the kernel spreads what comes.
    pub reuse_port: bool,
    /// Connections that may wait to be accepted; [`DEFAULT_BACKLOG`] if left open.
    pub backlog: Option<u32>,
    /// `SO_KEEPALIVE`, with the first probe after so much silence.
    pub keepalive: Option<Duration>,
    /// `IP_TTL` or `IPV6_UNICAST_HOPS`, for multicast groups theirs: how many routers may pass it on.
    pub ttl: Option<u8>,
    /// The own address from which is dialled.
    pub bind: Option<SocketAddr>,
    /// `SO_BROADCAST`: the kernel refuses to send to a broadcast address without it.
    pub broadcast: bool,
    /// The interface by whose name multicast groups are joined and sent to.
    pub interface: Option<String>,
}

impl SocketOptions {
    /// Sets what has to be set before the socket is bound or connected. `listens`: whether it will be bound to be found.
    ///
    /// # Errors
    /// As the system refuses one of them; its name is in the error.
    pub(crate) fn apply_first(&self, socket: &Socket, listens: bool) -> io::Result<()> {
        let (domain, kind) = (domain(socket)?, socket.r#type()?);
        let inet = domain != Domain::UNIX;
        let default_reuse = listens && inet && kind == Type::STREAM;
        if inet && self.reuse_address.unwrap_or(default_reuse) {
            socket.set_reuse_address(true).map_err(named("SO_REUSEADDR"))?;
        }
        if self.reuse_port {
            socket.set_reuse_port(true).map_err(named("SO_REUSEPORT"))?;
        }
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes).map_err(named("SO_SNDBUF"))?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes).map_err(named("SO_RCVBUF"))?;
        }
        if self.broadcast {
            socket.set_broadcast(true).map_err(named("SO_BROADCAST"))?;
        }
        self.apply_ttl(socket, domain)
    }

    /// Sets what belongs to one connection.
    ///
    /// # Errors
    /// As [`Self::apply_first`].
    pub(crate) fn apply_connected(&self, socket: &Socket) -> io::Result<()> {
        if domain(socket)? == Domain::UNIX || socket.r#type()? != Type::STREAM {
            return Ok(());
        }
        if self.nodelay.unwrap_or(true) {
            socket.set_tcp_nodelay(true).map_err(named("TCP_NODELAY"))?;
        }
        if self.cork {
            socket.set_tcp_cork(true).map_err(named("TCP_CORK"))?;
        }
        if let Some(quiet) = self.keepalive {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(quiet)).map_err(named("SO_KEEPALIVE"))?;
        }
        Ok(())
    }

    fn apply_ttl(&self, socket: &Socket, domain: Domain) -> io::Result<()> {
        let Some(ttl) = self.ttl.map(u32::from) else { return Ok(()) };
        let datagrams = socket.r#type()? == Type::DGRAM;
        if domain == Domain::IPV4 {
            socket.set_ttl_v4(ttl).map_err(named("IP_TTL"))?;
            if datagrams {
                socket.set_multicast_ttl_v4(ttl).map_err(named("IP_MULTICAST_TTL"))?;
            }
        } else if domain == Domain::IPV6 {
            socket.set_unicast_hops_v6(ttl).map_err(named("IPV6_UNICAST_HOPS"))?;
            if datagrams {
                socket.set_multicast_hops_v6(ttl).map_err(named("IPV6_MULTICAST_HOPS"))?;
            }
        }
        Ok(())
    }

    /// The names of options that were asked for and mean nothing at `endpoint`; a wish that is dropped in silence is a
    /// wrong result.
    #[must_use]
    pub fn without_meaning_at(&self, endpoint: &RawEndpoint) -> Vec<&'static str> {
        let tcp = matches!(endpoint, RawEndpoint::Tcp { .. } | RawEndpoint::Tls { .. } | RawEndpoint::Fd(_));
        let udp = matches!(endpoint, RawEndpoint::Udp { .. } | RawEndpoint::Fd(_));
        let unix = !tcp && !udp;
        let asked = [
            ("--nodelay", self.nodelay.is_some() && !tcp),
            ("--cork", self.cork && !tcp),
            ("--keepalive", self.keepalive.is_some() && !tcp),
            ("--backlog", self.backlog.is_some() && endpoint.is_datagram()),
            ("--broadcast", self.broadcast && !udp),
            ("--interface", self.interface.is_some() && !udp),
            ("--ttl", self.ttl.is_some() && unix),
            ("--reuseaddr", self.reuse_address.is_some() && unix),
            ("--reuseport", self.reuse_port && unix),
            ("--bind", self.bind.is_some() && unix),
        ];
        asked.iter().filter(|(_, idle)| *idle).map(|(name, _)| *name).collect()
    }
}

/// The family of `socket`.
pub(crate) fn domain(socket: &Socket) -> io::Result<Domain> {
    socket.domain()
}

/// Puts the option's name before what the system said.
fn named(option: &'static str) -> impl FnOnce(io::Error) -> io::Error {
    move |fault| io::Error::new(fault.kind(), format!("{option}: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_without_meaning_are_told_and_not_dropped() {
        let asked = SocketOptions { cork: true, broadcast: true, ttl: Some(3), ..SocketOptions::default() };
        let at = |text: &str| asked.without_meaning_at(&text.parse().unwrap());
        assert_eq!(at("tcp://h:1"), ["--broadcast"]);
        assert_eq!(at("udp://h:1"), ["--cork"]);
        assert_eq!(at("unix:/x"), ["--cork", "--broadcast", "--ttl"]);
        assert_eq!(at("fd:3"), [""; 0]);
    }

    #[test]
    fn tcp_listens_with_reuse_and_udp_without() {
        for (kind, expected) in [(Type::STREAM, true), (Type::DGRAM, false)] {
            let socket = Socket::new(Domain::IPV4, kind, None).unwrap();
            SocketOptions::default().apply_first(&socket, true).unwrap();
            assert_eq!(socket.reuse_address().unwrap(), expected);
        }
    }
}
