//! The engine over a local tree: one value for each share, shared by all streams that arrive there.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use landline_addr::path::SharePath;

use super::{Arrival, Owner, PartialIndex, Policy};
use crate::files::tree::{DirId, Tree};

/// Keeps files in a [`Tree`].
pub struct LocalEngine {
    pub(super) tree: Arc<Tree>,
    pub(super) index: Option<Arc<dyn PartialIndex>>,
    /// Directories that were swept.
    pub(super) tidied: Mutex<HashSet<DirId>>,
    /// Held while a condition is checked and the rename done, so that no other publication comes between.
    pub(super) publishing: Mutex<()>,
}

impl std::fmt::Debug for LocalEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalEngine").field("tree", &self.tree).finish_non_exhaustive()
    }
}

impl LocalEngine {
    /// Publishes into `tree`.
    #[must_use]
    pub fn new(tree: Arc<Tree>) -> Self {
        Self { tree, index: None, tidied: Mutex::default(), publishing: Mutex::default() }
    }

    /// Tells `index` of partials from now on.
    #[must_use]
    pub fn with_index(mut self, index: Arc<dyn PartialIndex>) -> Self {
        self.index = Some(index);
        self
    }

    /// Begins to receive a stream into `base`. What stays unfinished belongs to `owner`.
    #[must_use]
    pub fn arrive(self: &Arc<Self>, base: &SharePath, owner: Owner, policy: Policy) -> Arrival {
        Arrival::new(Arc::clone(self), base.clone(), owner, policy)
    }

    /// The tree that is published into.
    #[must_use]
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }
}
