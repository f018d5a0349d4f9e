//! The audit log: what happened at a serving machine, one line each, in `audit.jsonl` of the home.
//!
//! In: finished lines, from any thread. Out: the same in a file for the owner alone, rotated by size. Rooms: `journal` (the files) · `reader`
//! (their last lines, and what comes).
//! Whoever puts a line never waits: there is a bounded queue and one thread behind it. What finds no room there, or can't
//! be written because the disk is full, is counted; the count stands in the log itself as soon as that can be written.
//! Nothing is made durable: a power cut may take the last lines, never half of one.
//! Knows nothing of what the lines mean. One process writes at a time: the one that holds the serving lock.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, Sender, SyncSender, TrySendError},
    },
    thread,
    time::Duration,
};

use crate::{Home, StoreError};

mod journal;
mod reader;

use journal::{Journal, Rotation};
pub use reader::AuditReader;

/// The file in the home; older ones have a number behind it, 1 for the youngest of them.
const NAME: &str = "audit.jsonl";
/// Bytes of a file: some 30,000 lines, and still opened at once by every tool that people look at logs with.
const MAX_BYTES: u64 = 10 << 20;
/// Files there are at most, the one that is written among them: 50 MiB of the disk, weeks of a busy machine.
const FILES: u32 = 5;
/// Lines that may wait for the disk: seconds of a burst on a slow one, at some 300 bytes each.
const QUEUE: usize = 4096;
/// Bytes from which on what waits is written, so that a burst takes few system calls.
const BATCH: usize = 64 << 10;

impl Home {
    /// Where the audit log is, if there is one.
    #[must_use]
    pub fn audit_path(&self) -> PathBuf {
        self.path().join(NAME)
    }
}

/// Writes the audit log. Cheap to clone; all clones write into one queue.
#[derive(Debug, Clone)]
pub struct AuditLog {
    queue: SyncSender<Job>,
    lost: Arc<AtomicU64>,
}

enum Job {
    Line(Vec<u8>),
    /// Everything before has been written, or could not be.
    Flush(Sender<()>),
}

impl AuditLog {
    /// Opens the log of `home` and starts its thread. `gap` makes the line that says how many are missing.
    ///
    /// # Errors
    /// [`StoreError::Io`] if there is no thread to be had. A file that can't be opened is no error: it is logged, and tried
    /// again with every line.
    pub fn open(home: &Home, gap: impl Fn(u64) -> Vec<u8> + Send + 'static) -> Result<Self, StoreError> {
        Self::open_with(home, Rotation { bytes: MAX_BYTES, files: FILES }, gap)
    }

    fn open_with(
        home: &Home,
        rotation: Rotation,
        gap: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let journal = Journal::new(home.clone(), rotation);
        let writer = Writer { journal, lost: Arc::clone(&lost), gap, failing: false };
        let started = thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run(&jobs));
        started.map_err(StoreError::io("start the thread of the audit log", home.audit_path()))?;
        Ok(Self { queue, lost })
    }

    /// Puts one line, without its end, into the queue. If there is no room it is only counted.
    pub fn put(&self, line: Vec<u8>) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send(Job::Line(line)) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all that was put before has been tried to be written, at most for `patience`. False: it has not. Blocks.
    #[must_use]
    pub fn flush(&self, patience: Duration) -> bool {
        let (done, wait) = mpsc::channel();
        // A full queue empties as fast as the disk takes it; if that hangs, nothing can be done here.
        self.queue.try_send(Job::Flush(done)).is_ok() && wait.recv_timeout(patience).is_ok()
    }
}

struct Writer<G> {
    journal: Journal,
    lost: Arc<AtomicU64>,
    gap: G,
    failing: bool,
}

impl<G: Fn(u64) -> Vec<u8>> Writer<G> {
    /// Until the last [`AuditLog`] is gone.
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let (mut lines, mut text, mut waiting) = (0, Vec::new(), Vec::new());
            let mut next = Some(first);
            while let Some(job) = next {
                match job {
                    Job::Line(line) => {
                        lines += 1;
                        text.extend_from_slice(&line);
                        text.push(b'\n');
                    }
                    Job::Flush(done) => waiting.push(done),
                }
                next = if text.len() < BATCH { jobs.try_recv().ok() } else { None };
            }
            self.write(lines, &text);
            for done in waiting {
                let _ = done.send(()); // whoever waited may have lost patience
            }
        }
    }

    fn write(&mut self, lines: u64, text: &[u8]) {
        let lost = self.lost.load(Ordering::Relaxed);
        if lines == 0 && lost == 0 {
            return;
        }
        let whole = if lost == 0 { text.to_vec() } else { [&*(self.gap)(lost), b"\n", text].concat() };
        match self.journal.append(&whole) {
            Ok(()) => {
                self.lost.fetch_sub(lost, Ordering::Relaxed);
                if lost > 0 {
                    tracing::warn!(lost, "lines of the audit log could not be written and are missing from it");
                }
                self.failing = false;
            }
            Err(fault) => {
                self.lost.fetch_add(lines, Ordering::Relaxed);
                if !self.failing {
                    let path = self.journal.path();
                    tracing::error!(path = %path.display(), %fault, "the audit log can't be written; what happens is counted");
                }
                self.failing = true;
            }
        }
    }
}

#[cfg(test)]
mod tests;
