//! The home: the folder that makes an installation a machine of its own.
//!
//! In: a flag and the environment. Out: the paths of what lives in the folder (`key`, `landline.db`, `config.toml`,
//! `lock`), the machine key, the lock of the serving process, the place of its socket.
//! Source: decision D5 (the owner is the folder's uid).
//! Invariants: nobody but the owner may write in the folder; what is made in it belongs to its owner.

mod key;
mod lock;
mod place;
mod socket;
mod successors;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::Uid;

pub use lock::ServeLock;
pub use successors::Rotated;

use crate::StoreError;

/// Files that make a machine what it is, beside the database.
pub(crate) const BACKED_UP: [&str; 4] = [key::NAME, "config.toml", successors::STATEMENTS, successors::TOLD];

/// The uid that may do everything anyway.
const ROOT: u32 = 0;
/// Permission bits that let somebody besides the owner write.
const OTHERS_WRITE: u32 = 0o022;
/// Permission bits that let somebody besides the owner do anything at all.
const OTHERS_ANY: u32 = 0o077;

/// An opened state folder. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Canonical, so that every process derives the same socket from it.
    path: PathBuf,
    owner_uid: u32,
}

impl Home {
    /// Where the state folder is: `flag`, else `$LANDLINE_HOME`, else `$XDG_STATE_HOME/landline`, else
    /// `~/.local/state/landline`. Nothing is touched. Empty variables count as unset.
    ///
    /// # Errors
    /// [`StoreError::NoHome`] if none of them says.
    pub fn locate(flag: Option<&Path>) -> Result<PathBuf, StoreError> {
        locate_with(flag, |name| std::env::var_os(name), std::env::home_dir())
    }

    /// Opens the folder, making it (mode 0700) at first use.
    ///
    /// # Errors
    /// [`StoreError::NotYours`] if another user owns it (root may use anybody's), [`StoreError::HomeExposed`] if
    /// others may write in it, [`StoreError::Io`] if it can be neither made nor read.
    pub fn open_or_create(path: impl AsRef<Path>) -> Result<Home, StoreError> {
        let path = path.as_ref();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(StoreError::io("make the state folder", path))?;
        let path = fs::canonicalize(path).map_err(StoreError::io("find the state folder", path))?;
        let meta = fs::metadata(&path).map_err(StoreError::io("look at the state folder", &path))?;
        let owner = meta.uid();
        check(&path, owner, meta.mode(), rustix::process::geteuid().as_raw())?;
        Ok(Home { path, owner_uid: owner })
    }

    /// The folder, canonical.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The uid that owns the folder: on the socket of `serve`, this uid is the owner.
    #[must_use]
    pub fn owner_uid(&self) -> u32 {
        self.owner_uid
    }

    /// Where the configuration is, if the owner wrote one.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// The same folder, were it somebody else's.
    #[cfg(test)]
    pub(crate) fn owned_by(&self, uid: u32) -> Self {
        Self { path: self.path.clone(), owner_uid: uid }
    }

    /// The database file in the home.
    pub(crate) const DATABASE: &str = "landline.db";

    /// Where the database is.
    pub(crate) fn database_path(&self) -> PathBuf {
        self.path.join(Self::DATABASE)
    }

    /// Gives a file that root has just made to the folder's owner, who could not use it otherwise.
    pub(crate) fn hand_over(&self, file: &File, path: &Path) -> Result<(), StoreError> {
        if rustix::process::geteuid().as_raw() == self.owner_uid {
            return Ok(());
        }
        rustix::fs::fchown(file, Some(Uid::from_raw(self.owner_uid)), None)
            .map_err(|fault| StoreError::io("give to the folder's owner", path)(fault.into()))
    }
}

/// Whether `you` may work in the folder `path`, whose `owner` and `mode` the system told.
fn check(path: &Path, owner: u32, mode: u32, you: u32) -> Result<(), StoreError> {
    let path = path.to_path_buf();
    if owner != you && you != ROOT {
        return Err(StoreError::NotYours { path, owner, you });
    }
    if mode & OTHERS_WRITE != 0 {
        return Err(StoreError::HomeExposed { path, mode: mode & 0o7777 });
    }
    Ok(())
}

fn locate_with(
    flag: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
    user_home: Option<PathBuf>,
) -> Result<PathBuf, StoreError> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(flag) = flag {
        return Ok(flag.to_path_buf());
    }
    if let Some(home) = set("LANDLINE_HOME") {
        return Ok(home);
    }
    // The XDG specification tells programs to ignore relative paths in its variables.
    if let Some(state) = set("XDG_STATE_HOME").filter(|path| path.is_absolute()) {
        return Ok(state.join("landline"));
    }
    let user_home = user_home.filter(|path| path.is_absolute()).ok_or(StoreError::NoHome)?;
    Ok(user_home.join(".local/state/landline"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn located(flag: Option<&str>, variables: &[(&str, &str)], user_home: Option<&str>) -> Option<String> {
        let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        let path = locate_with(flag.map(Path::new), variable, user_home.map(PathBuf::from)).ok()?;
        Some(path.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_flag_wins_over_the_variables_and_they_over_the_default() {
        let both = [("LANDLINE_HOME", "/ll"), ("XDG_STATE_HOME", "/state")];
        assert_eq!(located(Some("/flag"), &both, Some("/home/ann")).unwrap(), "/flag");
        assert_eq!(located(None, &both, Some("/home/ann")).unwrap(), "/ll");
        assert_eq!(located(None, &both[1..], Some("/home/ann")).unwrap(), "/state/landline");
        assert_eq!(located(None, &[], Some("/home/ann")).unwrap(), "/home/ann/.local/state/landline");
    }

    #[test]
    fn empty_and_relative_variables_do_not_count() {
        let poor = [("LANDLINE_HOME", ""), ("XDG_STATE_HOME", "state")];
        assert_eq!(located(None, &poor, Some("/home/ann")).unwrap(), "/home/ann/.local/state/landline");
        assert_eq!(located(None, &poor, None), None);
        assert_eq!(located(None, &poor, Some("")), None);
    }

    #[test]
    fn a_new_folder_is_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open_or_create(dir.path().join("a/b")).unwrap();
        assert_eq!(fs::metadata(home.path()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(home.owner_uid(), rustix::process::geteuid().as_raw());
        assert_eq!(home.config_path(), home.path().join("config.toml"));
    }

    #[test]
    fn opening_by_another_way_gives_the_same_home() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open_or_create(dir.path().join("real")).unwrap();
        std::os::unix::fs::symlink(home.path(), dir.path().join("link")).unwrap();
        assert_eq!(Home::open_or_create(dir.path().join("link")).unwrap(), home);
    }

    #[test]
    fn refuses_a_folder_in_which_others_may_write() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o770)).unwrap();
        let refusal = Home::open_or_create(dir.path()).unwrap_err();
        assert!(matches!(refusal, StoreError::HomeExposed { mode: 0o770, .. }), "{refusal}");
        assert!(refusal.to_string().contains("chmod 700"), "{refusal}");
        assert_eq!(fs::metadata(dir.path()).unwrap().mode() & 0o777, 0o770, "a refusal changes nothing");
    }

    #[test]
    fn only_its_owner_and_root_may_work_in_the_folder() {
        let judged = |owner, you| check(Path::new("/home/ann/state"), owner, 0o40700, you);
        judged(1000, 1000).unwrap();
        judged(1000, ROOT).unwrap();
        for (owner, you) in [(1000, 1001), (ROOT, 1000)] {
            let refusal = judged(owner, you).unwrap_err();
            assert!(matches!(refusal, StoreError::NotYours { .. }), "{refusal}");
            assert!(refusal.to_string().contains(&format!("uid {owner}, and you are uid {you}")), "{refusal}");
        }
    }

    #[test]
    fn refuses_a_file_in_place_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "x").unwrap();
        assert!(matches!(Home::open_or_create(&path), Err(StoreError::Io { .. })));
    }
}
