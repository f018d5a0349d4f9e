//! What `put` and `get` are to move, and where it shall be: the rules that people know from `cp` and `scp`.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use landline_addr::path::{FileName, SharePath};

use super::{FilesError, LaneCount};
use crate::files::{
    copy::{press::When, send::Root},
    engine::Policy,
    filter::Filter,
    tree::{Kind, Tree},
};

/// Where the sources go, relative to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// Into the target if it is a directory or there are several sources, else the target is the new name.
    Auto,
    /// Into the target, which is made if missing: it was written with a slash at its end.
    Inside,
}

/// How files are to be copied, in either direction.
#[derive(Debug, Clone, Default)]
pub struct CopyOptions {
    /// Names that are left out.
    pub filter: Filter,
    /// Whether totals are counted for a progress display.
    pub totals: bool,
    /// Whether nothing is to be written.
    pub dry_run: bool,
    /// What becomes of files that are there already.
    pub policy: Policy,
    /// Whether several names of one file stay that.
    pub hard_links: bool,
    /// Whether extended attributes (`user.*`) go along.
    pub attributes: bool,
    /// Bytes a second at most; 0 for no limit.
    pub rate: u64,
    /// When content is compressed.
    pub press: When,
    /// How long a line that was cut is dialled again before the job is given up.
    pub reconnect: Duration,
    /// How many calls carry the content of files.
    pub lanes: LaneCount,
}

/// Local files and folders to a share.
#[derive(Debug, Clone)]
pub struct PutJob {
    /// What to send. A link that is named here is followed; links found below are sent as links.
    pub sources: Vec<PathBuf>,
    /// Where in the share.
    pub target: SharePath,
    /// How the target is meant.
    pub placing: Placing,
    /// How.
    pub options: CopyOptions,
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
    /// How.
    pub options: CopyOptions,
}

/// Which source each destination came of, so that what failed can be tried again by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    roots: Vec<Pair>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    /// The source, raw.
    from: Vec<u8>,
    /// The destination, as outcomes name it.
    to: Vec<u8>,
    /// The local directory that `to` is relative to; empty if it is a path of the share.
    dir: Vec<u8>,
}

impl Pairs {
    /// Takes in one more.
    pub(super) fn add(&mut self, from: impl Into<Vec<u8>>, to: impl Into<Vec<u8>>, dir: impl Into<Vec<u8>>) {
        let pair = Pair { from: from.into(), to: to.into(), dir: dir.into() };
        if !self.roots.contains(&pair) {
            self.roots.push(pair);
        }
    }

    /// Source and destination of what an outcome calls `path`; none if it is not of this job.
    #[must_use]
    pub fn pair(&self, path: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let below = |to: &[u8]| match path.strip_prefix(to)? {
            rest if rest.is_empty() || to.is_empty() => Some(rest.to_vec()),
            rest => rest.strip_prefix(b"/").map(<[u8]>::to_vec),
        };
        let fits = self.roots.iter().filter_map(|pair| Some((pair, below(&pair.to)?)));
        let (pair, rest) = fits.max_by_key(|(pair, _)| pair.to.len())?;
        Some((joined(&pair.from, &rest), joined(&pair.dir, path)))
    }
}

fn joined(dir: &[u8], rest: &[u8]) -> Vec<u8> {
    if dir.is_empty() || rest.is_empty() { [dir, rest].concat() } else { [dir, b"/", rest].concat() }
}

/// A local source: a held directory, and a name in it (the root for "what is in here").
#[derive(Clone)]
pub(in crate::files) struct Source {
    pub(in crate::files) tree: Arc<Tree>,
    pub(in crate::files) from: SharePath,
    /// Where that is on this machine.
    pub(super) real: PathBuf,
    /// What it is called at the destination if it goes into a directory; none if its content goes there.
    pub(super) name: Option<FileName>,
}

impl Source {
    /// Finds a source that the user named.
    pub(in crate::files) fn find(path: &Path) -> Result<Self, FilesError> {
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
                Ok(Self { tree, from: SharePath::from(from), real, name: Some(name) })
            }
            _ if real.is_dir() => {
                Ok(Self { tree: Arc::new(Tree::open(&real)?), from: SharePath::root(), real, name: None })
            }
            _ => Err(failed(io::Error::from(io::ErrorKind::InvalidInput))),
        }
    }

    /// Finds a source that was found before, below one that the user named: a link is itself, and leads nowhere.
    pub(super) fn find_again(path: &Path) -> Result<Self, FilesError> {
        let failed = |source| FilesError::Path { path: path.to_owned(), source };
        let gone = || failed(io::Error::from(io::ErrorKind::NotFound));
        let (Some(parent), Some(last)) = (path.parent(), path.file_name()) else { return Self::find(path) };
        let real = fs::canonicalize(parent).map_err(failed)?;
        if real != parent {
            return Err(gone()); // a directory on the way is a link now: what was found is not there any more
        }
        fs::symlink_metadata(path).map_err(failed)?;
        let from = file_name(last)?;
        let tree = Arc::new(Tree::open(parent)?);
        Ok(Self { tree, from: SharePath::from(from.clone()), real: path.to_owned(), name: Some(from) })
    }

    /// Whether it is a file, as far as can be told now.
    pub(super) fn is_file(&self) -> bool {
        self.tree.stat(&self.from).is_ok_and(|entry| entry.kind == Kind::File)
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
    /// Where the tree is, absolute.
    pub(super) dir: PathBuf,
}

impl Landing {
    /// Where `source` lands when it goes into `dir`.
    pub(super) fn inside(dir: &Path, source: &SharePath) -> Result<Self, FilesError> {
        let tree = Arc::new(Tree::open(dir)?);
        Ok(Self { tree, base: source.file_name().map_or_else(SharePath::root, SharePath::from), dir: absolute(dir) })
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
        Ok(Self { tree: Arc::new(Tree::open(parent)?), base: SharePath::from(file_name(name)?), dir: absolute(parent) })
    }
}

fn absolute(dir: &Path) -> PathBuf {
    fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())
}

fn file_name(name: &OsStr) -> Result<FileName, FilesError> {
    FileName::parse(name.as_bytes()).map_err(|why| name_error(name.as_bytes(), why))
}

fn name_error(path: &[u8], why: landline_addr::path::PathError) -> FilesError {
    FilesError::Name { path: path.to_vec(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(pairs: &Pairs, path: &str) -> Option<(String, String)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        pairs.pair(path.as_bytes()).map(|(from, to)| (text(from), text(to)))
    }

    #[test]
    fn what_failed_is_known_by_its_source_and_destination() {
        let mut pairs = Pairs::default();
        pairs.add("/home/ann/docs", "docs", "");
        pairs.add("/home/ann/other", "docs/other", "");
        let both = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        assert_eq!(pair(&pairs, "docs/a/b"), both("/home/ann/docs/a/b", "docs/a/b"));
        assert_eq!(pair(&pairs, "docs/other/b"), both("/home/ann/other/b", "docs/other/b"));
        assert_eq!(pair(&pairs, "docs"), both("/home/ann/docs", "docs"));
        assert_eq!(pair(&pairs, "docs-2"), None);
    }

    #[test]
    fn what_was_fetched_is_known_by_its_place_on_this_machine() {
        let mut pairs = Pairs::default();
        pairs.add("", "share", "/home/ann");
        assert_eq!(pair(&pairs, "share/x"), Some(("x".to_owned(), "/home/ann/share/x".to_owned())));
    }
}
