//! `rm`: something goes from another machine.

use landline_net::CallError;
use landline_services::files::ask::{Files, FilesError};
use landline_wire::{ErrorCode, WireName};
use serde::Serialize;

use super::each::each;
use super::reach::{OneCall, Reach, Turn};
use crate::exit::Exit;
use crate::fail::{Fail, files_fail};
use crate::here::Here;
use crate::place::Remote;

/// Delete files and folders on another machine
///
/// A link is deleted itself, never what it points to. There is no way back.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which: CONTACT:PATH
    #[arg(required = true, num_args = 1.., value_name = "PLACE", value_parser = Remote::parser())]
    places: Vec<Remote>,
    #[command(flatten)]
    flags: Flags,
}

/// How far it goes.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Flags {
    /// Delete folders with all that is in them
    #[arg(long, short)]
    pub(super) recursive: bool,
}

#[derive(Debug, Serialize)]
struct Removed {
    removed: WireName,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    over(&mut OneCall::by(here.line()?), args.flags, &args.places, here).await
}

/// Deletes each.
pub(super) async fn over(reach: &mut impl Reach, flags: Flags, places: &[Remote], here: &Here) -> Result<Exit, Fail> {
    let lead = reach.lead();
    each(here, places, async |place| {
        let remove = async |files: &mut Files| files.remove(&place.path, flags.recursive).await;
        let removed = reach.with(&place.whose(), Turn::Change, remove).await;
        let name = place.machine.to_string();
        removed.map_err(|fault| match &fault {
            FilesError::Call(CallError::Fault(why))
                if matches!(why.code, ErrorCode::Conflict | ErrorCode::WrongKind) && !flags.recursive =>
            {
                files_fail(&name, fault).hint(format_args!("to delete a folder with all that is in it: {lead}rm -r"))
            }
            _ => files_fail(&name, fault),
        })?;
        if here.out.is_json() {
            here.out.row(&Removed { removed: WireName::from(place.path.as_bytes()) });
        }
        Ok(())
    })
    .await
}
