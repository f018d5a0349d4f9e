//! Sessions: what makes of one datagram socket a connection for each peer.
//!
//! In: datagrams from anybody. Out: a link for each peer not heard before; what further datagrams of it bring goes there. A
//! session ends when its handler lets go of it or nothing came for [`SessionLimits::expiry`]. Memory is bounded: so many
//! peers, so many datagrams waiting for each; what is more is dropped and counted, as a full socket buffer does.

use std::{
    collections::HashMap,
    future::poll_fn,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::Poll,
    task::ready,
    time::Duration,
};

use bytes::Bytes;
use rustix::net::{SocketAddrAny, SocketAddrUnix, addr::SocketAddrArg as _};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use super::{
    guard::{Guard, GuardLimits, is_near},
    link::{Allowance, Halves, Held, ReadLink, SessionPacket, ToPeer, WriteLink},
    packets::{Packet, Packets},
    peer::PeerName,
    scratch,
};

/// What the sessions of one socket may take.
///
/// ```
/// use std::time::Duration;
/// use landline_net::raw::{ServerOptions, SessionLimits};
///
/// let few = SessionLimits { peers: 16, expiry: Duration::from_secs(10), ..SessionLimits::default() };
/// let options = ServerOptions { sessions: few, ..ServerOptions::default() };
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Peers at once; datagrams of further ones are dropped.
    pub peers: usize,
    /// After so much silence of a peer its session ends.
    pub expiry: Duration,
    /// Datagrams that may wait for one session, which is as much as a short stall needs.
    pub waiting: usize,
    /// What peers are held to by handlers that answer by themselves: so many datagrams a second each, none from beyond the own networks
    /// unless forced, and there never more said than was heard. `None` for handlers behind which a person sits.
    pub guard: Option<GuardLimits>,
    /// Whether a peer beyond the own networks may be told more than was heard of it, though its address may be forged.
    pub generous: bool,
    /// Bytes of one datagram that are kept; what is longer is cut, and its true length told.
    pub read_bytes: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            peers: 1024,
            expiry: Duration::from_secs(120),
            waiting: 64,
            guard: Some(GuardLimits::default()),
            generous: false,
            read_bytes: scratch::SCRATCH_BYTES,
        }
    }
}

/// All sessions of one socket.
#[derive(Debug)]
pub(crate) struct Sessions {
    socket: Arc<Packets>,
    live: HashMap<SocketAddrAny, Session>,
    limits: SessionLimits,
    guard: Option<Guard>,
    sweep: Interval,
    dropped: Arc<AtomicU64>,
    /// Bytes that wait in all inboxes together.
    held: Arc<AtomicUsize>,
}

/// Bytes that may wait in all inboxes of one socket: whatever strangers send, no more memory than this.
const HELD_BYTES: usize = 16 << 20;

#[derive(Debug)]
struct Session {
    inbox: mpsc::Sender<SessionPacket>,
    allowance: Option<Arc<Allowance>>,
    heard: Instant,
}

impl Sessions {
    pub(crate) fn new(socket: Packets, limits: SessionLimits) -> Self {
        let guard = limits.guard.map(|limits| Guard::new(limits, std::time::Instant::now()));
        let every = (limits.expiry / 4).max(Duration::from_millis(10));
        let mut sweep = interval_at(Instant::now() + every, every);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            socket: Arc::new(socket),
            live: HashMap::new(),
            limits,
            guard,
            sweep,
            dropped: Arc::default(),
            held: Arc::default(),
        }
    }

    pub(crate) fn socket(&self) -> Arc<Packets> {
        Arc::clone(&self.socket)
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Sorts datagrams to their sessions until one comes from a new peer.
    pub(crate) async fn next(&mut self) -> io::Result<(Halves, PeerName)> {
        loop {
            let Self { socket, sweep, limits, .. } = self;
            let came = poll_fn(|cx| {
                if sweep.poll_tick(cx).is_ready() {
                    return Poll::Ready(Ok(None));
                }
                scratch::with(limits.read_bytes, |room| {
                    let (Packet { kept, sent }, from) = ready!(socket.poll_recv_from(cx, room))?;
                    let body = Bytes::copy_from_slice(room.get(..kept).unwrap_or_default());
                    Poll::Ready(io::Result::Ok(Some((SessionPacket { body, sent, held: Held::default() }, from))))
                })
            });
            match came.await {
                Ok(None) => self.forget_the_silent(),
                Ok(Some((packet, from))) => {
                    if let Some(new) = self.sort(packet, from) {
                        return Ok(new);
                    }
                }
                // An earlier answer met a closed port (ICMP); that peer is gone, and this socket is everybody's.
                Err(fault) if fault.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    fn sort(&mut self, mut packet: SessionPacket, from: Option<SocketAddrAny>) -> Option<(Halves, PeerName)> {
        // A UNIX sender without a name can't be answered: all such share one session.
        let from = from.unwrap_or_else(|| SocketAddrUnix::new_unnamed().as_any());
        let now = Instant::now();
        if let (Some(guard), Ok(address)) = (&mut self.guard, SocketAddr::try_from(from.clone()))
            && guard.admit(address, 0, 0, false, now.into_std()).is_err()
        {
            self.drop_one();
            return None;
        }
        packet.held = match Held::take(&self.held, packet.body.len(), HELD_BYTES) {
            Some(held) => held,
            None => {
                self.drop_one();
                return None;
            }
        };
        if let Some(session) = self.live.get_mut(&from) {
            let came = packet.sent;
            match session.inbox.try_send(packet) {
                Ok(()) => {
                    session.heard = now;
                    if let Some(allowance) = &session.allowance {
                        allowance.earn(came);
                    }
                }
                Err(TrySendError::Full(_)) => self.drop_one(),
                Err(TrySendError::Closed(packet)) => return self.begin(packet, from, now),
            }
            return None;
        }
        if self.live.len() >= self.limits.peers {
            self.live.retain(|_, session| !session.inbox.is_closed());
        }
        if self.live.len() >= self.limits.peers {
            self.drop_one();
            return None;
        }
        self.begin(packet, from, now)
    }

    fn begin(&mut self, packet: SessionPacket, from: SocketAddrAny, now: Instant) -> Option<(Halves, PeerName)> {
        let (inbox, mailbox) = mpsc::channel(self.limits.waiting.max(1));
        let peer = name_of(&from);
        let far = !self.limits.generous && peer.address().is_some_and(|address| !is_near(address.ip()));
        let allowance = far.then(|| Allowance::new(Arc::clone(&self.dropped)));
        if let Some(allowance) = &allowance {
            allowance.earn(packet.sent);
        }
        inbox.try_send(packet).ok()?; // it is empty: it takes one
        let to = ToPeer { socket: self.socket(), to: from.clone(), allowance: allowance.clone() };
        let halves = (ReadLink::Session(mailbox), WriteLink::Session(Box::new(to)));
        self.live.insert(from, Session { inbox, allowance, heard: now });
        Some((halves, peer))
    }

    fn forget_the_silent(&mut self) {
        let expiry = self.limits.expiry;
        self.live.retain(|_, session| !session.inbox.is_closed() && session.heard.elapsed() < expiry);
    }

    fn drop_one(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }
}

/// What a datagram's sender is called.
pub(crate) fn name_of(from: &SocketAddrAny) -> PeerName {
    if let Ok(inet) = SocketAddr::try_from(from.clone()) {
        return PeerName::Inet(inet);
    }
    let unix = SocketAddrUnix::try_from(from.clone()).ok();
    if let Some(path) = unix.as_ref().and_then(SocketAddrUnix::path_bytes) {
        use std::os::unix::ffi::OsStringExt as _;
        return PeerName::Path(PathBuf::from(std::ffi::OsString::from_vec(path.to_vec())));
    }
    match unix.as_ref().and_then(SocketAddrUnix::abstract_name) {
        Some(name) => PeerName::Abstract(name.to_vec()),
        None => PeerName::Local { uid: None, pid: None },
    }
}

#[cfg(test)]
mod tests;
