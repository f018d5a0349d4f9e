//! What the kernel made of a socket: addresses, family, type, descriptor, and its options as they are now.
//!
//! In: a socket. Out: plain values for a person or a program. Source: socket(7), tcp(7), getsockopt(2).

use std::os::fd::{AsFd, AsRawFd as _, RawFd};

use serde::Serialize;
use socket2::{Domain, SockRef, Type};

use super::peer::PeerName;

/// A socket, as it is. What a kind of socket does not have is `None`.
///
/// ```
/// use landline_net::raw::{Server, ServerOptions};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = Server::bind(&"udp://127.0.0.1:0".parse()?, ServerOptions::default()).await?;
/// let info = server.info();
/// assert_eq!((info.family, info.kind), ("AF_INET", "SOCK_DGRAM"));
/// assert!(info.local.as_ref().is_some_and(|address| address.starts_with("127.0.0.1:")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SocketInfo {
    /// The own address.
    pub local: Option<String>,
    /// The peer's, once there is one.
    pub peer: Option<String>,
    /// `AF_INET`, `AF_INET6` or `AF_UNIX`.
    pub family: &'static str,
    /// `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_SEQPACKET`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The descriptor's number in this process.
    pub descriptor: RawFd,
    /// `SO_SNDBUF` in bytes; what was asked for reads back doubled.
    pub send_buffer: usize,
    /// `SO_RCVBUF` in bytes; what was asked for reads back doubled.
    pub receive_buffer: usize,
    /// `SO_REUSEADDR`.
    pub reuse_address: bool,
    /// `SO_REUSEPORT`.
    pub reuse_port: bool,
    /// `SO_BROADCAST`, of datagram sockets.
    pub broadcast: Option<bool>,
    /// `TCP_NODELAY`.
    pub nodelay: Option<bool>,
    /// `TCP_CORK`.
    pub cork: Option<bool>,
    /// `SO_KEEPALIVE`.
    pub keepalive: Option<bool>,
    /// `TCP_MAXSEG` in bytes: the payload of a full segment.
    pub segment: Option<u32>,
    /// `IP_TTL` or `IPV6_UNICAST_HOPS`.
    pub ttl: Option<u32>,
}

/// Reads all of it from `socket`.
///
/// # Errors
/// If `socket` is none.
pub fn read(socket: &impl AsFd) -> std::io::Result<SocketInfo> {
    let seen = SockRef::from(socket);
    let (family, kind) = (seen.domain()?, seen.r#type()?);
    let tcp = family != Domain::UNIX && kind == Type::STREAM;
    let datagrams = family != Domain::UNIX && kind == Type::DGRAM;
    Ok(SocketInfo {
        local: seen.local_addr().ok().map(|address| name(&address).to_string()),
        peer: seen.peer_addr().ok().map(|address| name(&address).to_string()),
        family: family_word(family),
        kind: kind_word(kind),
        descriptor: socket.as_fd().as_raw_fd(),
        send_buffer: seen.send_buffer_size()?,
        receive_buffer: seen.recv_buffer_size()?,
        reuse_address: seen.reuse_address()?,
        reuse_port: seen.reuse_port().unwrap_or(false),
        broadcast: datagrams.then(|| seen.broadcast().ok()).flatten(),
        nodelay: tcp.then(|| seen.tcp_nodelay().ok()).flatten(),
        cork: tcp.then(|| seen.tcp_cork().ok()).flatten(),
        keepalive: tcp.then(|| seen.keepalive().ok()).flatten(),
        segment: tcp.then(|| seen.tcp_mss().ok()).flatten(),
        ttl: if family == Domain::IPV4 {
            seen.ttl_v4().ok()
        } else if family == Domain::IPV6 {
            seen.unicast_hops_v6().ok()
        } else {
            None
        },
    })
}

impl SocketInfo {
    /// Name and value of everything that is there, in words for a person.
    #[must_use]
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let yes = |on: bool| if on { "on" } else { "off" }.to_owned();
        let mut rows = vec![("family", self.family.to_owned()), ("type", self.kind.to_owned())];
        rows.push(("descriptor", self.descriptor.to_string()));
        rows.extend(self.local.clone().map(|text| ("local", text)));
        rows.extend(self.peer.clone().map(|text| ("peer", text)));
        rows.push(("SO_SNDBUF", self.send_buffer.to_string()));
        rows.push(("SO_RCVBUF", self.receive_buffer.to_string()));
        rows.push(("SO_REUSEADDR", yes(self.reuse_address)));
        rows.push(("SO_REUSEPORT", yes(self.reuse_port)));
        rows.extend(self.broadcast.map(|on| ("SO_BROADCAST", yes(on))));
        rows.extend(self.keepalive.map(|on| ("SO_KEEPALIVE", yes(on))));
        rows.extend(self.nodelay.map(|on| ("TCP_NODELAY", yes(on))));
        rows.extend(self.cork.map(|on| ("TCP_CORK", yes(on))));
        rows.extend(self.segment.map(|bytes| ("TCP_MAXSEG", bytes.to_string())));
        rows.extend(self.ttl.map(|hops| ("TTL", hops.to_string())));
        rows
    }
}

/// The name of an address of any family.
pub(crate) fn name(address: &socket2::SockAddr) -> PeerName {
    if let Some(inet) = address.as_socket() {
        return PeerName::Inet(inet);
    }
    if let Some(path) = address.as_pathname() {
        return PeerName::Path(path.to_owned());
    }
    match address.as_abstract_namespace() {
        Some(name) => PeerName::Abstract(name.to_vec()),
        None => PeerName::Local { uid: None, pid: None },
    }
}

fn family_word(family: Domain) -> &'static str {
    if family == Domain::IPV4 {
        "AF_INET"
    } else if family == Domain::IPV6 {
        "AF_INET6"
    } else if family == Domain::UNIX {
        "AF_UNIX"
    } else {
        "another"
    }
}

fn kind_word(kind: Type) -> &'static str {
    if kind == Type::STREAM {
        "SOCK_STREAM"
    } else if kind == Type::DGRAM {
        "SOCK_DGRAM"
    } else if kind == Type::SEQPACKET {
        "SOCK_SEQPACKET"
    } else {
        "another"
    }
}
