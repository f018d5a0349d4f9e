//! Many small files into a fresh place: 20,000 of 4 KiB in 200 folders.

use anyhow::Result;

use super::{Report, landline_rows, pair, retain_wanted, shared, tree_report};
use crate::args::Options;
use crate::check;
use crate::contender::{Contender, Entry, boxed};
use crate::load::{Plan, Shape};
use crate::relay::Line;
use crate::rivals::cp::{self, Cp};
use crate::rivals::rsync::{self, Over, Rsync};
use crate::rivals::scp::{self, Scp};
use crate::rivals::tar::{self, Tar};
use crate::rivals::{Rsyncd, Sshd};
use crate::series::{self, Copy};
use crate::site::Site;

/// As in the performance research.
const SHAPE: Shape = Shape { folders: 200, files: 100, sizes: [4096, 4096] };
/// With `--small`.
const FEW: Shape = Shape { folders: 4, files: 50, sizes: [4096, 4096] };

/// The tree of this series and of the one that sends it again.
pub(super) fn plan(options: &Options) -> Plan {
    Plan::Tree(if options.small { FEW } else { SHAPE })
}

/// See the module.
pub(super) fn run(options: &Options) -> Result<Report> {
    let plan = plan(options);
    let site = Site::prepare(plan, 1, options.runs, options.dir.as_deref())?;
    let pair = pair(&site, options, Line::Direct);
    let (sshd, rsyncd) = (Sshd::start(&site, Line::Direct), Rsyncd::start(&site, Line::Direct));

    let mut entries = vec![Entry::in_memory(cp::NAME, Cp::new(&site).map(boxed))];
    entries.extend(landline_rows(&site, &pair));
    entries.push(Entry::in_memory(tar::NC_NAME, Tar::over_nc(&site).map(boxed)));
    let tar = shared(&sshd).and_then(|sshd| Tar::over_ssh(&site, sshd).map(boxed));
    entries.push(Entry::in_memory(tar::SSH_NAME, tar));
    entries.extend(rsync_rows(&site, &sshd, &rsyncd));
    let scp = shared(&sshd).and_then(|sshd| Scp::new(&site, sshd).map(boxed));
    entries.push(Entry::in_memory(scp::NAME, scp));
    retain_wanted(&mut entries, options, cp::NAME);

    let rows = series::transfers(&site, entries, Copy::Goes);
    let title = format!("{} files of 4 KiB into a fresh place in memory", plan.files());
    Ok(tree_report(&site, &title, &rows, cp::NAME, check::small(&rows)))
}

/// rsync over ssh and to a daemon.
pub(super) fn rsync_rows<'a>(
    site: &'a Site,
    sshd: &'a Result<Sshd>,
    rsyncd: &'a Result<Rsyncd>,
) -> Vec<Entry<dyn Contender + 'a>> {
    let over_ssh = shared(sshd).and_then(|sshd| Rsync::new(site, Over::Ssh(sshd)).map(boxed));
    let daemon = shared(rsyncd).and_then(|rsyncd| Rsync::new(site, Over::Daemon(rsyncd)).map(boxed));
    vec![Entry::in_memory(rsync::SSH_NAME, over_ssh), Entry::in_memory(rsync::DAEMON_NAME, daemon)]
}
