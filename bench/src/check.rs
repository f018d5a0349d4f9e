//! The ratios landline must reach, within one run, on the machine at hand. What was not measured is not kept.

use crate::landline::{GET_NAME, PUT_NAME};
use crate::pipe::{self, raw};
use crate::rivals::{cp, nc, rsync, scp};
use crate::series::{Measured, Row};
use crate::suite::resume::{self, Resumed};

/// One big file, of the bare pipeline's rate, at least.
const BIG_OF_PIPE: f64 = 0.85;
/// Of the rate of `nc` in the clear, at least.
const BIG_OF_NC: f64 = 1.0;
/// Times scp's rate, at least.
const BIG_OF_SCP: f64 = 3.0;
/// CPU seconds a gigabyte of both ends, of scp's, at most.
const BIG_CPU_OF_SCP: f64 = 0.4;
/// Peak memory of either end with one big file, in MiB, at most.
const BIG_PEAK: u64 = 32;
/// Many small files, of the rate of `cp -r`, at least.
const SMALL_OF_CP: f64 = 0.8;
/// An unchanged tree, of the time of rsync over ssh, at most.
const AGAIN_OF_RSYNC: f64 = 0.5;
/// Peak memory of either end with very many files, in MiB, at most.
const MANY_PEAK: u64 = 63;
/// Bytes on the wire of a transfer that was cut and taken up, of the file's, at most.
const RESUME_WIRE: f64 = 1.005;
/// CPU seconds that the cut cost, of what it costs rsync to a daemon, at most.
const RESUME_CPU_OF_RSYNC: f64 = 0.4;
/// Over a line that takes its time, of the rate of raw TCP, at least.
const DELAY_OF_RAW: f64 = 0.9;

/// One requirement and what was found.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) kept: bool,
}

/// One big file.
pub(crate) fn big(rows: &[Row]) -> Vec<Verdict> {
    let rate = |found: &Measured| found.rate.median;
    ours(rows, |name, ours| {
        let mut verdicts = vec![
            at_least(name, rate(ours), pipe::NAME, find(rows, pipe::NAME).map(rate), BIG_OF_PIPE),
            at_least(name, rate(ours), nc::NAME, find(rows, nc::NAME).map(rate), BIG_OF_NC),
            at_least(name, rate(ours), scp::NAME, find(rows, scp::NAME).map(rate), BIG_OF_SCP),
            at_most(name, ours.cpu(), "the CPU of scp", find(rows, scp::NAME).map(Measured::cpu), BIG_CPU_OF_SCP),
        ];
        verdicts.extend(peaks(name, ours, BIG_PEAK));
        verdicts
    })
}

/// Many small files.
pub(crate) fn small(rows: &[Row]) -> Vec<Verdict> {
    let rate = |found: &Measured| found.rate.median;
    ours(rows, |name, ours| vec![at_least(name, rate(ours), cp::NAME, find(rows, cp::NAME).map(rate), SMALL_OF_CP)])
}

/// The same tree again.
pub(crate) fn again(rows: &[Row]) -> Vec<Verdict> {
    let seconds = |found: &Measured| found.seconds.median;
    let base = find(rows, rsync::SSH_NAME).map(seconds);
    ours(rows, |name, ours| vec![at_most(name, seconds(ours), "the time of rsync over ssh", base, AGAIN_OF_RSYNC)])
}

/// Very many files.
pub(crate) fn many(rows: &[Row]) -> Vec<Verdict> {
    ours(rows, |name, ours| peaks(name, ours, MANY_PEAK))
}

/// Cut at half and taken up.
pub(crate) fn resume(rows: &[Row<Resumed>]) -> Vec<Verdict> {
    let base = find(rows, resume::RSYNC_DAEMON).map(|found| found.extra_cpu.median);
    let mut verdicts = Vec::new();
    for name in [resume::PUT, resume::PUT_SERVER, resume::GET] {
        let Some(ours) = find(rows, name) else {
            verdicts.push(missing(name));
            continue;
        };
        let wire = ours.wire.median;
        let what = format!("{name}: {wire:.4} x the file on the wire, at most {RESUME_WIRE} allowed");
        verdicts.push(Verdict { what, kept: wire <= RESUME_WIRE });
        let theirs = "the extra CPU of rsync to a daemon";
        verdicts.push(at_most(name, ours.extra_cpu.median, theirs, base, RESUME_CPU_OF_RSYNC));
    }
    verdicts
}

/// One file over a line that takes its time; `which`: which line, for people.
pub(crate) fn delay(rows: &[Row], which: &str) -> Vec<Verdict> {
    let rate = |found: &Measured| found.rate.median;
    let base = format!("{}{which}", raw::NAME);
    ours(rows, |name, ours| vec![at_least(name, rate(ours), &base, find(rows, raw::NAME).map(rate), DELAY_OF_RAW)])
}

/// What was measured of `name`, if anything was.
pub(crate) fn find<'r, M>(rows: &'r [Row<M>], name: &str) -> Option<&'r M> {
    rows.iter().find(|row| row.name == name)?.measured()
}

/// The verdicts on `put` and on `get`.
fn ours(rows: &[Row], judge: impl Fn(&str, &Measured) -> Vec<Verdict>) -> Vec<Verdict> {
    let both = [PUT_NAME, GET_NAME].into_iter();
    both.flat_map(|name| find(rows, name).map_or_else(|| vec![missing(name)], |found| judge(name, found))).collect()
}

/// What is not there is not kept.
pub(crate) fn missing(name: &str) -> Verdict {
    Verdict { what: format!("{name}: not measured"), kept: false }
}

/// `ours` of `theirs`.
pub(crate) fn at_least(name: &str, ours: f64, base: &str, theirs: Option<f64>, required: f64) -> Verdict {
    let Some(theirs) = theirs else { return nothing_to_compare(name, base) };
    let found = ours / theirs;
    Verdict { what: format!("{name}: {found:.2} x {base}, at least {required:.2} required"), kept: found >= required }
}

/// Judged as a product: where `theirs` is nothing, or less by the noise of the measurement, nothing is allowed.
pub(crate) fn at_most(name: &str, ours: f64, base: &str, theirs: Option<f64>, allowed: f64) -> Verdict {
    let Some(theirs) = theirs else { return nothing_to_compare(name, base) };
    let what = format!("{name}: {ours:.3}, {base} {theirs:.3}: at most {allowed:.2} x allowed");
    Verdict { what, kept: ours <= theirs.max(0.0) * allowed }
}

fn nothing_to_compare(name: &str, base: &str) -> Verdict {
    Verdict { what: format!("{name}: no {base} to compare with"), kept: false }
}

fn peaks(name: &str, ours: &Measured, limit: u64) -> Vec<Verdict> {
    let ends = [("client", ours.client_peak), ("server", ours.server_peak)].into_iter();
    ends.map(|(end, peak)| {
        let found = peak.div_ceil(1 << 20);
        let what = format!("{name}: {end} peaks at {found} MiB, at most {limit} allowed");
        Verdict { what, kept: found <= limit }
    })
    .collect()
}

#[cfg(test)]
mod tests;
