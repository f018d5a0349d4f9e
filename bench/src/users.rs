//! The bench of users: how they share one server, and how fast the files shell answers.
//!
//! In: options. Out: a report a series. Everybody is let in before anything is timed. Rooms: `window` (rates of several while
//! all of them are at it) · `talk` (a program asked one question after the other) · `fair`, `shell` (the series) ·
//! `judge` (targets).

pub(crate) mod fair;
mod judge;
pub(crate) mod shell;
mod talk;
mod window;

use crate::args::Options;
use crate::contender::Entry;
use crate::suite::stands_in;

/// Keeps the rows that were asked for.
fn retain_wanted<C>(entries: &mut Vec<Entry<C>>, options: &Options) {
    let chosen = |name: &str| options.only.iter().any(|word| stands_in(name, word));
    entries.retain(|entry| options.only.is_empty() || chosen(entry.name));
}
