//! Walks: everything below a folder there, in the order of the names, by listing one folder after the other.
//!
//! In: where to begin. Out: steps, one at a time. What is held are the rests of the listings on the way down, no more than
//! [`MOST_HELD`] entries; a path of a share has a greatest depth. A link is met and not followed.

use std::vec::IntoIter;

use landline_addr::path::{FileName, SharePath};
use landline_services::files::tree::{Entry, Kind};
use landline_wire::shown;

use super::session::Session;
use crate::exit::Exit;
use crate::fail::Fail;

/// Entries that are held at once.
const MOST_HELD: usize = 1 << 20;

/// One step of a walk.
#[derive(Debug)]
pub(super) enum Step {
    /// Something was met; if it is a folder, what is in it comes next unless [`Walk::pass_by`] is called.
    Met { path: SharePath, entry: Entry },
    /// All of a folder was met.
    Left { path: SharePath },
    /// A folder can't be listed, or a name not be used; the walk goes on behind it.
    Failed(Fail),
}

/// A walk.
pub(super) struct Walk {
    /// Not met yet.
    top: Option<(SharePath, Entry)>,
    /// To be listed next.
    ahead: Option<SharePath>,
    levels: Vec<Level>,
    held: usize,
    /// Whether names that begin with a dot are left out.
    hides: bool,
}

struct Level {
    path: SharePath,
    rest: IntoIter<Entry>,
}

impl Walk {
    /// Begins at `path`; `hides` what begins with a dot below it.
    ///
    /// # Errors
    /// If nothing is there.
    pub(super) async fn from(session: &mut Session, path: &SharePath, hides: bool) -> Result<Self, Fail> {
        let entry = session.ask(async |files| files.stat(path, false).await).await?.entry;
        Ok(Self { top: Some((path.clone(), entry)), ahead: None, levels: Vec::new(), held: 0, hides })
    }

    /// The next step; nothing at the end.
    ///
    /// # Errors
    /// If the machine can't be reached any more, or a tree has too much in it.
    pub(super) async fn next(&mut self, session: &mut Session) -> Result<Option<Step>, Fail> {
        if let Some((path, entry)) = self.top.take() {
            return Ok(Some(self.meet(path, entry)));
        }
        if let Some(path) = self.ahead.take() {
            session.here.out.flush(); // what was found so far is seen while the next folder is asked for
            match session.ask(async |files| files.list(&path).await).await {
                Ok(entries) => self.enter(path, entries)?,
                Err(fail) if matches!(fail.exit(), Exit::Unreachable | Exit::TimedOut) => return Err(fail),
                Err(fail) => {
                    self.enter(path, Vec::new())?; // so that it is left, too
                    return Ok(Some(Step::Failed(fail)));
                }
            }
        }
        let Some(level) = self.levels.last_mut() else { return Ok(None) };
        let Some(entry) = level.rest.next() else {
            return Ok(self.levels.pop().map(|level| Step::Left { path: level.path }));
        };
        self.held -= 1;
        let below = FileName::parse(&entry.name).and_then(|name| level.path.join(&name));
        Ok(Some(match below {
            Ok(path) => self.meet(path, entry),
            Err(why) => Step::Failed(Fail::new(Exit::Refused, format_args!("{}: {why}", shown(&entry.name)))),
        }))
    }

    /// Does not go into the folder that was just met.
    pub(super) fn pass_by(&mut self) {
        self.ahead = None;
    }

    /// How deep below the top what was just met is.
    pub(super) fn depth(&self) -> usize {
        self.levels.len()
    }

    /// For each level above what was just met, and for itself, whether more of it comes.
    pub(super) fn more(&self) -> impl Iterator<Item = bool> {
        self.levels.iter().map(|level| level.rest.len() > 0)
    }

    fn enter(&mut self, path: SharePath, mut entries: Vec<Entry>) -> Result<(), Fail> {
        entries.retain(|entry| !self.hides || !entry.name.starts_with(b"."));
        self.held += entries.len();
        if self.held > MOST_HELD {
            let what =
                format!("{}: more than {MOST_HELD} things are beside the way down to it", shown(path.as_bytes()));
            return Err(Fail::new(Exit::Refused, what));
        }
        self.levels.push(Level { path, rest: entries.into_iter() });
        Ok(())
    }

    fn meet(&mut self, path: SharePath, entry: Entry) -> Step {
        self.ahead = (entry.kind == Kind::Dir).then(|| path.clone());
        Step::Met { path, entry }
    }
}
