//! `mv`: another name for something on another machine.

use landline_addr::path::SharePath;
use landline_net::CallError;
use landline_services::files::ask::{Files, FilesError};
use landline_services::files::tree::Kind;
use landline_wire::{ErrorCode, WireName};
use serde::Serialize;

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
    /// Replace a file that has the new name
    #[arg(long, short)]
    force: bool,
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
    let line = here.line()?;
    let name = args.from.machine.to_string();
    let mut files = args.from.open(&line).await?;
    let to = destination(&mut files, &args).await.map_err(|fault| files_fail(&name, fault))?;
    let moved = files.rename(&args.from.path, &to, args.force).await;
    moved.map_err(|fault| match &fault {
        FilesError::Call(CallError::Fault(why)) if why.code == ErrorCode::Conflict && !args.force => {
            files_fail(&name, fault).hint("to replace what is there: landline mv --force")
        }
        _ => files_fail(&name, fault),
    })?;
    files.close().await;
    if here.out.is_json() {
        let from = WireName::from(args.from.path.as_bytes());
        here.out.row(&Moved { from, to: WireName::from(to.as_bytes()) });
    }
    Ok(Exit::Done)
}

/// The target itself, or the old name in the folder that it is.
async fn destination(files: &mut Files, args: &Args) -> Result<SharePath, FilesError> {
    let Some(name) = args.from.path.file_name() else { return Ok(args.to.path.clone()) };
    let is_folder = args.to.as_folder
        || match files.stat(&args.to.path, false).await {
            // `mv dir dir` would otherwise move a folder into itself, and say so in odd words
            Ok(stat) => stat.entry.kind == Kind::Dir && args.to.path != args.from.path,
            Err(FilesError::Call(CallError::Fault(fault))) if fault.code == ErrorCode::NotFound => false,
            Err(other) => return Err(other),
        };
    if !is_folder {
        return Ok(args.to.path.clone());
    }
    let path = args.to.path.as_bytes().to_vec();
    args.to.path.join(&name).map_err(|why| FilesError::Name { path, why })
}
