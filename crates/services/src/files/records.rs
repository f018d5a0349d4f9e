//! Records: what a copy stream says of files by the thousand, in binary. Source: PROTOCOL.md §7.3.
//!
//! In: the payload of a records frame. Out: records, whole and in order, or why they are none. A record is a byte that says
//! what it is and its fields, numbers big-endian, texts behind two bytes of length. Pure: nothing is allocated from a
//! declared length that has not arrived.

mod put;
mod say;
mod take;

#[cfg(test)]
mod tests;

pub use put::{Attributes, Entry, Put, packed_head, whole_head};
pub use say::{Numbers, Say};
pub use take::RecordError;
pub(in crate::files) use take::Rest;

/// Bytes of a file up to which all of it travels in one record.
pub const WHOLE: usize = 512 << 10;
/// Bytes before the content in a [`Put::Whole`] record.
pub const WHOLE_HEAD: usize = 1 + 8 + 32 + 4;
/// Bytes before the compressed ones in a [`Put::Packed`] record.
pub const PACKED_HEAD: usize = 1 + 4;
/// Runs in one [`Say::Rest`]: a partial with more holes than that is told as far as this, the rest is sent again.
pub const MAX_RUNS: usize = 1024;
/// Tags in one [`Say::Tags`]: 64 KiB of them.
pub const MAX_TAGS: usize = 8192;
/// Attributes of one file; Linux lists 64 KiB of names at most.
pub const MAX_ATTRIBUTES: usize = 64;
