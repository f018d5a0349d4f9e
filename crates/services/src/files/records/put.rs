//! What the sender of a copy stream says.

use super::{
    MAX_ATTRIBUTES, WHOLE,
    take::{RecordError, Rest},
};

/// Names and values of extended attributes.
pub type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// A record of the sender. Paths are relative to the directory that the stream is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put<'a> {
    /// A directory begins; the stream is in it now.
    Dir {
        /// Where.
        path: &'a [u8],
    },
    /// The innermost directory ends.
    DirEnd {
        /// Permission bits.
        mode: u32,
        /// Seconds and nanoseconds since 1970.
        mtime: (i64, u32),
    },
    /// The next entry: a file. Its content comes if the receiver wants it.
    File {
        /// Where.
        path: &'a [u8],
        /// What is known of it.
        entry: Entry,
    },
    /// The next entry: a symbolic link.
    Link {
        /// Where.
        path: &'a [u8],
        /// Where it points, raw.
        target: &'a [u8],
        /// Seconds and nanoseconds since 1970.
        mtime: (i64, u32),
    },
    /// The next entry: another name of an earlier file.
    HardLink {
        /// Where.
        path: &'a [u8],
        /// The number of that file.
        first: u64,
    },
    /// All content of a file.
    Whole {
        /// Its number.
        number: u64,
        /// BLAKE3 of it.
        hash: [u8; 32],
        /// All of it.
        bytes: &'a [u8],
    },
    /// The next frame of this call is data: a group of a file. Always the last record of its frame.
    Group {
        /// The file's number.
        number: u64,
        /// The group's.
        index: u64,
        /// Bytes of the group if the data is compressed (zstd).
        inflated: Option<u32>,
    },
    /// Groups that are nothing but zeros.
    Hole {
        /// The file's number.
        number: u64,
        /// The first of the groups.
        first: u64,
        /// How many.
        count: u64,
    },
    /// Records that are compressed (zstd); no packed ones are among them. Always the only record of its frame.
    Packed {
        /// Bytes of the records, at most 1 MiB.
        inflated: u32,
        /// What they became.
        bytes: &'a [u8],
    },
    /// Everything of a file was sent.
    End {
        /// Its number.
        number: u64,
        /// Bytes.
        size: u64,
        /// BLAKE3 of all of them.
        hash: [u8; 32],
    },
}

/// What is known of a file before its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Bytes, if known.
    pub size: Option<u64>,
    /// Permission bits.
    pub mode: u32,
    /// Seconds and nanoseconds since 1970.
    pub mtime: (i64, u32),
    /// Whether it has holes.
    pub sparse: bool,
    /// Whether other names of it will follow.
    pub linked: bool,
    /// Which state of the source it is.
    pub mark: Option<[u8; 16]>,
    /// BLAKE3 of its content, if the receiver shall compare by that.
    pub hash: Option<[u8; 32]>,
    /// Extended attributes.
    pub attributes: Attributes,
}

const DIR: u8 = 0x01;
const DIR_END: u8 = 0x02;
const FILE: u8 = 0x03;
const LINK: u8 = 0x04;
const HARD_LINK: u8 = 0x05;
const WHOLE_FILE: u8 = 0x06;
const GROUP: u8 = 0x07;
const PRESSED: u8 = 0x08;
const HOLE: u8 = 0x09;
const END: u8 = 0x0a;
const PACKED: u8 = 0x0b;

const SPARSE: u8 = 1;
const LINKED: u8 = 2;
const MARKED: u8 = 4;
const HASHED: u8 = 8;
const ATTRIBUTES: u8 = 16;
const ENDLESS: u8 = 32;
const KNOWN_FLAGS: u8 = SPARSE | LINKED | MARKED | HASHED | ATTRIBUTES | ENDLESS;

impl<'a> Put<'a> {
    /// Takes the next record off the front of `frame`; `None` at its end.
    ///
    /// # Errors
    /// [`RecordError`]; what follows can't be read then.
    pub fn take(frame: &mut &'a [u8]) -> Result<Option<Self>, RecordError> {
        if frame.is_empty() {
            return Ok(None);
        }
        let mut rest = Rest(frame);
        let record = match rest.u8()? {
            DIR => Self::Dir { path: rest.text()? },
            DIR_END => Self::DirEnd { mode: u32::from(rest.u16()?), mtime: rest.mtime()? },
            FILE => file(&mut rest)?,
            LINK => Self::Link { mtime: rest.mtime()?, path: rest.text()?, target: rest.text()? },
            HARD_LINK => Self::HardLink { first: rest.u64()?, path: rest.text()? },
            WHOLE_FILE => {
                let (number, hash, len) = (rest.u64()?, rest.array()?, rest.u32()?);
                let len = usize::try_from(len).ok().filter(|len| *len <= WHOLE).ok_or(RecordError::Field("length"))?;
                Self::Whole { number, hash, bytes: rest.bytes(len)? }
            }
            GROUP => Self::Group { number: rest.u64()?, index: rest.u64()?, inflated: None },
            PRESSED => Self::Group { number: rest.u64()?, index: rest.u64()?, inflated: Some(rest.u32()?) },
            HOLE => Self::Hole { number: rest.u64()?, first: rest.u64()?, count: rest.u64()? },
            END => Self::End { number: rest.u64()?, size: rest.u64()?, hash: rest.array()? },
            PACKED => {
                let inflated = rest.u32()?;
                let left = rest.left().len();
                Self::Packed { inflated, bytes: rest.bytes(left)? }
            }
            other => return Err(RecordError::Unknown(other)),
        };
        *frame = rest.0;
        Ok(Some(record))
    }

    /// Writes the record behind what is in `frame`. Texts of more than 65535 bytes are cut: no path is that long.
    pub fn write(&self, frame: &mut Vec<u8>) {
        match self {
            Self::Dir { path } => {
                frame.push(DIR);
                text(frame, path);
            }
            Self::DirEnd { mode, mtime } => {
                frame.push(DIR_END);
                frame.extend(short(*mode).to_be_bytes());
                time(frame, *mtime);
            }
            Self::File { path, entry } => {
                frame.push(FILE);
                write_file(frame, path, entry);
            }
            Self::Link { path, target, mtime } => {
                frame.push(LINK);
                time(frame, *mtime);
                text(frame, path);
                text(frame, target);
            }
            Self::HardLink { path, first } => {
                frame.push(HARD_LINK);
                frame.extend(first.to_be_bytes());
                text(frame, path);
            }
            Self::Whole { number, hash, bytes } => {
                frame.extend(whole_head(*number, hash, bytes.len()));
                frame.extend_from_slice(bytes);
            }
            Self::Group { number, index, inflated } => {
                frame.push(if inflated.is_some() { PRESSED } else { GROUP });
                frame.extend(number.to_be_bytes());
                frame.extend(index.to_be_bytes());
                frame.extend(inflated.iter().flat_map(|len| len.to_be_bytes()));
            }
            Self::Hole { number, first, count } => {
                frame.push(HOLE);
                frame.extend([number, first, count].into_iter().flat_map(|n| n.to_be_bytes()));
            }
            Self::Packed { inflated, bytes } => {
                frame.push(PACKED);
                frame.extend(inflated.to_be_bytes());
                frame.extend_from_slice(bytes);
            }
            Self::End { number, size, hash } => {
                frame.push(END);
                frame.extend(number.to_be_bytes());
                frame.extend(size.to_be_bytes());
                frame.extend(hash);
            }
        }
    }
}

/// The head of a [`Put::Whole`] whose `len` bytes of content follow: for whoever has them in place already.
#[must_use]
pub fn whole_head(number: u64, hash: &[u8; 32], len: usize) -> [u8; super::WHOLE_HEAD] {
    let len = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
    let mut head = [0; super::WHOLE_HEAD];
    let parts = [WHOLE_FILE].into_iter().chain(number.to_be_bytes()).chain(*hash).chain(len);
    for (place, byte) in head.iter_mut().zip(parts) {
        *place = byte;
    }
    head
}

/// The head of a [`Put::Packed`]: for whoever has the rest in place already.
#[must_use]
pub fn packed_head(inflated: usize) -> [u8; super::PACKED_HEAD] {
    let [a, b, c, d] = u32::try_from(inflated).unwrap_or(u32::MAX).to_be_bytes();
    [PACKED, a, b, c, d]
}

fn file<'a>(rest: &mut Rest<'a>) -> Result<Put<'a>, RecordError> {
    let flags = rest.u8()?;
    if flags & !KNOWN_FLAGS != 0 {
        return Err(RecordError::Field("flags"));
    }
    let (mode, mtime, size) = (u32::from(rest.u16()?), rest.mtime()?, rest.u64()?);
    let path = rest.text()?;
    let mut entry = Entry {
        size: (flags & ENDLESS == 0).then_some(size),
        mode,
        mtime,
        sparse: flags & SPARSE != 0,
        linked: flags & LINKED != 0,
        ..Entry::default()
    };
    if flags & MARKED != 0 {
        entry.mark = Some(rest.array()?);
    }
    if flags & HASHED != 0 {
        entry.hash = Some(rest.array()?);
    }
    if flags & ATTRIBUTES != 0 {
        let count = usize::from(rest.u8()?);
        if count > MAX_ATTRIBUTES {
            return Err(RecordError::Field("number of attributes"));
        }
        for _ in 0..count {
            entry.attributes.push((rest.text()?.to_vec(), rest.text()?.to_vec()));
        }
    }
    Ok(Put::File { path, entry })
}

fn write_file(frame: &mut Vec<u8>, path: &[u8], entry: &Entry) {
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    frame.push(
        flag(entry.sparse, SPARSE)
            | flag(entry.linked, LINKED)
            | flag(entry.mark.is_some(), MARKED)
            | flag(entry.hash.is_some(), HASHED)
            | flag(!entry.attributes.is_empty(), ATTRIBUTES)
            | flag(entry.size.is_none(), ENDLESS),
    );
    frame.extend(short(entry.mode).to_be_bytes());
    time(frame, entry.mtime);
    frame.extend(entry.size.unwrap_or(0).to_be_bytes());
    text(frame, path);
    frame.extend(entry.mark.iter().flatten());
    frame.extend(entry.hash.iter().flatten());
    if !entry.attributes.is_empty() {
        let sent = entry.attributes.iter().take(MAX_ATTRIBUTES);
        frame.push(u8::try_from(sent.len()).unwrap_or(0));
        for (name, value) in sent {
            text(frame, name);
            text(frame, value);
        }
    }
}

fn short(mode: u32) -> u16 {
    u16::try_from(mode & 0o777).unwrap_or(0)
}

fn time(frame: &mut Vec<u8>, (secs, nanos): (i64, u32)) {
    frame.extend(secs.to_be_bytes());
    frame.extend(nanos.to_be_bytes());
}

fn text(frame: &mut Vec<u8>, text: &[u8]) {
    let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
    frame.extend(len.to_be_bytes());
    frame.extend(text.iter().take(usize::from(len)));
}
