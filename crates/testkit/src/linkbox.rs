//! Linkbox: the line between two machines, in the test's hands.
//!
//! In: the address of a server. Out: an address to dial instead, and control over every byte between: counted, cut after
//! exactly so many, stalled, delayed, slowed down, dribbled, changed. A plain TCP proxy; it knows nothing of what the bytes mean.
//! Counts and rules belong to the line, not to one of its connections: two calls through it are counted together, and a cut
//! ends both, as a pulled cable would. Connections made after a cut pass again.
//! Invariant: bytes arrive in order, none twice; none is missing unless the line was cut, none changed unless one was flipped.

mod flow;
mod pace;
mod pump;
mod rules;

use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::trap::Jaw;
use crate::{PATIENCE, Running, Trap};
use pump::Line;
use rules::{Barrier, Then};

/// Which way bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the caller to the server.
    Up,
    /// From the server to the caller.
    Down,
}

impl Way {
    const BOTH: [Self; 2] = [Self::Up, Self::Down];

    const fn index(self) -> usize {
        match self {
            Self::Up => 0,
            Self::Down => 1,
        }
    }
}

/// How a line ends, towards both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// With a reset, as when a machine crashed: reading fails.
    Reset,
    /// With an orderly end, as when a program was stopped: reading ends, in the middle of whatever it was.
    Fin,
    /// As when a machine has moved to another network: the caller knows, and the server hears nothing more, not even an end.
    Lost,
}

/// The most that [`Linkbox::holds`] grants: far more than a delay of a test times a rate of loopback needs.
const LARGEST_ROOM_BYTES: usize = 64 * 1024 * 1024;

/// A line to one server. Everything can be changed while it is in use; it is gone when this is dropped.
#[derive(Debug)]
pub struct Linkbox {
    address: SocketAddr,
    line: Arc<Line>,
    accepting: Option<JoinHandle<()>>,
}

impl Linkbox {
    /// A line to `server` that changes nothing.
    ///
    /// # Panics
    /// If no loopback port can be had.
    #[must_use]
    #[track_caller]
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let line = Arc::new(Line::new(server));
        let accepting = Some(pump::accept(listener, Arc::clone(&line)));
        Self { address, line, accepting }
    }

    /// Where to dial instead of the server, `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Leads connections made from now on to another server, for instance to the same one started again.
    pub fn leads_to(&self, server: SocketAddr) {
        self.line.update(|rules| rules.server = server);
    }

    /// Bytes handed to the far side so far.
    #[must_use]
    pub fn passed(&self, way: Way) -> u64 {
        self.line.update(|rules| rules.ways[way.index()].passed)
    }

    /// Connections made so far, ended ones included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.line.update(|rules| rules.calls)
    }

    /// Ends every connection now.
    pub fn cut(&self, how: Cut) {
        self.line.update(|rules| rules.sever(how));
    }

    /// Ends one connection now, the one that was made after `call` others.
    pub fn cut_call(&self, call: u64, how: Cut) {
        self.line.update(|rules| rules.sever_call(call, how));
    }

    /// Ends every connection after `bytes` more have passed this way, once; 0 is now. What was on its way behind them is
    /// lost. After [`Cut::Fin`] exactly these bytes arrive; after [`Cut::Reset`] at most these, since a reset overtakes what
    /// the receiver has not taken yet.
    pub fn cut_after(&self, way: Way, bytes: u64, how: Cut) {
        self.line.update(|rules| rules.set_barrier(way, Barrier { after: bytes, then: Then::Cut(how) }));
    }

    /// Ends every connection, and new ones at once, until [`Linkbox::plug_in`].
    pub fn unplug(&self, how: Cut) {
        self.line.update(|rules| {
            rules.refusing = true;
            rules.sever(how);
        });
    }

    /// Ends new connections at once, until [`Linkbox::plug_in`]; those that are made go on.
    pub fn refuse(&self) {
        self.line.update(|rules| rules.refusing = true);
    }

    /// Lets connections be made again.
    pub fn plug_in(&self) {
        self.line.update(|rules| rules.refusing = false);
    }

    /// Lets nothing pass this way from now on, the end of a stream included; the sender meets a line that is full.
    pub fn stall(&self, way: Way) {
        self.stall_after(way, 0);
    }

    /// Stalls after exactly `bytes` more have passed this way.
    pub fn stall_after(&self, way: Way, bytes: u64) {
        self.line.update(|rules| rules.set_barrier(way, Barrier { after: bytes, then: Then::Stall }));
    }

    /// Ends a stall, or takes back one (or a cut, or a kill) that has not come yet. Nothing was lost.
    pub fn resume(&self, way: Way) {
        self.line.update(|rules| rules.resume(way));
    }

    /// Delays what this way brings, each piece by a time between the two that `seed` decides; order is kept.
    pub fn delay(&self, way: Way, between: Range<Duration>, seed: u64) {
        self.line.update(|rules| rules.set_delay(way, between, seed));
    }

    /// Slows this way down to so many bytes a second, all connections together, in pieces whose sizes `seed` decides.
    ///
    /// # Panics
    /// If that is 0: a line that brings nothing is stalled.
    #[track_caller]
    pub fn slow(&self, way: Way, bytes_per_second: u64, seed: u64) {
        assert!(bytes_per_second > 0, "a line that brings nothing is stalled: stall()");
        self.line.update(|rules| rules.set_pace(way, bytes_per_second, seed));
    }

    /// Slows each connection down to so many bytes a second this way, from its first byte on: a line that one connection
    /// can't fill.
    ///
    /// # Panics
    /// As [`Self::slow`].
    #[track_caller]
    pub fn slow_each(&self, way: Way, bytes_per_second: u64, seed: u64) {
        assert!(bytes_per_second > 0, "a line that brings nothing is stalled: stall()");
        self.line.update(|rules| rules.set_pace_each(way, bytes_per_second, seed));
    }

    /// Takes back delay, slowness and dribbling for what comes from now on; a piece that is late already stays so.
    pub fn full_speed(&self, way: Way) {
        self.line.update(|rules| rules.hurry(way));
    }

    /// Lets each connection hold so many bytes this way, besides what the kernel's sockets do: 256 KiB unless this says
    /// otherwise, at most 64 MiB. A delayed line carries no more than this in each delay.
    ///
    /// # Panics
    /// If that is 0 or above 64 MiB.
    #[track_caller]
    pub fn holds(&self, way: Way, bytes: usize) {
        assert!((1..=LARGEST_ROOM_BYTES).contains(&bytes), "a line holds 1 to {LARGEST_ROOM_BYTES} bytes, not {bytes}");
        self.line.update(|rules| rules.set_room(way, bytes));
    }

    /// Kills `victim` (SIGKILL) once `total` bytes have passed this way since the line was made: exactly then, before one
    /// more is handed on; at once if they have passed already. What is on its way behind them still arrives, as it
    /// would of a process that died. Takes the place of a cut or stall to come, and [`Linkbox::resume`] takes it back.
    pub fn kill_once_passed(&self, way: Way, total: u64, victim: &Running) -> Trap {
        let (jaw, trap) = Jaw::at(victim);
        self.line.update(|rules| rules.set_trap(way, total, jaw));
        trap
    }

    /// Hands on one byte at a time, so that a reader meets every possible cut between two reads.
    pub fn dribble(&self, way: Way) {
        self.line.update(|rules| rules.ways[way.index()].dribbling = true);
    }

    /// Changes every bit of the byte that comes after `offset` more this way, once.
    pub fn flip(&self, way: Way, offset: u64) {
        self.line.update(|rules| rules.flip(way, offset));
    }

    /// Waits until that many bytes have passed in all.
    ///
    /// # Panics
    /// If they do not within [`PATIENCE`].
    #[track_caller]
    pub fn wait_until_passed(&self, way: Way, bytes: u64) {
        self.wait_until(&format!("{bytes} bytes to pass {way:?}"), |rules| rules.ways[way.index()].passed >= bytes);
    }

    /// Waits until a cut has happened that [`Linkbox::cut_after`] asked for, or any other.
    ///
    /// # Panics
    /// If none does within [`PATIENCE`].
    #[track_caller]
    pub fn wait_for_cut(&self) {
        self.wait_until("the line to be cut", |rules| rules.was_cut());
    }

    /// Waits until that many connections were made in all.
    ///
    /// # Panics
    /// If they are not within [`PATIENCE`].
    #[track_caller]
    pub fn wait_for_calls(&self, calls: u64) {
        self.wait_until(&format!("{calls} calls"), |rules| rules.calls >= calls);
    }

    #[track_caller]
    fn wait_until(&self, what: &str, holds: impl Fn(&rules::Rules) -> bool) {
        if !self.line.wait_until(Instant::now() + PATIENCE, holds) {
            let (up, down) = (self.passed(Way::Up), self.passed(Way::Down));
            panic!("waited {PATIENCE:?} for {what}; {up} bytes went up, {down} down, in {} calls", self.calls());
        }
    }
}

impl Drop for Linkbox {
    fn drop(&mut self) {
        self.line.update(rules::Rules::close);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

#[cfg(test)]
mod tests;
