//! Very many files, empty or tiny, in few large folders: what their number alone costs in memory and time.

use anyhow::Result;

use super::small::rsync_rows;
use super::{Report, landline_rows, pair, retain_wanted, tree_report};
use crate::args::Options;
use crate::check;
use crate::load::{Plan, Shape};
use crate::relay::Line;
use crate::rivals::{Rsyncd, Sshd, rsync};
use crate::series::{self, Copy};
use crate::site::Site;

/// 200,000 files; large folders, since whoever holds a folder's names at once shows here.
const SHAPE: Shape = Shape { folders: 20, files: 10_000, sizes: [0, 16] };
/// With `--small`.
const FEW: Shape = Shape { folders: 2, files: 1_000, sizes: [0, 16] };
/// Peak memory hardly differs from run to run, and a run takes long.
const RUNS: usize = 3;

/// See the module.
pub(super) fn run(options: &Options) -> Result<Report> {
    let plan = Plan::Tree(if options.small { FEW } else { SHAPE });
    let site = Site::prepare(plan, 1, options.runs.min(RUNS), options.dir.as_deref())?;
    let pair = pair(&site, options, Line::Direct);
    let (sshd, rsyncd) = (Sshd::start(&site, Line::Direct), Rsyncd::start(&site, Line::Direct));
    let mut entries = landline_rows(&site, &pair);
    entries.extend(rsync_rows(&site, &sshd, &rsyncd));
    retain_wanted(&mut entries, options, "");

    let rows = series::transfers(&site, entries, Copy::Goes);
    let title = format!("{} files, every second empty, the others of 16 bytes", plan.files());
    Ok(tree_report(&site, &title, &rows, rsync::SSH_NAME, check::many(&rows)))
}
