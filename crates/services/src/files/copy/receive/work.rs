//! The disk thread of a receiver: checks, writes, hashes, publishes.

use landline_addr::path::SharePath;
use landline_wire::{ErrorCode, Fault, WireName};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Destination, In};
use crate::files::{
    copy::batch::{Batch, Fate},
    engine::{Engine as _, Plan, Staged},
    msg::{Ack, Item, mtime_of},
    tree::TreeError,
    watch::{Outcome, Phase, Watch},
};

/// Bytes that a file which grows while it is read may exceed its announced size by: what its sender had read of it before
/// it could notice. It is not kept, but no breach of the protocol.
const SLACK: u64 = landline_wire::limits::MAX_DATA as u64;

/// The state of one stream.
pub(super) struct Work {
    to: Destination,
    acks: mpsc::Sender<Ack>,
    back: mpsc::Sender<Vec<u8>>,
    /// The call was ended from this side: what still waits in the queue counts for nothing.
    gone: CancellationToken,
    watch: Watch,
    batch: Batch,
    arriving: Arriving,
    /// The directories that the stream is in, each inside the one before; only one of these can end.
    inside: Vec<SharePath>,
    /// Bytes that may still come of this file before its sender has broken its promise beyond any slip.
    owed: u64,
    /// Of the next file.
    number: u64,
    files: u64,
    bytes: u64,
    failed: u64,
}

/// The file whose bytes come now.
enum Arriving {
    /// None: only an item may come.
    Nothing,
    /// One that is being written.
    File { number: u64, staged: Box<Staged> },
    /// One that was given up and reported; its bytes are let pass.
    GivenUp,
}

/// Why the work ends before `finish`.
enum Stop {
    /// The sender broke the protocol; it is told.
    Fault(Fault),
    /// The call is gone.
    Gone,
}

impl Work {
    pub(super) fn new(
        to: Destination,
        acks: mpsc::Sender<Ack>,
        back: mpsc::Sender<Vec<u8>>,
        gone: CancellationToken,
        watch: Watch,
    ) -> Self {
        let (batch, arriving, inside) = (Batch::default(), Arriving::Nothing, Vec::new());
        Self { to, acks, back, gone, watch, batch, arriving, inside, owed: 0, number: 0, files: 0, bytes: 0, failed: 0 }
    }

    pub(super) fn run(mut self, mut queue: mpsc::Receiver<In>) {
        self.watch.enter(Phase::Copying);
        let end = loop {
            match queue.blocking_recv() {
                None => break Err(Stop::Gone),
                Some(_) if self.gone.is_cancelled() => break Err(Stop::Gone),
                Some(In::Cut) => {
                    self.arriving = Arriving::Nothing;
                    break self.publish().and(Err(Stop::Gone));
                }
                Some(In::Item(Item::Finish {})) => break self.finish(),
                Some(In::Item(item)) => {
                    if let Err(stop) = self.item(item) {
                        break Err(stop);
                    }
                }
                Some(In::Data(data)) => {
                    if let Err(stop) = self.data(&data) {
                        break Err(stop);
                    }
                    drop(self.back.try_send(data));
                }
            }
        };
        if let Err(Stop::Fault(fault)) = end {
            drop(self.say(Ack::Error(fault)));
        }
    }

    fn item(&mut self, item: Item) -> Result<(), Stop> {
        let inside_a_file = matches!(item, Item::End { .. } | Item::Broken(_) | Item::Working {});
        if !inside_a_file && !matches!(self.arriving, Arriving::Nothing) {
            return Err(out_of_turn("something else before the end of a file"));
        }
        match item {
            Item::Dir { path } => self.dir(path),
            Item::DirEnd { path, mode, mtime } => self.dir_end(&path, mode, mtime),
            Item::File { path, size, mode, mtime } => {
                self.begin(&path, Plan { size: Some(size), mode, mtime: mtime_of(mtime), if_match: None })
            }
            Item::End { size, hash } => self.end(size, &hash),
            Item::Broken(fault) => self.broken(fault),
            Item::Totals { files, bytes } => {
                self.watch.add_totals(files, bytes);
                Ok(())
            }
            Item::Skip { path, fault } => {
                self.watch.came_to(Outcome::left_out(path.0, fault));
                Ok(())
            }
            Item::Working {} => Ok(()),
            // Both ended the reading before they could come here.
            Item::Finish {} | Item::Error(_) => Err(out_of_turn("an end of the stream")),
        }
    }

    /// Where a path of the stream lies, if it may be written to.
    fn place(&self, path: &WireName) -> Result<SharePath, Fault> {
        let bad = |fault: landline_addr::path::PathError| Fault::new(ErrorCode::BadName, fault.to_string());
        let relative = SharePath::parse(&path.0).map_err(bad)?;
        let at = self.to.base.append(&relative).map_err(bad)?;
        (self.to.judge)(&at)?;
        Ok(at)
    }

    fn dir(&mut self, path: WireName) -> Result<(), Stop> {
        let made = self.place(&path).and_then(|at| {
            self.to.engine.tree().make_arriving_dir(&at).map_err(|fault| fault_of(&fault))?;
            Ok(at)
        });
        match made {
            Ok(at) => {
                while self.inside.last().is_some_and(|above| !at.starts_with(above)) {
                    self.inside.pop();
                }
                self.inside.push(at);
                Ok(())
            }
            Err(fault) => self.dir_failed(path, fault),
        }
    }

    /// Only a directory that began in this stream can end in it: anything else of that name is not ours to touch.
    fn dir_end(&mut self, path: &WireName, mode: u32, mtime: (i64, u32)) -> Result<(), Stop> {
        let Ok(at) = self.place(path) else { return Ok(()) }; // reported when it began
        let Some(level) = self.inside.iter().rposition(|dir| *dir == at) else { return Ok(()) };
        self.inside.truncate(level);
        if at.is_root() {
            return Ok(()); // the share itself keeps its own mode and time
        }
        self.batch.add_dir_end(at, mode, mtime_of(mtime));
        self.publish_if_full()
    }

    fn dir_failed(&mut self, path: WireName, fault: Fault) -> Result<(), Stop> {
        self.failed += 1;
        self.watch.came_to(Outcome::Failed { path: path.0.clone(), fault: fault.clone() });
        self.say(Ack::DirFailed { path, fault })
    }

    fn begin(&mut self, path: &WireName, plan: Plan) -> Result<(), Stop> {
        let number = self.number;
        self.number += 1;
        self.owed = plan.size.unwrap_or(u64::MAX).saturating_add(SLACK);
        let staged = self.place(path).and_then(|at| self.to.engine.stage(&at, &plan).map_err(|f| fault_of(&f)));
        match staged {
            Ok(staged) => {
                self.arriving = Arriving::File { number, staged: Box::new(staged) };
                Ok(())
            }
            Err(fault) => self.give_up(number, path.0.clone(), fault),
        }
    }

    fn give_up(&mut self, number: u64, path: Vec<u8>, fault: Fault) -> Result<(), Stop> {
        self.arriving = Arriving::GivenUp;
        self.report(number, path, fault)
    }

    fn report(&mut self, number: u64, path: Vec<u8>, fault: Fault) -> Result<(), Stop> {
        self.failed += 1;
        self.watch.came_to(Outcome::Failed { path, fault: fault.clone() });
        self.say(Ack::Failed { file: number, fault })
    }

    fn data(&mut self, data: &[u8]) -> Result<(), Stop> {
        // Also of a file that was given up: what is let pass must end, and empty frames must not go on for ever.
        let came = u64::try_from(data.len().max(1)).unwrap_or(u64::MAX);
        self.owed = self.owed.checked_sub(came).ok_or_else(|| {
            Stop::Fault(Fault::new(ErrorCode::BadRequest, "far more bytes of a file came than were announced"))
        })?;
        match &mut self.arriving {
            Arriving::Nothing => Err(out_of_turn("data")),
            Arriving::GivenUp => Ok(()),
            Arriving::File { number, staged } => match self.to.engine.put_group(staged, data) {
                Ok(()) => Ok(()),
                Err(fault) => {
                    let (number, path) = (*number, staged.target().as_bytes().to_vec());
                    self.give_up(number, path, fault_of(&fault))
                }
            },
        }
    }

    fn end(&mut self, size: u64, hash: &str) -> Result<(), Stop> {
        match std::mem::replace(&mut self.arriving, Arriving::Nothing) {
            Arriving::Nothing => Err(out_of_turn("the end of a file")),
            Arriving::GivenUp => Ok(()),
            Arriving::File { number, staged } => {
                let Ok(hash) = blake3::Hash::from_hex(hash) else {
                    return Err(Stop::Fault(Fault::new(ErrorCode::BadRequest, "a hash is 64 hex digits")));
                };
                if staged.written() != size {
                    let text = format!("{} bytes arrived, {size} were sent", staged.written());
                    let path = staged.target().as_bytes().to_vec();
                    return self.report(number, path, Fault::new(ErrorCode::Integrity, text));
                }
                self.batch.add_file(number, *staged, hash);
                self.publish_if_full()
            }
        }
    }

    fn broken(&mut self, fault: Fault) -> Result<(), Stop> {
        match std::mem::replace(&mut self.arriving, Arriving::Nothing) {
            Arriving::Nothing => Err(out_of_turn("the end of a file")),
            Arriving::GivenUp => Ok(()),
            // The sender knows and has reported it; here it only counts.
            Arriving::File { staged, .. } => {
                self.failed += 1;
                let path = staged.target().as_bytes().to_vec();
                self.watch.came_to(Outcome::Failed { path, fault });
                Ok(())
            }
        }
    }

    fn publish_if_full(&mut self) -> Result<(), Stop> {
        if self.batch.is_full() { self.publish() } else { Ok(()) }
    }

    fn publish(&mut self) -> Result<(), Stop> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut gone = false;
        for fate in self.batch.publish(&self.to.engine) {
            let said = match fate {
                Fate::Kept(published) => {
                    self.files += 1;
                    self.bytes = self.bytes.saturating_add(published.size);
                    let (path, hash) = (published.path.as_bytes().to_vec(), published.hash.to_hex().to_string());
                    self.watch.came_to(Outcome::Kept { path, size: published.size, hash });
                    Ok(())
                }
                Fate::Failed { number, path, fault } => self.report(number, path.as_bytes().to_vec(), fault),
                Fate::DirFailed { path, fault } => self.dir_failed(WireName::from(path.as_bytes()), fault),
            };
            gone |= said.is_err(); // nobody listens any more; the batch is still reported to this side
        }
        if gone {
            return Err(Stop::Gone);
        }
        let below = match self.arriving {
            Arriving::File { number, .. } => number,
            Arriving::Nothing | Arriving::GivenUp => self.number,
        };
        self.say(Ack::Kept { below })
    }

    fn finish(&mut self) -> Result<(), Stop> {
        if !matches!(self.arriving, Arriving::Nothing) {
            return Err(out_of_turn("the end of the stream"));
        }
        self.watch.enter(Phase::Publishing);
        self.publish()?;
        self.watch.enter(Phase::Done);
        self.say(Ack::Done { files: self.files, bytes: self.bytes, failed: self.failed })
    }

    fn say(&self, ack: Ack) -> Result<(), Stop> {
        self.acks.blocking_send(ack).map_err(|_| Stop::Gone)
    }
}

fn fault_of(fault: &TreeError) -> Fault {
    Fault::new(fault.code(), fault.to_string())
}

fn out_of_turn(what: &str) -> Stop {
    Stop::Fault(Fault::new(ErrorCode::BadRequest, format!("{what} came out of turn in a copy stream")))
}
