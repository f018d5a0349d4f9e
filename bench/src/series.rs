//! The turns: every contender runs once per round, and each round begins with another one.
//!
//! In: entries, ready or not. Out: a [`Row`] for each, in the same order. [`transfers`] are turns that move the source: before each
//! timed transfer memory of the same size is touched in the target's directory; after it the copy is checked and (unless it is to
//! stay) removed, outside the clock.

use anyhow::{Context, Result};

use crate::contender::{Contender, Entry, Medium, State};
use crate::data;
use crate::measure::Sample;
use crate::out;
use crate::site::Site;
use crate::stats::Spread;

/// What is known of one contender in the end.
pub(crate) struct Row<M = Measured> {
    pub(crate) name: &'static str,
    pub(crate) security: &'static str,
    pub(crate) medium: Medium,
    pub(crate) outcome: Outcome<M>,
}

/// How it went.
pub(crate) enum Outcome<M = Measured> {
    Measured(M),
    Absent(String),
    Failed(String),
}

/// The samples of a contender that never failed; at least one.
pub(crate) struct Measured {
    /// What a transfer moves: gigabytes (10^9 bytes) of a file, or files of a tree.
    pub(crate) units: f64,
    pub(crate) samples: Vec<Sample>,
    pub(crate) seconds: Spread,
    /// Units a second.
    pub(crate) rate: Spread,
    /// CPU seconds a transfer, medians, of the client and the server.
    pub(crate) client_cpu: f64,
    pub(crate) server_cpu: f64,
    /// Bytes, the greatest of all runs.
    pub(crate) client_peak: u64,
    pub(crate) server_peak: u64,
    /// Bytes on the wire, both ways, where they were counted.
    pub(crate) wire: Option<Spread>,
}

impl Measured {
    /// `None` of no samples.
    pub(crate) fn of(units: f64, samples: Vec<Sample>) -> Option<Measured> {
        let spread = |figure: &dyn Fn(&Sample) -> f64| Spread::of(samples.iter().map(figure));
        Some(Measured {
            units,
            seconds: spread(&|sample| sample.seconds)?,
            rate: spread(&|sample| units / sample.seconds)?,
            client_cpu: spread(&|sample| sample.client.cpu_seconds)?.median,
            server_cpu: spread(&|sample| sample.server.cpu_seconds)?.median,
            client_peak: samples.iter().map(|sample| sample.client.peak).max()?,
            server_peak: samples.iter().map(|sample| sample.server.peak).max()?,
            wire: Spread::of(samples.iter().filter_map(|sample| sample.wire).map(|bytes| bytes as f64)),
            samples,
        })
    }

    /// CPU seconds a unit of both ends.
    pub(crate) fn cpu(&self) -> f64 {
        (self.client_cpu + self.server_cpu) / self.units
    }
}

impl<M> Row<M> {
    pub(crate) fn measured(&self) -> Option<&M> {
        match &self.outcome {
            Outcome::Measured(measured) => Some(measured),
            Outcome::Absent(_) | Outcome::Failed(_) => None,
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

/// What became of the copy after a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copy {
    /// It is removed, so that the next transfer makes it afresh.
    Goes,
    /// It stays, and the next transfer finds it there.
    Stays,
}

/// Moves the source of `site` by every contender, `site.runs` times.
pub(crate) fn transfers(site: &Site, entries: Vec<Entry<dyn Contender + '_>>, copy: Copy) -> Vec<Row> {
    let units = if site.load.is_tree() { site.load.plan.files() as f64 } else { site.load.plan.bytes() as f64 / 1e9 };
    let turn = |contender: &mut (dyn Contender + '_)| transfer(site, contender, copy);
    rounds(
        site.runs,
        entries,
        |contender| (contender.security(), contender.rounds()),
        turn,
        |sample| format!("{:.2} s", sample.seconds),
        |samples| Measured::of(units, samples),
    )
}

/// One transfer and what goes round it.
fn transfer(site: &Site, contender: &mut (dyn Contender + '_), copy: Copy) -> Result<Sample> {
    let target = contender.target().to_path_buf();
    if copy == Copy::Goes {
        touch_for(site, &target)?;
    }
    let passed = |contender: &(dyn Contender + '_)| contender.relay().map(crate::relay::Relay::passed);
    let before = passed(contender);
    let sample = contender.transfer();
    let wire = passed(contender).zip(before).map(|(after, before)| after - before);
    let checked = sample.and_then(|sample| site.load.check(&target).map(|()| Sample { wire, ..sample }));
    let removed = if copy == Copy::Goes { site.load.remove(&target) } else { Ok(()) };
    // What went wrong first explains the rest: a server whose client has failed may go on writing for a while.
    checked.and_then(|sample| removed.map(|()| sample))
}

/// Makes memory ready for a copy at `target`.
pub(crate) fn touch_for(site: &Site, target: &std::path::Path) -> Result<()> {
    data::touch(target.parent().context("the target lies in no directory")?, site.load.plan.bytes())
}

/// Runs all rounds of any kind of turn. A contender that fails once runs no more and keeps its words.
///
/// `about`: what a contender says of its security, and in how many rounds it takes part at most. `tell`: a turn in a few words.
pub(crate) fn rounds<C: ?Sized, S, M>(
    runs: usize,
    mut entries: Vec<Entry<C>>,
    about: impl Fn(&C) -> (&'static str, usize),
    mut turn: impl FnMut(&mut C) -> Result<S>,
    tell: impl Fn(&S) -> String,
    sum_up: impl Fn(Vec<S>) -> Option<M>,
) -> Vec<Row<M>> {
    let mut done: Vec<(Vec<S>, Option<String>)> = entries.iter().map(|_| (Vec::new(), None)).collect();
    let count = entries.len();
    for round in 0..runs {
        let mut turns: Vec<_> = entries.iter_mut().zip(&mut done).collect();
        turns.rotate_left(round % count.max(1));
        for (entry, (samples, failure)) in turns {
            let State::Ready(contender) = &mut entry.state else { continue };
            if failure.is_some() || samples.len() >= about(contender).1 {
                continue;
            }
            let made = turn(contender);
            let told = made.as_ref().map_or_else(|error| format!("{error:#}"), &tell);
            out::say(&format!("run {}/{runs} {}: {told}", round + 1, entry.name));
            match made {
                Ok(sample) => samples.push(sample),
                Err(_) => *failure = Some(told),
            }
        }
    }
    let row = |(entry, (samples, failure)): (Entry<C>, _)| {
        let (security, outcome) = match (entry.state, failure) {
            (State::Absent(why), _) => ("", Outcome::Absent(why)),
            (State::Broken(why), _) => ("", Outcome::Failed(why)),
            (State::Ready(contender), Some(why)) => (about(&contender).0, Outcome::Failed(why)),
            (State::Ready(contender), None) => {
                let never = || Outcome::Failed("it never ran".to_owned());
                (about(&contender).0, sum_up(samples).map_or_else(never, Outcome::Measured))
            }
        };
        Row { name: entry.name, security, medium: entry.medium, outcome }
    };
    entries.into_iter().zip(done).map(row).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    /// A contender that fails from a certain turn on and plays in so many rounds.
    struct Fake {
        fails_at: usize,
        rounds: usize,
        turns: usize,
    }

    fn entry(name: &'static str, fails_at: usize, rounds: usize) -> Entry<Fake> {
        Entry::in_memory(name, Ok(Box::new(Fake { fails_at, rounds, turns: 0 })))
    }

    #[test]
    fn each_round_begins_with_another_one_and_who_failed_runs_no_more() {
        let order = std::cell::RefCell::new(String::new());
        let absent = Entry::in_memory("c", Err(crate::tools::Missing("no c here".to_owned()).into()));
        let entries = vec![entry("a", 9, 9), entry("b", 2, 9), absent, entry("d", 9, 1)];
        let turn = |fake: &mut Fake| {
            order.borrow_mut().push(match (fake.fails_at, fake.rounds) {
                (2, _) => 'b',
                (_, 1) => 'd',
                _ => 'a',
            });
            fake.turns += 1;
            if fake.turns >= fake.fails_at {
                bail!("it bit");
            }
            Ok(fake.turns)
        };
        let rows = rounds(3, entries, |fake| ("safe", fake.rounds), turn, ToString::to_string, Some);
        assert_eq!(order.into_inner(), "abdbaa");
        assert_eq!(rows.iter().map(|row| row.name).collect::<String>(), "abcd");
        assert_eq!(rows[0].measured(), Some(&vec![1, 2, 3]));
        assert!(matches!(&rows[1].outcome, Outcome::Failed(why) if why == "it bit"));
        assert!(matches!(&rows[2].outcome, Outcome::Absent(why) if why == "no c here"));
        assert_eq!(rows[3].measured(), Some(&vec![1]));
    }

    #[test]
    fn rates_are_units_a_second_and_cpu_is_a_unit_s() {
        let sample = |seconds, cpu_seconds| Sample {
            seconds,
            client: crate::measure::Usage { cpu_seconds, peak: 5 },
            wire: Some(7),
            ..Sample::default()
        };
        let measured = Measured::of(8.0, vec![sample(2.0, 1.0), sample(4.0, 3.0), sample(8.0, 2.0)]).unwrap();
        assert_eq!(measured.rate, Spread { median: 2.0, least: 1.0, greatest: 4.0 });
        assert_eq!((measured.cpu(), measured.client_peak, measured.server_peak), (0.25, 5, 0));
        assert_eq!(measured.wire.unwrap().median, 7.0);
        assert!(Measured::of(1.0, Vec::new()).is_none());
    }
}
