//! A time limit for whole conversations.

use std::{sync::Arc, time::Duration};

use tower_layer::Layer;

use crate::raw::{Connection, Handler, RawError, Responder};

/// Ends conversations that last too long with [`RawError::TimedOut`]. A wait for the next message has a limit of its own:
/// [`Talk::idle`](crate::raw::Talk::idle).
///
/// ```
/// use std::time::Duration;
/// use landline_net::raw::{Connection, Handler, RawError, Talk, handler_fn, layers::Timeout};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let patient = handler_fn(|mut connection: Connection| async move {
///     while connection.receive().await?.is_some() {}
///     Ok(())
/// });
/// let handler = patient.layered(Timeout::new(Duration::from_millis(20)));
///
/// let (_silent, connection) = Connection::pair(1024, &Talk::default())?;
/// assert!(matches!(handler.handle(connection).await, Err(RawError::TimedOut(_))));
/// # Ok::<(), RawError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout {
    limit: Duration,
}

/// A handler with a [`Timeout`] around it.
#[derive(Debug, Clone)]
pub struct Timed<H> {
    inner: H,
    limit: Duration,
}

impl Timeout {
    /// `limit`: from the handler's first step to its last.
    #[must_use]
    pub const fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<H> Layer<H> for Timeout {
    type Service = Timed<H>;

    fn layer(&self, inner: H) -> Timed<H> {
        Timed { inner, limit: self.limit }
    }
}

impl<H: Handler> Handler for Timed<H> {
    async fn handle(&self, connection: Connection) -> Result<(), RawError> {
        let handling = self.inner.handle(connection);
        tokio::time::timeout(self.limit, handling).await.unwrap_or(Err(RawError::TimedOut(self.limit)))
    }

    /// That of the handler: an answer is given at once, there is nothing to wait for.
    fn responder(&self) -> Option<Arc<dyn Responder>> {
        self.inner.responder()
    }
}
