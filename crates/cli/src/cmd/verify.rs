//! `verify`: compare a tree here with one there, by content.

use std::path::{Path, PathBuf};

use landline_services::files::filter::Filter;
use landline_services::files::verify::{Difference, Found};
use landline_wire::{WireName, shown};
use serde::Serialize;

use super::reach::{OneCall, Reach, Turn};
use crate::exit::Exit;
use crate::fail::{Fail, files_fail};
use crate::here::Here;
use crate::place::{Remote, Spot};
use crate::units;

/// Compare files here with files of another machine, by content
///
/// Both machines read and hash their files at the same time; only the hashes travel. Names, kinds, content and the targets
/// of links are compared, modes and times are not. Exit code 0: all the same; 1: something differs; 3: something could not
/// be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file or folder here and one there (CONTACT:PATH), in either order
    #[arg(required = true, num_args = 2, value_names = ["PLACE", "PLACE"], value_parser = Spot::parser())]
    places: Vec<Spot>,
    /// Leave out what matches, at any depth; can be given several times
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Told {
    Same { path: WireName, size: u64 },
    Differs { path: WireName, how: &'static str },
    Unreadable { path: WireName, side: &'static str, why: String },
    Done { same: u64, bytes: u64, differ: u64, unreadable: u64 },
}

#[derive(Default)]
struct Sum {
    same: u64,
    bytes: u64,
    differ: u64,
    unreadable: u64,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let (local, remote) = sides(args.places)?;
    let filter = Filter::new(&args.exclude)?;
    let mut reach = OneCall::by(here.line()?);
    let ended = over(&mut reach, &local, &remote, &filter, here).await;
    reach.close().await;
    ended
}

/// Compares `local` with `remote`.
pub(super) async fn over(
    reach: &mut impl Reach,
    local: &Path,
    remote: &Remote,
    filter: &Filter,
    here: &Here,
) -> Result<Exit, Fail> {
    let (name, mut sum) = (remote.machine.to_string(), Sum::default());
    let whose = remote.whose();
    let compared = reach.with(&whose, Turn::Stream, async |files| {
        files.verify(local, &remote.path, filter, |found| tell(here, &found, &name, &mut sum)).await
    });
    compared.await.map_err(|fault| files_fail(&name, fault))?;
    let Sum { same, bytes, differ, unreadable } = sum;
    if here.out.is_json() {
        here.out.object(&Told::Done { same, bytes, differ, unreadable });
    } else {
        let mut line = format!("{} the same, {}", units::count(same, "file"), units::bytes(bytes));
        if differ > 0 {
            line = format!("{line}; {differ} differ");
        }
        if unreadable > 0 {
            line = format!("{line}; {unreadable} could not be read");
        }
        here.out.say(line);
    }
    Ok(match (differ, unreadable) {
        (0, 0) => Exit::Done,
        (0, _) => Exit::Partial,
        _ => Exit::No,
    })
}

fn sides(places: Vec<Spot>) -> Result<(PathBuf, Remote), Fail> {
    let mut places = places.into_iter();
    match (places.next(), places.next()) {
        (Some(Spot::Here(local)), Some(Spot::There(remote))) | (Some(Spot::There(remote)), Some(Spot::Here(local))) => {
            Ok((local, remote))
        }
        _ => Err(Fail::usage("verify compares files here with files of another machine")
            .hint("write landline verify FOLDER CONTACT:FOLDER")),
    }
}

fn tell(here: &Here, found: &Found, name: &str, sum: &mut Sum) {
    let out = &here.out;
    let wire = |path: &[u8]| WireName::from(path);
    match found {
        Found::Same { path, size } => {
            sum.same += 1;
            sum.bytes = sum.bytes.saturating_add(*size);
            if out.is_json() {
                out.object(&Told::Same { path: wire(path), size: *size });
            } else if here.verbose > 0 {
                out.line(format_args!("same  {}", shown(path)));
            }
        }
        Found::Differs { path, how } => {
            sum.differ += 1;
            if out.is_json() {
                out.object(&Told::Differs { path: wire(path), how: word(*how) });
            } else {
                out.line(format_args!("{}: {}", place(path), in_words(*how, name)));
            }
        }
        Found::Unreadable { path, here: ours, why } => {
            sum.unreadable += 1;
            let side = if *ours { "here" } else { "there" };
            if out.is_json() {
                out.object(&Told::Unreadable { path: wire(path), side, why: why.clone() });
            } else {
                out.error(format_args!("{} ({side}): {}", place(path), crate::screen::tame(why)));
            }
        }
    }
}

/// The top itself has no name.
fn place(path: &[u8]) -> String {
    if path.is_empty() { ".".to_owned() } else { shown(path).to_string() }
}

fn word(how: Difference) -> &'static str {
    match how {
        Difference::OnlyHere => "only-here",
        Difference::OnlyThere => "only-there",
        Difference::Kind => "kind",
        Difference::Size => "size",
        Difference::Content => "content",
        Difference::Target => "target",
    }
}

fn in_words(how: Difference, name: &str) -> String {
    match how {
        Difference::OnlyHere => "only here".to_owned(),
        Difference::OnlyThere => format!("only on {name}"),
        Difference::Kind => "another kind of thing".to_owned(),
        Difference::Size => "another size".to_owned(),
        Difference::Content => "other content".to_owned(),
        Difference::Target => "the links point elsewhere".to_owned(),
    }
}
