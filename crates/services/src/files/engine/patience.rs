//! Patience: a stream waits a little for what an earlier one of the same owner still holds.
//!
//! In: a claim that may fail because something is in use. Out: the claim, made again for a while.
//! The earlier stream's line was cut, and it still writes what had come before: without waiting for that, a sender that
//! dials again at once would find nothing to take up and begin anew. Calls block.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long: what a line and the queues behind it hold takes a disk less. Two streams that mean the same name at the same
/// time lose so much once.
const PATIENCE: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_secs(2) };

/// Whether nobody waits: for programs that play many streams against each other.
static HASTE: AtomicBool = AtomicBool::new(false);

/// From now on nobody waits in this process.
pub(super) fn make_haste() {
    HASTE.store(true, Ordering::Relaxed);
}

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);

/// Claims something, and again for a while if it is in use.
pub(super) fn give_way<T, E>(claim: impl Fn() -> Result<T, E>, in_use: impl Fn(&T) -> bool) -> Result<T, E> {
    let until = Instant::now() + if HASTE.load(Ordering::Relaxed) { Duration::ZERO } else { PATIENCE };
    loop {
        match claim() {
            Ok(claimed) if in_use(&claimed) && Instant::now() < until => sleep(LOOK),
            done => return done,
        }
    }
}
