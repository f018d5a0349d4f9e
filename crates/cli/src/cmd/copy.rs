//! What `put` and `get` have in common: flags, outcomes as they come, the closing line, the exit code.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use landline_services::files::ask::{CopyOptions, FilesError, Pairs};
use landline_services::files::copy::press::When;
use landline_services::files::engine::{Existing, Policy};
use landline_services::files::filter::Filter;
use landline_services::files::watch::{Outcome, Summary, Watch};
use landline_store::{Job, JobKind, Jobs};
use landline_wire::{ErrorCode, WireName, shown};
use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::fail::{Fail, fault_words, files_fail};
use crate::here::Here;
use crate::progress::{Curtain, Progress};
use crate::units;

/// Flags of both. Written down as JSON they are how a job is tried again.
#[derive(Debug, Default, Serialize, Deserialize, clap::Args)]
#[serde(default)]
pub(crate) struct CopyFlags {
    /// Leave out what matches, at any depth: '*.o', 'target/', 'docs/**/*.tmp'; can be given several times
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Only tell what would be copied
    #[arg(long, short = 'n')]
    #[serde(skip)]
    pub(crate) dry_run: bool,
    /// Leave what is there already as it is
    #[arg(long, conflicts_with_all = ["backup", "if_match", "checksum", "ignore_times"])]
    no_clobber: bool,
    /// Keep a file that is replaced beside the new one, as NAME~
    #[arg(long)]
    backup: bool,
    /// Replace only a file whose BLAKE3 is this (landline stat --hash tells it); anything else is a conflict
    #[arg(long, value_name = "HASH", value_parser = hash)]
    #[serde(skip)]
    if_match: Option<blake3::Hash>,
    /// Compare files by content; without this, the same size, time and mode is the same file
    #[arg(long, short = 'c', conflicts_with = "ignore_times")]
    checksum: bool,
    /// Send every file again, also what looks the same
    #[arg(long, short = 'I')]
    ignore_times: bool,
    /// Keep several names of one file (hard links) as that
    #[arg(long, short = 'H')]
    hard_links: bool,
    /// Take extended attributes (user.*) along
    #[arg(long, short = 'X')]
    xattrs: bool,
    /// Compress on the way: where it makes the copy faster, always, or never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    compress: Compress,
    /// At most so many bytes a second: 500K, 2M, 1.5MiB
    #[arg(long, value_name = "RATE", value_parser = crate::units::parse_bytes, default_value = "0", hide_default_value = true)]
    limit: u64,
    /// Dial again for so long when the line is cut; what arrived is not sent twice
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    reconnect: u64,
}

/// When content is compressed.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Compress {
    #[default]
    Auto,
    Always,
    Never,
}

impl From<Compress> for When {
    fn from(compress: Compress) -> Self {
        match compress {
            Compress::Auto => Self::Auto,
            Compress::Always => Self::Always,
            Compress::Never => Self::Never,
        }
    }
}

fn hash(text: &str) -> Result<blake3::Hash, String> {
    blake3::Hash::from_hex(text).map_err(|_| "a hash is 64 hexadecimal digits, as landline stat --hash prints it".to_owned())
}

impl CopyFlags {
    /// The patterns, compiled.
    ///
    /// # Errors
    /// If one is no pattern.
    pub(crate) fn filter(&self) -> Result<Filter, Fail> {
        Ok(Filter::new(&self.exclude)?)
    }

    /// All of them, as the floors below take them. `draws`: whether there is a progress line.
    ///
    /// # Errors
    /// If a pattern is none.
    pub(crate) fn options(&self, draws: bool) -> Result<CopyOptions, Fail> {
        let existing = match (self.no_clobber, self.checksum, self.ignore_times) {
            (true, ..) => Existing::Never,
            (_, true, _) => Existing::ByHash,
            (.., true) => Existing::Always,
            _ => Existing::Update,
        };
        let policy = Policy { existing, backup: self.backup, if_match: self.if_match, ..Policy::default() };
        Ok(CopyOptions {
            filter: self.filter()?,
            totals: draws,
            dry_run: self.dry_run,
            policy,
            hard_links: self.hard_links,
            attributes: self.xattrs,
            rate: self.limit,
            press: self.compress.into(),
            reconnect: self.reconnect(),
        })
    }

    /// For `landline retry`.
    pub(crate) fn kept(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    pub(crate) fn reconnect(&self) -> Duration {
        Duration::from_secs(self.reconnect)
    }
}

/// Words for one direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    /// What the progress line says: `sending`.
    pub(crate) doing: &'static str,
    /// What the closing line says: `sent`.
    pub(crate) done: &'static str,
    /// What a dry run says: `would send`.
    pub(crate) would: &'static str,
}

/// Words of `put`.
pub(crate) const SENDING: Words = Words { doing: "sending", done: "sent", would: "would send" };

/// Words of `get`.
pub(crate) const GETTING: Words = Words { doing: "getting", done: "got", would: "would get" };

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Told<'a> {
    Kept {
        path: WireName,
        size: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        hash: Option<&'a str>,
    },
    Same {
        path: WireName,
        size: u64,
    },
    Resumed {
        path: WireName,
        /// Bytes that were there from an earlier try.
        held: u64,
        /// The source has changed since.
        changed: bool,
    },
    Tree {
        path: WireName,
    },
    Planned {
        path: WireName,
        size: u64,
    },
    Skipped {
        path: WireName,
        why: &'a str,
    },
    Failed {
        path: WireName,
        code: ErrorCode,
        text: String,
    },
    Done {
        files: u64,
        bytes: u64,
        seconds: f64,
        /// Bytes a second.
        #[serde(skip_serializing_if = "Option::is_none")]
        rate: Option<f64>,
        /// Files that were there already, the same.
        same: u64,
        /// Bytes that were there from an earlier try.
        resumed: u64,
        failed: u64,
        skipped: u64,
        dry_run: bool,
        /// For `landline retry`.
        #[serde(skip_serializing_if = "Option::is_none")]
        job: Option<u32>,
    },
}

/// One copy, from its first byte to its exit code.
pub(crate) struct Copying {
    here: Here,
    words: Words,
    dry_run: bool,
    /// Hands outcomes on to the screen, and progress to the floors below.
    pub(crate) watch: Watch,
    progress: Option<Progress>,
    curtain: Arc<Mutex<Curtain>>,
    failures: Arc<Mutex<Failures>>,
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
    /// Begins to watch. Needs a runtime.
    pub(crate) fn start(here: &Here, words: Words, dry_run: bool) -> Self {
        let curtain = Arc::<Mutex<Curtain>>::default();
        let failures = Arc::<Mutex<Failures>>::default();
        let (screen, open, noted) = (here.clone(), Arc::clone(&curtain), Arc::clone(&failures));
        let watch = Watch::new(move |outcome| {
            if let Outcome::Failed { path, fault } = &outcome {
                lock(&noted).note(path, fault);
            }
            let open = lock(&open).clone();
            open.while_open(|| tell(&screen, words, &outcome));
        });
        let progress = (here.out.can_draw() && !dry_run).then(|| Progress::start(words.doing, watch.clone()));
        if let Some(progress) = &progress {
            *lock(&curtain) = progress.curtain();
        }
        Self { here: here.clone(), words, dry_run, watch, progress, curtain, failures }
    }

    /// Whether totals are worth counting.
    pub(crate) fn draws(&self) -> bool {
        self.progress.is_some()
    }

    /// Tells how it ended. `name`: what the person calls the other machine.
    ///
    /// # Errors
    /// What kept the job as a whole from being done.
    pub(crate) fn end(
        mut self,
        name: &str,
        outcome: Result<Summary, FilesError>,
        again: &Again<'_>,
    ) -> Result<Exit, Fail> {
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
        self.tell_summary(&summary, job);
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

    fn tell_summary(&self, summary: &Summary, job: Option<u32>) {
        let out = &self.here.out;
        if out.is_json() {
            let seconds = summary.took.as_secs_f64();
            let rate = (seconds > 0.0 && !self.dry_run).then(|| summary.bytes as f64 / seconds);
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
                job,
            });
            return;
        }
        out.say(closing(&self.counted(summary.files), summary, self.dry_run));
    }
}

/// `sent 3 files, 1.2 GiB in 1.31 s (938 MiB/s), verified`.
fn closing(counted: &str, summary: &Summary, dry_run: bool) -> String {
    let mut line = format!("{counted}, {}", units::bytes(summary.bytes));
    if !dry_run {
        line = format!("{line} in {}", units::duration(summary.took));
        if let Some(rate) = units::rate(summary.bytes, summary.took).filter(|_| summary.bytes > 0) {
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

fn tell(here: &Here, words: Words, outcome: &Outcome) {
    let out = &here.out;
    if out.is_json() {
        return out.object(&object(outcome));
    }
    match outcome {
        Outcome::Kept { path, size, .. } => {
            if here.verbose > 0 {
                out.say(format_args!("{} {} ({})", words.done, shown(path), units::bytes(*size)));
            }
        }
        Outcome::Planned { path, size } => {
            out.line(format_args!("{} {} ({})", words.would, shown(path), units::bytes(*size)));
        }
        Outcome::Skipped { path, why } => {
            out.warn(format_args!("skipped {}", about(path, &crate::screen::tame(why))));
        }
        Outcome::Failed { .. } => {} // listed at the end
        Outcome::Same { path, .. } => {
            if here.verbose > 0 {
                out.say(format_args!("unchanged {}", shown(path)));
            }
        }
        Outcome::Resumed { path, held, changed: false } => {
            out.say(format_args!("{}: {} are there from before", shown(path), units::bytes(*held)));
        }
        Outcome::Resumed { path, held, changed: true } => {
            let held = units::bytes(*held);
            out.say(format_args!("{}: the source has changed since {held} of it were sent; comparing", shown(path)));
        }
        Outcome::Tree { path } => {
            if here.verbose > 0 {
                out.say(format_args!("{} is complete", shown(path)));
            }
        }
    }
}

/// The reason with its path, which the reason may name already.
fn about(path: &[u8], why: &str) -> String {
    let path = shown(path).to_string();
    if !path.is_empty() && why.contains(&path) || path.is_empty() { why.to_owned() } else { format!("{path}: {why}") }
}

fn object(outcome: &Outcome) -> Told<'_> {
    let name = |path: &[u8]| WireName::from(path);
    match outcome {
        Outcome::Kept { path, size, hash } => Told::Kept { path: name(path), size: *size, hash: hash.as_deref() },
        Outcome::Same { path, size } => Told::Same { path: name(path), size: *size },
        Outcome::Resumed { path, held, changed } => {
            Told::Resumed { path: name(path), held: *held, changed: *changed }
        }
        Outcome::Tree { path } => Told::Tree { path: name(path) },
        Outcome::Planned { path, size } => Told::Planned { path: name(path), size: *size },
        Outcome::Skipped { path, why } => Told::Skipped { path: name(path), why },
        Outcome::Failed { path, fault } => {
            Told::Failed { path: name(path), code: fault.code, text: fault_words(fault) }
        }
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
        let took = Duration::from_millis(1310);
        Summary { files, bytes: files * 1_288_490_189, same: 0, resumed: 0, skipped, failed, took }
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
    fn partial_means_that_something_was_kept() {
        let full = Some(ErrorCode::NoSpace);
        assert_eq!(exit(&summary(3, 0, 0), None), Exit::Done);
        assert_eq!(exit(&summary(0, 0, 0), None), Exit::Done);
        assert_eq!(exit(&summary(3, 0, 1), full), Exit::Partial);
        assert_eq!(exit(&summary(3, 1, 0), None), Exit::Partial);
        assert_eq!(exit(&summary(0, 0, 2), full), Exit::NoSpace);
        assert_eq!(exit(&summary(0, 2, 0), None), Exit::Partial);
    }

    #[test]
    fn outcomes_are_objects() {
        let kept = Outcome::Kept { path: b"a".to_vec(), size: 3, hash: Some("00".to_owned()) };
        let json = serde_json::to_string(&object(&kept)).unwrap();
        assert_eq!(json, r#"{"event":"kept","path":"a","size":3,"hash":"00"}"#);
        let failed =
            Outcome::Failed { path: b"\xff".to_vec(), fault: landline_wire::Fault::new(ErrorCode::NoSpace, "") };
        let json = serde_json::to_string(&object(&failed)).unwrap();
        let expected = r#"{"event":"failed","path":{"b64":"/w=="},"code":"no-space","text":"the disk is full"}"#;
        assert_eq!(json, expected);
    }

    #[test]
    fn a_reason_that_names_its_path_is_not_told_it_again() {
        assert_eq!(about(b"a/b", "a/b: not found"), "a/b: not found");
        assert_eq!(about(b"a/b", "not found"), "a/b: not found");
        assert_eq!(about(b"", "not found"), "not found");
    }
}
