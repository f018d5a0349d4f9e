//! From a raw endpoint to a socket of the system: made, set up, bound.
//!
//! In: an endpoint with its names resolved, options. Out: a socket that does not block, and the file that stands for it
//! where there is one. Source: socket(7), unix(7), ip(7), ipv6(7).

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::AsFd as _,
};

use landline_addr::{
    endpoint::Host,
    raw::{RawEndpoint, UnixName},
};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Socket, Type};

use super::options::{DEFAULT_BACKLOG, SocketOptions, domain};
use crate::{
    address,
    server::socket::{self as socket_file, SocketFile},
};

/// A socket that is bound, and listens if it can.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Removed when dropped, before the socket is closed.
    pub(crate) file: Option<SocketFile>,
    pub(crate) socket: Socket,
}

/// Binds `endpoint`, to be found there.
///
/// # Errors
/// As the system refuses: the address is taken, needs a privilege, or is not ours.
pub(crate) async fn bound(endpoint: &RawEndpoint, options: &SocketOptions) -> io::Result<Bound> {
    let found = match endpoint {
        RawEndpoint::Tcp { host, port } | RawEndpoint::Tls { host, port } => {
            bound_inet(host, *port, Type::STREAM, options).await?
        }
        RawEndpoint::Udp { host, port } => bound_inet(host, *port, Type::DGRAM, options).await?,
        RawEndpoint::Unix(name) => bound_unix(name, Type::STREAM, options)?,
        RawEndpoint::UnixDgram(name) => bound_unix(name, Type::DGRAM, options)?,
        RawEndpoint::UnixSeqpacket(name) => bound_unix(name, Type::SEQPACKET, options)?,
        RawEndpoint::Fd(number) => Bound { socket: inherited(*number)?, file: None },
    };
    if !matches!(endpoint, RawEndpoint::Fd(_)) && found.socket.r#type()? != Type::DGRAM {
        let backlog = options.backlog.unwrap_or(DEFAULT_BACKLOG);
        found.socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    }
    Ok(found)
}

/// `count` further sockets at the address of `first`, a UDP socket that is bound: the kernel gives each peer's datagrams to one of them
/// (`SO_REUSEPORT`, socket(7)).
///
/// `first` was bound alone, so a second server was refused as ever, and no third one comes in without asking for it.
///
/// # Errors
/// As the system refuses.
pub(crate) fn beside(first: &Socket, count: usize, options: &SocketOptions) -> io::Result<Vec<Socket>> {
    let own = first.local_addr()?;
    let Some(address) = own.as_socket() else { return Ok(Vec::new()) };
    if count == 0 || address.ip().is_multicast() {
        return Ok(Vec::new()); // each listener of a group gets every datagram, and each would answer
    }
    first.set_reuse_port(true)?;
    let shared = SocketOptions { reuse_port: true, ..options.clone() };
    let another = |_| {
        let socket = inet(address, Type::DGRAM)?;
        shared.apply_first(&socket, true)?;
        if address.is_ipv6() {
            socket.set_only_v6(first.only_v6()?)?;
        }
        socket.bind(&own)?;
        Ok(socket)
    };
    (0..count).map(another).collect()
}

/// The inherited descriptor `number`, as a socket that does not block.
pub(crate) fn inherited(number: u32) -> io::Result<Socket> {
    let socket = Socket::from(landline_sys::inherited(number)?);
    socket.r#type()?; // ENOTSOCK, said here and not at the first use
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A socket of the family of `address` that does not block.
pub(crate) fn inet(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let protocol = if kind == Type::DGRAM { Protocol::UDP } else { Protocol::TCP };
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// What `name` is to the system.
pub(crate) fn unix_address(name: &UnixName) -> io::Result<SockAddr> {
    match name {
        UnixName::Path(path) => SockAddr::unix(path),
        UnixName::Abstract(name) => SockAddr::unix(format!("\0{name}")),
    }
}

/// Gives a UNIX datagram socket a name of the kernel's choice, so that it can be answered (unix(7), autobind).
pub(crate) fn name_itself(socket: &Socket) -> io::Result<()> {
    Ok(rustix::net::bind(socket.as_fd(), &rustix::net::SocketAddrUnix::new_unnamed())?)
}

/// Sets on which interface a socket for `group` speaks, if one was named.
pub(crate) fn speaks_on(socket: &Socket, group: IpAddr, options: &SocketOptions) -> io::Result<()> {
    let Some(interface) = options.interface.as_deref() else { return Ok(()) };
    match group {
        IpAddr::V4(_) => socket.set_multicast_if_v4(&address_of(interface)?),
        IpAddr::V6(_) => socket.set_multicast_if_v6(index_of(interface)?),
    }
}

async fn bound_inet(host: &Host, port: u16, kind: Type, options: &SocketOptions) -> io::Result<Bound> {
    if *host == Host::Any {
        let both = bound_at((Ipv6Addr::UNSPECIFIED, port).into(), kind, options);
        return match both {
            Err(fault) if address::no_ipv6(&fault) => bound_at((Ipv4Addr::UNSPECIFIED, port).into(), kind, options),
            other => other,
        };
    }
    let mut last = None;
    for address in address::resolve(host, port).await? {
        match bound_at(address, kind, options) {
            Ok(found) => return Ok(found),
            Err(fault) => last = Some(fault),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable)))
}

fn bound_at(address: SocketAddr, kind: Type, options: &SocketOptions) -> io::Result<Bound> {
    let socket = inet(address, kind)?;
    options.apply_first(&socket, true)?;
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    let group = kind == Type::DGRAM && address.ip().is_multicast();
    if group {
        socket.set_reuse_address(true)?; // a group is for several listeners: each gets every datagram
    }
    socket.bind(&address.into())?;
    if group {
        join(&socket, address.ip(), options)?;
    }
    Ok(Bound { socket, file: None })
}

fn join(socket: &Socket, group: IpAddr, options: &SocketOptions) -> io::Result<()> {
    let interface = options.interface.as_deref();
    match group {
        IpAddr::V4(group) => {
            let index = interface.map(index_of).transpose()?.unwrap_or(0);
            socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))
        }
        IpAddr::V6(group) => socket.join_multicast_v6(&group, interface.map(index_of).transpose()?.unwrap_or(0)),
    }
}

fn bound_unix(name: &UnixName, kind: Type, options: &SocketOptions) -> io::Result<Bound> {
    let found = match name {
        UnixName::Path(path) => {
            let (file, socket) = socket_file::bind(path, kind)?;
            Bound { socket, file: Some(file) }
        }
        UnixName::Abstract(_) => {
            let socket = Socket::new(Domain::UNIX, kind, None)?;
            socket.set_nonblocking(true)?;
            socket.bind(&unix_address(name)?)?;
            Bound { socket, file: None }
        }
    };
    options.apply_first(&found.socket, true)?;
    Ok(found)
}

fn index_of(interface: &str) -> io::Result<u32> {
    let all = if_addrs::get_if_addrs()?;
    let found = all.iter().find(|one| one.name == interface).and_then(|one| one.index);
    found.ok_or_else(|| no_interface(interface))
}

fn address_of(interface: &str) -> io::Result<Ipv4Addr> {
    let all = if_addrs::get_if_addrs()?;
    let found = all.iter().filter(|one| one.name == interface).find_map(|one| match one.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    found.ok_or_else(|| no_interface(interface))
}

fn no_interface(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no interface {name:?} with such an address"))
}

/// Whether `socket` listens for connections.
pub(crate) fn listens(socket: &Socket) -> bool {
    socket.is_listener().unwrap_or(false)
}

/// Whether `socket` is of this machine's own family.
pub(crate) fn domain_is_unix(socket: &Socket) -> bool {
    domain(socket).is_ok_and(|family| family == Domain::UNIX)
}

/// Whether `socket` is of UDP.
pub(crate) fn is_udp(socket: &Socket) -> bool {
    socket.r#type().is_ok_and(|kind| kind == Type::DGRAM) && domain(socket).is_ok_and(|family| family != Domain::UNIX)
}
