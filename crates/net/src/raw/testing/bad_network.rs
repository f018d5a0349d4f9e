//! A network that is bad in a way that can be repeated.

use std::time::Duration;

use bytes::Bytes;

use super::{
    LINE_BYTES,
    chance::Chance,
    flaky::{Chop, Flaky},
};
use crate::raw::{Connection, PeerName, RawError, Talk, queue};

/// Datagrams that may be under way in one direction.
const WAITING: usize = 64;

/// A bad network. By itself it cuts what is read on its streams into pieces of any length; the rest is asked for. The same
/// seed and the same wishes give the same faults; on one thread with a paused clock, the whole run is the same.
///
/// ```
/// use std::time::Duration;
/// use landline_net::raw::{Talk, testing::BadNetwork};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let lines = Talk { incoming: "line".parse()?, outgoing: "line".parse()?, ..Talk::default() };
/// for seed in 0..20 {
///     let mut network = BadNetwork::new(seed).delays(Duration::from_secs(5));
///     let (mut here, mut there) = network.stream(&lines)?;
///     here.send(b"a message").await?;
///     here.send(b"another one").await?;
///     assert_eq!(there.receive().await?.expect("it came").body, "a message");
///     assert_eq!(there.receive().await?.expect("it came").body, "another one");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BadNetwork {
    chance: Chance,
    delay: Duration,
    reset_within: Option<usize>,
    lost: u8,
    doubled: u8,
    swapped: u8,
}

impl BadNetwork {
    /// A network by this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let chance = Chance::new(seed);
        Self { chance, delay: Duration::ZERO, reset_within: None, lost: 0, doubled: 0, swapped: 0 }
    }

    /// Each read of a stream waits first, `most` at the longest. Needs a clock: let it be a paused one.
    #[must_use]
    pub fn delays(self, most: Duration) -> Self {
        Self { delay: most, ..self }
    }

    /// Each stream is reset before more than so many bytes went either way; how many is left to chance.
    #[must_use]
    pub fn resets_within(self, bytes: usize) -> Self {
        Self { reset_within: Some(bytes), ..self }
    }

    /// So many of a hundred datagrams are lost.
    #[must_use]
    pub fn loses(self, percent: u8) -> Self {
        Self { lost: percent, ..self }
    }

    /// So many of a hundred datagrams come twice.
    #[must_use]
    pub fn duplicates(self, percent: u8) -> Self {
        Self { doubled: percent, ..self }
    }

    /// So many of a hundred datagrams come behind the next one.
    #[must_use]
    pub fn reorders(self, percent: u8) -> Self {
        Self { swapped: percent, ..self }
    }

    /// Two ends of a new stream. Each one has faults of its own.
    ///
    /// # Errors
    /// If `talk` is impossible.
    pub fn stream(&mut self, talk: &Talk) -> Result<(Connection, Connection), RawError> {
        let mut chop = || {
            let mut chance = self.chance.branch();
            let reset_after = self.reset_within.map(|most| chance.up_to(most));
            Chop::Random { chance, delay: self.delay, reset_after }
        };
        let (one, other) = Flaky::pair(LINE_BYTES, [chop(), chop()]);
        Ok((Connection::over(one, PeerName::Memory, talk)?, Connection::over(other, PeerName::Memory, talk)?))
    }

    /// Two ends that send each other datagrams, as [`super::datagrams`], through this network.
    ///
    /// ```
    /// use landline_net::raw::{Talk, testing::BadNetwork};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let (mut here, mut there) = BadNetwork::new(7).loses(50).datagrams(&Talk::default())?;
    /// for number in 0..40u8 {
    ///     here.send(&[number]).await?;
    /// }
    /// drop(here);
    /// let mut came = 0;
    /// while there.receive().await?.is_some() {
    ///     came += 1;
    /// }
    /// assert!((5..35).contains(&came));
    /// # Ok::<(), landline_net::raw::RawError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If `talk` is impossible.
    pub fn datagrams(&mut self, talk: &Talk) -> Result<(Connection, Connection), RawError> {
        let fates = (self.fate(), self.fate());
        let (one, other) = queue::pair(WAITING, fates);
        Ok((Connection::new(one, PeerName::Memory, talk)?, Connection::new(other, PeerName::Memory, talk)?))
    }

    fn fate(&mut self) -> queue::Fate {
        let mut chance = self.chance.branch();
        let (lost, doubled, swapped) = (self.lost, self.doubled, self.swapped);
        let mut held: Option<Bytes> = None;
        Box::new(move |sent| {
            let Some(datagram) = sent else { return held.take().into_iter().collect() };
            // Drawn in any case, so that one wish does not change what becomes of the others.
            let (lose, double, swap) = (chance.happens(lost), chance.happens(doubled), chance.happens(swapped));
            let mut arriving = Vec::new();
            if lose {
                return arriving;
            }
            if swap && held.is_none() {
                held = Some(datagram);
                return arriving;
            }
            if double {
                arriving.push(datagram.clone());
            }
            arriving.push(datagram);
            arriving.extend(held.take());
            arriving
        })
    }
}
