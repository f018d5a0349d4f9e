//! Successors: a key that was known here is replaced by the one that it named.
//!
//! In: a chain that was verified (`landline_trust::rotation`). Out: what is known by the new key from now on.
//! Invariant: all in one change. No moment has both keys enrolled or neither, and who may do what stays as it was.

use std::future::Future;

use landline_addr::contact::ContactName;
use landline_trust::key::PublicKey;
use landline_trust::rotation::Chain;

use crate::StoreError;

/// What a chain came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Followed {
    /// Whether the new key may call from now on; also if it might before.
    pub enrolled: bool,
    /// Contacts that had the old key pinned, and now the new one, by name.
    pub contacts: Vec<ContactName>,
    /// The keys that were known and are no more, oldest first.
    pub replaced: Vec<PublicKey>,
}

/// Following a chain of successors.
pub trait Successors {
    /// Replaces every key that ended in `chain` by the one that it leads to, among enrolled keys (user and label stay) and
    /// in contacts. Tells [`Event::KeyRevoked`](crate::Event::KeyRevoked) of each that was enrolled and
    /// [`Event::KeyFollowed`](crate::Event::KeyFollowed) of the new one. Applied again it changes nothing.
    ///
    /// # Errors
    /// Any fault of the database; then nothing has changed.
    fn follow(&self, chain: &Chain) -> impl Future<Output = Result<Followed, StoreError>> + Send;
}
