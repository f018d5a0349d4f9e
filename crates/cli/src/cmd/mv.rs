//! `mv`: another name for something on another machine, or another folder for several things.

use std::collections::BTreeSet;

use landline_addr::path::SharePath;
use landline_net::CallError;
use landline_services::files::ask::{Files, FilesError};
use landline_services::files::tree::Kind;
use landline_wire::{ErrorCode, Fault, WireName, shown};
use serde::Serialize;

use super::each::each;
use super::reach::{OneCall, Reach, Turn};
use crate::exit::Exit;
use crate::fail::{Fail, files_fail};
use crate::here::Here;
use crate::place::Remote;

/// Move or rename something on another machine
///
/// Into the target if that is a folder, else to the target's name; several go into a folder. Nothing is replaced unless
/// --force is given.
#[derive(Debug, clap::Args)]
#[command(override_usage = "landline mv [OPTIONS] <FROM>... <TO>")]
pub(crate) struct Args {
    /// What; then where to, on the same machine: CONTACT:PATH each
    #[arg(required = true, num_args = 1.., value_name = "PLACE", value_parser = Remote::parser())]
    places: Vec<Remote>,
    #[command(flatten)]
    flags: Flags,
}

/// What may be in the way.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Flags {
    /// Replace a file that has the new name
    #[arg(long, short)]
    pub(super) force: bool,
}

#[derive(Debug, Serialize)]
struct Moved {
    from: WireName,
    to: WireName,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let (from, to) = directed(&args.places)?;
    if from.iter().any(|from| from.machine != to.machine) {
        return Err(Fail::usage("mv works within one machine")
            .hint("to move between machines: landline get, landline put, then landline rm"));
    }
    if from.iter().any(|from| from.whose() != to.whose()) {
        return Err(Fail::usage("a path that begins with / and one that does not may lie on different disks there")
            .hint("write both with / or both without; else: landline get, landline put, then landline rm"));
    }
    over(&mut OneCall::by(here.line()?), args.flags, from, to, here).await
}

/// What is to be moved, and behind it where to. Asked of clap, they could not stand on both sides of a flag.
///
/// # Errors
/// If there is one word alone.
pub(super) fn directed<T>(words: &[T]) -> Result<(&[T], &T), Fail> {
    match words.split_last() {
        Some((to, from)) if !from.is_empty() => Ok((from, to)),
        _ => Err(Fail::usage("where to is missing").hint("write what is to be moved, and behind it where to")),
    }
}

/// Moves each of `from` to `to`, on one machine; several go into the folder that `to` must be.
pub(super) async fn over(
    reach: &mut impl Reach,
    flags: Flags,
    from: &[Remote],
    to: &Remote,
    here: &Here,
) -> Result<Exit, Fail> {
    let folder = if from.len() > 1 { Some(folder(reach, to).await?) } else { None };
    let (sources, mut taken) = (from, BTreeSet::new());
    each(here, from, async |from| {
        let Some(folder) = &folder else { return one(reach, flags, from, to, here).await };
        // Not even by force: what would be replaced is what this command is to move. Also after a fault: a move whose
        // answer was lost may have been made.
        if let Some(name) = from.path.file_name() {
            let is_in_the_way = |other: &&Remote| folder.path.join(&name).is_ok_and(|target| other.path == target);
            if let Some(other) = sources.iter().find(is_in_the_way).filter(|other| other.path != from.path) {
                return Err(in_the_way(from, format_args!("{} is there", shown(other.path.as_bytes()))));
            }
            if !taken.insert(name.clone()) {
                return Err(in_the_way(from, format_args!("another {} goes there", shown(name.as_bytes()))));
            }
        }
        one(reach, flags, from, folder, here).await
    })
    .await
}

/// A thing that would take the place of another one of the same command.
fn in_the_way(from: &Remote, what: impl std::fmt::Display) -> Fail {
    let from = shown(from.path.as_bytes()).to_string();
    Fail::new(Exit::Conflict, format_args!("{from}: {what}, which is to be moved by the same command"))
        .hint(format_args!("{from} stays where it is: give it another name"))
}

/// The target as a folder. That it is one is asked once, instead of heard from every move that fails.
async fn folder(reach: &mut impl Reach, to: &Remote) -> Result<Remote, Fail> {
    let asked = reach.with(&to.whose(), Turn::Question, async |files| files.stat(&to.path, false).await).await;
    match asked {
        Ok(stat) if stat.entry.kind != Kind::Dir => {
            let what = format_args!("{}: is not a directory", shown(to.path.as_bytes()));
            return Err(Fail::new(Exit::Conflict, what).hint("several things can only be moved into a folder"));
        }
        // Who may write there but not look can still say that it is one.
        Err(FilesError::Call(CallError::Fault(fault)))
            if fault.code == ErrorCode::Refused && fault != Fault::stranger() => {}
        Err(fault) => return Err(files_fail(&to.machine.to_string(), fault)),
        Ok(_) => {}
    }
    Ok(Remote { as_folder: true, ..to.clone() })
}

async fn one(reach: &mut impl Reach, flags: Flags, from: &Remote, to: &Remote, here: &Here) -> Result<(), Fail> {
    let (lead, name) = (reach.lead(), from.machine.to_string());
    let whose = from.whose();
    let moved = reach.with(&whose, Turn::Change, async |files| {
        let to = destination(files, from, to).await?;
        files.rename(&from.path, &to, flags.force).await?;
        Ok(to)
    });
    let to = moved.await.map_err(|fault| match &fault {
        FilesError::Call(CallError::Fault(why)) if why.code == ErrorCode::Conflict && !flags.force => {
            files_fail(&name, fault).hint(format_args!("to replace what is there: {lead}mv --force"))
        }
        _ => files_fail(&name, fault),
    })?;
    if here.out.is_json() {
        let from = WireName::from(from.path.as_bytes());
        here.out.row(&Moved { from, to: WireName::from(to.as_bytes()) });
    }
    Ok(())
}

/// The target itself, or the old name in the folder that it is.
async fn destination(files: &mut Files, from: &Remote, to: &Remote) -> Result<SharePath, FilesError> {
    let Some(name) = from.path.file_name() else { return Ok(to.path.clone()) };
    let is_folder = to.as_folder
        || match files.stat(&to.path, false).await {
            // `mv dir dir` would otherwise move a folder into itself, and say so in odd words
            Ok(stat) => stat.entry.kind == Kind::Dir && to.path != from.path,
            // Who may write there but not look can still say which name is meant.
            Err(FilesError::Call(CallError::Fault(fault)))
                if matches!(fault.code, ErrorCode::NotFound | ErrorCode::Refused) && fault != Fault::stranger() =>
            {
                false
            }
            Err(other) => return Err(other),
        };
    if !is_folder {
        return Ok(to.path.clone());
    }
    let path = to.path.as_bytes().to_vec();
    to.path.join(&name).map_err(|why| FilesError::Name { path, why })
}
