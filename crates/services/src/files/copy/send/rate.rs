//! A limit to the rate of sending, as a person set it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use landline_net::{CallError, CallWriter};
use tokio::time::{Instant, sleep_until};

use crate::files::{copy::HEARTBEAT, msg::Item};

/// How far ahead of the rate a sender may be: what a short pause of its disk costs can be made up for.
const CREDIT: Duration = Duration::from_millis(200);

/// When the next bytes may go, over whichever lane.
#[derive(Debug)]
pub(super) struct Rate {
    /// Bytes a second; 0 for no limit.
    limit: u64,
    next: Mutex<Instant>,
}

impl Rate {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, next: Mutex::new(Instant::now()) }
    }

    /// When `bytes` that are ready at `now` may go.
    fn book(&self, now: Instant, bytes: usize) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let start = (*next).max(now.checked_sub(CREDIT).unwrap_or(now));
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        *next = start + Duration::from_secs_f64(f64::from(bytes) / self.limit as f64);
        start
    }

    /// Waits until `bytes` may be sent, showing life meanwhile.
    pub(super) async fn wait(&self, writer: &mut CallWriter, bytes: usize) -> Result<(), CallError> {
        if self.limit == 0 {
            return Ok(());
        }
        let start = self.book(Instant::now(), bytes);
        while Instant::now() < start {
            let pause = start.min(Instant::now() + HEARTBEAT);
            writer.flush().await?;
            sleep_until(pause).await;
            if pause < start {
                writer.queue(&Item::Working { load: None })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_go_at_the_rate_that_was_set_and_a_pause_earns_little() {
        let rate = Rate::new(1000);
        let start = Instant::now();
        let mut times = (0..4).map(|_| rate.book(start, 500) - start);
        assert_eq!(times.next(), Some(Duration::ZERO));
        assert_eq!(times.next(), Some(Duration::from_millis(500)));
        assert_eq!(times.last(), Some(Duration::from_millis(1500)));
        let later = start + Duration::from_secs(60);
        assert_eq!(later - rate.book(later, 500), CREDIT);
    }
}
