//! Making calls.
//!
//! In: where, whom we expect there, which service. Out: a call whose peer was checked. TLS sessions are kept in
//! memory per contact, so further calls of one process skip the signatures; introductions never resume.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use landline_addr::endpoint::{Endpoint, Host};
use landline_trust::key::PublicKey;
use landline_wire::{Limits, Open};
use rustls::ClientConfig;
use tokio::{
    net::{TcpStream, UnixStream},
    time::{sleep, timeout},
};

use crate::{
    address,
    call::{Call, Proved},
    error::{CallError, DialError},
    handshake::{self, Shaken},
    limits::DialLimits,
    peer::{Origin, Peer},
    raw::race::race,
    tls::{self, Identity},
};

/// Makes calls in this machine's name. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dialer {
    identity: Identity,
    limits: DialLimits,
    configs: Arc<Mutex<HashMap<Vec<PublicKey>, Arc<ClientConfig>>>>,
}

impl Dialer {
    /// A dialler that shows `identity`.
    #[must_use]
    pub fn new(identity: Identity, limits: DialLimits) -> Self {
        Self { identity, limits, configs: Arc::default() }
    }

    /// The key that this dialler shows.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.identity.public()
    }

    /// Calls `service` at `endpoint`, which must show one of `pins`.
    ///
    /// # Errors
    /// [`DialError::WrongKey`] if another key answers; nothing was said to it then.
    pub async fn call(&self, endpoint: &Endpoint, pins: &[PublicKey], service: &str) -> Result<Call, DialError> {
        let (host, port) = tcp_parts(endpoint)?;
        let config = self.config_for(pins)?;
        let call = self.connect(host, port, endpoint, config, pins).await?;
        match call.peer() {
            Peer::Key(key) if pins.contains(&key) => open(call, service).await,
            shown => Err(DialError::WrongKey { endpoint: endpoint.to_string(), shown }),
        }
    }

    /// Calls whoever answers at `endpoint`, to be introduced. Trust nothing of it before the code was proved.
    ///
    /// # Errors
    /// As the line fails.
    pub async fn introduce(&self, endpoint: &Endpoint, service: &str) -> Result<Call, DialError> {
        let (host, port) = tcp_parts(endpoint)?;
        let config = Arc::new(self.identity.client_config(false)?);
        open(self.connect(host, port, endpoint, config, &[]).await?, service).await
    }

    fn config_for(&self, pins: &[PublicKey]) -> Result<Arc<ClientConfig>, DialError> {
        let mut configs = self.configs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(config) = configs.get(pins) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.identity.client_config(true)?);
        configs.insert(pins.to_vec(), Arc::clone(&config));
        Ok(config)
    }

    /// Connects and shakes hands; a door that turned us away is tried again, each time a little later.
    async fn connect(
        &self,
        host: &Host,
        port: u16,
        endpoint: &Endpoint,
        config: Arc<ClientConfig>,
        pins: &[PublicKey],
    ) -> Result<Call, DialError> {
        let mut wait = self.limits.retry_wait;
        let mut left = self.limits.retries;
        loop {
            let socket = self.connect_tcp(host, port, endpoint).await?;
            match self.shake_hands(socket, &config, pins).await {
                Ok(call) => return Ok(call),
                Err(source) if left > 0 && turned_away(&source) => {
                    tracing::debug!(%endpoint, ?wait, "turned away, trying again");
                    sleep(scattered(wait)).await;
                    (left, wait) = (left - 1, wait * 2);
                }
                Err(source) => return Err(DialError::Handshake { endpoint: endpoint.to_string(), source }),
            }
        }
    }

    async fn connect_tcp(&self, host: &Host, port: u16, endpoint: &Endpoint) -> Result<TcpStream, DialError> {
        let found = address::resolve(host, port)
            .await
            .map_err(|source| DialError::Resolve { name: host.to_string(), source })?;
        let raced = race(&found, self.limits.connect, TcpStream::connect::<SocketAddr>).await;
        raced.map(|(socket, _)| socket).map_err(|source| DialError::Connect { endpoint: endpoint.to_string(), source })
    }

    async fn shake_hands(&self, mut socket: TcpStream, config: &ClientConfig, pins: &[PublicKey]) -> io::Result<Call> {
        socket.set_nodelay(true)?;
        let origin = Origin::Tcp(socket.peer_addr()?);
        let shaking = handshake::dial(&mut socket, config, tls::session_name(pins));
        let shaken: Shaken = timeout(self.limits.handshake, shaking)
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no handshake in time"))??;
        let Some(key) = shaken.peer else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the other end showed no key"));
        };
        if !shaken.speaks_landline {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the other end does not speak landline/1"));
        }
        let proved = Proved { peer: Peer::Key(key), origin, exporter: shaken.exporter };
        Ok(Call::secured(socket, shaken.established, proved, Limits::KNOWN, &self.limits.call)?)
    }
}

/// Calls `service` of the program that listens at a UNIX socket of this machine; the peer is a user id.
///
/// # Errors
/// [`DialError::Connect`] if nobody listens there.
pub async fn call_local(socket: &Path, service: &str, limits: &DialLimits) -> Result<Call, DialError> {
    let fail = |source| DialError::Connect { endpoint: format!("unix:{}", socket.display()), source };
    let stream = UnixStream::connect(socket).await.map_err(fail)?;
    let uid = stream.peer_cred().map_err(fail)?.uid();
    open(Call::over(stream, Peer::Uid(uid), Origin::Unix, None, Limits::KNOWN, &limits.call), service).await
}

/// Queues the opening message; it goes out with the first request, so a call costs no round trip of its own.
async fn open(mut call: Call, service: &str) -> Result<Call, DialError> {
    call.halves().1.queue(&Open::of(service))?;
    Ok(call)
}

fn tcp_parts(endpoint: &Endpoint) -> Result<(&Host, u16), DialError> {
    match endpoint {
        Endpoint::Tcp { host, port } => Ok((host, *port)),
        Endpoint::Unix(_) => Err(DialError::Unusable { endpoint: endpoint.to_string() }),
    }
}

/// `wait`, and up to as much again at random: callers who were turned away together would else come back together, and be
/// turned away again.
fn scattered(wait: Duration) -> Duration {
    // The standard library seeds each hasher's keys at random.
    let dice = u32::try_from(RandomState::new().hash_one(wait) % 1024).unwrap_or(0);
    wait + wait * dice / 1024
}

/// A busy or wary server closes before its first byte; anything it says by TLS alert is an answer, not a closed door.
fn turned_away(fault: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(fault.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

impl From<io::Error> for DialError {
    fn from(fault: io::Error) -> Self {
        Self::Call(CallError::from(fault))
    }
}
