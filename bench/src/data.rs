//! One file of random bytes, its hash, and the touch that makes memory ready for a copy.
//!
//! In: paths and sizes. Out: files and BLAKE3 hashes. Nothing here is timed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// How much is read or written at once: 1 MiB, as in the pipeline.
pub(crate) const BLOCK: usize = 1 << 20;

/// Bytes that no compressor can shrink: BLAKE3's output stream under a fixed label, so every run moves the same ones.
pub(crate) fn random_bytes() -> blake3::OutputReader {
    blake3::Hasher::new_derive_key("landline bench source v1").finalize_xof()
}

/// Writes a file of `size` random bytes and gives its hash.
pub(crate) fn make_file(path: &Path, size: u64) -> Result<blake3::Hash> {
    let (mut stream, mut hasher) = (random_bytes(), blake3::Hasher::new());
    write_blocks(path, size, |block| {
        stream.fill(block);
        hasher.update(block);
    })?;
    Ok(hasher.finalize())
}

/// Writes and removes a file as large as the one that is about to arrive.
///
/// Why: the host takes free memory back, and its first use after that is several times slower; whoever came after a
/// pause would pay for it.
pub(crate) fn touch(dir: &Path, size: u64) -> Result<()> {
    let path = dir.join("touch");
    write_blocks(&path, size, |_| ())?;
    fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
}

/// Whether `copy` has `size` bytes and that hash.
///
/// # Errors
/// If it has not, saying how it differs, or cannot be read.
pub(crate) fn check_file(copy: &Path, size: u64, hash: blake3::Hash) -> Result<()> {
    let mut file = File::open(copy).with_context(|| format!("no copy arrived at {}", copy.display()))?;
    let (mut hasher, mut block) = (blake3::Hasher::new(), vec![0; BLOCK]);
    let arrived = hash_into(&mut hasher, &mut file, &mut block)?;
    ensure!(arrived == size, "{arrived} bytes arrived of {size}");
    ensure!(hasher.finalize() == hash, "the copy has the right length and other bytes");
    Ok(())
}

/// Hashes the rest of a file through `block` and gives its length.
pub(crate) fn hash_into(hasher: &mut blake3::Hasher, file: &mut File, block: &mut [u8]) -> Result<u64> {
    let mut size = 0;
    loop {
        let count = file.read(block)?;
        let Some(read @ [_, ..]) = block.get(..count) else { return Ok(size) };
        hasher.update(read);
        size += u64::try_from(count)?;
    }
}

/// Bytes that an ordinary user may still write to the file system of `dir`.
pub(crate) fn free_bytes(dir: &Path) -> Result<u64> {
    let found = rustix::fs::statvfs(dir).with_context(|| format!("cannot ask for room in {}", dir.display()))?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

fn write_blocks(path: &Path, size: u64, mut fill: impl FnMut(&mut [u8])) -> Result<()> {
    let mut file = File::create_new(path).with_context(|| format!("cannot make {}", path.display()))?;
    let (mut block, mut left) = (vec![0; BLOCK], size);
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        let Some(part) = block.get_mut(..count) else { break };
        fill(part);
        file.write_all(part).with_context(|| format!("cannot write {}", path.display()))?;
        left -= u64::try_from(count)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 3 * (1 << 20) + 5;

    #[test]
    fn a_copy_is_told_from_a_short_and_from_a_changed_one() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("big");
        let hash = make_file(&source, SIZE).unwrap();
        let copy = dir.path().join("copy");
        fs::copy(&source, &copy).unwrap();
        let check_copy = || check_file(&copy, SIZE, hash);
        check_copy().unwrap();

        let mut bytes = fs::read(&copy).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&copy, &bytes).unwrap();
        assert!(check_copy().unwrap_err().to_string().contains("other bytes"));
        fs::write(&copy, &bytes[1..]).unwrap();
        assert!(check_copy().unwrap_err().to_string().contains("arrived of"));
        fs::remove_file(&copy).unwrap();
        assert!(check_copy().is_err());
    }

    #[test]
    fn touching_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), SIZE).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
