//! The disk thread of a sender: walks, tells, and reads what is wanted.
//!
//! It tells entries as far ahead as the window allows, so that the receiver's verdicts are there before the content of
//! earlier files has been sent; content goes in the order in which it is wanted.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use landline_net::Block;
use landline_wire::{ErrorCode, Fault, Kind as FrameKind, WireName};
use tokio::sync::mpsc;

use super::{
    Load, Out,
    content::{Pack, same_state},
    flight::{Flight, TellKind, Told},
    hand::LineCost,
    lanes::Lanes,
    pending::{LineGone, Sent, Shared},
    rest::{Resume, Tags},
    walk::{self, Place, Root, Step, Walk},
};
use crate::files::{
    copy::{
        WINDOW,
        press::{Press, When},
    },
    engine::SourceMark,
    msg::Item,
    records::{Entry as TellEntry, Numbers, Put, Say},
    tree::{Found, Kind, Name},
    watch::{Outcome, Stage, Watch},
};

/// Records of entries that go out together.
const TELL_BYTES: usize = 16 << 10;
/// Directories that are held open at once, those of the walk included: descriptors are scarce.
const MAX_PLACES: usize = 256;
/// Files with several names that are remembered, to tell the second name as that; of more, the rest are sent again.
const MAX_LINKED: usize = 100_000;

/// What the line hands to the disk thread.
#[derive(Debug)]
pub(super) enum News {
    /// Verdicts, and how many bytes they took.
    Said(Vec<Say>, usize),
    /// The receiver will not keep this one, and how many bytes that took.
    Failed(u64, Fault, usize),
}

/// Everything of the disk thread.
pub(super) struct Disk {
    pub(super) out: mpsc::Sender<Out>,
    back: mpsc::Receiver<Block>,
    news: mpsc::UnboundedReceiver<News>,
    pub(super) shared: Arc<Shared>,
    pub(super) watch: Watch,
    /// Blocks in the world; never more than [`Lanes::blocks`] when another is made.
    made: usize,
    /// A block that was taken and not needed.
    pub(super) spare: Option<Block>,
    pub(super) flight: Flight,
    /// Files whose content shall come, in order, with what the receiver has of them.
    wanted: VecDeque<(u64, Option<Resume>)>,
    /// Tags that came before their file's turn.
    pub(super) tags: Tags,
    /// The file whose content is being sent.
    pub(super) sending: Option<u64>,
    /// Why the receiver gave up that file, if it did.
    pub(super) refused: Option<Fault>,
    /// Records of entries, to go out together.
    telling: Vec<u8>,
    /// Small files, to go out together.
    pub(super) pack: Option<Pack>,
    pub(super) press: Press,
    pub(super) lanes: Lanes,
    /// What the line had taken when it was last looked at, and what a byte took since.
    pub(super) line: LineCost,
    places: Arc<AtomicUsize>,
    /// The first number of files that have more names, by file system and inode.
    linked: HashMap<(u64, u64), u64>,
}

impl Disk {
    pub(super) fn new(
        out: mpsc::Sender<Out>,
        back: mpsc::Receiver<Block>,
        news: mpsc::UnboundedReceiver<News>,
        shared: Arc<Shared>,
        watch: Watch,
        (when, lanes): (When, Lanes),
    ) -> Self {
        Self {
            out,
            back,
            news,
            shared,
            watch,
            made: 0,
            spare: None,
            flight: Flight::default(),
            wanted: VecDeque::new(),
            tags: Tags::default(),
            sending: None,
            refused: None,
            telling: Vec::new(),
            pack: None,
            press: Press::new(when),
            lanes,
            line: LineCost::default(),
            places: Arc::default(),
            linked: HashMap::new(),
        }
    }

    pub(super) fn work(mut self, load: &Load) {
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
        for root in &load.roots {
            self.send_root(root, load)?;
        }
        self.settle(load)
    }

    fn send_root(&mut self, root: &Root, load: &Load) -> Result<(), LineGone> {
        let mut walk = Walk::new(root, &load.filter, self.shared.gone.clone(), Arc::clone(&self.places));
        let mut filling = true;
        loop {
            self.hear_all()?;
            let ahead = self.flight.len() < WINDOW && self.places.load(Ordering::Relaxed) < MAX_PLACES;
            // Filled up in one go and then emptied by half: entries go out by the hundred, and so do verdicts.
            filling = ahead && (filling || self.wanted.is_empty() || self.flight.len() < WINDOW / 2);
            if !filling {
                self.advance(load)?;
                continue;
            }
            match walk.next_step() {
                Some(step) => self.tell(step, load)?,
                None if self.shared.gone.is_cancelled() => return Err(LineGone),
                None => return Ok(()),
            }
            if self.telling.len() >= TELL_BYTES {
                self.flush_telling()?;
            }
        }
    }

    /// Everything was told: the rest of the content.
    fn settle(&mut self, load: &Load) -> Result<(), LineGone> {
        self.flush_telling()?;
        while self.flight.len() > 0 {
            self.hear_all()?;
            if self.flight.len() > 0 {
                self.advance(load)?;
            }
        }
        self.flush_telling()?;
        self.flush_pack()
    }

    /// One piece of work that is not telling: content if some is wanted, else waiting for news.
    fn advance(&mut self, load: &Load) -> Result<(), LineGone> {
        if let Some((number, resume)) = self.wanted.pop_front() {
            return self.content(number, resume, load);
        }
        self.flush_telling()?;
        self.flush_pack()?;
        self.wait_for_news()
    }

    pub(super) fn wait_for_news(&mut self) -> Result<(), LineGone> {
        let watch = self.watch.clone();
        match watch.timed(Stage::Line, || self.news.blocking_recv()) {
            Some(news) => self.hear(news),
            None => Err(LineGone),
        }
    }

    pub(super) fn hear_all(&mut self) -> Result<(), LineGone> {
        if self.shared.gone.is_cancelled() {
            return Err(LineGone);
        }
        while let Ok(news) = self.news.try_recv() {
            self.hear(news)?;
        }
        Ok(())
    }

    fn hear(&mut self, news: News) -> Result<(), LineGone> {
        match news {
            News::Said(verdicts, bytes) => {
                self.shared.news.fetch_sub(bytes, Ordering::Relaxed);
                verdicts.into_iter().try_for_each(|verdict| self.verdict(verdict))
            }
            News::Failed(number, fault, bytes) => {
                self.shared.news.fetch_sub(bytes, Ordering::Relaxed);
                if self.sending == Some(number) {
                    self.refused = Some(fault); // what is left of it need not be sent
                } else if let Some(told) = self.flight.take(number) {
                    if self.shared.is_in_the_way(number, &fault) {
                        return Ok(());
                    }
                    let path = told.to.as_bytes().to_vec();
                    self.watch.came_to(Outcome::Failed { path, fault });
                } else {
                    // It was sent whole while this was on its way; or it was never told, and this says nothing.
                    self.shared.failed(number, &fault, &self.watch);
                }
                Ok(())
            }
        }
    }

    fn verdict(&mut self, verdict: Say) -> Result<(), LineGone> {
        match verdict {
            Say::Same(numbers) => {
                for number in self.told(numbers) {
                    let Some(told) = self.flight.take(number) else { continue };
                    let size = if told.kind == TellKind::File { told.entry.size } else { 0 };
                    self.watch.came_to(Outcome::Same { path: told.to.as_bytes().to_vec(), size });
                }
            }
            Say::Want(numbers) => {
                for number in self.told(numbers) {
                    match self.flight.ask(number) {
                        Some(TellKind::File) => self.wanted.push_back((number, None)),
                        Some(TellKind::Bare) => self.bare(number)?,
                        None => {}
                    }
                }
            }
            Say::Rest { number, runs, tagged } => {
                if self.flight.ask(number) == Some(TellKind::File) {
                    self.wanted.push_back((number, Some(Resume { runs, tagged })));
                }
            }
            Say::Tags { number, first, tags } => {
                if self.flight.get(number).is_some() && !self.tags.add(number, first, tags) {
                    // There is no room for them: all of the file is sent.
                    self.wanted.iter_mut().filter(|(wanted, _)| *wanted == number).for_each(|(_, rest)| *rest = None);
                    self.tags.take(number);
                }
            }
            Say::Lost(numbers) => {
                for number in self.told(numbers) {
                    if self.flight.take(number).is_some() {
                        self.watch.lost(1);
                    }
                }
            }
            Say::Kept(_) => {} // told where it came in
        }
        Ok(())
    }

    /// Those of `numbers` that may be unsettled.
    fn told(&self, numbers: Numbers) -> impl Iterator<Item = u64> + use<> {
        let open = self.flight.numbers();
        let end = numbers.from.saturating_add(u64::from(numbers.count)).min(open.end);
        numbers.from.max(open.start)..end
    }

    /// A link or another name: nothing more has to be sent of it.
    fn bare(&mut self, number: u64) -> Result<(), LineGone> {
        let Some(told) = self.flight.take(number) else { return Ok(()) };
        self.shared.through(number, Sent { path: told.to.as_bytes().to_vec(), size: 0, hash: None })
    }

    fn tell(&mut self, step: Step, load: &Load) -> Result<(), LineGone> {
        match step {
            Step::Dir { path, .. } => Put::Dir { path: &path }.write(&mut self.telling),
            Step::DirEnd { entry } => {
                Put::DirEnd { mode: entry.mode, mtime: time(&entry) }.write(&mut self.telling);
            }
            Step::Entry { path, place, name, to, entry } => self.tell_entry(&path, place, name, to, entry, load)?,
            Step::Skip { to, fault } => self.skip(to, fault)?,
        }
        Ok(())
    }

    fn tell_entry(
        &mut self,
        path: &[u8],
        place: Arc<Place>,
        name: Name,
        to: landline_addr::path::SharePath,
        entry: Found,
        load: &Load,
    ) -> Result<(), LineGone> {
        if let (Kind::Link, Some(target)) = (entry.kind, &entry.link_target) {
            Put::Link { path, target, mtime: time(&entry) }.write(&mut self.telling);
            self.flight.push(Told { place, name, to, entry, kind: TellKind::Bare });
            return Ok(());
        }
        let linked = load.hard_links && entry.nlink > 1;
        if linked {
            if let Some(first) = self.linked.get(&(entry.dev, entry.inode)) {
                Put::HardLink { path, first: *first }.write(&mut self.telling);
                self.flight.push(Told { place, name, to, entry, kind: TellKind::Bare });
                return Ok(());
            }
            if self.linked.len() < MAX_LINKED {
                self.linked.insert((entry.dev, entry.inode), self.flight.next());
            }
        }
        let mut tell = TellEntry {
            size: Some(entry.size),
            mode: entry.mode,
            mtime: time(&entry),
            sparse: entry.is_sparse(),
            linked,
            // What travels in one record is never resumed.
            mark: (entry.size > super::content::WHOLE).then(|| SourceMark::of(&entry).0),
            ..TellEntry::default()
        };
        if load.by_hash || load.attributes {
            match self.look_closer(&place, &name, &entry, load) {
                Ok((hash, attributes)) => (tell.hash, tell.attributes) = (hash, attributes),
                Err(LookError::Gone) => return Err(LineGone),
                Err(LookError::Fault(fault)) => return self.skip(to.as_bytes().to_vec(), fault),
            }
        }
        Put::File { path, entry: tell }.write(&mut self.telling);
        self.flight.push(Told { place, name, to, entry, kind: TellKind::File });
        Ok(())
    }

    /// What has to be opened to be told.
    fn look_closer(
        &mut self,
        place: &Place,
        name: &Name,
        entry: &Found,
        load: &Load,
    ) -> Result<(Option<[u8; 32]>, crate::files::records::Attributes), LookError> {
        let (file, opened) =
            place.held.open_file(name, Some(Kind::File)).map_err(|errno| LookError::Fault(unreadable(&errno)))?;
        let attributes = match load.attributes {
            true => crate::files::tree::attributes(&file).map_err(|errno| LookError::Fault(unreadable(&errno)))?,
            false => Vec::new(),
        };
        if !load.by_hash {
            return Ok((None, attributes));
        }
        if !same_state(&opened, entry) {
            return Err(LookError::Fault(changed()));
        }
        let hash = self.hash_whole(&file, entry)?;
        Ok((Some(hash), attributes))
    }

    pub(super) fn skip(&mut self, to: Vec<u8>, fault: Fault) -> Result<(), LineGone> {
        self.flush_telling()?; // what is said of things stays in their order
        self.say(Item::Skip { path: WireName(to.clone()), fault: fault.clone() })?;
        self.watch.came_to(Outcome::left_out(to, fault));
        Ok(())
    }

    fn flush_telling(&mut self) -> Result<(), LineGone> {
        if self.telling.is_empty() {
            return Ok(());
        }
        let told = std::mem::take(&mut self.telling);
        self.hand(Out::Records(told))
    }

    pub(super) fn flush_pack(&mut self) -> Result<(), LineGone> {
        match self.pack.take() {
            Some(pack) => self.hand_pack(pack),
            None => Ok(()),
        }
    }

    pub(super) fn block(&mut self, kind: FrameKind) -> Result<Block, LineGone> {
        let mut block = match self.spare.take().or_else(|| self.back.try_recv().ok()) {
            Some(block) => block,
            None if self.made < self.lanes.blocks() => {
                self.made += 1;
                Block::new()
            }
            None => {
                let watch = self.watch.clone();
                watch.timed(Stage::Line, || self.back.blocking_recv()).ok_or(LineGone)?
            }
        };
        block.set_kind(kind);
        Ok(block)
    }

    fn say(&mut self, item: Item) -> Result<(), LineGone> {
        self.hand(Out::Item(item))
    }

    pub(super) fn broken(&mut self, number: u64, fault: Fault) -> Result<(), LineGone> {
        self.say(Item::Broken { file: number, fault })
    }

    pub(super) fn records(&mut self, record: &Put<'_>) -> Result<(), LineGone> {
        let mut frame = Vec::with_capacity(64);
        record.write(&mut frame);
        self.hand(Out::Records(frame))
    }

    pub(super) fn hand(&self, out: Out) -> Result<(), LineGone> {
        match self.out.try_send(out) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(LineGone),
            Err(mpsc::error::TrySendError::Full(out)) => {
                self.watch.timed(Stage::Line, || self.out.blocking_send(out)).map_err(|_| LineGone)
            }
        }
    }
}

/// Why a file could not be looked at before it was told.
pub(super) enum LookError {
    Gone,
    Fault(Fault),
}

fn time(entry: &Found) -> (i64, u32) {
    (entry.mtime.secs(), entry.mtime.nanos())
}

pub(super) fn changed() -> Fault {
    Fault::new(ErrorCode::Changed, "it changed while it was read; run the command again")
}

/// Words for a file that can't be opened or read.
pub(super) fn unreadable(errno: &rustix::io::Errno) -> Fault {
    // The receiver says where, by the place that it would have had.
    let place = landline_addr::path::SharePath::root();
    super::walk::unreadable(&place, &crate::files::tree::TreeError::at(&place, *errno))
}
