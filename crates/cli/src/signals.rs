//! Signals: Ctrl-C and SIGTERM, as something that can be waited for.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::fail::Fail;

/// Which signal it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Both signals. From the moment this is made they no longer end the process by themselves.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes both over.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn new() -> Result<Self, Fail> {
        let take = |kind| signal(kind).map_err(|fault| Fail::io("cannot watch for signals", &fault));
        Ok(Self { interrupt: take(SignalKind::interrupt())?, terminate: take(SignalKind::terminate())? })
    }

    /// Waits for the next of either. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        self.which().await;
    }

    /// As [`Self::next`], and tells which it was. Cancel-safe.
    pub(crate) async fn which(&mut self) -> Came {
        let (interrupt, terminate) = (&mut self.interrupt, &mut self.terminate);
        let (came, which) = tokio::select! {
            came = interrupt.recv() => (came, Came::Interrupt),
            came = terminate.recv() => (came, Came::Terminate),
        };
        if came.is_none() {
            // No signal can come any more: the runtime is going.
            std::future::pending::<()>().await;
        }
        which
    }
}
