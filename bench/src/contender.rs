//! What the bench compares: anything that can move the source once, on command.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use rustix::process::Pid;

use crate::measure::Sample;
use crate::relay::Relay;
use crate::tools::Missing;

/// Where a copy ends up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    /// A file system in memory: what programs cost, without any disk.
    Memory,
    /// A real disk, and the copy is durable before anybody says it is done.
    Disk,
}

/// One row of the table while it runs. Servers live as long as the value.
pub(crate) trait Contender {
    /// What protects the bytes, in a few words.
    fn security(&self) -> &'static str;
    /// The file or tree a transfer makes.
    fn target(&self) -> &Path;
    /// Moves the source to [`Contender::target`] once.
    ///
    /// # Errors
    /// With words for the table; the row then runs no more.
    fn transfer(&mut self) -> Result<Sample>;
    /// The relay it talks through, if any.
    fn relay(&self) -> Option<&Relay> {
        None
    }
    /// Rounds it takes part in, at most: fewer for what takes very long.
    fn rounds(&self) -> usize {
        usize::MAX
    }
}

/// A contender whose server stays, so that either end can be killed in the middle.
pub(crate) trait Served: Contender {
    /// The client of one transfer.
    fn client(&self) -> Command;
    fn server(&self) -> Pid;
    /// Starts the server again after it was killed.
    ///
    /// # Errors
    /// If that is not foreseen, or it does not start.
    fn restart(&self) -> Result<()> {
        bail!("nobody knows how to start this server again");
    }
}

/// A row before its first turn.
pub(crate) struct Entry<C: ?Sized> {
    pub(crate) name: &'static str,
    pub(crate) medium: Medium,
    pub(crate) state: State<C>,
}

/// Whether a row can run.
pub(crate) enum State<C: ?Sized> {
    Ready(Box<C>),
    /// Nothing to run on this machine: no fault of anybody.
    Absent(String),
    /// It is here and does not work.
    Broken(String),
}

impl<C: ?Sized> Entry<C> {
    /// A row from an attempt to set it up: a missing program is an absence, anything else a failure.
    pub(crate) fn new(name: &'static str, medium: Medium, attempt: Result<Box<C>>) -> Entry<C> {
        let state = match attempt {
            Ok(contender) => State::Ready(contender),
            Err(error) => match error.downcast_ref::<Missing>() {
                Some(missing) => State::Absent(missing.to_string()),
                None => State::Broken(format!("{error:#}")),
            },
        };
        Entry { name, medium, state }
    }

    /// The same, in memory.
    pub(crate) fn in_memory(name: &'static str, attempt: Result<Box<C>>) -> Entry<C> {
        Entry::new(name, Medium::Memory, attempt)
    }
}

/// Makes a contender one of many kinds.
pub(crate) fn boxed<'a>(contender: impl Contender + 'a) -> Box<dyn Contender + 'a> {
    Box::new(contender)
}

/// The same for one whose ends can be killed.
pub(crate) fn boxed_served<'a>(contender: impl Served + 'a) -> Box<dyn Served + 'a> {
    Box::new(contender)
}
