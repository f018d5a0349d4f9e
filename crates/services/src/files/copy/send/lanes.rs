//! The lanes of a sender: whichever call has room takes the next group.
//!
//! In: groups that were read and hashed, from the disk thread. Out: each group over one of the calls. While no lane is
//! open, groups go with the rest of the stream; from then on they wait here, never more than there are blocks.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use landline_net::{Block, Call, CallError, CallReader, CallWriter};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Group, pending::Shared, rate::Rate, send_group};
use crate::files::{
    copy::{
        BLOCKS, BUSY_PEER, HEARTBEAT, LIFE,
        lanes::{Bundle, MAX_LANES, Membership, Parted, no_stream},
    },
    msg::{LaneAck, LaneItem},
};

/// Blocks for each open lane: one on its way, one ready.
const BLOCKS_OF_A_LANE: usize = 2;

/// Blocks that there may ever be.
pub(super) const MOST_BLOCKS: usize = BLOCKS + MAX_LANES * BLOCKS_OF_A_LANE;

/// Where lanes join a stream that is sent from here. Cheap to clone; holds nothing of the stream once that is over.
#[derive(Debug, Clone, Default)]
pub struct Lanes {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    bundle: Arc<Bundle>,
    pool: Mutex<Pool>,
    /// Rung when a group waits, or no more come.
    ready: Notify,
    means: OnceLock<Means>,
}

#[derive(Debug, Default)]
struct Pool {
    groups: VecDeque<Group>,
    closed: bool,
}

/// What a lane needs of its stream.
#[derive(Debug)]
struct Means {
    back: mpsc::WeakSender<Block>,
    rate: Arc<Rate>,
    shared: Arc<Shared>,
}

impl Lanes {
    pub(in crate::files) fn bundle(&self) -> &Bundle {
        &self.inner.bundle
    }

    /// The stream runs from now on.
    pub(super) fn begin(&self, back: &mpsc::Sender<Block>, rate: &Arc<Rate>, shared: &Arc<Shared>) {
        let means = Means { back: back.downgrade(), rate: Arc::clone(rate), shared: Arc::clone(shared) };
        drop(self.inner.means.set(means)); // one stream, one beginning
    }

    /// How many blocks there may be now.
    pub(super) fn blocks(&self) -> usize {
        BLOCKS + self.inner.bundle.open() * BLOCKS_OF_A_LANE
    }

    /// Takes a group, if a lane is open; gives it back otherwise.
    pub(super) fn offer(&self, group: Group) -> Option<Group> {
        if self.inner.bundle.open() == 0 {
            return Some(group);
        }
        self.pool().groups.push_back(group);
        self.inner.ready.notify_one();
        None
    }

    /// The group that waits longest, if one does.
    pub(super) fn try_next(&self) -> Option<Group> {
        let mut pool = self.pool();
        let next = pool.groups.pop_front();
        if !pool.groups.is_empty() || pool.closed {
            self.inner.ready.notify_one(); // a ring that came while nobody listened counts once
        }
        next
    }

    /// The next group; `None` once no more come. Cancel-safe.
    pub(super) async fn next(&self) -> Option<Group> {
        loop {
            let rung = self.inner.ready.notified();
            if let Some(group) = self.try_next() {
                return Some(group);
            }
            if self.pool().closed {
                return None;
            }
            rung.await;
        }
    }

    /// No more groups come: lanes end once all have gone.
    pub(super) fn close(&self) {
        self.pool().closed = true;
        self.inner.ready.notify_one();
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.inner.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one more call carry groups.
    ///
    /// # Errors
    /// A fault for the peer: the stream has not begun, has ended, or has enough lanes.
    pub fn join(&self) -> Result<Lane, CallError> {
        let means = self.inner.means.get().ok_or_else(no_stream)?;
        let back = means.back.upgrade().ok_or_else(no_stream)?;
        // Also one that comes too late for any group: its other end waits for it to end in order.
        let member = self.inner.bundle.join()?;
        Ok(Lane { lanes: self.clone(), back, rate: Arc::clone(&means.rate), shared: Arc::clone(&means.shared), member })
    }
}

/// A place among the lanes of a stream.
#[derive(Debug)]
pub struct Lane {
    lanes: Lanes,
    back: mpsc::Sender<Block>,
    rate: Arc<Rate>,
    shared: Arc<Shared>,
    member: Membership,
}

impl Lane {
    /// It ends before it has begun.
    pub(in crate::files) fn leave(self) {
        self.member.leave();
    }

    /// Carries groups over `call` until all have gone, or this end or the other has `enough` of it.
    ///
    /// # Errors
    /// As the line fails; the stream is cut then. [`CallError::Cut`] if the stream is over before.
    pub async fn carry(self, call: &mut Call, enough: &CancellationToken) -> Result<Parted, CallError> {
        let bundle = Arc::clone(&self.lanes.inner.bundle);
        let (reader, writer) = call.halves();
        reader.set_idle(LIFE);
        writer.set_idle(BUSY_PEER);
        let (own, enough) = (enough, enough.child_token());
        let finished = CancellationToken::new();
        let ended = tokio::select! {
            () = bundle.over.cancelled() => Err(CallError::Cut),
            ended = async {
                tokio::try_join!(self.send(writer, &enough, &finished), heed(reader, &enough, &finished))
            } => ended.map(|(early, ())| early),
        };
        writer.set_idle(LIFE);
        if ended.is_err() {
            bundle.cut.cancel(); // if it is over, that says nothing
        }
        self.member.leave();
        let sent_away = ended? && !own.is_cancelled();
        Ok(if sent_away { Parted::SentAway } else { Parted::Done })
    }

    /// Sends groups until there are no more, or enough; whether it was the latter.
    async fn send(
        &self,
        writer: &mut CallWriter,
        enough: &CancellationToken,
        finished: &CancellationToken,
    ) -> Result<bool, CallError> {
        let early = loop {
            let group = tokio::select! {
                biased;
                () = enough.cancelled() => break true,
                group = self.lanes.next() => group,
                () = sleep_until(Instant::now() + HEARTBEAT) => {
                    writer.queue(&LaneItem::Working {})?;
                    writer.flush().await?;
                    continue;
                }
            };
            let Some(group) = group else { break false };
            let ways = self.lanes.bundle().open() + 1;
            send_group(writer, group, &self.back, &self.rate, (&self.shared, ways)).await?;
        };
        finished.cancel();
        writer.queue(&LaneItem::Finish { early })?;
        writer.flush().await?;
        Ok(early)
    }
}

/// What the receiver says on a lane, until it has all of it.
async fn heed(
    reader: &mut CallReader,
    enough: &CancellationToken,
    finished: &CancellationToken,
) -> Result<(), CallError> {
    loop {
        match reader.message::<LaneAck>().await?.ok_or(CallError::HungUp)? {
            LaneAck::Working {} => {}
            LaneAck::Enough {} => enough.cancel(),
            LaneAck::Done {} if finished.is_cancelled() => return Ok(()),
            LaneAck::Done {} => {
                return Err(CallError::OutOfTurn { got: "done", wanted: "a sign of life, since not all was sent" });
            }
        }
    }
}
