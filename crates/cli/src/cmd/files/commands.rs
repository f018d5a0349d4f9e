//! Commands: what each verb does, by the bodies that the commands without a shell have too.

use std::path::{Path, PathBuf};

use landline_services::files::ask::Files;
use landline_services::files::filter::Filter;
use landline_services::files::tree::{Entry, Kind};
use landline_wire::{WireName, shown};
use serde::Serialize;

use super::paths::from;
use super::room;
use super::session::{Input, Session};
use super::verbs::{CopyArgs, Heard, Typed, Verb};
use super::{local, trees};
use crate::cmd::each::each;
use crate::cmd::{cat, get, ls, mkdir, mv, put, rm, stat, verify};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::listing::{self, Layout};

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    /// It was done, or in part: what was not was told.
    On(Exit),
    /// That was the last one.
    Quit,
}

#[derive(Debug, Serialize)]
struct Where {
    pwd: WireName,
}

#[derive(Debug, Serialize)]
struct Helped<'a> {
    help: &'a str,
}

#[derive(Debug, Serialize)]
struct Hashed<'a> {
    path: WireName,
    blake3: &'a str,
}

/// What is said of a copy that was stopped.
pub(super) const GOES_ON: &str = "the same command goes on where it stopped";

/// Does what was said.
///
/// # Errors
/// What kept it from being done.
pub(super) async fn run(session: &mut Session, said: Heard) -> Result<Went, Fail> {
    let verb = match said {
        Heard::Verb(verb) => *verb,
        Heard::Help(text) => {
            if session.here.out.is_json() {
                session.here.out.row(&Helped { help: text.trim_end() });
            } else {
                session.here.out.line(text.trim_end());
            }
            return Ok(Went::On(Exit::Done));
        }
    };
    if matches!(verb, Verb::Quit) {
        return Ok(Went::Quit);
    }
    Box::pin(done(session, verb)).await.map(Went::On)
}

async fn done(session: &mut Session, verb: Verb) -> Result<Exit, Fail> {
    let here = session.here.clone();
    match verb {
        Verb::Pwd => Ok(pwd(session)),
        Verb::Cd { folder } => cd(session, folder.as_ref()).await,
        Verb::Ls { paths, flags } => listed(session, &paths, flags).await,
        Verb::Ll { paths, all } => listed(session, &paths, ls::Flags { long: true, all }).await,
        Verb::Tree(args) => trees::tree(session, &args).await,
        Verb::Get(args) | Verb::Reget(args) => fetched(session, args).await,
        Verb::Put(args) | Verb::Reput(args) => sent(session, args).await,
        Verb::Mkdir { paths, flags } => {
            // What is to be made can't be found.
            let places = paths.iter().map(|path| session.there(&super::words::plain(&path.0)));
            let places = places.collect::<Result<Vec<_>, _>>()?;
            mkdir::over(session, flags, &places, &here).await
        }
        Verb::Mv { paths, flags } => {
            let (from, to) = mv::directed(&paths)?;
            let (from, to) = (session.places(from).await?, session.one_place(to).await?);
            mv::over(session, flags, &from, &to, &here).await
        }
        Verb::Rm { paths, flags } => {
            let places = session.places(&paths).await?;
            rm::over(session, flags, &places, &here).await
        }
        Verb::Stat { paths, flags } => {
            let places = session.places(&paths).await?;
            stat::over(session, flags, &places, &here).await
        }
        Verb::Hash { paths } => hash(session, &paths).await,
        Verb::Cat { paths, flags } => printed(session, &paths, flags).await,
        Verb::Verify { local, remote, exclude } => {
            let remote = match remote {
                Some(remote) => session.one_place(&remote).await?,
                None => session.place(),
            };
            let local = session.local(local.path());
            verify::over(session, &local, &remote, &Filter::new(&exclude)?, &here).await
        }
        Verb::Find(args) => trees::find(session, &args).await,
        Verb::Du { paths, summarize } => trees::du(session, &paths, summarize).await,
        Verb::Df => room::df(session).await,
        Verb::Lcd { folder } => local::lcd(session, folder.as_ref()),
        Verb::Lls { paths, flags } => local::lls(session, &paths, flags, layout(session, flags.long)),
        Verb::Lpwd => local::lpwd(session),
        Verb::Help { .. } | Verb::Quit => Ok(Exit::Done), // were heard before
    }
}

fn pwd(session: &Session) -> Exit {
    let path = [b"/", session.cwd.as_bytes()].concat();
    if session.here.out.is_json() {
        session.here.out.row(&Where { pwd: WireName::from(path.as_slice()) });
    } else {
        session.here.out.line(shown(&path));
    }
    Exit::Done
}

async fn cd(session: &mut Session, folder: Option<&Typed>) -> Result<Exit, Fail> {
    let to = match folder {
        None => landline_addr::path::SharePath::root(),
        Some(Typed(word)) if word == b"-" => session.before.clone(),
        Some(typed) => {
            let place = session.one_place(typed).await?;
            if super::paths::meant(&session.cwd, &super::words::plain(&typed.0)).is_ok_and(|meant| meant.above) {
                let what = format!("above / there is nothing: it is the whole of what {} serves", session.name);
                return Err(Fail::new(Exit::Refused, what));
            }
            place.path
        }
    };
    session.go(to).await?;
    Ok(Exit::Done)
}

/// People at a terminal get columns.
fn layout(session: &Session, long: bool) -> Layout {
    match long {
        true => Layout::Long,
        false if session.here.out.stdout_is_terminal() => Layout::Columns,
        false => Layout::Names,
    }
}

/// One place, and anything for programs, as `ls` has it. Of several, what are no folders come first and together, as people
/// know it from their system.
async fn listed(session: &mut Session, paths: &[Typed], flags: ls::Flags) -> Result<Exit, Fail> {
    let (here, layout) = (session.here.clone(), layout(session, flags.long));
    let places = session.places(paths).await?;
    if places.len() == 1 || here.out.is_json() {
        return ls::over(session, flags, layout, &places, &here).await;
    }
    let (mut alone, mut folders, mut missed) = (Vec::new(), Vec::new(), None);
    for place in places {
        match session.ask(async |files: &mut Files| files.stat(&place.path, false).await).await {
            Ok(stat) if stat.entry.kind == Kind::Dir || place.as_folder => folders.push(place),
            Ok(stat) => alone.push(Entry { name: from(&session.cwd, &place.path), ..stat.entry }),
            Err(fail) => {
                here.out.fail(&fail);
                missed.get_or_insert(fail.exit());
            }
        }
    }
    listing::print(&here.out, &alone, layout);
    let some = !alone.is_empty();
    if some && !folders.is_empty() {
        here.out.line("");
    }
    let ended = if let [only] = folders.as_slice()
        && (some || missed.is_some())
    {
        here.out.line(ls::heading(only)); // alone here, but not in what was asked for
        ls::over(session, flags, layout, &folders, &here).await?
    } else {
        ls::over(session, flags, layout, &folders, &here).await?
    };
    Ok(match (missed, ended) {
        (None, ended) => ended,
        (Some(exit), _) if !some && folders.is_empty() => exit,
        (Some(_), _) => Exit::Partial,
    })
}

async fn hash(session: &mut Session, paths: &[Typed]) -> Result<Exit, Fail> {
    let (here, places) = (session.here.clone(), session.places(paths).await?);
    each(&here, &places, async |place| {
        let stat = session.ask(async |files: &mut Files| files.stat(&place.path, true).await).await?;
        let blake3 = stat.hash.unwrap_or_default();
        if here.out.is_json() {
            here.out.row(&Hashed { path: WireName::from(place.path.as_bytes()), blake3: &blake3 });
        } else {
            // from the other machine: not to be trusted to be letters and digits
            here.out.line(format_args!("{}  {}", shown(&blake3), shown(place.path.as_bytes())));
        }
        Ok(())
    })
    .await
}

async fn printed(session: &mut Session, paths: &[Typed], flags: cat::Flags) -> Result<Exit, Fail> {
    let (here, places) = (session.here.clone(), session.places(paths).await?);
    each(&here, &places, async |place| cat::over(session, flags, place, cat::RECONNECT, &here).await.map(drop)).await
}

async fn fetched(session: &mut Session, mut args: CopyArgs) -> Result<Exit, Fail> {
    let target = if args.paths.len() > 1 { args.paths.pop() } else { None };
    let places = session.places(&args.paths).await?;
    let target = target.map_or_else(|| PathBuf::from("."), |target| target.path());
    let target = if target == Path::new("-") { target } else { session.local(target) };
    let sources = places.into_iter().map(|place| place.path).collect();
    let order = get::Order { whose: session.whose.clone(), sources, target };
    let here = session.here.clone();
    get::over(session, order, &args.flags, &here).await
}

async fn sent(session: &mut Session, mut args: CopyArgs) -> Result<Exit, Fail> {
    let target = match if args.paths.len() > 1 { args.paths.pop() } else { None } {
        Some(target) => session.one_place(&target).await?,
        None => session.place(),
    };
    let sources = local::paths(session, &args.paths)?;
    let is_pipe = sources == [PathBuf::from("-")];
    if is_pipe && session.input != Input::Free {
        return Err(Fail::usage("put - sends what comes on the standard input, which the commands come from")
            .hint("give the commands by -c or --script, or name a file"));
    }
    let sources = if is_pipe { sources } else { sources.into_iter().map(|path| session.local(path)).collect() };
    let here = session.here.clone();
    put::over(session, sources, target, &args.flags, &here).await
}
