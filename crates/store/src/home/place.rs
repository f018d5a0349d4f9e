//! Putting a new file into the home: whole or not at all, and only if none is there.
//!
//! In: a name, the first content. Out: a file of mode 0600 that belongs to the folder's owner.
//! Invariants: of several processes that do this at once, the content of one stays; nobody sees half of it; no
//! descriptor of the placed file is open here. The last one matters to SQLite: closing any descriptor of its file takes
//! away the locks of the whole process (<https://www.sqlite.org/howtocorrupt.html> §2.2).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::Home;
use crate::StoreError;

impl Home {
    /// Writes `content` to a new file `name`, durably; does nothing if there is such a file by then.
    ///
    /// # Errors
    /// [`StoreError::Random`], [`StoreError::Io`].
    pub(crate) fn place_once(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let draft = self.draft_of(name)?;
        let placed = self.write_draft(&draft, content).and_then(|()| link_once(&draft, &self.path.join(name)));
        // The draft goes in any case; that it could not be removed is told only if nothing worse happened.
        let removed = fs::remove_file(&draft).map_err(StoreError::io("remove the draft", &draft));
        placed.and(removed)?;
        // The name must survive a power cut: a key that did not would make another machine of this one.
        File::open(&self.path).and_then(|dir| dir.sync_all()).map_err(StoreError::io("make durable", &self.path))
    }

    /// Where what will be `name` is written first.
    pub(super) fn draft_of(&self, name: &str) -> Result<PathBuf, StoreError> {
        let mut suffix = [0_u8; 8];
        getrandom::fill(&mut suffix).map_err(StoreError::Random)?;
        Ok(self.path.join(format!("{name}.new-{}", HEXLOWER.encode(&suffix))))
    }

    pub(super) fn write_draft(&self, draft: &Path, content: &[u8]) -> Result<(), StoreError> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(draft)
            .map_err(StoreError::io("make", draft))?;
        self.hand_over(&file, draft)?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(StoreError::io("write", draft))
    }
}

fn link_once(draft: &Path, path: &Path) -> Result<(), StoreError> {
    match fs::hard_link(draft, path) {
        Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => Err(StoreError::io("make", path)(fault)),
        Ok(()) | Err(_) => Ok(()),
    }
}
