//! A server on a port that the system chose, what its handler reports, and the machines that call it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use landline_addr::endpoint::{Endpoint, Host};
use landline_net::{
    Call, CallError, CallLimits, DialError, DialLimits, Dialer, Peer, Server, ServerLimits, limits::PenaltyLimits,
    server::Live, tls::Identity,
};
use landline_trust::key::{MachineKey, PublicKey};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::handler::{Book, Desk, Event};

/// Far above anything that is waited for here.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for something that comes soon.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(DEADLINE, what).await.expect("it comes soon")
}

pub(crate) fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Seeds of the machines in these tests.
pub(crate) const DESK: u8 = 1;
pub(crate) const ALICE: u8 = 2;
pub(crate) const BOB: u8 = 3;
pub(crate) const MALLORY: u8 = 66;

/// The identity of the machine with this seed.
pub(crate) fn identity(seed: u8) -> Identity {
    Identity::new(&MachineKey::from_seed([seed; 32])).unwrap()
}

pub(crate) fn key(seed: u8) -> PublicKey {
    identity(seed).public()
}

pub(crate) fn peer(seed: u8) -> Peer {
    Peer::Key(key(seed))
}

/// Limits under which nothing happens by itself: long deadlines, a wide door, no penalties, quick refusals.
pub(crate) fn calm() -> ServerLimits {
    let free = Duration::ZERO;
    ServerLimits {
        calls_per_key: 10_000,
        strangers_start: 10_000,
        strangers_full: 10_000,
        strangers_per_source: 10_000,
        handshake: DEADLINE,
        greeting: DEADLINE,
        introduction: DEADLINE,
        refusal: millis(10),
        linger: millis(100),
        grace: DEADLINE,
        penalties: PenaltyLimits { refused: free, no_attempt: free, ran_out: free, ..PenaltyLimits::default() },
        ..ServerLimits::default()
    }
}

/// Patient and stubborn.
pub(crate) fn patient() -> DialLimits {
    let call = CallLimits { read_idle: DEADLINE, write_idle: DEADLINE };
    DialLimits { connect: DEADLINE, handshake: DEADLINE, retries: 12, retry_wait: millis(5), call }
}

/// A dialler of the machine with this seed.
pub(crate) fn dialer(seed: u8) -> Dialer {
    Dialer::new(identity(seed), patient())
}

/// `127.0.0.1` with a port that the system chooses.
pub(crate) fn loopback() -> Endpoint {
    at(([127, 0, 0, 1], 0).into())
}

pub(crate) fn at(address: SocketAddr) -> Endpoint {
    Endpoint::Tcp { host: Host::Ip(address.ip()), port: address.port() }
}

/// A running server to which ALICE and BOB are known. Dropped, it stops.
pub(crate) struct House {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) live: Live,
    pub(crate) book: Arc<Book>,
    pub(crate) stop: CancellationToken,
    running: JoinHandle<usize>,
    events: mpsc::UnboundedReceiver<Event>,
    _stopped_on_drop: DropGuard,
}

impl House {
    pub(crate) async fn open(limits: ServerLimits) -> Self {
        Self::listening(limits, &[loopback()]).await
    }

    pub(crate) async fn listening(limits: ServerLimits, endpoints: &[Endpoint]) -> Self {
        let (report, events) = mpsc::unbounded_channel();
        let book = Book::new(report);
        book.known().extend([peer(ALICE), peer(BOB)]);
        let mut server = Server::new(Desk(Arc::clone(&book)), &identity(DESK), limits).unwrap();
        for endpoint in endpoints {
            server.listen(endpoint).await.unwrap();
        }
        let stop = CancellationToken::new();
        Self {
            addresses: server.tcp_addresses(),
            live: server.live(),
            book,
            running: tokio::spawn(server.run(stop.clone())),
            events,
            _stopped_on_drop: stop.clone().drop_guard(),
            stop,
        }
    }

    /// Where the first TCP listener listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// A call of the machine with this seed.
    pub(crate) async fn call(&self, seed: u8, service: &str) -> Result<Call, DialError> {
        self.call_by(&dialer(seed), service).await
    }

    pub(crate) async fn call_by(&self, dialer: &Dialer, service: &str) -> Result<Call, DialError> {
        soon(dialer.call(&at(self.address()), &[key(DESK)], service)).await
    }

    /// Waits for one event, passing over others before it.
    pub(crate) async fn hears(&mut self, awaited: &Event) {
        let heard = async { while self.events.recv().await.expect("the handler lives").ne(awaited) {} };
        timeout(DEADLINE, heard).await.unwrap_or_else(|_| panic!("never heard {awaited:?}"));
    }

    /// Waits for a service that broke, and says how.
    pub(crate) async fn hears_it_break(&mut self) -> String {
        soon(async {
            loop {
                if let Event::Broke(why) = self.events.recv().await.expect("the handler lives") {
                    return why;
                }
            }
        })
        .await
    }

    /// What was reported until now and not waited for.
    pub(crate) fn heard(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Waits until the server has stopped; how many calls were cut.
    pub(crate) async fn ended(self) -> usize {
        soon(self.running).await.expect("the server does not panic")
    }
}

/// One question and its answer.
pub(crate) async fn echoes(call: &mut Call) {
    let question = json!({"is anybody": "there?"});
    assert_eq!(soon(call.ask::<_, Value>(&question)).await.unwrap(), question);
}

/// Asks for what is never answered well, and waits for the end: whatever came, and how it ended.
pub(crate) async fn end_of(call: &mut Call) -> Result<Option<Value>, CallError> {
    soon(call.recv::<Value>()).await
}
