//! What a series moves: one big file, or a tree of many small ones.
//!
//! In: a plan. Out: the source on disk, and a way to compare a copy with it and to remove the copy. Copies are compared by
//! names, lengths and bytes; times and permissions are left out, as not every rival keeps them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::data;

/// What to make.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plan {
    /// Of so many bytes.
    File(u64),
    Tree(Shape),
}

/// A tree of two levels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) folders: u32,
    /// In each folder.
    pub(crate) files: u32,
    /// Bytes of a file, the two in turns.
    pub(crate) sizes: [u32; 2],
}

impl Plan {
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Plan::File(size) => size,
            Plan::Tree(Shape { sizes: [even, odd], .. }) => {
                let files = self.files();
                files.div_ceil(2) * u64::from(even) + files / 2 * u64::from(odd)
            }
        }
    }

    pub(crate) fn files(self) -> u64 {
        match self {
            Plan::File(_) => 1,
            Plan::Tree(shape) => u64::from(shape.folders) * u64::from(shape.files),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Plan::File(_) => "big",
            Plan::Tree(_) => "tree",
        }
    }
}

/// The source of a series; it is removed with the site.
pub(crate) struct Load {
    pub(crate) path: PathBuf,
    /// The last part of `path`, and what copies are called.
    pub(crate) name: &'static str,
    pub(crate) plan: Plan,
    hash: blake3::Hash,
}

impl Load {
    /// Makes the source in `dir`.
    pub(crate) fn make(dir: &Path, plan: Plan) -> Result<Load> {
        let (name, path) = (plan.name(), dir.join(plan.name()));
        let hash = match plan {
            Plan::File(size) => data::make_file(&path, size)?,
            Plan::Tree(shape) => {
                make_tree(&path, shape)?;
                Sum::of(&path)?.hash()
            }
        };
        Ok(Load { path, name, plan, hash })
    }

    pub(crate) fn is_tree(&self) -> bool {
        matches!(self.plan, Plan::Tree(_))
    }

    /// Whether `copy` is the source again.
    ///
    /// # Errors
    /// If it is not, saying how it differs, or cannot be read.
    pub(crate) fn check(&self, copy: &Path) -> Result<()> {
        let Plan::Tree(_) = self.plan else { return data::check_file(copy, self.plan.bytes(), self.hash) };
        let sum = Sum::of(copy)?;
        ensure!(sum.files == self.plan.files(), "{} files arrived of {}", sum.files, self.plan.files());
        ensure!(sum.hash() == self.hash, "the copy has the right number of files and other names or bytes");
        Ok(())
    }

    /// Removes a copy, whole or not, or nothing if there is none.
    pub(crate) fn remove(&self, copy: &Path) -> Result<()> {
        let removed = if self.is_tree() { fs::remove_dir_all(copy) } else { fs::remove_file(copy) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).context("cannot remove the copy"),
            _ => Ok(()),
        }
    }
}

fn make_tree(root: &Path, shape: Shape) -> Result<()> {
    let (mut stream, mut sizes) = (data::random_bytes(), shape.sizes.into_iter().cycle());
    for folder in 0..shape.folders {
        let folder = root.join(format!("folder-{folder:04}"));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for file in 0..shape.files {
            let mut bytes = vec![0; usize::try_from(sizes.next().unwrap_or(0))?];
            stream.fill(&mut bytes);
            let path = folder.join(format!("file-{file:05}.dat"));
            File::create_new(&path)
                .and_then(|mut file| file.write_all(&bytes))
                .with_context(|| format!("cannot make {}", path.display()))?;
        }
    }
    Ok(())
}

/// The names, lengths and bytes of a tree, in one hash.
struct Sum {
    files: u64,
    hasher: blake3::Hasher,
    block: Vec<u8>,
}

impl Sum {
    fn of(root: &Path) -> Result<Sum> {
        let mut sum = Sum { files: 0, hasher: blake3::Hasher::new(), block: vec![0; data::BLOCK] };
        sum.add_dir(root)?;
        Ok(sum)
    }

    fn hash(&self) -> blake3::Hash {
        self.hasher.finalize()
    }

    fn add_dir(&mut self, dir: &Path) -> Result<()> {
        let listed = fs::read_dir(dir).with_context(|| format!("no copy arrived at {}", dir.display()))?;
        let mut entries = listed.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (name, kind, path) = (entry.file_name(), entry.file_type()?, entry.path());
            self.add_word(name.as_encoded_bytes())?;
            if kind.is_dir() {
                self.hasher.update(b"{");
                self.add_dir(&path)?;
                self.hasher.update(b"}");
            } else if kind.is_file() {
                let size = data::hash_into(&mut self.hasher, &mut File::open(&path)?, &mut self.block)?;
                self.hasher.update(&size.to_be_bytes());
                self.files += 1;
            } else {
                bail!("{} is neither a file nor a folder", path.display());
            }
        }
        Ok(())
    }

    fn add_word(&mut self, word: &[u8]) -> Result<()> {
        self.hasher.update(&u64::try_from(word.len())?.to_be_bytes()).update(word);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: Plan = Plan::Tree(Shape { folders: 3, files: 5, sizes: [0, 7] });

    #[test]
    fn a_plan_knows_its_files_and_bytes() {
        assert_eq!((TREE.files(), TREE.bytes()), (15, 49));
        assert_eq!((Plan::File(9).files(), Plan::File(9).bytes()), (1, 9));
    }

    #[test]
    fn a_copy_of_a_tree_is_told_from_one_with_another_name_byte_or_number_of_files() {
        let dir = tempfile::tempdir().unwrap();
        let load = Load::make(dir.path(), TREE).unwrap();
        let other = tempfile::tempdir().unwrap();
        let copy = Load::make(other.path(), TREE).unwrap().path;
        load.check(&copy).unwrap();

        let file = copy.join("folder-0001/file-00002.dat");
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, [&bytes[..6], b"!"].concat()).unwrap();
        assert!(load.check(&copy).unwrap_err().to_string().contains("other names or bytes"));
        fs::write(&file, &bytes).unwrap();
        fs::rename(&file, copy.join("folder-0001/x")).unwrap();
        assert!(load.check(&copy).unwrap_err().to_string().contains("other names or bytes"));
        fs::remove_file(copy.join("folder-0001/x")).unwrap();
        assert!(load.check(&copy).unwrap_err().to_string().contains("14 files arrived of 15"));
        load.remove(&copy).unwrap();
        load.remove(&copy).unwrap();
        assert!(load.check(&copy).is_err());
    }

    #[test]
    fn a_copy_of_a_file_is_checked_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let load = Load::make(dir.path(), Plan::File(3)).unwrap();
        let copy = dir.path().join("copy");
        fs::copy(&load.path, &copy).unwrap();
        load.check(&copy).unwrap();
        load.remove(&copy).unwrap();
        load.remove(&copy).unwrap();
        assert!(load.check(&copy).is_err());
    }
}
