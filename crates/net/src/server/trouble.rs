//! What to do when accepting fails, which is mostly for want of descriptors.

use std::{
    fs,
    future::Future,
    io,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};

/// What to do when accept fails. One descriptor is held in reserve: when there is none left it is given up for a
/// moment, so that the caller at the front can be taken and closed instead of being reported again and again.
pub(crate) struct Trouble {
    reserve: Option<fs::File>,
    first_wait: Duration,
    longest_wait: Duration,
    wait: Duration,
    logged: Option<Instant>,
}

impl Trouble {
    /// One line a second at most: strangers cause these.
    const LOG_EVERY: Duration = Duration::from_secs(1);

    pub(crate) fn new(first_wait: Duration, longest_wait: Duration) -> Self {
        Self { reserve: fs::File::open("/dev/null").ok(), first_wait, longest_wait, wait: first_wait, logged: None }
    }

    pub(crate) fn over(&mut self) {
        self.wait = self.first_wait;
        if self.reserve.is_none() {
            self.reserve = fs::File::open("/dev/null").ok();
        }
    }

    /// Waits after `fault`; `accept` takes the caller at the front, who is let go.
    pub(crate) async fn wait_out<T>(&mut self, fault: &io::Error, accept: impl Future<Output = io::Result<T>>) {
        if self.logged.is_none_or(|at| at.elapsed() >= Self::LOG_EVERY) {
            tracing::warn!(%fault, "can't take a call");
            self.logged = Some(Instant::now());
        }
        if self.reserve.take().is_some() {
            // Bounded: a caller that left meanwhile must not hold us here.
            drop(timeout(self.first_wait, accept).await);
            self.reserve = fs::File::open("/dev/null").ok();
        }
        sleep(self.wait).await;
        self.wait = (self.wait * 2).min(self.longest_wait);
    }
}
