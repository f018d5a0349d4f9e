//! Whole services between two machines of one process, over loopback.

mod copying;
mod introducing;
mod listing;
mod site;
