//! The copy stream: files of one tree become files of another, over a call or not at all.
//!
//! ```text
//!  sender's machine                                            receiver's machine
//!  send::disk (thread) ─► send::run ══ entries, content ══► receive::run ─► receive::work (thread)
//!   walk, read, hash  ◄──  (async)  ◄══ verdicts, fates ═══    (async)        compare, write, hash, publish
//! ```
//! The sender tells entries well ahead of their content; the receiver says of each whether it has it, wants it, or has
//! some groups of it. So no file costs a round trip, and only what is missing crosses the wire.
//! Disk and hash live on blocking threads, the line on the async ones; between them are short bounded queues of blocks
//! that are used again, so memory is the same whatever the size. Both directions of the call are used at once, so
//! neither end can wait for the other for ever; each end shows life every `HEARTBEAT` however slow its disk is.
//! Further calls may carry groups beside the first one ([`lanes`]), where that makes the copy faster.
//! `put` and `get` are the same two halves with the ends exchanged. Source: PROTOCOL.md §7.3.

use std::time::Duration;

pub mod lanes;
pub mod press;
pub mod receive;
pub mod send;

/// Blocks of 1 MiB between a sender's disk thread and its line, without lanes: enough that neither waits for the other's
/// jitter.
pub(super) const BLOCKS: usize = 4;

/// Small items that may wait between a disk thread and the line.
pub(super) const QUEUE: usize = 64;

/// How often an end that has nothing to say says so, and what it is busy with: a stall can be named within seconds.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long the line may take nothing of ours while the other end shows life by its heartbeat: its disk is syncing.
pub(super) const BUSY_PEER: Duration = Duration::from_secs(24 * 3600);

/// Without a heartbeat or anything else for so long, the other end is given up.
pub(super) const LIFE: Duration = Duration::from_secs(60);

/// Files whose content a receiver waits for at once; an honest sender stays well below.
pub(super) const MAX_OPEN: usize = 8192;

/// Entries that a sender tells beyond those that are settled: some 80 ms of small files on a fast machine, and under
/// 2 MiB of memory at each end.
pub(super) const WINDOW: usize = 4096;
