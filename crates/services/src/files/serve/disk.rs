//! Disk work of a share: off the async threads, so many jobs at once and no more, each with a sign of life.
//!
//! The runtime's blocking threads are shared with the store, which judges callers and writes revocations down. Were
//! they all taken by transfers, nobody could be let in and, worse, nobody be thrown out.

use std::{future::Future, sync::Arc};

use landline_net::{Call, CallError};
use landline_wire::{ErrorCode, Fault};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::files::{copy::HEARTBEAT, msg::Answer};

/// Jobs at once: half of the blocking threads that tokio gives a runtime (512).
const JOBS: usize = 256;

/// The disk work of one share.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    jobs: Arc<Semaphore>,
}

impl Disk {
    pub(super) fn new() -> Self {
        Self { jobs: Arc::new(Semaphore::new(JOBS)) }
    }

    /// A place for one job; held as long as the job runs.
    pub(super) async fn place(&self, call: &mut Call) -> Result<OwnedSemaphorePermit, CallError> {
        let place = showing_life(call, Arc::clone(&self.jobs).acquire_owned()).await?;
        place.map_err(|_| Fault::new(ErrorCode::Stopping, "this machine is stopping").into())
    }

    /// Runs `work` on a blocking thread. Should it panic, the caller is told and the call ends. The token is cancelled
    /// once nobody waits for the work any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        call: &mut Call,
        work: impl FnOnce(&CancellationToken) -> T + Send + 'static,
    ) -> Result<T, CallError> {
        let place = self.place(call).await?;
        let gone = CancellationToken::new();
        let _nobody_waits = gone.clone().drop_guard();
        let working = spawn_blocking(move || {
            let _place = place; // also when nobody waits any more, it is taken until the work ends
            work(&gone)
        });
        match showing_life(call, working).await? {
            Ok(done) => Ok(done),
            Err(_) => {
                let fault = Fault::new(ErrorCode::Internal, "the request failed inside");
                call.send(&Answer::Error(fault.clone())).await?;
                Err(fault.into())
            }
        }
    }
}

/// Waits for `event` and tells the caller now and then that it is waited for.
async fn showing_life<T>(call: &mut Call, event: impl Future<Output = T>) -> Result<T, CallError> {
    tokio::pin!(event);
    loop {
        tokio::select! {
            done = &mut event => return Ok(done),
            () = sleep_until(Instant::now() + HEARTBEAT) => call.send(&Answer::Working {}).await?,
        }
    }
}
