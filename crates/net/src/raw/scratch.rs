//! Buffers of the thread, into which every connection reads and answers: nothing is held for a peer that is silent.
//!
//! Used only within one poll, so they are never held across a wait. What has to live longer is copied into a piece of its own
//! size.

use std::cell::RefCell;

/// Bytes of the buffer: what one read takes at most.
pub(crate) const SCRATCH_BYTES: usize = 64 << 10;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static ANSWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lends the buffer's first `len` bytes, [`SCRATCH_BYTES`] at most.
pub(crate) fn with<T>(len: usize, work: impl FnOnce(&mut [u8]) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        let len = len.clamp(1, SCRATCH_BYTES);
        if scratch.len() < len {
            scratch.resize(len, 0);
        }
        work(scratch.get_mut(..len).unwrap_or_default())
    })
}

/// Lends an empty buffer for an answer; one that had to grow beyond [`SCRATCH_BYTES`] is not kept.
pub(crate) fn answer<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    ANSWER.with_borrow_mut(|answer| {
        answer.clear();
        let done = work(answer);
        if answer.capacity() > SCRATCH_BYTES {
            *answer = Vec::new();
        }
        done
    })
}
