//! The site: where one run of the bench keeps everything, and what every contender needs to know of it.
//!
//! In: the options. Out: temporary directories that vanish with the value, the janitor that removes them if we are
//! killed, and the source file with its hash. Nothing outside these directories is written but the receipt.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::data::{self, Source};
use crate::janitor::Janitor;

/// How every directory of ours is named; the janitor removes nothing else.
pub(crate) const PREFIX: &str = "landline-bench-";
/// Where memory is a file system on Linux.
const MEMORY: &str = "/dev/shm";
/// Room beyond the data: homes, logs, keys, other programs.
const SLACK: u64 = 256 << 20;
/// Slower than any peer ever measured by a factor of ten, in bytes a second: whoever is slower hangs.
const HANGS_BELOW: u64 = 10 << 20;
/// What a transfer may take beyond its bytes: start-up and handshakes on a busy machine.
const START_UP: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Site {
    /// The file to move; lives in `fast`.
    pub(crate) source: Source,
    pub(crate) runs: usize,
    /// Declared before the janitor, so dropped first: the janitor then finds nothing left.
    fast: TempDir,
    slow: TempDir,
    pub(crate) janitor: Janitor,
}

impl Site {
    /// Makes the directories and, of `size` random bytes, the source file.
    ///
    /// # Errors
    /// If memory cannot hold the source and its copy, or a directory cannot be made.
    pub(crate) fn prepare(size: u64, runs: usize, dir: Option<&Path>) -> Result<Site> {
        let janitor = Janitor::start()?;
        let fast = dir.map_or_else(|| PathBuf::from(MEMORY), Path::to_path_buf);
        let needed = size.saturating_mul(2).saturating_add(SLACK);
        let free = data::free_bytes(&fast).with_context(|| format!("{}: choose another with --dir", fast.display()))?;
        ensure!(
            free >= needed,
            "{} has {} MiB free, {} are needed: choose a smaller --size or another --dir",
            fast.display(),
            free >> 20,
            needed >> 20
        );
        let fast = temporary(&fast, &janitor)?;
        let slow = temporary(&target_dir()?, &janitor)?;
        let source = data::make_source(&fast.path().join("big"), size)?;
        std::fs::create_dir(fast.path().join("empty"))?;
        Ok(Site { source, runs, fast, slow, janitor })
    }

    /// A new directory in memory.
    pub(crate) fn room(&self, name: &str) -> Result<PathBuf> {
        make_room(self.fast.path(), name)
    }

    /// A new directory on the disk that holds the build, or why that is not possible.
    pub(crate) fn disk_room(&self, name: &str) -> Result<PathBuf> {
        let free = data::free_bytes(self.slow.path())?;
        let needed = self.source.size.saturating_add(SLACK);
        ensure!(free >= needed, "the disk has {} MiB free, {} are needed", free >> 20, needed >> 20);
        make_room(self.slow.path(), name)
    }

    /// An empty directory that serves as everybody's home, so that nobody's start-up files are measured.
    pub(crate) fn empty_home(&self) -> PathBuf {
        self.fast.path().join("empty")
    }

    /// After this long a transfer hangs and is ended.
    pub(crate) fn patience(&self) -> Duration {
        START_UP + Duration::from_secs(self.source.size / HANGS_BELOW)
    }
}

/// The build's own directory: `target`, two above `target/release/landline-bench`.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let me = std::env::current_exe().context("where this program is")?;
    Ok(me.ancestors().nth(2).context("this program lies in no directory")?.to_path_buf())
}

fn temporary(parent: &Path, janitor: &Janitor) -> Result<TempDir> {
    let dir = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(parent)
        .with_context(|| format!("cannot make a directory in {}", parent.display()))?;
    janitor.watch_dir(dir.path());
    Ok(dir)
}

fn make_room(parent: &Path, name: &str) -> Result<PathBuf> {
    let path = parent.join(name);
    std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}
