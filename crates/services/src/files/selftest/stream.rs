//! The stream of the self-test: old files, what takes their place, and how either is told from anything else.
//!
//! In: a seed. Out: a directory with old files; an arrival of new ones; the first flaw of what became of them.

use std::{fs, io, path::Path, sync::Arc};

use landline_addr::path::SharePath;

use crate::files::{
    digest::{GROUP, HashedFile, HashedGroup},
    engine::{Arrival, Fate, LocalEngine, Owner, Policy, PublishError, SourceMark, Verdict, arrival::Plan},
    tree::{Faults, Mtime, Tree},
};

/// Permissions of what is sent.
const MODE: u32 = 0o640;
/// When what is sent was changed.
const MTIME: i64 = 1_500_000_000;
/// From this on content comes in groups.
const LARGE: usize = 512 << 10;
/// What every name of a file that still arrives begins with.
const STAGING: &[u8] = b".landline-part-";

/// Files that exist before and after.
pub(super) struct Content {
    files: Vec<File>,
}

struct File {
    /// Its directory in the stream; none for the top.
    dir: Option<&'static str>,
    name: &'static str,
    old: Option<Vec<u8>>,
    new: Vec<u8>,
}

impl File {
    fn place(&self, dir: &Path) -> std::path::PathBuf {
        self.dir.map_or_else(|| dir.join(self.name), |below| dir.join(below).join(self.name))
    }
}

impl Content {
    /// Small and large files, replaced and new ones, in a directory that exists and in one that does not.
    pub(super) fn of(seed: u64) -> Self {
        let bytes = |name: &str, what: &str, len: usize| {
            let mut bytes = vec![0; len];
            let mut hasher = blake3::Hasher::new();
            hasher.update(&seed.to_be_bytes()).update(name.as_bytes()).update(what.as_bytes());
            hasher.finalize_xof().fill(&mut bytes);
            bytes
        };
        let file = |dir, name, old: usize, new: usize| File {
            dir,
            name,
            old: (old > 0).then(|| bytes(name, "old", old)),
            new: bytes(name, "new", new),
        };
        let files = vec![
            file(None, "small", 100, 5000),
            file(None, "large", GROUP + 7, 2 * GROUP + 9),
            file(None, "fresh", 0, 300),
            file(Some("there"), "inside", 50, 60),
            file(Some("tree"), "first", 0, 700),
            file(Some("tree"), "second", 0, LARGE + 1),
        ];
        Self { files }
    }

    /// Writes the old files.
    pub(super) fn lay_out(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir(dir.join("there"))?;
        for file in &self.files {
            if let Some(old) = &file.old {
                fs::write(file.place(dir), old)?;
            }
        }
        Ok(())
    }

    /// What is not as was promised. `complete`: every file must be the new one.
    pub(super) fn flaw(&self, dir: &Path, complete: bool) -> io::Result<Option<String>> {
        for file in &self.files {
            let place = file.place(dir);
            let found = match fs::read(&place) {
                Ok(bytes) => Some(bytes),
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => None,
                Err(fault) => return Err(fault),
            };
            let shown = place.strip_prefix(dir).unwrap_or(&place).display().to_string();
            if found.as_ref() == Some(&file.new) {
                continue;
            }
            if found != file.old {
                let len = found.map_or(0, |bytes| bytes.len());
                return Ok(Some(format!("{shown} is neither the old file nor the new one ({len} bytes)")));
            }
            if complete {
                let what = if file.old.is_some() { "is still the old one" } else { "is missing" };
                return Ok(Some(format!("{shown} {what}")));
            }
        }
        Ok(None)
    }
}

/// A file that still arrives, below `dir`.
pub(super) fn left_in(dir: &Path) -> io::Result<Option<String>> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(STAGING) {
            return Ok(Some(format!("{} was left", entry.file_name().to_string_lossy())));
        }
        if entry.file_type()?.is_dir()
            && let Some(found) = left_in(&entry.path())?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Sends everything into `dir` on a disk with these faults; goes on after each failure, as a call does.
///
/// # Errors
/// The first failure, in words.
pub(super) fn run(dir: &Path, faults: Arc<dyn Faults>, content: &Content) -> Result<(), String> {
    let tree = Tree::open_with_faults(dir, faults).map_err(|fault| fault.to_string())?;
    let owner = Owner { id: [7; 32], label: "selftest".to_owned() };
    let mut arrival = Arc::new(LocalEngine::new(Arc::new(tree))).arrive(&SharePath::root(), owner, Policy::default());
    let mut wrong = None;
    let mut note = |outcome: Result<(), String>| {
        if let Err(text) = outcome {
            wrong.get_or_insert(text);
        }
    };
    let mut number = 0;
    for dir in [None, Some("there"), Some("tree")] {
        if let Some(name) = dir {
            let entered = path(name).and_then(|name| arrival.dir(&name).map_err(|fault| fault.to_string()));
            if entered.is_err() {
                note(entered);
                continue;
            }
        }
        for file in content.files.iter().filter(|file| file.dir == dir) {
            note(send(&mut arrival, number, file));
            number += 1;
        }
        if dir.is_some() {
            arrival.dir_end(0o755, Mtime::new(MTIME, 0));
        }
    }
    for fate in arrival.finish() {
        match fate {
            Fate::Failed { fault, .. } => note(Err(fault.to_string())),
            Fate::DirFailed { fault, .. } => note(Err(fault.to_string())),
            Fate::Kept { .. } | Fate::TreePublished { .. } => {}
        }
    }
    wrong.map_or(Ok(()), Err)
}

fn path(text: &str) -> Result<SharePath, String> {
    SharePath::parse(text.as_bytes()).map_err(|why| why.to_string())
}

fn send(arrival: &mut Arrival, number: u64, file: &File) -> Result<(), String> {
    let (said, bytes) = (|fault: PublishError| fault.to_string(), &file.new);
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let plan = Plan {
        size: Some(size),
        mode: MODE,
        mtime: Mtime::new(MTIME, 0),
        source: SourceMark([3; 16]),
        sparse: false,
        linked: false,
        attributes: Vec::new(),
        hash: None,
    };
    let verdict = arrival.file(number, &path(file.name)?, plan).map_err(|fault| fault.to_string())?;
    let held = match verdict {
        Verdict::Same => return Ok(()),
        Verdict::Want => Vec::new(),
        Verdict::Rest(held) => held.runs,
    };
    if bytes.len() <= LARGE {
        return arrival.whole(number, &HashedFile::of(bytes), blake3::hash(bytes)).map_err(said);
    }
    for (index, group) in (0_u64..).zip(bytes.chunks(GROUP)) {
        if !held.iter().any(|(first, end)| (*first..*end).contains(&index)) {
            arrival.group(number, &HashedGroup::of(index, group)).map_err(said)?;
        }
    }
    arrival.end(number, size, blake3::hash(bytes)).map_err(said)
}
