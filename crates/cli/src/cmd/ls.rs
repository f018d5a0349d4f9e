//! `ls`: what is in a folder of another machine.

use landline_net::CallError;
use landline_services::files::ask::{Files, FilesError};
use landline_services::files::tree::Entry;
use landline_wire::{ErrorCode, Fault};

use super::each::each;
use super::reach::{OneCall, Reach, Turn};
use crate::exit::Exit;
use crate::fail::{Fail, files_fail};
use crate::here::Here;
use crate::listing::{self, Layout};
use crate::place::Remote;

/// List a folder of another machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which: CONTACT:PATH; CONTACT: alone is everything it serves
    #[arg(required = true, num_args = 1.., value_name = "PLACE", value_parser = Remote::parser())]
    places: Vec<Remote>,
    #[command(flatten)]
    flags: Flags,
}

/// How to list.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct Flags {
    /// Also tell kind, permissions, size and time
    #[arg(long, short)]
    pub(super) long: bool,
    /// Also list names that begin with a dot
    #[arg(long, short)]
    pub(super) all: bool,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let layout = if args.flags.long { Layout::Long } else { Layout::Names };
    over(&mut OneCall::by(here.line()?), args.flags, layout, &args.places, here).await
}

/// Lists each place.
pub(super) async fn over(
    reach: &mut impl Reach,
    flags: Flags,
    layout: Layout,
    places: &[Remote],
    here: &Here,
) -> Result<Exit, Fail> {
    let several = places.len() > 1;
    let mut gap = "";
    each(here, places, async |place| {
        let listed = reach.with(&place.whose(), Turn::Question, async |files| entries(files, place).await).await;
        let mut entries = listed.map_err(|fault| files_fail(&place.machine.to_string(), fault))?;
        entries.retain(|entry| flags.all || entry.name == only_name(place) || !entry.name.starts_with(b"."));
        if several && !here.out.is_json() {
            here.out.line(format_args!("{gap}{}", heading(place)));
            gap = "\n";
        }
        listing::print(&here.out, &entries, layout);
        Ok(())
    })
    .await
}

/// A hidden name that was asked for by name is shown.
fn only_name(place: &Remote) -> Vec<u8> {
    place.path.file_name().map(|name| name.as_bytes().to_vec()).unwrap_or_default()
}

/// The content of a folder; of anything else, itself. A link is never followed, and so something else.
async fn entries(files: &mut Files, place: &Remote) -> Result<Vec<Entry>, FilesError> {
    match files.list(&place.path).await {
        Err(FilesError::Call(CallError::Fault(fault)))
            if matches!(fault.code, ErrorCode::WrongKind | ErrorCode::Refused)
                && fault != Fault::stranger() // then the whole call was refused, and is over
                && !place.as_folder =>
        {
            Ok(vec![files.stat(&place.path, false).await?.entry])
        }
        other => other,
    }
}

/// As `ls` puts it, but a whole share has its colon already.
pub(super) fn heading(place: &Remote) -> String {
    let place = place.to_string();
    if place.ends_with(':') { place } else { place + ":" }
}

#[cfg(test)]
mod tests {
    use landline_addr::contact::Machine;
    use landline_addr::path::SharePath;
    use landline_services::files::ask::Start;

    use super::*;

    #[test]
    fn the_heading_of_a_whole_share_has_one_colon() {
        let heading_of = |path: &[u8]| {
            let path = SharePath::from_user(path).unwrap();
            heading(&Remote { machine: Machine::Localhost, start: Start::Own, path, as_folder: true })
        };
        assert_eq!((heading_of(b"").as_str(), heading_of(b"a/b").as_str()), ("localhost:", "localhost:a/b:"));
    }
}
