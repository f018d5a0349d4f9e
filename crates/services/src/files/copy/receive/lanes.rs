//! The lanes of a receiver: groups from several calls go to the one thread that writes.

use std::sync::{Arc, OnceLock};

use landline_net::{Call, CallError, CallReader, CallWriter, Received};
use landline_wire::decode;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::In;
use crate::files::{
    copy::{
        BLOCKS, HEARTBEAT, LIFE,
        lanes::{Bundle, Membership, Parted, no_stream},
    },
    msg::{LaneAck, LaneItem},
    records::Put,
};

/// Where lanes join a stream that is received here. Cheap to clone; holds nothing of the stream once that is over.
#[derive(Debug, Clone, Default)]
pub struct Lanes {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    bundle: Arc<Bundle>,
    queue: OnceLock<mpsc::WeakSender<In>>,
}

/// A group that came over a lane.
pub(super) struct Piece {
    pub(super) number: u64,
    pub(super) index: u64,
    pub(super) inflated: Option<u32>,
    pub(super) data: Vec<u8>,
    /// Where the buffer belongs.
    pub(super) back: mpsc::Sender<Vec<u8>>,
}

impl Lanes {
    pub(in crate::files) fn bundle(&self) -> &Bundle {
        &self.inner.bundle
    }

    /// The stream runs from now on.
    pub(super) fn begin(&self, queue: &mpsc::Sender<In>) {
        drop(self.inner.queue.set(queue.downgrade())); // one stream, one beginning
    }

    /// Lets one more call bring groups. From now on the stream does not end before this lane has.
    ///
    /// # Errors
    /// A fault for the peer: the stream has not begun, has ended, or has enough lanes.
    pub fn join(&self) -> Result<Lane, CallError> {
        let queue = self.inner.queue.get().and_then(mpsc::WeakSender::upgrade).ok_or_else(no_stream)?;
        let member = self.inner.bundle.join()?;
        Ok(Lane { bundle: Arc::clone(&self.inner.bundle), queue, member: Some(member) })
    }
}

/// A place among the lanes of a stream.
pub struct Lane {
    bundle: Arc<Bundle>,
    queue: mpsc::Sender<In>,
    member: Option<Membership>,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

impl Drop for Lane {
    /// The thread that writes may be waiting for just that. If its queue is full it will look anyway. A lane that is dropped
    /// in the middle takes the stream along: nobody could say what was on its way.
    fn drop(&mut self) {
        drop(self.member.take());
        drop(self.queue.try_send(In::LaneEnded));
    }
}

impl Lane {
    /// It ends before it has begun: the sender did not take it.
    pub(in crate::files) fn leave(mut self) {
        self.left();
    }

    fn left(&mut self) {
        if let Some(member) = self.member.take() {
            member.leave();
        }
    }

    /// Takes groups from `call` until the sender has no more for it; says so if this end has `enough` of it.
    ///
    /// # Errors
    /// As the line fails, or the sender breaks the protocol; the stream is cut then.
    pub async fn carry(mut self, call: &mut Call, enough: &CancellationToken) -> Result<Parted, CallError> {
        let bundle = Arc::clone(&self.bundle);
        let (reader, writer) = call.halves();
        reader.set_idle(LIFE);
        writer.set_idle(LIFE);
        let (asked, all) = (enough.child_token(), CancellationToken::new());
        let ended = tokio::select! {
            () = bundle.over.cancelled() => Err(CallError::Cut),
            ended = async { tokio::try_join!(self.receive(reader, &all), speak(writer, &asked, &all)) } => ended.map(|(early, ())| early),
        };
        reader.release();
        if ended.is_err() {
            bundle.cut.cancel(); // if it is over, that says nothing
        }
        self.left();
        let sent_away = ended? && !enough.is_cancelled();
        Ok(if sent_away { Parted::SentAway } else { Parted::Done })
    }

    /// Hands groups on until no more come; whether the sender has more, for other calls.
    async fn receive(&self, reader: &mut CallReader, all: &CancellationToken) -> Result<bool, CallError> {
        let (back_tx, mut back) = mpsc::channel(2 * BLOCKS);
        let mut announced = None;
        loop {
            while let Ok(buffer) = back.try_recv() {
                reader.recycle(buffer);
            }
            match reader.recv().await?.ok_or(CallError::HungUp)? {
                Received::Message(body) => match decode::<LaneItem>(&body)? {
                    LaneItem::Working {} => {}
                    LaneItem::Finish { early } if announced.is_none() => {
                        all.cancel();
                        return Ok(early);
                    }
                    LaneItem::Finish { .. } => return Err(out_of_turn("the end of a lane")),
                },
                Received::Records(frame) if announced.is_none() => {
                    announced = Some(group_of(&frame)?);
                    reader.recycle(frame);
                }
                Received::Data(data) => {
                    let (number, index, inflated) = announced.take().ok_or_else(|| out_of_turn("data"))?;
                    let piece = Piece { number, index, inflated, data, back: back_tx.clone() };
                    if self.queue.send(In::Piece(piece)).await.is_err() {
                        std::future::pending::<()>().await; // the stream has ended, and says itself how
                    }
                }
                Received::Records(_) => return Err(out_of_turn("records in place of a group")),
                Received::Stderr(_) => return Err(out_of_turn("stderr data")),
            }
        }
    }
}

/// Signs of life, that there is enough of this lane, and at its end that all has come.
async fn speak(writer: &mut CallWriter, enough: &CancellationToken, all: &CancellationToken) -> Result<(), CallError> {
    let mut asked = false;
    loop {
        tokio::select! {
            biased;
            () = all.cancelled() => {
                writer.queue(&LaneAck::Done {})?;
                return writer.flush().await;
            }
            () = enough.cancelled(), if !asked => {
                asked = true;
                writer.queue(&LaneAck::Enough {})?;
            }
            () = sleep_until(Instant::now() + HEARTBEAT) => writer.queue(&LaneAck::Working {})?,
        }
        writer.flush().await?;
    }
}

/// The one record that a lane may bring.
fn group_of(frame: &[u8]) -> Result<(u64, u64, Option<u32>), CallError> {
    let mut rest = frame;
    match Put::take(&mut rest) {
        Ok(Some(Put::Group { number, index, inflated })) if rest.is_empty() => Ok((number, index, inflated)),
        Ok(_) => Err(out_of_turn("another record than one of a group")),
        Err(_) => Err(out_of_turn("a record that can't be read")),
    }
}

fn out_of_turn(got: &'static str) -> CallError {
    CallError::OutOfTurn { got, wanted: "a group of a copy stream" }
}
