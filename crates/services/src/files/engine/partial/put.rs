//! Putting groups into a partial: content first, then its value.
//!
//! Invariant: before content is overwritten, nothing says any more that it is verified; after an error, neither.

use rustix::io::{self, Errno};

use super::Partial;
use super::journal::Journal;
use crate::files::digest::{GROUP, GROUP_BYTES, GroupValue, HashedGroup, HashedHole, ZEROS, group_len, groups_in};
use crate::files::engine::SourceMark;
use crate::files::engine::table::MAX_GROUPS;

/// What file systems keep or leave out at once; smaller holes are worth nothing.
const PAGE: usize = 4096;

impl Partial {
    /// Hashes a group and writes it, see [`Self::put_hashed`].
    #[cfg(test)]
    pub(in crate::files) fn put_group(&mut self, index: u64, bytes: &[u8]) -> io::Result<GroupValue> {
        self.put_hashed(&HashedGroup::of(index, bytes))
    }

    /// Writes a group at its place: the buffer that was hashed, and no other. Any order; again after an error is fine,
    /// and a group that is there is replaced.
    ///
    /// # Errors
    /// `INVAL` if it has not the length that this group has in the file as planned; `FBIG` beyond 64 TiB; as the system
    /// says. Then the group is not held.
    pub(in crate::files) fn put_hashed(&mut self, group: &HashedGroup<'_>) -> io::Result<GroupValue> {
        self.check_sound()?;
        let (index, bytes) = (group.index(), group.bytes());
        let (place, len) = self.place(index, bytes.len())?;
        let value = group.value().ok_or(Errno::INVAL)?;
        if self.value(index)? == Some(value) {
            return Ok(value);
        }
        self.prepare(index, index + 1)?;
        self.write(bytes, place)?;
        self.len = self.len.max(place + u64::from(len));
        self.enter(index, &[(value, len)])?;
        if let Some(journal) = &mut self.journal {
            journal.wrote(len.into());
        }
        Ok(value)
    }

    /// Hashes zeros and makes them a hole, see [`Self::put_hashed_hole`].
    #[cfg(test)]
    pub(in crate::files) fn put_hole(&mut self, first: u64, count: u64) -> io::Result<()> {
        self.put_hashed_hole(&HashedHole::of(first, count, self.header.size))
    }

    /// These groups are zeros: nothing is written, and what was there is given back.
    ///
    /// # Errors
    /// As [`Self::put_hashed`]; `INVAL` for groups that the file as planned does not have.
    pub(in crate::files) fn put_hashed_hole(&mut self, hole: &HashedHole) -> io::Result<()> {
        self.check_sound()?;
        let (first, count) = (hole.first(), hole.count());
        let end = first.checked_add(count).ok_or(Errno::FBIG)?;
        let Some(last) = end.checked_sub(1).filter(|_| count > 0) else { return Ok(()) };
        let last_len = self.header.size.map_or(GROUP, |size| group_len(size, last));
        let (last_place, last_len) = self.place(last, last_len)?;
        let values = hole.values().filter(|values| values.last().is_some_and(|(_, len)| *len == last_len));
        let values = values.ok_or(Errno::INVAL)?;
        let stop = last_place + u64::from(last_len);
        self.prepare(first, end)?;
        self.clear(first * GROUP_BYTES, stop)?;
        // The file reaches as far as what is held of it: that is how the journal of another file is told from its own.
        self.lengthen(stop)?;
        self.enter(first, values)
    }

    fn check_sound(&self) -> io::Result<()> {
        self.journal.as_ref().map_or(Ok(()), Journal::check)
    }

    /// Where a group of `len` bytes begins, if the file can have such a group.
    fn place(&self, index: u64, len: usize) -> io::Result<(u64, u32)> {
        if index >= MAX_GROUPS {
            return Err(Errno::FBIG);
        }
        let fits = self.header.size.is_none_or(|size| group_len(size, index) == len);
        let len = u32::try_from(len).ok().filter(|len| fits && (1..=FULL).contains(len)).ok_or(Errno::INVAL)?;
        Ok((index * GROUP_BYTES, len))
    }

    /// Makes the groups from `first` up to `end` ready to be overwritten.
    fn prepare(&mut self, first: u64, end: u64) -> io::Result<()> {
        let in_short = self.short.is_some_and(|(index, _)| (first..end).contains(&index));
        let entered = in_short || self.full.touches(first, end) || self.uncertain.touches(first, end);
        self.full.remove(first, end);
        self.short = self.short.filter(|_| !in_short);
        self.uncertain.insert(first, end);
        if self.journal.is_none() && self.header.size.is_none_or(|size| size > GROUP_BYTES) {
            self.begin_journal()?;
        }
        match &self.journal {
            Some(journal) if entered => journal.forget(first, end)?,
            _ => {}
        }
        self.mark_source()
    }

    /// Once groups of several states of a source are mixed, each must be compared: no source has the mark they get.
    fn mark_source(&mut self) -> io::Result<()> {
        let Some(journal) = self.journal.as_ref().filter(|_| !self.marked) else { return Ok(()) };
        let now = self.header.source;
        if journal.header().source != now {
            let mut mixed = [0; 16];
            getrandom::fill(&mut mixed).map_err(|_unavailable| Errno::IO)?;
            let mark = if self.is_empty() { now } else { SourceMark(mixed) };
            journal.set_source(mark)?;
        }
        self.marked = true;
        Ok(())
    }

    fn begin_journal(&mut self) -> io::Result<()> {
        let Some(name) = self.staging.name() else { return Err(Errno::NOENT) };
        let file = self.staging.file();
        // How large a file with holes is says little of what it takes.
        let groups = self.header.size.filter(|_| !self.sparse).map_or(0, groups_in);
        let header = self.header.clone();
        self.journal = Some(Journal::create(self.dir(), name, file, (header, groups), self.tuning)?);
        Ok(())
    }

    fn enter(&mut self, first: u64, values: &[(GroupValue, u32)]) -> io::Result<()> {
        let end = first.saturating_add(u64::try_from(values.len()).unwrap_or(u64::MAX));
        if values.iter().any(|(_, len)| *len != FULL) {
            self.forget_short()?;
        }
        match (&mut self.journal, values) {
            (Some(journal), values) => journal.put(first, values)?,
            (None, [(value, _)]) if first == 0 => self.single = Some(*value),
            (None, _) => return Err(Errno::INVAL),
        }
        self.uncertain.remove(first, end);
        for ((_, len), index) in values.iter().zip(first..) {
            self.hold(index, *len);
        }
        Ok(())
    }

    /// A file has but one short group, its last: when another one comes, the former was that of another size.
    fn forget_short(&mut self) -> io::Result<()> {
        let (Some((index, _)), Some(journal)) = (self.short.take(), &self.journal) else { return Ok(()) };
        self.uncertain.insert(index, index + 1);
        journal.forget(index, index + 1)?;
        self.uncertain.remove(index, index + 1);
        Ok(())
    }

    /// Writes what is not zero, if holes are to be kept; everything otherwise.
    fn write(&mut self, bytes: &[u8], place: u64) -> io::Result<()> {
        let stop = place + u64::try_from(bytes.len()).unwrap_or(0);
        let with_holes = self.sparse && bytes.chunks(PAGE).any(is_zero) && self.make_hole(place, stop)?;
        self.touched = self.touched.max(stop);
        if !with_holes {
            return self.dir().disk().write_at(self.staging.file(), bytes, place);
        }
        self.lengthen(stop)?;
        let (disk, file) = (self.dir().disk(), self.staging.file());
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let zero = rest.chunks(PAGE).next().is_some_and(is_zero);
            let run: usize = rest.chunks(PAGE).take_while(|page| is_zero(page) == zero).map(<[u8]>::len).sum();
            if !zero {
                let offset = place + u64::try_from(at).unwrap_or(0);
                disk.write_at(file, rest.get(..run).unwrap_or(rest), offset)?;
            }
            at += run;
        }
        Ok(())
    }

    /// Makes the file reach to `stop`, by a hole.
    fn lengthen(&mut self, stop: u64) -> io::Result<()> {
        if self.len < stop {
            self.dir().disk().truncate(self.staging.file(), stop)?;
            self.len = stop;
        }
        Ok(())
    }

    /// Makes the bytes from `start` up to `stop` read as zeros.
    fn clear(&self, start: u64, stop: u64) -> io::Result<()> {
        if self.make_hole(start, stop)? {
            return Ok(());
        }
        let mut at = start;
        while at < stop.min(self.touched) {
            let len = usize::try_from(stop.min(self.touched) - at).unwrap_or(GROUP).min(GROUP);
            self.dir().disk().write_at(self.staging.file(), ZEROS.get(..len).unwrap_or(&ZEROS), at)?;
            at += u64::try_from(len).unwrap_or(GROUP_BYTES);
        }
        Ok(())
    }

    /// Whether there is a hole now; `false` where the file system has none in the middle of a file.
    fn make_hole(&self, start: u64, stop: u64) -> io::Result<bool> {
        let until = stop.min(self.touched);
        if until <= start {
            return Ok(true);
        }
        match self.dir().disk().punch(self.staging.file(), start, until - start) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(false),
            done => done.map(|()| true),
        }
    }
}

/// The length of a group that is not the last.
const FULL: u32 = 1 << 20;

/// A page or less.
fn is_zero(bytes: &[u8]) -> bool {
    ZEROS.get(..bytes.len()) == Some(bytes)
}
