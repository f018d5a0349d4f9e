//! `partials`: what lies of cut transfers on this machine, and that it can go.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landline_services::files::leftovers::{self, Leftover};
use landline_store::Partials;
use landline_wire::{WireName, shown};
use serde::Serialize;

use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::units;

mod table;

/// See and clear what lies here of transfers that were cut
///
/// What arrived of a file of 8 MiB or more, or of a new folder, stays beside its target for two weeks, so that the same
/// command goes on where it stopped. This lists what waits on this machine, of files that others sent to its share and of
/// those that it fetched.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List what waits to be completed
    List(Which),
    /// Remove it: the next copy begins anew. What is arriving right now stays
    ///
    /// Say which: --all, --older, or files and folders. Exit code 9 if something of it is arriving right now.
    Clear(Which),
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Only these targets, and what is below these folders, noted or not
    #[arg(value_name = "PLACE")]
    places: Vec<PathBuf>,
    /// Only what did not get on for so many days
    #[arg(long, value_name = "DAYS")]
    older: Option<u32>,
    /// All of them
    #[arg(long, conflicts_with_all = ["places", "older"])]
    all: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    path: WireName,
    dir: WireName,
    staging: String,
    from: String,
    kind: &'static str,
    size: Option<u64>,
    verified: u64,
    started: Option<String>,
    changed: Option<String>,
    arriving: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Told {
    Cleared { path: WireName, verified: u64 },
    Kept { path: WireName, why: &'static str },
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let told = here.clone();
    let work = tokio::task::spawn_blocking(move || match args.what {
        What::List(which) => list(&which, &told),
        What::Clear(which) => clear(&which, &told),
    });
    work.await.map_err(|_| Fail::internal("the thread that looks at partials died"))?
}

fn list(which: &Which, here: &Here) -> Result<Exit, Fail> {
    let found = which.find(&Partials::open(&here.home()?)?)?;
    if here.out.is_json() {
        found.iter().for_each(|one| here.out.row(&row(one)));
    } else if found.is_empty() {
        here.out.say("nothing waits to be completed");
    } else {
        let width = here.out.stdout_is_terminal().then(crate::screen::columns);
        table::lines(&found, units::now(), width).iter().for_each(|line| here.out.line(line));
    }
    Ok(Exit::Done)
}

fn clear(which: &Which, here: &Here) -> Result<Exit, Fail> {
    if !which.all && which.older.is_none() && which.places.is_empty() {
        return Err(Fail::usage("nothing says what is to be removed").hint(
            "landline partials clear --all, --older DAYS, or files and folders; landline partials list shows them",
        ));
    }
    let notes = Partials::open(&here.home()?)?;
    let (mut cleared, mut bytes, mut arriving) = (0_u64, 0_u64, false);
    for one in which.find(&notes)? {
        let target = one.target();
        let gone = leftovers::clear(&notes, &one)
            .map_err(|fault| Fail::new(Exit::from(fault.code()), format_args!("{}: {fault}", told(&one.dir))))?;
        let path = wire(&target);
        let out = &here.out;
        match (gone, out.is_json()) {
            (true, true) => out.object(&Told::Cleared { path, verified: one.info.verified }),
            (true, false) => out.line(format_args!("removed what was there of {}", told(&target))),
            (false, true) => out.object(&Told::Kept { path, why: "it is arriving right now" }),
            (false, false) => out.warn(format_args!("{} is arriving right now: left alone", told(&target))),
        }
        arriving |= !gone;
        if gone {
            (cleared, bytes) = (cleared + 1, bytes.saturating_add(one.info.verified));
        }
    }
    here.out.say(format_args!("{} removed, {}", units::count(cleared, "partial"), units::bytes(bytes)));
    Ok(if arriving { Exit::Conflict } else { Exit::Done })
}

impl Which {
    /// What is meant, the oldest first.
    fn find(&self, notes: &Partials) -> Result<Vec<Leftover>, Fail> {
        let mut found = leftovers::noted(notes)?;
        let places = self.places.iter().map(|place| real(place)).collect::<Result<Vec<_>, _>>()?;
        if !places.is_empty() {
            found.retain(|one| places.iter().any(|place| one.is_below(place)));
        }
        for place in places.iter().filter(|place| place.is_dir()) {
            let more = leftovers::below(place)
                .map_err(|fault| Fail::new(Exit::from(fault.code()), format_args!("{}: {fault}", told(place))))?;
            let known = |one: &Leftover| found.iter().any(|known| known.dir == one.dir && known.staging == one.staging);
            let new: Vec<Leftover> = more.into_iter().filter(|one| !known(one)).collect();
            found.extend(new);
        }
        if let Some(days) = self.older {
            let life = Duration::from_secs(u64::from(days) * 86_400);
            let before = units::now().saturating_sub(i64::try_from(life.as_secs()).unwrap_or(i64::MAX));
            found.retain(|one| one.info.changed.secs() <= before);
        }
        found.sort_by(|one, other| (one.info.changed, &one.dir).cmp(&(other.info.changed, &other.dir)));
        Ok(found)
    }
}

/// As notes have it: absolute, without links above the last name, which need not exist.
fn real(place: &Path) -> Result<PathBuf, Fail> {
    if let Ok(real) = std::fs::canonicalize(place) {
        return Ok(real);
    }
    let failed = |fault: &std::io::Error| Fail::io(told(place), fault);
    let whole = std::path::absolute(place).map_err(|fault| failed(&fault))?;
    match (whole.parent(), whole.file_name()) {
        (Some(parent), Some(name)) => Ok(std::fs::canonicalize(parent).map_err(|fault| failed(&fault))?.join(name)),
        _ => Ok(whole),
    }
}

fn row(one: &Leftover) -> Row {
    let info = &one.info;
    Row {
        path: wire(&one.target()),
        dir: wire(&one.dir),
        staging: one.staging.clone(),
        from: info.owner.clone(),
        kind: if info.tree { "dir" } else { "file" },
        size: info.size,
        verified: info.verified,
        started: units::utc_time(info.started, 0),
        changed: units::utc_time(info.changed.secs(), info.changed.nanos()),
        arriving: info.living,
    }
}

fn wire(path: &Path) -> WireName {
    WireName::from(path.as_os_str().as_encoded_bytes())
}

fn told(path: impl AsRef<OsStr>) -> String {
    shown(path.as_ref().as_encoded_bytes()).to_string()
}
