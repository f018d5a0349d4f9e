//! The receiving half of a copy stream.
//!
//! In: entries and content, where they may go, who may write there. Out: a verdict on each entry, files published through
//! the engine, their fates told only once they are durable. A file that can't be kept is reported and its bytes are let
//! pass; the rest goes on. If the line is cut, what was complete is kept, and of the others what was verified.

use std::sync::Arc;

use landline_addr::path::SharePath;
use landline_net::{CallError, CallReader, CallWriter, Received};
use landline_wire::{ErrorCode, Fault, decode};
use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{BLOCKS, HEARTBEAT, LIFE, QUEUE};
use crate::files::{
    engine::{LocalEngine, Owner, Policy},
    msg::{Ack, Item},
    watch::Watch,
};

mod lanes;
mod work;

use lanes::Piece;
pub use lanes::{Lane, Lanes};
use work::Work;

/// Frames of bulk data that wait for the disk thread. What waits is lost if this end dies, and has to cross the line again;
/// four instead of two made a copy over loopback no faster (2.37 and 2.35 s of 2 GiB, `bench --series big`).
const WAITING: usize = 2;

/// What is to be put at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coming {
    /// A directory, or what goes into one that is there.
    Dir,
    /// A file or a link, in place of what is there.
    Thing,
}

/// Says whether a copy stream may put that at a path; no is the fault to report.
pub type Judge = Box<dyn Fn(&SharePath, Coming) -> Result<(), Fault> + Send>;

/// Where a copy stream goes.
pub struct Destination {
    /// What keeps the files.
    pub engine: Arc<LocalEngine>,
    /// Where in it; every path of the stream is relative to this.
    pub base: SharePath,
    /// Asked for every path.
    pub judge: Judge,
    /// To whom what is left of a cut transfer belongs.
    pub owner: Owner,
    /// What becomes of files that are there already.
    pub policy: Policy,
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What the line hands to the disk thread.
enum In {
    Item(Item),
    Records(Vec<u8>),
    Data(Vec<u8>),
    /// A group that came over a lane.
    Piece(Piece),
    /// A lane has ended: perhaps that was all that is waited for.
    LaneEnded,
}

/// Said to the disk thread when the line was cut: keep what is complete, of the rest what is verified. Where a stream ends
/// without `finish` and nobody says it, the call was ended from this side (a revoked key, a stop): nothing more is
/// published.
#[derive(Debug)]
struct Cut;

/// What the disk thread says to the sender.
enum Back {
    Ack(Ack),
    Records(Vec<u8>),
}

/// Receives into `to`, also from whatever joins `lanes`, until the sender has finished and everything is durable.
///
/// # Errors
/// [`CallError::Fault`] if the sender can't begin or go on, else as the line fails. What was kept until then is kept.
pub async fn run(
    (reader, writer): (&mut CallReader, &mut CallWriter),
    to: Destination,
    lanes: &Lanes,
    watch: &Watch,
) -> Result<(), CallError> {
    let (in_tx, in_rx) = mpsc::channel(WAITING);
    let over = lanes.bundle().over.clone().drop_guard();
    lanes.begin(&in_tx);
    let (ack_tx, mut ack_rx) = mpsc::channel(QUEUE);
    let (back_tx, back_rx) = mpsc::channel(2 * BLOCKS);
    reader.set_idle(LIFE);
    writer.set_idle(LIFE); // a sender never waits for a disk to take an acknowledgement
    let gone = CancellationToken::new();
    let (cut_tx, cut_rx) = oneshot::channel();
    let ended_from_here = gone.clone().drop_guard(); // if this call is dropped in the middle, nothing more is published
    let work = Work::new(to, (ack_tx, back_tx), (gone, cut_rx), lanes.clone(), watch.clone());
    let work = tokio::task::spawn_blocking(move || work.run(in_rx));
    let (outcome, dropped) = tokio::select! {
        biased;
        () = lanes.bundle().dropped.cancelled() => (Err(CallError::Cut), true),
        outcome = async { tokio::try_join!(read(reader, in_tx, back_rx, lanes), write(writer, &mut ack_rx, watch)) } => {
            (outcome, false)
        }
        () = lanes.bundle().cut.cancelled() => (Err(CallError::Cut), false),
        () = lanes.bundle().ended.cancelled() => (Err(CallError::Cut), false),
    };
    if dropped {
        drop((ended_from_here, cut_tx));
    } else {
        ended_from_here.disarm();
        drop(cut_tx.send(Cut)); // after `finish` it means nothing
    }
    drop(over); // lanes let go of the queue, which the thread may be waiting at
    reader.release();
    // What came before the cut is still worked off; what the thread says of it, nobody hears.
    let unheard = async { while ack_rx.recv().await.is_some() {} };
    match tokio::join!(work, unheard).0 {
        Ok(()) => outcome.map(|_| ()),
        Err(_) => Err(Fault::new(ErrorCode::Internal, "the thread that writes the files died").into()),
    }
}

/// From the line to the queue, until `finish`.
async fn read(
    reader: &mut CallReader,
    queue: mpsc::Sender<In>,
    mut back: mpsc::Receiver<Vec<u8>>,
    lanes: &Lanes,
) -> Result<(), CallError> {
    loop {
        while let Ok(buffer) = back.try_recv() {
            reader.recycle(buffer);
        }
        let received = reader.recv().await;
        lanes.bundle().begun.cancel();
        let step = match received {
            Ok(Some(Received::Data(data))) => In::Data(data),
            Ok(Some(Received::Records(records))) => In::Records(records),
            Ok(Some(Received::Message(body))) => match decode::<Item>(&body)? {
                // The stream ends in words; what is complete is kept, as when the line is cut.
                Item::Error(fault) => return Err(fault.into()),
                item => In::Item(item),
            },
            Ok(Some(Received::Stderr(_))) => {
                return Err(CallError::OutOfTurn { got: "stderr data", wanted: "an item of a copy stream" });
            }
            end => return end.and(Err(CallError::Cut)),
        };
        let last = matches!(step, In::Item(Item::Finish {}));
        if queue.send(step).await.is_err() || last {
            return Ok(()); // the disk thread has the word: it ends with `done` or with an error of its own
        }
        // A line that always has more would keep the thread from other people's copies: of ten at once over 1 GiB the farthest
        // was 21 % from the mean without this and 13 % with it (`bench users --series fair --size 1G`).
        yield_now().await;
    }
}

/// What the disk thread says goes to the sender, with a sign of life when it says nothing.
async fn write(writer: &mut CallWriter, backs: &mut mpsc::Receiver<Back>, watch: &Watch) -> Result<(), CallError> {
    loop {
        let next = tokio::select! {
            next = backs.recv() => next,
            () = sleep_until(Instant::now() + HEARTBEAT) => Some(Back::Ack(Ack::Working { load: Some(watch.ours()) })),
        };
        let Some(back) = next else { return Ok(()) };
        let mut fatal = None;
        let mut gathered = Some(back);
        while let Some(back) = gathered {
            match back {
                Back::Records(records) => writer.queue_records(&records)?,
                Back::Ack(ack) => {
                    writer.queue(&ack)?;
                    if let Ack::Error(fault) = ack {
                        fatal = Some(fault);
                    }
                }
            }
            gathered = if writer.is_full() { None } else { backs.try_recv().ok() };
        }
        writer.flush().await?;
        if let Some(fault) = fatal {
            return Err(fault.into());
        }
    }
}
