//! The place of the socket on which the serving process answers programs of its own machine.
//!
//! In: the home's path, `$XDG_RUNTIME_DIR`. Out: a path that every process of the same home computes alike.
//! Invariant: the socket lies in a folder that is the owner's and nobody else may enter, so that nobody can put a socket
//! of his own in its place.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, lchown};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{Home, OTHERS_ANY};
use crate::StoreError;

/// Most bytes of a socket's path: `sun_path` of unix(7) is 108 bytes with its closing NUL.
const MAX_SOCKET_PATH: usize = 107;

impl Home {
    /// Where the serving process of this home listens: `<16 hex>.sock` in `$XDG_RUNTIME_DIR/landline`, else in
    /// `/run/user/<uid>/landline` (where the first usually points, so that a job without the variable finds it too), else
    /// in `run` of the home. Where such a path would not fit into a socket address: `/tmp/landline-<uid>`.
    #[must_use]
    pub fn socket_path(&self) -> PathBuf {
        let usual = PathBuf::from(format!("/run/user/{}", self.owner_uid)).into_os_string();
        self.socket_path_with(std::env::var_os("XDG_RUNTIME_DIR").or(Some(usual)))
    }

    /// Makes the folder of [`Home::socket_path`] (mode 0700) or checks the one that is there, and returns the socket's
    /// path. A socket left by a dead process is not touched: whoever holds the serve lock may remove it.
    ///
    /// # Errors
    /// [`StoreError::SocketDir`] if the folder is a link, somebody else's, or open to others; [`StoreError::Io`].
    pub fn prepare_socket_dir(&self) -> Result<PathBuf, StoreError> {
        let socket = self.socket_path();
        self.prepare(&socket)?;
        Ok(socket)
    }

    fn socket_path_with(&self, runtime_dir: Option<OsString>) -> PathBuf {
        let hash = Sha256::digest(self.path.as_os_str().as_bytes());
        let mut name = HEXLOWER.encode(&hash);
        name.truncate(16);
        name.push_str(".sock");
        runtime_dir
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute() && dir.is_dir())
            .map(|dir| dir.join("landline"))
            .into_iter()
            .chain([self.path.join("run")])
            .map(|dir| dir.join(&name))
            .find(|socket| socket.as_os_str().len() <= MAX_SOCKET_PATH)
            .unwrap_or_else(|| PathBuf::from(format!("/tmp/landline-{}", self.owner_uid)).join(&name))
    }

    fn prepare(&self, socket: &Path) -> Result<(), StoreError> {
        let dir = socket.parent().unwrap_or(Path::new("/"));
        let made = DirBuilder::new().mode(0o700).create(dir);
        match made {
            Ok(()) if rustix::process::geteuid().as_raw() != self.owner_uid => {
                // Root serves for somebody else, who must be able to reach the socket.
                lchown(dir, Some(self.owner_uid), None).map_err(StoreError::io("give to the home's owner", dir))?;
            }
            Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => {
                return Err(StoreError::io("make the socket's folder", dir)(fault));
            }
            Ok(()) | Err(_) => {}
        }
        // In /tmp anybody may have been there first: the entry itself is looked at, never what a link points to.
        let meta = fs::symlink_metadata(dir).map_err(StoreError::io("look at the socket's folder", dir))?;
        let why = if !meta.is_dir() {
            "it is not a folder"
        } else if meta.uid() != self.owner_uid {
            "it belongs to somebody else"
        } else if meta.mode() & OTHERS_ANY != 0 {
            "others may enter it"
        } else {
            return Ok(());
        };
        Err(StoreError::SocketDir { path: dir.to_path_buf(), why })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open_or_create(dir.path().join("home")).unwrap();
        (dir, home)
    }

    #[test]
    fn every_home_has_a_socket_of_its_own_that_stays() {
        let (_a, first) = home();
        let (_b, second) = home();
        assert_eq!(first.socket_path_with(None), first.socket_path_with(None));
        assert_ne!(first.socket_path_with(None), second.socket_path_with(None));
    }

    #[test]
    fn the_runtime_folder_is_used_if_it_is_there() {
        let (dir, home) = home();
        let socket = home.socket_path_with(Some(dir.path().into()));
        assert_eq!(socket.parent().unwrap(), dir.path().join("landline"));
        let name = socket.file_name().unwrap().to_str().unwrap();
        assert_eq!(name.len(), 16 + ".sock".len());
        home.prepare(&socket).unwrap();
        assert_eq!(fs::metadata(dir.path().join("landline")).unwrap().mode() & 0o777, 0o700);
        home.prepare(&socket).unwrap();
    }

    #[test]
    fn without_a_usable_runtime_folder_it_is_in_the_home() {
        let (dir, home) = home();
        let long = dir.path().join("x".repeat(100));
        fs::create_dir(&long).unwrap();
        let in_home = home.socket_path_with(None);
        assert_eq!(in_home.parent().unwrap(), home.path().join("run"));
        for unusable in ["".into(), "relative".into(), dir.path().join("missing").into_os_string(), long.into()] {
            assert_eq!(home.socket_path_with(Some(unusable)), in_home);
        }
    }

    #[test]
    fn a_home_too_deep_for_a_socket_has_it_in_tmp() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open_or_create(dir.path().join("x".repeat(100))).unwrap();
        let in_tmp = home.socket_path_with(None);
        assert_eq!(in_tmp.parent().unwrap(), PathBuf::from(format!("/tmp/landline-{}", home.owner_uid())));
    }

    #[test]
    fn refuses_a_folder_that_is_open_to_others_a_link_or_a_file() {
        let (dir, home) = home();
        let place = dir.path().join("landline");
        let socket = place.join("x.sock");
        let refused = |why: &str| {
            let refusal = home.prepare(&socket).unwrap_err();
            assert!(matches!(refusal, StoreError::SocketDir { .. }) && refusal.to_string().contains(why), "{refusal}");
        };

        fs::create_dir(&place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        refused("others may enter it");
        fs::remove_dir(&place).unwrap();

        symlink(home.path(), &place).unwrap();
        refused("not a folder");
        fs::remove_file(&place).unwrap();

        fs::write(&place, "").unwrap();
        refused("not a folder");
    }

    #[test]
    fn refuses_a_folder_of_somebody_else() {
        let (dir, mut home) = home();
        let socket = dir.path().join("landline/x.sock");
        home.prepare(&socket).unwrap();
        home.owner_uid += 1;
        let refusal = home.prepare(&socket).unwrap_err();
        assert!(refusal.to_string().contains("belongs to somebody else"), "{refusal}");
    }
}
