//! Stall: a copy in which nothing moves, and whom it waits for.
//!
//! In: a look at the counters, several times a second. Out: nothing while things move; after [`PATIENCE`] without a byte,
//! who is waited for. Decided from what changed meanwhile: who works is who the others wait for. Pure.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use landline_services::files::msg::LoadMsg;
use landline_services::files::watch::{LineLoad, Phase, Stage, Watch};

/// Without a byte for so long, something is stuck and not merely slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
/// Signs of life are no progress: an end that has nothing else to say sends less than this in the time that counts.
const SIGNS_OF_LIFE: u64 = 4096;
/// An end shows life every two seconds; two of them missed, and it is not heard.
const UNHEARD: Duration = Duration::from_secs(5);
/// Our own sign of life of every two seconds is not taken.
const UNSENT: Duration = Duration::from_millis(2500);

/// What the counters show at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glance {
    pub(crate) at: Instant,
    pub(crate) phase: Phase,
    /// Bytes of the job that are done with.
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    /// Time this end was busy with files.
    pub(crate) ours: LoadMsg,
    pub(crate) theirs: Option<LoadMsg>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl Glance {
    pub(crate) fn at(watch: &Watch, at: Instant) -> Self {
        let millis = |stage| u64::try_from(watch.busy(stage).as_millis()).unwrap_or(u64::MAX);
        let LineLoad { sent, received, .. } = watch.line();
        Self {
            at,
            phase: watch.phase(),
            bytes: watch.bytes(),
            files: watch.files(),
            ours: LoadMsg { disk: millis(Stage::Disk), hash: millis(Stage::Hash), sync: millis(Stage::Sync) },
            theirs: watch.theirs(),
            sent,
            received,
        }
    }

    fn moves_on_from(&self, before: &Self) -> bool {
        let grown = |now: u64, then: u64| now.saturating_sub(then) >= SIGNS_OF_LIFE;
        self.bytes != before.bytes
            || self.files != before.files
            || self.phase != before.phase
            || grown(self.sent, before.sent)
            || grown(self.received, before.received)
    }
}

/// Whom a copy waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// This end's disk reads or writes.
    OurDisk,
    /// This end makes durable.
    OurSync,
    /// This end hashes what is there.
    OurHash,
    /// The other end's disk reads or writes.
    TheirDisk,
    /// The other end makes durable.
    TheirSync,
    /// The other end shows no sign of life.
    Nobody,
    /// The other end lives, and the line takes nothing.
    Line,
    /// The other end lives and is not busy with anything it tells of.
    TheirTurn,
}

/// Remembers when something last moved.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    moved: Option<Glance>,
    heard: Last,
    taken: Last,
}

/// When a counter last grew.
#[derive(Debug, Default)]
struct Last(Option<(Instant, u64)>);

impl Last {
    /// For how long it has not.
    fn quiet(&mut self, now: Instant, count: u64) -> Duration {
        match self.0 {
            Some((at, seen)) if seen == count => now.saturating_duration_since(at),
            _ => {
                self.0 = Some((now, count));
                Duration::ZERO
            }
        }
    }
}

impl Stalls {
    /// Takes in what is seen now; who is waited for, and since when, if nothing moves.
    pub(crate) fn look(&mut self, now: Glance) -> Option<(Wait, Duration)> {
        let quiet = Quiet { there: self.heard.quiet(now.at, now.received), here: self.taken.quiet(now.at, now.sent) };
        let is_at_work = matches!(now.phase, Phase::Copying | Phase::Publishing);
        let before = match self.moved {
            Some(before) if is_at_work && !now.moves_on_from(&before) => before,
            _ => {
                self.moved = Some(now);
                return None;
            }
        };
        let since = now.at.saturating_duration_since(before.at);
        (since >= PATIENCE).then(|| (whom(&before, &now, since, quiet), since))
    }
}

/// For how long nothing came from there, and nothing went from here.
#[derive(Debug, Clone, Copy)]
struct Quiet {
    there: Duration,
    here: Duration,
}

/// Who was busy for half of the time in which nothing moved.
fn whom(before: &Glance, now: &Glance, since: Duration, quiet: Quiet) -> Wait {
    let half = u64::try_from(since.as_millis() / 2).unwrap_or(u64::MAX);
    let grown = |now: u64, then: u64| now.saturating_sub(then) >= half;
    if grown(now.ours.sync, before.ours.sync) {
        return Wait::OurSync;
    }
    if grown(now.ours.disk, before.ours.disk) {
        return Wait::OurDisk;
    }
    if grown(now.ours.hash, before.ours.hash) {
        return Wait::OurHash;
    }
    if quiet.there >= UNHEARD {
        return Wait::Nobody;
    }
    // What the other end tells is up to two seconds old, so any growth counts.
    let (then, told) = (before.theirs.unwrap_or_default(), now.theirs.unwrap_or_default());
    let (sync, disk) = (told.sync.saturating_sub(then.sync), told.disk.saturating_sub(then.disk));
    match sync.max(disk) {
        0..500 if quiet.here >= UNSENT => Wait::Line,
        0..500 => Wait::TheirTurn,
        _ if sync >= disk => Wait::TheirSync,
        _ => Wait::TheirDisk,
    }
}

/// What is waited for just now, in words, shared between who finds out and who shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stuck(Arc<Mutex<Option<String>>>);

impl Stuck {
    /// What to show.
    pub(crate) fn words(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows this from now on.
    pub(crate) fn set(&self, words: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
}

/// What is waited for, in a few words.
pub(crate) fn words(wait: Wait, name: &str) -> String {
    match wait {
        Wait::OurDisk => "waiting for this machine's disk".to_owned(),
        Wait::OurSync => "this machine's disk is making data durable".to_owned(),
        Wait::OurHash => "this machine is hashing what is there".to_owned(),
        Wait::TheirDisk => format!("waiting for the disk of {name}"),
        Wait::TheirSync => format!("the disk of {name} is making data durable"),
        Wait::Nobody => format!("nothing is heard from {name}"),
        Wait::Line => format!("the line to {name} takes nothing"),
        Wait::TheirTurn => format!("waiting for {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy that moves until `start`, then one look every half second, each as `change` makes it.
    fn told(change: impl Fn(&mut Glance, u64)) -> Vec<Option<Wait>> {
        let start = Instant::now();
        let load = LoadMsg { disk: 100, hash: 100, sync: 100 };
        let first = Glance {
            at: start,
            phase: Phase::Copying,
            bytes: 1000,
            files: 1,
            ours: load,
            theirs: Some(load),
            sent: 10_000,
            received: 10_000,
        };
        let mut stalls = Stalls::default();
        let looks = (0..=14_u32).map(|half| {
            let mut glance = Glance { at: start + Duration::from_millis(500) * half, ..first };
            change(&mut glance, u64::from(half) * 500);
            stalls.look(glance).map(|(wait, since)| {
                assert!(since >= PATIENCE);
                wait
            })
        });
        looks.collect()
    }

    /// Both ends show life, as they do.
    fn alive(glance: &mut Glance, ms: u64) {
        glance.sent += ms / 2000 * 60;
        glance.received += ms / 2000 * 60;
    }

    #[test]
    fn whoever_works_while_nothing_moves_is_named_after_three_seconds() {
        let theirs =
            |glance: &mut Glance, disk, sync| glance.theirs = Some(LoadMsg { disk, sync, ..LoadMsg::default() });
        type Change<'a> = Box<dyn Fn(&mut Glance, u64) + 'a>;
        let cases: [(Wait, Change<'_>); 5] = [
            (Wait::OurDisk, Box::new(|glance, ms| glance.ours.disk += ms)),
            (Wait::OurSync, Box::new(|glance, ms| glance.ours.sync += ms)),
            (Wait::OurHash, Box::new(|glance, ms| glance.ours.hash += ms)),
            (Wait::TheirDisk, Box::new(|glance, ms| theirs(glance, 100 + ms / 2000 * 2000, 100))),
            (Wait::TheirSync, Box::new(|glance, ms| theirs(glance, 100, 100 + ms / 2000 * 2000))),
        ];
        for (wait, change) in cases {
            let told = told(|glance, ms| {
                alive(glance, ms);
                change(glance, ms);
            });
            assert_eq!(told[..6], [None; 6], "{wait:?}");
            assert!(told[6..].iter().all(|told| *told == Some(wait)), "{wait:?}: {told:?}");
        }
    }

    #[test]
    fn a_line_that_takes_nothing_is_told_from_an_end_that_is_silent_and_one_that_takes_its_time() {
        let stuck = told(|glance, ms| glance.received += ms / 2000 * 60);
        assert_eq!(stuck[6..], [Some(Wait::Line); 9]);
        let silent = told(|_, _| {});
        assert_eq!((silent[6], silent[10], silent[14]), (Some(Wait::Line), Some(Wait::Nobody), Some(Wait::Nobody)));
        let slow = told(alive);
        assert_eq!(slow[6..], [Some(Wait::TheirTurn); 9]);
    }

    #[test]
    fn what_moves_is_not_stuck_however_slowly() {
        let nothing = [None; 15];
        assert_eq!(told(|glance, ms| glance.bytes += ms / 1000), nothing);
        assert_eq!(told(|glance, ms| glance.sent += ms * 2), nothing, "a group that takes long to send");
        assert_eq!(told(|glance, ms| glance.received += ms * 2), nothing);
        assert_eq!(told(|glance, _| glance.phase = Phase::Connecting), nothing);
        assert_eq!(told(|glance, _| glance.phase = Phase::Done), nothing);
    }
}
