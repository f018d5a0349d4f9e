//! A kit for tests of handlers and of whoever dials them: lines in memory that behave as badly as real ones may.
//!
//! In: how the line talks and what is wrong with it. Out: two [`Connection`]s, one for each end. No socket, no port, no real
//! time; with tokio's paused clock (`start_paused`) delays cost nothing. A handler that gives the same answers over all of them has
//! not mistaken one read for one message.
//!
//! | | what it finds |
//! |---|---|
//! | [`split_every_byte`] | who takes a read for a message |
//! | [`stalled_writer`] | who waits for ever for a peer that stopped reading |
//! | [`half_closed`] | who takes the end of one direction for the end of both |
//! | [`BadNetwork`] | who relies on timing, order, or on datagrams that arrive |

mod bad_network;
mod chance;
mod flaky;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use super::{Connection, PeerName, RawError, Talk};
use flaky::{Chop, Flaky};

pub use bad_network::BadNetwork;

/// Bytes that a line holds unless a function says otherwise: as much as a socket's buffer.
const LINE_BYTES: usize = 64 << 10;

/// Two ends of a line on which every read gives one byte.
///
/// ```
/// use landline_net::raw::{Talk, testing};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let lines = Talk { incoming: "line".parse()?, outgoing: "line".parse()?, ..Talk::default() };
/// let (mut here, mut there) = testing::split_every_byte(&lines)?;
/// here.send(b"one message").await?;
/// assert_eq!(there.receive().await?.expect("it came").body, "one message");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If `talk` is impossible.
pub fn split_every_byte(talk: &Talk) -> Result<(Connection, Connection), RawError> {
    let (one, other) = Flaky::pair(LINE_BYTES, [Chop::EachByte, Chop::EachByte]);
    Ok((Connection::over(one, PeerName::Memory, talk)?, Connection::over(other, PeerName::Memory, talk)?))
}

/// The other end of a line: it holds what it was sent and reads none of it.
#[derive(Debug)]
#[must_use = "dropped, the line is closed"]
pub struct Stalled(Connection);

impl Stalled {
    /// Reads on.
    pub fn resume(self) -> Connection {
        self.0
    }
}

/// A connection whose peer has stopped reading: `bytes` still fit in between, then whoever sends has to wait.
///
/// ```
/// use std::time::Duration;
/// use landline_net::raw::{RawError, Talk, testing};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let talk = Talk { idle: Some(Duration::from_millis(20)), ..Talk::default() };
/// let (mut here, stalled) = testing::stalled_writer(4, &talk)?;
/// here.send(b"1234").await?;
/// assert!(matches!(here.send(b"5").await, Err(RawError::Idle(_))));
/// assert_eq!(stalled.resume().receive().await?.expect("what fitted").body, "1234");
/// # Ok::<(), RawError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If `talk` is impossible.
pub fn stalled_writer(bytes: usize, talk: &Talk) -> Result<(Connection, Stalled), RawError> {
    let (here, there) = Connection::pair(bytes.max(1), talk)?;
    Ok((here, Stalled(there)))
}

/// A connection whose peer has said `messages` and ended its direction, and that peer, which still receives.
///
/// ```
/// use landline_net::raw::{Talk, testing};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (mut here, mut peer) = testing::half_closed(&[b"the last word"], &Talk::default()).await?;
/// assert_eq!(here.receive().await?.expect("it came").body, "the last word");
/// assert!(here.receive().await?.is_none());
/// here.send(b"an answer").await?;
/// assert_eq!(peer.receive().await?.expect("it still listens").body, "an answer");
/// # Ok::<(), landline_net::raw::RawError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If `talk` is impossible or can't carry one of the messages; always for the framing `ready`, whose messages need both
/// directions.
pub async fn half_closed(messages: &[&[u8]], talk: &Talk) -> Result<(Connection, Connection), RawError> {
    let said: usize = messages.iter().map(|message| message.len()).sum();
    // All of it fits, whatever the framing adds: nobody reads yet.
    let (here, mut peer) = Connection::pair(2 * said + LINE_BYTES, talk)?;
    let (_, sender) = peer.halves();
    for message in messages {
        sender.send(message).await?;
    }
    sender.finish().await?;
    Ok((here, peer))
}

/// Two ends that send each other datagrams, whole and in order; `waiting` of them fit in between. Unlike real ones they tell
/// an end, when the other end is dropped.
///
/// ```
/// use landline_net::raw::{Talk, testing};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (mut here, mut there) = testing::datagrams(8, &Talk::default())?;
/// here.send(b"one").await?;
/// here.send(b"").await?;
/// assert_eq!(there.receive().await?.expect("a datagram").body, "one");
/// assert_eq!(there.receive().await?.expect("an empty one is one too").body, "");
/// assert!(there.is_datagram());
/// # Ok::<(), landline_net::raw::RawError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If `talk` is impossible.
pub fn datagrams(waiting: usize, talk: &Talk) -> Result<(Connection, Connection), RawError> {
    let whole = || Box::new(|datagram: Option<Bytes>| datagram.into_iter().collect()) as super::queue::Fate;
    let (one, other) = super::queue::pair(waiting, (whole(), whole()));
    Ok((Connection::new(one, PeerName::Memory, talk)?, Connection::new(other, PeerName::Memory, talk)?))
}
