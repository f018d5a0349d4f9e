//! `put`: files and folders go to another machine.

use std::path::PathBuf;

use landline_services::files::ask::{Pairs, Placing, PutJob};

use landline_store::JobKind;

use super::copy::{Again, CopyFlags, Copying, SENDING};
use super::reach::{OneCall, Reach, Turn};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::place::{Remote, Spot, colon_hint};

/// Send files and folders to another machine
///
/// Like scp: into the target if it is a folder there (or ends with /), else under the target's name. Each file arrives
/// whole and verified or not at all, with its permissions and times. The same command again goes on where a copy stopped
/// and sends only what has changed; -v tells what held it up. Exit code 3 means that some did not arrive.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files and folders to send; FOLDER/. sends what is in it, - sends what comes on the standard input
    #[arg(required = true, num_args = 1.., value_name = "SOURCE", value_parser = Spot::parser())]
    sources: Vec<Spot>,
    /// Where to: CONTACT:PATH
    #[arg(required = true, value_name = "TARGET", value_parser = Spot::parser())]
    target: Spot,
    #[command(flatten)]
    flags: CopyFlags,
}

impl Args {
    /// Whether the same command goes on where this one was stopped: not with a pipe, whose bytes are gone.
    pub(super) fn goes_on(&self) -> bool {
        !self.sources.contains(&Spot::Here("-".into())) && !self.flags.dry_run
    }
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let (sources, target) = directed(args.sources, args.target)?;
    let mut reach = OneCall::by(here.line()?);
    let ended = over(&mut reach, sources, target, &args.flags, here).await;
    reach.close().await;
    ended
}

/// Sends `sources`, `-` for the standard input, to `target`.
pub(super) async fn over(
    reach: &mut impl Reach,
    sources: Vec<PathBuf>,
    target: Remote,
    flags: &CopyFlags,
    here: &Here,
) -> Result<Exit, Fail> {
    let whose = target.whose();
    let (name, is_pipe) = (target.machine.to_string(), sources == [PathBuf::from("-")]);
    if is_pipe && target.as_folder {
        return Err(Fail::usage("what comes through a pipe has no name of its own")
            .hint(format_args!("name the file: landline put - {name}:NAME")));
    }
    let copying = Copying::start(here, SENDING, flags, &name);
    let options = flags.options(copying.draws())?;
    let placing = if target.as_folder { Placing::Inside } else { Placing::Auto };
    let job = PutJob { sources, target: target.path, placing, options };
    let mut pairs = Pairs::default();
    let outcome = reach.with(&whose, Turn::Stream, async |files| {
        let outcome = if is_pipe {
            files.put_pipe(std::io::stdin(), &job.target, &job.options, &copying.watch).await
        } else {
            files.put(&job, &copying.watch).await
        };
        pairs = files.take_pairs();
        outcome
    });
    let outcome = outcome.await;
    let again = Again { kind: JobKind::Put, machine: whose.to_string(), pairs: &pairs, options: flags.kept() };
    copying.end(&name, outcome, &again)
}

/// Sources here, target there; anything else is another command.
fn directed(sources: Vec<Spot>, target: Spot) -> Result<(Vec<PathBuf>, Remote), Fail> {
    let target = match target {
        Spot::There(target) => target,
        Spot::Here(path) => {
            let all_there = sources.iter().all(|source| matches!(source, Spot::There(_)));
            return Err(if all_there {
                Fail::usage("put sends files away, but the target is a local path")
                    .hint("to fetch files: landline get CONTACT:PATH LOCAL")
            } else {
                Fail::usage("the target names no machine").hint(colon_hint(&path).unwrap_or_else(|| {
                    "the last argument says where to: landline put FILE CONTACT:PATH (landline contacts list shows the \
                     names)"
                        .to_owned()
                }))
            });
        }
    };
    let here = |source| match source {
        Spot::Here(path) => Ok(path),
        Spot::There(remote) => Err(Fail::usage(format_args!("{remote} is not on this machine")).hint(format_args!(
            "between two other machines fetch first, then send: landline get, then landline put; for a local file with \
             ':' in its name write ./{remote}"
        ))),
    };
    Ok((sources.into_iter().map(here).collect::<Result<_, _>>()?, target))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;
    use crate::cmd::Cmd;

    fn parse(arguments: &[&str]) -> Result<(Vec<PathBuf>, Remote), Fail> {
        let cli = Cli::try_parse_from(["landline", "put"].iter().chain(arguments)).unwrap();
        let Cmd::Put(args) = cli.cmd else { unreachable!("put was parsed") };
        directed(args.sources, args.target)
    }

    #[test]
    fn the_last_argument_is_the_target() {
        let (sources, target) = parse(&["a", "b", "desk:dir/"]).unwrap();
        assert_eq!(sources, ["a", "b"].map(PathBuf::from));
        assert!(target.as_folder && target.path.as_bytes() == b"dir");
    }

    #[test]
    fn the_wrong_direction_is_told_the_right_command() {
        assert!(parse(&["desk:a", "."]).unwrap_err().hint_text().unwrap().contains("landline get"));
        assert!(parse(&["a", "./b"]).unwrap_err().hint_text().unwrap().contains("CONTACT:PATH"));
        assert!(parse(&["desk:a", "attic:b"]).unwrap_err().what().contains("desk:a"));
    }

    #[test]
    fn a_contact_without_its_colon_and_a_file_with_one_are_told_what_to_write() {
        assert!(parse(&["a", "desk"]).unwrap_err().hint_text().unwrap().ends_with("put a colon behind it: desk:"));
        assert!(parse(&["a:b", "desk:"]).unwrap_err().hint_text().unwrap().ends_with("write ./a:b"));
    }
}
