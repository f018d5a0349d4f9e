//! Users: the identities that this server knows, and what each may do.
//!
//! In: a key shown by a caller, changes by the owner. Out: the user it belongs to, with grants; deciding is `trust::grant`'s work.
//! Invariants: exactly one user is the default one, to whom an inviter enrols unless told otherwise; who loses a right is told of
//! ([`Event::RightsLost`](crate::Event::RightsLost)) in the same change.

use std::future::Future;

use landline_addr::user::UserName;
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
    /// Whether a folder of its own is the user's.
    pub has_home: bool,
    /// Whether that folder was made for this very user; else what lies in its place was somebody else's of the name.
    pub home_made: bool,
    /// Bytes that the home may hold; any number if left open.
    pub quota: Option<u64>,
}

/// Reading and changing users.
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

    /// The user of this name.
    ///
    /// # Errors
    /// [`StoreError::UnknownUser`], or any fault of the database.
    fn user(&self, name: &UserName) -> impl Future<Output = Result<User, StoreError>> + Send;

    /// The user that invitations enrol to: `friends`, who may read and write the whole share.
    ///
    /// # Errors
    /// Any fault of the database.
    fn default_user(&self) -> impl Future<Output = Result<User, StoreError>> + Send;

    /// Adds a user.
    ///
    /// # Errors
    /// [`StoreError::UserTaken`], or any fault of the database: then there is no new user.
    fn add_user(
        &self,
        name: &UserName,
        grants: &[Grant],
        has_home: bool,
        quota: Option<u64>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives a user rights; true if one of them is new.
    ///
    /// # Errors
    /// [`StoreError::UnknownUser`], or any fault of the database: then nothing is given.
    fn give(&self, name: &UserName, grants: &[Grant]) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Takes rights from a user, all or none, and tells of his keys that they lost some.
    ///
    /// # Errors
    /// [`StoreError::UnknownUser`], [`StoreError::NotGranted`], or any fault of the database: then nothing is taken.
    fn take(&self, name: &UserName, grants: &[Grant]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives a home with all rights in it to a user who has none, and tells of his keys that what they may has changed.
    /// False: he has one, and nothing changes.
    ///
    /// # Errors
    /// [`StoreError::UnknownUser`], or any fault of the database: then he has none.
    fn give_home(&self, name: &UserName) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Sets how many bytes a home may hold.
    ///
    /// # Errors
    /// [`StoreError::UnknownUser`], or any fault of the database.
    fn set_quota(&self, name: &UserName, quota: Option<u64>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Notes that the home of a user was made; nothing if there is no such user.
    ///
    /// # Errors
    /// Any fault of the database.
    fn note_home_made(&self, name: &UserName) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets a user with his grants, codes and keys, which are told of as revoked. Returns the keys.
    ///
    /// # Errors
    /// [`StoreError::UnknownUser`], [`StoreError::DefaultUser`], or any fault of the database: then he is still there.
    fn remove_user(&self, name: &UserName) -> impl Future<Output = Result<Vec<PublicKey>, StoreError>> + Send;
}
