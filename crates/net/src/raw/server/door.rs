//! Who may come in at once.
//!
//! In: how many connections are served at once. Out: a [`Pass`], taken before accept, so that without one callers wait in the kernel's queue
//! and cost nothing. Where TLS or a challenge comes first, whoever is still at it stands in a hall of its own: strangers who dawdle take
//! nobody's place among those who are served.

use std::{io, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ServerOptions;

/// Callers in TLS or a challenge at once. Each is given ten seconds for either and costs some 40 KiB meanwhile; on a line of 100 ms that is
/// over a thousand a second.
const HALL: usize = 256;

/// The permits of a server.
#[derive(Debug)]
pub(super) struct Door {
    /// `None` for datagrams: those of peers that are served already must be sorted all the time, and sessions have a limit of their own.
    served: Option<Arc<Semaphore>>,
    /// `None` where nothing comes before the service.
    hall: Option<Arc<Semaphore>>,
}

/// A place in the hall or among the served; given back when dropped.
pub(super) type Pass = Option<OwnedSemaphorePermit>;

impl Door {
    pub(super) fn new(options: &ServerOptions, datagrams: bool) -> Self {
        let proves = options.tls.is_some() || options.prover.is_some();
        Self {
            served: (!datagrams).then(|| Arc::new(Semaphore::new(options.connections))),
            hall: (!datagrams && proves).then(|| Arc::new(Semaphore::new(HALL))),
        }
    }

    /// Waits until one more may be accepted. Cancel-safe.
    pub(super) async fn pass(&self) -> io::Result<Pass> {
        take(self.hall.as_ref().or(self.served.as_ref())).await
    }

    /// Whether who has proved itself needs a second pass.
    pub(super) fn has_hall(&self) -> bool {
        self.hall.is_some()
    }

    /// Waits for a place among the served, to be held in place of that in the hall.
    pub(super) async fn serve(&self) -> io::Result<Pass> {
        take(self.served.as_ref()).await
    }
}

async fn take(from: Option<&Arc<Semaphore>>) -> io::Result<Pass> {
    match from {
        Some(permits) => Ok(Some(Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?)),
        None => Ok(None),
    }
}
