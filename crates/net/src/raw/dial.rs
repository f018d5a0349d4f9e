//! Dialling a raw endpoint.
//!
//! In: an endpoint, options, how to talk. Out: a [`Connection`] and what the kernel made of its socket. Names are raced
//! (`race`); TLS is verified unless its configuration says otherwise (`tls`).

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use landline_addr::{
    endpoint::Host,
    raw::{RawEndpoint, UnixName},
};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};

use super::{
    connection::{Connection, Talk},
    info::{self, SocketInfo},
    link::{self, Halves, ReadLink, ToPeer, WriteLink},
    open,
    options::SocketOptions,
    packets::Packets,
    peer::PeerName,
    race::race,
    tls::{self, ClientTls},
};
use crate::address;

/// How to dial.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use landline_net::raw::{DialOptions, SocketOptions, Talk, tls::{ClientTls, Trust}};
///
/// let options = DialOptions {
///     talk: Talk { incoming: "line".parse()?, outgoing: "line".parse()?, ..Talk::default() },
///     socket: SocketOptions { keepalive: Some(Duration::from_secs(60)), ..SocketOptions::default() },
///     patience: Duration::from_secs(3),
///     tls: Some(Arc::new(ClientTls::new(Trust::Insecure)?)),
/// };
/// # let _ = options;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DialOptions {
    /// What is asked of the socket.
    pub socket: SocketOptions,
    /// How the connection talks.
    pub talk: Talk,
    /// For one address to answer, and for TLS to be agreed on.
    pub patience: Duration,
    /// How `tls://` is verified.
    pub tls: Option<Arc<ClientTls>>,
}

impl Default for DialOptions {
    /// Ten seconds for an address; TLS has to be set if it is used.
    fn default() -> Self {
        Self { socket: SocketOptions::default(), talk: Talk::default(), patience: Duration::from_secs(10), tls: None }
    }
}

/// Why nothing was reached. The endpoint stands in the words of whoever tells it.
///
/// ```
/// use landline_net::raw::{DialOptions, dial, dial::RawDialError};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let nobody = dial(&"unix:/nowhere/at/all".parse()?, &DialOptions::default()).await;
/// assert!(matches!(nobody, Err(RawDialError::Connect { source }) if source.kind() == std::io::ErrorKind::NotFound));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RawDialError {
    /// The name stands for nothing that can be found.
    #[error("no address for {name}")]
    Resolve {
        /// The name.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The system, or the other machine, refused.
    #[error("cannot connect")]
    Connect {
        /// Why; its number is the one that `connect_ex` of Python gives.
        source: io::Error,
    },
    /// TLS could not be agreed on, or the certificate is not to be trusted.
    #[error("no TLS")]
    Tls {
        /// Why.
        source: io::Error,
    },
}

impl From<RawDialError> for io::Error {
    fn from(fault: RawDialError) -> Self {
        match fault {
            RawDialError::Resolve { source, .. } | RawDialError::Connect { source } | RawDialError::Tls { source } => {
                source
            }
        }
    }
}

/// A socket that stands, whose it is, and what the kernel made of it.
type Connected = (Halves, PeerName, SocketInfo);

/// A connection, and its socket as it was when it stood.
///
/// ```
/// use landline_net::raw::{DialOptions, dial};
/// # use landline_net::raw::{Connection, Server, ServerOptions, handler_fn};
/// # use tokio_util::sync::CancellationToken;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let server = Server::bind(&"tcp://127.0.0.1:0".parse()?, ServerOptions::default()).await?;
/// # let endpoint = server.bound().clone();
/// # let greeter = handler_fn(async |mut connection: Connection| connection.send(b"hello").await);
/// # let serving = tokio::spawn(server.serve(greeter, CancellationToken::new()));
/// let dialled = dial(&endpoint, &DialOptions::default()).await?;
/// assert_eq!((dialled.info.family, dialled.info.kind), ("AF_INET", "SOCK_STREAM"));
/// let mut connection = dialled.connection;
/// assert_eq!(connection.receive().await?.expect("a greeting").body, "hello");
/// # serving.abort();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Dialled {
    /// To talk with.
    pub connection: Connection,
    /// As the kernel has it.
    pub info: SocketInfo,
}

/// Dials `endpoint`.
///
/// ```
/// use landline_net::raw::{DialOptions, dial};
/// # use landline_net::raw::{Connection, Server, ServerOptions, handler_fn};
/// # use tokio_util::sync::CancellationToken;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let server = Server::bind(&"tcp://127.0.0.1:0".parse()?, ServerOptions::default()).await?;
/// # let endpoint = server.bound().clone();
/// # let greeter = handler_fn(async |mut connection: Connection| connection.send(b"hello").await);
/// # let serving = tokio::spawn(server.serve(greeter, CancellationToken::new()));
/// // `endpoint` is "tcp://127.0.0.1:41234".parse()?, for instance.
/// let mut connection = dial(&endpoint, &DialOptions::default()).await?.connection;
/// assert_eq!(connection.receive().await?.expect("a greeting").body, "hello");
/// # serving.abort();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// See [`RawDialError`].
pub async fn dial(endpoint: &RawEndpoint, options: &DialOptions) -> Result<Dialled, RawDialError> {
    let connect = |source| RawDialError::Connect { source };
    match endpoint {
        RawEndpoint::Tcp { host, port } => {
            let (stream, peer) = connect_tcp(host, *port, options).await?;
            let info = info::read(&stream).map_err(connect)?;
            dialled(link::tcp(stream), peer, info, options)
        }
        RawEndpoint::Tls { host, port } => {
            let (stream, peer) = connect_tcp(host, *port, options).await?;
            let info = info::read(&stream).map_err(connect)?;
            let tls = options.tls.as_ref().ok_or_else(|| connect(io::ErrorKind::Unsupported.into()))?;
            let shaking = tls.connect(host, stream);
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no handshake in time");
            let failed = |source| RawDialError::Tls { source };
            let stream = timeout(options.patience, shaking).await.map_err(late).and_then(|shaken| shaken);
            let stream = stream.map_err(failed)?;
            let exporter = tls::exporter(stream.get_ref().1).map_err(failed)?;
            let mut found = dialled(link::tls(stream.into()), peer, info, options)?;
            found.connection = found.connection.bound_to(exporter);
            Ok(found)
        }
        RawEndpoint::Udp { host, port } => dial_udp(host, *port, options).await,
        RawEndpoint::Unix(name) => {
            let (halves, peer, info) = dial_unix(name, options).map_err(connect)?;
            dialled(halves, peer, info, options)
        }
        RawEndpoint::UnixDgram(name) => {
            let (halves, peer, info) = dial_packets(name, Type::DGRAM, options).map_err(connect)?;
            dialled(halves, peer, info, options)
        }
        RawEndpoint::UnixSeqpacket(name) => {
            let (halves, peer, info) = dial_packets(name, Type::SEQPACKET, options).map_err(connect)?;
            dialled(halves, peer, info, options)
        }
        RawEndpoint::Fd(number) => {
            let socket = open::inherited(*number).map_err(connect)?;
            let (halves, peer, info) = connected(socket).map_err(connect)?;
            dialled(halves, peer, info, options)
        }
    }
}

fn dialled(halves: Halves, peer: PeerName, info: SocketInfo, options: &DialOptions) -> Result<Dialled, RawDialError> {
    let made = Connection::new(halves, peer, &options.talk);
    let connection = made.map_err(|fault| RawDialError::Connect { source: fault.into() })?;
    Ok(Dialled { connection, info })
}

async fn resolved(host: &Host, port: u16) -> Result<Vec<SocketAddr>, RawDialError> {
    address::resolve(host, port).await.map_err(|source| RawDialError::Resolve { name: host.to_string(), source })
}

async fn connect_tcp(host: &Host, port: u16, options: &DialOptions) -> Result<(TcpStream, PeerName), RawDialError> {
    let found = resolved(host, port).await?;
    let attempt = |address: SocketAddr| {
        let asked = options.socket.clone();
        async move {
            let socket = open::inet(address, Type::STREAM)?;
            asked.apply_first(&socket, false)?;
            if let Some(own) = asked.bind {
                socket.bind(&own.into())?;
            }
            asked.apply_connected(&socket)?;
            tokio::net::TcpSocket::from_std_stream(socket.into()).connect(address).await
        }
    };
    let (stream, address) =
        race(&found, options.patience, attempt).await.map_err(|source| RawDialError::Connect { source })?;
    Ok((stream, PeerName::Inet(address)))
}

/// UDP has no connection; the kernel is told the peer, so that others are not heard and a closed port is reported. A group
/// or a broadcast address is not told: its answers come from other addresses.
async fn dial_udp(host: &Host, port: u16, options: &DialOptions) -> Result<Dialled, RawDialError> {
    let connect = |source| RawDialError::Connect { source };
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in resolved(host, port).await? {
        match udp_to(address, options) {
            Ok((socket, to_many)) => {
                let info = info::read(&socket).map_err(connect)?;
                let socket = Packets::new(socket, false).map_err(connect)?;
                let halves = if to_many { to_anyone(socket, address) } else { link::packets(socket) };
                return dialled(halves, PeerName::Inet(address), info, options);
            }
            Err(fault) => last = fault,
        }
    }
    Err(connect(last))
}

fn udp_to(address: SocketAddr, options: &DialOptions) -> io::Result<(Socket, bool)> {
    let socket = open::inet(address, Type::DGRAM)?;
    options.socket.apply_first(&socket, false)?;
    if let Some(own) = options.socket.bind {
        socket.bind(&own.into())?;
    }
    let to_many = options.socket.broadcast || address.ip().is_multicast();
    if address.ip().is_multicast() {
        open::speaks_on(&socket, address.ip(), &options.socket)?;
    }
    if !to_many {
        socket.connect(&address.into())?;
    }
    Ok((socket, to_many))
}

fn to_anyone(socket: Packets, address: SocketAddr) -> Halves {
    let socket = Arc::new(socket);
    let peer = ToPeer { socket: Arc::clone(&socket), to: address.into(), allowance: None };
    (ReadLink::Anyone(socket), WriteLink::Session(Box::new(peer)))
}

fn dial_unix(name: &UnixName, options: &DialOptions) -> io::Result<Connected> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    options.socket.apply_first(&socket, false)?;
    let address = open::unix_address(name)?;
    socket.connect(&address)?; // local: it stands or fails at once, or waits while the server's queue is full
    socket.set_nonblocking(true)?;
    let stream = UnixStream::from_std(std::os::fd::OwnedFd::from(socket).into())?;
    let (info, peer) = (info::read(&stream)?, of_unix(&stream));
    Ok((link::unix(stream), peer, info))
}

fn dial_packets(name: &UnixName, kind: Type, options: &DialOptions) -> io::Result<Connected> {
    let socket = Socket::new(Domain::UNIX, kind, None)?;
    options.socket.apply_first(&socket, false)?;
    if kind == Type::DGRAM {
        open::name_itself(&socket)?;
    }
    let address: SockAddr = open::unix_address(name)?;
    socket.connect(&address)?;
    socket.set_nonblocking(true)?;
    let info = info::read(&socket)?;
    let peer = info::name(&address);
    Ok((link::packets(Packets::new(socket, kind == Type::SEQPACKET)?), peer, info))
}

/// A socket of any kind that is connected already.
pub(crate) fn connected(socket: Socket) -> io::Result<Connected> {
    let info = info::read(&socket)?;
    let (family, kind) = (socket.domain()?, socket.r#type()?);
    let peer = info::name(&socket.peer_addr()?);
    let owned = |socket: Socket| std::os::fd::OwnedFd::from(socket);
    let halves = if kind != Type::STREAM {
        link::packets(Packets::new(socket, kind == Type::SEQPACKET)?)
    } else if family == Domain::UNIX {
        link::unix(UnixStream::from_std(owned(socket).into())?)
    } else {
        link::tcp(TcpStream::from_std(socket.into())?)
    };
    Ok((halves, peer, info))
}

/// Who is at the other end of a UNIX stream, as the kernel knows it.
pub(crate) fn of_unix(stream: &UnixStream) -> PeerName {
    let cred = stream.peer_cred().ok();
    PeerName::Local {
        uid: cred.as_ref().map(tokio::net::unix::UCred::uid),
        pid: cred.as_ref().and_then(tokio::net::unix::UCred::pid),
    }
}
