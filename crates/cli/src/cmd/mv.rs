//! `mv`: another name for something on another machine.

use landline_addr::path::SharePath;
use landline_net::CallError;
use landline_services::files::ask::{Files, FilesError};
use landline_services::files::tree::Kind;
use landline_wire::{ErrorCode, Fault, WireName};
use serde::Serialize;

use super::reach::{OneCall, Reach, Turn};
use crate::exit::Exit;
use crate::fail::{Fail, files_fail};
use crate::here::Here;
use crate::place::Remote;

/// Move or rename something on another machine
///
/// Into the target if that is a folder, else to the target's name. Nothing is replaced unless --force is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What: CONTACT:PATH
    #[arg(value_name = "FROM", value_parser = Remote::parser())]
    from: Remote,
    /// Where to, on the same machine: CONTACT:PATH
    #[arg(value_name = "TO", value_parser = Remote::parser())]
    to: Remote,
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
    if args.from.machine == args.to.machine && args.from.whose() != args.to.whose() {
        return Err(Fail::usage("a path that begins with / and one that does not may lie on different disks there")
            .hint("write both with / or both without; else: landline get, landline put, then landline rm"));
    }
    if args.from.machine != args.to.machine {
        return Err(Fail::usage("mv works within one machine")
            .hint("to move between machines: landline get, landline put, then landline rm"));
    }
    over(&mut OneCall::by(here.line()?), args.flags, &args.from, &args.to, here).await
}

/// Moves `from` to `to`, on one machine.
pub(super) async fn over(
    reach: &mut impl Reach,
    flags: Flags,
    from: &Remote,
    to: &Remote,
    here: &Here,
) -> Result<Exit, Fail> {
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
    Ok(Exit::Done)
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
