//! What the bench compares: anything that can move the source file once, on command.

use std::path::Path;

use anyhow::Result;

use crate::measure::Sample;
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
    /// The file a transfer makes. It does not exist before one and is removed after one.
    fn target(&self) -> &Path;
    /// Moves the source file to [`Contender::target`] once.
    ///
    /// # Errors
    /// With words for the table; the row then runs no more.
    fn transfer(&mut self) -> Result<Sample>;
}

/// A row before its first turn.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'static str,
    pub(crate) medium: Medium,
    pub(crate) state: State<'a>,
}

/// Whether a row can run.
pub(crate) enum State<'a> {
    Ready(Box<dyn Contender + 'a>),
    /// Nothing to run on this machine: no fault of anybody.
    Absent(String),
    /// It is here and does not work.
    Broken(String),
}

impl<'a> Entry<'a> {
    /// A row from an attempt to set it up: a missing program is an absence, anything else a failure.
    pub(crate) fn from_attempt<C: Contender + 'a>(name: &'static str, medium: Medium, attempt: Result<C>) -> Entry<'a> {
        let state = match attempt {
            Ok(contender) => State::Ready(Box::new(contender)),
            Err(error) => match error.downcast_ref::<Missing>() {
                Some(missing) => State::Absent(missing.to_string()),
                None => State::Broken(format!("{error:#}")),
            },
        };
        Entry { name, medium, state }
    }
}
