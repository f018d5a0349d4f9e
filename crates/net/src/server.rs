//! Taking calls: the door, its defence, and the life of what came in.
//!
//! In: endpoints to listen at, a [`Handler`] that knows who may come in and what a service does, a stop token.
//! Out: admitted calls, handed to the handler; a graceful end. Permits are taken before accept; strangers have a small
//! budget of their own (`door`), failures cost a penalty (`penalty`), admitted calls can be cut by key (`live`).
//!
//! ```text
//! accept ─► door ─► TLS ─► opening message ─► registered as live ─► admit? ─┬─► known: door left, limits raised, serve
//!                                                                          ├─► introduction: stranger's limits, serve
//!                                                                          └─► refused: same bytes at the same time
//! ```
//! Source: PROTOCOL.md §5.

use std::{future::Future, io, net::SocketAddr, path::PathBuf, sync::Arc};

use landline_addr::endpoint::Endpoint;
use landline_wire::Fault;
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    call::Call,
    error::CallError,
    limits::ServerLimits,
    peer::{Origin, Peer},
    tls::Identity,
};

mod door;
mod guest;
mod listen;
pub mod live;
mod parting;
pub mod penalty;
pub(crate) mod socket;
pub(crate) mod trouble;

use door::Door;
pub use guest::ENDED_BY_OWNER;
pub use live::{Live, LiveCall};
pub use parting::{End, Parting};

/// Who called and from where, before anything is decided.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// As the transport proved it.
    pub peer: Peer,
    /// Where the connection came from.
    pub origin: Origin,
}

/// What a caller is to the server, which decides its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Enrolled, or the owner: ordinary limits.
    Known,
    /// Admitted to be introduced and to nothing else: small limits, one deadline over all.
    Stranger,
}

/// A caller that may go on, with the handler's evidence of it.
#[derive(Debug)]
pub struct Admission<P> {
    /// Evidence, given back to [`Handler::serve`].
    pub pass: P,
    /// Which limits apply.
    pub standing: Standing,
    /// Who it is, for whoever lists the calls.
    pub whom: Whom,
}

/// Who was admitted, in words. Nothing is decided by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whom {
    /// The user; empty for somebody who is only introduced.
    pub user: String,
    /// What the machine calls itself: hostile text.
    pub label: String,
}

/// A caller that may not go on.
#[derive(Debug)]
pub enum Refusal {
    /// Hears the one answer that every stranger hears, and is penalised.
    Stranger,
    /// Is known, so may hear why.
    Known(Fault),
    /// It can't be told who this is, by no fault of the caller: hears what a stranger hears, and is not penalised.
    Unknown,
}

/// How serving ended.
#[derive(Debug)]
pub enum Ended {
    /// As it should.
    Well,
    /// An introduction failed: this fault is sent when every refusal would be, and the source is penalised.
    Refused(Fault),
}

/// What a server is for. One value serves all calls.
pub trait Handler: Send + Sync + 'static {
    /// Evidence of an admission.
    type Pass: Send + 'static;

    /// May this caller use this service? Asked after every handshake, resumed or not.
    fn admit(
        &self,
        caller: &Caller,
        service: &str,
    ) -> impl Future<Output = Result<Admission<Self::Pass>, Refusal>> + Send;

    /// Serves one admitted call to its end. When `stop` is cancelled, finish what runs and start nothing new.
    fn serve(
        &self,
        pass: Self::Pass,
        call: &mut Call,
        stop: &CancellationToken,
    ) -> impl Future<Output = Result<Ended, CallError>> + Send;

    /// A connection is over, let in or not. Told once each, from the task that served it: it must not wait.
    fn parted(&self, _parting: &Parting) {}
}

/// What all listeners and calls of a server share.
#[derive(Debug)]
pub(crate) struct Shared<H> {
    handler: H,
    tls: Arc<rustls::ServerConfig>,
    limits: ServerLimits,
    calls: Arc<Semaphore>,
    local_calls: Arc<Semaphore>,
    door: Door,
    live: Live,
    /// Finish what runs.
    stop: CancellationToken,
    /// Drop what still runs.
    cut: CancellationToken,
}

/// A server that listens but does not accept yet.
#[derive(Debug)]
pub struct Server<H> {
    shared: Arc<Shared<H>>,
    listeners: Vec<listen::Listener>,
}

impl<H: Handler> Server<H> {
    /// A server that shows `identity`; call [`Self::listen`] next.
    ///
    /// # Errors
    /// If TLS can't be set up.
    pub fn new(handler: H, identity: &Identity, limits: ServerLimits) -> Result<Self, rustls::Error> {
        let shared = Shared {
            handler,
            tls: Arc::new(identity.server_config()?),
            limits,
            calls: Arc::new(Semaphore::new(limits.calls)),
            local_calls: Arc::new(Semaphore::new(limits.local_calls)),
            door: Door::new(&limits),
            live: Live::default(),
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        Ok(Self { shared: Arc::new(shared), listeners: Vec::new() })
    }

    /// Listens at one more endpoint.
    ///
    /// # Errors
    /// As the system refuses it.
    pub async fn listen(&mut self, endpoint: &Endpoint) -> io::Result<()> {
        self.listeners.push(listen::Listener::bind(endpoint).await?);
        Ok(())
    }

    /// The TCP addresses that are listened at, with the ports the system chose.
    #[must_use]
    pub fn tcp_addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(listen::Listener::tcp_address).collect()
    }

    /// The UNIX sockets that are listened at.
    #[must_use]
    pub fn unix_paths(&self) -> Vec<PathBuf> {
        self.listeners.iter().filter_map(listen::Listener::unix_path).collect()
    }

    /// The calls that run, by key, to cut them.
    #[must_use]
    pub fn live(&self) -> Live {
        self.shared.live.clone()
    }

    /// The handler, for what has to be told to it after the server was made.
    #[must_use]
    pub fn handler(&self) -> &H {
        &self.shared.handler
    }

    /// Accepts until `stop`, then lets calls finish within the grace period and cuts the rest. Returns how many were
    /// cut.
    pub async fn run(self, stop: CancellationToken) -> usize {
        let mut accepting = JoinSet::new();
        for listener in self.listeners {
            accepting.spawn(listen::accept_loop(listener, Arc::clone(&self.shared)));
        }
        let live = self.shared.live.clone();
        tokio::select! {
            cut = finish(&self.shared, accepting, &stop) => cut,
            never = live.keep_notes() => match never {},
        }
    }
}

/// Accepts until `stop`, then lets calls finish; how many were cut.
async fn finish<H>(shared: &Shared<H>, mut accepting: JoinSet<()>, stop: &CancellationToken) -> usize {
    stop.cancelled().await;
    shared.stop.cancel();
    let all_done = async { while accepting.join_next().await.is_some() {} };
    if timeout(shared.limits.grace, all_done).await.is_ok() {
        return 0;
    }
    let running = shared.live.count();
    shared.cut.cancel();
    while accepting.join_next().await.is_some() {}
    running
}
