//! Homes: a folder for each user who has one, served like a share of its own.
//!
//! In: a user's name and quota. Out: a [`Share`] whose root is the folder, so that nothing in it can name anything beside it. One open share
//! a user, as the count of what it holds lives there. The folders lie side by side in one directory, called as their users are; what a
//! user who was removed left is moved to `removed`, a name that no user can have anything in.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use landline_addr::user::UserName;

use super::{
    serve::Share,
    tree::{Tree, TreeError},
};

/// Where the homes of users go who were removed. No user can be called so: names begin with a letter.
const REMOVED: &str = ".removed";

/// Mode of a home: its user sees it by landline, and who else is on this machine not at all.
const HOME_MODE: u32 = 0o700;

/// The homes of one machine. Cheap to clone. Calls block: use them off the async threads.
#[derive(Debug, Clone)]
pub struct Homes {
    dir: PathBuf,
    /// The share, as which they are served.
    like: Share,
    open: Arc<Mutex<HashMap<UserName, Share>>>,
    /// Held while a folder is made or moved: of two that do so one would have the other's.
    making: Arc<Mutex<()>>,
}

/// Why a home can't be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// The folder can't be made or moved.
    #[error("can't {doing} the home {}: {source}", path.display())]
    Folder {
        /// A verb.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder can't be held.
    #[error("can't use the home {}: {source}", path.display())]
    Tree {
        /// Which.
        path: PathBuf,
        /// Why.
        source: TreeError,
    },
}

impl Homes {
    /// Homes in `dir`, which is made with the first of them, served as `like` is.
    #[must_use]
    pub fn new(dir: PathBuf, like: Share) -> Self {
        Self { dir, like, open: Arc::default(), making: Arc::default() }
    }

    /// Where they lie.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The home of `user`, made if it is missing, which may hold `quota` bytes. `fresh`: none was made for this user yet, so that what lies
    /// in its place was somebody else's, and is set aside.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn of(&self, user: &UserName, quota: Option<u64>, fresh: bool) -> Result<Share, HomeError> {
        let share = match self.opened(user) {
            Some(share) => share,
            None => self.make(user, fresh)?,
        };
        if let Some(meter) = share.tree().meter() {
            meter.set_limit(quota);
        }
        Ok(share)
    }

    fn opened(&self, user: &UserName) -> Option<Share> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(user).cloned()
    }

    fn make(&self, user: &UserName, fresh: bool) -> Result<Share, HomeError> {
        let _alone = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = self.opened(user) {
            return Ok(share); // another call was first
        }
        if fresh {
            set_aside(&self.dir, user)?;
        }
        let path = folder(&self.dir, user);
        let made = fs::DirBuilder::new().mode(HOME_MODE).recursive(true).create(&path);
        made.map_err(|source| HomeError::Folder { doing: "make", path: path.clone(), source })?;
        let tree = Tree::open_metered(&path, None).map_err(|source| HomeError::Tree { path, source })?;
        let share = self.like.beside(Arc::new(tree));
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(user.clone(), share.clone());
        Ok(share)
    }

    /// Bytes in the home of `user`; `None` if it has not been made yet.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn used(&self, user: &UserName) -> Result<Option<u64>, HomeError> {
        match self.opened(user) {
            Some(share) => Ok(share.tree().meter().map(|meter| meter.used())),
            None => used(&self.dir, user),
        }
    }

    /// Forgets the home of a user who was removed and moves it aside; see [`set_aside`].
    ///
    /// # Errors
    /// [`HomeError`]; it is where it was.
    pub fn set_aside(&self, user: &UserName) -> Result<Option<PathBuf>, HomeError> {
        let _alone = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(user);
        set_aside(&self.dir, user)
    }
}

/// Where the home of `user` lies among those in `dir`.
#[must_use]
pub fn folder(dir: &Path, user: &UserName) -> PathBuf {
    dir.join(user.as_str())
}

/// Bytes in the home of `user`; `None` if there is none.
///
/// # Errors
/// [`HomeError`].
pub fn used(dir: &Path, user: &UserName) -> Result<Option<u64>, HomeError> {
    let path = folder(dir, user);
    match Tree::open_metered(&path, None) {
        Ok(tree) => Ok(tree.meter().map(|meter| meter.used())),
        Err(TreeError::NotFound { .. }) => Ok(None),
        Err(source) => Err(HomeError::Tree { path, source }),
    }
}

/// Moves the home of `user` aside, so that the next one of that name does not find it, and tells where; `None` if there is none.
///
/// # Errors
/// [`HomeError`]; it is where it was.
pub fn set_aside(dir: &Path, user: &UserName) -> Result<Option<PathBuf>, HomeError> {
    let path = folder(dir, user);
    let failed = |source| HomeError::Folder { doing: "move away", path: path.clone(), source };
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let aside = dir.join(REMOVED).join(format!("{user}-{}", now.as_millis()));
    fs::DirBuilder::new().mode(HOME_MODE).recursive(true).create(dir.join(REMOVED)).map_err(failed)?;
    fs::rename(&path, &aside).map_err(failed)?;
    Ok(Some(aside))
}
