//! The series, one file each: what is moved, who moves it, what the table shows.
//!
//! In: the options. Out: a [`Report`]. Each makes a site of its own and takes it down with everything in it before the next begins.

pub(crate) mod again;
pub(crate) mod big;
pub(crate) mod delay;
pub(crate) mod many;
pub(crate) mod resume;
pub(crate) mod small;

use std::rc::Rc;

use anyhow::Result;
use serde_json::Value;

use crate::args::{Options, Series};
use crate::check::Verdict;
use crate::contender::{Contender, Entry, boxed};
use crate::landline::{self, Build, Landline, Pair};
use crate::relay::Line;
use crate::series::{Measured, Row};
use crate::site::Site;
use crate::{pipe, receipt, sockets, table, tools, users};

/// What a series found.
pub(crate) struct Report {
    /// A sentence or two, and the tables.
    pub(crate) text: String,
    /// For the receipt.
    pub(crate) value: Value,
    pub(crate) verdicts: Vec<Verdict>,
    /// Something of ours did not work at all.
    pub(crate) failed: bool,
}

impl Series {
    /// Runs it from set-up to take-down.
    ///
    /// # Errors
    /// If it could not even begin; a contender that fails is told in the report.
    pub(crate) fn run(self, options: &Options) -> Result<Report> {
        match self {
            Series::Big => big::run(options),
            Series::Small => small::run(options),
            Series::Again => again::run(options),
            Series::Many => many::run(options),
            Series::Resume => resume::run(options),
            Series::Delay => delay::run(options),
            Series::Echo50 => sockets::echo::run(options, 50),
            Series::Echo1000 => sockets::echo::run(options, 1000),
            Series::Udp => sockets::udp::run(options),
            Series::Relay => sockets::relay::run(options),
            Series::Idle => sockets::idle::run(options),
            Series::Accepts => sockets::accepts::run(options),
            Series::Fair => users::fair::run(options),
            Series::Shell => users::shell::run(options),
        }
    }
}

/// landline's pair over `line`, serving the site's share.
fn pair(site: &Site, options: &Options, line: Line) -> Result<Rc<Pair>> {
    Build::find(site, options.landline.as_deref())?.pair(site, "landline", site.share.clone(), line)
}

/// The rows `put` and `get`.
fn landline_rows<'a>(site: &'a Site, pair: &Result<Rc<Pair>>) -> Vec<Entry<dyn Contender + 'a>> {
    let put = shared(pair).map(|pair| boxed(Landline::put(site, Rc::clone(pair))));
    let get = shared(pair).and_then(|pair| Landline::get(site, Rc::clone(pair)).map(boxed));
    vec![Entry::in_memory(landline::PUT_NAME, put), Entry::in_memory(landline::GET_NAME, get)]
}

/// What several rows share; each of them tells the same error if it is not there.
fn shared<T>(made: &Result<T>) -> Result<&T> {
    made.as_ref().map_err(tools::same)
}

/// Keeps the rows that were asked for; `always` are the yardsticks.
fn retain_wanted<C: ?Sized>(entries: &mut Vec<Entry<C>>, options: &Options, always: &str) {
    let chosen = |name: &str| options.only.iter().any(|word| stands_in(name, word));
    entries.retain(|entry| options.only.is_empty() || entry.name == always || chosen(entry.name));
}

/// Whether `word` stands in `name` as a whole: "nc" is no part of "rsync".
pub(crate) fn stands_in(name: &str, word: &str) -> bool {
    let bytes = name.as_bytes();
    let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let before = |at: usize| at.checked_sub(1).and_then(|at| bytes.get(at));
    name.match_indices(word).any(|(at, _)| is_edge(before(at)) && is_edge(bytes.get(at + word.len())))
}

/// Whether a row of ours failed, be it landline or a yardstick that is part of the bench.
fn ours_failed<M>(rows: &[Row<M>]) -> bool {
    let ours = |row: &&Row<M>| ["landline", pipe::NAME, pipe::raw::NAME].iter().any(|name| row.name.starts_with(name));
    rows.iter().filter(ours).any(Row::has_failed)
}

/// The table of a tree: rates, and how often the rate of `base` goes into them; bytes on the wire if they were counted.
fn tree_table(rows: &[Row], base: &str) -> String {
    let heading = format!("x {base}");
    let mut headings =
        vec!["files/s (min-max)", "s (min-max)", &heading, "CPU s (client + server)", "peak MiB client / server"];
    let counted = rows.iter().filter_map(Row::measured).any(|found| found.wire.is_some());
    if counted {
        headings.push("MB on the wire");
    }
    let theirs = rows.iter().find(|row| row.name == base).and_then(Row::measured).map(|found| found.rate.median);
    table::render(&headings, rows, |found: &Measured| {
        let (client, server) = (found.client_cpu, found.server_cpu);
        let mut cells = vec![
            table::spread(found.rate, 0),
            table::spread(found.seconds, 3),
            table::ratio(found.rate.median, theirs),
            format!("{:.2} ({client:.2} + {server:.2})", client + server),
            table::peaks(found.client_peak, found.server_peak),
        ];
        if counted {
            cells.push(found.wire.map_or_else(|| "-".to_owned(), |bytes| format!("{:.2}", bytes.median / 1e6)));
        }
        cells
    })
}

/// The report of a series that is one table of a tree.
fn tree_report(site: &Site, title: &str, rows: &[Row], base: &str, verdicts: Vec<Verdict>) -> Report {
    Report {
        text: format!("{title}; {} runs, in turns\n{}", site.runs, tree_table(rows, base)),
        value: receipt::series(site, rows, &verdicts),
        failed: ours_failed(rows),
        verdicts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contender_is_chosen_by_a_whole_word_of_its_name() {
        assert!(stands_in("tar, nc", "nc") && stands_in("landline put, disk", "landline") && stands_in("scp", "scp"));
        assert!(!stands_in("rsync over ssh", "nc") && !stands_in("rsync daemon", "sync"));
        assert!(stands_in("rsync over ssh aes128-gcm", "rsync over ssh"));
    }
}
