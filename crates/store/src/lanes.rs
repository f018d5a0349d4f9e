//! Lanes: how many parallel calls paid last time, contact by contact.
//!
//! In: a contact and a number. Out: the number again, until it is forgotten.
//! One small file in the home, read and replaced as a whole; every call blocks for that. Of two processes that change it at
//! once, one change may be lost: it is found again by the next transfer.
//! Knows nothing of what a lane is.
//! Invariant: what comes out is between 1 and 1024, whatever the file says.

use landline_addr::contact::ContactName;

use crate::folder::Folder;
use crate::{Home, StoreError};

/// The file in the home.
const NAME: &str = "lanes.json";
/// Most contacts remembered; the one set longest ago goes.
const MAX_CONTACTS: usize = 1024;
/// Most bytes of the file: [`MAX_CONTACTS`] names of 64 bytes, with their numbers.
const MAX_FILE_BYTES: usize = 128 * 1024;
/// The largest number believed: far more than ever pays.
const MAX_LANES: u32 = 1024;

/// The memory of lanes of a home. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lanes {
    folder: Folder,
}

impl Lanes {
    /// Opens the memory of a home; the file is made when something is set. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn open(home: &Home) -> Result<Self, StoreError> {
        let folder = Folder::home(home);
        folder.prepare(|file| file == NAME)?;
        Ok(Self { folder })
    }

    /// How many lanes were set for a contact last; `None` also where the file cannot be read. Blocks.
    #[must_use]
    pub fn get(&self, contact: &ContactName) -> Option<u32> {
        self.entries().into_iter().find(|(name, _)| name == contact.as_str()).map(|(_, lanes)| lanes)
    }

    /// Remembers a number; 0 forgets the contact, and more than 1024 count as 1024. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn set(&self, contact: &ContactName, lanes: u32) -> Result<(), StoreError> {
        let mut entries = self.entries();
        entries.retain(|(name, _)| name != contact.as_str());
        if lanes > 0 {
            entries.push((contact.as_str().to_owned(), lanes.min(MAX_LANES)));
        }
        let surplus = entries.len().saturating_sub(MAX_CONTACTS);
        entries.drain(..surplus);
        let bytes = serde_json::to_vec(&entries).map_err(|e| StoreError::Io {
            doing: "write",
            path: self.folder.path(NAME),
            source: e.into(),
        })?;
        self.folder.replace(NAME, &bytes)
    }

    /// What the file says, the one set last at the end; nothing if it is damaged.
    fn entries(&self) -> Vec<(String, u32)> {
        let bytes = match self.folder.read(NAME, MAX_FILE_BYTES) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(error) => {
                tracing::debug!(%error, "the memory of lanes cannot be read");
                return Vec::new();
            }
        };
        let mut entries: Vec<(String, u32)> = serde_json::from_slice(&bytes).unwrap_or_default();
        entries.retain(|(name, lanes)| (1..=MAX_LANES).contains(lanes) && name.parse::<ContactName>().is_ok());
        entries
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;

    use super::*;
    use crate::fixture::name;

    fn opened() -> (tempfile::TempDir, PathBuf, Lanes) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open_or_create(dir.path()).unwrap();
        let lanes = Lanes::open(&home).unwrap();
        (dir, home.path().join(NAME), lanes)
    }

    #[test]
    fn a_number_is_remembered_for_each_contact_until_it_changes() {
        let (_dir, file, lanes) = opened();
        assert_eq!(lanes.get(&name("desk")), None);
        assert!(!file.exists());
        lanes.set(&name("desk"), 4).unwrap();
        lanes.set(&name("lab"), 2).unwrap();
        lanes.set(&name("desk"), 8).unwrap();
        assert_eq!((lanes.get(&name("desk")), lanes.get(&name("lab"))), (Some(8), Some(2)));
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        lanes.set(&name("desk"), 0).unwrap();
        lanes.set(&name("lab"), u32::MAX).unwrap();
        assert_eq!((lanes.get(&name("desk")), lanes.get(&name("lab"))), (None, Some(MAX_LANES)));
    }

    #[test]
    fn a_damaged_file_is_no_memory_and_is_replaced() {
        let (_dir, file, lanes) = opened();
        let endless = "[".repeat(MAX_FILE_BYTES);
        let long = format!("[[\"desk\",4]]{}", " ".repeat(MAX_FILE_BYTES));
        for damaged in ["", "{", "null", "[[\"desk\"]]", "[[\"desk\",-4]]", "[[\"desk\",4", "\u{fffd}", &endless, &long]
        {
            fs::write(&file, damaged).unwrap();
            assert_eq!(lanes.get(&name("desk")), None, "{:.20}", damaged);
        }
        lanes.set(&name("desk"), 4).unwrap();
        assert_eq!(lanes.get(&name("desk")), Some(4));
        fs::write(&file, r#"[["desk",0],["../x",3],["lab",4294967295],["ok",3]]"#).unwrap();
        assert_eq!(lanes.entries(), [("ok".to_owned(), 3)]);
    }

    #[test]
    fn what_is_no_file_is_no_memory_and_told_when_it_stands_in_the_way() {
        let (_dir, file, lanes) = opened();
        fs::create_dir(&file).unwrap();
        assert_eq!(lanes.get(&name("desk")), None);
        assert!(matches!(lanes.set(&name("desk"), 4), Err(StoreError::Io { .. })));
    }

    #[test]
    fn the_contact_set_longest_ago_goes_when_there_are_too_many() {
        let (_dir, file, lanes) = opened();
        let long = "x".repeat(58);
        let all: Vec<_> = (0..MAX_CONTACTS).map(|n| (format!("{n:06}{long}"), MAX_LANES)).collect();
        fs::write(&file, serde_json::to_vec(&all).unwrap()).unwrap();
        lanes.set(&name(&all[0].0), 3).unwrap();
        lanes.set(&name("new"), 5).unwrap();
        assert_eq!(lanes.get(&name(&all[0].0)), Some(3));
        assert_eq!(lanes.get(&name(&all[1].0)), None);
        assert_eq!((lanes.get(&name("new")), lanes.entries().len()), (Some(5), MAX_CONTACTS));
    }

    #[test]
    fn several_at_once_leave_a_whole_file() {
        let (_dir, _file, lanes) = opened();
        std::thread::scope(|scope| {
            for n in 1..=4 {
                let lanes = &lanes;
                scope.spawn(move || {
                    for _ in 0..50 {
                        lanes.set(&name("desk"), n).unwrap();
                        assert!(lanes.get(&name("desk")).is_some_and(|lanes| (1..=4).contains(&lanes)));
                    }
                });
            }
        });
    }
}
