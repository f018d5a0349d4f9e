//! `retry`: what a copy could not do is tried again, and nothing else.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use landline_addr::path::SharePath;
use landline_store::{Job, JobKind, Jobs};
use serde::Serialize;

use super::copy::{Again, CopyFlags, Copying, GETTING, SENDING};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::place::Whose;
use crate::units;

/// Try again what a put or get could not do
///
/// A copy that could not do everything ends with exit code 3 and tells a number. This repeats what failed then, and only
/// that. Without a number: list what can be tried again.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The number that the copy told
    #[arg(value_name = "JOB")]
    job: Option<u32>,
}

/// One job of the list.
#[derive(Debug, Serialize)]
struct Row {
    job: u32,
    at: Option<String>,
    what: &'static str,
    machine: String,
    things: usize,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let jobs = Jobs::open(&here.home()?)?;
    let Some(id) = args.job else { return list(&jobs, here) };
    let job = jobs.load(id)?.ok_or_else(|| {
        Fail::new(Exit::NotFound, format_args!("there is no job {id} to try again"))
            .hint("landline retry without a number lists those there are")
    })?;
    let whose: Whose =
        job.machine.parse().map_err(|_| Fail::new(Exit::NotFound, format_args!("job {id} is damaged")))?;
    let flags: CopyFlags = serde_json::from_value(job.options.clone()).unwrap_or_default();
    let (line, words) = (here.line()?, if job.kind == JobKind::Put { SENDING } else { GETTING });
    let copying = Copying::start(here, words, &flags, &job.machine);
    let options = flags.options(copying.draws())?;
    let mut files = whose.open(&line).await?;
    let outcome = match job.kind {
        JobKind::Put => files.put_pairs(&local_first(&job), &options, &copying.watch).await,
        JobKind::Get => {
            let pairs: Vec<_> = local_first(&job).into_iter().map(|(here, there)| (there, here)).collect();
            files.get_pairs(&pairs, &options, &copying.watch).await
        }
    };
    let settled = outcome.is_ok();
    let again = Again { kind: job.kind, machine: job.machine.clone(), pairs: files.pairs(), options: flags.kept() };
    let ended = copying.end(&job.machine, outcome, &again);
    if settled {
        jobs.remove(id)?; // what failed again has a number of its own
        files.close().await;
    }
    ended
}

/// What the job names, the path of this machine first.
fn local_first(job: &Job) -> Vec<(PathBuf, SharePath)> {
    let both = job.pairs.iter().filter_map(|(from, to)| {
        let (here, there) = if job.kind == JobKind::Put { (from, to) } else { (to, from) };
        Some((PathBuf::from(OsString::from_vec(here.clone())), SharePath::parse(there).ok()?))
    });
    both.collect()
}

fn list(jobs: &Jobs, here: &Here) -> Result<Exit, Fail> {
    let known = jobs.list()?;
    if known.is_empty() && !here.out.is_json() {
        here.out.say("nothing waits to be tried again");
    }
    for job in known {
        let what = if job.kind == JobKind::Put { "put" } else { "get" };
        if here.out.is_json() {
            let at = units::utc_time(job.at, 0);
            here.out.row(&Row { job: job.id, at, what, machine: job.machine, things: job.pairs });
        } else {
            let (when, things) = (units::local_time(job.at, 0), units::count(job.pairs as u64, "thing"));
            here.out.line(format_args!("{:>4}  {when}  {what} {}: {things}", job.id, job.machine));
        }
    }
    Ok(Exit::Done)
}
