//! Dialling again when the line is cut in the middle of a copy.
//!
//! What arrived is kept at the receiver, verified; so the job begins again on a new call, and only what is missing comes.

use tokio::time::{Instant, sleep};

use super::{CopyOptions, Files, FilesError};
use crate::{files::watch::Watch, line::LineError};

/// Between two attempts to dial.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

impl Files {
    /// Dials again after `fault`, if that was the line, for as long as the job allows.
    ///
    /// # Errors
    /// `fault`, if it was something else or nobody answers any more.
    pub(super) async fn dial_again(
        &mut self,
        fault: FilesError,
        options: &CopyOptions,
        watch: &Watch,
    ) -> Result<(), FilesError> {
        if options.reconnect.is_zero() || !fault.is_cut() || !watch.has_moved_since_last_cut() {
            return Err(fault);
        }
        let until = Instant::now() + options.reconnect;
        tracing::info!(%fault, "the line was cut; dialling again");
        watch.cut();
        sleep(PAUSE).await; // so that the other end notices the cut first, and lets go of what it holds of this copy
        loop {
            match self.route.call().await {
                Ok(call) => {
                    self.call = call;
                    watch.over(self.call.line());
                    return Ok(());
                }
                Err(LineError::Unreachable { .. } | LineError::Dial(_) | LineError::NotServing { .. })
                    if Instant::now() + PAUSE < until =>
                {
                    sleep(PAUSE).await;
                }
                Err(_) => return Err(fault),
            }
        }
    }
}
