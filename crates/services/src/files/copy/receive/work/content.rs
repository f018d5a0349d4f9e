//! The content of files that are wanted: whole files, groups, holes, ends. What comes of a file that was given up is let
//! pass, and what was never announced is a breach.

use landline_wire::{ErrorCode, Fault};

use super::{super::Piece, Back, Group, Stop, Work, not_inflated, out_of_turn};
use crate::files::{
    copy::press::Inflate,
    digest::{GROUP, GROUP_BYTES, HashedFile, HashedGroup, HashedHole, MAX_HOLE, group_len, groups_in},
    records::Say,
    watch::Stage,
};

/// Groups of a file of unknown size after which its sender is told that they are here: a quarter of what it keeps.
const TOLD_EVERY: u64 = 4;

impl Work {
    /// Content came: of what was announced, or far beyond it?
    fn came(&mut self, bytes: usize) -> Result<(), Stop> {
        // Empty pieces must not go on for ever either.
        let bytes = u64::try_from(bytes.max(1)).unwrap_or(u64::MAX);
        self.owed = self.owed.checked_sub(bytes).ok_or_else(|| {
            Stop::Fault(Fault::new(ErrorCode::BadRequest, "far more bytes of a file came than were announced"))
        })?;
        Ok(())
    }

    /// Whether content of this file is still wanted; content of a file that never was is a breach.
    fn is_wanted(&self, number: u64) -> Result<bool, Stop> {
        if number >= self.next {
            return Err(out_of_turn("content of a file that was not told"));
        }
        let open = self.open.get(&number);
        if let Some(open) = open {
            self.watch.in_hand(open.at.as_bytes());
        }
        Ok(open.is_some())
    }

    pub(super) fn whole(&mut self, number: u64, hash: blake3::Hash, bytes: &[u8]) -> Result<(), Stop> {
        self.came(bytes.len())?;
        if !self.is_wanted(number)? {
            return Ok(());
        }
        self.watch.moved(bytes.len());
        let whole = self.watch.timed(Stage::Hash, || HashedFile::of(bytes));
        match self.watch.timed(Stage::Disk, || self.arrival.whole(number, &whole, hash)) {
            Ok(()) => {
                self.open.remove(&number);
                Ok(())
            }
            Err(fault) => self.give_up(number, &fault),
        }
    }

    pub(super) fn data(&mut self, data: &[u8]) -> Result<(), Stop> {
        self.came(data.len())?;
        let Some(Group { number, index, inflated }) = self.expecting.take() else {
            return Err(out_of_turn("data"));
        };
        self.inflate_group(Group { number, index, inflated }, data)
    }

    /// A group that came over a lane.
    pub(super) fn piece(&mut self, piece: &Piece) -> Result<(), Stop> {
        let Piece { number, index, inflated, ref data, .. } = *piece;
        self.came(data.len())?;
        self.inflate_group(Group { number, index, inflated }, data)?;
        if self.open.get(&number).is_some_and(|open| open.ended) && self.arrival.lack(number).is_none() {
            self.open.remove(&number); // that was the last of it
        }
        Ok(())
    }

    fn inflate_group(&mut self, group: Group, data: &[u8]) -> Result<(), Stop> {
        let Group { number, index, inflated } = group;
        if !self.is_wanted(number)? {
            return Ok(());
        }
        let Some(len) = inflated else { return self.group(number, index, data) };
        let mut inflate = std::mem::replace(&mut self.inflate, Inflate::new());
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let done = match inflate.inflate(data, len, GROUP) {
            Some(data) => self.group(number, index, data),
            None => Err(not_inflated()),
        };
        self.inflate = inflate;
        done
    }

    fn group(&mut self, number: u64, index: u64, data: &[u8]) -> Result<(), Stop> {
        let size = self.open.get(&number).and_then(|open| open.size);
        if size.is_some_and(|size| group_len(size, index) != data.len()) {
            return Err(Stop::Fault(Fault::new(ErrorCode::BadRequest, "a group of another length than the file has")));
        }
        self.watch.moved(data.len());
        let group = self.watch.timed(Stage::Hash, || HashedGroup::of(index, data));
        match self.watch.timed(Stage::Disk, || self.arrival.group(number, &group)) {
            Ok(()) => {
                if size.is_none() && index.saturating_add(1).is_multiple_of(TOLD_EVERY) {
                    self.tell_begun(number, index.saturating_add(1))?;
                }
                self.flush_if_wanted()
            }
            Err(fault) => self.give_up(number, &fault),
        }
    }

    /// Of what comes out of a pipe its sender keeps what is not here yet: it is told how far it has come. What lies behind
    /// `sent` is of an earlier pipe.
    fn tell_begun(&mut self, number: u64, sent: u64) -> Result<(), Stop> {
        let runs = vec![(0, self.arrival.begun(number).min(sent))];
        let mut frame = Vec::new();
        if runs.iter().all(|(from, to)| from < to) {
            Say::Rest { number, runs, tagged: false }.write(&mut frame);
            self.backs.blocking_send(Back::Records(frame)).map_err(|_| Stop::Gone)?;
        }
        Ok(())
    }

    pub(super) fn hole(&mut self, number: u64, first: u64, count: u64) -> Result<(), Stop> {
        self.came(0)?;
        if !self.is_wanted(number)? {
            return Ok(());
        }
        let size = self.open.get(&number).and_then(|open| open.size).unwrap_or(0);
        let groups = groups_in(size);
        if count > MAX_HOLE || first.checked_add(count).is_none_or(|end| end > groups) {
            return Err(Stop::Fault(Fault::new(ErrorCode::BadRequest, "a hole beyond the end of its file")));
        }
        self.watch.passed(count.saturating_mul(GROUP_BYTES).min(size));
        let hole = self.watch.timed(Stage::Hash, || HashedHole::of(first, count, Some(size)));
        match self.watch.timed(Stage::Disk, || self.arrival.hole(number, &hole)) {
            Ok(()) => Ok(()),
            Err(fault) => self.give_up(number, &fault),
        }
    }

    pub(super) fn end(&mut self, number: u64, size: u64, hash: blake3::Hash) -> Result<(), Stop> {
        if !self.is_wanted(number)? {
            return Ok(());
        }
        match self.watch.timed(Stage::Disk, || self.arrival.end(number, size, hash)) {
            Ok(()) => {
                if let Some(lack) = self.arrival.lack(number) {
                    if !self.lanes.bundle().ever_joined() {
                        return self.give_up(number, &lack); // without lanes content comes before its end
                    }
                    if let Some(open) = self.open.get_mut(&number) {
                        open.ended = true;
                    }
                    return Ok(());
                }
                self.open.remove(&number);
                Ok(())
            }
            Err(fault) => self.give_up(number, &fault),
        }
    }

    /// All lanes have ended: what a file lacks now never comes.
    pub(super) fn give_up_lacking(&mut self) -> Result<(), Stop> {
        let ended: Vec<u64> = self.open.iter().filter(|(_, open)| open.ended).map(|(number, _)| *number).collect();
        for number in ended {
            match self.arrival.lack(number) {
                Some(lack) => self.give_up(number, &lack)?,
                None => drop(self.open.remove(&number)),
            }
        }
        Ok(())
    }
}
