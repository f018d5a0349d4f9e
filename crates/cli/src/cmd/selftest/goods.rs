//! The goods of the self-test: a tree to copy, older files in its place, and how to tell both from anything else.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Of the large file: several groups, so that one that is cut is taken up in its middle.
const LARGE: usize = 3 << 20;
/// Small files in a folder that is new.
const SMALL: usize = 12;
/// What every name of a file that still arrives begins with.
const STAGING: &str = ".landline-part-";

/// New and old bytes by path.
pub(super) struct Goods {
    new: BTreeMap<PathBuf, Vec<u8>>,
    old: BTreeMap<PathBuf, Vec<u8>>,
}

impl Goods {
    /// The same for the same seed; bytes that no compression makes fewer.
    pub(super) fn of(seed: u64) -> Self {
        let mut new = BTreeMap::new();
        let mut old = BTreeMap::new();
        new.insert(PathBuf::from("large"), bytes(seed, "large", LARGE));
        new.insert(PathBuf::from("replaced"), bytes(seed, "replaced", 40_000));
        old.insert(PathBuf::from("replaced"), bytes(seed, "older", 30_000));
        for index in 0..SMALL {
            let name = format!("folder/{index}");
            new.insert(PathBuf::from(&name), bytes(seed, &name, 100 + index * 1500));
        }
        Self { new, old }
    }

    /// Writes what is to be copied.
    pub(super) fn write_new(&self, dir: &Path) -> io::Result<()> {
        write(&self.new, dir)
    }

    /// Writes what is there before.
    pub(super) fn write_old(&self, dir: &Path) -> io::Result<()> {
        write(&self.old, dir)
    }

    /// What is in `dir` that should not be: a file that is neither the old nor the new one. `complete`: also what is
    /// not the new one or is missing. `clean`: also what was left of a file that was arriving.
    pub(super) fn flaw(&self, dir: &Path, complete: bool, clean: bool) -> io::Result<Option<String>> {
        let found = read(dir, dir)?;
        for (path, bytes) in &found {
            let (name, is_staging) = (path.display(), path.iter().any(|name| is_staging(&name.to_string_lossy())));
            match (is_staging, complete) {
                (true, _) if clean => return Ok(Some(format!("{name} was left"))),
                (true, _) => continue,
                (false, _) if self.new.get(path) == Some(bytes) => {}
                (false, false) if self.old.get(path) == Some(bytes) => {}
                (false, true) if self.old.get(path) == Some(bytes) => {
                    return Ok(Some(format!("{name} is still the old one")));
                }
                (false, _) => {
                    let len = bytes.len();
                    return Ok(Some(format!("{name} is neither the old file nor the new one ({len} bytes)")));
                }
            }
        }
        if let Some(lost) = self.old.keys().find(|path| !found.contains_key(*path)) {
            return Ok(Some(format!("{} is gone", lost.display())));
        }
        let missing = self.new.keys().find(|path| complete && !found.contains_key(*path));
        Ok(missing.map(|path| format!("{} is missing", path.display())))
    }
}

fn is_staging(name: &str) -> bool {
    name.starts_with(STAGING)
}

/// Bytes that belong to a seed and a word.
pub(super) fn bytes(seed: u64, word: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes()).update(word.as_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// A number below `below` that belongs to a seed and a word; zero if there is none.
pub(super) fn number(seed: u64, word: &str, below: u64) -> u64 {
    let wide = bytes(seed, word, 8).iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    wide.checked_rem(below).unwrap_or(0)
}

fn write(files: &BTreeMap<PathBuf, Vec<u8>>, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for (path, bytes) in files {
        let place = dir.join(path);
        fs::create_dir_all(place.parent().unwrap_or(dir))?;
        fs::write(place, bytes)?;
    }
    Ok(())
}

/// All files below `dir` by their path from `top`.
fn read(dir: &Path, top: &Path) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            found.extend(read(&path, top)?);
            if is_staging(&entry.file_name().to_string_lossy()) {
                found.insert(path.strip_prefix(top).unwrap_or(&path).to_owned(), Vec::new());
            }
        } else {
            found.insert(path.strip_prefix(top).unwrap_or(&path).to_owned(), fs::read(&path)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goods() -> (tempfile::TempDir, Goods) {
        let (dir, goods) = (tempfile::tempdir().unwrap(), Goods::of(1));
        goods.write_old(dir.path()).unwrap();
        (dir, goods)
    }

    #[test]
    fn old_files_are_right_until_all_must_be_there() {
        let (dir, goods) = goods();
        assert_eq!(goods.flaw(dir.path(), false, false).unwrap(), None);
        assert_eq!(goods.flaw(dir.path(), true, true).unwrap().unwrap(), "replaced is still the old one");
        goods.write_new(dir.path()).unwrap();
        assert_eq!(goods.flaw(dir.path(), true, true).unwrap(), None);
    }

    #[test]
    fn half_a_file_a_lost_one_and_one_that_was_left_are_told() {
        let (dir, goods) = goods();
        fs::write(dir.path().join("large"), &bytes(1, "large", LARGE)[..100]).unwrap();
        let half = "large is neither the old file nor the new one (100 bytes)";
        assert_eq!(goods.flaw(dir.path(), false, false).unwrap().unwrap(), half);
        goods.write_new(dir.path()).unwrap();
        fs::create_dir(dir.path().join(".landline-part-1")).unwrap();
        assert_eq!(goods.flaw(dir.path(), false, false).unwrap(), None);
        assert_eq!(goods.flaw(dir.path(), true, true).unwrap().unwrap(), ".landline-part-1 was left");
        fs::remove_file(dir.path().join("replaced")).unwrap();
        assert_eq!(goods.flaw(dir.path(), false, false).unwrap().unwrap(), "replaced is gone");
    }

    #[test]
    fn a_seed_gives_the_same_numbers_and_another_others() {
        assert_eq!(number(1, "a", 1 << 40), number(1, "a", 1 << 40));
        assert_ne!(number(1, "a", 1 << 40), number(2, "a", 1 << 40));
        assert!(number(3, "x", 10) < 10 && number(3, "x", 0) == 0);
    }
}
