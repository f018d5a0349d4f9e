//! The bench of raw sockets: servers of landline and of others, under the same load.
//!
//! In: options. Out: a report a series. Every turn starts its server afresh, so that no turn inherits another's memory. Rooms:
//! `server` (who answers, started and found) · `yardstick` (bare loops, run as other processes of this program) · `python`
//! (scripts) · `streams`, `datagrams`, `flood`, `idlers` (the loads: one thread of this process) · `echo`, `udp`, `relay`, `idle`,
//! `accepts` (the series) · `judge` (targets) .

pub(crate) mod accepts;
mod datagrams;
pub(crate) mod echo;
mod flood;
pub(crate) mod idle;
mod idlers;
mod judge;
mod python;
pub(crate) mod relay;
mod server;
mod streams;
pub(crate) mod udp;
pub(crate) mod yardstick;

use anyhow::Result;

use crate::args::Options;
use crate::contender::Entry;
use crate::load::Plan;
use crate::series::{self, Row};
use crate::site::Site;
use crate::suite::stands_in;
use server::Recipe;

/// Names of rows that several rooms need.
const LANDLINE: &str = "landline";
const TOKIO: &str = "tokio echo";
const UDP_ECHO: &str = "udp echo";
const ASYNCIO: &str = "Python asyncio";
const SOCAT: &str = "socat";

/// A site with nothing to move.
fn site(options: &Options) -> Result<Site> {
    Site::prepare(Plan::File(1), 0, options.runs, options.dir.as_deref())
}

/// A row from an attempt to find its program.
fn entry(name: &'static str, recipe: Result<Recipe>) -> Entry<Recipe> {
    Entry::in_memory(name, recipe.map(Box::new))
}

/// The turns of `entries`, of which those are kept that were asked for; `always` is the yardstick.
fn rounds<S, M>(
    site: &Site,
    options: &Options,
    always: &str,
    mut entries: Vec<Entry<Recipe>>,
    turn: impl FnMut(&mut Recipe) -> Result<S>,
    tell: impl Fn(&S) -> String,
    sum_up: impl Fn(Vec<S>) -> Option<M>,
) -> Vec<Row<M>> {
    let chosen = |name: &str| options.only.iter().any(|word| stands_in(name, word));
    entries.retain(|entry| options.only.is_empty() || entry.name == always || chosen(entry.name));
    series::rounds(site.runs, entries, |recipe| (recipe.about, recipe.rounds), turn, tell, sum_up)
}

/// Whether landline or a yardstick of the bench failed.
fn ours_failed<M>(rows: &[Row<M>]) -> bool {
    let ours = |row: &&Row<M>| [LANDLINE, TOKIO, UDP_ECHO].iter().any(|name| row.name.starts_with(name));
    rows.iter().filter(ours).any(Row::has_failed)
}

/// Lets this process hold as many sockets as it may: the load has one for each of the server's.
fn raise_own_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Children inherit it. Refused or not, the load tells when sockets run out.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
