//! Small files: all content at once, written under a name that is final or will be soon, and closed again.
//!
//! In: bytes whose hash was compared. Out: a complete file, with its time set last. Twenty thousand of these a second
//! are meant to cost one core little: each call to the system here is one that can't be left out.

use std::fs::File;

use rustix::io::{self, Errno};

use super::plan::Plan;
use crate::files::tree::{Entry, Held as Dir, Kind, Name, PERMISSIONS, kind_of, set_attributes};

use super::own::remove_all;

/// Makes the file `name` with these bytes; what has that name in a directory of landline's own goes.
pub(super) fn write(dir: &Dir, name: &Name, plan: &Plan, bytes: &[u8]) -> io::Result<(File, Entry)> {
    let mode = plan.mode & PERMISSIONS;
    let file = match dir.create_with_mode(name, mode) {
        // The stream says the same name twice: the last one counts.
        Err(Errno::EXIST) if dir.stat(name).is_ok_and(|stat| kind_of(&stat) == Kind::Dir) => return Err(Errno::ISDIR),
        Err(Errno::EXIST) => {
            remove_all(dir, name)?;
            dir.create_with_mode(name, mode)?
        }
        made => made?,
    };
    match fill(dir, &file, plan, mode, bytes) {
        Ok(entry) => Ok((file, entry)),
        Err(errno) => {
            let _ = dir.unlink(name); // without its time it is not taken for complete, should this fail too
            Err(errno)
        }
    }
}

fn fill(dir: &Dir, file: &File, plan: &Plan, mode: u32, bytes: &[u8]) -> io::Result<Entry> {
    let disk = dir.disk();
    disk.write_at(file, bytes, 0)?;
    if !plan.attributes.is_empty() {
        set_attributes(disk, file, &plan.attributes)?;
    }
    if let Some(mtime) = plan.mtime {
        disk.set_mtime(file, mtime)?;
    }
    let entry = Entry::of(b"", &rustix::fs::fstat(file)?);
    if entry.mode != mode {
        disk.set_mode(file, mode)?; // the umask, or what new files inherit here, had its way
    }
    Ok(entry)
}
