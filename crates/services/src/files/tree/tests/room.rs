//! A share full of traps, beside a place that nothing may ever touch.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use landline_addr::path::SharePath;
use rustix::fs::{CWD, FileType, Mode};
use tempfile::TempDir;

use super::Tree;

/// What must never be read through the share, and never be written over.
pub(in crate::files) const SECRET: &str = "outside";

/// Links in the share that lead to directories: relative and absolute to the outside, and to the inside.
pub(in crate::files) const DIR_LINKS: [&str; 3] = ["out_rel", "out_abs", "in_link"];

/// Links in the share that lead to files, or nowhere.
pub(in crate::files) const FILE_LINKS: [&str; 3] = ["file_out", "file_in", "dangling"];

pub(in crate::files) struct Room {
    dir: TempDir,
    outside_before: BTreeMap<PathBuf, String>,
    specials: Vec<&'static str>,
    _socket: UnixListener,
}

impl Room {
    pub(in crate::files) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let (share, outside) = (dir.path().join("share"), dir.path().join("outside"));
        fs::create_dir_all(share.join("dir")).unwrap();
        fs::create_dir_all(outside.join("sub")).unwrap();
        for name in ["secret.txt", "sub/secret.txt"] {
            fs::write(outside.join(name), SECRET).unwrap();
        }
        fs::write(share.join("plain.txt"), "inside").unwrap();
        fs::write(share.join("dir/inner.txt"), "inside").unwrap();
        fs::write(share.join("dir/secret.txt"), "inside").unwrap();
        symlink("../outside", share.join("out_rel")).unwrap();
        symlink(&outside, share.join("out_abs")).unwrap();
        symlink("dir", share.join("in_link")).unwrap();
        symlink("../outside/secret.txt", share.join("file_out")).unwrap();
        symlink("plain.txt", share.join("file_in")).unwrap();
        symlink("../outside/new.txt", share.join("dangling")).unwrap();

        let mut specials = vec!["fifo", "socket"];
        rustix::fs::mkfifoat(CWD, share.join("fifo"), Mode::RWXU).unwrap();
        let socket = UnixListener::bind(share.join("socket")).unwrap();
        let null = rustix::fs::makedev(1, 3);
        // Only root may make devices; whoever else runs this has two kinds of trap less one.
        if rustix::fs::mknodat(CWD, share.join("null"), FileType::CharacterDevice, Mode::RWXU, null).is_ok() {
            specials.push("null");
        }
        let outside_before = snapshot(&outside);
        Self { dir, outside_before, specials, _socket: socket }
    }

    pub(in crate::files) fn share(&self) -> PathBuf {
        self.dir.path().join("share")
    }

    pub(in crate::files) fn outside(&self) -> PathBuf {
        self.dir.path().join("outside")
    }

    /// Pipe, socket and (for root) device.
    pub(in crate::files) fn specials(&self) -> &[&'static str] {
        &self.specials
    }

    /// The share, held in both ways.
    pub(in crate::files) fn trees(&self) -> [Tree; 2] {
        [Tree::open(&self.share()).unwrap(), Tree::open_walking(&self.share()).unwrap()]
    }

    pub(in crate::files) fn assert_outside_untouched(&self) {
        assert_eq!(snapshot(&self.outside()), self.outside_before);
    }
}

/// Everything that can be known of a tree: names, kinds, inodes, modes, times, link targets and content.
pub(in crate::files) fn snapshot(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(here) = todo.pop() {
        let meta = fs::symlink_metadata(&here).unwrap();
        let content = if meta.is_file() {
            fs::read_to_string(&here).unwrap()
        } else if meta.is_symlink() {
            fs::read_link(&here).unwrap().as_os_str().as_bytes().escape_ascii().to_string()
        } else {
            String::new()
        };
        let facts = format!("{} {:o} {}.{} {content}", meta.ino(), meta.mode(), meta.mtime(), meta.mtime_nsec());
        if meta.is_dir() {
            todo.extend(fs::read_dir(&here).unwrap().map(|entry| entry.unwrap().path()));
        }
        all.insert(here, facts);
    }
    all
}

pub(in crate::files) fn path(text: &str) -> SharePath {
    SharePath::parse(text.as_bytes()).unwrap()
}
