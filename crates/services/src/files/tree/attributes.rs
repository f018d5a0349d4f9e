//! Extended attributes, those of users only (`user.*`): notes that programs attach to files.
//!
//! In: an open file. Out: names and values, or the file with exactly these. Others (`security.*`, `trusted.*`, `system.*`)
//! decide what the system does with a file and never travel. Source: xattr(7).

use std::fs::File;

use rustix::io::{self, Errno};

use super::disk::Disk;

/// What the names of all attributes begin with that may travel.
const PREFIX: &[u8] = b"user.";
/// Most attributes of one file; programs attach a handful.
pub(in crate::files) const MAX_ATTRIBUTES: usize = 64;
/// Most bytes of all names and values of one file together: what one attribute can have by itself on Linux.
pub(in crate::files) const MAX_ATTRIBUTE_BYTES: usize = 64 << 10;
/// Most bytes in one name, `XATTR_NAME_MAX`.
const MAX_NAME_BYTES: usize = 255;

/// Names and values of a file's attributes, sorted by name; none where the file system knows no such thing.
///
/// # Errors
/// `TOOBIG` beyond [`MAX_ATTRIBUTES`] or [`MAX_ATTRIBUTE_BYTES`].
pub(in crate::files) fn attributes(file: &File) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut budget = MAX_ATTRIBUTE_BYTES;
    let mut found = Vec::new();
    for name in names(file)? {
        let mut value = vec![0; budget];
        let len = match rustix::fs::fgetxattr(file, name.as_slice(), value.as_mut_slice()) {
            Err(Errno::NODATA) => continue, // gone since it was listed
            Err(Errno::RANGE) => return Err(Errno::TOOBIG),
            len => len?,
        };
        budget = budget.checked_sub(len).and_then(|left| left.checked_sub(name.len())).ok_or(Errno::TOOBIG)?;
        value.truncate(len);
        found.push((name, value));
    }
    found.sort_unstable();
    if found.len() > MAX_ATTRIBUTES { Err(Errno::TOOBIG) } else { Ok(found) }
}

/// Gives a file exactly these attributes.
///
/// # Errors
/// `INVAL` for a name that is none, or not a user's; `TOOBIG` as [`attributes`]; `OPNOTSUPP` if the file system knows no
/// such thing, unless there are none.
pub(in crate::files) fn set_attributes(disk: &Disk, file: &File, wanted: &[(Vec<u8>, Vec<u8>)]) -> io::Result<()> {
    judge(wanted)?;
    for name in names(file)? {
        if !wanted.iter().any(|(kept, _)| *kept == name) {
            disk.remove_attribute(file, &name)?;
        }
    }
    wanted.iter().try_for_each(|(name, value)| disk.set_attribute(file, name, value))
}

fn judge(wanted: &[(Vec<u8>, Vec<u8>)]) -> io::Result<()> {
    let is_name = |name: &[u8]| {
        (PREFIX.len() + 1..=MAX_NAME_BYTES).contains(&name.len()) && name.starts_with(PREFIX) && !name.contains(&0)
    };
    if !wanted.iter().all(|(name, _)| is_name(name)) {
        return Err(Errno::INVAL);
    }
    let bytes =
        wanted.iter().map(|(name, value)| name.len().saturating_add(value.len())).fold(0, usize::saturating_add);
    if wanted.len() > MAX_ATTRIBUTES || bytes > MAX_ATTRIBUTE_BYTES { Err(Errno::TOOBIG) } else { Ok(()) }
}

fn names(file: &File) -> io::Result<Vec<Vec<u8>>> {
    let mut list = vec![0; MAX_ATTRIBUTE_BYTES]; // the most that the system ever returns, `XATTR_LIST_MAX`
    let len = match rustix::fs::flistxattr(file, list.as_mut_slice()) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(Vec::new()),
        Err(Errno::RANGE) => return Err(Errno::TOOBIG),
        len => len?,
    };
    let names = list.get(..len).unwrap_or_default().split(|byte| *byte == 0);
    Ok(names.filter(|name| name.starts_with(PREFIX)).map(<[u8]>::to_vec).collect())
}
