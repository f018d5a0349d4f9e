//! The copy stream: files of one tree become files of another, over a call or not at all.
//!
//! ```text
//!  sender's machine                                   receiver's machine
//!  send::work (thread) ─► send::run ══ items, data ══► receive::run ─► receive::work (thread)
//!   walk, read, hash        (async)  ◄════ acks ═════     (async)        check, write, hash, publish
//! ```
//! Disk and hash live on blocking threads, the line on the async ones; between them are short bounded queues of blocks
//! that are used again, so memory is the same whatever the size. Both directions of the call are used at once, so
//! neither end can wait for the other for ever; each end shows life every `HEARTBEAT` however slow its disk is.
//! `put` and `get` are the same two halves with the ends exchanged. Source: PROTOCOL.md §7.3.

use std::time::Duration;

pub(super) mod batch;
pub mod receive;
pub mod send;

/// Blocks of 1 MiB between a disk thread and the line, per direction: enough that neither waits for the other's jitter.
/// Not tuned: other numbers were not measured yet.
pub(super) const BLOCKS: usize = 4;

/// Small items that may wait between a disk thread and the line.
pub(super) const QUEUE: usize = 64;

/// How often an end that has nothing to say says so, a sixth of the time after which it would be given up.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long the line may take nothing of ours while the other end shows life by its heartbeat: its disk is syncing.
pub(super) const BUSY_PEER: Duration = Duration::from_secs(24 * 3600);

/// Without a heartbeat or anything else for so long, the other end is given up.
pub(super) const LIFE: Duration = Duration::from_secs(60);
