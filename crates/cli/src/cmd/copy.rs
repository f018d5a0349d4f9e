//! What `put` and `get` have in common: flags, outcomes as they come, the closing line, the exit code.

use landline_services::files::ask::{FilesError, Pairs};
use landline_services::files::watch::{Outcome, Summary, Watch};
use landline_store::{Job, JobKind, Jobs};
use landline_wire::ErrorCode;
use std::sync::{Arc, Mutex, PoisonError};

use super::over::Over;
use crate::exit::Exit;
use crate::fail::{Fail, fault_words, files_fail};
use crate::here::Here;
use crate::progress::{Curtain, Progress};
use crate::slow::stall::Stuck;
use crate::slow::{self, Evidence, Way};
use crate::units;

mod attend;
mod flags;
mod told;

use attend::Attendant;
pub(crate) use flags::CopyFlags;
use told::{Told, about, tell};

/// Words for one direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) way: Way,
    /// What the progress line says: `sending`.
    pub(crate) doing: &'static str,
    /// What the closing line says: `sent`.
    pub(crate) done: &'static str,
    /// What a dry run says: `would send`.
    pub(crate) would: &'static str,
}

/// Words of `put`.
pub(crate) const SENDING: Words = Words { way: Way::Away, doing: "sending", done: "sent", would: "would send" };

/// Words of `get`.
pub(crate) const GETTING: Words = Words { way: Way::Here, doing: "getting", done: "got", would: "would get" };

/// One copy, from its first byte to its exit code.
pub(crate) struct Copying {
    here: Here,
    words: Words,
    dry_run: bool,
    /// Bytes a second at most; 0 for no limit.
    limit: u64,
    /// More calls than one were asked for.
    asked: bool,
    /// Hands outcomes on to the screen, and progress to the floors below.
    pub(crate) watch: Watch,
    progress: Option<Progress>,
    attendant: Option<Attendant>,
    curtain: Arc<Mutex<Curtain>>,
    failures: Arc<Mutex<Failures>>,
    _over: Over,
}

/// Failures that are held to be listed at the end; what more there are is counted.
const MAX_LISTED: usize = 1000;
/// Failures that are remembered to be tried again; some 10 MiB of paths.
const MAX_RETRIED: usize = 100_000;

/// What went wrong so far.
#[derive(Default)]
struct Failures {
    first: Option<ErrorCode>,
    /// Lines for people.
    lines: Vec<String>,
    more: u64,
    /// Paths at the destination.
    paths: Vec<Vec<u8>>,
}

impl Failures {
    fn note(&mut self, path: &[u8], fault: &landline_wire::Fault) {
        self.first.get_or_insert(fault.code);
        if self.lines.len() < MAX_LISTED {
            self.lines.push(about(path, &fault_words(fault)));
        } else {
            self.more += 1;
        }
        if self.paths.len() < MAX_RETRIED {
            self.paths.push(path.to_vec());
        }
    }
}

/// What a job can be tried again by.
pub(crate) struct Again<'a> {
    pub(crate) kind: JobKind,
    pub(crate) machine: String,
    pub(crate) pairs: &'a Pairs,
    pub(crate) options: serde_json::Value,
}

impl Copying {
    /// Begins to watch. `name`: what the person calls the other machine. Needs a runtime.
    pub(crate) fn start(here: &Here, words: Words, flags: &CopyFlags, name: &str) -> Self {
        let (dry_run, limit, asked) = (flags.dry_run, flags.limit(), flags.asks_for_lanes());
        let curtain = Arc::<Mutex<Curtain>>::default();
        let failures = Arc::<Mutex<Failures>>::default();
        let (screen, open, noted) = (here.clone(), Arc::clone(&curtain), Arc::clone(&failures));
        let over = Over::default();
        let ended = over.glimpse();
        let watch = Watch::new(move |outcome| {
            if ended.is_over() {
                return;
            }
            if let Outcome::Failed { path, fault } = &outcome {
                lock(&noted).note(path, fault);
            }
            let open = lock(&open).clone();
            open.while_open(|| tell(&screen, words, &outcome));
        });
        let stuck = Stuck::default();
        let draws = here.out.can_draw() && !dry_run;
        let progress = draws.then(|| Progress::start(words.doing, watch.clone(), stuck.clone()));
        if let Some(progress) = &progress {
            *lock(&curtain) = progress.curtain();
        }
        let attendant = (!dry_run).then(|| Attendant::start(here, name, &watch, stuck, Arc::clone(&curtain)));
        let here = here.clone();
        Self { here, words, dry_run, limit, asked, watch, progress, attendant, curtain, failures, _over: over }
    }

    /// Whether totals are worth counting.
    pub(crate) fn draws(&self) -> bool {
        self.progress.is_some()
    }

    /// Tells how it ended. `name`: as to [`Self::start`].
    ///
    /// # Errors
    /// What kept the job as a whole from being done.
    pub(crate) fn end(
        mut self,
        name: &str,
        outcome: Result<Summary, FilesError>,
        again: &Again<'_>,
    ) -> Result<Exit, Fail> {
        drop(self.attendant.take());
        *lock(&self.curtain) = Curtain::default();
        drop(self.progress.take());
        let failures = std::mem::take(&mut *lock(&self.failures));
        self.list(&failures);
        let job = self.remember(&failures, again);
        let summary = match outcome {
            Ok(summary) => summary,
            Err(fault) => {
                let kept = self.watch.files();
                if kept > 0 && !self.dry_run {
                    self.here.out.say(format_args!("{} before that:", self.counted(kept)));
                }
                return Err(files_fail(name, fault));
            }
        };
        self.tell_summary(&summary, job, name);
        if let Some(job) = job.filter(|_| !self.here.out.is_json()) {
            self.here.out.say(format_args!("to try these again: landline retry {job}"));
        }
        Ok(exit(&summary, failures.first))
    }

    /// What failed, each with its reason; to programs it was told at once.
    fn list(&self, failures: &Failures) {
        if self.here.out.is_json() {
            return;
        }
        for line in &failures.lines {
            self.here.out.error(line);
        }
        if failures.more > 0 {
            self.here.out.error(format_args!("and {} more (--json tells each)", failures.more));
        }
    }

    /// Keeps what failed for `landline retry`; the number to ask for it by.
    fn remember(&self, failures: &Failures, again: &Again<'_>) -> Option<u32> {
        let pairs: Vec<_> = failures.paths.iter().filter_map(|path| again.pairs.pair(path)).collect();
        if pairs.is_empty() || self.dry_run {
            return None;
        }
        let jobs = Jobs::open(&self.here.home().ok()?).ok()?;
        let (machine, options) = (again.machine.clone(), again.options.clone());
        // Without it everything is as it was, but for one convenience.
        jobs.save(&Job { id: 0, at: crate::units::now(), kind: again.kind, machine, pairs, options }).ok()
    }

    fn counted(&self, files: u64) -> String {
        let verb = if self.dry_run { self.words.would } else { self.words.done };
        format!("{verb} {}", units::count(files, "file"))
    }

    fn tell_summary(&self, summary: &Summary, job: Option<u32>, name: &str) {
        let out = &self.here.out;
        let slow = (!self.dry_run).then(|| slow::weigh(&Evidence::of(&self.watch, self.words.way, self.limit)));
        if out.is_json() {
            let seconds = summary.took.as_secs_f64();
            let rate = (seconds > 0.0 && !self.dry_run).then(|| summary.moved as f64 / seconds);
            out.object(&Told::Done {
                files: summary.files,
                bytes: summary.bytes,
                seconds,
                rate,
                same: summary.same,
                resumed: summary.resumed,
                failed: summary.failed,
                skipped: summary.skipped,
                dry_run: self.dry_run,
                lanes: self.watch.lanes(),
                crowded: self.watch.was_crowded(),
                job,
                slow: slow.map(Box::new),
            });
            return;
        }
        out.say(closing(&self.counted(summary.files), summary, self.dry_run));
        if let Some(slow) = slow.filter(|_| self.here.verbose > 0) {
            slow::words(&slow, self.words.way, name).iter().for_each(|line| out.say(line));
            if self.watch.lanes() > 1 {
                out.say(format_args!("over {} lanes", self.watch.lanes()));
            }
        }
        if self.watch.was_crowded() && (self.asked || self.here.verbose > 0) {
            out.say(format_args!("others copied there at the same time, so {name} let fewer calls carry this"));
        }
    }
}

/// `sent 3 files, 1.2 GiB in 1.31 s (938 MiB/s), verified`.
fn closing(counted: &str, summary: &Summary, dry_run: bool) -> String {
    let mut line = format!("{counted}, {}", units::bytes(summary.bytes));
    if !dry_run {
        line = format!("{line} in {}", units::duration(summary.took));
        if let Some(rate) = units::rate(summary.moved, summary.took).filter(|_| summary.moved > 0) {
            line = format!("{line} ({rate})");
        }
        if summary.files > 0 {
            line += ", verified";
        }
    }
    if summary.same > 0 {
        line = format!("{line}; {} unchanged", summary.same);
    }
    if summary.resumed > 0 {
        line = format!("{line}; {} were there from before", units::bytes(summary.resumed));
    }
    if summary.skipped > 0 {
        line = format!("{line}; {} skipped", summary.skipped);
    }
    if summary.failed > 0 {
        line = format!("{line}; {} failed", summary.failed);
    }
    line
}

/// Partial if something was left out but something was kept; if nothing was, the code of what first went wrong.
fn exit(summary: &Summary, first_fault: Option<ErrorCode>) -> Exit {
    match (summary.failed + summary.skipped, summary.files, first_fault) {
        (0, ..) => Exit::Done,
        (_, 0, Some(code)) if summary.same == 0 => Exit::from(code),
        _ => Exit::Partial,
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn summary(files: u64, skipped: u64, failed: u64) -> Summary {
        let (took, bytes) = (Duration::from_millis(1310), files * 1_288_490_189);
        Summary { files, bytes, moved: bytes, same: 0, resumed: 0, skipped, failed, took }
    }

    #[test]
    fn the_closing_line_has_seconds_and_a_rate() {
        assert_eq!(
            closing("sent 1 file", &summary(1, 0, 0), false),
            "sent 1 file, 1.2 GiB in 1.31 s (938 MiB/s), verified"
        );
        assert_eq!(
            closing("sent 0 files", &summary(0, 1, 2), false),
            "sent 0 files, 0 B in 1.31 s; 1 skipped; 2 failed"
        );
        assert_eq!(closing("would send 1 file", &summary(1, 0, 0), true), "would send 1 file, 1.2 GiB");
    }

    #[test]
    fn the_rate_is_that_of_what_was_moved_and_not_of_what_was_there() {
        let resumed = Summary { moved: 131 << 20, resumed: 1 << 30, ..summary(1, 0, 0) };
        assert_eq!(
            closing("sent 1 file", &resumed, false),
            "sent 1 file, 1.2 GiB in 1.31 s (100 MiB/s), verified; 1.0 GiB were there from before"
        );
        let there = Summary { moved: 0, ..resumed };
        assert!(!closing("sent 1 file", &there, false).contains("/s"));
    }

    #[test]
    fn partial_means_that_something_was_kept() {
        let full = Some(ErrorCode::NoSpace);
        assert_eq!(exit(&summary(3, 0, 0), None), Exit::Done);
        assert_eq!(exit(&summary(0, 0, 0), None), Exit::Done);
        assert_eq!(exit(&summary(3, 0, 1), full), Exit::Partial);
        assert_eq!(exit(&summary(3, 1, 0), None), Exit::Partial);
        assert_eq!(exit(&summary(0, 0, 2), full), Exit::NoSpace);
        assert_eq!(exit(&summary(0, 2, 0), None), Exit::Partial);
    }
}
