//! Servers and clients on raw sockets, for programs of your own: one `async fn` serves TCP, TLS, UDP, every kind of UNIX
//! socket, and pipes in memory.
//!
//! A server is an [`Endpoint`] and a [`Handler`]; the handler gets a [`Connection`] and talks in messages, which the
//! socket or a [`Framing`] keeps apart. [`dial()`] gives the other end the same [`Connection`].
//!
//! ```
//! use landline::{CancellationToken, Connection, DialOptions, Handler, RawError, Server, ServerOptions, dial};
//!
//! struct Upper;
//!
//! impl Handler for Upper {
//!     async fn handle(&self, mut connection: Connection) -> Result<(), RawError> {
//!         while let Some(message) = connection.receive().await? {
//!             connection.send(&message.body.to_ascii_uppercase()).await?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! let server = Server::bind(&"tcp://127.0.0.1:0".parse()?, ServerOptions::default()).await?;
//! let (endpoint, stop) = (server.bound().clone(), CancellationToken::new());
//! let serving = tokio::spawn(server.serve(Upper, stop.clone()));
//!
//! let mut connection = dial(&endpoint, &DialOptions::default()).await?.connection;
//! connection.send(b"hello").await?;
//! assert_eq!(connection.receive().await?.expect("an answer").body, "HELLO");
//!
//! drop(connection);
//! stop.cancel(); // no new connections; those that stand may end in their own time, within the grace period
//! assert_eq!(serving.await??.connections, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | you want | take |
//! |---|---|
//! | a server | [`Server`], [`ServerOptions`], a [`Handler`] or a closure ([`handler_fn`]) |
//! | to answer single requests, by datagram too | a [`Responder`] in [`Responding`]; ready-made ones in [`services`] |
//! | a client | [`dial()`], [`DialOptions`] |
//! | messages on a stream | [`Talk`] with a [`Framing`]: lines, marks, lengths, JSON headers; by hand [`Decoder`], [`Encoder`] |
//! | limits | [`FramingLimits`], [`SessionLimits`], [`GuardLimits`]; around a handler [`layers`] |
//! | only those with the key | a [`Prover`] of a [`Secret`] by a [`Scheme`] |
//! | TLS | [`ServerTls`], [`ClientTls`] |
//! | two connections as one | [`relay()`] |
//! | to end | a [`CancellationToken`] |
//! | tests without sockets | [`testing`], [`Connection::pair`] |
//!
//! What a peer sends is never trusted: every limit has a safe default, and a handler that panics or fails ends its own
//! connection and no other. Nothing here encrypts but `tls://`, and nothing proves who comes but a challenge over it.
//! Five programs of under 40 lines are in `examples/`. Calls between landline's own machines, with keys and grants, are not
//! here: they are the business of the `landline` command.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub use landline_addr::endpoint::Host;
pub use landline_addr::raw::{RawEndpoint as Endpoint, RawEndpointError as EndpointError, UnixName};

pub use landline_net::raw::connection::Traffic;
pub use landline_net::raw::dial::{Dialled, RawDialError as DialError, dial};
pub use landline_net::raw::guard::GuardLimits;
pub use landline_net::raw::server::{Event, Served, Watcher};
pub use landline_net::raw::tls::{ClientTls, Fingerprint, ServerTls, TlsError, Trust};
pub use landline_net::raw::{
    AnyHandler, Connection, DialOptions, Handler, HandlerFn, Message, PeerName, Prover, RawError, Receiver, Responder,
    Responding, Sender, Server, ServerOptions, SessionLimits, SocketInfo, SocketOptions, Talk, Verdict, handler_fn,
};
pub use landline_net::raw::{layers, testing};

/// ```
/// use landline::{Connection, RelayOptions, Talk, relay};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let (mut client, one) = Connection::pair(64, &Talk::default())?;
/// let (other, mut server) = Connection::pair(64, &Talk::default())?;
/// let relaying = tokio::spawn(relay(one, other, RelayOptions::default()));
/// client.send(b"hello").await?;
/// assert_eq!(server.receive().await?.expect("it was carried").body, "hello");
/// client.finish().await?;
/// assert!(server.receive().await?.is_none(), "the end too");
/// server.finish().await?;
/// relaying.await??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(inline)]
pub use landline_net::raw::relay::{RelayOptions, relay};

pub use landline_trust::challenge::{Proved, Scheme, Secret, SetupError};

pub use landline_wire::framing::{self, Decoder, Encoder, Framing, FramingError, JsonHead, LengthPrefix, Mark};
pub use landline_wire::limits::FramingLimits;

pub use tokio_util::sync::CancellationToken;

/// Ready-made services: what the programs of socket tutorials do. Each is a [`Handler`], or a
/// [`Responder`] to put in [`Responding`].
///
/// ```
/// use landline::{Connection, Handler, Responding, Talk, services::Echo};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (mut here, there) = Connection::pair(1024, &Talk::default())?;
/// let serving = tokio::spawn(async move { Responding::new(Echo).handle(there).await });
/// here.send(b"hello").await?;
/// assert_eq!(here.receive().await?.expect("an answer").body, "hello");
/// drop(here);
/// serving.await.expect("no panic")?;
/// # Ok::<(), landline::RawError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod services {
    pub use landline_services::simple::{
        Ack, Bot, Broker, Discard, Echo, Exec, Greet, Hello, Info, Order, Slow, Table, TableError, Time, Upper,
    };
}
