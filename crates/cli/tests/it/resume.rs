//! Resume: what was verified when a copy was killed or cut is there for the next one, and is not sent again.
//!
//! In: a load, a way to interrupt its copy. Out: whether the same command brought the rest, and how many bytes that took,
//! counted by a box on the line. Knows nothing of journals: what has arrived is what has the source's bytes on the disk.

mod kills;
mod lines;

use std::fs;
use std::path::{Path, PathBuf};

use landline_testkit::tree::{self, Compare, Shape};

use crate::scene::{MIB, STAGING, dense};

/// What is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    /// One file of tens of MiB that ends in the middle of a group.
    Big,
    /// A tree of many small files.
    Small,
    /// A tree of small files, large ones, one of a group exactly, and links.
    Mixed,
}

impl Load {
    const ALL: [Self; 3] = [Self::Big, Self::Small, Self::Mixed];

    /// Makes it in `folder`, under the name that this returns.
    fn make(self, folder: &Path) -> &'static str {
        fs::create_dir_all(folder).unwrap();
        match self {
            Self::Big => {
                dense(folder.join("big"), 1, 24 * MIB + 12_345);
                "big"
            }
            Self::Small => {
                let shape = Shape { seed: 2, files: 900, largest: 9000, odd_names: true, links: false };
                tree::make(folder.join("small"), &shape);
                "small"
            }
            Self::Mixed => {
                let mixed = folder.join("mixed");
                tree::make(&mixed, &Shape { seed: 3, files: 120, largest: 60_000, odd_names: true, links: false });
                for (seed, (name, size)) in [
                    ("large", 7 * MIB + 1),
                    ("folder/exact", MIB),
                    ("folder/deep/other", 3 * MIB - 1),
                    ("half", MIB / 2 + 1),
                ]
                .into_iter()
                .enumerate()
                {
                    let path = mixed.join(name);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    dense(path, 30 + seed as u64, size);
                }
                std::os::unix::fs::symlink("../large", mixed.join("folder/link")).unwrap();
                "mixed"
            }
        }
    }
}

/// Files below `top`, or `top` itself, relative to it, and their bytes.
fn files(top: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    if top.is_file() {
        return vec![(PathBuf::new(), fs::read(top).unwrap())];
    }
    let mut found = Vec::new();
    let mut rest = vec![PathBuf::new()];
    while let Some(dir) = rest.pop() {
        for entry in fs::read_dir(top.join(&dir)).unwrap() {
            let (entry, kind) = entry.map(|entry| (dir.join(entry.file_name()), entry.file_type().unwrap())).unwrap();
            match () {
                () if kind.is_dir() => rest.push(entry),
                () if kind.is_file() => found.push((entry.clone(), fs::read(top.join(&entry)).unwrap())),
                () => {}
            }
        }
    }
    found
}

/// What a copy of one source needs, and what it may cost.
struct Account {
    files: Vec<(PathBuf, Vec<u8>)>,
    bytes: u64,
}

impl Account {
    fn of(source: &Path) -> Self {
        let files = files(source);
        let bytes = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        Self { files, bytes }
    }

    /// Bytes of the source that lie in `folder`, where `name` is to be: in what is arriving, small files if they are
    /// whole, of others each group that has the source's bytes.
    fn arrived(&self, folder: &Path) -> u64 {
        let arriving: Vec<PathBuf> = staged(folder);
        self.files
            .iter()
            .map(|(path, bytes)| {
                let of = |top: &PathBuf| match path.parent() {
                    None => groups_of(top, bytes),
                    Some(_) if fs::read(top.join(path)).is_ok_and(|there| there == *bytes) => bytes.len() as u64,
                    Some(dir) => staged(&top.join(dir)).iter().map(|file| groups_of(file, bytes)).max().unwrap_or(0),
                };
                arriving.iter().map(of).max().unwrap_or(0)
            })
            .sum()
    }

    /// The most that may cross the line when `arrived` bytes are there: what is missing, one group (that was written and
    /// not yet entered as verified when its writer died), and what a call and its records take.
    fn most(&self, arrived: u64) -> u64 {
        let overhead = 64 * 1024 + 400 * self.files.len() as u64 + self.bytes / 200;
        self.bytes - arrived.min(self.bytes) + MIB as u64 + overhead
    }
}

/// Files and folders in `folder` that are still arriving, without what stands beside them.
fn staged(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with(STAGING) && !name.ends_with(".journal")
        })
        .collect()
}

/// Bytes of the groups of `bytes` that `file` has at the same places.
fn groups_of(file: &Path, bytes: &[u8]) -> u64 {
    let Ok(there) = fs::read(file) else { return 0 };
    bytes
        .chunks(MIB)
        .zip(there.chunks(MIB))
        .filter(|(wanted, there)| there.starts_with(wanted))
        .map(|(wanted, _)| wanted.len() as u64)
        .sum()
}

/// Demands that the copy is what the source is: bytes, modes and times of everything.
#[track_caller]
fn assert_copied(source: &Path, copy: &Path) {
    if source.is_dir() {
        tree::assert_same(source, copy, Compare { link_times: true, ..Compare::ALL });
    } else {
        assert!(fs::read(source).unwrap() == fs::read(copy).unwrap(), "{} is not its source", copy.display());
        let of = |path: &Path| {
            let meta = fs::symlink_metadata(path).unwrap();
            (meta.modified().unwrap(), meta.permissions())
        };
        assert_eq!(of(source), of(copy));
    }
}
