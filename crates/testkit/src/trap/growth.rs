//! Growth: watches files arrive in a folder, by inotify(7).
//!
//! In: a folder, how names begin that count, how many bytes are enough. Out: the jaw snaps. A thread of its own waits for
//! news of the folder and all below it, for the end of the victim, and for the end of the trap; it never polls in vain.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify;

use super::Jaw;

/// Bytes in a block of `st_blocks`, on every file system.
const BLOCK_BYTES: u64 = 512;

#[derive(Debug)]
pub(super) struct Watcher {
    /// Dropping it ends the thread.
    alarm: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    #[track_caller]
    pub(super) fn start(folder: &Path, prefix: &str, total: u64, jaw: Jaw) -> Self {
        let begin = || -> io::Result<(Growth, UnixStream, UnixStream)> {
            let news = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
            let growth = Growth { folder: folder.to_owned(), prefix: prefix.to_owned(), total, news };
            growth.watch(folder)?;
            let (alarm, end) = UnixStream::pair()?;
            Ok((growth, alarm, end))
        };
        let (growth, alarm, end) = begin().unwrap_or_else(|e| panic!("cannot watch {}: {e}", folder.display()));
        let thread = Some(thread::spawn(move || growth.run(&end, jaw)));
        Self { alarm: Some(alarm), thread }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.alarm = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Growth {
    folder: PathBuf,
    prefix: String,
    total: u64,
    news: OwnedFd,
}

impl Growth {
    fn watch(&self, folder: &Path) -> io::Result<()> {
        use inotify::WatchFlags as On;
        // Watching a folder twice is one watch.
        let on = On::CREATE | On::MODIFY | On::MOVED_TO | On::ATTRIB | On::ONLYDIR | On::DONT_FOLLOW;
        inotify::add_watch(&self.news, folder, on)?;
        Ok(())
    }

    fn run(self, end: &UnixStream, jaw: Jaw) {
        loop {
            if self.arrived(&self.folder, false) >= self.total {
                return jaw.snap();
            }
            let mut wanted = [
                PollFd::new(&self.news, PollFlags::IN),
                PollFd::from_borrowed_fd(jaw.victim.as_fd(), PollFlags::IN),
                PollFd::new(end, PollFlags::IN),
            ];
            match poll(&mut wanted, None) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return,
                Ok(_) => {}
            }
            if wanted[1..].iter().any(|fd| !fd.revents().is_empty()) {
                return;
            }
            // What happened does not matter, only that something did: all is looked at again.
            let mut told = [0; 16 * 1024];
            while rustix::io::read(&self.news, &mut told).is_ok_and(|count| count > 0) {}
        }
    }

    /// Bytes in files below `folder` that are still arriving; `counts`: the folder itself is.
    fn arrived(&self, folder: &Path, counts: bool) -> u64 {
        // Watched before it is read, so that nothing comes between. A folder may be gone again: then it holds nothing.
        let Ok(entries) = self.watch(folder).and_then(|()| fs::read_dir(folder)) else { return 0 };
        let mut sum: u64 = 0;
        for entry in entries.flatten() {
            let counts = counts || entry.file_name().as_bytes().starts_with(self.prefix.as_bytes());
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                sum = sum.saturating_add(self.arrived(&entry.path(), counts));
            } else if counts && meta.is_file() {
                sum = sum.saturating_add(meta.len().min(meta.blocks().saturating_mul(BLOCK_BYTES)));
            }
        }
        sum
    }
}
