//! The site: where one series of the bench keeps everything, and what every contender needs to know of it.
//!
//! In: what is to be moved. Out: temporary directories that vanish with the value, the janitor that removes them if we are
//! killed, and the source with its hash. Nothing outside these directories is written but the receipt.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::data;
use crate::janitor::Janitor;
use crate::load::{Load, Plan};

/// How every directory of ours is named; the janitor removes nothing else.
pub(crate) const PREFIX: &str = "landline-bench-";
/// Where memory is a file system on Linux.
const MEMORY: &str = "/dev/shm";
/// Room beyond the data: homes, logs, keys, other programs.
const SLACK: u64 = 256 << 20;
/// What a small file takes beyond its bytes, in a file system in memory: an inode and the rest of its last page.
const FILE_COST: u64 = 6 << 10;
/// Slower than any peer ever measured by a factor of ten, in bytes a second: whoever is slower hangs.
const HANGS_BELOW: u64 = 10 << 20;
/// The same in files a second; scp makes 1,400 of them on a machine that has nothing else to do.
const FILES_HANG_BELOW: u64 = 200;
/// What a transfer may take beyond its bytes: start-up and handshakes on a busy machine.
const START_UP: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Site {
    /// What is moved; lives in `share`.
    pub(crate) load: Load,
    pub(crate) runs: usize,
    /// The directory in memory that landline serves.
    pub(crate) share: PathBuf,
    /// After this long a transfer hangs and is ended.
    pub(crate) patience: Duration,
    /// Declared before the janitor, so dropped first: the janitor then finds nothing left.
    fast: TempDir,
    slow: TempDir,
    pub(crate) janitor: Janitor,
}

impl Site {
    /// Makes the directories and the source. `copies`: how many of the source lie in memory at once, at most.
    ///
    /// # Errors
    /// If memory cannot hold the source and its copies, or a directory cannot be made.
    pub(crate) fn prepare(plan: Plan, copies: u64, runs: usize, dir: Option<&Path>) -> Result<Site> {
        let janitor = Janitor::start()?;
        let fast = dir.map_or_else(|| PathBuf::from(MEMORY), Path::to_path_buf);
        let one = plan.bytes().saturating_add(plan.files().saturating_mul(FILE_COST));
        let needed = one.saturating_mul(copies.saturating_add(1)).saturating_add(SLACK);
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
        let share = make_room(fast.path(), "share")?;
        make_room(fast.path(), "empty")?;
        let load = Load::make(&share, plan)?;
        let seconds = plan.bytes() / HANGS_BELOW + plan.files() / FILES_HANG_BELOW;
        Ok(Site { load, runs, share, patience: START_UP + Duration::from_secs(seconds), fast, slow, janitor })
    }

    /// A new directory in memory.
    pub(crate) fn room(&self, name: &str) -> Result<PathBuf> {
        make_room(self.fast.path(), name)
    }

    /// A new directory on the disk that holds the build, or why that is not possible.
    pub(crate) fn disk_room(&self, name: &str) -> Result<PathBuf> {
        let free = data::free_bytes(self.slow.path())?;
        let needed = self.load.plan.bytes().saturating_add(SLACK);
        ensure!(free >= needed, "the disk has {} MiB free, {} are needed", free >> 20, needed >> 20);
        make_room(self.slow.path(), name)
    }

    /// An empty directory that serves as everybody's home, so that nobody's start-up files are measured.
    pub(crate) fn empty_home(&self) -> PathBuf {
        self.fast.path().join("empty")
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
