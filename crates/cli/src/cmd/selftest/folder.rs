//! The folder of a self-test: made anew on the disk that is tested, gone when the test is over.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Names that are tried before the directory counts as strange.
const TRIES: u32 = 16;

/// Removed when dropped, with everything in it.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// A new one in `dir`, which must exist.
    ///
    /// # Errors
    /// As the system refuses it.
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        let dir = fs::canonicalize(dir)?;
        let mut last = None;
        for _ in 0..TRIES {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let path = dir.join(format!("landline-selftest-{}-{}", std::process::id(), since.subsec_nanos()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => last = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
    }

    /// A new folder in it.
    ///
    /// # Errors
    /// As the system refuses it.
    pub(super) fn below(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        fs::create_dir(&path)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(fault) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %fault, "the folder of the self-test could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_gone_with_all_that_is_in_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path()).unwrap();
        let below = folder.below("x").unwrap();
        fs::write(below.join("y"), "z").unwrap();
        let top = below.parent().unwrap();
        assert_eq!(fs::metadata(top).unwrap().permissions().mode() & 0o777, 0o700);
        drop(folder);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(Folder::new(&dir.path().join("missing")).is_err());
    }
}
