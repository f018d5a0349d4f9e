//! A server of raw connections: a type with one `async fn` is served over every kind of socket.
//!
//! In: a bound [`Listener`], a [`Handler`], a stop token. Out: each connection handed to the handler in a task of its own,
//! [`Event`]s for whoever watches, a graceful end. A handler that panics or fails ends its own connection and no other.
//!
//! ```text
//! permit ─► accept ─► task: options, TLS ─► challenge ─► handler ─► told how it ended
//!                 └─► datagrams and a handler that just answers: one loop, no tasks (respond)
//! ```

use std::{fmt, future::Future, io, pin::pin, sync::Arc, time::Duration};

use landline_addr::raw::RawEndpoint;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Connection, Talk},
    error::RawError,
    guard::GuardLimits,
    info::SocketInfo,
    listener::{Arrived, Listener},
    options::SocketOptions,
    peer::PeerName,
    proof::Prover,
    respond::{self, Responder},
    sessions::SessionLimits,
    tls::ServerTls,
};
use crate::server::trouble::Trouble;

/// What a server does with each connection.
///
/// ```
/// use landline_net::raw::{Connection, RawError, server::Handler};
///
/// struct Upper;
///
/// impl Handler for Upper {
///     async fn handle(&self, mut connection: Connection) -> Result<(), RawError> {
///         while let Some(message) = connection.receive().await? {
///             connection.send(&message.body.to_ascii_uppercase()).await?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Serves one connection to its end.
    fn handle(&self, connection: Connection) -> impl Future<Output = Result<(), RawError>> + Send;

    /// What answers single datagrams, if the handler needs no conversation; then datagram sockets are served by one loop without
    /// a task a peer, and guarded against loops and amplification.
    fn responder(&self) -> Option<Arc<dyn Responder>> {
        None
    }
}

/// How a server is set up. The defaults are right for a machine on the open network.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// What is asked of the sockets.
    pub socket: SocketOptions,
    /// How connections talk.
    pub talk: Talk,
    /// Connections at once; further ones wait in the kernel's queue. A permit is taken before accept.
    pub connections: usize,
    /// Connections in all, after which the server ends by itself.
    pub total: Option<u64>,
    /// The longest life of a connection.
    pub timeout: Option<Duration>,
    /// How long connections may go on when the server is stopped.
    pub grace: Duration,
    /// What the peers of a datagram socket may take.
    pub sessions: SessionLimits,
    /// What datagram answers are guarded by.
    pub guard: GuardLimits,
    /// For `tls://`.
    pub tls: Option<Arc<ServerTls>>,
    /// The challenge that each connection has to meet first.
    pub prover: Option<Prover>,
}

impl Default for ServerOptions {
    /// 1024 connections at once, ten seconds of grace, no challenge.
    fn default() -> Self {
        Self {
            socket: SocketOptions::default(),
            talk: Talk::default(),
            connections: 1024,
            total: None,
            timeout: None,
            grace: Duration::from_secs(10),
            sessions: SessionLimits::default(),
            guard: GuardLimits::default(),
            tls: None,
            prover: None,
        }
    }
}

/// Something that happened at a server.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A connection stands and its challenge, if there is one, was met.
    Connected {
        /// Counts from 1 at each server.
        id: u64,
        /// Who.
        peer: &'a PeerName,
    },
    /// A connection ended.
    Closed {
        /// That of [`Event::Connected`].
        id: u64,
        /// Who.
        peer: &'a PeerName,
        /// Bytes that came.
        received: u64,
        /// Bytes that went.
        sent: u64,
        /// Why it ended, if not as it should.
        fault: Option<&'a RawError>,
    },
    /// Somebody came and was not served: TLS or the challenge failed.
    Refused {
        /// Who.
        peer: &'a PeerName,
        /// Why.
        fault: &'a RawError,
    },
}

/// Watches a server.
pub type Watcher = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// What a server did in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Served {
    /// Connections or peers that were served.
    pub connections: u64,
    /// Connections that were cut because the grace period was over.
    pub cut: usize,
    /// Datagrams that got no answer: too many of one source, too long an answer, too many peers.
    pub dropped: u64,
}

/// A server that is bound and does not accept yet.
pub struct Server {
    listener: Listener,
    options: ServerOptions,
    watcher: Option<Watcher>,
}

struct Shared<H> {
    handler: H,
    options: ServerOptions,
    watcher: Option<Watcher>,
}

impl Server {
    /// Binds `endpoint`.
    ///
    /// # Errors
    /// As the system refuses it.
    pub async fn bind(endpoint: &RawEndpoint, options: ServerOptions) -> io::Result<Self> {
        let sessions = SessionLimits { read_bytes: options.talk.read_bytes, ..options.sessions };
        let listener = Listener::bind(endpoint, &options.socket, sessions, options.tls.clone()).await?;
        Ok(Self { listener, options, watcher: None })
    }

    /// Tells `watcher` what happens from now on.
    #[must_use]
    pub fn watched(mut self, watcher: Watcher) -> Self {
        self.watcher = Some(watcher);
        self
    }

    /// Where it listens, a port of the system's choice included.
    #[must_use]
    pub fn bound(&self) -> &RawEndpoint {
        self.listener.bound()
    }

    /// The listening socket, as the kernel has it.
    #[must_use]
    pub fn info(&self) -> &SocketInfo {
        self.listener.info()
    }

    /// Serves until `stop`, or until as many connections as were allowed have ended.
    ///
    /// # Errors
    /// If the socket itself fails; what goes wrong with one connection is only told to the watcher.
    pub async fn serve<H: Handler>(self, handler: H, stop: CancellationToken) -> io::Result<Served> {
        if let (Some(socket), Some(responder)) = (self.listener.packets(), handler.responder()) {
            return respond::serve(&socket, responder.as_ref(), &self.options, &stop).await;
        }
        let Self { mut listener, options, watcher } = self;
        let permits = Arc::new(Semaphore::new(options.connections));
        let grace = options.grace;
        let total = options.total.unwrap_or(u64::MAX);
        let shared = Arc::new(Shared { handler, options, watcher });
        let mut running = JoinSet::new();
        let mut served = Served::default();
        let mut trouble = Trouble::new(ACCEPT_BACKOFF, ACCEPT_BACKOFF_MAX);
        while served.connections < total {
            let arrived = {
                let arrival = next(&mut listener, &permits);
                tokio::pin!(arrival);
                loop {
                    tokio::select! {
                        () = stop.cancelled() => break Ok(None),
                        Some(ended) = running.join_next() => note_panic(ended),
                        arrived = &mut arrival => break arrived,
                    }
                }
            };
            match arrived {
                Ok(None) => break,
                Ok(Some((arrived, permit))) => {
                    trouble.over();
                    served.connections += 1;
                    let (shared, id) = (Arc::clone(&shared), served.connections);
                    running.spawn(async move {
                        attend(&shared, arrived, id).await;
                        drop(permit);
                    });
                }
                Err(fault) => trouble.wait_out(&fault, listener.accept()).await,
            }
        }
        served.dropped = listener.dropped();
        served.cut = end(&mut listener, running, grace, &stop).await;
        Ok(served)
    }
}

/// First wait after accept failed; doubled each time.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(10);
/// The longest wait after accept failed.
const ACCEPT_BACKOFF_MAX: Duration = Duration::from_secs(1);

type Permit = Option<OwnedSemaphorePermit>;

/// The permit comes first, so that without one callers wait in the kernel's queue and cost nothing. Datagrams of peers that are
/// served already must be sorted all the time: there the sessions have a limit of their own.
async fn next(listener: &mut Listener, permits: &Arc<Semaphore>) -> io::Result<Option<(Arrived, Permit)>> {
    let permit = if listener.is_datagram() {
        None
    } else {
        Some(Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?)
    };
    Ok(listener.accept().await?.map(|arrived| (arrived, permit)))
}

/// Waits for what still runs: for ever if the server ends by itself, within the grace period once it is stopped. Datagrams
/// go on being sorted meanwhile. Returns how many were cut.
async fn end(listener: &mut Listener, mut running: JoinSet<()>, grace: Duration, stop: &CancellationToken) -> usize {
    let sorting = listener.is_datagram();
    let over = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::pin!(over);
    loop {
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(ended) => note_panic(ended),
                None => return 0,
            },
            _ = listener.accept(), if sorting => {} // a new peer: let go of at once
            () = &mut over => break,
        }
    }
    let cut = running.len();
    running.shutdown().await;
    cut
}

async fn attend<H: Handler>(shared: &Shared<H>, arrived: Arrived, id: u64) {
    let peer = arrived.peer().clone();
    let options = &shared.options;
    let tell = |event: &Event<'_>| {
        if let Some(watcher) = &shared.watcher {
            watcher(event);
        }
    };
    // What is only passed through is kept apart from the task, which is as large as its largest step for its whole life.
    let connection = match Box::pin(welcome(arrived, options)).await {
        Ok(connection) => connection,
        Err(fault) => return tell(&Event::Refused { peer: &peer, fault: &fault }),
    };
    let traffic = connection.traffic();
    tell(&Event::Connected { id, peer: &peer });
    let handling = pin!(shared.handler.handle(connection));
    let outcome = match options.timeout {
        None => handling.await,
        Some(limit) => Box::pin(timeout(limit, handling)).await.unwrap_or(Err(RawError::TimedOut(limit))),
    };
    let (received, sent, fault) = (traffic.received(), traffic.sent(), outcome.as_ref().err());
    tell(&Event::Closed { id, peer: &peer, received, sent, fault });
}

async fn welcome(arrived: Arrived, options: &ServerOptions) -> Result<Connection, RawError> {
    let mut connection = arrived.welcome(&options.socket, &options.talk).await?;
    if let Some(prover) = &options.prover {
        let _proved = prover.challenge(&mut connection).await?; // who is not proved does not get here
    }
    Ok(connection)
}

fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(fault) = ended
        && fault.is_panic()
    {
        tracing::error!("a connection's handler panicked; it ended alone: {fault}");
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::{
        AnyHandler, link,
        respond::{Responding, Verdict},
    };

    struct Mute;

    impl Responder for Mute {
        fn respond(&self, _request: &[u8], _answer: &mut Vec<u8>) -> Verdict {
            Verdict::Silent
        }
    }

    /// Two allocations a connection, with which the memory of a silent one stands and falls (`cargo xtask bench sockets`, `idle`).
    #[tokio::test]
    async fn the_task_of_a_silent_connection_and_its_handler_are_small() {
        let (near, _far) = Connection::pair(1, &Talk::default()).unwrap();
        let handler = Responding::new(Mute);
        let handling = size_of_val(&handler.handle(near));
        let handler = AnyHandler::new(Responding::new(Mute));
        let shared = Shared { handler, options: ServerOptions::default(), watcher: None };
        let (stream, _far) = tokio::io::duplex(1);
        let task = size_of_val(&attend(&shared, Arrived::plain(link::memory(stream), PeerName::Memory), 1));
        assert!(handling <= 448 && task <= 384, "handler {handling}, task {task}");
    }
}
