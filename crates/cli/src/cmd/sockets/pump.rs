//! Bytes or messages both ways at once, until both directions have ended.
//!
//! End of input shuts the own direction and reading goes on; the other end's end leaves sending open. A quiet connection whose both
//! directions are open is left alone; once one has ended, the other may be silent for [`Pump::linger`] only, so that nothing
//! hangs for ever on a peer that neither speaks nor closes. Datagrams have no end: there the same wait ends it.

use std::time::Duration;

use landline_net::raw::relay::Pulse;
use landline_net::raw::{Connection, PeerName, RawError, Receiver, Sender};

use tokio::sync::Notify;

use super::human::{Human, Keys, Screen};
use crate::fail::Fail;

/// How long the second direction may be silent when the first has ended.
pub(crate) const LINGER: Duration = Duration::from_secs(300);
/// The same for datagrams, whose answers come soon or not at all.
pub(crate) const LINGER_DATAGRAM: Duration = Duration::from_secs(1);

/// How long this end may be silent when the other has ended and the next one waits to be served.
const LINGER_KEPT: Duration = Duration::from_secs(1);

/// How to talk both ways.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pump {
    /// Whether a line is a message; else bytes go as they come.
    pub(crate) lines: bool,
    /// How long the second direction may be silent when the first has ended; [`LINGER`] or [`LINGER_DATAGRAM`] if left open.
    pub(crate) linger: Option<Duration>,
    /// How long it may last that nothing comes or goes in either direction.
    pub(crate) idle: Option<Duration>,
    /// Whether others wait until this connection is over.
    pub(crate) keeps: bool,
}

/// What ended a talk too early.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The connection.
    Talk(RawError),
    /// This end.
    Here(Fail),
}

impl From<RawError> for Fault {
    fn from(fault: RawError) -> Self {
        Self::Talk(fault)
    }
}

impl From<Fail> for Fault {
    fn from(fail: Fail) -> Self {
        Self::Here(fail)
    }
}

impl Pump {
    /// Talks until both directions have ended.
    ///
    /// # Errors
    /// What ended it too early.
    pub(crate) async fn run(self, connection: Connection, human: &mut Human) -> Result<(), Fault> {
        let linger = self.linger.unwrap_or(if connection.is_datagram() { LINGER_DATAGRAM } else { LINGER });
        let peer = connection.peer().clone();
        let (mut receiver, mut sender) = connection.split();
        let Human { keys, screen } = human;
        let (person, left, gone) = (keys.is_person(), Notify::new(), Notify::new());
        let pulse = Pulse::new();
        let talked = {
            // Neither direction waits for the other: two ends that only write would stand still for ever.
            let up = async {
                match self.up(keys, &mut sender, &pulse).await {
                    // It took no more; what it had to say may still come.
                    Err(Fault::Talk(fault)) if fault.is_leaving() => {
                        pulse.ended();
                        Ok(Some(fault))
                    }
                    other => other.map(|()| None),
                }
            };
            let down = async {
                if down(&mut receiver, screen, &peer, &pulse).await? {
                    left.notify_one();
                } else {
                    gone.notify_one();
                }
                Ok(())
            };
            tokio::select! {
                both = async { tokio::try_join!(up, down) } => match both {
                    Ok((Some(early), ())) => Err(Fault::Talk(early)),
                    Ok((None, ())) => Ok(()),
                    Err(fault) => Err(fault),
                },
                () = pulse.silent_for(linger) => Ok(()),
                idle = pulse.idle_for(self.idle) => Err(Fault::Talk(RawError::Idle(idle))),
                () = gone.notified() => Ok(()), // nobody reads what comes: `dial … | head -1` is done
                // A person who is typing would never learn that nobody hears it any more.
                () = async {
                    left.notified().await;
                    if !person {
                        pulse.silent_for(LINGER_KEPT).await;
                    }
                }, if person || self.keeps => Ok(()),
            }
        };
        human.screen.written().await;
        if receiver.was_torn() {
            human.screen.warn(format_args!(
                "{peer} closed without TLS's closing alert: what came may have been cut short by somebody on the way"
            ));
        }
        talked
    }

    async fn up(self, keys: &mut Keys, sender: &mut Sender, pulse: &Pulse) -> Result<(), Fault> {
        while let Some(bytes) = self.typed(keys).await? {
            sender.send(&bytes).await?;
            pulse.beat();
        }
        sender.finish().await?;
        pulse.ended();
        Ok(())
    }

    async fn typed(self, keys: &mut Keys) -> Result<Option<bytes::Bytes>, Fail> {
        if self.lines { keys.line().await } else { keys.piece().await }
    }
}

/// Shows what comes, to its end. Whether somebody read it to its end.
async fn down(receiver: &mut Receiver, screen: &mut Screen, peer: &PeerName, pulse: &Pulse) -> Result<bool, Fault> {
    while let Some(message) = receiver.receive().await? {
        pulse.beat();
        if !screen.show(&message, peer).await {
            return Ok(false);
        }
    }
    pulse.ended();
    Ok(true)
}
