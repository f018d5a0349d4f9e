//! Pump: the threads that carry a line's bytes, one for each connection and one that accepts.
//!
//! In: the rules, which may change at any moment, and sockets. Out: bytes handed on as the rules say. All waiting is one
//! `poll` over both sockets, a wake-up pair and the next time something is due; a change of the rules wakes it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::flow::{End, Flow};
use super::rules::{Fate, Rules};
use super::{Cut, Way};

/// One read; a piece is late as a whole.
const PIECE_BYTES: usize = 64 * 1024;

/// The rules, and everyone who must hear when they change.
#[derive(Debug)]
pub(super) struct Line {
    rules: Mutex<Rules>,
    /// Something passed or changed: for the test that waits.
    changed: Condvar,
    sleepers: Mutex<Vec<UnixStream>>,
}

impl Line {
    pub(super) fn new(server: SocketAddr) -> Self {
        Self { rules: Mutex::new(Rules::new(server)), changed: Condvar::new(), sleepers: Mutex::new(Vec::new()) }
    }

    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Rules) -> T) -> T {
        let mut rules = self.lock();
        let result = change(&mut rules);
        let news = rules.take_news();
        drop(rules);
        self.changed.notify_all();
        if news {
            let mut sleepers = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
            // A full pair means that it will wake anyway; one whose other end is gone is forgotten.
            sleepers.retain_mut(|sleeper| !matches!(sleeper.write(&[1]), Err(e) if e.kind() != ErrorKind::WouldBlock));
        }
        result
    }

    /// Waits until `holds`; false if `deadline` came first.
    pub(super) fn wait_until(&self, deadline: Instant, holds: impl Fn(&Rules) -> bool) -> bool {
        let mut rules = self.lock();
        while !holds(&rules) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            rules = self.changed.wait_timeout(rules, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of a pair that becomes readable whenever the rules have news.
    fn alarm(&self) -> io::Result<UnixStream> {
        let (alarm, sleeper) = UnixStream::pair()?;
        alarm.set_nonblocking(true)?;
        sleeper.set_nonblocking(true)?;
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner).push(sleeper);
        Ok(alarm)
    }
}

/// Accepts connections until the line is closed; then waits for the last of them.
pub(super) fn accept(listener: TcpListener, line: Arc<Line>) -> JoinHandle<()> {
    listener.set_nonblocking(true).expect("a socket of ours");
    let mut alarm = line.alarm().expect("a socket pair");
    thread::spawn(move || {
        let mut calls = Vec::new();
        while !line.lock().is_closed() {
            let mut wanted = [PollFd::new(&listener, PollFlags::IN), PollFd::new(&alarm, PollFlags::IN)];
            let _ = poll(&mut wanted, None);
            quiet(&mut alarm);
            // Errors of a single connection (it was reset while it waited) are not the line's.
            while let Ok((near, _)) = listener.accept() {
                let (refused, server, call) = line.update(|rules| {
                    let call = rules.calls;
                    rules.calls += u64::from(!rules.refusing);
                    (rules.refusing, rules.server, call)
                });
                if refused {
                    reset(near);
                    continue;
                }
                let line = Arc::clone(&line);
                calls.push(thread::spawn(move || match TcpStream::connect(server) {
                    // An error in carrying it on is the connection's end, and both sides see it.
                    Ok(far) => drop(Carrier::new(call, near, far, line).and_then(Carrier::run)),
                    Err(_) => reset(near),
                }));
            }
        }
        for call in calls {
            let _ = call.join();
        }
    })
}

/// One connection.
struct Carrier {
    call: u64,
    line: Arc<Line>,
    alarm: UnixStream,
    near: TcpStream,
    far: TcpStream,
    flows: [Flow; 2],
}

impl Carrier {
    fn new(call: u64, near: TcpStream, far: TcpStream, line: Arc<Line>) -> io::Result<Self> {
        for socket in [&near, &far] {
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
        }
        Ok(Self { call, alarm: line.alarm()?, line, near, far, flows: Default::default() })
    }

    fn run(mut self) -> io::Result<()> {
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            // A change after this look rings the alarm, so that `poll` below returns at once.
            let fate = self.line.lock().fate(self.call);
            match fate {
                Fate::GoOn => {}
                Fate::Vanish => return Ok(()),
                Fate::End(Cut::Reset) => return self.reset_both(),
                Fate::End(Cut::Fin) => return self.end_both(&mut buffer),
                Fate::End(Cut::Lost) => return self.lose(),
            }
            if self.flows.iter().all(|flow| flow.over) {
                return Ok(());
            }
            let ready = self.wait()?;
            for way in Way::BOTH {
                if ready.readable[way.index()] {
                    self.read(way, &mut buffer);
                }
            }
            for way in Way::BOTH {
                if self.write(way).is_err() {
                    return self.reset_both();
                }
            }
        }
    }

    /// Where bytes of this way come from, and where they go.
    fn ends(&self, way: Way) -> (&TcpStream, &TcpStream) {
        match way {
            Way::Up => (&self.near, &self.far),
            Way::Down => (&self.far, &self.near),
        }
    }

    /// Waits until a socket can do what it is wanted for, something is due, or the rules have changed.
    fn wait(&mut self) -> io::Result<Ready> {
        let now = Instant::now();
        let mut interest = [PollFlags::empty(); 2]; // near, far
        let mut next: Option<Instant> = None;
        for way in Way::BOTH {
            let rules = self.line.lock();
            if rules.is_stalled(way) {
                continue;
            }
            let (room, turn) = (rules.room(way), rules.turn((way, self.call), now));
            drop(rules);
            let flow = &self.flows[way.index()];
            let (from, to) = if way == Way::Up { (0, 1) } else { (1, 0) };
            if flow.wants_more(room) {
                interest[from] |= PollFlags::IN;
            }
            match flow.next_due().map(|due| turn.map_or(due, |turn| turn.max(due))) {
                Some(due) if due <= now => interest[to] |= PollFlags::OUT,
                Some(due) => next = Some(next.map_or(due, |next| next.min(due))),
                None => {}
            }
        }
        let timeout =
            next.map(|due| Timespec::try_from(due.saturating_duration_since(now)).expect("a delay of a test"));
        let sockets = [self.near.as_fd(), self.far.as_fd()];
        let mut wanted = vec![PollFd::new(&self.alarm, PollFlags::IN)];
        // A socket without an interest stays out: its hang-up would be reported again and again.
        let asked: Vec<usize> = (0..2).filter(|side| !interest[*side].is_empty()).collect();
        wanted.extend(asked.iter().map(|side| PollFd::from_borrowed_fd(sockets[*side], interest[*side])));
        match poll(&mut wanted, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        let mut readable = [false; 2];
        for (side, result) in asked.iter().zip(&wanted[1..]) {
            let wanted_in = interest[*side].contains(PollFlags::IN);
            readable[*side] = wanted_in && !(result.revents() - PollFlags::OUT).is_empty();
        }
        quiet(&mut self.alarm);
        Ok(Ready { readable })
    }

    fn read(&mut self, way: Way, buffer: &mut [u8]) {
        let late = self.line.lock().lateness(way);
        let result = self.ends(way).0.read(buffer);
        let (flow, now) = (&mut self.flows[way.index()], Instant::now());
        match result {
            Ok(0) => flow.push_end(now, late, End::Orderly),
            Ok(n) => flow.push(now, late, buffer[..n].to_vec()),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => flow.push_end(now, late, End::Broken),
        }
    }

    /// Hands on what is due; an error means that the connection broke on one side and must on the other.
    fn write(&mut self, way: Way) -> io::Result<()> {
        let (line, call) = (Arc::clone(&self.line), self.call);
        loop {
            let now = Instant::now();
            if let Some(end) = self.flows[way.index()].end(now) {
                if line.lock().is_stalled(way) {
                    return Ok(());
                }
                self.flows[way.index()].over = true;
                return match end {
                    End::Orderly => self.ends(way).1.shutdown(Shutdown::Write),
                    End::Broken => Err(ErrorKind::ConnectionReset.into()),
                };
            }
            // Under the lock, so that a cut between two connections is exact to the byte.
            let step: io::Result<usize> = line.update(|rules| {
                let Some(bytes) = self.flows[way.index()].bytes(now) else { return Ok(0) };
                let count =
                    if rules.fate(call) == Fate::GoOn { rules.may_pass((way, call), bytes.len(), now) } else { 0 };
                if count == 0 {
                    return Ok(0);
                }
                let mut piece = bytes[..count].to_vec();
                rules.flip_in(way, &mut piece);
                let written = self.ends(way).1.write(&piece)?;
                rules.note_passed((way, call), written, now);
                Ok(written)
            });
            match step {
                Ok(0) => return Ok(()),
                Ok(written) => self.flows[way.index()].take(written),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
                Err(_) => {
                    // That side is gone. What it said before may still be on its way to the other, which then sees the end.
                    self.flows[way.index()].abandon();
                    return Ok(());
                }
            }
        }
    }

    fn reset_both(self) -> io::Result<()> {
        reset(self.near);
        reset(self.far);
        Ok(())
    }

    /// Ends the caller's side; the server's stays as it is, and nothing is read from it, until the line is gone.
    fn lose(mut self) -> io::Result<()> {
        reset(self.near);
        while !self.line.lock().is_closed() {
            let _ = poll(&mut [PollFd::new(&self.alarm, PollFlags::IN)], None);
            quiet(&mut self.alarm);
        }
        Ok(())
    }

    /// Ends both sides in order. Closing a socket with unread bytes would send a reset, so what still comes is read and
    /// dropped, until both sides have ended too or the line is gone.
    fn end_both(mut self, buffer: &mut [u8]) -> io::Result<()> {
        let _ = self.near.shutdown(Shutdown::Write);
        let _ = self.far.shutdown(Shutdown::Write);
        let mut open = vec![self.near.try_clone()?, self.far.try_clone()?];
        while !open.is_empty() && !self.line.lock().is_closed() {
            let mut wanted = vec![PollFd::new(&self.alarm, PollFlags::IN)];
            wanted.extend(open.iter().map(|socket| PollFd::new(socket, PollFlags::IN)));
            let _ = poll(&mut wanted, None);
            quiet(&mut self.alarm);
            open.retain_mut(|socket| match socket.read(buffer) {
                Ok(n) => n > 0,
                Err(e) => matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            });
        }
        Ok(())
    }
}

struct Ready {
    /// By way: its source has bytes, an end or an error.
    readable: [bool; 2],
}

/// Closes a connection so that the other side reads an error, not an end.
fn reset(socket: TcpStream) {
    let _ = rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO));
    drop(socket);
}

/// Takes in what woke us.
fn quiet(alarm: &mut UnixStream) {
    let mut seen = [0; 64];
    while matches!(alarm.read(&mut seen), Ok(n) if n > 0) {}
}
