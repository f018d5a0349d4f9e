//! One thing in a tree, as a record: kind, path, and what there is to compare.

use super::checked;
use crate::files::records::{RecordError, Rest};

/// One thing in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Where, relative to the top.
    pub path: Vec<u8>,
    /// What.
    pub what: What,
}

/// What it is, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A directory.
    Dir,
    /// A file.
    File {
        /// Bytes.
        size: u64,
        /// BLAKE3 of them.
        hash: [u8; 32],
    },
    /// A symbolic link.
    Link {
        /// Where it points, raw.
        target: Vec<u8>,
    },
    /// Something that can't be read, or is none of these.
    Unreadable {
        /// Why, for people.
        why: Vec<u8>,
    },
}

const DIR: u8 = 0x31;
const FILE: u8 = 0x32;
const LINK: u8 = 0x33;
const UNREADABLE: u8 = 0x34;

impl Seen {
    /// Takes the next record off the front of `frame`; `None` at its end.
    ///
    /// # Errors
    /// [`RecordError`]; what follows can't be read then.
    pub fn take(frame: &mut &[u8]) -> Result<Option<Self>, RecordError> {
        if frame.is_empty() {
            return Ok(None);
        }
        let mut rest = Rest::new(frame);
        let kind = rest.u8()?;
        let path = rest.text()?.to_vec();
        let what = match kind {
            DIR => What::Dir,
            FILE => What::File { size: rest.u64()?, hash: rest.array()? },
            LINK => What::Link { target: rest.text()?.to_vec() },
            UNREADABLE => What::Unreadable { why: rest.text()?.to_vec() },
            other => return Err(RecordError::Unknown(other)),
        };
        // A name that can't be sent may stand where something can't be read.
        if !matches!(what, What::Unreadable { .. }) {
            checked(&path)?;
        }
        *frame = rest.left();
        Ok(Some(Self { path, what }))
    }

    /// Writes the record behind what is in `frame`.
    pub fn write(&self, frame: &mut Vec<u8>) {
        let kind = match &self.what {
            What::Dir => DIR,
            What::File { .. } => FILE,
            What::Link { .. } => LINK,
            What::Unreadable { .. } => UNREADABLE,
        };
        frame.push(kind);
        text(frame, &self.path);
        match &self.what {
            What::Dir => {}
            What::File { size, hash } => {
                frame.extend(size.to_be_bytes());
                frame.extend(hash);
            }
            What::Link { target: other } | What::Unreadable { why: other } => text(frame, other),
        }
    }
}

fn text(frame: &mut Vec<u8>, text: &[u8]) {
    let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
    frame.extend(len.to_be_bytes());
    frame.extend(text.iter().take(usize::from(len)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again_and_a_cut_record_is_refused() {
        let all = [
            Seen { path: b"a".to_vec(), what: What::Dir },
            Seen { path: b"a/\xff".to_vec(), what: What::File { size: 3, hash: [7; 32] } },
            Seen { path: b"a/l".to_vec(), what: What::Link { target: b"../x".to_vec() } },
            Seen { path: b"b".to_vec(), what: What::Unreadable { why: b"no permission".to_vec() } },
        ];
        let mut frame = Vec::new();
        all.iter().for_each(|seen| seen.write(&mut frame));
        let mut rest = frame.as_slice();
        for seen in &all {
            assert_eq!(Seen::take(&mut rest).as_ref(), Ok(&Some(seen.clone())));
        }
        assert_eq!(Seen::take(&mut rest), Ok(None));
        let mut one = Vec::new();
        Seen { path: b"a".to_vec(), what: What::File { size: 3, hash: [7; 32] } }.write(&mut one);
        for cut in 1..one.len() {
            assert_eq!(Seen::take(&mut one.get(..cut).unwrap()), Err(RecordError::Short));
        }
    }

    #[test]
    fn a_path_that_climbs_is_refused() {
        let mut frame = Vec::new();
        Seen { path: b"../a".to_vec(), what: What::Dir }.write(&mut frame);
        assert_eq!(Seen::take(&mut frame.as_slice()), Err(RecordError::Field("path")));
    }
}
