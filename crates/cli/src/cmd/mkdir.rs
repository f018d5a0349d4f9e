//! `mkdir`: folders on another machine.

use landline_services::files::ask::Files;
use landline_wire::WireName;
use serde::Serialize;

use super::each::each;
use super::reach::{OneCall, Reach, Turn};
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
    #[command(flatten)]
    flags: Flags,
}

/// How to make them.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Flags {
    /// Make missing folders above too, and take one that exists for done
    #[arg(long, short)]
    pub(super) parents: bool,
}

#[derive(Debug, Serialize)]
struct Made {
    made: WireName,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    over(&mut OneCall::by(here.line()?), args.flags, &args.places, here).await
}

/// Makes each.
pub(super) async fn over(reach: &mut impl Reach, flags: Flags, places: &[Remote], here: &Here) -> Result<Exit, Fail> {
    let turn = if flags.parents { Turn::Question } else { Turn::Change };
    each(here, places, async |place| {
        let make = async |files: &mut Files| files.make_dir(&place.path, flags.parents).await;
        let made = reach.with(&place.whose(), turn, make).await;
        made.map_err(|fault| files_fail(&place.machine.to_string(), fault))?;
        if here.out.is_json() {
            here.out.row(&Made { made: WireName::from(place.path.as_bytes()) });
        }
        Ok(())
    })
    .await
}
