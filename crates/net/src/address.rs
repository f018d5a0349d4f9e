//! From endpoints to sockets: what a name stands for, what to listen on, and which addresses others can reach.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdTcpListener},
};

use landline_addr::endpoint::{Endpoint, Host};
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait between arriving and being accepted; the kernel caps it at its own `somaxconn`.
const BACKLOG: i32 = 1024;

/// The addresses that `host` stands for, in the resolver's order; for [`Host::Any`] the two loopback addresses.
///
/// # Errors
/// As the resolver fails, or if it answers with nothing.
pub async fn resolve(host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = match host {
        Host::Any => vec![(Ipv6Addr::LOCALHOST, port).into(), (Ipv4Addr::LOCALHOST, port).into()],
        Host::Ip(ip) => vec![(*ip, port).into()],
        Host::Name(name) => tokio::net::lookup_host((name.as_str(), port)).await?.collect(),
    };
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the resolver knows no address for it"));
    }
    Ok(found)
}

/// Listens on TCP. [`Host::Any`] takes IPv4 and IPv6 on one socket, or IPv4 alone where the system has no IPv6.
///
/// # Errors
/// As the system refuses: the port is taken, needs a privilege, or the address is not ours.
pub async fn listen_tcp(host: &Host, port: u16) -> io::Result<StdTcpListener> {
    if *host == Host::Any {
        return match listen_on((Ipv6Addr::UNSPECIFIED, port).into()) {
            Err(fault) if no_ipv6(&fault) => listen_on((Ipv4Addr::UNSPECIFIED, port).into()),
            other => other,
        };
    }
    let mut last = None;
    for address in resolve(host, port).await? {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(fault) => last = Some(fault),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable)))
}

pub(crate) fn no_ipv6(fault: &io::Error) -> bool {
    matches!(fault.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || fault.raw_os_error() == Some(97) // EAFNOSUPPORT has no kind of its own
}

fn listen_on(address: SocketAddr) -> io::Result<StdTcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?; // a restart must not wait for TIME_WAIT
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The endpoints by which others can reach a listener bound to `bound`, most useful first: the addresses of this
/// machine's interfaces if it is bound to any, itself otherwise.
#[must_use]
pub fn reachable(bound: SocketAddr) -> Vec<Endpoint> {
    let here = |ip: IpAddr| Endpoint::Tcp { host: Host::Ip(ip), port: bound.port() };
    if !bound.ip().is_unspecified() {
        return vec![here(bound.ip())];
    }
    let v4_only = bound.is_ipv4();
    let mut found: Vec<IpAddr> =
        if_addrs::get_if_addrs().unwrap_or_default().iter().map(if_addrs::Interface::ip).collect();
    found.retain(|ip| match ip {
        IpAddr::V4(_) => true,
        IpAddr::V6(v6) => !v4_only && !v6.is_unicast_link_local(), // link-local ones need the caller's interface
    });
    found.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6(), *ip));
    found.dedup();
    found.into_iter().map(here).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_socket_takes_both_families() {
        let listener = listen_tcp(&Host::Any, 0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        if listener.local_addr().unwrap().is_ipv6() {
            std::net::TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_refused() {
        let first = listen_tcp(&Host::Ip(Ipv4Addr::LOCALHOST.into()), 0).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let second = listen_tcp(&Host::Ip(Ipv4Addr::LOCALHOST.into()), port).await.unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_listener_on_one_address_is_reached_there_and_only_there() {
        let bound = SocketAddr::from(([127, 0, 0, 2], 99));
        let expected = Endpoint::Tcp { host: Host::Ip(bound.ip()), port: 99 };
        assert_eq!(reachable(bound), vec![expected]);
    }
}
