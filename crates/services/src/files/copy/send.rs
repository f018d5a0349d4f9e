//! The sending half of a copy stream.
//!
//! In: roots in a held tree and where they shall be at the receiver. Out: entries, and the content of those that the
//! receiver wants; what it says of each. A file that can't be read, or that changes while it is read, is reported and the
//! rest goes on.

use std::sync::{Arc, atomic::Ordering};

use landline_net::{Block, CallError, CallReader, CallWriter, Received};
use landline_wire::{ErrorCode, Fault, decode};
use tokio::{
    sync::mpsc,
    task::yield_now,
    time::{Instant, sleep_until},
};

use super::{BUSY_PEER, HEARTBEAT, LIFE, QUEUE, press::When};
use crate::files::{
    filter::Filter,
    hashes::HashCache,
    msg::{Ack, Item},
    records::Say,
    watch::{Outcome, Phase, Watch},
};

mod content;
mod disk;
mod flight;
mod hand;
mod lanes;
mod pending;
mod rate;
mod rest;
pub(in crate::files) mod walk;

use disk::{Disk, News};
use lanes::MOST_BLOCKS;
pub use lanes::{Lane, Lanes};
use pending::Shared;
use rate::Rate;
pub use walk::{Planned, Root, plan};

/// What is to be sent.
#[derive(Debug, Default)]
pub struct Load {
    /// Trees and files, each with its place at the receiver.
    pub roots: Vec<Root>,
    /// Names that are left out.
    pub filter: Filter,
    /// Whether the receiver wants totals early.
    pub totals: bool,
    /// Whether each file is hashed before it is told, so that the receiver can compare by content.
    pub by_hash: bool,
    /// Whether several names of one file stay that.
    pub hard_links: bool,
    /// Whether extended attributes (`user.*`) go along.
    pub attributes: bool,
    /// Hashes of groups from earlier times.
    pub hashes: Option<Arc<HashCache>>,
    /// Bytes a second at most; 0 for no limit.
    pub rate: u64,
    /// When content is compressed.
    pub press: When,
    /// The only root is a file, and it is to be told apart whether a directory has its name at the receiver.
    pub looks: bool,
}

/// How a stream ended that went to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// What became of everything was told.
    Told,
    /// With [`Load::looks`]: a directory is where the file was to be. Nothing was sent or told.
    InTheWay,
}

/// What the disk thread hands to the line.
enum Out {
    Item(Item),
    /// Records, some of them.
    Records(Vec<u8>),
    /// Records that fill a block.
    Pack(Block),
    /// A group, where it goes with the rest of the stream.
    Group(Group),
    /// All was handed over; a queue that ends without it means that the thread died.
    End,
}

/// A group on its way: the record that announces it, and the block behind that.
#[derive(Debug)]
struct Group {
    head: Vec<u8>,
    block: Block,
}

/// Bytes of verdicts that may wait for the disk thread: those of an honest receiver are bounded by the window, and by the
/// tags of files up to a terabyte.
const MAX_NEWS: usize = 16 << 20;

/// Sends `load` over a call whose other end receives, and over whatever joins `lanes`; returns when the receiver has said
/// what became of everything.
///
/// # Errors
/// [`CallError::Fault`] if the receiver can't go on, else as the line fails. What was kept until then is kept.
pub async fn run(
    (reader, writer): (&mut CallReader, &mut CallWriter),
    load: Load,
    lanes: &Lanes,
    watch: &Watch,
) -> Result<Sent, CallError> {
    let (out_tx, out_rx) = mpsc::channel(QUEUE);
    let (back_tx, back_rx) = mpsc::channel(MOST_BLOCKS);
    let (news_tx, news_rx) = mpsc::unbounded_channel(); // bounded by MAX_NEWS: waiting here could close a circle of waits
    let shared = Arc::new(Shared::default());
    shared.may_be_in_the_way.store(load.looks, Ordering::Release);
    let rate = Arc::new(Rate::new(load.rate));
    let over = lanes.bundle().over.clone().drop_guard();
    lanes.begin(&back_tx, &rate, &shared);
    let disk = Disk::new(out_tx, back_rx, news_rx, Arc::clone(&shared), watch.clone(), (load.press, lanes.clone()));
    reader.set_idle(LIFE);
    writer.set_idle(BUSY_PEER);
    watch.enter(Phase::Copying);
    let work = tokio::task::spawn_blocking(move || disk.work(&load));
    let stop = shared.gone.clone().drop_guard(); // also if this call is dropped in the middle
    // A lane may join until the stream is over: the receiver, which has let it in, waits for it to end in order.
    let joinable = back_tx.clone();
    let line = Line { queue: out_rx, back: back_tx, rate, shared: &shared, lanes, watch };
    let outcome = tokio::select! {
        () = lanes.bundle().cut.cancelled() => Err(CallError::Cut),
        () = lanes.bundle().dropped.cancelled() => Err(CallError::Cut),
        outcome = async { tokio::try_join!(write(writer, line), listen(reader, news_tx, &shared, lanes, watch)) } => outcome,
    };
    writer.set_idle(LIFE);
    drop((stop, over, joinable)); // lanes let go of the blocks, which the thread may be waiting for
    drop(work.await); // a thread that died was noticed by the end of its queue
    if outcome.is_err() {
        shared.left_open(watch);
    }
    let in_the_way = shared.in_the_way.load(Ordering::Acquire);
    outcome.map(|_| if in_the_way { Sent::InTheWay } else { Sent::Told })
}

/// What the line's side of a sender holds.
struct Line<'a> {
    queue: mpsc::Receiver<Out>,
    back: mpsc::Sender<Block>,
    rate: Arc<Rate>,
    shared: &'a Shared,
    lanes: &'a Lanes,
    watch: &'a Watch,
}

impl Line<'_> {
    /// What is there to be sent now.
    fn try_next(&mut self) -> Option<Result<Out, CallError>> {
        match self.queue.try_recv() {
            Ok(next) => Some(Ok(next)),
            Err(mpsc::error::TryRecvError::Disconnected) => Some(Err(died())),
            Err(mpsc::error::TryRecvError::Empty) => self.lanes.try_next().map(|group| Ok(Out::Group(group))),
        }
    }

    /// The next thing to be sent; `None` if there was none for a while.
    async fn next(&mut self) -> Option<Result<Out, CallError>> {
        tokio::select! {
            biased;
            next = self.queue.recv() => Some(next.ok_or_else(died)),
            Some(group) = self.lanes.next() => Some(Ok(Out::Group(group))),
            () = self.lanes.bundle().ended.cancelled() => None,
            () = sleep_until(Instant::now() + HEARTBEAT) => None,
        }
    }

    async fn send(&self, writer: &mut CallWriter, group: Group) -> Result<(), CallError> {
        let ways = self.lanes.bundle().open() + 1;
        send_group(writer, group, &self.back, &self.rate, (self.shared, ways)).await
    }
}

fn died() -> CallError {
    Fault::new(ErrorCode::Internal, "the thread that reads the files died").into()
}

/// From the queue to the line; small frames share system calls.
async fn write(writer: &mut CallWriter, mut line: Line<'_>) -> Result<(), CallError> {
    let mut told = Instant::now();
    loop {
        if line.lanes.bundle().ended.is_cancelled() {
            return Err(CallError::Cut); // between two frames, so that something can still be said
        }
        if told.elapsed() >= HEARTBEAT {
            writer.queue(&Item::Working { load: Some(line.watch.ours()) })?;
            told = Instant::now();
        }
        let next = match line.try_next() {
            Some(next) => next?,
            None => {
                writer.flush().await?;
                let Some(next) = line.next().await else { continue };
                next?
            }
        };
        match next {
            Out::Item(item) => writer.queue(&item)?,
            Out::Records(records) => writer.queue_records(&records)?,
            Out::Pack(block) => send_block(writer, block, &line.back, &line.rate, (line.shared, 1)).await?,
            Out::Group(group) => line.send(writer, group).await?,
            Out::End => break,
        }
        if writer.is_full() {
            writer.flush().await?;
        }
    }
    while let Some(group) = line.lanes.try_next() {
        line.send(writer, group).await?;
    }
    line.lanes.close();
    line.shared.finishing.store(true, Ordering::Release);
    writer.queue(&Item::Finish {})?;
    writer.flush().await?;
    line.watch.enter(Phase::Publishing);
    Ok(())
}

async fn send_group(
    writer: &mut CallWriter,
    group: Group,
    back: &mpsc::Sender<Block>,
    rate: &Rate,
    shared: (&Shared, usize),
) -> Result<(), CallError> {
    writer.queue_records(&group.head)?;
    send_block(writer, group.block, back, rate, shared).await
}

/// `ways`: how many calls share the line, so that what each takes is not counted as what the line takes.
async fn send_block(
    writer: &mut CallWriter,
    mut block: Block,
    back: &mpsc::Sender<Block>,
    rate: &Rate,
    (shared, ways): (&Shared, usize),
) -> Result<(), CallError> {
    let (began, bytes) = (Instant::now(), block.payload().len());
    rate.wait(writer, bytes).await?;
    writer.send_block(&mut block).await?;
    let nanos = u64::try_from(began.elapsed().as_nanos() / u128::try_from(ways.max(1)).unwrap_or(1));
    shared.line_nanos.fetch_add(nanos.unwrap_or(u64::MAX), Ordering::Relaxed);
    shared.line_bytes.fetch_add(u64::try_from(bytes).unwrap_or(0), Ordering::Relaxed);
    drop(back.try_send(block)); // the disk thread may be gone; then nobody needs it
    yield_now().await; // a line that takes all at once would keep the thread from other people's copies
    Ok(())
}

/// What the receiver says, until it is done.
async fn listen(
    reader: &mut CallReader,
    news: mpsc::UnboundedSender<News>,
    shared: &Shared,
    lanes: &Lanes,
    watch: &Watch,
) -> Result<(), CallError> {
    loop {
        let received = reader.recv().await?;
        lanes.bundle().begun.cancel();
        let body = match received {
            Some(Received::Message(body)) => body,
            Some(Received::Records(body)) => {
                said(&body, &news, shared, watch)?;
                reader.recycle(body);
                continue;
            }
            Some(_) => return Err(CallError::OutOfTurn { got: "data", wanted: "an acknowledgement" }),
            None => return Err(CallError::HungUp),
        };
        match decode::<Ack>(&body)? {
            Ack::Working { load } => watch.set_theirs(load),
            Ack::Failed { file, fault } => {
                if !shared.failed(file, &fault, watch) {
                    count(shared, body.len())?;
                    drop(news.send(News::Failed(file, fault, body.len()))); // it is gone once all was sent
                }
            }
            Ack::DirFailed { path, fault } => watch.came_to(Outcome::Failed { path: path.0, fault }),
            Ack::Tree { path } => watch.came_to(Outcome::Tree { path: path.0 }),
            Ack::Error(fault) => return Err(fault.into()),
            Ack::Done { .. } if !shared.finishing.load(Ordering::Acquire) => {
                return Err(CallError::OutOfTurn { got: "done", wanted: "an acknowledgement, since not all was sent" });
            }
            Ack::Done { load, .. } => {
                watch.set_theirs(load);
                shared.untold(watch);
                watch.enter(Phase::Done);
                return Ok(());
            }
        }
        reader.recycle(body);
    }
}

/// So many bytes of verdicts wait for the disk thread now.
fn count(shared: &Shared, bytes: usize) -> Result<(), CallError> {
    if shared.news.fetch_add(bytes, Ordering::Relaxed) > MAX_NEWS {
        return Err(Fault::new(ErrorCode::BadRequest, "far more verdicts came than files were told").into());
    }
    Ok(())
}

/// One frame of records: fates are told at once, verdicts go to the disk thread.
fn said(frame: &[u8], news: &mpsc::UnboundedSender<News>, shared: &Shared, watch: &Watch) -> Result<(), CallError> {
    count(shared, frame.len())?;
    let mut rest = frame;
    let malformed = |fault: crate::files::records::RecordError| Fault::new(ErrorCode::BadRequest, fault.to_string());
    let mut verdicts = Vec::new();
    while let Some(record) = Say::take(&mut rest).map_err(malformed)? {
        match record {
            Say::Kept(numbers) => shared.kept(numbers, watch),
            verdict => verdicts.push(verdict),
        }
    }
    drop(news.send(News::Said(verdicts, frame.len()))); // once all was sent, none is needed any more
    Ok(())
}
