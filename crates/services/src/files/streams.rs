//! Streams that run here, by the names that their callers gave them: so that further calls of the same peer can join one
//! as lanes, and a stream whose line was cut gives way to the one that goes on for it.
//!
//! In: who calls, what it calls the stream. Out: the lanes of that stream for others of the same peer. Knows nothing of
//! what travels. Source: PROTOCOL.md §7.6.
//! Invariant: nobody but the peer that began a stream reaches it, and a name stands for one stream at a time.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use landline_net::{Call, CallError, LineStats};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{
    company::{Company, Person, Place},
    copy::{
        lanes::{Bundle, Parted},
        receive, send,
    },
};

/// A peer of which nothing came for so long, while another stream of the same peer begins, has lost its line: both ends
/// of a stream show life every two seconds.
const LOST: Duration = Duration::from_secs(5);

/// How long a stream that begins waits for the one that it goes on for: a disk that is making durable takes so long.
const GIVES_WAY: Duration = Duration::from_secs(30);

/// Ended streams that are remembered: whoever dials again does within a minute, and nobody ends so many in one.
const FORBIDDEN: usize = 256;

/// What a caller calls one of its streams: 128 random bits, 32 hexadecimal digits in messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId([u8; 16]);

impl StreamId {
    /// One that nobody else has; `None` if the system gives no random bytes.
    #[must_use]
    pub fn fresh() -> Option<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).ok().map(|()| Self(id))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<StreamId> for String {
    fn from(id: StreamId) -> Self {
        id.to_string()
    }
}

/// A text that names no stream.
#[derive(Debug, thiserror::Error)]
#[error("a stream is named by 32 lower-case hexadecimal digits")]
pub struct NoStreamId;

impl FromStr for StreamId {
    type Err = NoStreamId;

    fn from_str(text: &str) -> Result<Self, NoStreamId> {
        // One way to write it: what is read and written again is the same.
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(NoStreamId),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut id = [0; 16];
        if pairs.len() != id.len() || !rest.is_empty() {
            return Err(NoStreamId);
        }
        for (byte, [high, low]) in id.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(id))
    }
}

impl TryFrom<String> for StreamId {
    type Error = NoStreamId;

    fn try_from(text: String) -> Result<Self, NoStreamId> {
        text.parse()
    }
}

/// Where the further calls of a stream join it.
#[derive(Debug, Clone)]
pub(in crate::files) enum Lanes {
    /// It sends from here.
    Away(send::Lanes),
    /// It receives here.
    Here(receive::Lanes),
}

impl Lanes {
    fn bundle(&self) -> &Bundle {
        match self {
            Self::Away(lanes) => lanes.bundle(),
            Self::Here(lanes) => lanes.bundle(),
        }
    }

    /// Resolves once the other end knows the stream too.
    pub(in crate::files) async fn begun(&self) {
        self.bundle().begun.cancelled().await;
    }

    /// Resolves once the stream has ended.
    pub(in crate::files) async fn over(&self) {
        self.bundle().over.cancelled().await;
    }

    /// Lets one more call carry groups.
    pub(in crate::files) fn join(&self) -> Result<Lane, CallError> {
        match self {
            Self::Away(lanes) => lanes.join().map(Lane::Away),
            Self::Here(lanes) => lanes.join().map(Lane::Here),
        }
    }

    /// Lets the stream end at the next good place.
    pub(in crate::files) fn end(&self) {
        self.bundle().ended.cancel();
    }

    /// Whether it shall.
    pub(in crate::files) fn is_ended(&self) -> bool {
        self.bundle().ended.is_cancelled()
    }

    /// Resolves once the stream shall end, by the end of one of its lanes.
    pub(in crate::files) async fn ended(&self) {
        self.bundle().ended.cancelled().await;
    }

    /// Ends the stream as if its line had been cut.
    pub(in crate::files) fn displace(&self) {
        self.bundle().cut.cancel();
    }
}

/// A call's place among the lanes of a stream.
#[derive(Debug)]
pub(in crate::files) enum Lane {
    Away(send::Lane),
    Here(receive::Lane),
}

impl Lane {
    /// It ends before it has begun: the other end did not take it.
    pub(in crate::files) fn leave(self) {
        match self {
            Self::Away(lane) => lane.leave(),
            Self::Here(lane) => lane.leave(),
        }
    }

    /// Carries groups over `call` until all have gone, or an end has `enough` of it.
    pub(in crate::files) async fn carry(
        self,
        call: &mut Call,
        enough: &CancellationToken,
    ) -> Result<Parted, CallError> {
        match self {
            Self::Away(lane) => lane.carry(call, enough).await,
            Self::Here(lane) => lane.carry(call, enough).await,
        }
    }
}

/// The streams of a share. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::files) struct Streams {
    running: Arc<Mutex<Running>>,
    company: Company,
}

#[derive(Debug, Default)]
struct Running {
    streams: HashMap<u64, Stream>,
    next: u64,
    /// Streams that were ended by the owner, the latest last.
    forbidden: VecDeque<([u8; 32], StreamId)>,
}

#[derive(Debug)]
struct Stream {
    peer: [u8; 32],
    name: Option<StreamId>,
    lanes: Lanes,
    line: LineStats,
    place: Place,
    /// Cancelled once it has let go of everything.
    gone: CancellationToken,
}

/// A stream that runs; dropped when it has ended.
#[derive(Debug)]
pub(in crate::files) struct Entered {
    running: Arc<Mutex<Running>>,
    number: u64,
}

impl Streams {
    /// Those of another share of the same server.
    pub(in crate::files) fn beside(&self) -> Self {
        Self { running: Arc::default(), company: self.company.clone() }
    }

    /// A stream of `peer`, a machine of `person`, begins. Whatever it goes on for (the one of the same name, and those of the same peer that are
    /// not heard any more) is ended first and let finish, so that what came of it can be taken up.
    pub(in crate::files) async fn enter(
        &self,
        (peer, person): ([u8; 32], Person),
        name: Option<StreamId>,
        lanes: Lanes,
        line: LineStats,
    ) -> Entered {
        let (entered, before) = {
            let mut running = lock(&self.running);
            let gives_way = |stream: &&Stream| {
                stream.peer == peer && (name.is_some() && stream.name == name || stream.line.silent_for() >= LOST)
            };
            let displaced = running.streams.values().filter(gives_way);
            let before: Vec<CancellationToken> =
                displaced.inspect(|stream| stream.lanes.displace()).map(|stream| stream.gone.clone()).collect();
            // At once, so that of two that begin together the second is the one that the first gives way to.
            let number = running.next;
            running.next += 1;
            let place = self.company.enter(person, line.clone());
            running.streams.insert(number, Stream { peer, name, lanes, line, place, gone: CancellationToken::new() });
            (Entered { running: Arc::clone(&self.running), number }, before)
        };
        let all_gone = async {
            for gone in before {
                gone.cancelled().await;
            }
        };
        // One that hangs in its disk is not waited for for ever: then it keeps what it holds, and this begins anew.
        drop(tokio::time::timeout(GIVES_WAY, all_gone).await);
        entered
    }

    /// Whether the stream that `peer` calls so was ended by the owner.
    pub(in crate::files) fn is_forbidden(&self, peer: [u8; 32], name: Option<StreamId>) -> bool {
        name.is_some_and(|name| lock(&self.running).forbidden.contains(&(peer, name)))
    }

    /// The lanes of the stream that `peer` calls so, and its place among those of others.
    pub(in crate::files) fn find(&self, peer: [u8; 32], name: StreamId) -> Option<(Lanes, Place)> {
        let running = lock(&self.running);
        let named = running.streams.iter().filter(|(_, stream)| (stream.peer, stream.name) == (peer, Some(name)));
        // One that gives way may still be there.
        named.max_by_key(|(number, _)| **number).map(|(_, stream)| (stream.lanes.clone(), stream.place.clone()))
    }
}

impl Entered {
    /// Nobody goes on with this stream: it was not cut, it was ended.
    pub(in crate::files) fn forbid(&self) {
        let mut running = lock(&self.running);
        let Some(Stream { peer, name: Some(name), .. }) = running.streams.get(&self.number) else { return };
        let ended = (*peer, *name);
        running.forbidden.push_back(ended);
        if running.forbidden.len() > FORBIDDEN {
            running.forbidden.pop_front();
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(stream) = lock(&self.running).streams.remove(&self.number) {
            stream.place.leave();
            stream.gone.cancel();
        }
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_in_one_way() {
        let id: StreamId = "00112233445566778899aabbccddeeff".parse().unwrap();
        assert_eq!(id.to_string(), "00112233445566778899aabbccddeeff");
        for other in [
            "",
            "00112233445566778899AABBCCDDEEFF",
            "00112233445566778899aabbccddeef",
            "é0112233445566778899aabbccddeef",
        ] {
            assert!(other.parse::<StreamId>().is_err(), "{other}");
        }
        assert_ne!(StreamId::fresh(), StreamId::fresh());
    }
}
