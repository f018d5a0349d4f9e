//! Trees of files: made from a seed, and compared.
//!
//! In: a folder and a [`Shape`]; or two folders. Out: files whose names, bytes, modes and times follow from the seed alone;
//! or the differences in words. Knows nothing of landline. A link is never followed: it is compared as itself.

mod awkward;
mod compare;

use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

pub use awkward::{awkward_names, make_awkward};
pub use compare::{Compare, assert_same, describe, differences, same};

use crate::Random;

/// What [`make`] makes. The same shape gives the same tree, on every machine.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Decides names, sizes, bytes, modes and times.
    pub seed: u64,
    /// How many regular files.
    pub files: usize,
    /// The largest size of a file, in bytes; small sizes and 0 are the commonest.
    pub largest: usize,
    /// With names that trouble a terminal, a shell or a UTF-8 decoder.
    pub odd_names: bool,
    /// With symbolic links: to a folder, to nothing, and out of the tree.
    pub links: bool,
}

impl Shape {
    /// A small tree with everything in it that a user may have, for most tests.
    #[must_use]
    pub const fn small(seed: u64) -> Self {
        Self { seed, files: 24, largest: 40_000, odd_names: true, links: true }
    }
}

/// Names that a careless program breaks on. Each is legal on Linux.
const ODD_NAMES: [&[u8]; 12] = [
    b"with space",
    b" leading and trailing ",
    b"-rf",
    b"new\nline",
    b"colour\x1b[31m",
    b"bytes\xff\xfe.bin",
    "n\u{e4}chste \u{1f4de}".as_bytes(),
    b"*?[a]",
    b"quote'\"`$HOME",
    b"back\\slash",
    b"desk:colon",
    b"...",
];

/// The links of a tree, name and target.
const LINKS: [(&str, &str); 3] =
    [("link-to-folder", "folder-0"), ("link-to-nothing", "no/such/place"), ("link-out", "../escape")];

/// Modes of files: private, usual, runnable, read-only.
const FILE_MODES: [u32; 5] = [0o600, 0o644, 0o640, 0o755, 0o444];
const FOLDER_MODES: [u32; 3] = [0o700, 0o755, 0o750];
/// 2020-01-01 and the years after it, with nanoseconds that a careless program cuts off.
const FIRST_TIME: Duration = Duration::from_secs(1_577_836_800);
const TIME_SPAN_SECS: u64 = 5 * 365 * 86_400;

/// Makes a tree in `folder`, which is created if it is missing.
///
/// # Panics
/// If it cannot be written.
#[track_caller]
pub fn make(folder: impl AsRef<Path>, shape: &Shape) {
    let folder = folder.as_ref();
    let made = Maker { random: Random::new(shape.seed), shape, folders: vec![folder.to_owned()] }.make();
    made.unwrap_or_else(|e| panic!("cannot make a tree in {}: {e}", folder.display()));
}

struct Maker<'a> {
    random: Random,
    shape: &'a Shape,
    folders: Vec<PathBuf>,
}

impl Maker<'_> {
    fn make(mut self) -> io::Result<()> {
        fs::create_dir_all(&self.folders[0])?;
        for n in 0..=self.shape.files / 6 {
            let folder = self.place().join(format!("folder-{n}"));
            fs::create_dir(&folder)?;
            self.folders.push(folder);
        }
        for n in 0..self.shape.files {
            let odd = ODD_NAMES.get(n).filter(|_| self.shape.odd_names);
            let name = odd.map_or_else(|| format!("file-{n}").into_bytes(), |name| name.to_vec());
            let path = self.place().join(std::ffi::OsStr::from_bytes(&name));
            self.file(&path)?;
        }
        if self.shape.links {
            // Always in the tree's own folder, so that each tree has all three.
            let root = self.folders[0].clone();
            for (name, target) in LINKS {
                symlink(target, root.join(name))?;
            }
        }
        // Last, and the deepest first: making an entry changes its folder's time, and a mode could forbid it.
        for folder in self.folders.split_off(1).into_iter().rev() {
            fs::set_permissions(&folder, Permissions::from_mode(*self.random.one_of(&FOLDER_MODES)))?;
            self.set_time(&File::open(&folder)?)?;
        }
        if self.shape.links {
            for link in LINKS {
                self.set_link_time(&self.folders[0].join(link.0))?;
            }
        }
        Ok(())
    }

    fn place(&mut self) -> PathBuf {
        self.random.one_of(&self.folders).clone()
    }

    fn file(&mut self, path: &Path) -> io::Result<()> {
        let largest = match self.random.below(4) {
            0 => 1,
            1 => self.shape.largest.min(100),
            _ => self.shape.largest,
        };
        let size = self.random.below(largest as u64 + 1);
        let bytes = self.random.bytes(usize::try_from(size).expect("at most `largest`"));
        let mut file = File::create_new(path)?;
        file.write_all(&bytes)?;
        file.set_permissions(Permissions::from_mode(*self.random.one_of(&FILE_MODES)))?;
        self.set_time(&file)
    }

    /// Since 1970.
    fn time(&mut self) -> Duration {
        let secs = Duration::from_secs(self.random.below(TIME_SPAN_SECS));
        let nanos = Duration::from_nanos(self.random.below(1_000_000_000));
        FIRST_TIME + secs + nanos
    }

    fn set_time(&mut self, file: &File) -> io::Result<()> {
        file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + self.time()))
    }

    fn set_link_time(&mut self, link: &Path) -> io::Result<()> {
        let time = Timespec::try_from(self.time()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let times = Timestamps { last_access: time, last_modification: time };
        Ok(utimensat(CWD, link, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

#[cfg(test)]
mod tests;
