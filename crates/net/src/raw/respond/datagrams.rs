//! Answering datagrams: loops over all peers, without a task for each.
//!
//! In: a bound socket, what answers, limits. Out: many datagrams taken and many answers sent in one system call, each held to the guard.
//! Several sockets may share the address, each with a thread and a guard of its own: the kernel gives all that one source sends to the
//! same socket, so what a source may take is the same.

use std::{
    future::poll_fn,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use landline_sys::batch::{Inbox, Outbox};
use socket2::Socket;
use tokio::{io::Interest, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::Responder;
use crate::raw::{
    guard::Guard,
    open,
    packets::Packets,
    peer::PeerName,
    server::{Event, Served, ServerOptions, Watcher},
};

/// Datagrams taken or sent in one system call, at most: more than the load of `cargo xtask bench sockets` has on their way at one
/// socket. A larger batch saves little, as the kernel reads a header for each datagram where a single call has none.
const SLOTS: usize = 32;

/// What all loops of one service share.
#[derive(Clone)]
struct Loop {
    responder: Arc<dyn Responder>,
    options: ServerOptions,
    watcher: Option<Watcher>,
    /// Whether the watcher was told: each datagram by itself would be told more often than anybody reads.
    told: Arc<AtomicBool>,
    stop: CancellationToken,
}

/// Answers the datagrams of `socket`, and of as many further sockets at its address as are asked for, until `stop`.
///
/// # Errors
/// If a socket fails; all others are stopped then.
pub(crate) async fn serve(
    socket: &Packets,
    responder: Arc<dyn Responder>,
    options: ServerOptions,
    watcher: Option<Watcher>,
    stop: &CancellationToken,
) -> io::Result<Served> {
    // A count of what is answered in all is one loop's; a socket that was inherited is shared by who made it, or not.
    let more = if options.total.is_some() { 0 } else { options.datagram_sockets.saturating_sub(1) };
    let beside = open::beside(socket.socket(), more, &options.socket)?;
    let stop = stop.child_token();
    let shared = Loop { responder, options, watcher, told: Arc::default(), stop: stop.clone() };
    let mut others = JoinSet::new();
    for socket in beside {
        let shared = shared.clone();
        others.spawn_blocking(move || shared.run_beside(socket));
    }
    let mut served = shared.answer(socket).await;
    stop.cancel();
    while let Some(ended) = others.join_next().await {
        let other = ended.map_err(io::Error::other).and_then(|outcome| outcome);
        served = served.and_then(|served| Ok(served.and(other?)));
    }
    served
}

impl Loop {
    /// Serves `socket` on a thread that waits for nothing else.
    fn run_beside(&self, socket: Socket) -> io::Result<Served> {
        let _stops_all = self.stop.clone().drop_guard();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async { self.answer(&Packets::new(socket, false)?).await })
    }

    async fn answer(&self, socket: &Packets) -> io::Result<Served> {
        // A full queue of a UNIX socket is its owner's, who may never read; one of UDP is the network's, which always does.
        let local = open::domain_is_unix(socket.socket());
        let mut guard = Guard::new(self.options.guard, Instant::now());
        let mut inbox = Inbox::new(SLOTS, self.options.talk.read_bytes);
        let mut outbox = Outbox::default();
        let mut served = Served::default();
        let total = self.options.total.unwrap_or(u64::MAX);
        let mut stopped = pin!(self.stop.cancelled());
        while served.connections < total {
            let came = tokio::select! {
                biased;
                () = &mut stopped => break,
                came = poll_fn(|cx| socket.poll_batch(cx, &mut inbox)) => came,
            };
            match came {
                Ok(_) => {}
                // An earlier answer met a closed port; this socket is everybody's.
                Err(fault) if fault.kind() == io::ErrorKind::ConnectionRefused => continue,
                Err(fault) => return Err(fault),
            }
            self.answers(&inbox, &mut outbox, &mut guard, &mut served);
            while !outbox.is_empty() {
                let sent = tokio::select! {
                    biased;
                    () = &mut stopped => return Ok(served),
                    sent = socket.io(Interest::WRITABLE, |fd| match outbox.send(fd) {
                        Err(fault) if local && fault.kind() == io::ErrorKind::WouldBlock => {
                            outbox.skip();
                            Ok(1)
                        }
                        other => other,
                    }) => sent?,
                };
                served.dropped += u64::try_from(sent).unwrap_or(0);
            }
        }
        Ok(served)
    }

    /// Fills `outbox` with what is said to all that came together.
    fn answers(&self, inbox: &Inbox, outbox: &mut Outbox, guard: &mut Guard, served: &mut Served) {
        let now = Instant::now();
        for datagram in inbox.datagrams() {
            if let Some(watcher) = &self.watcher
                && !self.told.load(Relaxed)
                && !self.told.swap(true, Relaxed)
            {
                let peer = datagram.from.inet().map_or(PeerName::Local { uid: None, pid: None }, PeerName::Inet);
                watcher(&Event::Connected { id: 1, peer: &peer });
            }
            let before = outbox.len();
            let mut quiet = false;
            if datagram.from.has_name() {
                outbox.push(datagram.from, |room| {
                    let start = room.len();
                    let verdict = self.responder.respond(datagram.body, room);
                    quiet = matches!(verdict, super::Verdict::Silent | super::Verdict::Close);
                    let len = room.len().saturating_sub(start);
                    !quiet
                        && datagram.from.inet().is_none_or(|from| {
                            let open = self.responder.answers_strangers(datagram.body);
                            guard.admit(from, datagram.sent, len, open, now).is_ok()
                        })
                });
            }
            if outbox.len() > before {
                served.connections += 1;
            } else if !quiet {
                served.dropped += 1;
            }
        }
    }
}
