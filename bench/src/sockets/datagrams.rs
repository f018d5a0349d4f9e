//! The load of datagrams: sockets that each keep so many questions on their way.
//!
//! One thread: whatever can be received at once is, and each answer is followed by a question. An answer that does not come
//! within [`PATIENCE`] is lost, and its question is replaced so that the load stays the same.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::{Timespec, epoll};

/// Questions of a socket on their way.
pub(super) const OUTSTANDING: usize = 16;
/// What is asked: as many bytes as its answer has, and a bare echo gives it back.
const QUESTION: &[u8] = b"%y-%m-%d %H:%M:%S";
/// Before the clock starts.
const WARM_UP: Duration = Duration::from_millis(200);
/// After so long of silence at all sockets, what is on its way is lost.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// What was answered within the time.
pub(super) struct Answers {
    pub(super) count: u64,
    pub(super) lost: u64,
    pub(super) seconds: f64,
    /// CPU seconds of the server meanwhile.
    pub(super) cpu_seconds: f64,
}

/// Asks from so many `sockets` for so long. `cpu`: the CPU seconds that the server has used.
pub(super) fn ask(server: SocketAddr, sockets: usize, lasting: Duration, cpu: impl Fn() -> f64) -> Result<Answers> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut asking = Vec::with_capacity(sockets);
    for at in 0..sockets {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(server)?;
        socket.set_nonblocking(true)?;
        epoll::add(&epoll, &socket, epoll::EventData::new_u64(at as u64), epoll::EventFlags::IN)?;
        asking.push(socket);
    }
    for socket in &asking {
        for _ in 0..OUTSTANDING {
            socket.send(QUESTION)?;
        }
    }
    turn(&epoll, &asking, Instant::now() + WARM_UP)?;
    let (before, begun) = (cpu(), Instant::now());
    let (count, lost) = turn(&epoll, &asking, begun + lasting)?;
    Ok(Answers { count, lost, seconds: begun.elapsed().as_secs_f64(), cpu_seconds: cpu() - before })
}

/// How many were answered and lost.
fn turn(epoll: &impl std::os::fd::AsFd, asking: &[UdpSocket], until: Instant) -> Result<(u64, u64)> {
    let (mut count, mut lost) = (0, 0);
    let (mut events, mut room) = (Vec::with_capacity(asking.len().max(1)), [0; 256]);
    while Instant::now() < until {
        events.clear();
        epoll::wait(epoll, rustix::buffer::spare_capacity(&mut events), Some(&PATIENCE))?;
        if events.is_empty() {
            lost += (asking.len() * OUTSTANDING) as u64;
            ensure!(count > 0, "nothing was answered within {} s", PATIENCE.tv_sec);
            for socket in asking {
                for _ in 0..OUTSTANDING {
                    socket.send(QUESTION)?;
                }
            }
        }
        for event in &events {
            let at = usize::try_from(event.data.u64())?;
            let socket = asking.get(at).context("an event of nobody")?;
            loop {
                match socket.recv(&mut room) {
                    Ok(len) => ensure!(len == QUESTION.len(), "an answer of {len} bytes"),
                    Err(fault) if fault.kind() == ErrorKind::WouldBlock => break,
                    Err(fault) => return Err(fault).context("a socket fails"),
                }
                count += 1;
                socket.send(QUESTION)?;
            }
            if Instant::now() >= until {
                break;
            }
        }
    }
    Ok((count, lost))
}
