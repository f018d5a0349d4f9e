//! Spans and fields for whoever watches a program by `tracing`.

use std::sync::Arc;

use tower_layer::Layer;
use tracing::{Instrument as _, debug, debug_span, trace};

use crate::raw::{Connection, Handler, RawError, Responder, Verdict};

/// Puts each connection in a span `connection` with the field `peer`, and tells its end with the fields `received`, `sent` (bytes)
/// and, if it ended wrong, `fault`. All of it at debug, because strangers decide how much of it there is; single datagrams
/// that are answered are told at trace.
///
/// ```
/// use landline_net::raw::{Handler, handler_fn, layers::Trace};
///
/// let handler = handler_fn(|_connection| async { Ok(()) }).layered(Trace);
/// # let _ = handler;
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trace;

/// A handler with a [`Trace`] around it.
#[derive(Debug, Clone)]
pub struct Traced<H> {
    inner: H,
}

struct TracedResponder(Arc<dyn Responder>);

impl<H> Layer<H> for Trace {
    type Service = Traced<H>;

    fn layer(&self, inner: H) -> Traced<H> {
        Traced { inner }
    }
}

impl<H: Handler> Handler for Traced<H> {
    async fn handle(&self, connection: Connection) -> Result<(), RawError> {
        let span = debug_span!("connection", peer = %connection.peer());
        let traffic = connection.traffic();
        let handled = async {
            let outcome = self.inner.handle(connection).await;
            let (received, sent) = (traffic.received(), traffic.sent());
            match &outcome {
                Ok(()) => debug!(received, sent, "ended"),
                Err(fault) => debug!(received, sent, %fault, "ended"),
            }
            outcome
        };
        handled.instrument(span).await
    }

    fn responder(&self) -> Option<Arc<dyn Responder>> {
        self.inner.responder().map(|inner| Arc::new(TracedResponder(inner)) as Arc<dyn Responder>)
    }
}

impl Responder for TracedResponder {
    fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
        let before = answer.len();
        let verdict = self.0.respond(request, answer);
        trace!(received = request.len(), sent = answer.len().saturating_sub(before), ?verdict, "answered");
        verdict
    }

    fn greeting(&self) -> Option<&[u8]> {
        self.0.greeting()
    }

    fn answers_strangers(&self, request: &[u8]) -> bool {
        self.0.answers_strangers(request)
    }
}
