//! `rm`: something goes from another machine.

use landline_net::CallError;
use landline_services::files::ask::FilesError;
use landline_wire::{ErrorCode, WireName};
use serde::Serialize;

use super::each::each;
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
    /// Delete folders with all that is in them
    #[arg(long, short)]
    recursive: bool,
}

#[derive(Debug, Serialize)]
struct Removed {
    removed: WireName,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let line = here.line()?;
    each(here, &args.places, async |place| {
        let name = place.machine.to_string();
        let mut files = place.open(&line).await?;
        let removed = files.remove(&place.path, args.recursive).await;
        removed.map_err(|fault| match &fault {
            FilesError::Call(CallError::Fault(why))
                if matches!(why.code, ErrorCode::Conflict | ErrorCode::WrongKind) && !args.recursive =>
            {
                files_fail(&name, fault).hint("to delete a folder with all that is in it: landline rm -r")
            }
            _ => files_fail(&name, fault),
        })?;
        files.close().await;
        if here.out.is_json() {
            here.out.row(&Removed { removed: WireName::from(place.path.as_bytes()) });
        }
        Ok(())
    })
    .await
}
