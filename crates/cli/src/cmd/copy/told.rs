//! What is told of a copy while it runs: each outcome, to people and to programs.

use landline_services::files::watch::Outcome;
use landline_wire::{ErrorCode, WireName, shown};
use serde::Serialize;

use super::Words;
use crate::fail::fault_words;
use crate::here::Here;
use crate::slow::Slow;
use crate::units;

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum Told<'a> {
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
        /// The most calls that carried content at once.
        lanes: usize,
        /// Whether the other machine wanted fewer, because other users copied there.
        crowded: bool,
        /// For `landline retry`.
        #[serde(skip_serializing_if = "Option::is_none")]
        job: Option<u32>,
        /// What held it up; not of a dry run.
        #[serde(skip_serializing_if = "Option::is_none")]
        slow: Option<Box<Slow>>,
    },
}

/// Tells one outcome, at once.
pub(super) fn tell(here: &Here, words: Words, outcome: &Outcome) {
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
pub(super) fn about(path: &[u8], why: &str) -> String {
    let path = shown(path).to_string();
    if !path.is_empty() && why.starts_with(&format!("{path}: ")) || path.is_empty() {
        why.to_owned()
    } else {
        format!("{path}: {why}")
    }
}

fn object(outcome: &Outcome) -> Told<'_> {
    let name = |path: &[u8]| WireName::from(path);
    match outcome {
        Outcome::Kept { path, size, hash } => Told::Kept { path: name(path), size: *size, hash: hash.as_deref() },
        Outcome::Same { path, size } => Told::Same { path: name(path), size: *size },
        Outcome::Resumed { path, held, changed } => Told::Resumed { path: name(path), held: *held, changed: *changed },
        Outcome::Tree { path } => Told::Tree { path: name(path) },
        Outcome::Planned { path, size } => Told::Planned { path: name(path), size: *size },
        Outcome::Skipped { path, why } => Told::Skipped { path: name(path), why },
        Outcome::Failed { path, fault } => {
            Told::Failed { path: name(path), code: fault.code, text: fault_words(fault) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
