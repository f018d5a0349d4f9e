//! Records of a copy stream, said and heard by hand. Source: PROTOCOL.md §7.3.

use landline_services::files::records::{Entry, Put, Say};

use super::frame;

/// Time and permissions of what is told where neither matters.
const MODE: u32 = 0o644;

/// A frame of records.
pub(crate) fn records(records: &[Put<'_>]) -> Vec<u8> {
    let mut payload = Vec::new();
    records.iter().for_each(|record| record.write(&mut payload));
    frame(4, &payload)
}

/// A file is told.
pub(crate) fn file(path: &(impl AsRef<[u8]> + ?Sized), size: u64) -> Put<'_> {
    Put::File { path: path.as_ref(), entry: Entry { size: Some(size), mode: MODE, ..Entry::default() } }
}

/// A directory begins.
pub(crate) fn dir(path: &(impl AsRef<[u8]> + ?Sized)) -> Put<'_> {
    Put::Dir { path: path.as_ref() }
}

/// The innermost directory ends.
pub(crate) fn dir_end() -> Put<'static> {
    Put::DirEnd { mode: 0o755, mtime: (0, 0) }
}

/// All of a small file.
pub(crate) fn whole(number: u64, bytes: &[u8]) -> Put<'_> {
    Put::Whole { number, hash: *blake3::hash(bytes).as_bytes(), bytes }
}

/// The next frame is this group.
pub(crate) fn group(number: u64, index: u64) -> Put<'static> {
    Put::Group { number, index, inflated: None }
}

/// Everything of a file was sent: so many bytes, which come to the hash of `content`.
pub(crate) fn end(number: u64, size: u64, content: &[u8]) -> Put<'static> {
    Put::End { number, size, hash: *blake3::hash(content).as_bytes() }
}

/// A frame of what a receiver says.
pub(crate) fn says(said: &[Say]) -> Vec<u8> {
    let mut payload = Vec::new();
    said.iter().for_each(|record| record.write(&mut payload));
    frame(4, &payload)
}

/// What a receiver said in a frame.
pub(crate) fn said(payload: &[u8]) -> Vec<Say> {
    let mut rest = payload;
    std::iter::from_fn(|| Say::take(&mut rest).expect("the receiver writes records")).collect()
}

/// What a sender told in a frame.
pub(crate) fn told(payload: &[u8]) -> Vec<Put<'_>> {
    let mut rest = payload;
    std::iter::from_fn(|| Put::take(&mut rest).expect("the sender writes records")).collect()
}
