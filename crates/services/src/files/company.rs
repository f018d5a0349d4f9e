//! Company: which users copy at this server at the same time, so that none outruns the others by more connections.
//!
//! In: streams, whose they are, the counters of their own calls. Out: whether another user gets on about as fast as one call
//! of a stream does. Who is much slower is held up by something of his own, and loses nothing to that stream's lanes.
//! Invariant: a stream that has ended keeps nobody company, and nobody is company of his own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use landline_net::LineStats;
use tokio::time::sleep;

/// Over which a pace is measured, and how often it is.
const SPAN: Duration = Duration::from_millis(500);
/// The part of a call's pace that another user's must have to count as his share of the same line: the system gives
/// connections their shares within a factor of two or so.
const COMPARABLE: f64 = 0.25;
/// Bytes a second below which a stream does not get on at all: signs of life and acknowledgements.
const STANDS: f64 = 16_384.0;

/// The streams of a server, over all its shares. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Company {
    room: Arc<Mutex<Room>>,
}

#[derive(Debug, Default)]
struct Room {
    guests: HashMap<u64, Guest>,
    next: u64,
}

/// Who copies: somebody may do so from several machines at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Person {
    User(String),
    /// One of the user whose name many people share; its key.
    Machine([u8; 32]),
}

#[derive(Debug)]
struct Guest {
    person: Person,
    line: LineStats,
    pace: Pace,
}

/// The place of a stream that runs. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Place {
    room: Arc<Mutex<Room>>,
    number: u64,
}

impl Company {
    /// A stream of `person` begins; [`Place::leave`] is its end.
    pub(super) fn enter(&self, person: Person, line: LineStats) -> Place {
        let mut room = lock(&self.room);
        let number = room.next;
        room.next += 1;
        let pace = Pace { since: Instant::now(), before: moved(&line), rate: None };
        room.guests.insert(number, Guest { person, line, pace });
        Place { room: Arc::clone(&self.room), number }
    }
}

impl Place {
    pub(super) fn leave(&self) {
        lock(&self.room).guests.remove(&self.number);
    }

    /// Whether another user's stream gets on here, too. Takes [`SPAN`] to find out where there is one.
    pub(super) async fn is_shared(&self) -> bool {
        if !lock(&self.room).others(self.number) {
            return false;
        }
        self.look(); // what was before counts for nothing
        sleep(SPAN).await;
        self.look()
    }

    /// Resolves once it is shared.
    pub(super) async fn shared(&self) {
        loop {
            sleep(SPAN).await;
            if self.look() {
                return;
            }
        }
    }

    fn look(&self) -> bool {
        lock(&self.room).look(self.number, Instant::now())
    }
}

impl Room {
    fn others(&self, number: u64) -> bool {
        let Some(own) = self.guests.get(&number) else { return false };
        self.guests.values().any(|guest| guest.person != own.person)
    }

    fn look(&mut self, number: u64, now: Instant) -> bool {
        for Guest { line, pace, .. } in self.guests.values_mut() {
            pace.look(now, moved(line));
        }
        let Some(own) = self.guests.get(&number) else { return false };
        let others = self.guests.values().filter(|guest| guest.person != own.person);
        is_among(own.pace.rate, others.map(|guest| guest.pace.rate))
    }
}

/// What our system still holds has not moved.
fn moved(line: &LineStats) -> u64 {
    let gone = line.tcp().and_then(|tcp| tcp.acked).unwrap_or_else(|| line.sent());
    gone.saturating_add(line.received())
}

/// Whether one of `others` is comparable to `own`, in bytes a second; of the unknown nothing is said.
fn is_among(own: Option<f64>, others: impl IntoIterator<Item = Option<f64>>) -> bool {
    let Some(own) = own else { return false };
    others.into_iter().flatten().any(|other| other >= STANDS && other >= COMPARABLE * own)
}

/// How fast something gets on.
#[derive(Debug)]
struct Pace {
    since: Instant,
    /// What had moved then.
    before: u64,
    /// Bytes a second up to then; unknown of what has just begun.
    rate: Option<f64>,
}

impl Pace {
    fn look(&mut self, now: Instant, moved: u64) {
        let took = now.saturating_duration_since(self.since);
        if took < SPAN {
            return;
        }
        self.rate = Some(moved.saturating_sub(self.before) as f64 / took.as_secs_f64());
        (self.since, self.before) = (now, moved);
    }
}

fn lock(room: &Mutex<Room>) -> MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn company_is_who_gets_on_about_as_fast_as_one_call() {
        let own = Some(8e6);
        assert!(!is_among(own, []));
        assert!(is_among(own, [Some(8e6)]));
        assert!(is_among(own, [Some(1e6), Some(2e6)]), "one of several is enough");
        assert!(!is_among(own, [Some(1e6)]), "held up by something of his own");
        assert!(is_among(own, [Some(80e6)]), "held up is the stream itself");
    }

    #[test]
    fn what_stands_or_has_just_begun_is_no_company() {
        assert!(!is_among(Some(0.0), [Some(40.0)]), "signs of life");
        assert!(is_among(Some(0.0), [Some(1e6)]));
        assert!(!is_among(Some(1e6), [None]));
        assert!(!is_among(None, [Some(1e6)]));
    }

    #[test]
    fn a_pace_is_that_of_the_last_span() {
        let start = Instant::now();
        let mut pace = Pace { since: start, before: 1000, rate: None };
        pace.look(start + SPAN / 2, 900_000);
        assert_eq!(pace.rate, None, "too short to say anything");
        pace.look(start + SPAN, 1_001_000);
        assert_eq!(pace.rate, Some(2_000_000.0));
        pace.look(start + SPAN + SPAN / 2, 5_000_000);
        assert_eq!(pace.rate, Some(2_000_000.0));
        pace.look(start + 3 * SPAN, 1_001_000);
        assert_eq!(pace.rate, Some(0.0), "it stands");
    }
}
