//! The account of a request: what it does, for whoever lists the calls, and what it came to, for the audit log.
//!
//! In: a request as it comes, what a copy brings, the answer. Out: the call's card, and one event for each request that
//! changed something or handed out what is in files. A request whose call ends in its middle is noted too.

use std::sync::{Arc, Mutex, PoisonError};

use landline_net::{Call, CallError, Card, End};
use landline_trust::grant::Area;
use landline_wire::{Fault, WireName};

use super::Visitor;
use crate::{
    audit::{self, Audit, Event, Moved, Outcome, Who},
    files::{
        msg::{Answer, Request},
        watch::{Summary, Watch},
    },
};

/// Things at the top of a `put` that are named; the others are counted. With [`MOST_BYTES`] a line stays a line.
const MOST_PATHS: usize = 16;
/// Bytes of their names together.
const MOST_BYTES: usize = 4096;
/// Bytes of a name in any other request; of one that is longer the beginning is told.
const MOST_NAME: usize = 1024;

/// One request that runs. Dropped before it came to anything, it was cut.
pub(super) struct Account {
    audit: Audit,
    card: Card,
    /// None if it is nothing that is noted, or was noted.
    open: Option<audit::Request>,
    brought: Brought,
    watch: Option<Watch>,
}

/// What a `put` brings, at its top. Shared with the thread that judges each path.
#[derive(Debug, Clone, Default)]
pub(super) struct Brought {
    inner: Arc<Mutex<Top>>,
}

#[derive(Debug, Default)]
struct Top {
    paths: Vec<WireName>,
    bytes: usize,
    more: u64,
    /// The last one, whether it is named or not.
    last: Vec<u8>,
}

impl Brought {
    /// The stream has come to `path`, in the order of a walk: what lies below the last top is no other one.
    pub(super) fn add(&self, path: &[u8]) {
        let mut top = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let below =
            path.strip_prefix(top.last.as_slice()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        if below && !top.last.is_empty() {
            return;
        }
        path.clone_into(&mut top.last);
        let bytes = top.bytes.saturating_add(path.len());
        if top.paths.len() < MOST_PATHS && bytes <= MOST_BYTES {
            top.paths.push(WireName(path.to_vec()));
            top.bytes = bytes;
        } else {
            top.more += 1;
        }
    }
}

impl Account {
    /// A request begins.
    pub(super) fn of(audit: &Audit, visitor: &Visitor, call: &Call, request: &Request) -> Self {
        let (word, paths, to, is_noted) = match request {
            Request::List { path } => ("list", vec![path], None, false),
            Request::Stat { path, hash } => (if *hash { "hash" } else { "look at" }, vec![path], None, false),
            Request::Hashes { path, .. } => ("hash all of", vec![path], None, false),
            Request::Space {} => ("ask for room", vec![], None, false),
            Request::Lane { .. } => ("carry a part of a copy", vec![], None, false),
            Request::Get { path, .. } => ("get", vec![path], None, true),
            Request::Put { .. } => ("put", vec![], None, true),
            Request::MakeDir { path, .. } => ("mkdir", vec![path], None, true),
            Request::Move { from, to, .. } => ("mv", vec![from], Some(to), true),
            Request::Remove { path, .. } => ("rm", vec![path], None, true),
        };
        let card = call.card().clone();
        card.set_doing(word, paths.first().map_or(&[], |path| &path.0));
        let who = || Who {
            call: card.number(),
            user: visitor.name.clone(),
            label: None,
            fingerprint: audit::fingerprint(call.peer()),
        };
        let open = is_noted.then(|| audit::Request {
            who: who(),
            request: word,
            home: visitor.area == Area::Home,
            paths: paths.into_iter().map(clipped).collect(),
            more: 0,
            to: to.map(clipped),
            moved: None,
            outcome: Outcome::of(&End::Cut),
        });
        Self { audit: audit.clone(), card, open, brought: Brought::default(), watch: None }
    }

    /// A `put` runs: what it brings goes into the value, what becomes of it is seen by `watch`, which tells what is in hand.
    pub(super) fn puts(&mut self, watch: &Watch) -> Brought {
        let card = self.card.clone();
        watch.tell_in_hand(move |path| card.set_doing("put", path));
        self.copies(watch);
        self.brought.clone()
    }

    /// A copy runs.
    pub(super) fn copies(&mut self, watch: &Watch) {
        self.watch = Some(watch.clone());
    }

    /// It was answered so.
    pub(super) fn answered(self, answer: &Answer) {
        match answer {
            Answer::Error(fault) => self.failed(fault),
            _ => self.came_to(|_| Outcome::done()),
        }
    }

    /// It was not done.
    pub(super) fn failed(self, fault: &Fault) {
        self.came_to(|_| Outcome::failed(fault.code, &fault.text));
    }

    /// A copy ended so.
    pub(super) fn copied<T>(self, ended: &Result<T, CallError>) {
        let by_owner = self.card.ending().is_cancelled();
        self.came_to(|moved| match ended {
            Ok(_) if moved.is_some_and(|moved| moved.failed > 0) => {
                Outcome { outcome: "partial".to_owned(), text: None }
            }
            Ok(_) => Outcome::done(),
            Err(_) if by_owner => Outcome::of(&End::ByOwner),
            Err(fault) => Outcome::of(&End::of(fault)),
        });
    }

    fn came_to(mut self, outcome: impl FnOnce(Option<Moved>) -> Outcome) {
        self.note(outcome);
    }

    fn note(&mut self, outcome: impl FnOnce(Option<Moved>) -> Outcome) {
        let Some(mut request) = self.open.take() else { return };
        request.moved = self.watch.as_ref().map(|watch| moved(&watch.summary()));
        request.outcome = outcome(request.moved);
        let mut top = self.brought.inner.lock().unwrap_or_else(PoisonError::into_inner);
        request.paths.append(&mut top.paths);
        request.more = top.more;
        drop(top);
        self.audit.note(&Event::Request(request));
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.note(|_| Outcome::of(&End::Cut));
        self.card.set_idle();
    }
}

fn moved(sum: &Summary) -> Moved {
    Moved { files: sum.files, bytes: sum.bytes, failed: sum.failed }
}

/// A peer's name for something that perhaps is not there can be as long as a message.
fn clipped(path: &WireName) -> WireName {
    WireName(path.0.iter().copied().take(MOST_NAME).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_tree_its_top_is_named_and_of_many_files_the_first() {
        let brought = Brought::default();
        for path in ["a", "a/b", "a/b/c", "ab", "d/e", "d/e/f"] {
            brought.add(path.as_bytes());
        }
        for number in 0..100 {
            brought.add(format!("file{number}").as_bytes());
        }
        let top = brought.inner.lock().unwrap();
        let named: Vec<&[u8]> = top.paths.iter().map(|path| path.0.as_slice()).collect();
        assert_eq!(named[..4], [b"a".as_slice(), b"ab", b"d/e", b"file0"]);
        assert_eq!((named.len(), top.more), (16, 87));
    }

    #[test]
    fn long_names_do_not_make_a_line_endless() {
        let brought = Brought::default();
        for number in 0..3 {
            brought.add(format!("{number}{}", "x".repeat(4000)).as_bytes());
        }
        let top = brought.inner.lock().unwrap();
        assert_eq!((top.paths.len(), top.more), (1, 2));
    }
}
