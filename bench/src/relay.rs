//! The relay: a line between two programs that counts bytes, stops after so many, or takes time.
//!
//! In: the port of a server on this machine. Out: a port to dial instead. Threads, a pair for each connection; its CPU time is
//! nobody's, since only the programs at its ends are measured. Counts belong to the relay, not to one of its connections.
//! Invariant: bytes arrive in order, none missing unless an end is gone. It ends with the value.

mod delay;
mod pump;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::janitor::LOOK;

/// Connections at a time; a transfer makes a handful.
const CONNECTIONS: usize = 64;
/// How long connections may take to end after one end is gone.
const HANG_UP: Duration = Duration::from_secs(20);

/// What lies between a client and a server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Line {
    /// Nothing.
    Direct,
    /// A relay that counts.
    Counted,
    /// A relay that takes its time.
    Delayed(Delay),
}

/// How slow a line is, the same each way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delay {
    /// What a byte is on its way.
    pub(crate) one_way: Duration,
    /// Bytes a second, at most; `None`: as many as the machine can carry.
    pub(crate) rate: Option<u32>,
}

impl Line {
    /// The relay to `port`, if there is one at all.
    pub(crate) fn to(self, port: u16) -> Result<Option<Relay>> {
        match self {
            Line::Direct => Ok(None),
            Line::Counted => Relay::to(port, None).map(Some),
            Line::Delayed(delay) => Relay::to(port, Some(delay)).map(Some),
        }
    }
}

/// See the module.
pub(crate) struct Relay {
    port: u16,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

/// What the threads share.
struct State {
    /// The server's port.
    server: AtomicU16,
    delay: Option<Delay>,
    /// Bytes taken from either end so far.
    passed: AtomicU64,
    /// Nothing is taken any more once `passed` has reached this.
    barrier: AtomicU64,
    closing: AtomicBool,
    /// Both sockets of each connection that lives.
    living: Mutex<BTreeMap<u64, [TcpStream; 2]>>,
}

impl State {
    fn with_living<T>(&self, work: impl FnOnce(&mut BTreeMap<u64, [TcpStream; 2]>) -> T) -> T {
        work(&mut self.living.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Relay {
    /// A relay to the server at `port`.
    fn to(port: u16, delay: Option<Delay>) -> Result<Relay> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for a relay")?;
        let own = listener.local_addr()?.port();
        let state = Arc::new(State {
            server: AtomicU16::new(port),
            delay,
            passed: AtomicU64::new(0),
            barrier: AtomicU64::new(u64::MAX),
            closing: AtomicBool::new(false),
            living: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let accepting = Some(std::thread::spawn(move || accept(&listener, &shared)));
        Ok(Relay { port: own, state, accepting })
    }

    /// Where to dial.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Leads connections made from now on to another port.
    pub(crate) fn leads_to(&self, port: u16) {
        self.state.server.store(port, Ordering::Release);
    }

    /// Bytes that have passed so far, both ways together, on all connections.
    pub(crate) fn passed(&self) -> u64 {
        self.state.passed.load(Ordering::Acquire)
    }

    /// Takes nothing any more once so many more bytes have passed, until [`Relay::release`].
    pub(crate) fn hold_after(&self, bytes: u64) {
        self.state.barrier.store(self.passed().saturating_add(bytes), Ordering::Release);
    }

    /// Whether the relay holds bytes back.
    pub(crate) fn holds(&self) -> bool {
        self.passed() >= self.state.barrier.load(Ordering::Acquire)
    }

    /// Lets everything pass again.
    pub(crate) fn release(&self) {
        self.state.barrier.store(u64::MAX, Ordering::Release);
    }

    /// Waits until no connection is left.
    ///
    /// # Errors
    /// If one is still there after [`HANG_UP`].
    pub(crate) fn wait_quiet(&self) -> Result<()> {
        let deadline = Instant::now() + HANG_UP;
        while self.state.with_living(|living| !living.is_empty()) {
            ensure!(Instant::now() < deadline, "a connection still lives {HANG_UP:?} after one of its ends was killed");
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.closing.store(true, Ordering::Release);
        self.release();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.state.with_living(|living| living.values().for_each(hang_up));
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for (number, client) in (0..).zip(listener.incoming()) {
        if state.closing.load(Ordering::Acquire) {
            return;
        }
        let Ok(client) = client else { continue };
        if state.with_living(|living| living.len()) >= CONNECTIONS {
            continue;
        }
        // A server that is not there closes the client's connection: the drop of `client`.
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, state.server.load(Ordering::Acquire))) else {
            continue;
        };
        let (Ok(one), Ok(other)) = (client.try_clone(), server.try_clone()) else { continue };
        state.with_living(|living| living.insert(number, [one, other]));
        let state = Arc::clone(state);
        std::thread::spawn(move || {
            pump::both_ways(&state, &client, &server);
            state.with_living(|living| living.remove(&number));
        });
    }
}

fn hang_up(ends: &[TcpStream; 2]) {
    for end in ends {
        let _ = end.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests;
