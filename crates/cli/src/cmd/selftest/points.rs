//! Points: a copy is struck at a byte of it, looked at, and done again; what must hold then.
//!
//! In: a [`Pair`], a seed, how many points of each kind. Out: what each kind came to. The bytes at which a copy is struck
//! are a seed's own, somewhere between the first and the last that a whole copy takes, both ways counted.

use std::fs;
use std::path::PathBuf;

use super::goods::{Goods, number};
use super::pair::{Pair, Victim};

/// What is done in which direction, and to whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sort {
    /// The word for programs.
    pub(super) word: &'static str,
    /// For people.
    pub(super) title: &'static str,
    is_put: bool,
    victim: Victim,
}

const fn sort(word: &'static str, title: &'static str, is_put: bool, victim: Victim) -> Sort {
    Sort { word, title, is_put, victim }
}

/// Every kind, in the order of testing.
pub(super) const SORTS: [Sort; 6] = [
    sort("put-client-killed", "sending, the sender is killed", true, Victim::Client),
    sort("put-server-killed", "sending, the receiver is killed", true, Victim::Server),
    sort("put-line-cut", "sending, the line is cut", true, Victim::Line),
    sort("get-client-killed", "fetching, the receiver is killed", false, Victim::Client),
    sort("get-server-killed", "fetching, the sender is killed", false, Victim::Server),
    sort("get-line-cut", "fetching, the line is cut", false, Victim::Line),
];

/// A point at which something was not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) point: u64,
    pub(super) text: String,
}

/// The places of one direction, and how many bytes a whole copy takes.
pub(super) struct Course<'a> {
    pair: &'a mut Pair,
    goods: &'a Goods,
    sort: Sort,
    seed: u64,
    total: u64,
}

impl<'a> Course<'a> {
    /// Copies once without being struck.
    ///
    /// # Errors
    /// What kept that from being done.
    pub(super) fn new(pair: &'a mut Pair, goods: &'a Goods, sort: Sort, seed: u64) -> Result<Self, String> {
        let mut course = Self { pair, goods, sort, seed, total: 0 };
        course.lay_out()?;
        course.again()?;
        course.total = course.pair.link.passed();
        match course.flaw(true)? {
            Some(flaw) => Err(format!("a copy that nothing happened to: {flaw}")),
            None => Ok(course),
        }
    }

    /// One point; what is wrong at it.
    ///
    /// # Errors
    /// What kept the test itself from going on.
    pub(super) fn point(&mut self, point: u64) -> Result<Option<Broken>, String> {
        let word = self.sort.word;
        let at = number(self.seed, &format!("{word} {point}"), self.total);
        let broken = |what: &str, text: String| {
            Ok(Some(Broken { point, text: format!("struck after {at} of {} bytes, {what}{text}", self.total) }))
        };
        self.lay_out()?;
        let mut arguments = self.arguments().to_vec();
        if self.sort.victim == Victim::Server {
            arguments.extend(["--reconnect", "0"]); // it comes back only when this has ended
        }
        let ended = self.pair.strike(&arguments, self.sort.victim, at)?;
        if let Some(flaw) = self.flaw(false)? {
            return broken("", flaw);
        }
        // A line that was cut is dialled again by the same command, if anything had moved before.
        if ended.code != Some(0)
            && let Err(fault) = self.again()
        {
            return broken("the second try failed: ", fault);
        }
        match self.flaw(true)? {
            Some(flaw) => broken("after the second try ", flaw),
            None => Ok(None),
        }
    }

    /// Old files at the destination, nothing else.
    fn lay_out(&self) -> Result<(), String> {
        let (from, to) = (self.from(), self.to());
        let said = |fault: std::io::Error| fault.to_string();
        if !from.exists() {
            self.goods.write_new(&from).map_err(said)?;
        }
        if to.exists() {
            fs::remove_dir_all(&to).map_err(said)?;
        }
        self.goods.write_old(&self.place()).map_err(said)
    }

    fn again(&self) -> Result<(), String> {
        self.pair.run(&self.arguments())
    }

    fn arguments(&self) -> [&'static str; 3] {
        if self.sort.is_put { ["put", "new/.", "desk:to/"] } else { ["get", "desk:new", "to"] }
    }

    fn flaw(&self, complete: bool) -> Result<Option<String>, String> {
        // A server may take a line that was cut for a slow one, and keep what came over it for two weeks.
        let clean = complete && self.sort.victim != Victim::Line;
        self.goods.flaw(&self.place(), complete, clean).map_err(|fault| fault.to_string())
    }

    /// Where the goods will be: a folder that is sent as its content goes into the target, one that is fetched below it.
    fn place(&self) -> PathBuf {
        if self.sort.is_put { self.to() } else { self.to().join("new") }
    }

    fn from(&self) -> PathBuf {
        if self.sort.is_put { self.pair.work().join("new") } else { self.pair.share().join("new") }
    }

    fn to(&self) -> PathBuf {
        if self.sort.is_put { self.pair.share().join("to") } else { self.pair.work().join("to") }
    }
}
