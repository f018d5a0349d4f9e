//! A copy of all that a machine is, while it runs.
//!
//! In: a folder that is not there yet. Out: that folder, whole or not at all, which can be used as a state folder itself: the database as it was
//! at one moment, the machine's key, the settings, how its key followed older ones. Partials, jobs and what lies in shares and homes are files,
//! and not in it. Source: sqlite.org/lang_vacuum.html (VACUUM INTO).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::Store;
use crate::home::BACKED_UP;
use crate::{Home, StoreError};

impl Store {
    /// Copies this database and the other files of `home` to the new folder `target`, checks the copy, and makes it durable.
    ///
    /// # Errors
    /// [`StoreError::Io`] if there is such a folder or it can't be written; [`StoreError::Corrupt`] if the copy is not sound. Then there is
    /// none.
    pub async fn back_up(&self, home: &Home, target: &Path) -> Result<(), StoreError> {
        if target.symlink_metadata().is_ok() {
            return Err(StoreError::io("make", target)(io::ErrorKind::AlreadyExists.into()));
        }
        let draft = draft_of(target)?;
        let made = self.fill(home, &draft).await;
        let placed = made.and_then(|()| {
            fs::rename(&draft, target).map_err(StoreError::io("make", target))?;
            let above = target.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(above).and_then(|dir| dir.sync_all()).map_err(StoreError::io("make durable", above))
        });
        if placed.is_err() {
            drop(fs::remove_dir_all(&draft)); // what failed is told, this would hide it
        }
        placed
    }

    async fn fill(&self, home: &Home, draft: &Path) -> Result<(), StoreError> {
        DirBuilder::new().mode(0o700).create(draft).map_err(StoreError::io("make", draft))?;
        for name in BACKED_UP {
            copy_if_there(&home.path().join(name), &draft.join(name))?;
        }
        let database = draft.join(Home::DATABASE);
        let text = database.to_str().map(str::to_owned);
        let text = text.ok_or_else(|| StoreError::io("name", &database)(io::ErrorKind::InvalidFilename.into()))?;
        self.run(move |connection| Ok(connection.execute("VACUUM INTO ?1", [text])?)).await?;
        fs::set_permissions(&database, fs::Permissions::from_mode(0o600))
            .map_err(StoreError::io("set the mode of", &database))?;
        let copy = Self::open(&Home::open_or_create(draft)?)?;
        if !copy.integrity().await?.is_empty() {
            return Err(StoreError::Corrupt { path: database });
        }
        drop(copy);
        for path in [database.as_path(), draft] {
            File::open(path).and_then(|file| file.sync_all()).map_err(StoreError::io("make durable", path))?;
        }
        Ok(())
    }
}

fn copy_if_there(from: &Path, to: &Path) -> Result<(), StoreError> {
    let content = match fs::read(from) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(StoreError::io("read", from))?,
    };
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let mut file = made.map_err(StoreError::io("make", to))?;
    file.write_all(&content).and_then(|()| file.sync_all()).map_err(StoreError::io("write", to))
}

/// A name beside `target`.
fn draft_of(target: &Path) -> Result<PathBuf, StoreError> {
    let mut suffix = [0_u8; 8];
    getrandom::fill(&mut suffix).map_err(StoreError::Random)?;
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", HEXLOWER.encode(&suffix)));
    Ok(target.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use crate::fixture::{at, contact, key, opened};
    use crate::{Contacts, Home, Keys, Store, Users};

    #[tokio::test]
    async fn a_copy_is_a_state_folder_of_the_same_machine() {
        let office = opened();
        let machine = office.home.machine_key().unwrap();
        office.store.add_contact(contact("desk", &[1], &["desk:1"])).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("copy");
        office.store.back_up(&office.home, &target).await.unwrap();
        office.store.enrol(&key(2), "friends", "later", at(1)).await.unwrap();
        let home = Home::open_or_create(&target).unwrap();
        assert_eq!(home.machine_key().unwrap().public(), machine.public());
        let copy = Store::open(&home).unwrap();
        assert_eq!(copy.list_contacts().await.unwrap(), office.store.list_contacts().await.unwrap());
        assert_eq!(copy.list_users().await.unwrap(), office.store.list_users().await.unwrap());
        assert_eq!(copy.list_keys().await.unwrap(), [], "it was not there at that moment");
        let again = office.store.back_up(&office.home, &target).await.unwrap_err();
        assert!(again.to_string().contains("exists"), "{again}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }

    #[tokio::test]
    async fn a_copy_taken_while_others_write_is_whole() {
        let office = opened();
        let store = office.store.clone();
        let writing = tokio::spawn(async move {
            for n in 0..50 {
                store.enrol(&key(n), "friends", "x", at(1)).await.unwrap();
            }
        });
        let dir = tempfile::tempdir().unwrap();
        for n in 0..5 {
            let target = dir.path().join(n.to_string());
            office.store.back_up(&office.home, &target).await.unwrap();
            assert_eq!(
                Store::open(&Home::open_or_create(&target).unwrap()).unwrap().integrity().await.unwrap(),
                [""; 0]
            );
        }
        writing.await.unwrap();
    }
}
