//! The header of a journal: which partial this is, of whom, and how far it is durable.
//!
//! In: the bytes in the head of a table. Out: [`Header`]. Pure. Strict: what it would not write itself it does not read.
//!
//! Layout, integers big-endian: flags 1 (1 size known, 2 suspect), owner 32, source 16, size 8, started 8, synced 4,
//! length of the target 2, target, label to the end.

use crate::files::engine::SourceMark;

/// What the file is and in which version of the layout.
pub(in crate::files) const MAGIC: [u8; 8] = *b"llpart\0\x01";

/// Most bytes of a label that are kept: enough to know somebody by.
const MAX_LABEL_BYTES: usize = 256;

const SIZE_KNOWN: u8 = 1;
const SUSPECT: u8 = 2;

/// What a journal says of its partial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::files) struct Header {
    /// The name that the file will have, raw.
    pub(in crate::files) target: Vec<u8>,
    /// Who may take it up.
    pub(in crate::files) owner: [u8; 32],
    /// The same for people.
    pub(in crate::files) label: String,
    /// Which state of the source all groups are from.
    pub(in crate::files) source: SourceMark,
    /// Bytes that the file will have, if that is known.
    pub(in crate::files) size: Option<u64>,
    /// When it was begun, in seconds since 1970.
    pub(in crate::files) started: i64,
    /// Content of all generations below this is durable.
    pub(in crate::files) synced: u32,
    /// The disk lost something: nothing is to be believed before it was read again from there.
    pub(in crate::files) suspect: bool,
}

impl Header {
    /// Always fits the head of a table: a name has at most 255 bytes, and a label is cut.
    pub(in crate::files) fn encode(&self) -> Vec<u8> {
        let known = if self.size.is_some() { SIZE_KNOWN } else { 0 };
        let suspect = if self.suspect { SUSPECT } else { 0 };
        let label = self.label.get(..self.label.floor_char_boundary(MAX_LABEL_BYTES)).unwrap_or_default();
        [
            [known | suspect].as_slice(),
            &self.owner,
            &self.source.0,
            &self.size.unwrap_or(0).to_be_bytes(),
            &self.started.to_be_bytes(),
            &self.synced.to_be_bytes(),
            &u16::try_from(self.target.len()).unwrap_or(u16::MAX).to_be_bytes(),
            &self.target,
            label.as_bytes(),
        ]
        .concat()
    }

    /// `None` unless every byte is as [`Self::encode`] would have written it.
    pub(in crate::files) fn decode(bytes: &[u8]) -> Option<Self> {
        let ([flags], rest) = bytes.split_first_chunk()?;
        let (owner, rest) = rest.split_first_chunk()?;
        let (source, rest) = rest.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let (started, rest) = rest.split_first_chunk()?;
        let (synced, rest) = rest.split_first_chunk()?;
        let (target_len, rest) = rest.split_first_chunk()?;
        let (target, label) = rest.split_at_checked(usize::from(u16::from_be_bytes(*target_len)))?;
        let header = Self {
            target: target.to_vec(),
            owner: *owner,
            label: String::from_utf8(label.to_vec()).ok()?,
            source: SourceMark(*source),
            size: (flags & SIZE_KNOWN != 0).then_some(u64::from_be_bytes(*size)),
            started: i64::from_be_bytes(*started),
            synced: u32::from_be_bytes(*synced),
            suspect: flags & SUSPECT != 0,
        };
        (header.encode() == bytes).then_some(header)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::files::engine::table::MAX_PAYLOAD;

    fn header() -> Header {
        Header {
            target: b"name\xff".to_vec(),
            owner: [7; 32],
            label: "somebody".to_owned(),
            source: SourceMark([9; 16]),
            size: Some(1 << 40),
            started: -5,
            synced: 3,
            suspect: true,
        }
    }

    #[test]
    fn the_longest_header_fits_and_a_label_is_cut_between_letters() {
        let header = Header { target: vec![b'x'; 255], label: "ü".repeat(200), size: None, ..header() };
        let bytes = header.encode();
        assert!(bytes.len() <= MAX_PAYLOAD, "{}", bytes.len());
        assert_eq!(Header::decode(&bytes).unwrap().label, "ü".repeat(128));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_would_be_written(at in 0_usize..90, bit in 0_u32..8, cut in 0_usize..120) {
            let bytes = header().encode();
            prop_assert_eq!(Header::decode(&bytes), Some(header()));
            let mut damaged = bytes.clone();
            if let Some(byte) = damaged.get_mut(at) {
                *byte ^= 1 << bit;
            }
            damaged.truncate(cut);
            if let Some(told) = Header::decode(&damaged) {
                prop_assert_eq!(told.encode(), damaged);
            }
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(told) = Header::decode(&bytes) {
                prop_assert_eq!(told.encode(), bytes);
            }
        }
    }
}
