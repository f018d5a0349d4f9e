//! What `put` and `get` have in common: flags, outcomes as they come, the closing line, the exit code.

use std::sync::{Arc, Mutex, PoisonError};

use landline_services::files::ask::FilesError;
use landline_services::files::filter::Filter;
use landline_services::files::watch::{Outcome, Summary, Watch};
use landline_wire::{ErrorCode, WireName, shown};
use serde::Serialize;

use crate::exit::Exit;
use crate::fail::{Fail, fault_words, files_fail};
use crate::here::Here;
use crate::progress::{Curtain, Progress};
use crate::units;

/// Flags of both.
#[derive(Debug, clap::Args)]
pub(crate) struct CopyFlags {
    /// Leave out what matches, at any depth: '*.o', 'target/', 'docs/**/*.tmp'; can be given several times
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Only tell what would be copied
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
}

impl CopyFlags {
    /// The patterns, compiled.
    ///
    /// # Errors
    /// If one is no pattern.
    pub(crate) fn filter(&self) -> Result<Filter, Fail> {
        Ok(Filter::new(&self.exclude)?)
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

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Told<'a> {
    Kept {
        path: WireName,
        size: u64,
        hash: &'a str,
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
        failed: u64,
        skipped: u64,
        dry_run: bool,
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
    first_fault: Arc<Mutex<Option<ErrorCode>>>,
}

impl Copying {
    /// Begins to watch. Needs a runtime.
    pub(crate) fn start(here: &Here, words: Words, dry_run: bool) -> Self {
        let curtain = Arc::<Mutex<Curtain>>::default();
        let first_fault = Arc::<Mutex<Option<ErrorCode>>>::default();
        let (screen, open, fault) = (here.clone(), Arc::clone(&curtain), Arc::clone(&first_fault));
        let watch = Watch::new(move |outcome| {
            if let Outcome::Failed { fault: why, .. } = &outcome {
                lock(&fault).get_or_insert(why.code);
            }
            let open = lock(&open).clone();
            open.while_open(|| tell(&screen, words, &outcome));
        });
        let progress = (here.out.can_draw() && !dry_run).then(|| Progress::start(words.doing, watch.clone()));
        if let Some(progress) = &progress {
            *lock(&curtain) = progress.curtain();
        }
        Self { here: here.clone(), words, dry_run, watch, progress, curtain, first_fault }
    }

    /// Whether totals are worth counting.
    pub(crate) fn draws(&self) -> bool {
        self.progress.is_some()
    }

    /// Tells how it ended. `name`: what the person calls the other machine.
    ///
    /// # Errors
    /// What kept the job as a whole from being done.
    pub(crate) fn end(mut self, name: &str, outcome: Result<Summary, FilesError>) -> Result<Exit, Fail> {
        *lock(&self.curtain) = Curtain::default();
        drop(self.progress.take());
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
        self.tell_summary(&summary);
        let first = *lock(&self.first_fault);
        Ok(exit(&summary, first))
    }

    fn counted(&self, files: u64) -> String {
        let verb = if self.dry_run { self.words.would } else { self.words.done };
        format!("{verb} {}", units::count(files, "file"))
    }

    fn tell_summary(&self, summary: &Summary) {
        let out = &self.here.out;
        if out.is_json() {
            let seconds = summary.took.as_secs_f64();
            let rate = (seconds > 0.0 && !self.dry_run).then(|| summary.bytes as f64 / seconds);
            out.object(&Told::Done {
                files: summary.files,
                bytes: summary.bytes,
                seconds,
                rate,
                failed: summary.failed,
                skipped: summary.skipped,
                dry_run: self.dry_run,
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
        (_, 0, Some(code)) => Exit::from(code),
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
        Outcome::Failed { path, fault } => {
            out.error(about(path, &fault_words(fault)));
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
        Outcome::Kept { path, size, hash } => Told::Kept { path: name(path), size: *size, hash },
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
        Summary { files, bytes: files * 1_288_490_189, skipped, failed, took: Duration::from_millis(1310) }
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
        let kept = Outcome::Kept { path: b"a".to_vec(), size: 3, hash: "00".to_owned() };
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
