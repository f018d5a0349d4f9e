//! A server of raw connections: a type with one `async fn` is served over every kind of socket.
//!
//! In: a bound [`Listener`], a [`Handler`], a stop token. Out: each connection handed to the handler in a task of its own,
//! [`Event`]s for whoever watches, a graceful end. A handler that panics or fails ends its own connection and no other.
//!
//! ```text
//! permit ─► accept ─► task: options, TLS ─► challenge ─► handler ─► told how it ended
//!                 └─► datagrams and a handler that just answers: one loop, no tasks (respond)
//! ```

use std::{
    fmt,
    future::Future,
    io,
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use landline_addr::raw::RawEndpoint;
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tower_layer::Layer;

use super::{
    connection::{Connection, Talk},
    error::RawError,
    guard::GuardLimits,
    info::SocketInfo,
    listener::{Arrived, Listener},
    options::SocketOptions,
    peer::PeerName,
    proof::Prover,
    respond::{Responder, datagrams},
    sessions::SessionLimits,
    tls::ServerTls,
};
use crate::server::trouble::Trouble;

mod door;
mod places;

use door::{Door, Pass};
use places::Places;

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

    /// This handler inside `layer`, which sees each connection first; of several layers the last one is the outermost. See
    /// [`layers`](super::layers).
    ///
    /// ```
    /// use std::time::Duration;
    /// use landline_net::raw::{Handler, Responding, layers::{Limit, Timeout, Trace}};
    /// # use landline_net::raw::{Responder, Verdict};
    /// # struct Echo;
    /// # impl Responder for Echo {
    /// #     fn respond(&self, _: &[u8], _: &mut Vec<u8>) -> Verdict { Verdict::Silent }
    /// # }
    ///
    /// let handler = Responding::new(Echo)
    ///     .layered(Timeout::new(Duration::from_secs(60)))
    ///     .layered(Limit::per_source(8))
    ///     .layered(Trace);
    /// # let _ = handler;
    /// ```
    fn layered<L: Layer<Self>>(self, layer: L) -> L::Service
    where
        Self: Sized,
    {
        layer.layer(self)
    }
}

/// How a server is set up. The defaults are right for a machine on the open network.
///
/// ```
/// use std::time::Duration;
/// use landline_net::raw::{ServerOptions, Talk};
///
/// let options = ServerOptions {
///     talk: Talk { incoming: "line".parse()?, outgoing: "line".parse()?, ..Talk::default() },
///     connections: 64,
///     grace: Duration::from_secs(2),
///     ..ServerOptions::default()
/// };
/// # let _ = options;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// Whether callers may go on waiting in the kernel's queue when the last of [`Self::total`] is being served, though none of them
    /// will be; else they are refused.
    pub keeps_door: bool,
    /// The longest life of a connection.
    pub timeout: Option<Duration>,
    /// How long connections may go on when the server is stopped.
    pub grace: Duration,
    /// What the peers of a datagram socket may take.
    pub sessions: SessionLimits,
    /// What datagram answers are guarded by.
    pub guard: GuardLimits,
    /// UDP sockets that share the address where a [`Responder`] answers, each with a thread of its own (`SO_REUSEPORT`): one for
    /// each core that is to spare. Of no effect where [`Self::total`] is set.
    pub datagram_sockets: usize,
    /// For `tls://`.
    pub tls: Option<Arc<ServerTls>>,
    /// The challenge that each connection has to meet first.
    pub prover: Option<Prover>,
}

impl Default for ServerOptions {
    /// 1024 connections at once, one UDP socket, ten seconds of grace, no challenge.
    fn default() -> Self {
        Self {
            socket: SocketOptions::default(),
            talk: Talk::default(),
            connections: 1024,
            total: None,
            keeps_door: false,
            timeout: None,
            grace: Duration::from_secs(10),
            sessions: SessionLimits::default(),
            guard: GuardLimits::default(),
            datagram_sockets: 1,
            tls: None,
            prover: None,
        }
    }
}

/// Something that happened at a server.
///
/// ```
/// use landline_net::raw::server::Event;
///
/// fn told(event: &Event<'_>) -> Option<String> {
///     match event {
///         Event::Connected { id, peer } => Some(format!("{id}: {peer} is here")),
///         Event::Closed { id, received, sent, .. } => Some(format!("{id}: {received} bytes in, {sent} out")),
///         Event::Refused { peer, fault } => Some(format!("{peer}: {fault}")),
///         _ => None,
///     }
/// }
/// # let _ = told;
/// ```
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
///
/// ```
/// use std::sync::Arc;
/// use landline_net::raw::{Server, ServerOptions, server::{Event, Watcher}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let watcher: Watcher = Arc::new(|event: &Event<'_>| println!("{event:?}"));
/// let server = Server::bind(&"tcp://127.0.0.1:0".parse()?, ServerOptions::default()).await?.watched(watcher);
/// # let _ = server;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Watcher = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// What a server did in its life.
///
/// ```
/// use landline_net::raw::{Server, ServerOptions, handler_fn, server::Served};
/// use tokio_util::sync::CancellationToken;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = Server::bind(&"tcp://127.0.0.1:0".parse()?, ServerOptions::default()).await?;
/// let stop = CancellationToken::new();
/// stop.cancel();
/// assert_eq!(server.serve(handler_fn(async |_| Ok(())), stop).await?, Served::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Served {
    /// Connections or peers that were served; of a [`Responder`] on datagrams, answers.
    pub connections: u64,
    /// Connections that were cut because the grace period was over.
    pub cut: usize,
    /// Datagrams that got no answer: too many of one source, too long an answer, too many peers.
    pub dropped: u64,
}

impl Served {
    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            connections: self.connections.saturating_add(other.connections),
            cut: self.cut.saturating_add(other.cut),
            dropped: self.dropped.saturating_add(other.dropped),
        }
    }
}

/// A server that is bound and does not accept yet.
///
/// ```
/// use landline_net::raw::{Connection, DialOptions, Server, ServerOptions, dial, handler_fn};
/// use tokio_util::sync::CancellationToken;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = Server::bind(&"tcp://127.0.0.1:0".parse()?, ServerOptions::default()).await?;
/// let (endpoint, stop) = (server.bound().clone(), CancellationToken::new());
/// let greeter = handler_fn(async |mut connection: Connection| connection.send(b"hello").await);
/// let serving = tokio::spawn(server.serve(greeter, stop.clone()));
///
/// let mut connection = dial(&endpoint, &DialOptions::default()).await?.connection;
/// assert_eq!(connection.receive().await?.expect("a greeting").body, "hello");
/// stop.cancel();
/// assert_eq!(serving.await??.connections, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    listener: Listener,
    options: ServerOptions,
    watcher: Option<Watcher>,
}

struct Shared<H> {
    handler: H,
    options: ServerOptions,
    watcher: Option<Watcher>,
    places: Places,
    door: Door,
}

impl Server {
    /// Binds `endpoint`.
    ///
    /// # Errors
    /// As the system refuses it.
    pub async fn bind(endpoint: &RawEndpoint, options: ServerOptions) -> io::Result<Self> {
        let guard = options.sessions.guard.map(|_| options.guard);
        let sessions = SessionLimits { read_bytes: options.talk.read_bytes, guard, ..options.sessions };
        let challenged = options.prover.is_some();
        let listener = Listener::bind(endpoint, &options.socket, sessions, options.tls.clone()).await?;
        if challenged && listener.is_datagram() {
            let why = "a challenge needs connections: datagrams can be sent by anybody at any time";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
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
            return datagrams::serve(&socket, responder, self.options, self.watcher, &stop).await;
        }
        let Self { mut listener, options, watcher } = self;
        let door = Door::new(&options, listener.is_datagram());
        let grace = options.grace;
        let shared = Arc::new(Shared { handler, options, watcher, places: Places::default(), door });
        let mut running = JoinSet::new();
        let mut trouble = Trouble::new(ACCEPT_BACKOFF, ACCEPT_BACKOFF_MAX);
        loop {
            let arrived = {
                let arrival = next(&mut listener, &shared.door);
                tokio::pin!(arrival);
                loop {
                    tokio::select! {
                        () = stop.cancelled() => break Ok(None),
                        () = shared.places.gone.cancelled() => break Ok(None),
                        Some(ended) = running.join_next() => note_panic(ended),
                        arrived = &mut arrival => break arrived,
                    }
                }
            };
            match arrived {
                Ok(None) => break,
                Ok(Some((arrived, pass))) => {
                    trouble.over();
                    let shared = Arc::clone(&shared);
                    running.spawn(async move { attend(&shared, arrived, pass).await });
                }
                Err(fault) => trouble.wait_out(&fault, listener.accept()).await,
            }
        }
        // Nobody waits in the queue of a server that takes no more; datagrams go on being sorted.
        let mut waits = None;
        let mut sorting = if listener.is_datagram() {
            Some(listener)
        } else {
            waits = shared.options.keeps_door.then_some(listener);
            None
        };
        let cut = end(&mut sorting, running, grace, &stop).await;
        drop(waits);
        let dropped = sorting.map_or(0, |listener| listener.dropped());
        Ok(Served { connections: shared.places.taken.load(Relaxed), cut, dropped })
    }
}

/// First wait after accept failed; doubled each time.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(10);
/// The longest wait after accept failed.
const ACCEPT_BACKOFF_MAX: Duration = Duration::from_secs(1);

async fn next(listener: &mut Listener, door: &Door) -> io::Result<Option<(Arrived, Pass)>> {
    let pass = door.pass().await?;
    Ok(listener.accept().await?.map(|arrived| (arrived, pass)))
}

/// Waits for what still runs: for ever if the server ends by itself, within the grace period once it is stopped. Datagrams
/// go on being sorted meanwhile. Returns how many were cut.
async fn end(
    sorting: &mut Option<Listener>,
    mut running: JoinSet<()>,
    grace: Duration,
    stop: &CancellationToken,
) -> usize {
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
            sorted = async {
                match sorting {
                    Some(listener) => listener.accept().await.map(drop), // a new peer: let go of at once
                    None => std::future::pending().await,
                }
            } => if sorted.is_err() {
                tokio::time::sleep(ACCEPT_BACKOFF).await; // a socket that fails for good must not fill a core
            },
            () = &mut over => break,
        }
    }
    let cut = running.len();
    running.shutdown().await;
    cut
}

#[expect(clippy::manual_async_fn, reason = "an `async fn` holds what it is given twice, and there is one a connection")]
fn attend<H: Handler>(shared: &Shared<H>, arrived: Arrived, mut pass: Pass) -> impl Future<Output = ()> + Send {
    async move {
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
        // Only now: who did not get so far takes nobody's place.
        if shared.door.has_hall() {
            let Ok(place) = Box::pin(shared.door.serve()).await else { return };
            pass = place;
        }
        let Some(id) = shared.places.take(options.total) else { return };
        let traffic = connection.traffic();
        tell(&Event::Connected { id, peer: &peer });
        let handling = pin!(shared.handler.handle(connection));
        let outcome = match options.timeout {
            None => handling.await,
            Some(limit) => Box::pin(timeout(limit, handling)).await.unwrap_or(Err(RawError::TimedOut(limit))),
        };
        let (received, sent, fault) = (traffic.received(), traffic.sent(), outcome.as_ref().err());
        tell(&Event::Closed { id, peer: &peer, received, sent, fault });
        drop(pass);
    }
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
mod tests;
