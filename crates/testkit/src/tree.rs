//! Trees of files: made from a seed, and compared.
//!
//! In: a folder and a [`Shape`]; or two folders. Out: files whose names, bytes, modes and times follow from the seed alone;
//! or the differences in words. Knows nothing of landline. A link is never followed: it is compared as itself.

use std::fmt::Write as _;
use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

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
            symlink("folder-0", root.join("link-to-folder"))?;
            symlink("no/such/place", root.join("link-to-nothing"))?;
            symlink("../escape", root.join("link-out"))?;
        }
        // Last, and the deepest first: making an entry changes its folder's time, and a mode could forbid it.
        for folder in self.folders.split_off(1).into_iter().rev() {
            fs::set_permissions(&folder, Permissions::from_mode(*self.random.one_of(&FOLDER_MODES)))?;
            self.set_time(&File::open(&folder)?)?;
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

    fn set_time(&mut self, file: &File) -> io::Result<()> {
        let secs = Duration::from_secs(self.random.below(TIME_SPAN_SECS));
        let nanos = Duration::from_nanos(self.random.below(1_000_000_000));
        file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + FIRST_TIME + secs + nanos))
    }
}

/// What [`differences`] looks at, besides names, kinds, bytes and the targets of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compare {
    /// Permission bits of files and folders.
    pub modes: bool,
    /// Modification times of files, to the nanosecond.
    pub file_times: bool,
    /// Modification times of folders, to the nanosecond.
    pub folder_times: bool,
}

impl Compare {
    /// Everything.
    pub const ALL: Self = Self { modes: true, file_times: true, folder_times: true };
    /// Everything but the times of folders.
    pub const FILES: Self = Self { modes: true, file_times: true, folder_times: false };
    /// Names, kinds, bytes and targets only.
    pub const CONTENT: Self = Self { modes: false, file_times: false, folder_times: false };
}

/// Demands that two trees are the same; the two top folders' own modes and times do not count.
///
/// # Panics
/// If they differ, with each difference in a line, or if one cannot be read.
#[track_caller]
pub fn assert_same(left: impl AsRef<Path>, right: impl AsRef<Path>, compare: Compare) {
    let (left, right) = (left.as_ref(), right.as_ref());
    let found = differences(left, right, compare);
    let mut text = String::new();
    for line in found.iter().take(MOST_SHOWN) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {line}");
    }
    if found.len() > MOST_SHOWN {
        let _ = writeln!(text, "  … and {} more", found.len() - MOST_SHOWN);
    }
    let count = found.len();
    assert!(found.is_empty(), "{count} differences, left {}, right {}:\n{text}", left.display(), right.display());
}

/// How many differences one failure shows.
const MOST_SHOWN: usize = 30;

/// Each difference between two trees in words, sorted by path; empty if they are the same.
///
/// # Panics
/// If one of them cannot be read.
#[must_use]
#[track_caller]
pub fn differences(left: impl AsRef<Path>, right: impl AsRef<Path>, compare: Compare) -> Vec<String> {
    let mut found = Vec::new();
    let result = compare_folders(left.as_ref(), right.as_ref(), &mut Vec::new(), compare, &mut found);
    result.unwrap_or_else(|e| panic!("cannot compare: {e}"));
    found
}

fn compare_folders(
    left: &Path,
    right: &Path,
    prefix: &mut Vec<u8>,
    compare: Compare,
    found: &mut Vec<String>,
) -> io::Result<()> {
    let (left_names, right_names) = (names(left)?, names(right)?);
    let mut all: Vec<&Vec<u8>> = left_names.iter().chain(&right_names).collect();
    all.sort();
    all.dedup();
    for name in all {
        let start = prefix.len();
        prefix.extend_from_slice(name);
        match (left_names.binary_search(name).is_ok(), right_names.binary_search(name).is_ok()) {
            (true, false) => found.push(format!("{}: only left", prefix.escape_ascii())),
            (false, _) => found.push(format!("{}: only right", prefix.escape_ascii())),
            (true, true) => {
                let entry = std::ffi::OsStr::from_bytes(name);
                compare_entries(&left.join(entry), &right.join(entry), prefix, compare, found)?;
            }
        }
        prefix.truncate(start);
    }
    Ok(())
}

fn compare_entries(
    left: &Path,
    right: &Path,
    name: &mut Vec<u8>,
    compare: Compare,
    found: &mut Vec<String>,
) -> io::Result<()> {
    let (one, other) = (about(left)?, about(right)?);
    let shown = name.escape_ascii().to_string();
    let mut tell = |what: String| found.push(format!("{shown}: {what}"));
    if kind(&one) != kind(&other) {
        tell(format!("{} / {}", kind(&one), kind(&other)));
        return Ok(());
    }
    if one.is_symlink() {
        let (one, other) = (fs::read_link(left)?, fs::read_link(right)?);
        if one != other {
            tell(format!("link to {} / {}", one.display(), other.display()));
        }
        return Ok(());
    }
    if one.len() != other.len() && one.is_file() {
        tell(format!("{} bytes / {} bytes", one.len(), other.len()));
    } else if one.is_file()
        && let Some((at, one_byte, other_byte)) = first_difference(left, right)?
    {
        tell(format!("bytes differ first at {at} of {}: {one_byte:#04x} / {other_byte:#04x}", one.len()));
    }
    if compare.modes && one.mode() & 0o7777 != other.mode() & 0o7777 {
        tell(format!("mode {:04o} / {:04o}", one.mode() & 0o7777, other.mode() & 0o7777));
    }
    let times = if one.is_dir() { compare.folder_times } else { compare.file_times };
    if times && (one.mtime(), one.mtime_nsec()) != (other.mtime(), other.mtime_nsec()) {
        let show = |meta: &Metadata| format!("{}.{:09}", meta.mtime(), meta.mtime_nsec());
        tell(format!("mtime {} / {}", show(&one), show(&other)));
    }
    if one.is_dir() {
        name.push(b'/');
        compare_folders(left, right, name, compare, found)?;
    }
    Ok(())
}

fn about(path: &Path) -> io::Result<Metadata> {
    fs::symlink_metadata(path).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
}

fn names(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let entries = fs::read_dir(folder).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", folder.display())))?;
    let mut names = entries.map(|entry| Ok(entry?.file_name().into_vec())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn kind(meta: &Metadata) -> &'static str {
    let kind = meta.file_type();
    match () {
        () if kind.is_file() => "file",
        () if kind.is_dir() => "folder",
        () if kind.is_symlink() => "link",
        () => "neither file, folder nor link",
    }
}

/// Offset and both bytes of the first difference between two files of the same size.
fn first_difference(left: &Path, right: &Path) -> io::Result<Option<(u64, u8, u8)>> {
    let (mut one, mut other) = (BufReader::new(File::open(left)?), BufReader::new(File::open(right)?));
    let (mut one_part, mut other_part) = ([0; 16 * 1024], [0; 16 * 1024]);
    let mut at = 0;
    loop {
        let n = one.read(&mut one_part)?;
        if n == 0 {
            return Ok(None);
        }
        other.read_exact(&mut other_part[..n])?;
        if let Some(place) = one_part[..n].iter().zip(&other_part[..n]).position(|(one, other)| one != other) {
            return Ok(Some((at + place as u64, one_part[place], other_part[place])));
        }
        at += n as u64;
    }
}

#[cfg(test)]
mod tests;
