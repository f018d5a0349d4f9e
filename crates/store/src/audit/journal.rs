//! The files of the audit log: appended to, moved on when one is full.
//!
//! In: whole lines. Out: files of whole lines, none above its size by more than one write, no more of them than there may
//! be. Invariant: a file ends with the end of a line: half a line, left by a full disk or a process that died, is cut off
//! before the next is written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use crate::Home;

/// For the owner alone: it tells who sent what, and when.
const MODE: u32 = 0o600;
/// Bytes at the end of a file in which the last end of a line is looked for: more than a line can have.
const TAIL: u64 = 1 << 20;

/// When files move on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotation {
    /// Bytes that a file may have.
    pub(super) bytes: u64,
    /// Files that there may be, at least 1.
    pub(super) files: u32,
}

/// The file that is written.
pub(super) struct Journal {
    home: Home,
    rotation: Rotation,
    /// Open, with its length. None at the beginning, and after a fault.
    open: Option<(File, u64)>,
}

/// The file of this number: 0 is the one that is written.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

impl Journal {
    pub(super) fn new(home: Home, rotation: Rotation) -> Self {
        Self { home, rotation, open: None }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.home.audit_path()
    }

    /// Appends whole lines; all of them or, after an error, none.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let more = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        let (mut file, mut len) = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        if len > 0 && len.saturating_add(more) > self.rotation.bytes {
            drop(file);
            self.rotate()?;
            (file, len) = self.open()?;
        }
        if let Err(fault) = file.write_all(lines) {
            // What went in of it goes; if not even that works, opening it again sees to it.
            drop(file.set_len(len));
            return Err(fault);
        }
        self.open = Some((file, len.saturating_add(more)));
        Ok(())
    }

    /// The file to write, made if it is missing, and its length.
    fn open(&self) -> io::Result<(File, u64)> {
        let path = self.path();
        let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(MODE).custom_flags(flags).open(&path)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something that is no file is in the way"));
        }
        if meta.permissions().mode() & 0o7777 != MODE {
            file.set_permissions(fs::Permissions::from_mode(MODE))?;
        }
        let len = whole(&mut file, meta.len())?;
        if len != meta.len() {
            file.set_len(len)?;
        }
        Ok((file, len))
    }

    /// Every file gets the next number, and the one with the highest goes.
    fn rotate(&self) -> io::Result<()> {
        let path = self.path();
        if self.rotation.files <= 1 {
            return fs::remove_file(&path);
        }
        for number in (0..self.rotation.files.saturating_sub(1)).rev() {
            match fs::rename(numbered(&path, number), numbered(&path, number.saturating_add(1))) {
                Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// How much of a file of `len` bytes is whole lines.
fn whole(file: &mut File, len: u64) -> io::Result<u64> {
    let from = len.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let lines = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
    Ok(from.saturating_add(u64::try_from(lines).unwrap_or(0)))
}
