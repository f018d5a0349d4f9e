//! `get`: files and folders come from another machine.

use std::path::{Path, PathBuf};

use landline_addr::path::SharePath;
use landline_services::files::ask::{GetJob, Pairs, Placing};

use landline_store::JobKind;

use super::copy::{Again, CopyFlags, Copying, GETTING};
use super::reach::{OneCall, Reach, Turn};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::place::{Remote, Spot, Whose, colon_hint};

/// Fetch files and folders from another machine
///
/// Like scp: into the target if it is a folder (or ends with /), else under the target's name. Each file arrives whole
/// and verified or not at all, with its permissions and times. The same command again goes on where a copy stopped and
/// fetches only what has changed; -v tells what held it up. Exit code 3 means that some did not arrive.
#[derive(Debug, clap::Args)]
#[command(override_usage = "landline get [OPTIONS] <SOURCE>... [TARGET]")]
pub(crate) struct Args {
    /// What to fetch, CONTACT:PATH each; then where to on this machine, - for the standard output [default: the current folder]
    #[arg(required = true, num_args = 1.., value_name = "PLACE", value_parser = Spot::parser())]
    places: Vec<Spot>,
    #[command(flatten)]
    flags: CopyFlags,
}

impl Args {
    /// Whether the same command goes on where this one was stopped: not with a pipe, whose bytes are gone.
    pub(super) fn goes_on(&self) -> bool {
        !self.places.contains(&Spot::Here("-".into())) && !self.flags.dry_run
    }
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let order = directed(args.places)?;
    let mut reach = OneCall::by(here.line()?);
    let ended = over(&mut reach, order, &args.flags, here).await;
    reach.close().await;
    ended
}

/// What comes from where to where.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) whose: Whose,
    pub(super) sources: Vec<SharePath>,
    /// `-` for the standard output.
    pub(super) target: PathBuf,
}

/// Fetches it.
pub(super) async fn over(reach: &mut impl Reach, order: Order, flags: &CopyFlags, here: &Here) -> Result<Exit, Fail> {
    let Order { whose, sources, target } = order;
    if target == Path::new("-") {
        let [source] = sources.as_slice() else {
            return Err(Fail::usage("only one file can go to the standard output").hint("name one source before -"));
        };
        let Whose { machine, start } = whose;
        let place = Remote { machine, start, path: source.clone(), as_folder: false };
        return super::cat::over(reach, super::cat::Flags { raw: true }, &place, flags.reconnect(), here).await;
    }
    let name = whose.machine.to_string();
    let copying = Copying::start(here, GETTING, flags, &name);
    let options = flags.options(copying.draws())?;
    let slash = target.as_os_str().as_encoded_bytes().ends_with(b"/");
    let placing = if slash { Placing::Inside } else { Placing::Auto };
    let job = GetJob { sources, target, placing, options };
    let mut pairs = Pairs::default();
    let outcome = reach.with(&whose, Turn::Stream, async |files| {
        let outcome = files.get(&job, &copying.watch).await;
        pairs = files.take_pairs();
        outcome
    });
    let outcome = outcome.await;
    let again = Again { kind: JobKind::Get, machine: whose.to_string(), pairs: &pairs, options: flags.kept() };
    copying.end(&name, outcome, &again)
}

/// Sources there, all on one machine; the target here.
fn directed(mut places: Vec<Spot>) -> Result<Order, Fail> {
    let target = match places.pop_if(|last| matches!(last, Spot::Here(_))) {
        Some(Spot::Here(path)) => path,
        Some(Spot::There(_)) | None => PathBuf::from("."),
    };
    let mut whose = None;
    let mut sources = Vec::with_capacity(places.len());
    for place in places {
        let Spot::There(remote) = place else {
            return Err(Fail::usage("get fetches files, but a source is a local path")
                .hint("to send files: landline put FILE CONTACT:PATH; only the last argument of get is local"));
        };
        if whose.get_or_insert_with(|| remote.whose()) != &remote.whose() {
            return Err(Fail::usage("the sources are on different machines, or begin in different places there")
                .hint("run landline get once for each machine, and once for paths that begin with / there"));
        }
        sources.push(remote.path);
    }
    let Some(whose) = whose else {
        let usual = || "write landline get CONTACT:PATH (landline contacts list shows the names)".to_owned();
        return Err(Fail::usage("no source names a machine").hint(colon_hint(&target).unwrap_or_else(usual)));
    };
    Ok(Order { whose, sources, target })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;
    use crate::cmd::Cmd;

    fn parse(arguments: &[&str]) -> Result<Order, Fail> {
        let cli = Cli::try_parse_from(["landline", "get"].iter().chain(arguments)).unwrap();
        let Cmd::Get(args) = cli.cmd else { unreachable!("get was parsed") };
        directed(args.places)
    }

    #[test]
    fn without_a_local_path_everything_comes_here() {
        let order = parse(&["desk:a", "desk:b"]).unwrap();
        assert_eq!((order.sources.len(), order.target), (2, PathBuf::from(".")));
        let order = parse(&["desk:a", "out/"]).unwrap();
        assert_eq!((order.sources.len(), order.target), (1, PathBuf::from("out/")));
    }

    #[test]
    fn the_wrong_direction_is_told_the_right_command() {
        assert!(parse(&["a", "desk:b"]).unwrap_err().hint_text().unwrap().contains("landline put"));
        assert!(parse(&["./a"]).unwrap_err().hint_text().unwrap().contains("CONTACT:PATH"));
        assert!(parse(&["desk"]).unwrap_err().hint_text().unwrap().ends_with("put a colon behind it: desk:"));
        assert!(parse(&["desk:a", "attic:b"]).unwrap_err().hint_text().unwrap().contains("once for each"));
    }
}
