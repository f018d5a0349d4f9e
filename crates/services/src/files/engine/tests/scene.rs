//! A sender for tests: says what a stream says, in order, and looks at what became of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use landline_addr::path::SharePath;

pub(super) use crate::files::digest::{HashedFile, HashedGroup, HashedHole};
use crate::files::{
    digest::GROUP,
    engine::{Arrival, Fate, LocalEngine, Owner, Policy, PublishError, SourceMark, Verdict, arrival::Plan},
    tree::{Mtime, Tree, TreeError},
};

pub(super) fn path(text: &str) -> SharePath {
    SharePath::parse(text.as_bytes()).unwrap()
}

pub(super) fn engine(dir: &Path) -> Arc<LocalEngine> {
    Arc::new(LocalEngine::new(Arc::new(Tree::open(dir).unwrap())))
}

pub(super) fn owner(id: u8) -> Owner {
    Owner { id: [id; 32], label: format!("owner {id}") }
}

pub(super) fn arrival(dir: &Path) -> Arrival {
    engine(dir).arrive(&SharePath::root(), owner(1), Policy::default())
}

pub(super) fn time(secs: i64) -> Option<Mtime> {
    Mtime::new(secs, 5_000)
}

pub(super) fn plan(size: usize) -> Plan {
    Plan {
        size: u64::try_from(size).ok(),
        mode: 0o644,
        mtime: time(1_000_000_000),
        source: SourceMark([0; 16]),
        sparse: false,
        linked: false,
        attributes: Vec::new(),
        hash: None,
    }
}

/// Sends one file as it comes: small ones whole, larger ones in groups. `Err` is what the engine said.
pub(super) fn send(
    arrival: &mut Arrival,
    number: u64,
    name: &str,
    plan: Plan,
    content: &[u8],
) -> Result<Verdict, Told> {
    let verdict = arrival.file(number, &path(name), plan).map_err(Told::Tree)?;
    let held = match &verdict {
        Verdict::Same => return Ok(verdict),
        Verdict::Want => Vec::new(),
        Verdict::Rest(held) => held.runs.clone(),
    };
    let hash = blake3::hash(content);
    if content.len() <= 512 << 10 {
        arrival.whole(number, &HashedFile::of(content), hash).map_err(Told::Publish)?;
        return Ok(verdict);
    }
    for (index, group) in content.chunks(GROUP).enumerate() {
        let index = index as u64;
        if !held.iter().any(|(first, end)| (*first..*end).contains(&index)) {
            arrival.group(number, &HashedGroup::of(index, group)).map_err(Told::Publish)?;
        }
    }
    arrival.end(number, content.len() as u64, hash).map_err(Told::Publish)?;
    Ok(verdict)
}

/// What was said at once.
#[derive(Debug)]
pub(super) enum Told {
    Tree(TreeError),
    Publish(PublishError),
}

impl Told {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Tree(fault) => fault.to_string(),
            Self::Publish(fault) => fault.to_string(),
        }
    }
}

/// A whole stream with one file in it.
pub(super) fn publish(arrival: &mut Arrival, name: &str, plan: Plan, content: &[u8]) -> Vec<Fate> {
    send(arrival, 0, name, plan, content).unwrap();
    arrival.finish()
}

/// The paths that were kept, sorted; anything that failed is a failed test.
pub(super) fn kept(fates: &[Fate]) -> Vec<String> {
    let mut kept = Vec::new();
    for fate in fates {
        match fate {
            Fate::Kept { published, .. } => kept.push(String::from_utf8(published.path.as_bytes().to_vec()).unwrap()),
            Fate::TreePublished { .. } => {}
            failed @ (Fate::Failed { .. } | Fate::DirFailed { .. }) => panic!("{failed:?}"),
        }
    }
    kept.sort();
    kept
}

pub(super) fn faults(fates: &[Fate]) -> Vec<String> {
    let mut faults: Vec<String> = (fates.iter())
        .filter_map(|fate| match fate {
            Fate::Failed { fault, .. } => Some(fault.to_string()),
            Fate::DirFailed { fault, .. } => Some(format!("dir {fault}")),
            Fate::Kept { .. } | Fate::TreePublished { .. } => None,
        })
        .collect();
    faults.sort();
    faults
}

/// All names in a directory, hidden ones too.
pub(super) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Everything below `dir` with its content, hidden names too.
pub(super) fn content(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(&here).unwrap() {
            let place = entry.unwrap().path();
            let name = place.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            let meta = fs::symlink_metadata(&place).unwrap();
            let what = if meta.is_dir() {
                open.push(place);
                "/".to_owned()
            } else if meta.is_symlink() {
                format!("-> {}", fs::read_link(&place).unwrap().display())
            } else {
                let bytes = fs::read(&place).unwrap();
                String::from_utf8(bytes).unwrap_or_else(|binary| format!("{} bytes", binary.as_bytes().len()))
            };
            found.insert(name, what);
        }
    }
    found
}

pub(super) fn mode(file: &Path) -> u32 {
    fs::symlink_metadata(file).unwrap().permissions().mode() & 0o7777
}

pub(super) fn mtime(file: &Path) -> (i64, i64) {
    let meta = fs::symlink_metadata(file).unwrap();
    (meta.mtime(), meta.mtime_nsec())
}

/// Bytes in which every group differs.
pub(super) fn big(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at % 251 + at / GROUP * 31).to_le_bytes()[0] ^ seed).collect()
}
