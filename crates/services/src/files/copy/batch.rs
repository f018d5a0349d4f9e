//! Batches: files that are published together, so that making them durable costs less than one by one.
//!
//! In: staged files and the ends of directories, in the order of the stream. Out: each published, or why not, then the
//! directories' modes and times, which must come last because publishing changes them.

use blake3::Hash;
use landline_addr::path::SharePath;
use landline_wire::Fault;

use crate::files::{
    engine::{Engine, LocalEngine, Published, Staged},
    tree::Mtime,
};

/// Staged files in a batch: each holds a descriptor.
const MAX_FILES: usize = 64;
/// Bytes in a batch: a big file is published when it is complete.
const MAX_BYTES: u64 = 64 << 20;

/// What was collected.
#[derive(Debug, Default)]
pub(in crate::files) struct Batch {
    files: Vec<(u64, Staged, Hash)>,
    bytes: u64,
    ends: Vec<(SharePath, u32, Option<Mtime>)>,
}

/// What became of one part of a batch.
#[derive(Debug)]
pub(in crate::files) enum Fate {
    /// A file, by its number.
    Kept(Published),
    /// A file, by its number.
    Failed { number: u64, path: SharePath, fault: Fault },
    /// A directory.
    DirFailed { path: SharePath, fault: Fault },
}

impl Batch {
    pub(in crate::files) fn add_file(&mut self, number: u64, staged: Staged, hash: Hash) {
        self.bytes = self.bytes.saturating_add(staged.written());
        self.files.push((number, staged, hash));
    }

    pub(in crate::files) fn add_dir_end(&mut self, path: SharePath, mode: u32, mtime: Option<Mtime>) {
        self.ends.push((path, mode, mtime));
    }

    pub(in crate::files) fn is_full(&self) -> bool {
        self.files.len() >= MAX_FILES || self.bytes >= MAX_BYTES || self.ends.len() >= MAX_FILES
    }

    pub(in crate::files) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.ends.is_empty()
    }

    /// Publishes all of it.
    pub(in crate::files) fn publish(&mut self, engine: &LocalEngine) -> Vec<Fate> {
        self.bytes = 0;
        let (names, staged): (Vec<_>, Vec<_>) = std::mem::take(&mut self.files)
            .into_iter()
            .map(|(number, staged, hash)| ((number, staged.target().clone()), (staged, hash)))
            .unzip();
        let mut fates = Vec::with_capacity(names.len());
        for ((number, path), outcome) in names.into_iter().zip(engine.publish(staged)) {
            fates.push(match outcome {
                Ok(published) => Fate::Kept(published),
                Err(fault) => Fate::Failed { number, path, fault: Fault::new(fault.code(), fault.to_string()) },
            });
        }
        for (path, mode, mtime) in self.ends.drain(..) {
            if let Err(fault) = engine.tree().finish_dir(&path, mode, mtime) {
                fates.push(Fate::DirFailed { path, fault: Fault::new(fault.code(), fault.to_string()) });
            }
        }
        fates
    }
}
