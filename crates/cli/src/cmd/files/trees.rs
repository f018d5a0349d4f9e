//! `tree`, `find` and `du`: three ways to tell of a walk.

use landline_addr::path::SharePath;
use landline_services::files::tree::{Entry, Kind};
use landline_wire::{WireName, shown};
use serde::Serialize;

use super::glob::Pattern;
use super::paths::from;
use super::session::Session;
use super::verbs::{FindArgs, Sort, TreeArgs, Typed};
use super::walk::{Step, Walk};
use crate::cmd::each::each;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::listing::{kind_word, short};
use crate::place::Remote;
use crate::units;

/// What `tree` and `find` tell programs.
#[derive(Debug, Serialize)]
struct Met {
    path: WireName,
    kind: &'static str,
    size: u64,
}

impl Met {
    fn of(path: &SharePath, entry: &Entry) -> Self {
        Self { path: WireName::from(path.as_bytes()), kind: kind_word(entry.kind), size: entry.size }
    }
}

/// What `du` tells programs.
#[derive(Debug, Serialize)]
struct Held {
    path: WireName,
    total: u64,
    files: u64,
    folders: u64,
}

/// Walks from each place; what can't be walked is told and the rest goes on.
async fn walks(
    session: &mut Session,
    places: &[Remote],
    hides: bool,
    mut step: impl FnMut(&Remote, &mut Walk, &Step),
) -> Result<Exit, Fail> {
    let here = session.here.clone();
    let mut missed = false;
    let ended = each(&here, places, async |place| {
        let mut walk = Walk::from(session, &place.path, hides).await?;
        while let Some(next) = walk.next(session).await? {
            if here.out.is_gone() {
                break;
            }
            if let Step::Failed(fail) = &next {
                here.out.fail(fail);
                missed = true;
            }
            step(place, &mut walk, &next);
        }
        Ok(())
    });
    let ended = ended.await?;
    Ok(if ended == Exit::Done && missed { Exit::Partial } else { ended })
}

/// Draws trees.
pub(super) async fn tree(session: &mut Session, args: &TreeArgs) -> Result<Exit, Fail> {
    let places = session.places(&args.paths).await?;
    let out = session.here.out.clone();
    let (mut folders, mut files) = (0_u64, 0_u64);
    let ended = walks(session, &places, !args.all, |place, walk, step| {
        let Step::Met { path, entry } = step else { return };
        let depth = walk.depth();
        if args.depth.is_some_and(|most| depth >= most) {
            walk.pass_by();
        }
        if depth > 0 {
            *(if entry.kind == Kind::Dir { &mut folders } else { &mut files }) += 1;
        }
        if out.is_json() {
            return out.row(&Met::of(path, entry));
        }
        if depth == 0 {
            return out.line(place);
        }
        let mut more: Vec<bool> = walk.more().collect();
        let last = more.pop().is_some_and(|more| !more);
        let mut line: String = more.iter().map(|more| if *more { "│   " } else { "    " }).collect();
        line.push_str(if last { "└── " } else { "├── " });
        line.push_str(&short(entry, true));
        if let Some(target) = &entry.link_target {
            line.push_str(&format!(" -> {}", shown(target)));
        }
        out.line(line);
    });
    let ended = ended.await?;
    if !out.is_json() {
        out.say(format_args!("{}, {}", units::count(folders, "folder"), units::count(files, "file")));
    }
    Ok(ended)
}

/// Prints paths, as they can be typed where the shell is.
pub(super) async fn find(session: &mut Session, args: &FindArgs) -> Result<Exit, Fail> {
    let fits = args.name.as_deref().map(Pattern::acting);
    let places = session.places(&args.paths).await?;
    let (out, cwd) = (session.here.out.clone(), session.cwd.clone());
    walks(session, &places, false, |_, _, step| {
        let Step::Met { path, entry } = step else { return };
        let kind = match args.kind {
            None => true,
            Some(Sort::File) => entry.kind == Kind::File,
            Some(Sort::Dir) => entry.kind == Kind::Dir,
            Some(Sort::Link) => entry.kind == Kind::Link,
        };
        if !kind || fits.as_ref().is_some_and(|pattern| !pattern.fits(&entry.name)) {
            return;
        }
        if out.is_json() { out.row(&Met::of(path, entry)) } else { out.line(shown(&from(&cwd, path))) }
    })
    .await
}

/// Sums up files.
pub(super) async fn du(session: &mut Session, paths: &[Typed], summarize: bool) -> Result<Exit, Fail> {
    let places = session.places(paths).await?;
    let (out, cwd) = (session.here.out.clone(), session.cwd.clone());
    let mut open: Vec<(u64, u64, u64)> = Vec::new();
    walks(session, &places, false, |place, _, step| {
        let (path, sum, is_top) = match step {
            Step::Met { path, entry } if entry.kind == Kind::Dir => {
                if *path == place.path {
                    open.clear();
                }
                return open.push((0, 0, 0));
            }
            Step::Met { path, entry } => {
                let size = if entry.kind == Kind::File { entry.size } else { 0 };
                match open.last_mut() {
                    Some((bytes, files, _)) => {
                        *bytes = bytes.saturating_add(size);
                        *files += 1;
                        return;
                    }
                    None => (path, (size, 1, 0), true), // no folder was asked for
                }
            }
            Step::Left { path } => {
                let Some(sum) = open.pop() else { return };
                if let Some((bytes, files, folders)) = open.last_mut() {
                    *bytes = bytes.saturating_add(sum.0);
                    *files += sum.1;
                    *folders += sum.2 + 1;
                }
                (path, sum, *path == place.path)
            }
            Step::Failed(_) => return,
        };
        if summarize && !is_top {
            return;
        }
        let (total, files, folders) = sum;
        if out.is_json() {
            out.row(&Held { path: WireName::from(path.as_bytes()), total, files, folders });
        } else {
            out.line(format_args!("{:>9}  {}", units::bytes(total), shown(&from(&cwd, path))));
        }
    })
    .await
}
