//! Raw sockets: the layers under a call, one at a time, as people use netcat, socat and socketserver.
//!
//! In: a [`RawEndpoint`](landline_addr::raw::RawEndpoint), options, a framing. Out: a [`Connection`] that talks in messages,
//! whichever kind of socket carries them; a [`Server`] that hands each to a [`Handler`]. Nothing here authenticates by
//! key or speaks landline/1: that is [`crate::Call`].
//!
//! ```text
//! endpoint ─► open (socket, options) ─► link (one kind of socket, as bytes or packets) ─► connection (framing, limits)
//!                                                                                            │
//!                                              server (accept, admit, hand over, end) ◄──────┘
//! ```

pub mod connection;
pub mod dial;
mod erased;
pub mod error;
pub mod guard;
mod handlers;
pub mod info;
pub mod layers;
mod link;
pub mod listener;
mod open;
pub mod options;
mod packets;
pub mod peer;
pub mod proof;
mod queue;
pub(crate) mod race;
pub mod relay;
pub mod respond;
mod scratch;
pub mod server;
mod sessions;
pub mod testing;
pub mod tls;

pub use connection::{Connection, Message, Receiver, Sender, Talk};
pub use dial::{DialOptions, dial};
pub use erased::AnyHandler;
pub use error::RawError;
pub use handlers::{HandlerFn, handler_fn};
pub use info::SocketInfo;
pub use listener::Listener;
pub use options::SocketOptions;
pub use peer::PeerName;
pub use proof::Prover;
pub use relay::{RelayOptions, relay};
pub use respond::{Responder, Responding, Verdict};
pub use server::{Handler, Server, ServerOptions};
pub use sessions::SessionLimits;
