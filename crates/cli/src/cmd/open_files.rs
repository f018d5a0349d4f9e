//! How many files and sockets this process may hold.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one: each connection holds a descriptor or a few, and the usual soft limit of 1024 is there
/// for programs that use `select`.
pub(super) fn allow_many() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(fault) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::debug!(%fault, "the limit of open files stays as it is");
    }
}
