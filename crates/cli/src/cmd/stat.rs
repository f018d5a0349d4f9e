//! `stat`: everything about one thing of another machine.

use landline_services::files::ask::Files;
use landline_services::files::ask::Stat;
use landline_wire::{WireName, shown};
use serde::Serialize;

use super::each::each;
use super::reach::{OneCall, Reach, Turn};
use crate::exit::Exit;
use crate::fail::{Fail, files_fail};
use crate::here::Here;
use crate::listing::{self, EntryObject};
use crate::place::Remote;
use crate::units;

/// Tell everything about a file or folder of another machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which: CONTACT:PATH
    #[arg(required = true, num_args = 1.., value_name = "PLACE", value_parser = Remote::parser())]
    places: Vec<Remote>,
    #[command(flatten)]
    flags: Flags,
}

/// What to tell.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Flags {
    /// Also tell the BLAKE3 hash of a file's content, as b3sum prints it
    #[arg(long)]
    pub(super) hash: bool,
}

#[derive(Debug, Serialize)]
struct StatObject<'a> {
    path: WireName,
    #[serde(flatten)]
    entry: EntryObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<&'a str>,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    over(&mut OneCall::by(here.line()?), args.flags, &args.places, here).await
}

/// Tells of each place.
pub(super) async fn over(reach: &mut impl Reach, flags: Flags, places: &[Remote], here: &Here) -> Result<Exit, Fail> {
    let mut first = true;
    each(here, places, async |place| {
        let look = async |files: &mut Files| files.stat(&place.path, flags.hash).await;
        let stat = reach.with(&place.whose(), Turn::Question, look).await;
        let stat = stat.map_err(|fault| files_fail(&place.machine.to_string(), fault))?;
        if !std::mem::take(&mut first) && !here.out.is_json() {
            here.out.line("");
        }
        print(here, place, &stat);
        Ok(())
    })
    .await
}

fn print(here: &Here, place: &Remote, stat: &Stat) {
    let (out, entry) = (&here.out, &stat.entry);
    if out.is_json() {
        let path = WireName::from(place.path.as_bytes());
        return out.row(&StatObject { path, entry: EntryObject::from(entry), hash: stat.hash.as_deref() });
    }
    let field = |name: &str, value: &str| out.line(format_args!("{name:<12}{value}"));
    field("path", &place.to_string());
    field("kind", listing::kind_word(entry.kind));
    field("size", &size(entry.size));
    field("mode", &format!("{:04o} ({})", entry.mode, listing::rights(entry)));
    let time = units::utc_time(entry.mtime.secs(), entry.mtime.nanos()).unwrap_or_else(|| "-".to_owned());
    field("modified", &format!("{} ({time})", units::local_time(entry.mtime.secs(), entry.mtime.nanos())));
    if let Some(target) = &entry.link_target {
        field("points to", &shown(target).to_string());
    }
    if let Some(hash) = &stat.hash {
        // from the other machine: not to be trusted to be letters and digits
        field("blake3", &shown(hash).to_string());
    }
}

/// `3 bytes`, `1536 bytes (1.5 KiB)`.
fn size(bytes: u64) -> String {
    let exact = units::count(bytes, "byte");
    if bytes < 1024 { exact } else { format!("{exact} ({})", units::bytes(bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_short_only_where_that_is_shorter() {
        assert_eq!([1, 1023, 1536].map(size), ["1 byte", "1023 bytes", "1536 bytes (1.5 KiB)"]);
    }
}
