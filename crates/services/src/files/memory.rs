//! What a machine remembers of copies: hashes of groups that it sent, and where partials of what it received lie.

use std::{fmt, path::Path, sync::Arc};

use landline_addr::path::SharePath;
use landline_net::Peer;
use landline_store::{Home, PartialNote, Partials};

use super::{
    engine::{Owner, PartialIndex},
    hashes::HashCache,
};

/// The memory of one state folder; without it nothing fails, only more is read again.
#[derive(Clone, Default)]
pub struct Memory {
    /// Hashes of groups from earlier times.
    pub hashes: Option<Arc<HashCache>>,
    /// Where partials lie.
    pub index: Option<Arc<dyn PartialIndex>>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("hashes", &self.hashes.is_some()).finish_non_exhaustive()
    }
}

impl Memory {
    /// That of `home`.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        let hashes = HashCache::open(&home.path().join("hashes"));
        let index = Partials::open(home).ok().map(|notes| Arc::new(Index(notes)) as Arc<dyn PartialIndex>);
        Self { hashes: Some(Arc::new(hashes)), index }
    }
}

/// The index of partials, as the engine knows it.
struct Index(Partials);

impl PartialIndex for Index {
    fn born(&self, dir: &Path, staging: &str, target: &SharePath, owner: &Owner) {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let note = PartialNote {
            dir: dir.to_owned(),
            staging: staging.to_owned(),
            target: target.as_bytes().to_vec(),
            owner: owner.label.clone(),
            started: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        };
        if let Err(fault) = self.0.note(&note) {
            tracing::debug!(%fault, "a partial could not be noted");
        }
    }

    fn gone(&self, dir: &Path, staging: &str) {
        if let Err(fault) = self.0.forget(dir, staging) {
            tracing::debug!(%fault, "a note of a partial could not be removed");
        }
    }
}

/// What identifies a peer, for as long as it has its key.
#[must_use]
pub fn identity(peer: Peer) -> [u8; 32] {
    match peer {
        Peer::Key(key) => *blake3::hash(key.as_bytes()).as_bytes(),
        Peer::Uid(uid) => *blake3::hash(format!("uid {uid}").as_bytes()).as_bytes(),
    }
}
