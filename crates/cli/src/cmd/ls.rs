//! `ls`: what is in a folder of another machine.

use landline_net::CallError;
use landline_services::files::ask::{Files, FilesError};
use landline_services::files::tree::Entry;
use landline_wire::{ErrorCode, Fault};

use super::each::each;
use crate::exit::Exit;
use crate::fail::{Fail, files_fail};
use crate::here::Here;
use crate::listing;
use crate::place::Remote;

/// List a folder of another machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which: CONTACT:PATH; CONTACT: alone is everything it serves
    #[arg(required = true, num_args = 1.., value_name = "PLACE", value_parser = Remote::parser())]
    places: Vec<Remote>,
    /// Also tell kind, permissions, size and time
    #[arg(long, short)]
    long: bool,
    /// Also list names that begin with a dot
    #[arg(long, short)]
    all: bool,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let line = here.line()?;
    let several = args.places.len() > 1;
    let mut gap = "";
    each(here, &args.places, async |place| {
        let name = place.machine.to_string();
        let mut files = place.open(&line).await?;
        let mut entries = entries(&mut files, place).await.map_err(|fault| files_fail(&name, fault))?;
        files.close().await;
        entries.retain(|entry| args.all || entry.name == only_name(place) || !entry.name.starts_with(b"."));
        if several && !here.out.is_json() {
            here.out.line(format_args!("{gap}{}", heading(place)));
            gap = "\n";
        }
        print(here, &entries, args.long);
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
fn heading(place: &Remote) -> String {
    let place = place.to_string();
    if place.ends_with(':') { place } else { place + ":" }
}

fn print(here: &Here, entries: &[Entry], long: bool) {
    let out = &here.out;
    if out.is_json() {
        entries.iter().for_each(|entry| out.row(&listing::EntryObject::from(entry)));
    } else if long {
        listing::long(entries).iter().for_each(|line| out.line(line));
    } else {
        let marks = out.stdout_is_terminal();
        entries.iter().for_each(|entry| out.line(listing::short(entry, marks)));
    }
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
