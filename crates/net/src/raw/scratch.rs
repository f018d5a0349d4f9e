//! A buffer of the thread, into which every connection reads: nothing is held for a peer that is silent.
//!
//! Used only within one poll, so it is never held across a wait. What was read is copied into a piece of its own size; for
//! messages of a few hundred bytes that is cheaper than a buffer a connection (`cargo xtask bench sockets`).

use std::cell::RefCell;

/// Bytes of the buffer: what one read takes at most.
pub(crate) const SCRATCH_BYTES: usize = 64 << 10;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
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
