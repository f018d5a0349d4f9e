//! The disk thread of a receiver: compares, writes, hashes, publishes.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use landline_addr::path::{PathError, SharePath};
use landline_wire::{ErrorCode, Fault, WireName, limits::MAX_DATA};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Back, Coming, Cut, Destination, In, Judge, Lanes};
use crate::files::{
    copy::{MAX_OPEN, press::Inflate},
    engine::{Arrival, PublishError, SourceMark, Verdict, arrival::Plan},
    msg::{Ack, Item, mtime_of},
    records::{Entry, Put},
    tree::TreeError,
    watch::{Outcome, Phase, Stage, Watch},
};

/// Bytes that a file may exceed its announced size by on the line before its sender has broken its promise beyond any
/// slip.
const SLACK: u64 = landline_wire::limits::MAX_DATA as u64;

mod content;
mod fates;
mod links;
mod rest;
mod verdicts;

use links::Links;
use verdicts::Verdicts;

/// The state of one stream.
pub(super) struct Work {
    arrival: Arrival,
    /// Where what is copied comes to lie.
    base: SharePath,
    judge: Judge,
    backs: mpsc::Sender<Back>,
    back: mpsc::Sender<Vec<u8>>,
    lanes: Lanes,
    /// The sender has finished; only what comes over lanes is still to come.
    finishing: bool,
    /// The call was ended from this side: what still waits in the queue counts for nothing.
    gone: CancellationToken,
    /// Whether it was the line that was cut is said here, or nothing is.
    cut: Option<oneshot::Receiver<Cut>>,
    watch: Watch,
    /// Files whose content comes or will come.
    open: HashMap<u64, Open>,
    /// Entries whose fate is still to be told; those that were the same have none.
    awaiting: HashSet<u64>,
    /// Those of them that are links.
    links: Links,
    /// What the next data frame is.
    expecting: Option<Group>,
    /// Directories that the stream is in and that were not made: everything in them is lost.
    lost_levels: u64,
    /// The number of the next entry.
    next: u64,
    /// Content that may still come: what files announced, and some slack for each.
    owed: u64,
    inflate: Inflate,
    /// What time it is.
    clock: fn() -> Instant,
    /// Verdicts of the frame that is being read.
    verdicts: Verdicts,
    files: u64,
    bytes: u64,
    failed: u64,
}

/// A file that is wanted.
struct Open {
    at: SharePath,
    size: Option<u64>,
    /// All of it was sent; over lanes some may still be on its way.
    ended: bool,
}

struct Group {
    number: u64,
    index: u64,
    inflated: Option<u32>,
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
        (backs, back): (mpsc::Sender<Back>, mpsc::Sender<Vec<u8>>),
        (gone, cut): (CancellationToken, oneshot::Receiver<Cut>),
        lanes: Lanes,
        watch: Watch,
    ) -> Self {
        let Destination { engine, base, judge, owner, policy } = to;
        Self {
            arrival: engine.arrive(&base, owner, policy),
            base,
            judge,
            backs,
            back,
            lanes,
            finishing: false,
            gone,
            cut: Some(cut),
            watch,
            open: HashMap::new(),
            awaiting: HashSet::new(),
            links: Links::default(),
            expecting: None,
            lost_levels: 0,
            next: 0,
            owed: 0,
            inflate: Inflate::new(),
            clock: Instant::now,
            verdicts: Verdicts::default(),
            files: 0,
            bytes: 0,
            failed: 0,
        }
    }

    pub(super) fn run(mut self, mut queue: mpsc::Receiver<In>) {
        self.watch.enter(Phase::Copying);
        let watch = self.watch.clone();
        let end = loop {
            // Looked at before the queue: what a lane brought is in the queue before the lane ends.
            let is_last = self.finishing && self.lanes.bundle().shut_if_empty();
            let next = match queue.try_recv() {
                Ok(next) => Some(next),
                Err(_) if is_last => break self.finish(),
                Err(_) => watch.timed(Stage::Line, || queue.blocking_recv()),
            };
            match next {
                None if self.finishing && self.lanes.bundle().shut_if_empty() => break self.finish(),
                None => break Err(Stop::Gone),
                Some(_) if self.gone.is_cancelled() => break Err(Stop::Gone),
                Some(In::Item(Item::Finish {})) => self.finishing = true,
                Some(In::LaneEnded) => {}
                Some(In::Piece(piece)) => {
                    if let Err(stop) = self.piece(&piece) {
                        break Err(stop);
                    }
                    drop(piece.back.try_send(piece.data));
                }
                Some(In::Item(item)) => {
                    if let Err(stop) = self.item(item) {
                        break Err(stop);
                    }
                }
                Some(In::Records(frame)) => {
                    if let Err(stop) = self.records(&frame) {
                        break Err(stop);
                    }
                    drop(self.back.try_send(frame));
                }
                Some(In::Data(data)) => {
                    if let Err(stop) = self.data(&data) {
                        break Err(stop);
                    }
                    drop(self.back.try_send(data));
                }
            }
        };
        let fault = match end {
            Ok(()) => return,
            Err(Stop::Gone) if !self.was_cut() => return,
            Err(Stop::Gone) => None,
            // What was complete before the breach counts as when the line is cut.
            Err(Stop::Fault(fault)) => Some(fault),
        };
        let fates = self.arrival.cut();
        drop(self.tell(fates)); // whoever watches here hears it in any case
        if let Some(fault) = fault {
            drop(self.say(Ack::Error(fault)));
        }
    }

    /// Whether the call is gone because the line was cut, and was not ended from this side; waits for the word.
    fn was_cut(&mut self) -> bool {
        let word = self.cut.take().and_then(|cut| cut.blocking_recv().ok());
        word.is_some() && !self.gone.is_cancelled()
    }

    fn item(&mut self, item: Item) -> Result<(), Stop> {
        match item {
            Item::Working { load } => {
                self.watch.set_theirs(load); // may stand anywhere
                self.flush_if_wanted() // also while nothing else comes
            }
            _ if self.expecting.is_some() => Err(out_of_turn("a message in place of a group")),
            Item::Broken { file, fault } => {
                let Some(Open { at, .. }) = self.open.remove(&file) else {
                    return if file < self.next { Ok(()) } else { Err(out_of_turn("the end of a file")) };
                };
                // The sender knows and has reported it; here it only counts.
                self.arrival.broken(file);
                self.awaiting.remove(&file);
                self.failed += 1;
                self.watch.came_to(Outcome::Failed { path: at.as_bytes().to_vec(), fault });
                Ok(())
            }
            Item::Totals { files, bytes } => {
                self.watch.add_totals(files, bytes);
                Ok(())
            }
            Item::Skip { path, fault } => {
                let at = below(self.base.as_bytes(), &path.0);
                self.watch.came_to(Outcome::left_out(at, fault));
                Ok(())
            }
            // Both ended the reading before they could come here.
            Item::Finish {} | Item::Error(_) => Err(out_of_turn("an end of the stream")),
        }
    }

    fn records(&mut self, frame: &[u8]) -> Result<(), Stop> {
        if self.expecting.is_some() {
            return Err(out_of_turn("records in place of a group"));
        }
        let mut first = frame;
        if let Ok(Some(Put::Packed { inflated, bytes })) = Put::take(&mut first) {
            let mut inflate = std::mem::replace(&mut self.inflate, Inflate::new());
            let len = usize::try_from(inflated).unwrap_or(usize::MAX);
            let done = match inflate.inflate(bytes, len, MAX_DATA) {
                Some(frame) => self.each_record(frame),
                None => Err(not_inflated()),
            };
            self.inflate = inflate;
            return done;
        }
        self.each_record(frame)
    }

    fn each_record(&mut self, frame: &[u8]) -> Result<(), Stop> {
        let mut rest = frame;
        let bad = |fault: crate::files::records::RecordError| {
            Stop::Fault(Fault::new(ErrorCode::BadRequest, fault.to_string()))
        };
        while let Some(record) = Put::take(&mut rest).map_err(bad)? {
            if self.gone.is_cancelled() {
                return Err(Stop::Gone);
            }
            self.record(record)?;
            if self.expecting.is_some() && !rest.is_empty() {
                return Err(out_of_turn("a record behind that of a group"));
            }
        }
        let verdicts = self.verdicts.take();
        if !verdicts.is_empty() {
            self.backs.blocking_send(Back::Records(verdicts)).map_err(|_| Stop::Gone)?;
        }
        self.flush_if_wanted()
    }

    fn record(&mut self, record: Put<'_>) -> Result<(), Stop> {
        match record {
            Put::Dir { path } => self.dir(path),
            Put::DirEnd { mode, mtime } => self.dir_end(mode, mtime),
            Put::File { path, entry } => self.file(path, entry),
            Put::Link { path, target, mtime } => {
                self.bare(path, target.len(), |arrival, number, at| arrival.link(number, at, target, mtime_of(mtime)))
            }
            Put::HardLink { path, first } => {
                self.bare(path, 0, |arrival, number, at| arrival.hard_link(number, at, first))
            }
            Put::Whole { number, hash, bytes } => self.whole(number, blake3::Hash::from_bytes(hash), bytes),
            Put::Packed { .. } => Err(out_of_turn("a packed record among others")),
            Put::Group { number, index, inflated } => {
                self.expecting = Some(Group { number, index, inflated });
                Ok(())
            }
            Put::Hole { number, first, count } => self.hole(number, first, count),
            Put::End { number, size, hash } => self.end(number, size, blake3::Hash::from_bytes(hash)),
        }
    }

    /// Where a path of the stream lies, if it may be written to: relative to the directory that the stream is in, and in
    /// the share.
    fn place(&self, path: &[u8], coming: Coming) -> Result<(SharePath, SharePath), Fault> {
        let bad = |fault: PathError| Fault::new(ErrorCode::BadName, fault.to_string());
        let relative = SharePath::parse(path).map_err(bad)?;
        if self.arrival.depth() > 0 && relative.components().count() != 1 {
            return Err(Fault::new(ErrorCode::BadName, "inside a directory a path is one name"));
        }
        let at = self.arrival.place(&relative).map_err(bad)?;
        (self.judge)(&at, coming)?;
        Ok((relative, at))
    }

    fn dir(&mut self, path: &[u8]) -> Result<(), Stop> {
        if self.lost_levels > 0 {
            self.lost_levels += 1;
            return Ok(());
        }
        let made = self.place(path, Coming::Dir).and_then(|(relative, at)| {
            let entered = self.watch.timed(Stage::Disk, || self.arrival.dir(&relative));
            entered.map_err(|fault| (at, fault)).map_err(|(_, fault)| fault_of(&fault))
        });
        match made {
            Ok(()) => Ok(()),
            Err(fault) => {
                self.lost_levels = 1;
                self.dir_failed(self.here(path), fault)
            }
        }
    }

    /// Where something is called in words, whether or not it can be there.
    fn here(&self, path: &[u8]) -> Vec<u8> {
        let inside = self.arrival.place(&SharePath::root());
        below(inside.as_ref().map_or(&[], SharePath::as_bytes), path)
    }

    fn dir_end(&mut self, mode: u32, mtime: (i64, u32)) -> Result<(), Stop> {
        if self.lost_levels > 0 {
            self.lost_levels -= 1;
            return Ok(());
        }
        if self.arrival.depth() == 0 {
            return Err(out_of_turn("the end of a directory"));
        }
        self.watch.timed(Stage::Disk, || self.arrival.dir_end(mode, mtime_of(mtime)));
        Ok(())
    }

    fn dir_failed(&mut self, path: Vec<u8>, fault: Fault) -> Result<(), Stop> {
        self.failed += 1;
        self.watch.came_to(Outcome::Failed { path: path.clone(), fault: fault.clone() });
        self.say(Ack::DirFailed { path: WireName(path), fault })
    }

    /// The number of an entry that was just told.
    fn number(&mut self) -> Result<u64, Stop> {
        if self.open.len() >= MAX_OPEN {
            return Err(Stop::Fault(Fault::new(ErrorCode::BadRequest, "more files were told than may wait")));
        }
        let number = self.next;
        self.next += 1;
        Ok(number)
    }

    fn file(&mut self, path: &[u8], entry: Entry) -> Result<(), Stop> {
        let number = self.number()?;
        if self.lost_levels > 0 {
            self.verdicts.lost(number);
            return Ok(());
        }
        let size = entry.size;
        let source = SourceMark(entry.mark.unwrap_or_default());
        let plan = Plan {
            size,
            mode: entry.mode,
            mtime: mtime_of(entry.mtime),
            source,
            sparse: entry.sparse,
            attributes: entry.attributes,
            hash: entry.hash.map(blake3::Hash::from_bytes),
            linked: entry.linked,
        };
        let (relative, at) = match self.place(path, Coming::Thing) {
            Ok(places) => places,
            Err(fault) => return self.report(number, self.here(path), fault),
        };
        let verdict = self.watch.timed(Stage::Disk, || self.arrival.file(number, &relative, plan));
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(fault) => return self.report(number, at.as_bytes().to_vec(), fault_of(&fault)),
        };
        if let Verdict::Same = verdict {
            self.verdicts.same(number);
            self.watch.came_to(Outcome::Same { path: at.as_bytes().to_vec(), size: size.unwrap_or(0) });
            return Ok(());
        }
        self.owed = self.owed.saturating_add(size.unwrap_or(u64::MAX)).saturating_add(SLACK);
        match verdict {
            Verdict::Rest(held) => self.rest(number, &at, size, source, held)?,
            _ => self.verdicts.want(number),
        }
        self.open.insert(number, Open { at, size, ended: false });
        self.awaiting.insert(number);
        Ok(())
    }

    /// A link or another name: an entry without content. `target`: bytes of where it leads.
    fn bare(
        &mut self,
        path: &[u8],
        target: usize,
        take: impl FnOnce(&mut Arrival, u64, &SharePath) -> Result<Verdict, TreeError>,
    ) -> Result<(), Stop> {
        let number = self.number()?;
        if self.lost_levels > 0 {
            self.verdicts.lost(number);
            return Ok(());
        }
        let (relative, at) = match self.place(path, Coming::Thing) {
            Ok(places) => places,
            Err(fault) => return self.report(number, self.here(path), fault),
        };
        let Some(cost) = self.links.room_for(path.len(), target) else {
            let text = "more links wait for the end of their directory than may; a second run takes the rest";
            return self.report(number, at.as_bytes().to_vec(), Fault::new(ErrorCode::NoSpace, text));
        };
        match self.watch.timed(Stage::Disk, || take(&mut self.arrival, number, &relative)) {
            Ok(Verdict::Same) => {
                self.verdicts.same(number);
                self.watch.came_to(Outcome::Same { path: at.as_bytes().to_vec(), size: 0 });
                Ok(())
            }
            Ok(_) => {
                self.links.wait(number, cost);
                self.verdicts.want(number);
                self.awaiting.insert(number);
                Ok(())
            }
            Err(fault) => self.report(number, at.as_bytes().to_vec(), fault_of(&fault)),
        }
    }

    fn report(&mut self, number: u64, path: Vec<u8>, fault: Fault) -> Result<(), Stop> {
        self.failed += 1;
        self.awaiting.remove(&number);
        self.watch.came_to(Outcome::Failed { path, fault: fault.clone() });
        self.say(Ack::Failed { file: number, fault })
    }

    /// A file that was wanted is given up; what still comes of it is let pass.
    fn give_up(&mut self, number: u64, fault: &PublishError) -> Result<(), Stop> {
        self.arrival.broken(number);
        let path = self.open.remove(&number).map_or_else(Vec::new, |open| open.at.as_bytes().to_vec());
        self.report(number, path, Fault::new(fault.code(), fault.to_string()))
    }

    fn finish(&mut self) -> Result<(), Stop> {
        if self.gone.is_cancelled() || self.lanes.bundle().was_broken() {
            return Err(Stop::Gone); // a lane that was cut has ended too, and what it had to bring has not come
        }
        self.give_up_lacking()?;
        if self.expecting.is_some() || !self.open.is_empty() || self.arrival.depth() > 0 || self.lost_levels > 0 {
            return Err(out_of_turn("the end of the stream"));
        }
        self.watch.enter(Phase::Publishing);
        let fates = self.watch.timed(Stage::Sync, || self.arrival.finish());
        self.tell(fates)?;
        self.watch.enter(Phase::Done);
        let load = Some(self.watch.ours());
        self.say(Ack::Done { files: self.files, bytes: self.bytes, failed: self.failed, load })
    }

    fn say(&self, ack: Ack) -> Result<(), Stop> {
        self.backs.blocking_send(Back::Ack(ack)).map_err(|_| Stop::Gone)
    }
}

fn below(dir: &[u8], path: &[u8]) -> Vec<u8> {
    if dir.is_empty() || path.is_empty() { [dir, path].concat() } else { [dir, b"/", path].concat() }
}

fn fault_of(fault: &TreeError) -> Fault {
    Fault::new(fault.code(), fault.to_string())
}

fn not_inflated() -> Stop {
    Stop::Fault(Fault::new(ErrorCode::BadRequest, "compressed bytes don't come to what was announced"))
}

fn out_of_turn(what: &str) -> Stop {
    Stop::Fault(Fault::new(ErrorCode::BadRequest, format!("{what} came out of turn in a copy stream")))
}

#[cfg(test)]
mod tests;
