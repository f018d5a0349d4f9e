//! The prober: how many calls a copy should use, from how fast it gets on.
//!
//! In: the time, how much has moved, whether the copy waits for the line. Out: a number of calls. It begins with one or
//! with what paid last time, halves what is only remembered while that does as well, doubles while that pays, goes back
//! when it does not, and looks again after a while.
//! Pure: time is an argument.
//! Invariant: never fewer than one call and never more than [`MOST`].

use std::time::{Duration, Instant};

use crate::files::watch::Watch;

/// The most calls that are ever tried: on lines where several help, the gain is had by then, and other people use the line
/// too. A person may ask for more.
const MOST: usize = 8;
/// What is not looked at after a change: a new connection has to find its rate.
const WARM_UP: Duration = Duration::from_secs(1);
/// Over which a rate is measured.
const SPAN: Duration = Duration::from_secs(1);
/// How much faster twice the calls must be to be worth it: less is noise, and impolite.
const PAYS: f64 = 1.25;
/// How much of the rate half of the calls must reach to do as well.
const SUFFICES: f64 = 0.9;
/// After what time it is looked again: lines change.
pub(super) const REST: Duration = Duration::from_secs(60);
/// The part of the time that a copy must have waited for the line.
const WAITED: f64 = 0.5;

/// Which way the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Away,
    Here,
}

impl Way {
    /// Whether the line is what holds the copy up, and neither end's disk or processor: only then can more lanes help.
    pub(super) fn waits_for_line(self, watch: &Watch) -> bool {
        let took = watch.copying().as_secs_f64();
        let line = watch.line();
        let waited = match self {
            Self::Away => line.send_wait,
            Self::Here => line.receive_wait,
        };
        let theirs = watch.theirs().unwrap_or_default();
        let their_work = Duration::from_millis(theirs.disk.saturating_add(theirs.hash).saturating_add(theirs.sync));
        waited.as_secs_f64() >= WAITED * took && their_work.as_secs_f64() < WAITED * took
    }
}

/// What is being found out.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Question {
    /// How fast is it as it is?
    Base,
    /// Is it faster than `before`, with `from` calls?
    More { before: f64, from: usize },
    /// Is it as fast as `before`, with `from` calls?
    Less { before: f64, from: usize },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    WarmingUp { since: Instant, question: Question },
    Measuring { since: Instant, bytes: u64, question: Question },
    Resting { since: Instant },
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Prober {
    calls: usize,
    /// That they pay was seen in this copy, and is not only remembered.
    seen: bool,
    judged: bool,
    state: State,
}

impl Prober {
    /// Begins with `calls` at `now`.
    pub(super) fn new(calls: usize, now: Instant) -> Self {
        let state = State::WarmingUp { since: now, question: Question::Base };
        Self { calls: calls.clamp(1, MOST), seen: false, judged: false, state }
    }

    /// How many calls the copy should use now.
    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    /// How many paid, if that was found out: what is being tried just now counts for nothing.
    pub(super) fn found(&self) -> Option<usize> {
        let question = match self.state {
            State::WarmingUp { question, .. } | State::Measuring { question, .. } => question,
            State::Resting { .. } => Question::Base,
        };
        self.judged.then_some(match question {
            Question::Base => self.calls,
            Question::More { from, .. } | Question::Less { from, .. } => from,
        })
    }

    /// Takes in what is seen at `now`: bytes that have moved in all, and whether the copy waits for the line.
    pub(super) fn look(&mut self, now: Instant, bytes: u64, waits: bool) {
        match self.state {
            State::WarmingUp { since, question } if now.saturating_duration_since(since) >= WARM_UP => {
                self.state = State::Measuring { since: now, bytes, question };
            }
            State::Measuring { since, bytes: before, question } => {
                let took = now.saturating_duration_since(since);
                if took >= SPAN {
                    let rate = bytes.saturating_sub(before) as f64 / took.as_secs_f64();
                    self.judge(now, bytes, question, (rate, waits));
                }
            }
            State::Resting { since } if now.saturating_duration_since(since) >= REST => {
                self.state = State::Measuring { since: now, bytes, question: Question::Base };
            }
            State::WarmingUp { .. } | State::Resting { .. } => {}
        }
    }

    /// The other end wants no lanes at `now`: one call, until it is looked again. That says nothing of what pays.
    pub(super) fn is_unwanted(&mut self, now: Instant) {
        (self.calls, self.judged) = (1, false);
        self.rest(now);
    }

    fn judge(&mut self, now: Instant, bytes: u64, question: Question, (rate, waits): (f64, bool)) {
        let can_grow = waits && self.calls * 2 <= MOST;
        match question {
            // Whether what was remembered still pays is not known yet, and fewer are politer than more.
            Question::Base if self.calls > 1 && !self.seen => self.try_less(now, rate),
            Question::Base if can_grow => self.try_more(now, rate),
            // It is held up by something else, for now.
            Question::Base => self.state = State::Measuring { since: now, bytes, question },
            Question::More { before, .. } if rate >= PAYS * before => {
                (self.seen, self.judged) = (true, true);
                if can_grow { self.try_more(now, rate) } else { self.rest(now) }
            }
            Question::More { from, .. } => {
                (self.calls, self.judged) = (from, true);
                self.rest(now);
            }
            Question::Less { before, .. } if rate >= SUFFICES * before => {
                self.judged = true;
                if self.calls > 1 { self.try_less(now, before) } else { self.rest(now) }
            }
            Question::Less { before, from } => {
                (self.calls, self.seen, self.judged) = (from, true, true);
                if waits && from * 2 <= MOST { self.try_more(now, before) } else { self.rest(now) }
            }
        }
    }

    fn try_more(&mut self, now: Instant, before: f64) {
        let question = Question::More { before, from: self.calls };
        self.calls = (self.calls * 2).min(MOST);
        self.state = State::WarmingUp { since: now, question };
    }

    fn try_less(&mut self, now: Instant, before: f64) {
        let question = Question::Less { before, from: self.calls };
        self.calls = (self.calls / 2).max(1);
        self.state = State::WarmingUp { since: now, question };
    }

    fn rest(&mut self, now: Instant) {
        self.state = State::Resting { since: now };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOOK: Duration = Duration::from_millis(250);

    /// A copy of some seconds over a line that gives `rate(calls)` bytes a second; the calls it used, look by look.
    fn copy(seconds: u32, remembered: usize, waits: bool, rate: impl Fn(usize) -> usize) -> (Prober, Vec<usize>) {
        let start = Instant::now();
        let mut prober = Prober::new(remembered, start);
        let (mut bytes, mut used) = (0, Vec::new());
        for look in 1..=seconds * 4 {
            bytes += u64::try_from(rate(prober.calls()) / 4).unwrap();
            prober.look(start + LOOK * look, bytes, waits);
            used.push(prober.calls());
        }
        (prober, used)
    }

    #[test]
    fn calls_are_added_while_they_pay() {
        let (prober, used) = copy(30, 1, true, |calls| calls.min(4) * 1_000_000);
        assert_eq!((prober.calls(), prober.found()), (4, Some(4)));
        assert_eq!(used.iter().max(), Some(&8), "more was tried, and did not pay");
        assert!(used.windows(2).all(|pair| pair[1] <= pair[0] * 2));
    }

    #[test]
    fn a_line_that_one_call_fills_keeps_one() {
        let (prober, used) = copy(30, 1, true, |_| 10_000_000);
        assert_eq!((prober.calls(), prober.found(), used.iter().max()), (1, Some(1), Some(&2)));
    }

    #[test]
    fn who_does_not_wait_for_the_line_gets_no_more_calls_and_nothing_is_learnt() {
        let (prober, used) = copy(30, 1, false, |calls| calls * 1000);
        assert_eq!((prober.found(), used.iter().max()), (None, Some(&1)));
    }

    #[test]
    fn what_paid_once_is_given_up_where_it_does_not_pay_any_more() {
        let (prober, _) = copy(30, 4, true, |_| 10_000_000);
        assert_eq!((prober.calls(), prober.found()), (1, Some(1)));
        let (prober, used) = copy(30, 4, true, |calls| calls.min(4) * 1_000_000);
        assert_eq!((prober.calls(), prober.found()), (4, Some(4)));
        assert!(used.contains(&8) && used.contains(&2), "{used:?}");
    }

    #[test]
    fn who_is_sent_away_uses_one_call_and_asks_again_after_a_while() {
        let start = Instant::now();
        let mut prober = Prober::new(4, start);
        prober.is_unwanted(start);
        assert_eq!((prober.calls(), prober.found()), (1, None), "what is remembered stays");
        let mut bytes = 0;
        let mut first = None;
        for look in 1..=400_u32 {
            bytes += 1_000_000;
            prober.look(start + LOOK * look, bytes, true);
            first = first.or((prober.calls() > 1).then_some(LOOK * look));
        }
        assert!(first.is_some_and(|first| first >= REST), "{first:?}");
    }

    #[test]
    fn it_is_looked_again_after_a_while() {
        let start = Instant::now();
        let mut prober = Prober::new(1, start);
        let mut bytes = 0;
        for look in 1..=400_u32 {
            let filled_by_one = look < 100;
            bytes += if filled_by_one { 1_000_000 } else { 1_000_000 * prober.calls() as u64 };
            prober.look(start + LOOK * look, bytes, true);
        }
        assert!(prober.calls() > 1, "{prober:?}");
    }

    proptest! {
        #[test]
        fn there_is_always_a_call_and_never_too_many(
            remembered in 0_usize..2000,
            looks in prop::collection::vec((0_u64..5000, 0_u64..1 << 40, any::<bool>()), 0..200),
        ) {
            let mut now = Instant::now();
            let (mut prober, mut bytes) = (Prober::new(remembered, now), 0_u64);
            for (millis, more, waits) in looks {
                now += Duration::from_millis(millis);
                bytes = bytes.saturating_add(more);
                prober.look(now, bytes, waits);
                prop_assert!((1..=MOST).contains(&prober.calls()));
                prop_assert!(prober.found().is_none_or(|calls| (1..=MOST).contains(&calls)));
            }
        }
    }
}
