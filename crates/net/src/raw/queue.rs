//! A queue of datagrams in memory, and what becomes of each on the way.
//!
//! In: what one end sends. Out: what the other end gets, which a [`Fate`] decides: none, one or more datagrams. A full
//! queue makes the sender wait, so that nothing is lost but what the fate loses.

use std::fmt;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::link::{Halves, Held, ReadLink, SessionPacket, WriteLink};

/// Says what arrives when this is sent; `None`: the sender has ended, and what was held back is let go of.
pub(crate) type Fate = Box<dyn FnMut(Option<Bytes>) -> Vec<Bytes> + Send + Sync>;

/// The end that sends.
pub(crate) struct Queue {
    to: mpsc::Sender<SessionPacket>,
    fate: Fate,
}

/// Two ends, each of which sends to the other by its own fate; `waiting` datagrams fit in between.
pub(crate) fn pair(waiting: usize, fates: (Fate, Fate)) -> (Halves, Halves) {
    let (to_other, at_other) = mpsc::channel(waiting.max(1));
    let (to_one, at_one) = mpsc::channel(waiting.max(1));
    let end = |inbox, to, fate| (ReadLink::Session(inbox), WriteLink::Queue(Box::new(Queue { to, fate })));
    (end(at_one, to_other, fates.0), end(at_other, to_one, fates.1))
}

impl Queue {
    /// Sends one datagram. That nobody is left to take it is not known to who sends, as with UDP.
    pub(crate) async fn put(&mut self, datagram: &[u8]) {
        self.pass(Some(Bytes::copy_from_slice(datagram))).await;
    }

    /// Nothing more will be sent.
    pub(crate) async fn finish(&mut self) {
        self.pass(None).await;
    }

    async fn pass(&mut self, datagram: Option<Bytes>) {
        for body in (self.fate)(datagram) {
            let sent = body.len();
            let _nobody_left = self.to.send(SessionPacket { body, sent, held: Held::default() }).await;
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queue")
    }
}
