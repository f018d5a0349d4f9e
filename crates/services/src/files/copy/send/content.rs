//! The content of files that the receiver wants: small ones packed together, others group by group.

use std::{fs::File, os::unix::fs::FileExt as _};

use landline_net::Block;
use landline_wire::{ErrorCode, Fault, Kind as FrameKind};

use super::{
    Load,
    disk::{Disk, LookError, changed, unreadable},
    flight::Told,
    pending::{LineGone, Sent},
    rest::{Resume, Values},
};
use crate::files::{
    digest::{GROUP, GroupValue, Root as RootHash, group_len, groups_in},
    hashes::CachedValues,
    records::{Put, WHOLE_HEAD, whole_head},
    tree::{Found, Kind, hole_runs},
    watch::{Outcome, Stage},
};

/// Bytes of a file up to which it travels in one record.
pub(super) const WHOLE: u64 = crate::files::records::WHOLE as u64;

/// Bytes of small files that are sent together: large enough to share system calls, small enough that the receiver
/// writes while more is read.
const PACK: usize = 256 << 10;

/// Files that are sent together: they count as under way at the receiver until they are.
const PACKED_FILES: usize = 1024;

/// A block that fills up with small files.
pub(super) struct Pack {
    block: Block,
    len: usize,
    files: usize,
}

impl Pack {
    pub(super) fn into_block(mut self) -> Block {
        self.block.set_len(self.len);
        self.block
    }
}

/// Why a file's content ends early.
pub(super) enum Stop {
    Gone,
    /// The sender says so to the receiver.
    Broken(Fault),
}

impl From<LineGone> for Stop {
    fn from(_: LineGone) -> Self {
        Self::Gone
    }
}

impl From<Stop> for LookError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Gone => Self::Gone,
            Stop::Broken(fault) => Self::Fault(fault),
        }
    }
}

impl Disk {
    /// One file that is wanted.
    pub(super) fn content(&mut self, number: u64, resume: Option<Resume>, load: &Load) -> Result<(), LineGone> {
        // Taken only once its content is through: until then it counts as under way.
        let Some(told) = self.flight.get(number).cloned() else { return Ok(()) };
        self.sending = Some(number);
        let sent = match resume {
            None if told.entry.size <= WHOLE => self.whole(number, &told),
            resume => {
                self.flush_pack()?; // small files don't wait for hours until a large one is through
                self.groups(number, &told, resume, load)
            }
        };
        self.flight.take(number);
        self.tags.take(number);
        self.sending = None;
        let refused = self.refused.take();
        let path = told.to.as_bytes().to_vec();
        let stop = match sent {
            Ok(()) => {
                if let Some(fault) = refused {
                    self.shared.failed(number, &fault, &self.watch); // the word came with the last of it
                }
                return Ok(());
            }
            Err(Stop::Gone) => return Err(LineGone),
            Err(Stop::Broken(fault)) => fault,
        };
        // If both have something to say, the receiver's word came first.
        let fault = refused.unwrap_or_else(|| stop.clone());
        self.watch.came_to(Outcome::Failed { path, fault });
        self.broken(number, stop)
    }

    /// A small file: read into its place in a block of many.
    fn whole(&mut self, number: u64, told: &Told) -> Result<(), Stop> {
        let size = usize::try_from(told.entry.size).map_err(|_| Stop::Broken(changed()))?;
        let mut pack = match self.pack.take() {
            // One byte more, to see whether it grew.
            Some(pack) if pack.len + WHOLE_HEAD + size < Block::CAPACITY => pack,
            full => {
                if let Some(full) = full {
                    self.hand_pack(full)?;
                }
                Pack { block: self.block(FrameKind::Records)?, len: 0, files: 0 }
            }
        };
        let place = pack.block.space().get_mut(pack.len..).unwrap_or_default();
        let (head, place) = place.split_at_mut_checked(WHOLE_HEAD).unwrap_or_default();
        let room = place.get_mut(..=size).unwrap_or_default();
        let read = self.watch.timed(Stage::Disk, || {
            let file = File::from(told.place.held.open_read(&told.name).map_err(|errno| unreadable(&errno))?);
            let n = read_at(&file, room, 0).map_err(unreadable_io)?;
            let still = same_state(&state_of(&file)?, &told.entry);
            if n == size && still { Ok(()) } else { Err(changed()) }
        });
        if let Err(fault) = read {
            self.pack = Some(pack);
            return Err(Stop::Broken(fault));
        }
        let bytes = room.get(..size).unwrap_or_default();
        let hash = self.watch.timed(Stage::Hash, || blake3::hash(bytes));
        head.copy_from_slice(&whole_head(number, hash.as_bytes(), size));
        pack.len += WHOLE_HEAD + size;
        pack.files += 1;
        self.watch.moved(size);
        // Before it is sent: the receiver may answer before we get any further.
        self.shared
            .through(number, Sent { path: told.to.as_bytes().to_vec(), size: told.entry.size, hash: Some(hash) })?;
        if pack.len >= PACK || pack.files >= PACKED_FILES {
            self.hand_pack(pack)?;
        } else {
            self.pack = Some(pack);
        }
        Ok(())
    }

    /// A file of many groups, or one of which the receiver has some.
    fn groups(&mut self, number: u64, told: &Told, resume: Option<Resume>, load: &Load) -> Result<(), Stop> {
        let size = told.entry.size;
        let (file, opened) = told
            .place
            .held
            .open_file(&told.name, Some(Kind::File))
            .map_err(|errno| Stop::Broken(unreadable(&errno)))?;
        if !same_state(&opened, &told.entry) {
            return Err(Stop::Broken(changed()));
        }
        let holes = if told.entry.is_sparse() { hole_runs(&file, size).unwrap_or_default() } else { Vec::new() };
        let cached = load.hashes.as_ref().map(|hashes| hashes.of(&told.entry));
        let mut source = Source { number, file, size, holes, cached };
        let hash = match resume.map(|resume| resume.within(size)).filter(|resume| resume.held() > 0) {
            None => self.all_groups(&mut source)?,
            Some(resume) => self.missing_groups(&mut source, told, &resume)?,
        };
        if !same_state(&state_of(&source.file).map_err(Stop::Broken)?, &told.entry) {
            return Err(Stop::Broken(changed()));
        }
        let path = told.to.as_bytes().to_vec();
        self.shared.through(number, Sent { path, size, hash: Some(hash) })?;
        self.records(&Put::End { number, size, hash: *hash.as_bytes() })?;
        Ok(())
    }

    fn all_groups(&mut self, source: &mut Source) -> Result<blake3::Hash, Stop> {
        let mut root = RootHash::new();
        for index in 0..groups_in(source.size) {
            let value = self.send_group(source, index)?;
            root.push(&value);
        }
        Ok(root.finish())
    }

    /// First what is missing for certain, so that the line is busy at once; then what is there is compared, by hashes
    /// that were kept or by reading.
    fn missing_groups(&mut self, source: &mut Source, told: &Told, resume: &Resume) -> Result<blake3::Hash, Stop> {
        let held = resume.held().saturating_mul(crate::files::digest::GROUP_BYTES).min(source.size);
        let path = told.to.as_bytes().to_vec();
        self.watch.came_to(Outcome::Resumed { path, held, changed: resume.tagged });
        let mut values = Values::default();
        for (from, to) in resume.missing(source.size) {
            for index in from..to {
                let value = self.send_group(source, index)?;
                if !source.has(index) {
                    values.put(index, value);
                }
            }
        }
        let tags = self.tags_of(source.number, resume)?;
        let mut root = RootHash::new();
        for index in 0..groups_in(source.size) {
            let value = match values.get(index).or_else(|| source.cached_value(index)) {
                Some(value) => value,
                None => self.read_value(source, index)?,
            };
            if tags.get(&index).is_some_and(|tag| *tag != value.tag()) {
                self.send_group(source, index)?;
            }
            root.push(&value);
        }
        Ok(root.finish())
    }

    /// What the receiver says of the groups that it has, if the source is not what it was.
    fn tags_of(&mut self, number: u64, resume: &Resume) -> Result<std::collections::HashMap<u64, [u8; 8]>, Stop> {
        if !resume.tagged {
            return Ok(std::collections::HashMap::new());
        }
        let held = usize::try_from(resume.held()).unwrap_or(usize::MAX);
        while self.tags.count(number) < held {
            self.flush_pack()?;
            self.wait_for_news()?;
            if let Some(fault) = &self.refused {
                return Err(Stop::Broken(fault.clone()));
            }
        }
        let tags: std::collections::HashMap<_, _> = self.tags.take(number).into_iter().collect();
        if resume.held_groups().all(|index| tags.contains_key(&index)) {
            Ok(tags)
        } else {
            Err(Stop::Broken(Fault::new(
                ErrorCode::BadRequest,
                "the other machine's account of what it has is not whole",
            )))
        }
    }

    /// Reads, hashes and sends one group.
    fn send_group(&mut self, source: &mut Source, index: u64) -> Result<GroupValue, Stop> {
        self.hear_all()?;
        if let Some(fault) = &self.refused {
            return Err(Stop::Broken(fault.clone()));
        }
        if source.is_hole(index) {
            let value = self.watch.timed(Stage::Hash, || source.zeros(index));
            self.records(&Put::Hole { number: source.number, first: index, count: 1 })?;
            source.keep(index, &value);
            self.watch.passed(u64::try_from(group_len(source.size, index)).unwrap_or(0));
            return Ok(value);
        }
        let mut block = self.block(FrameKind::Data)?;
        let value = match self.read_group(source, index, &mut block) {
            Ok(value) => value,
            Err(stop) => {
                self.spare = Some(block);
                return Err(stop);
            }
        };
        self.watch.moved(block.payload().len());
        self.hand_group(source.number, index, block)?;
        Ok(value)
    }

    fn read_value(&mut self, source: &mut Source, index: u64) -> Result<GroupValue, Stop> {
        self.hear_all()?;
        if source.is_hole(index) {
            return Ok(self.watch.timed(Stage::Hash, || source.zeros(index)));
        }
        let mut block = self.block(FrameKind::Data)?;
        let value = self.read_group(source, index, &mut block);
        self.spare = Some(block);
        value
    }

    fn read_group(&mut self, source: &mut Source, index: u64, block: &mut Block) -> Result<GroupValue, Stop> {
        let len = group_len(source.size, index);
        let room = block.space().get_mut(..len).unwrap_or_default();
        let offset = index.saturating_mul(crate::files::digest::GROUP_BYTES);
        let read = self.watch.timed(Stage::Disk, || fill_at(&source.file, room, offset));
        match read {
            Ok(n) if n == len => {}
            Ok(_) => return Err(Stop::Broken(changed())),
            Err(fault) => return Err(Stop::Broken(unreadable_io(fault))),
        }
        block.set_len(len);
        let value = self.watch.timed(Stage::Hash, || GroupValue::of(index, block.payload()));
        source.keep(index, &value);
        Ok(value)
    }

    /// The hash of a whole file, before it is told.
    pub(super) fn hash_whole(&mut self, file: &File, entry: &Found) -> Result<[u8; 32], Stop> {
        let file = file.try_clone().map_err(|fault| Stop::Broken(unreadable_io(fault)))?;
        let mut source = Source { number: u64::MAX, file, size: entry.size, holes: Vec::new(), cached: None };
        let mut root = RootHash::new();
        for index in 0..groups_in(entry.size) {
            root.push(&self.read_value(&mut source, index)?);
        }
        Ok(*root.finish().as_bytes())
    }
}

/// A file that is read group by group.
struct Source {
    number: u64,
    file: File,
    size: u64,
    /// Runs of groups that are nothing but hole.
    holes: Vec<(u64, u64)>,
    cached: Option<CachedValues>,
}

impl Source {
    fn is_hole(&self, index: u64) -> bool {
        self.holes.iter().any(|(from, to)| (*from..*to).contains(&index))
    }

    fn zeros(&self, index: u64) -> GroupValue {
        static ZEROS: [u8; GROUP] = [0; GROUP];
        GroupValue::of(index, ZEROS.get(..group_len(self.size, index)).unwrap_or_default())
    }

    fn keep(&mut self, index: u64, value: &GroupValue) {
        if let Some(cached) = &mut self.cached {
            cached.put(index, value);
        }
    }

    fn cached_value(&self, index: u64) -> Option<GroupValue> {
        self.cached.as_ref()?.get(index)
    }

    fn has(&self, index: u64) -> bool {
        self.cached_value(index).is_some()
    }
}

/// Whether two looks saw the same file with the same content. A change of its names or permissions is none of those.
pub(super) fn same_state(a: &Found, b: &Found) -> bool {
    let state = |found: &Found| (found.kind, found.dev, found.inode, found.size, found.mtime);
    state(a) == state(b)
}

fn state_of(file: &File) -> Result<Found, Fault> {
    rustix::fs::fstat(file).map(|stat| Found::of(b"", &stat)).map_err(|errno| unreadable(&errno))
}

fn unreadable_io(fault: std::io::Error) -> Fault {
    unreadable(&rustix::io::Errno::from_io_error(&fault).unwrap_or(rustix::io::Errno::IO))
}

/// One read, which of a regular file is short only at its end.
fn read_at(file: &File, space: &mut [u8], offset: u64) -> std::io::Result<usize> {
    loop {
        match file.read_at(space, offset) {
            Err(fault) if fault.kind() == std::io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Fills as much of `space` as the file gives from `offset` on.
fn fill_at(file: &File, space: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = space.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        match read_at(file, rest, at)? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}
