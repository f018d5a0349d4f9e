//! Over a line whose round trip takes 80 ms: one file beside raw TCP and the bare pipeline, and small files beside rsync.
//!
//! The line is a relay with a buffer each way that holds what is on its way, and no loss. One file goes twice: as fast as the machine
//! can, where ciphers and hashes count too (the pipeline shows how much), and at 1 Gbit/s, where only the line and waiting count.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::small::rsync_rows;
use super::{Report, landline_rows, ours_failed, pair, retain_wanted, shared, tree_table};
use crate::args::Options;
use crate::contender::{Entry, Medium, boxed};
use crate::load::{Plan, Shape};
use crate::pipe::raw::{self, Raw};
use crate::pipe::{self, Pipe};
use crate::relay::{Delay, Line};
use crate::rivals::rsync::{self, Over, Rsync};
use crate::rivals::{Rsyncd, Sshd};
use crate::series::{self, Copy, Measured, Row};
use crate::site::Site;
use crate::{check, receipt, table};

/// Half the round trip.
const ONE_WAY: Duration = Duration::from_millis(40);
/// 1 Gbit/s in bytes.
const GIGABIT: u32 = 125_000_000;
/// Long enough that the first round trips are a small part of it, short enough for the slow rivals.
const SIZE: u64 = 256 << 20;
const SHAPE: Shape = Shape { folders: 20, files: 100, sizes: [4096, 4096] };
/// With `--small`.
const LITTLE: u64 = 8 << 20;
const FEW: Shape = Shape { folders: 2, files: 20, sizes: [4096, 4096] };
/// Round trips for each small file before it counts as hanging: somebody may wait for every answer.
const TRIPS: u32 = 8;

/// See the module.
pub(super) fn run(options: &Options) -> Result<Report> {
    let (fast_text, fast) = big(options, None)?;
    let (paced_text, paced) = big(options, Some(GIGABIT))?;
    let (small_text, small) = small(options)?;
    let (fast_verdicts, paced_verdicts) = (check::delay(&fast.rows, ""), check::delay(&paced.rows, ", 1 Gbit/s"));
    let value = json!({
        "round_trip_ms": u64::try_from(2 * ONE_WAY.as_millis())?,
        "big": receipt::series(&fast.site, &fast.rows, &fast_verdicts),
        "gigabit": receipt::series(&paced.site, &paced.rows, &paced_verdicts),
        "small": receipt::series(&small.site, &small.rows, &[]),
    });
    Ok(Report {
        text: [fast_text, paced_text, small_text].join("\n"),
        value,
        verdicts: fast_verdicts.into_iter().chain(paced_verdicts).collect(),
        failed: [&fast, &paced, &small].iter().any(|found| ours_failed(&found.rows)),
    })
}

/// Rows, and what they moved.
struct Found {
    site: Site,
    rows: Vec<Row>,
}

fn big(options: &Options, rate: Option<u32>) -> Result<(String, Found)> {
    let size = if options.small { LITTLE } else { SIZE };
    let site = Site::prepare(Plan::File(size), 1, options.runs, options.dir.as_deref())?;
    let line = Line::Delayed(Delay { one_way: ONE_WAY, rate });
    let rows = {
        let (pair, sshd) = (pair(&site, options, line), Sshd::start(&site, line));
        let mut entries = vec![Entry::in_memory(raw::NAME, Raw::new(&site, line).map(boxed))];
        entries.push(Entry::in_memory(pipe::NAME, Pipe::new(&site, Medium::Memory, line).map(boxed)));
        entries.extend(landline_rows(&site, &pair));
        let rsync = shared(&sshd).and_then(|sshd| Rsync::new(&site, Over::Ssh(sshd)).map(boxed));
        entries.push(Entry::in_memory(rsync::SSH_NAME, rsync));
        retain_wanted(&mut entries, options, raw::NAME);
        series::transfers(&site, entries, Copy::Goes)
    };
    let raw = rows.iter().find(|row| row.name == raw::NAME).and_then(Row::measured).map(|found| found.rate.median);
    let headings = ["GB/s (min-max)", "s (min-max)", "x raw TCP", "peak MiB client / server"];
    let table = table::render(&headings, &rows, |found: &Measured| {
        vec![
            table::spread(found.rate, 3),
            table::spread(found.seconds, 2),
            table::ratio(found.rate.median, raw),
            table::peaks(found.client_peak, found.server_peak),
        ]
    });
    let text = format!(
        "one file of {} MiB over a line with a round trip of {:?}{}; {} runs, in turns\n{table}",
        size >> 20,
        2 * ONE_WAY,
        rate.map_or("", |_| " at 1 Gbit/s"),
        site.runs
    );
    Ok((text, Found { site, rows }))
}

fn small(options: &Options) -> Result<(String, Found)> {
    let plan = Plan::Tree(if options.small { FEW } else { SHAPE });
    let mut site = Site::prepare(plan, 1, options.runs, options.dir.as_deref())?;
    site.patience += ONE_WAY * 2 * TRIPS * u32::try_from(plan.files())?;
    let line = Line::Delayed(Delay { one_way: ONE_WAY, rate: None });
    let rows = {
        let (pair, sshd, rsyncd) = (pair(&site, options, line), Sshd::start(&site, line), Rsyncd::start(&site, line));
        let mut entries = landline_rows(&site, &pair);
        entries.extend(rsync_rows(&site, &sshd, &rsyncd));
        retain_wanted(&mut entries, options, rsync::SSH_NAME);
        series::transfers(&site, entries, Copy::Goes)
    };
    let table = tree_table(&rows, rsync::SSH_NAME);
    let text = format!("{} files of 4 KiB over the same line; {} runs, in turns\n{table}", plan.files(), site.runs);
    Ok((text, Found { site, rows }))
}
