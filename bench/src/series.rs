//! The turns: every contender moves the file once per round, and each round begins with another one.
//!
//! In: entries, ready or not. Out: a [`Row`] for each, in the same order. Before each timed transfer memory of the same
//! size is touched in the target's directory; after it the copy is checked and removed, outside the clock.

use std::fs;
use std::io;

use anyhow::{Context, Result};

use crate::contender::{Contender, Entry, Medium, State};
use crate::data;
use crate::measure::Sample;
use crate::out;
use crate::site::Site;
use crate::stats::Spread;

/// What is known of one contender in the end.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) security: &'static str,
    pub(crate) medium: Medium,
    pub(crate) outcome: Outcome,
}

/// How it went.
pub(crate) enum Outcome {
    Measured(Measured),
    Absent(String),
    Failed(String),
}

/// The samples of a contender that never failed; at least one.
pub(crate) struct Measured {
    /// Bytes of the file.
    pub(crate) size: u64,
    pub(crate) samples: Vec<Sample>,
    /// Gigabytes (10^9 bytes) a second.
    pub(crate) rate: Spread,
    /// CPU seconds a gigabyte, medians, of the client and the server.
    pub(crate) client_cpu: f64,
    pub(crate) server_cpu: f64,
    /// Bytes, the greatest of all runs.
    pub(crate) client_peak: u64,
    pub(crate) server_peak: u64,
}

impl Measured {
    /// `None` of no samples.
    pub(crate) fn of(size: u64, samples: Vec<Sample>) -> Option<Measured> {
        let gigabytes = size as f64 / 1e9;
        let median = |figure: &dyn Fn(&Sample) -> f64| Spread::of(samples.iter().map(figure)).map(|found| found.median);
        Some(Measured {
            size,
            rate: Spread::of(samples.iter().map(|sample| gigabytes / sample.seconds))?,
            client_cpu: median(&|sample| sample.client.cpu_seconds / gigabytes)?,
            server_cpu: median(&|sample| sample.server.cpu_seconds / gigabytes)?,
            client_peak: samples.iter().map(|sample| sample.client.peak).max()?,
            server_peak: samples.iter().map(|sample| sample.server.peak).max()?,
            samples,
        })
    }

    /// CPU seconds a gigabyte of both ends.
    pub(crate) fn cpu(&self) -> f64 {
        self.client_cpu + self.server_cpu
    }
}

impl Row {
    pub(crate) fn measured(&self) -> Option<&Measured> {
        match &self.outcome {
            Outcome::Measured(measured) => Some(measured),
            Outcome::Absent(_) | Outcome::Failed(_) => None,
        }
    }
}

/// Runs all rounds. A contender that fails once runs no more and keeps its words.
pub(crate) fn run(site: &Site, mut entries: Vec<Entry<'_>>) -> Vec<Row> {
    let mut samples: Vec<Vec<Sample>> = entries.iter().map(|_| Vec::new()).collect();
    let mut failures: Vec<Option<String>> = entries.iter().map(|_| None).collect();
    let count = entries.len();
    for round in 0..site.runs {
        let mut turns: Vec<_> = entries.iter_mut().zip(&mut samples).zip(&mut failures).collect();
        turns.rotate_left(round % count.max(1));
        for ((entry, samples), failure) in turns {
            let State::Ready(contender) = &mut entry.state else { continue };
            if failure.is_some() {
                continue;
            }
            match turn(site, contender.as_mut()) {
                Ok(sample) => {
                    out::say(&format!("run {}/{} {}: {:.2} s", round + 1, site.runs, entry.name, sample.seconds));
                    samples.push(sample);
                }
                Err(error) => {
                    out::say(&format!("run {}/{} {}: {error:#}", round + 1, site.runs, entry.name));
                    *failure = Some(format!("{error:#}"));
                }
            }
        }
    }
    let done = entries.into_iter().zip(samples).zip(failures);
    done.map(|((entry, samples), failure)| row(site, entry, samples, failure)).collect()
}

fn turn(site: &Site, contender: &mut dyn Contender) -> Result<Sample> {
    let target = contender.target().to_path_buf();
    data::touch(target.parent().context("the target lies in no directory")?, site.source.size)?;
    let sample = contender.transfer();
    let checked = sample.and_then(|sample| data::check_copy(&site.source, &target).map(|()| sample));
    match fs::remove_file(&target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).context("cannot remove the copy"),
        _ => checked,
    }
}

fn row(site: &Site, entry: Entry<'_>, samples: Vec<Sample>, failure: Option<String>) -> Row {
    let (security, outcome) = match (entry.state, failure) {
        (State::Absent(why), _) => ("", Outcome::Absent(why)),
        (State::Broken(why), _) => ("", Outcome::Failed(why)),
        (State::Ready(contender), Some(why)) => (contender.security(), Outcome::Failed(why)),
        (State::Ready(contender), None) => {
            let measured = Measured::of(site.source.size, samples);
            let outcome = measured.map_or_else(|| Outcome::Failed("it never ran".to_owned()), Outcome::Measured);
            (contender.security(), outcome)
        }
    };
    Row { name: entry.name, security, medium: entry.medium, outcome }
}
