//! So many new connections a second from one source.
//!
//! In: a source, the time. Out: whether its connection is served. One time a source is kept, when its next connection would be due
//! at an even pace (GCRA, ITU-T I.371); who is ahead of that by less than a second is let in. The table is bounded.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use landline_addr::source::SourceKey;
use tokio::time::Instant;
use tower_layer::Layer;

use super::source;
use crate::raw::{Connection, Handler, RawError};

/// Sources that are remembered; when they are more, those are forgotten that are due first. 1 MiB at most.
const SOURCES: usize = 1 << 14;

/// Closes connections of a source that makes too many of them, with [`RawError::TooOften`]. A source is an IPv4 address or a
/// whole IPv6 /64; so many connections may also come at once. Handlers that were layered with clones of one value are
/// counted together.
///
/// ```
/// use landline_net::raw::{Connection, Handler, PeerName, RawError, Talk, handler_fn, layers::Rate};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let handler = handler_fn(|_connection| async { Ok(()) }).layered(Rate::per_source(2));
/// let connection = || {
///     let peer = PeerName::Inet("192.0.2.7:4000".parse().expect("an address"));
///     Connection::over(tokio::io::duplex(64).1, peer, &Talk::default())
/// };
/// handler.handle(connection()?).await?;
/// handler.handle(connection()?).await?;
/// assert!(matches!(handler.handle(connection()?).await, Err(RawError::TooOften(_))));
/// # Ok::<(), RawError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rate {
    pace: Pace,
    due: Arc<Mutex<HashMap<SourceKey, Instant>>>,
}

/// A handler with a [`Rate`] around it.
#[derive(Debug, Clone)]
pub struct Rated<H> {
    inner: H,
    rate: Rate,
}

/// How far connections are apart, and how much earlier than due one may come.
#[derive(Debug, Clone, Copy)]
struct Pace {
    apart: Duration,
    ahead: Duration,
}

impl Rate {
    /// So many connections a second from one source, at least one.
    #[must_use]
    pub fn per_source(connections_per_second: u32) -> Self {
        let apart = Duration::from_secs(1) / connections_per_second.max(1);
        let ahead = Duration::from_secs(1).saturating_sub(apart);
        Self { pace: Pace { apart, ahead }, due: Arc::default() }
    }

    fn admits(&self, source: SourceKey, now: Instant) -> bool {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if !due.contains_key(&source) && due.len() >= SOURCES {
            make_room(&mut due, now);
        }
        let next = due.entry(source).or_insert(now);
        if *next > now + self.pace.ahead {
            return false;
        }
        *next = (*next).max(now) + self.pace.apart;
        true
    }
}

/// Forgets the sources that owe nothing or, if there are none, a share of those that are due first; a share, so that a flood
/// of sources does not search the whole table for each.
fn make_room(due: &mut HashMap<SourceKey, Instant>, now: Instant) {
    due.retain(|_, due| *due > now);
    if due.len() >= SOURCES {
        let mut times: Vec<Instant> = due.values().copied().collect();
        times.sort_unstable();
        let cut = times.get(times.len() / 16).copied().unwrap_or(now);
        due.retain(|_, due| *due > cut);
    }
}

impl<H> Layer<H> for Rate {
    type Service = Rated<H>;

    fn layer(&self, inner: H) -> Rated<H> {
        Rated { inner, rate: self.clone() }
    }
}

/// Has no responder: each peer must come by.
impl<H: Handler> Handler for Rated<H> {
    async fn handle(&self, connection: Connection) -> Result<(), RawError> {
        match source(&connection) {
            Some(source) if !self.rate.admits(source, Instant::now()) => Err(RawError::TooOften(source)),
            _ => self.inner.handle(connection).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn a_second_fills_what_a_second_may_take_and_no_more() {
        let (rate, start) = (Rate::per_source(4), Instant::now());
        let source = SourceKey::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
        let admitted = |at: Instant| (0..10).filter(|_| rate.admits(source, at)).count();
        assert_eq!(admitted(start), 4);
        assert_eq!(admitted(start + Duration::from_millis(250)), 1);
        assert_eq!(admitted(start + Duration::from_secs(1000)), 4);
    }

    #[test]
    fn a_flood_of_sources_leaves_the_table_bounded() {
        let (rate, start) = (Rate::per_source(1), Instant::now());
        for number in 0..100_000 {
            let source = SourceKey::from(IpAddr::V4(Ipv4Addr::from_bits(number)));
            assert!(rate.admits(source, start + Duration::from_nanos(u64::from(number))));
        }
        assert!(rate.due.lock().unwrap().len() <= SOURCES);
    }
}
