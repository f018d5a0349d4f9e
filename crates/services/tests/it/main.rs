//! Whole services between two machines of one process, over loopback.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test that can't go on says so by a panic")]

mod copying;
mod introducing;
mod listing;
mod site;
