//! The asking end of a comparison.

use std::{cmp::Ordering, collections::VecDeque, path::Path};

use landline_addr::path::SharePath;
use landline_net::{CallError, CallReader, Received};
use landline_wire::{ErrorCode, Fault, decode};
use tokio::{sync::mpsc, task::spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::{QUEUE, Seen, What, order, walk};
use crate::files::{
    ask::{Files, FilesError, job::Source, wire},
    copy::{LIFE, send::Root},
    filter::Filter,
    msg::{Answer, Request},
};

/// How two things of one name differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Only on this machine.
    OnlyHere,
    /// Only on the other.
    OnlyThere,
    /// One is a file, say, and the other a directory.
    Kind,
    /// Files of different length.
    Size,
    /// Files of the same length and different bytes.
    Content,
    /// Links that point elsewhere.
    Target,
}

/// What a comparison comes to for one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The same at both ends; directories are not told.
    Same {
        /// Where, relative to the top.
        path: Vec<u8>,
        /// Bytes.
        size: u64,
    },
    /// Not the same.
    Differs {
        /// Where, relative to the top.
        path: Vec<u8>,
        /// How.
        how: Difference,
    },
    /// It could not be compared.
    Unreadable {
        /// Where, relative to the top.
        path: Vec<u8>,
        /// On this machine, or on the other.
        here: bool,
        /// Why.
        why: String,
    },
}

impl Files {
    /// Compares what is at `here` with what is at `there` by the hashes of the files; nothing is transferred. Each thing
    /// is told to `each` in the order of the walk.
    ///
    /// # Errors
    /// [`FilesError`]: one of the two isn't there, or the line fails.
    pub async fn verify(
        &mut self,
        here: &Path,
        there: &SharePath,
        filter: &Filter,
        mut each: impl FnMut(Found),
    ) -> Result<(), FilesError> {
        let source = Source::find(here)?;
        let root = Root { tree: source.tree, from: source.from, to: SharePath::root() };
        self.call_mut().send(&Request::Hashes { path: wire(there), exclude: filter.patterns().to_vec() }).await?;
        let (tx, mut ours) = mpsc::channel(QUEUE);
        let gone = CancellationToken::new();
        let _nobody_waits = gone.clone().drop_guard();
        let filter = filter.clone();
        // A thread that dies ends its queue early, and everything behind is told as only there: no quiet loss.
        let working = spawn_blocking(move || walk(&root, &filter, &gone, |seen| tx.blocking_send(seen).is_ok()));
        let (reader, _) = self.call_mut().halves();
        reader.set_idle(LIFE);
        let mut theirs = Theirs { reader, waiting: VecDeque::new(), done: false, last: None };
        let (mut mine, mut other) = (ours.recv().await, theirs.next().await?);
        let mut unread: Option<Vec<u8>> = None;
        loop {
            let which = match (&mine, &other) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => order(&a.path, &b.path),
            };
            let (a, b) = match which {
                Ordering::Less => (mine.take(), None),
                Ordering::Greater => (None, other.take()),
                Ordering::Equal => (mine.take(), other.take()),
            };
            let (next_mine, next_other) = (a.is_some(), b.is_some());
            match compared(a, b) {
                // What lies in a directory that the other end can't read is not known to be missing there.
                Some(Found::Differs { path, .. }) if unread.as_ref().is_some_and(|dir| lies_in(dir, &path)) => {}
                Some(found) => {
                    if let Found::Unreadable { path, .. } = &found {
                        unread = Some(path.clone());
                    }
                    each(found);
                }
                None => {}
            }
            if next_mine {
                mine = ours.recv().await;
            }
            if next_other {
                other = theirs.next().await?;
            }
        }
        working.await.map_err(|_| FilesError::Input(std::io::Error::other("the thread that reads the files died")))
    }
}

/// What the other machine tells, one by one.
struct Theirs<'a> {
    reader: &'a mut CallReader,
    waiting: VecDeque<Seen>,
    done: bool,
    /// Only what comes in order can be merged.
    last: Option<Vec<u8>>,
}

impl Theirs<'_> {
    async fn next(&mut self) -> Result<Option<Seen>, FilesError> {
        while self.waiting.is_empty() && !self.done {
            match self.reader.recv().await?.ok_or(CallError::HungUp)? {
                Received::Records(frame) => {
                    let mut rest = frame.as_slice();
                    let bad = |fault: super::RecordError| Fault::new(ErrorCode::BadRequest, fault.to_string());
                    while let Some(seen) = Seen::take(&mut rest).map_err(bad)? {
                        self.waiting.push_back(seen);
                    }
                    self.reader.recycle(frame);
                }
                Received::Message(body) => match decode::<Answer>(&body).map_err(CallError::from)? {
                    Answer::Working {} => {}
                    Answer::Done {} => self.done = true,
                    Answer::Error(fault) => return Err(fault.into()),
                    Answer::Entries { .. } | Answer::Entry { .. } | Answer::Space(_) => return Err(out_of_turn()),
                },
                Received::Data(_) | Received::Stderr(_) => return Err(out_of_turn()),
            }
        }
        let next = self.waiting.pop_front();
        if let Some(seen) = &next {
            if self.last.as_ref().is_some_and(|last| order(last, &seen.path) != Ordering::Less) {
                return Err(Fault::new(ErrorCode::BadRequest, "the other machine tells its tree out of order").into());
            }
            self.last = Some(seen.path.clone());
        }
        Ok(next)
    }
}

fn lies_in(dir: &[u8], path: &[u8]) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with(b"/"))
}

fn out_of_turn() -> FilesError {
    CallError::OutOfTurn { got: "something else", wanted: "what is in the tree" }.into()
}

/// What two things of one name come to; none for a directory that is at both ends.
fn compared(here: Option<Seen>, there: Option<Seen>) -> Option<Found> {
    let text = |why: Vec<u8>| String::from_utf8_lossy(&why).into_owned();
    let differs = |path, how| Some(Found::Differs { path, how });
    match (here, there) {
        (Some(Seen { path, what: What::Unreadable { why } }), _) => {
            Some(Found::Unreadable { path, here: true, why: text(why) })
        }
        (_, Some(Seen { path, what: What::Unreadable { why } })) => {
            Some(Found::Unreadable { path, here: false, why: text(why) })
        }
        (Some(Seen { path, .. }), None) => differs(path, Difference::OnlyHere),
        (None, Some(Seen { path, .. })) => differs(path, Difference::OnlyThere),
        (None, None) => None,
        (Some(Seen { path, what: a }), Some(Seen { what: b, .. })) => match (a, b) {
            (What::Dir, What::Dir) => None,
            (What::File { size: a, .. }, What::File { size: b, .. }) if a != b => differs(path, Difference::Size),
            (What::File { hash: a, .. }, What::File { hash: b, .. }) if a != b => differs(path, Difference::Content),
            (What::File { size, .. }, What::File { .. }) => Some(Found::Same { path, size }),
            (What::Link { target: a }, What::Link { target: b }) if a != b => differs(path, Difference::Target),
            (What::Link { .. }, What::Link { .. }) => Some(Found::Same { path, size: 0 }),
            _ => differs(path, Difference::Kind),
        },
    }
}
