//! The same tree again, unchanged: what it costs to find out that there is nothing to do.
//!
//! Everybody talks through a relay that counts the bytes; few pass, so it costs all the same little.

use anyhow::Result;

use super::small::{plan, rsync_rows};
use super::{Report, landline_rows, pair, retain_wanted, tree_report};
use crate::args::Options;
use crate::contender::{Contender, Entry, State};
use crate::relay::Line;
use crate::rivals::{Rsyncd, Sshd, rsync};
use crate::series::{self, Copy};
use crate::site::Site;
use crate::{check, out};

/// Copies that lie in memory at once: one a row.
const COPIES: u64 = 4;

/// See the module.
pub(super) fn run(options: &Options) -> Result<Report> {
    let plan = plan(options);
    let site = Site::prepare(plan, COPIES, options.runs, options.dir.as_deref())?;
    let pair = pair(&site, options, Line::Counted);
    let (sshd, rsyncd) = (Sshd::start(&site, Line::Counted), Rsyncd::start(&site, Line::Counted));

    let mut entries = landline_rows(&site, &pair);
    entries.extend(rsync_rows(&site, &sshd, &rsyncd));
    retain_wanted(&mut entries, options, rsync::SSH_NAME);
    for entry in &mut entries {
        send_first(&site, entry);
    }

    let rows = series::transfers(&site, entries, Copy::Stays);
    let title = format!("{} files of 4 KiB that are there already, unchanged", plan.files());
    Ok(tree_report(&site, &title, &rows, rsync::SSH_NAME, check::again(&rows)))
}

/// The first time, which is not measured.
fn send_first(site: &Site, entry: &mut Entry<dyn Contender + '_>) {
    let State::Ready(contender) = &mut entry.state else { return };
    out::say(&format!("the first time: {}", entry.name));
    let sent = contender.transfer().and_then(|_| site.load.check(contender.target()));
    if let Err(error) = sent {
        entry.state = State::Broken(format!("the first time: {error:#}"));
    }
}
