//! The sending half of a copy stream.
//!
//! In: roots in a held tree and where they shall be at the receiver. Out: items and data, in order; what the receiver
//! says of each. A file that can't be read, or that changes while it is read, is reported and the rest goes on.

use std::{
    collections::VecDeque,
    fs::File,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use landline_addr::path::SharePath;
use landline_net::{Block, CallError, CallReader, CallWriter, Received};
use landline_wire::{ErrorCode, Fault, WireName, decode};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{BLOCKS, BUSY_PEER, HEARTBEAT, LIFE, QUEUE};
use crate::files::{
    filter::Filter,
    msg::{Ack, Item},
    tree::{Entry, Kind, Tree},
    watch::{Outcome, Phase, Watch},
};

mod walk;

use walk::Walk;
pub use walk::{Planned, Root, plan};

/// What is to be sent.
#[derive(Debug)]
pub struct Load {
    /// Trees and files, each with its place at the receiver.
    pub roots: Vec<Root>,
    /// Names that are left out.
    pub filter: Filter,
    /// Whether the receiver wants totals early.
    pub totals: bool,
}

/// What the disk thread hands to the line.
enum Out {
    Item(Item),
    Block(Block),
    /// All was handed over; a queue that ends without it means that the thread died.
    End,
}

/// Files whose fate the receiver has not told yet.
#[derive(Debug, Default)]
struct Pending {
    /// Sent whole, in order.
    files: VecDeque<Sent>,
    /// Being sent.
    current: Option<u64>,
    /// What the receiver said of the one that is being sent.
    refused: Option<Fault>,
}

/// Files whose fate may be untold; an honest receiver tells it every 64 files.
const MAX_PENDING: usize = 1 << 16;

/// A file that was sent whole.
#[derive(Debug)]
struct Sent {
    number: u64,
    path: Vec<u8>,
    size: u64,
    hash: String,
}

/// What disk thread and line share.
#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    /// One more than the number of the last file that the receiver gave up: its bytes need not be sent.
    given_up: AtomicU64,
    /// Whether everything was sent: only then may the receiver be done.
    finishing: AtomicBool,
    /// The line is gone, or ours was ended: the thread stops at once, whatever it walks through.
    gone: CancellationToken,
}

/// Sends `load` over a call whose other end receives; returns when the receiver has said what became of everything.
///
/// # Errors
/// [`CallError::Fault`] if the receiver can't go on, else as the line fails. What was kept until then is kept.
pub async fn run(
    (reader, writer): (&mut CallReader, &mut CallWriter),
    load: Load,
    watch: &Watch,
) -> Result<(), CallError> {
    let (out_tx, out_rx) = mpsc::channel(QUEUE);
    let (back_tx, back_rx) = mpsc::channel(BLOCKS);
    let shared = Arc::new(Shared::default());
    let disk = Disk {
        out: out_tx,
        back: back_rx,
        made: 0,
        spare: None,
        shared: Arc::clone(&shared),
        watch: watch.clone(),
        number: 0,
    };
    reader.set_idle(LIFE);
    writer.set_idle(BUSY_PEER);
    watch.enter(Phase::Copying);
    let work = tokio::task::spawn_blocking(move || disk.work(&load));
    let stop = shared.gone.clone().drop_guard(); // also if this call is dropped in the middle
    let outcome = tokio::try_join!(write(writer, out_rx, back_tx, &shared, watch), listen(reader, &shared, watch));
    writer.set_idle(LIFE);
    drop(stop);
    drop(work.await); // a thread that died was noticed by the end of its queue
    outcome.map(|_| ())
}

/// From the queue to the line; small frames share system calls.
async fn write(
    writer: &mut CallWriter,
    mut queue: mpsc::Receiver<Out>,
    back: mpsc::Sender<Block>,
    shared: &Shared,
    watch: &Watch,
) -> Result<(), CallError> {
    /// Data up to this size is gathered with its neighbours; above it, copying costs more than a system call.
    const SMALL: usize = 16 << 10;
    loop {
        let next = match queue.try_recv() {
            Ok(next) => Some(next),
            Err(mpsc::error::TryRecvError::Disconnected) => None,
            Err(mpsc::error::TryRecvError::Empty) => {
                writer.flush().await?;
                wait_showing_life(writer, &mut queue).await?
            }
        };
        match next {
            Some(Out::Item(item)) => writer.queue(&item)?,
            Some(Out::Block(mut block)) => {
                if block.payload().len() <= SMALL {
                    writer.queue_data(block.payload())?;
                } else {
                    writer.send_block(&mut block).await?;
                }
                watch.moved(block.payload().len());
                drop(back.try_send(block)); // the disk thread may be gone; then nobody needs it
            }
            Some(Out::End) => break,
            None => return Err(Fault::new(ErrorCode::Internal, "the thread that reads the files died").into()),
        }
        if writer.is_full() {
            writer.flush().await?;
        }
    }
    shared.finishing.store(true, Ordering::Release);
    writer.queue(&Item::Finish {})?;
    writer.flush().await?;
    watch.enter(Phase::Publishing);
    Ok(())
}

async fn wait_showing_life(writer: &mut CallWriter, queue: &mut mpsc::Receiver<Out>) -> Result<Option<Out>, CallError> {
    loop {
        tokio::select! {
            next = queue.recv() => return Ok(next),
            () = sleep_until(Instant::now() + HEARTBEAT) => {
                writer.queue(&Item::Working {})?;
                writer.flush().await?;
            }
        }
    }
}

/// What the receiver says, until it is done.
async fn listen(reader: &mut CallReader, shared: &Shared, watch: &Watch) -> Result<(), CallError> {
    loop {
        let body = match reader.recv().await? {
            Some(Received::Message(body)) => body,
            Some(_) => return Err(CallError::OutOfTurn { got: "data", wanted: "an acknowledgement" }),
            None => return Err(CallError::HungUp),
        };
        match decode::<Ack>(&body)? {
            Ack::Working {} => {}
            Ack::Kept { below } => shared.kept(below, watch),
            Ack::Failed { file, fault } => shared.failed(file, fault, watch),
            Ack::DirFailed { path, fault } => watch.came_to(Outcome::Failed { path: path.0, fault }),
            Ack::Error(fault) => return Err(fault.into()),
            Ack::Done { .. } if !shared.finishing.load(Ordering::Acquire) => {
                return Err(CallError::OutOfTurn { got: "done", wanted: "an acknowledgement, since not all was sent" });
            }
            Ack::Done { .. } => {
                shared.kept(u64::MAX, watch);
                watch.enter(Phase::Done);
                return Ok(());
            }
        }
        reader.recycle(body);
    }
}

impl Shared {
    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, below: u64, watch: &Watch) {
        loop {
            let next = {
                let mut pending = self.pending();
                if pending.files.front().is_none_or(|file| file.number >= below) {
                    return;
                }
                pending.files.pop_front()
            };
            if let Some(Sent { path, size, hash, .. }) = next {
                watch.came_to(Outcome::Kept { path, size, hash });
            }
        }
    }

    fn failed(&self, number: u64, fault: Fault, watch: &Watch) {
        let mut pending = self.pending();
        if pending.current == Some(number) {
            pending.refused = Some(fault);
            self.given_up.store(number.saturating_add(1), Ordering::Relaxed);
            return;
        }
        let place = pending.files.iter().position(|file| file.number == number);
        let gone = place.and_then(|place| pending.files.remove(place));
        drop(pending);
        if let Some(Sent { path, .. }) = gone {
            watch.came_to(Outcome::Failed { path, fault });
        }
    }

    fn begin(&self, number: u64) {
        let mut pending = self.pending();
        (pending.current, pending.refused) = (Some(number), None);
    }

    /// The file that was being sent is through: from now on its fate is the receiver's to tell, unless it has.
    ///
    /// # Errors
    /// [`LineGone`] if the receiver takes files without ever telling their fate: it has no claim on our memory.
    fn through(&self, sent: Result<Sent, (Vec<u8>, Fault)>, watch: &Watch) -> Result<(), LineGone> {
        let mut pending = self.pending();
        if pending.files.len() >= MAX_PENDING {
            self.gone.cancel();
            return Err(LineGone);
        }
        pending.current = None;
        let refused = pending.refused.take();
        let failed = match (sent, refused) {
            (Ok(Sent { path, .. }) | Err((path, _)), Some(theirs)) => (path, theirs),
            (Err(ours), None) => ours,
            (Ok(file), None) => {
                pending.files.push_back(file);
                return Ok(());
            }
        };
        drop(pending);
        watch.came_to(Outcome::Failed { path: failed.0, fault: failed.1 });
        Ok(())
    }
}

/// The line is gone; the disk thread stops.
#[derive(Debug)]
struct LineGone;

/// The disk thread: walks, reads, hashes.
struct Disk {
    out: mpsc::Sender<Out>,
    back: mpsc::Receiver<Block>,
    /// Blocks in the world; never more than [`BLOCKS`].
    made: usize,
    /// A block that was taken and not needed.
    spare: Option<Block>,
    shared: Arc<Shared>,
    watch: Watch,
    /// Of the next file.
    number: u64,
}

impl Disk {
    fn work(mut self, load: &Load) {
        if self.send_all(load).is_ok() {
            drop(self.out.blocking_send(Out::End)); // if nobody takes it, nobody waits for it
        }
    }

    fn send_all(&mut self, load: &Load) -> Result<(), LineGone> {
        if load.totals
            && let Some((files, bytes)) = walk::count(load, &self.shared.gone)
        {
            self.watch.add_totals(files, bytes);
            self.say(Item::Totals { files, bytes })?;
        }
        load.roots.iter().try_for_each(|root| self.send_root(root, &load.filter))
    }

    fn send_root(&mut self, root: &Root, filter: &Filter) -> Result<(), LineGone> {
        let gone = self.shared.gone.clone();
        let mut walk = Walk::new(root, filter, &gone);
        while let Some(step) = walk.next_step() {
            match step {
                walk::Step::Dir { to } => self.say(Item::Dir { path: wire(&to) })?,
                walk::Step::DirEnd { to, entry } => {
                    let (mode, mtime) = (entry.mode, (entry.mtime.secs(), entry.mtime.nanos()));
                    self.say(Item::DirEnd { path: wire(&to), mode, mtime })?;
                }
                walk::Step::File { from, to, .. } => self.send_file(&root.tree, &from, &to)?,
                walk::Step::Skip { from, fault } => self.skip(from, fault)?,
            }
        }
        Ok(())
    }

    fn skip(&mut self, from: Vec<u8>, fault: Fault) -> Result<(), LineGone> {
        self.say(Item::Skip { path: WireName(from.clone()), fault: fault.clone() })?;
        self.watch.came_to(Outcome::left_out(from, fault));
        Ok(())
    }

    /// One file: announced, its blocks read and hashed in one pass, then its end. If it changed meanwhile, `broken`.
    fn send_file(&mut self, tree: &Tree, from: &SharePath, to: &SharePath) -> Result<(), LineGone> {
        let (mut file, entry) = match tree.open_file(from) {
            Ok(opened) => opened,
            Err(fault) => return self.skip(from.as_bytes().to_vec(), Fault::new(fault.code(), fault.to_string())),
        };
        let number = self.number;
        self.number += 1;
        self.shared.begin(number);
        self.say(Item::File {
            path: wire(to),
            size: entry.size,
            mode: entry.mode,
            mtime: (entry.mtime.secs(), entry.mtime.nanos()),
        })?;
        let read = self.send_bytes(number, &mut file, &entry)?;
        let path = to.as_bytes().to_vec();
        match read.and_then(|end| unchanged(tree, from, &entry).map(|()| end)) {
            Ok((size, hash)) => {
                let hash = hash.to_hex().to_string();
                // Before the end is sent: the receiver may answer before we get any further.
                self.shared.through(Ok(Sent { number, path, size, hash: hash.clone() }), &self.watch)?;
                self.say(Item::End { size, hash })
            }
            Err(fault) => {
                self.shared.through(Err((path, fault.clone())), &self.watch)?;
                self.say(Item::Broken(fault))
            }
        }
    }

    fn send_bytes(
        &mut self,
        number: u64,
        file: &mut File,
        entry: &Entry,
    ) -> Result<Result<(u64, blake3::Hash), Fault>, LineGone> {
        let mut hasher = blake3::Hasher::new();
        let mut sent = 0u64;
        loop {
            if self.shared.gone.is_cancelled() {
                return Err(LineGone);
            }
            if self.shared.given_up.load(Ordering::Relaxed) > number {
                return Ok(Err(Fault::new(ErrorCode::Refused, "the receiver gave this file up")));
            }
            let mut block = self.block()?;
            let n = match fill(file, block.space()) {
                Ok(0) => {
                    self.spare = Some(block);
                    return Ok(Ok((sent, hasher.finalize())));
                }
                Ok(n) => n,
                Err(fault) => {
                    self.spare = Some(block);
                    return Ok(Err(Fault::new(ErrorCode::Internal, format!("reading it failed: {fault}"))));
                }
            };
            block.set_len(n);
            sent = sent.saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
            if sent > entry.size {
                // Before it is sent: the receiver would take it for a broken promise, and nobody would hear what happened.
                self.spare = Some(block);
                return Ok(Err(changed()));
            }
            hasher.update(block.payload());
            self.out.blocking_send(Out::Block(block)).map_err(|_| LineGone)?;
            if sent == entry.size && n < Block::CAPACITY {
                return Ok(Ok((sent, hasher.finalize()))); // a short read at the known end: no need to ask again
            }
        }
    }

    fn block(&mut self) -> Result<Block, LineGone> {
        if let Some(block) = self.spare.take().or_else(|| self.back.try_recv().ok()) {
            return Ok(block);
        }
        if self.made < BLOCKS {
            self.made += 1;
            return Ok(Block::new());
        }
        self.back.blocking_recv().ok_or(LineGone)
    }

    fn say(&mut self, item: Item) -> Result<(), LineGone> {
        self.out.blocking_send(Out::Item(item)).map_err(|_| LineGone)
    }
}

fn wire(path: &SharePath) -> WireName {
    WireName::from(path.as_bytes())
}

fn changed() -> Fault {
    Fault::new(ErrorCode::Changed, "it changed while it was read; run the command again")
}

/// Whether what was read is still what is there: same file, size and time.
fn unchanged(tree: &Tree, from: &SharePath, before: &Entry) -> Result<(), Fault> {
    match tree.stat(from) {
        Ok(now) if now.kind == Kind::File && now.version() == before.version() => Ok(()),
        _ => Err(changed()),
    }
}

/// Fills as much of `space` as the file still gives.
fn fill(file: &mut File, space: &mut [u8]) -> std::io::Result<usize> {
    use std::io::Read as _;
    let mut filled = 0;
    while let Some(rest) = space.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(fault) if fault.kind() == std::io::ErrorKind::Interrupted => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(filled)
}
