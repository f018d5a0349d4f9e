//! Holes: the parts of a file that were never written, read as zeros, and take no room on the disk.
//!
//! In: an open file. Out: which of its groups are nothing but hole. Source: lseek(2), `SEEK_DATA` and `SEEK_HOLE`.

use std::fs::File;

use rustix::fs::SeekFrom;
use rustix::io::{self, Errno};

use crate::files::digest::{GROUP_BYTES, groups_in};

/// The groups of a file of `size` bytes that hold no data, as sorted half-open runs; none where the file system does not
/// tell. At most two questions a group, however many holes there are. Moves the place where `file` is read by others.
pub(in crate::files) fn hole_runs(file: &File, size: u64) -> io::Result<Vec<(u64, u64)>> {
    let groups = groups_in(size);
    let mut runs = Vec::new();
    let mut at = 0;
    while at < groups {
        let data = match rustix::fs::seek(file, SeekFrom::Data(at * GROUP_BYTES)) {
            Ok(place) => (place / GROUP_BYTES).min(groups),
            Err(Errno::NXIO) => groups,
            Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(runs),
            Err(errno) => return Err(errno),
        };
        if at < data {
            runs.push((at, data));
        }
        if data >= groups {
            break;
        }
        at = match rustix::fs::seek(file, SeekFrom::Hole(data * GROUP_BYTES)) {
            // The group in which the hole begins holds data, if only before it.
            Ok(place) => place.div_ceil(GROUP_BYTES).max(data + 1),
            Err(Errno::NXIO) => groups, // it became shorter
            Err(errno) => return Err(errno),
        };
    }
    Ok(runs)
}
