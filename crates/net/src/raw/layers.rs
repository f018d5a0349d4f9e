//! Layers: what goes around a handler and sees each connection before it does, in the shape that tower gave them.
//!
//! In: a [`Handler`]. Out: another one around it. A layer is anything with tower's [`Layer`] trait, so that [`Stack`], [`Identity`] and
//! [`layer_fn`] work too; [`Handler::layered`] puts one around a handler. Of several, the last one is the outermost.
//!
//! Where peers of a datagram socket are answered by a [`Responder`](super::Responder) in one loop, no connection comes by.
//! [`Timeout`] and [`Trace`] go on working there. [`Limit`] and [`Rate`] must see each peer: with one of them a datagram socket
//! is served by sessions, a task a peer, without the guard of the loop ([`super::guard`]).
//!
//! A layer of one's own:
//!
//! ```
//! use landline_net::raw::{Connection, Handler, RawError, handler_fn, layers::layer_fn};
//!
//! /// Says who comes before the handler does its work.
//! struct Announcing<H>(H);
//!
//! impl<H: Handler> Handler for Announcing<H> {
//!     async fn handle(&self, mut connection: Connection) -> Result<(), RawError> {
//!         let greeting = format!("you are {}\n", connection.peer());
//!         connection.send(greeting.as_bytes()).await?;
//!         self.0.handle(connection).await
//!     }
//! }
//!
//! let handler = handler_fn(|_connection| async { Ok(()) }).layered(layer_fn(Announcing));
//! # let _ = handler;
//! ```

mod limit;
mod rate;
#[cfg(test)]
mod tests;
mod timeout;
mod trace;

use landline_addr::source::SourceKey;
pub use tower_layer::{Identity, Layer, Stack, layer_fn};

#[cfg(doc)]
use super::server::Handler;

pub use limit::{Limit, Limited};
pub use rate::{Rate, Rated};
pub use timeout::{Timed, Timeout};
pub use trace::{Trace, Traced};

/// Whom a connection counts against. Programs of this machine that come by UNIX sockets count against nobody.
fn source(connection: &super::Connection) -> Option<SourceKey> {
    connection.peer().address().map(SourceKey::from)
}
