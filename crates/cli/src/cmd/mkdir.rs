//! `mkdir`: folders on another machine.

use landline_wire::WireName;
use serde::Serialize;

use super::each::each;
use crate::exit::Exit;
use crate::fail::{Fail, files_fail};
use crate::here::Here;
use crate::place::Remote;

/// Make folders on another machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which: CONTACT:PATH
    #[arg(required = true, num_args = 1.., value_name = "PLACE", value_parser = Remote::parser())]
    places: Vec<Remote>,
    /// Make missing folders above too, and take one that exists for done
    #[arg(long, short)]
    parents: bool,
}

#[derive(Debug, Serialize)]
struct Made {
    made: WireName,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let line = here.line()?;
    each(here, &args.places, async |place| {
        let name = place.machine.to_string();
        let mut files = place.open(&line).await?;
        files.make_dir(&place.path, args.parents).await.map_err(|fault| files_fail(&name, fault))?;
        files.close().await;
        if here.out.is_json() {
            here.out.row(&Made { made: WireName::from(place.path.as_bytes()) });
        }
        Ok(())
    })
    .await
}
