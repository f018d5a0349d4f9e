//! So many connections at once from one source.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use landline_addr::source::SourceKey;
use tower_layer::Layer;

use super::source;
use crate::raw::{Connection, Handler, RawError};

/// Closes connections of a source that has enough of them already, with [`RawError::TooMany`]. A source is an IPv4 address or a
/// whole IPv6 /64. Handlers that were layered with clones of one value are counted together. Memory: one entry for each
/// source that is connected, so no more than the server allows connections.
///
/// ```
/// use landline_net::raw::{Connection, Handler, PeerName, RawError, Talk, handler_fn, layers::Limit};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let busy = handler_fn(|mut connection: Connection| async move {
///     while connection.receive().await?.is_some() {}
///     Ok(())
/// });
/// let handler = busy.layered(Limit::per_source(1));
///
/// let caller = || {
///     let (here, there) = tokio::io::duplex(64);
///     let peer = PeerName::Inet("192.0.2.7:4000".parse().expect("an address"));
///     Connection::over(there, peer, &Talk::default()).map(|connection| (here, connection))
/// };
/// let ((_held, first), (_other, second)) = (caller()?, caller()?);
/// let (first, second) = (handler.handle(first), handler.handle(second));
/// tokio::select! {
///     biased;
///     _ = first => unreachable!("it has not ended"),
///     refused = second => assert!(matches!(refused, Err(RawError::TooMany(_)))),
/// }
/// # Ok::<(), RawError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Limit {
    most: usize,
    live: Live,
}

/// A handler with a [`Limit`] around it.
#[derive(Debug, Clone)]
pub struct Limited<H> {
    inner: H,
    limit: Limit,
}

/// Connections of each source that has any.
#[derive(Debug, Clone, Default)]
struct Live(Arc<Mutex<HashMap<SourceKey, usize>>>);

/// One connection, counted until this is dropped.
#[derive(Debug)]
struct Place {
    source: SourceKey,
    live: Live,
}

impl Limit {
    /// `connections` at once from one source.
    #[must_use]
    pub fn per_source(connections: usize) -> Self {
        Self { most: connections, live: Live::default() }
    }

    fn place(&self, source: SourceKey) -> Result<Place, RawError> {
        let mut live = self.live.lock();
        let count = live.get(&source).copied().unwrap_or(0);
        if count >= self.most {
            return Err(RawError::TooMany(source));
        }
        live.insert(source, count + 1);
        drop(live);
        Ok(Place { source, live: self.live.clone() })
    }
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, HashMap<SourceKey, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut live = self.live.lock();
        match live.get_mut(&self.source) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(live.remove(&self.source)),
        }
    }
}

impl<H> Layer<H> for Limit {
    type Service = Limited<H>;

    fn layer(&self, inner: H) -> Limited<H> {
        Limited { inner, limit: self.clone() }
    }
}

/// Has no responder: each peer must come by.
impl<H: Handler> Handler for Limited<H> {
    async fn handle(&self, connection: Connection) -> Result<(), RawError> {
        let _place = source(&connection).map(|source| self.limit.place(source)).transpose()?;
        self.inner.handle(connection).await
    }
}
