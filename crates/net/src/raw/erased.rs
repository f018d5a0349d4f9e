//! Handlers chosen at run time: one type for all of them.

use std::{future::Future, pin::Pin, sync::Arc};

use super::{connection::Connection, error::RawError, respond::Responder, server::Handler};

type Handling<'a> = Pin<Box<dyn Future<Output = Result<(), RawError>> + Send + 'a>>;

/// Any [`Handler`]. Cheap to clone.
///
/// ```
/// use landline_net::raw::{AnyHandler, Responding, Responder, Verdict};
///
/// struct Quiet;
/// impl Responder for Quiet {
///     fn respond(&self, _request: &[u8], _answer: &mut Vec<u8>) -> Verdict {
///         Verdict::Silent
///     }
/// }
/// let handler = AnyHandler::new(Responding::new(Quiet));
/// # let _ = handler;
/// ```
#[derive(Clone)]
pub struct AnyHandler(Arc<dyn Erased>);

trait Erased: Send + Sync {
    fn handle_boxed(&self, connection: Connection) -> Handling<'_>;
    fn responder(&self) -> Option<Arc<dyn Responder>>;
}

impl<H: Handler> Erased for H {
    fn handle_boxed(&self, connection: Connection) -> Handling<'_> {
        Box::pin(self.handle(connection))
    }

    fn responder(&self) -> Option<Arc<dyn Responder>> {
        Handler::responder(self)
    }
}

impl AnyHandler {
    /// `handler`, without its type.
    pub fn new(handler: impl Handler) -> Self {
        Self(Arc::new(handler))
    }
}

impl Handler for AnyHandler {
    fn handle(&self, connection: Connection) -> impl Future<Output = Result<(), RawError>> + Send {
        self.0.handle_boxed(connection) // an `async fn` would hold the connection beside the box
    }

    fn responder(&self) -> Option<Arc<dyn Responder>> {
        self.0.responder()
    }
}

impl std::fmt::Debug for AnyHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyHandler")
    }
}
