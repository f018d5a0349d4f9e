//! Users: the identities that this server knows, and what each may do.
//!
//! In: a key shown by a caller. Out: the user it belongs to, with grants; deciding is `trust::grant`'s work.
//! Invariant: exactly one user is the default one, to whom an inviter without accounts enrols.

use std::future::Future;

use landline_trust::grant::Grant;
use landline_trust::key::PublicKey;

use crate::StoreError;

/// An identity of this server: who may call me.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Unique.
    pub name: String,
    /// The rights, in no particular order.
    pub grants: Vec<Grant>,
    /// True for the one user that invitations enrol to unless told otherwise.
    pub default: bool,
}

/// Reading users.
pub trait Users {
    /// The user that `key` is enrolled to; `None` for a stranger.
    ///
    /// # Errors
    /// Any fault of the database. A caller must take an error as a refusal.
    fn user_of_key(&self, key: &PublicKey) -> impl Future<Output = Result<Option<User>, StoreError>> + Send;

    /// As [`Self::user_of_key`], with what the machine of that key calls itself: hostile text, to be escaped where it is
    /// shown.
    ///
    /// # Errors
    /// Any fault of the database. A caller must take an error as a refusal.
    fn caller_of_key(&self, key: &PublicKey)
    -> impl Future<Output = Result<Option<(User, String)>, StoreError>> + Send;

    /// All users by name.
    ///
    /// # Errors
    /// Any fault of the database.
    fn list_users(&self) -> impl Future<Output = Result<Vec<User>, StoreError>> + Send;

    /// The user that invitations enrol to: `friends`, who may read and write the whole share.
    ///
    /// # Errors
    /// Any fault of the database.
    fn default_user(&self) -> impl Future<Output = Result<User, StoreError>> + Send;
}
