//! Clocks: how much time went into each stage of a copy, the time that goes into it right now among it.
//!
//! In: when work of a stage begins and ends, on any thread. Out: sums. A stage that hangs is seen while it hangs: a disk
//! that has been syncing for five seconds counts five seconds, not none.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Stage;

/// One clock a stage.
#[derive(Debug)]
pub(super) struct Clocks {
    origin: Instant,
    stages: [Mutex<Clock>; 4],
}

/// Nanoseconds since the origin; they last for 500 years.
#[derive(Debug, Default)]
struct Clock {
    /// Of work that has ended.
    spent: u64,
    /// Pieces of work that go on.
    running: u64,
    /// When each of them began, together.
    begun: u64,
}

impl Clocks {
    pub(super) fn new(origin: Instant) -> Self {
        Self { origin, stages: Default::default() }
    }

    /// Does `work` and counts the time it takes.
    pub(super) fn timed<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let running = Running::begin(self, stage);
        let done = work();
        drop(running);
        done
    }

    pub(super) fn busy(&self, stage: Stage) -> Duration {
        let now = self.now();
        let clock = self.stage(stage).lock().unwrap_or_else(PoisonError::into_inner);
        let going_on = clock.running.saturating_mul(now).saturating_sub(clock.begun);
        Duration::from_nanos(clock.spent.saturating_add(going_on))
    }

    fn stage(&self, stage: Stage) -> &Mutex<Clock> {
        let [disk, hash, sync, line] = &self.stages;
        match stage {
            Stage::Disk => disk,
            Stage::Hash => hash,
            Stage::Sync => sync,
            Stage::Line => line,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A piece of work that goes on; it has ended when this goes, also by a panic.
struct Running<'a> {
    clocks: &'a Clocks,
    stage: Stage,
    began: u64,
}

impl<'a> Running<'a> {
    fn begin(clocks: &'a Clocks, stage: Stage) -> Self {
        let began = clocks.now();
        let mut clock = clocks.stage(stage).lock().unwrap_or_else(PoisonError::into_inner);
        clock.running = clock.running.saturating_add(1);
        clock.begun = clock.begun.saturating_add(began);
        drop(clock);
        Self { clocks, stage, began }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let now = self.clocks.now();
        let mut clock = self.clocks.stage(self.stage).lock().unwrap_or_else(PoisonError::into_inner);
        clock.running = clock.running.saturating_sub(1);
        clock.begun = clock.begun.saturating_sub(self.began);
        clock.spent = clock.spent.saturating_add(now.saturating_sub(self.began));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_goes_on_counts_already_and_once() {
        let clocks = Clocks::new(Instant::now());
        let (while_one, while_two) = clocks.timed(Stage::Sync, || {
            let one = until_more(&clocks, Duration::ZERO);
            let two = clocks.timed(Stage::Sync, || until_more(&clocks, one));
            (one, two)
        });
        assert!(while_one > Duration::ZERO && while_two > while_one);
        let after = clocks.busy(Stage::Sync);
        assert!(after >= while_two, "{after:?} {while_two:?}");
        assert_eq!(clocks.busy(Stage::Sync), after, "nothing goes on any more");
        assert_eq!(clocks.busy(Stage::Disk), Duration::ZERO);
    }

    #[test]
    fn work_that_panics_has_ended() {
        let clocks = Clocks::new(Instant::now());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            clocks.timed(Stage::Disk, || panic!("as a test does"));
        }));
        assert!(panicked.is_err());
        assert_eq!(clocks.busy(Stage::Disk), clocks.busy(Stage::Disk));
    }

    fn until_more(clocks: &Clocks, than: Duration) -> Duration {
        loop {
            let busy = clocks.busy(Stage::Sync);
            if busy > than {
                return busy;
            }
        }
    }
}
