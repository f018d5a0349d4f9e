//! What the receiver of a copy stream says.

use super::{
    MAX_RUNS, MAX_TAGS,
    take::{RecordError, Rest},
};

/// A record of the receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Say {
    /// These entries are there already, the same.
    Same(Numbers),
    /// The content of these files shall come.
    Want(Numbers),
    /// Of this file some groups are there already.
    Rest {
        /// The file's number.
        number: u64,
        /// Runs of groups that are there, half-open, sorted, disjoint.
        runs: Vec<(u64, u64)>,
        /// Whether they are of another state of the source: then tags follow, and the sender looks which still hold.
        tagged: bool,
    },
    /// What some of the groups that are there begin with.
    Tags {
        /// The file's number.
        number: u64,
        /// The first of the groups.
        first: u64,
        /// For each of them the first eight bytes of its value.
        tags: Vec<[u8; 8]>,
    },
    /// These files are published and durable.
    Kept(Numbers),
    /// These lie in a directory that could not be made, which was said before.
    Lost(Numbers),
}

/// Numbers of entries that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// The first.
    pub from: u64,
    /// How many.
    pub count: u32,
}

impl Numbers {
    /// A single one.
    #[must_use]
    pub const fn one(number: u64) -> Self {
        Self { from: number, count: 1 }
    }

    /// Takes `number` in if it comes right behind.
    pub fn grow(&mut self, number: u64) -> bool {
        let next = self.from.checked_add(u64::from(self.count));
        let grown = if next == Some(number) { self.count.checked_add(1) } else { None };
        grown.inspect(|count| self.count = *count).is_some()
    }

    /// Each of them.
    pub fn each(self) -> impl Iterator<Item = u64> {
        (0..u64::from(self.count)).filter_map(move |n| self.from.checked_add(n))
    }
}

const SAME: u8 = 0x21;
const WANT: u8 = 0x22;
const REST: u8 = 0x23;
const TAGS: u8 = 0x24;
const KEPT: u8 = 0x25;
const LOST: u8 = 0x26;

impl Say {
    /// Takes the next record off the front of `frame`; `None` at its end.
    ///
    /// # Errors
    /// [`RecordError`]; what follows can't be read then.
    pub fn take(frame: &mut &[u8]) -> Result<Option<Self>, RecordError> {
        if frame.is_empty() {
            return Ok(None);
        }
        let mut rest = Rest(frame);
        let record = match rest.u8()? {
            SAME => Self::Same(numbers(&mut rest)?),
            WANT => Self::Want(numbers(&mut rest)?),
            KEPT => Self::Kept(numbers(&mut rest)?),
            LOST => Self::Lost(numbers(&mut rest)?),
            REST => take_rest(&mut rest)?,
            TAGS => {
                let (number, first) = (rest.u64()?, rest.u64()?);
                let count = usize::from(rest.u16()?);
                if count > MAX_TAGS {
                    return Err(RecordError::Field("number of tags"));
                }
                let bytes = rest.bytes(count * 8)?;
                let tags = bytes.chunks_exact(8).filter_map(|tag| tag.first_chunk().copied()).collect();
                Self::Tags { number, first, tags }
            }
            other => return Err(RecordError::Unknown(other)),
        };
        *frame = rest.0;
        Ok(Some(record))
    }

    /// Writes the record behind what is in `frame`. More runs or tags than one may hold are left out.
    pub fn write(&self, frame: &mut Vec<u8>) {
        match self {
            Self::Same(numbers) => write_numbers(frame, SAME, *numbers),
            Self::Want(numbers) => write_numbers(frame, WANT, *numbers),
            Self::Kept(numbers) => write_numbers(frame, KEPT, *numbers),
            Self::Lost(numbers) => write_numbers(frame, LOST, *numbers),
            Self::Rest { number, runs, tagged } => {
                frame.push(REST);
                frame.extend(number.to_be_bytes());
                frame.push(u8::from(*tagged));
                let runs = runs.iter().take(MAX_RUNS);
                frame.extend(u16::try_from(runs.len()).unwrap_or(0).to_be_bytes());
                for (from, to) in runs {
                    frame.extend(from.to_be_bytes());
                    frame.extend(to.to_be_bytes());
                }
            }
            Self::Tags { number, first, tags } => {
                frame.push(TAGS);
                frame.extend(number.to_be_bytes());
                frame.extend(first.to_be_bytes());
                let tags = tags.iter().take(MAX_TAGS);
                frame.extend(u16::try_from(tags.len()).unwrap_or(0).to_be_bytes());
                frame.extend(tags.flatten());
            }
        }
    }
}

fn numbers(rest: &mut Rest<'_>) -> Result<Numbers, RecordError> {
    Ok(Numbers { from: rest.u64()?, count: rest.u32()? })
}

fn write_numbers(frame: &mut Vec<u8>, kind: u8, numbers: Numbers) {
    frame.push(kind);
    frame.extend(numbers.from.to_be_bytes());
    frame.extend(numbers.count.to_be_bytes());
}

fn take_rest(rest: &mut Rest<'_>) -> Result<Say, RecordError> {
    let number = rest.u64()?;
    let tagged = match rest.u8()? {
        0 => false,
        1 => true,
        _ => return Err(RecordError::Field("flags")),
    };
    let count = usize::from(rest.u16()?);
    if count > MAX_RUNS {
        return Err(RecordError::Field("number of runs"));
    }
    let (mut runs, mut before) = (Vec::new(), 0);
    for _ in 0..count {
        let (from, to) = (rest.u64()?, rest.u64()?);
        if from >= to || from < before {
            return Err(RecordError::Field("runs"));
        }
        before = to;
        runs.push((from, to));
    }
    Ok(Say::Rest { number, runs, tagged })
}
