//! Bytes that are on their way: a queue with the time at which each piece is due at the other end.
//!
//! In: pieces as they are read. Out: the same bytes, never early. Memory: [`CAPACITY`] each way of a connection at most; a sender
//! that is faster waits, as it would for the window of a real connection.

use std::collections::VecDeque;
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Delay;
use super::pump::{CHUNK, End};

/// The bandwidth-delay product that fits where no rate is set, in bytes: 3.2 GB/s for 40 ms, which is more than loopback carries
/// through a relay on the machines at hand.
pub(super) const CAPACITY: usize = 128 << 20;
/// What a piece costs beyond its bytes.
const PIECE: usize = 64;

/// When bytes arrive that are sent now: the line takes one piece after the other, and each its time.
pub(super) struct Way {
    delay: Delay,
    /// Nothing arrives earlier.
    floor: Instant,
    /// When the line has taken everything so far.
    free: Option<Instant>,
}

impl Way {
    pub(super) fn new(delay: Delay, floor: Instant) -> Way {
        Way { delay, floor, free: None }
    }

    /// When the last of so many bytes arrives.
    pub(super) fn due(&mut self, now: Instant, bytes: usize) -> Instant {
        let taking =
            self.delay.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(bytes as f64 / f64::from(rate)));
        let taken = self.free.map_or(now, |free| free.max(now)) + taking;
        self.free = Some(taken);
        self.floor.max(taken + self.delay.one_way)
    }
}

/// See the module.
pub(super) struct Queue {
    capacity: usize,
    state: Mutex<OnTheWay>,
    changed: Condvar,
}

#[derive(Default)]
struct OnTheWay {
    /// An empty piece is the end.
    pieces: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// The receiver is gone.
    deaf: bool,
}

impl Queue {
    /// With room for what is on its way for a round trip at the line's rate, or for [`CAPACITY`].
    pub(super) fn of(delay: Delay) -> Queue {
        let round_trip = u64::try_from(2 * delay.one_way.as_millis()).unwrap_or(u64::MAX);
        let product = |rate| usize::try_from(u64::from(rate).saturating_mul(round_trip) / 1000).unwrap_or(CAPACITY);
        let capacity = delay.rate.map_or(CAPACITY, |rate: u32| product(rate).clamp(CHUNK, CAPACITY));
        Queue { capacity, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Takes `bytes`, due at `due`; waits for room. `false` if nobody is there to hear them.
    pub(super) fn push(&self, bytes: &[u8], due: Instant) -> bool {
        let mut state = self.lock();
        while state.bytes >= self.capacity && !state.deaf {
            state = self.wait(state);
        }
        if state.deaf {
            return false;
        }
        state.bytes += bytes.len() + PIECE;
        state.pieces.push_back((due, bytes.to_vec()));
        self.changed.notify_all();
        true
    }

    /// Says that nothing more comes.
    pub(super) fn finish(&self, due: Instant) {
        self.lock().pieces.push_back((due, Vec::new()));
        self.changed.notify_all();
    }

    /// Hands every piece to `to` when it is due, until the end.
    pub(super) fn deliver(&self, mut to: &TcpStream) -> End {
        loop {
            let (due, bytes) = self.next();
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if bytes.is_empty() {
                return End::Said;
            }
            let deaf = to.write_all(&bytes).is_err();
            let mut state = self.lock();
            state.bytes = state.bytes.saturating_sub(bytes.len() + PIECE);
            state.deaf = deaf;
            drop(state);
            self.changed.notify_all();
            if deaf {
                return End::Deaf;
            }
        }
    }

    fn next(&self) -> (Instant, Vec<u8>) {
        let mut state = self.lock();
        loop {
            match state.pieces.pop_front() {
                Some(piece) => return piece,
                None => state = self.wait(state),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, OnTheWay> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, state: MutexGuard<'g, OnTheWay>) -> MutexGuard<'g, OnTheWay> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_line_with_a_rate_takes_one_piece_after_the_other() {
        let start = Instant::now();
        let mut way = Way::new(Delay { one_way: 40 * MS, rate: Some(1_000_000) }, start + 45 * MS);
        assert_eq!(way.due(start, 0), start + 45 * MS, "the floor");
        assert_eq!(way.due(start, 10_000), start + 50 * MS);
        assert_eq!(way.due(start + MS, 10_000), start + 60 * MS, "it waits for the one before");
        assert_eq!(way.due(start + 100 * MS, 1_000), start + 141 * MS);
    }

    #[test]
    fn a_line_without_a_rate_only_takes_its_time() {
        let start = Instant::now();
        let mut way = Way::new(Delay { one_way: 40 * MS, rate: None }, start);
        assert_eq!(way.due(start, usize::MAX), start + 40 * MS);
        assert_eq!(way.due(start + MS, 1), start + 41 * MS);
    }

    #[test]
    fn the_room_is_the_bandwidth_delay_product_within_its_limit() {
        let capacity = |rate| Queue::of(Delay { one_way: 40 * MS, rate }).capacity;
        assert_eq!(capacity(Some(125_000_000)), 10_000_000);
        assert_eq!(capacity(Some(1)), CHUNK);
        assert_eq!(capacity(None), CAPACITY);
    }
}
