//! A hostile sender: bytes are choices, and the choices a stream of frames, most of them nearly right.
//!
//! Pure. What the entries are and what follows them agrees often enough that a stream gets far, and seldom enough that
//! every breach comes up.

use std::collections::BTreeSet;

use landline_services::files::{
    copy::press::pressed,
    msg::{ExistingMsg, Item, Request},
    records::{Entry, Put},
};
use landline_wire::{ErrorCode, Fault, Header, Kind, Limits, WireName, encode};
use serde::Serialize;

use super::Hashes;

/// Choices that are taken at most: streams longer than that do nothing new.
const MAX_STEPS: usize = 300;

/// What things are called: there already in [`super::world`], new, and refused.
const NAMES: [&[u8]; 18] = [
    b"a",
    b"b",
    b"dir",
    b"file",
    b"link",
    b"out",
    b"pipe",
    b"a~",
    b"dir/file",
    b"dir/new",
    b"out/secret",
    b"link/x",
    b"",
    b"..",
    b"../outside/secret",
    b"/etc/passwd",
    b".landline-part-0123456789abcdef",
    b"\xff\xfe",
];

/// How many of them are plain, from the first on.
const PLAIN: usize = 8;

const TARGETS: [&[u8]; 8] = [b"a", b"../a", b"dir/file", b"/etc/passwd", b"../../outside", b"x/../../..", b"", b"a\0b"];

const SIZES: [u64; 9] = [0, 1, 6, 600, 524_289, 1 << 20, (1 << 20) + 6, 5 << 20, 1 << 40];

/// A stream, ready to be spoken.
pub(super) struct Script {
    /// The opening request and all that follows.
    pub(super) frames: Vec<u8>,
    /// Whether the last frame says that it was all.
    pub(super) finishes: bool,
    /// What the sender told that contents come to.
    pub(super) hashes: Hashes,
    /// Files that the sender gave up.
    pub(super) broken: BTreeSet<u64>,
    /// The share itself may be a tree that is copied, not only what is in it.
    pub(super) copies_share: bool,
}

/// A file as it was told.
#[derive(Clone, Copy)]
struct Told {
    number: u64,
    size: u64,
}

struct Writer<'a> {
    choices: &'a [u8],
    frames: Vec<u8>,
    /// Records that go out together.
    records: Vec<u8>,
    next: u64,
    told: Vec<Told>,
    depth: u64,
    hashes: Hashes,
    broken: BTreeSet<u64>,
    copies_share: bool,
}

impl Script {
    pub(super) fn of(data: &[u8]) -> Self {
        let mut writer = Writer {
            choices: data,
            frames: Vec::new(),
            records: Vec::new(),
            next: 0,
            told: Vec::new(), // never empty after `begin`
            depth: 0,
            hashes: Hashes::new(),
            broken: BTreeSet::new(),
            copies_share: false,
        };
        writer.begin();
        let mut steps = 0;
        while !writer.choices.is_empty() && steps < MAX_STEPS {
            writer.step();
            steps += 1;
        }
        writer.flush();
        let finishes = !data.len().is_multiple_of(4);
        if finishes {
            writer.settle(data.len() % 4 != 1);
            writer.message(&Item::Finish {});
        }
        let Writer { frames, hashes, broken, copies_share, .. } = writer;
        Self { frames, finishes, hashes, broken, copies_share }
    }
}

impl Writer<'_> {
    fn choice(&mut self) -> usize {
        let Some((first, rest)) = self.choices.split_first() else { return 0 };
        self.choices = rest;
        usize::from(*first)
    }

    fn one_of<T: Copy>(&mut self, among: &[T]) -> T {
        let place = self.choice() % among.len();
        *among.get(place).expect("the remainder is below the length")
    }

    fn begin(&mut self) {
        let existing =
            self.one_of(&[ExistingMsg::Update, ExistingMsg::ByHash, ExistingMsg::Always, ExistingMsg::Never]);
        let options = self.choice();
        let if_match = (options & 14 == 14).then(|| blake3::hash(b"inside").to_hex().to_string());
        self.message(&Request::Put { existing, backup: options & 1 == 1, if_match, stream: None });
        // So much content may come for files that are not wanted before it is too much.
        self.record(&Put::File { path: b"large", entry: Entry { size: Some(5 << 20), ..Entry::default() } });
        self.told.push(Told { number: 0, size: 5 << 20 });
        self.next = 1;
    }

    fn step(&mut self) {
        match self.choice() % 16 {
            0 => self.dir(),
            1 => self.dir_end(),
            2..=6 => self.file(),
            7 => self.bare(),
            8 | 9 => self.whole(),
            10 => self.group(),
            11 => self.hole(),
            12 => self.end(),
            13 => self.words(),
            14 => self.flush(),
            _ => self.breach(),
        }
    }

    /// Mostly a plain one.
    fn name(&mut self) -> &'static [u8] {
        if self.choice().is_multiple_of(8) {
            return self.one_of(&NAMES);
        }
        let place = self.choice() % PLAIN;
        NAMES.get(place).copied().unwrap_or_default()
    }

    fn dir(&mut self) {
        let path = self.name();
        self.copies_share |= path.is_empty();
        self.depth += 1;
        self.record(&Put::Dir { path });
    }

    fn dir_end(&mut self) {
        // One too many only now and then: it ends the stream.
        if self.depth == 0 && !self.choice().is_multiple_of(128) {
            return;
        }
        self.depth = self.depth.saturating_sub(1);
        let mode = self.one_of(&[0o755, 0o700, 0, 0o4777]);
        self.record(&Put::DirEnd { mode, mtime: (1_700_000_000, 0) });
    }

    fn file(&mut self) {
        let (path, size, flags) = (self.name(), self.one_of(&SIZES), self.choice());
        let endless = flags & 0xe0 == 0xe0;
        let entry = Entry {
            size: (!endless).then_some(size),
            mode: if flags & 1 == 0 { 0o644 } else { 0o7777 },
            mtime: if flags & 2 == 0 { (1_700_000_000, 0) } else { (i64::MIN, u32::MAX) },
            sparse: flags & 4 != 0,
            linked: flags & 8 != 0,
            mark: (flags & 16 != 0).then_some([1; 16]),
            hash: (flags & 32 != 0).then(|| self.promised(size)),
            attributes: if flags & 0x42 == 0x42 { vec![(b"user.a".to_vec(), b"1".to_vec())] } else { vec![] },
        };
        self.record(&Put::File { path, entry });
        self.told.push(Told { number: self.next, size: if endless { 0 } else { size } });
        self.next += 1;
    }

    fn bare(&mut self) {
        let (path, choice) = (self.name(), self.choice());
        if choice.is_multiple_of(2) {
            let target = self.one_of(&TARGETS);
            self.record(&Put::Link { path, target, mtime: (1, 1) });
        } else {
            let first = u64::try_from(choice / 2).unwrap_or(0) % (self.next + 2);
            self.record(&Put::HardLink { path, first });
        }
        self.next += 1;
    }

    /// A file that was told, or now and then one that never was.
    fn some_file(&mut self) -> Told {
        let choice = self.choice();
        if choice == 255 {
            let number = if choice.is_multiple_of(2) { self.next } else { u64::MAX };
            return Told { number, size: 6 };
        }
        let place = choice % self.told.len();
        *self.told.get(place).expect("the remainder is below the length")
    }

    fn whole(&mut self) {
        let told = self.some_file();
        if told.size > 600 {
            return;
        }
        let lie = self.choice();
        let mut bytes = content(told.size);
        if lie == 1 {
            bytes.push(b'x');
        }
        let hash = if lie == 2 { [7; 32] } else { *blake3::hash(&bytes).as_bytes() };
        self.hashes.insert(hash);
        self.record(&Put::Whole { number: told.number, hash, bytes: &bytes });
    }

    fn group(&mut self) {
        let (told, lie) = (self.some_file(), self.choice());
        let groups = told.size.div_ceil(1 << 20).min(8);
        let index = if lie == 1 { u64::MAX } else { u64::try_from(lie).unwrap_or(0) % groups.max(1) };
        let len = told.size.saturating_sub(index.saturating_mul(1 << 20)).min(1 << 20);
        let filling = if told.size <= 600 { b'c' } else { 0 };
        let mut data = vec![filling; usize::try_from(len).unwrap_or(0)];
        if lie == 2 {
            data.push(b'x');
            data.truncate(1 << 20);
        }
        let short = if lie % 2 == 0 { pressed(&data) } else { None };
        let announced = data.len() + usize::from(lie == 4);
        let inflated = short.as_ref().map(|_| u32::try_from(announced).unwrap_or(u32::MAX));
        self.record(&Put::Group { number: told.number, index, inflated });
        self.flush();
        if lie != 3 {
            self.frame(Kind::Data, short.as_deref().unwrap_or(&data));
        }
    }

    fn hole(&mut self) {
        let (told, lie) = (self.some_file(), self.choice());
        let groups = told.size.div_ceil(1 << 20);
        if groups == 0 && lie != 1 {
            return;
        }
        let first = u64::try_from(lie / 4).unwrap_or(0) % groups.max(1);
        let count = match lie {
            1 => u64::MAX,
            2 => 0,
            lie if lie % 2 == 0 => groups.saturating_sub(first),
            _ => 1,
        };
        self.record(&Put::Hole { number: told.number, first, count });
    }

    fn end(&mut self) {
        let (told, lie) = (self.some_file(), self.choice());
        let size = if lie == 1 { told.size ^ 1 } else { told.size };
        let hash = if lie == 2 { [7; 32] } else { self.promised(size) };
        self.hashes.insert(hash);
        self.record(&Put::End { number: told.number, size, hash });
    }

    /// BLAKE3 of the content that [`Self::whole`] and [`Self::hole`] send.
    fn promised(&self, size: u64) -> [u8; 32] {
        match usize::try_from(size) {
            Ok(len @ ..=600) => *blake3::hash(&vec![b'c'; len]).as_bytes(),
            Ok(len @ ..=0x0050_0000) => *blake3::hash(&vec![0; len]).as_bytes(),
            _ => [9; 32],
        }
    }

    fn words(&mut self) {
        self.flush();
        let fault = || Fault::new(ErrorCode::Changed, "\u{1b}[2J");
        let item = match self.choice() % 8 {
            0 | 1 => Item::Totals { files: u64::MAX, bytes: u64::MAX },
            2..=4 => self.gives_up(),
            5 => Item::Skip { path: WireName::from(self.one_of(&NAMES)), fault: fault() },
            6 => Item::Working { load: None },
            _ if self.choice() == 7 => Item::Error(fault()),
            _ => Item::Working { load: None },
        };
        self.message(&item);
    }

    fn gives_up(&mut self) -> Item {
        let file = self.some_file().number;
        self.broken.insert(file);
        Item::Broken { file, fault: Fault::new(ErrorCode::Changed, "\u{1b}[2J") }
    }

    /// What nobody may say; seldom, because most of it ends the stream.
    fn breach(&mut self) {
        match self.choice() {
            0 => self.frame(Kind::Data, b"out of turn"),
            1 => self.frame(Kind::Records, &[0x0b, 0, 0, 0, 9, 1, 2, 3]),
            2 => self.frame(Kind::Records, &[0xff]),
            3 => {
                let bomb = pressed(&vec![1; 1 << 20]).unwrap_or_default();
                self.record(&Put::Packed { inflated: 1 << 20, bytes: &bomb });
                self.flush();
            }
            4 => self.frame(Kind::Stderr, b"x"),
            5 => self.frame(Kind::Message, b"{}"),
            6 | 7 => {
                let rest: Vec<u8> = self.choices.iter().copied().take(64).collect();
                self.copies_share = true; // who knows what that is
                self.frame(Kind::Records, &rest);
            }
            _ => self.pack(),
        }
    }

    /// What waits goes out compressed, if it can be.
    fn pack(&mut self) {
        let records = std::mem::take(&mut self.records);
        match pressed(&records) {
            Some(bytes) => {
                let inflated = u32::try_from(records.len()).unwrap_or(u32::MAX);
                self.record(&Put::Packed { inflated, bytes: &bytes });
            }
            None => self.records = records,
        }
        self.flush();
    }

    /// What honest senders do before they say that it was all. `every`: also for files.
    fn settle(&mut self, every: bool) {
        for _ in 0..self.depth {
            self.record(&Put::DirEnd { mode: 0o755, mtime: (1, 0) });
        }
        self.flush();
        for told in if every { std::mem::take(&mut self.told) } else { Vec::new() } {
            self.broken.insert(told.number);
            self.message(&Item::Broken { file: told.number, fault: Fault::new(ErrorCode::Changed, "") });
        }
    }

    fn record(&mut self, record: &Put<'_>) {
        record.write(&mut self.records);
    }

    fn flush(&mut self) {
        let records = std::mem::take(&mut self.records);
        if !records.is_empty() {
            self.frame(Kind::Records, &records);
        }
    }

    fn message<T: Serialize>(&mut self, message: &T) {
        self.frames.extend_from_slice(&encode(message).expect("it is short"));
    }

    fn frame(&mut self, kind: Kind, payload: &[u8]) {
        let header = Header::new(kind, payload.len(), &Limits::KNOWN).expect("no longer than a group");
        self.frames.extend_from_slice(&header.encode());
        self.frames.extend_from_slice(payload);
    }
}

fn content(size: u64) -> Vec<u8> {
    vec![b'c'; usize::try_from(size).unwrap_or(0)]
}
