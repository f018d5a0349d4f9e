//! Compare: two trees side by side.
//!
//! In: two folders, and what shall count. Out: whether they are the same, or each difference in words, by path.
//! A link is compared as itself, never followed. Entries that are neither file, folder nor link differ only in being there.

use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::io::Errno;

/// What [`differences`] looks at, besides names, kinds, bytes and the targets of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compare {
    /// Permission bits of files and folders.
    pub modes: bool,
    /// Modification times of files, to the nanosecond.
    pub file_times: bool,
    /// Modification times of folders, to the nanosecond.
    pub folder_times: bool,
    /// Modification times of links, to the nanosecond.
    pub link_times: bool,
    /// Extended attributes in the namespace `user`, of files and folders. A file system that has none counts as empty.
    pub attributes: bool,
}

impl Compare {
    /// Everything.
    pub const ALL: Self =
        Self { modes: true, file_times: true, folder_times: true, link_times: true, attributes: true };
    /// Names, kinds, bytes and targets, and the modes and times of files.
    pub const FILES: Self = Self { modes: true, file_times: true, ..Self::CONTENT };
    /// Names, kinds, bytes and targets only.
    pub const CONTENT: Self =
        Self { modes: false, file_times: false, folder_times: false, link_times: false, attributes: false };
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

/// Whether two trees are the same; the two top folders' own modes and times do not count.
///
/// # Panics
/// If one of them cannot be read.
#[must_use]
#[track_caller]
pub fn same(left: impl AsRef<Path>, right: impl AsRef<Path>, compare: Compare) -> bool {
    describe(left, right, compare).is_none()
}

/// The first difference between two trees in words, by path; `None` if they are the same.
///
/// # Panics
/// If one of them cannot be read.
#[must_use]
#[track_caller]
pub fn describe(left: impl AsRef<Path>, right: impl AsRef<Path>, compare: Compare) -> Option<String> {
    differences(left, right, compare).into_iter().next()
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
    }
    if one.len() != other.len() && one.is_file() {
        tell(format!("{} bytes / {} bytes", one.len(), other.len()));
    } else if one.is_file()
        && let Some((at, one_byte, other_byte)) = first_difference(left, right)?
    {
        tell(format!("bytes differ first at {at} of {}: {one_byte:#04x} / {other_byte:#04x}", one.len()));
    }
    // The mode of a link means nothing.
    if compare.modes && !one.is_symlink() && one.mode() & 0o7777 != other.mode() & 0o7777 {
        tell(format!("mode {:04o} / {:04o}", one.mode() & 0o7777, other.mode() & 0o7777));
    }
    let times = match () {
        () if one.is_dir() => compare.folder_times,
        () if one.is_symlink() => compare.link_times,
        () => compare.file_times,
    };
    if times && (one.mtime(), one.mtime_nsec()) != (other.mtime(), other.mtime_nsec()) {
        let show = |meta: &Metadata| format!("{}.{:09}", meta.mtime(), meta.mtime_nsec());
        tell(format!("mtime {} / {}", show(&one), show(&other)));
    }
    if compare.attributes && !one.is_symlink() {
        compare_attributes(&attributes(left)?, &attributes(right)?, &mut tell);
    }
    if one.is_dir() {
        name.push(b'/');
        compare_folders(left, right, name, compare, found)?;
    }
    Ok(())
}

fn compare_attributes(left: &[Attribute], right: &[Attribute], tell: &mut impl FnMut(String)) {
    let mut names: Vec<&Vec<u8>> = left.iter().chain(right).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    for name in names {
        let value = |side: &[Attribute]| side.iter().find(|(have, _)| have == name).map(|(_, value)| value.clone());
        let (one, other) = (value(left), value(right));
        if one != other {
            let show = |value: Option<Vec<u8>>| {
                value.map_or_else(|| "none".to_owned(), |value| format!("\"{}\"", value.escape_ascii()))
            };
            tell(format!("attribute {} {} / {}", name.escape_ascii(), show(one), show(other)));
        }
    }
}

/// Name and value.
type Attribute = (Vec<u8>, Vec<u8>);

/// The largest list of names and the largest value that Linux has (xattr(7)).
const LARGEST_ATTRIBUTE_BYTES: usize = 64 * 1024;

fn attributes(path: &Path) -> io::Result<Vec<Attribute>> {
    let mut buffer = vec![0; LARGEST_ATTRIBUTE_BYTES];
    let listed = match rustix::fs::llistxattr(path, &mut buffer[..]) {
        Ok(listed) => listed,
        Err(Errno::NOTSUP) => 0,
        Err(e) => return Err(io::Error::new(e.kind(), format!("attributes of {}: {e}", path.display()))),
    };
    let names = buffer[..listed].split(|byte| *byte == 0).filter(|name| name.starts_with(b"user."));
    let mut found = Vec::new();
    for name in names {
        let mut value = vec![0; LARGEST_ATTRIBUTE_BYTES];
        let len = rustix::fs::lgetxattr(path, name, &mut value[..])?;
        value.truncate(len);
        found.push((name.to_vec(), value));
    }
    Ok(found)
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
