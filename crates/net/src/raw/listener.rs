//! Listening at a raw endpoint, and taking what arrives.
//!
//! In: an endpoint, options. Out: an address that was bound, then one [`Arrived`] after the other: a connection, or the first
//! datagram of a peer that was not heard before. A handshake of TLS is the business of [`Arrived::welcome`], so that nobody
//! who dawdles holds up the next.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use landline_addr::{
    endpoint::Host,
    raw::{RawEndpoint, UnixName},
};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::{
    io::unix::AsyncFd,
    net::{TcpListener, TcpStream, UnixListener},
    time::timeout,
};

use super::{
    connection::{Connection, Talk},
    dial,
    error::RawError,
    info::{self, SocketInfo},
    link::{self, Halves, Plain},
    open::{self, Bound},
    options::SocketOptions,
    packets::{self, Packets},
    peer::PeerName,
    sessions::{SessionLimits, Sessions},
    tls::{self, ServerTls},
};
use crate::server::socket::SocketFile;

/// From accepted until TLS is agreed on.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A bound endpoint.
#[derive(Debug)]
pub struct Listener {
    /// First, so that it is removed before the socket is closed: whoever finds the file finds somebody behind it.
    _file: Option<SocketFile>,
    source: Source,
    options: SocketOptions,
    tls: Option<Arc<ServerTls>>,
    bound: RawEndpoint,
    info: SocketInfo,
}

#[derive(Debug)]
enum Source {
    Tcp(TcpListener),
    Unix(UnixListener),
    Seqpacket(AsyncFd<Socket>),
    Datagrams(Sessions),
    /// A descriptor that was connected already, as from inetd; taken once.
    Connected(Option<(Halves, PeerName)>),
}

/// Somebody who came, and has not been welcomed yet.
#[derive(Debug)]
pub struct Arrived {
    peer: PeerName,
    link: Pending,
}

#[derive(Debug)]
enum Pending {
    Plain(Halves),
    Tls(TcpStream, Arc<ServerTls>),
}

impl Listener {
    /// Binds `endpoint`. `tls` must be given for `tls://`.
    ///
    /// # Errors
    /// As the system refuses; [`io::ErrorKind::Unsupported`] for `tls://` without its configuration.
    pub async fn bind(
        endpoint: &RawEndpoint,
        options: &SocketOptions,
        sessions: SessionLimits,
        tls: Option<Arc<ServerTls>>,
    ) -> io::Result<Self> {
        let tls = match endpoint {
            RawEndpoint::Tls { .. } => Some(tls.ok_or(io::ErrorKind::Unsupported)?),
            _ => None,
        };
        let Bound { socket, file } = open::bound(endpoint, options).await?;
        let info = info::read(&socket)?;
        let bound = told(endpoint, &socket);
        let source = Source::of(socket, sessions)?;
        Ok(Self { _file: file, source, options: options.clone(), tls, bound, info })
    }

    /// The endpoint with the address that it got, a port of the system's choice included.
    #[must_use]
    pub fn bound(&self) -> &RawEndpoint {
        &self.bound
    }

    /// The socket, as the kernel has it.
    #[must_use]
    pub fn info(&self) -> &SocketInfo {
        &self.info
    }

    /// Whether one socket is shared by all peers.
    #[must_use]
    pub fn is_datagram(&self) -> bool {
        matches!(self.source, Source::Datagrams(_))
    }

    /// The shared socket, taken out of its sessions.
    pub(crate) fn packets(&self) -> Option<Arc<Packets>> {
        match &self.source {
            Source::Datagrams(sessions) => Some(sessions.socket()),
            Source::Tcp(_) | Source::Unix(_) | Source::Seqpacket(_) | Source::Connected(_) => None,
        }
    }

    /// Datagrams that no session took: too many peers, or one that does not keep up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        match &self.source {
            Source::Datagrams(sessions) => sessions.dropped(),
            Source::Tcp(_) | Source::Unix(_) | Source::Seqpacket(_) | Source::Connected(_) => 0,
        }
    }

    /// The next who comes; `None` if nobody will. Cancel-safe.
    ///
    /// # Errors
    /// As accepting fails; may be tried again.
    pub async fn accept(&mut self) -> io::Result<Option<Arrived>> {
        match &mut self.source {
            Source::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                let peer = PeerName::Inet(from);
                let link = match &self.tls {
                    Some(tls) => Pending::Tls(stream, Arc::clone(tls)),
                    None => Pending::Plain(link::tcp(stream)),
                };
                Ok(Some(Arrived { peer, link }))
            }
            Source::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Some(Arrived { peer: dial::of_unix(&stream), link: Pending::Plain(link::unix(stream)) }))
            }
            Source::Seqpacket(listener) => {
                let socket = accept_seqpacket(listener).await?;
                let (halves, peer, _) = dial::connected(socket)?;
                Ok(Some(Arrived { peer, link: Pending::Plain(halves) }))
            }
            Source::Datagrams(sessions) => {
                let (halves, peer) = sessions.next().await?;
                Ok(Some(Arrived { peer, link: Pending::Plain(halves) }))
            }
            Source::Connected(one) => {
                Ok(one.take().map(|(halves, peer)| Arrived { peer, link: Pending::Plain(halves) }))
            }
        }
    }

    /// What is asked of each connection.
    #[must_use]
    pub fn options(&self) -> &SocketOptions {
        &self.options
    }
}

impl Source {
    fn of(socket: Socket, sessions: SessionLimits) -> io::Result<Self> {
        let (family, kind) = (socket.domain()?, socket.r#type()?);
        let owned = |socket: Socket| std::os::fd::OwnedFd::from(socket);
        if kind == Type::DGRAM && socket.peer_addr().is_err() {
            return Ok(Self::Datagrams(Sessions::new(Packets::new(socket, false)?, sessions)));
        }
        if !open::listens(&socket) {
            let (halves, peer, _) = dial::connected(socket)?;
            return Ok(Self::Connected(Some((halves, peer))));
        }
        if kind == Type::SEQPACKET {
            Ok(Self::Seqpacket(packets::watched(socket)?))
        } else if family == Domain::UNIX {
            Ok(Self::Unix(UnixListener::from_std(owned(socket).into())?))
        } else {
            Ok(Self::Tcp(TcpListener::from_std(socket.into())?))
        }
    }
}

impl Arrived {
    #[cfg(test)]
    pub(crate) fn plain(halves: Halves, peer: PeerName) -> Self {
        Self { peer, link: Pending::Plain(halves) }
    }

    /// Who came.
    #[must_use]
    pub fn peer(&self) -> &PeerName {
        &self.peer
    }

    /// Makes a connection of it: options are set, TLS is agreed on.
    ///
    /// # Errors
    /// As the system refuses an option, or TLS fails or takes too long.
    pub async fn welcome(self, options: &SocketOptions, talk: &Talk) -> Result<Connection, RawError> {
        match self.link {
            Pending::Plain(halves) => {
                if let Some(Plain::Tcp(tcp)) = halves.1.plain() {
                    options.apply_connected(&SockRef::from(tcp))?;
                }
                Connection::new(halves, self.peer, talk)
            }
            Pending::Tls(stream, tls) => {
                options.apply_connected(&SockRef::from(&stream))?;
                // Apart from the task, which would else be as large as a handshake for its whole life.
                Box::pin(secure(stream, tls, self.peer, talk)).await
            }
        }
    }
}

async fn secure(stream: TcpStream, tls: Arc<ServerTls>, peer: PeerName, talk: &Talk) -> Result<Connection, RawError> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no TLS handshake in time");
    let stream = timeout(HANDSHAKE, tls.accept(stream)).await.map_err(late)??;
    let exporter = tls::exporter(stream.get_ref().1)?;
    Ok(Connection::new(link::tls(stream.into()), peer, talk)?.bound_to(exporter))
}

async fn accept_seqpacket(listener: &AsyncFd<Socket>) -> io::Result<Socket> {
    loop {
        let mut guard = listener.readable().await?;
        if let Ok(accepted) = guard.try_io(|fd| fd.get_ref().accept()) {
            let (socket, _) = accepted?;
            socket.set_nonblocking(true)?;
            return Ok(socket);
        }
    }
}

/// `asked` with what became of it.
fn told(asked: &RawEndpoint, socket: &Socket) -> RawEndpoint {
    let address: Option<SocketAddr> = socket.local_addr().ok().and_then(|address| address.as_socket());
    let host = |own: &Host, address: SocketAddr| {
        if *own == Host::Any { Host::Any } else { Host::Ip(address.ip()) }
    };
    match (asked, address) {
        (RawEndpoint::Tcp { host: own, .. }, Some(at)) => RawEndpoint::Tcp { host: host(own, at), port: at.port() },
        (RawEndpoint::Tls { host: own, .. }, Some(at)) => RawEndpoint::Tls { host: host(own, at), port: at.port() },
        (RawEndpoint::Udp { host: own, .. }, Some(at)) => RawEndpoint::Udp { host: host(own, at), port: at.port() },
        (RawEndpoint::Fd(_), Some(at)) if open::is_udp(socket) => {
            RawEndpoint::Udp { host: Host::Ip(at.ip()), port: at.port() }
        }
        (RawEndpoint::Fd(_), Some(at)) => RawEndpoint::Tcp { host: Host::Ip(at.ip()), port: at.port() },
        (RawEndpoint::Unix(UnixName::Path(path)), None) => {
            RawEndpoint::Unix(UnixName::Path(std::path::absolute(path).unwrap_or_else(|_| path.clone())))
        }
        _ => asked.clone(),
    }
}
