//! Two connections as one: what comes on either goes out on the other, ends included.
//!
//! In: two connections of any kinds. Out: both carried to their ends. A half-close on one side becomes one on the other, and reading goes on;
//! a quiet pair whose directions are all open is left alone; once one has ended, the other may be silent for so long only,
//! so that no socket rests half-closed until a restart. Between plain stream sockets the kernel moves the bytes (`splice`).

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    connection::{Connection, Receiver, Sender},
    error::RawError,
};

#[cfg(target_os = "linux")]
mod splice;

/// Bytes of one copied piece: what one read takes at most.
const PIECE: usize = 64 << 10;

/// How bytes are carried.
///
/// ```
/// use std::time::Duration;
///
/// use landline_net::raw::relay::RelayOptions;
///
/// let patient = RelayOptions::default();
/// assert_eq!(patient.idle, None, "it waits for ever");
/// let brisk = RelayOptions { idle: Some(Duration::from_secs(60)), ..patient };
/// # assert_ne!(brisk, patient);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayOptions {
    /// How long the second direction may be silent when the first has ended.
    pub linger: Duration,
    /// How long nothing may come in either direction, while both are open; as long as it likes if left open.
    pub idle: Option<Duration>,
    /// Whether bytes are copied through this process even where the kernel could move them by itself.
    pub copies: bool,
}

impl Default for RelayOptions {
    /// Five minutes for the second direction: what a slow answer to a whole input takes, and less than for ever.
    fn default() -> Self {
        Self { linger: Duration::from_secs(300), idle: None, copies: false }
    }
}

/// Carries everything between `one` and `other` until both directions have ended.
///
/// # Errors
/// As either line fails, or [`RawError::Idle`]; both are closed then.
pub async fn relay(one: Connection, other: Connection, options: RelayOptions) -> Result<(), RawError> {
    let RelayOptions { linger, idle, copies } = options;
    let pulse = Pulse::new();
    let (mut from_one, mut to_one) = one.split();
    let (mut from_other, mut to_other) = other.split();
    let both = async {
        tokio::try_join!(
            carry(&mut from_one, &mut to_other, copies, &pulse),
            carry(&mut from_other, &mut to_one, copies, &pulse),
        )
    };
    tokio::select! {
        done = both => done.map(drop),
        () = pulse.silent_for(linger) => Ok(()),
        idle = pulse.idle_for(idle) => Err(RawError::Idle(idle)),
    }
}

/// One direction, to its end and with it.
async fn carry(from: &mut Receiver, to: &mut Sender, copies: bool, pulse: &Pulse) -> Result<(), RawError> {
    while let Some(early) = from.leftover() {
        to.write(&early).await?;
    }
    #[cfg(target_os = "linux")]
    if let (false, Some(source), Some(sink)) = (copies, from.plain(), to.plain()) {
        splice::carry(source, sink, &|bytes| {
            from.count(bytes);
            to.count(bytes);
            pulse.beat();
        })
        .await?;
        to.finish().await?;
        pulse.ended();
        return Ok(());
    }
    while let Some(piece) = from.read_some(PIECE).await? {
        to.write(&piece.body).await?;
        pulse.beat();
    }
    to.finish().await?;
    pulse.ended();
    Ok(())
}

/// When something last went over, and whether one direction has ended.
#[derive(Debug)]
pub struct Pulse {
    state: Mutex<(Instant, bool)>,
    changed: Notify,
}

impl Default for Pulse {
    fn default() -> Self {
        Self::new()
    }
}

impl Pulse {
    /// Begins now, with both directions open.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Mutex::new((Instant::now(), false)), changed: Notify::new() }
    }

    /// Something went over.
    pub fn beat(&self) {
        self.state().0 = Instant::now();
    }

    /// One direction has ended.
    pub fn ended(&self) {
        *self.state() = (Instant::now(), true);
        self.changed.notify_one();
    }

    /// Waits until one direction has ended and nothing went over for `linger`.
    pub async fn silent_for(&self, linger: Duration) {
        loop {
            let (last, ended) = *self.state();
            if !ended {
                self.changed.notified().await;
            } else if last.elapsed() >= linger {
                return;
            } else {
                sleep_until(last + linger).await;
            }
        }
    }

    /// Waits until nothing went over in either direction for `idle`, and gives it; for ever if there is no such limit.
    pub async fn idle_for(&self, idle: Option<Duration>) -> Duration {
        let Some(idle) = idle else { return std::future::pending().await };
        loop {
            let (last, _) = *self.state();
            if last.elapsed() >= idle {
                return idle;
            }
            sleep_until(last + idle).await;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, (Instant, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
