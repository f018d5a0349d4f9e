//! Handlers that are made of something else: a closure, a handler that several servers share.

use std::{fmt, future::Future, sync::Arc};

use super::{connection::Connection, error::RawError, respond::Responder, server::Handler};

/// A closure as a [`Handler`]; [`handler_fn`] makes it.
///
/// ```
/// use landline_net::raw::{Connection, Handler, HandlerFn, RawError, handler_fn};
///
/// async fn greet(mut connection: Connection) -> Result<(), RawError> {
///     connection.send(b"hello").await
/// }
/// let handler = handler_fn(greet);
/// # fn is_handler(_: impl Handler) {}
/// # is_handler(handler);
/// ```
#[derive(Clone, Copy)]
pub struct HandlerFn<F>(F);

/// The handler that calls `serve` for each connection.
///
/// ```
/// use landline_net::raw::{Connection, Handler, Talk, handler_fn};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let upper = handler_fn(|mut connection: Connection| async move {
///     while let Some(message) = connection.receive().await? {
///         connection.send(&message.body.to_ascii_uppercase()).await?;
///     }
///     Ok(())
/// });
///
/// let (mut here, there) = Connection::pair(1024, &Talk::default())?;
/// let serving = tokio::spawn(async move { upper.handle(there).await });
/// here.send(b"hello").await?;
/// assert_eq!(here.receive().await?.expect("an answer").body, "HELLO");
/// # drop(here);
/// # serving.await.expect("no panic")?;
/// # Ok::<(), landline_net::raw::RawError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn handler_fn<F, Serving>(serve: F) -> HandlerFn<F>
where
    F: Fn(Connection) -> Serving + Send + Sync + 'static,
    Serving: Future<Output = Result<(), RawError>> + Send + 'static,
{
    HandlerFn(serve)
}

impl<F, Serving> Handler for HandlerFn<F>
where
    F: Fn(Connection) -> Serving + Send + Sync + 'static,
    Serving: Future<Output = Result<(), RawError>> + Send + 'static,
{
    fn handle(&self, connection: Connection) -> impl Future<Output = Result<(), RawError>> + Send {
        (self.0)(connection)
    }
}

/// One handler for several servers: clones serve with the same state.
impl<H: Handler> Handler for Arc<H> {
    fn handle(&self, connection: Connection) -> impl Future<Output = Result<(), RawError>> + Send {
        H::handle(self, connection)
    }

    fn responder(&self) -> Option<Arc<dyn Responder>> {
        H::responder(self)
    }
}

impl<F> fmt::Debug for HandlerFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlerFn")
    }
}
