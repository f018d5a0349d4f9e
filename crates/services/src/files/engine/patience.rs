//! Patience: a stream waits a little for what an earlier one of the same owner still holds.
//!
//! In: a claim that may fail because something is in use. Out: the claim, made again for a while.
//! The earlier stream's line was cut, and it still writes what had come before: without waiting for that, a sender that
//! dials again at once would find nothing to take up and begin anew. Calls block.
//! Invariant: a stream waits so long altogether, however many names it meets in use, and never for itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);

/// How many looks a stream has, 2 s of them: what a line and the queues behind it hold takes a disk less. Two streams that
/// mean the same names at the same time lose so much once.
const LOOKS: u32 = if cfg!(test) { 0 } else { 200 };

/// Whether nobody waits: for programs that play many streams against each other.
static HASTE: AtomicBool = AtomicBool::new(false);

/// From now on nobody waits in this process.
pub(super) fn make_haste() {
    HASTE.store(true, Ordering::Relaxed);
}

/// What one stream can still wait.
#[derive(Debug)]
pub(in crate::files) struct Patience {
    looks: u32,
    pause: fn(Duration),
}

impl Patience {
    /// That of a stream that begins.
    pub(super) fn new() -> Self {
        Self { looks: if HASTE.load(Ordering::Relaxed) { 0 } else { LOOKS }, pause: sleep }
    }

    /// So many looks, and `pause` between them.
    #[cfg(test)]
    pub(super) fn of(looks: u32, pause: fn(Duration)) -> Self {
        Self { looks, pause }
    }

    /// For one claim. `is_own`: whether it is this very stream that holds what is claimed; asked only if it is in use.
    pub(super) fn turn<'a>(&'a mut self, is_own: &'a dyn Fn() -> bool) -> Turn<'a> {
        Turn { patience: Some(self), is_own }
    }
}

/// One claim of a stream, and what it can wait for it.
pub(in crate::files) struct Turn<'a> {
    patience: Option<&'a mut Patience>,
    is_own: &'a dyn Fn() -> bool,
}

impl Turn<'_> {
    /// Without waiting.
    #[cfg(test)]
    pub(super) fn at_once() -> Self {
        Self { patience: None, is_own: &|| false }
    }

    /// Claims something, and again for a while if it is in use.
    pub(super) fn give_way<T, E>(
        &mut self,
        claim: impl Fn() -> Result<T, E>,
        in_use: impl Fn(&T) -> bool,
    ) -> Result<T, E> {
        let mut claimed = claim()?;
        let Some(patience) = self.patience.as_deref_mut() else { return Ok(claimed) };
        if !in_use(&claimed) || (self.is_own)() {
            return Ok(claimed);
        }
        while patience.looks > 0 && in_use(&claimed) {
            patience.looks -= 1;
            (patience.pause)(LOOK);
            claimed = claim()?;
        }
        Ok(claimed)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A claim that is in use until it was made `until` times; how often it was made.
    fn claims(patience: &mut Patience, until: u32, own: bool) -> u32 {
        let made = Cell::new(0);
        let claim = || {
            made.set(made.get() + 1);
            Ok::<_, ()>(made.get() < until)
        };
        patience.turn(&|| own).give_way(claim, |in_use| *in_use).unwrap();
        made.get()
    }

    #[test]
    fn a_stream_waits_so_long_altogether_and_not_for_each_name() {
        let mut patience = Patience::of(5, |_| {});
        assert_eq!(claims(&mut patience, 1, false), 1, "what is free is had at once");
        assert_eq!(claims(&mut patience, 3, false), 3, "it was let go of meanwhile");
        assert_eq!(claims(&mut patience, u32::MAX, false), 4, "three looks were left");
        assert_eq!(claims(&mut patience, u32::MAX, false), 1, "none is");
    }

    #[test]
    fn nobody_waits_for_himself() {
        let mut patience = Patience::of(5, |_| panic!("it waited"));
        assert_eq!(claims(&mut patience, u32::MAX, true), 1);
    }
}
