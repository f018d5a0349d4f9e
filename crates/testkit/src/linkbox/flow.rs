//! Flow: what one connection carries one way, between being read and being handed on.
//!
//! In: pieces as they arrive, each with the time it is due. Out: the next bytes due, then the end of the stream.
//! Knows nothing of sockets; the time is an argument.
//! Invariant: pieces and the end are handed on in the order they came, whatever their lateness.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How much one connection may hold one way unless a test says otherwise: enough that a delayed line still carries something, little enough that a stall
/// is felt by the sender.
pub(super) const MOST_HELD_BYTES: usize = 256 * 1024;

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Orderly,
    Broken,
}

#[derive(Debug, Default)]
pub(super) struct Flow {
    pieces: VecDeque<(Instant, Vec<u8>)>,
    /// How much of the first piece was handed on already.
    taken: usize,
    held: usize,
    last_due: Option<Instant>,
    end: Option<(Instant, End)>,
    /// The end was handed on too.
    pub(super) over: bool,
}

impl Flow {
    /// Whether it may read more, where it may hold `room` bytes.
    pub(super) fn wants_more(&self, room: usize) -> bool {
        self.end.is_none() && !self.over && self.held < room
    }

    pub(super) fn push(&mut self, now: Instant, late: Duration, piece: Vec<u8>) {
        let due = self.due(now, late);
        self.held += piece.len();
        self.pieces.push_back((due, piece));
    }

    pub(super) fn push_end(&mut self, now: Instant, late: Duration, end: End) {
        self.end = Some((self.due(now, late), end));
    }

    fn due(&mut self, now: Instant, late: Duration) -> Instant {
        let due = self.last_due.map_or(now + late, |last| last.max(now + late));
        self.last_due = Some(due);
        due
    }

    /// When something is next due: bytes or the end.
    pub(super) fn next_due(&self) -> Option<Instant> {
        if self.over {
            return None;
        }
        self.pieces.front().map(|(due, _)| *due).or(self.end.map(|(due, _)| due))
    }

    /// The bytes that are due.
    pub(super) fn bytes(&self, now: Instant) -> Option<&[u8]> {
        let (due, piece) = self.pieces.front()?;
        (*due <= now).then(|| &piece[self.taken..])
    }

    /// Notes that `count` of them were handed on.
    pub(super) fn take(&mut self, count: usize) {
        self.held -= count;
        self.taken += count;
        if self.pieces.front().is_some_and(|(_, piece)| piece.len() == self.taken) {
            self.pieces.pop_front();
            self.taken = 0;
        }
    }

    /// The end, once it is due and nothing is left before it.
    pub(super) fn end(&self, now: Instant) -> Option<End> {
        let (due, end) = self.end?;
        (!self.over && self.pieces.is_empty() && due <= now).then_some(end)
    }

    /// Gives up: nobody takes these bytes any more.
    pub(super) fn abandon(&mut self) {
        self.pieces.clear();
        (self.held, self.taken, self.over) = (0, 0, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_that_is_less_late_waits_for_the_one_before_it() {
        let (now, ms) = (Instant::now(), Duration::from_millis);
        let mut flow = Flow::default();
        flow.push(now, ms(50), b"first".to_vec());
        flow.push(now + ms(1), ms(0), b"second".to_vec());
        flow.push_end(now + ms(2), ms(0), End::Orderly);
        assert_eq!((flow.bytes(now + ms(49)), flow.next_due()), (None, Some(now + ms(50))));
        assert_eq!(flow.bytes(now + ms(50)), Some(&b"first"[..]));
        flow.take(3);
        assert_eq!(flow.bytes(now + ms(50)), Some(&b"st"[..]));
        flow.take(2);
        assert_eq!((flow.bytes(now + ms(50)), flow.end(now + ms(50))), (Some(&b"second"[..]), None));
        flow.take(6);
        assert_eq!(flow.end(now + ms(49)), None);
        assert_eq!(flow.end(now + ms(50)), Some(End::Orderly));
    }

    #[test]
    fn it_holds_no_more_than_its_limit_and_nothing_after_the_end() {
        let now = Instant::now();
        let mut flow = Flow::default();
        flow.push(now, Duration::ZERO, vec![0; MOST_HELD_BYTES]);
        assert!(!flow.wants_more(MOST_HELD_BYTES));
        flow.take(1);
        assert!(flow.wants_more(MOST_HELD_BYTES));
        flow.push_end(now, Duration::ZERO, End::Broken);
        assert!(!flow.wants_more(MOST_HELD_BYTES));
        flow.abandon();
        assert_eq!((flow.next_due(), flow.bytes(now), flow.end(now)), (None, None, None));
    }
}
