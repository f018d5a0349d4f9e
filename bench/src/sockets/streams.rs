//! The load of echo: connections that each send a message, wait for all of it and send the next.
//!
//! One thread and one epoll for all; answers are compared with what was sent. A closed loop: whoever answers slowly is asked less.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{Timespec, epoll};

/// Bytes of a message.
const MESSAGE: usize = 64;
/// Before the clock starts.
const WARM_UP: Duration = Duration::from_millis(200);
/// After so long without any answer the server is given up.
const SILENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// What was answered within the time.
pub(super) struct Answers {
    pub(super) count: u64,
    pub(super) seconds: f64,
    /// CPU seconds of the server meanwhile.
    pub(super) cpu_seconds: f64,
    /// Microseconds each, sorted.
    pub(super) micros: Vec<u32>,
}

struct Line {
    stream: TcpStream,
    got: usize,
    sent: Instant,
}

/// Plays ping-pong on `connections` for so long. `cpu`: the CPU seconds that the server has used.
pub(super) fn ping_pong(
    server: SocketAddr,
    connections: usize,
    lasting: Duration,
    cpu: impl Fn() -> f64,
) -> Result<Answers> {
    let message: [u8; MESSAGE] = std::array::from_fn(|at| u8::try_from(at).unwrap_or_default());
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut lines = Vec::with_capacity(connections);
    for at in 0..connections {
        let stream = TcpStream::connect(server).with_context(|| format!("connection {at}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&epoll, &stream, epoll::EventData::new_u64(at as u64), epoll::EventFlags::IN)?;
        lines.push(Line { stream, got: 0, sent: Instant::now() });
    }
    for line in &mut lines {
        line.ask(&message)?;
    }
    let mut micros = Vec::with_capacity(1 << 20);
    turn(&epoll, &mut lines, &message, Instant::now() + WARM_UP, &mut micros)?;
    micros.clear();
    let (before, begun) = (cpu(), Instant::now());
    turn(&epoll, &mut lines, &message, begun + lasting, &mut micros)?;
    let (seconds, cpu_seconds) = (begun.elapsed().as_secs_f64(), cpu() - before);
    let count = micros.len() as u64;
    micros.sort_unstable();
    Ok(Answers { count, seconds, cpu_seconds, micros })
}

fn turn(
    epoll: &impl std::os::fd::AsFd,
    lines: &mut [Line],
    message: &[u8],
    until: Instant,
    micros: &mut Vec<u32>,
) -> Result<()> {
    let mut events = Vec::with_capacity(256);
    loop {
        events.clear();
        epoll::wait(epoll, rustix::buffer::spare_capacity(&mut events), Some(&SILENCE))?;
        ensure!(!events.is_empty(), "no answer for {} s", SILENCE.tv_sec);
        let now = Instant::now(); // once for all that are ready; an answer's own microseconds are some of the load's work
        if now >= until {
            return Ok(());
        }
        for event in &events {
            let at = usize::try_from(event.data.u64())?;
            let line = lines.get_mut(at).context("an event of nobody")?;
            if line.answered(message)? {
                micros.push(u32::try_from(now.duration_since(line.sent).as_micros()).unwrap_or(u32::MAX));
                line.ask(message)?;
            }
        }
    }
}

impl Line {
    fn ask(&mut self, message: &[u8]) -> Result<()> {
        self.sent = Instant::now();
        // 64 bytes always fit: nothing else is on its way.
        self.stream.write_all(message).context("the server does not take a message")
    }

    /// Whether the answer is whole.
    fn answered(&mut self, message: &[u8]) -> Result<bool> {
        let mut room = [0; MESSAGE];
        let open = room.get_mut(self.got..).unwrap_or_default();
        let len = match self.stream.read(open) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(len) => len,
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(fault) => return Err(fault.into()),
        };
        let (from, to) = (self.got, self.got + len);
        ensure!(room.get(from..to) == message.get(from..to), "an answer is not what was sent");
        self.got = to % MESSAGE;
        Ok(self.got == 0)
    }
}
