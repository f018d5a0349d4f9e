//! The threads of one connection: what one end says, the other hears.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::State;
use super::delay::{Queue, Way};

/// Bytes taken at once: more than a socket usually holds ready, so the relay costs few calls.
pub(super) const CHUNK: usize = 256 << 10;
/// Bytes that the kernel may hold between a counting relay and the end that they go to. They are counted when they are taken;
/// on a real line such bytes would still lie with their sender, and not have crossed it when the receiver dies.
const HELD_BYTES: usize = 256 << 10;
/// How often a held relay looks whether it may go on.
const HELD: Duration = Duration::from_millis(1);

/// Carries bytes both ways until both directions have ended.
pub(super) fn both_ways(state: &State, client: &TcpStream, server: &TcpStream) {
    for end in [client, server] {
        let _ = end.set_nodelay(true);
        if state.delay.is_none() {
            let _ = rustix::net::sockopt::set_socket_send_buffer_size(end, HELD_BYTES);
        }
    }
    let opened = Instant::now();
    std::thread::scope(|scope| {
        // A real connection is open only after a round trip, and its first byte takes half of one more.
        let floor = state.delay.map_or(opened, |delay| opened + 3 * delay.one_way);
        scope.spawn(move || one_way(state, client, server, floor));
        one_way(state, server, client, opened);
    });
}

fn one_way(state: &State, from: &TcpStream, to: &TcpStream, floor: Instant) {
    match state.delay {
        None => end(from, to, direct(state, from, to)),
        Some(delay) => {
            let (queue, mut way) = (Queue::of(delay), Way::new(delay, floor));
            std::thread::scope(|scope| {
                scope.spawn(|| end(from, to, queue.deliver(to)));
                read_all(state, from, |bytes| queue.push(bytes, way.due(Instant::now(), bytes.len())));
                queue.finish(way.due(Instant::now(), 0));
            });
        }
    }
}

/// How one direction ended.
pub(super) enum End {
    /// The sender has said everything, or is gone.
    Said,
    /// The receiver is gone.
    Deaf,
}

fn direct(state: &State, from: &TcpStream, mut to: &TcpStream) -> End {
    let mut deaf = false;
    read_all(state, from, |bytes| {
        deaf = to.write_all(bytes).is_err();
        !deaf
    });
    if deaf { End::Deaf } else { End::Said }
}

/// Takes bytes until the end, or until `hand_on` says that nobody wants them.
fn read_all(state: &State, mut from: &TcpStream, mut hand_on: impl FnMut(&[u8]) -> bool) {
    let mut chunk = vec![0; CHUNK];
    loop {
        while state.passed.load(Ordering::Acquire) >= state.barrier.load(Ordering::Acquire) {
            std::thread::sleep(HELD);
        }
        let Ok(count) = from.read(&mut chunk) else { return };
        let Some(bytes @ [_, ..]) = chunk.get(..count) else { return };
        state.passed.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::AcqRel);
        if !hand_on(bytes) {
            return;
        }
    }
}

/// Tells the sockets: an end of speech goes on to the receiver; towards a sender whose receiver is gone the line is cut.
fn end(from: &TcpStream, to: &TcpStream, how: End) {
    let _ = to.shutdown(Shutdown::Write);
    if matches!(how, End::Deaf) {
        let _ = from.shutdown(Shutdown::Both);
    }
}
