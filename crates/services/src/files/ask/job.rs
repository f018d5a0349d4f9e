//! What `put` and `get` are to move, and where it shall be: the rules that people know from `cp` and `scp`.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use landline_addr::path::{FileName, SharePath};

use super::FilesError;
use crate::files::{copy::send::Root, filter::Filter, tree::Tree};

/// Where the sources go, relative to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// Into the target if it is a directory or there are several sources, else the target is the new name.
    Auto,
    /// Into the target, which is made if missing: it was written with a slash at its end.
    Inside,
}

/// Local files and folders to a share.
#[derive(Debug, Clone)]
pub struct PutJob {
    /// What to send. A link that is named here is followed; links found below are not.
    pub sources: Vec<PathBuf>,
    /// Where in the share.
    pub target: SharePath,
    /// How the target is meant.
    pub placing: Placing,
    /// Names that are left out.
    pub filter: Filter,
    /// Whether totals are counted for a progress display.
    pub totals: bool,
    /// Whether nothing is to be written.
    pub dry_run: bool,
}

/// Files and folders of a share to this machine.
#[derive(Debug, Clone)]
pub struct GetJob {
    /// What to fetch.
    pub sources: Vec<SharePath>,
    /// Where on this machine.
    pub target: PathBuf,
    /// How the target is meant.
    pub placing: Placing,
    /// Names that are left out.
    pub filter: Filter,
    /// Whether totals are counted for a progress display.
    pub totals: bool,
    /// Whether nothing is to be written.
    pub dry_run: bool,
}

/// A local source: a held directory, and a name in it (the root for "what is in here").
pub(super) struct Source {
    pub(super) tree: Arc<Tree>,
    pub(super) from: SharePath,
    /// What it is called at the destination if it goes into a directory; none if its content goes there.
    pub(super) name: Option<FileName>,
}

impl Source {
    /// Finds a source that the user named.
    pub(super) fn find(path: &Path) -> Result<Self, FilesError> {
        let failed = |source| FilesError::Path { path: path.to_owned(), source };
        let real = fs::canonicalize(path).map_err(failed)?;
        let contents_only = matches!(path.components().next_back(), Some(Component::CurDir | Component::ParentDir))
            || path.as_os_str().as_bytes().ends_with(b"/.");
        match (real.parent(), real.file_name()) {
            (Some(parent), Some(last)) if !contents_only => {
                let from = file_name(last)?;
                // It arrives under the name by which the user called it, which a link may have made another one.
                let name = path.file_name().map_or_else(|| Ok(from.clone()), file_name)?;
                let tree = Arc::new(Tree::open(parent)?);
                Ok(Self { tree, from: SharePath::from(from), name: Some(name) })
            }
            _ if real.is_dir() => Ok(Self { tree: Arc::new(Tree::open(&real)?), from: SharePath::root(), name: None }),
            _ => Err(failed(io::Error::from(io::ErrorKind::InvalidInput))),
        }
    }

    /// Where it goes below `target`, or as `target`.
    pub(super) fn place(self, target: &SharePath, inside: bool) -> Result<Root, FilesError> {
        let to = match &self.name {
            Some(name) if inside => target.join(name).map_err(|why| name_error(target.as_bytes(), why))?,
            Some(_) | None => target.clone(),
        };
        Ok(Root { tree: self.tree, from: self.from, to })
    }
}

/// A local destination: a held directory and a place in it.
#[derive(Debug, Clone)]
pub(super) struct Landing {
    pub(super) tree: Arc<Tree>,
    pub(super) base: SharePath,
}

impl Landing {
    /// Where `source` lands when it goes into `dir`.
    pub(super) fn inside(dir: &Path, source: &SharePath) -> Result<Self, FilesError> {
        let tree = Arc::new(Tree::open(dir)?);
        Ok(Self { tree, base: source.file_name().map_or_else(SharePath::root, SharePath::from) })
    }

    /// The landing whose last name is `target`'s own.
    pub(super) fn exact(target: &Path) -> Result<Self, FilesError> {
        let failed = |source| FilesError::Path { path: target.to_owned(), source };
        let name = target.file_name().ok_or_else(|| failed(io::Error::from(io::ErrorKind::InvalidInput)))?;
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if !parent.is_dir() {
            let parent = landline_wire::shown(parent.as_os_str().as_bytes());
            let text = format!("the directory {parent} does not exist");
            return Err(failed(io::Error::new(io::ErrorKind::NotFound, text)));
        }
        Ok(Self { tree: Arc::new(Tree::open(parent)?), base: SharePath::from(file_name(name)?) })
    }
}

fn file_name(name: &OsStr) -> Result<FileName, FilesError> {
    FileName::parse(name.as_bytes()).map_err(|why| name_error(name.as_bytes(), why))
}

fn name_error(path: &[u8], why: landline_addr::path::PathError) -> FilesError {
    FilesError::Name { path: path.to_vec(), why }
}
