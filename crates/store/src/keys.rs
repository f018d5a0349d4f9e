//! Enrolled keys: which machines may call, and as whom.
//!
//! In: keys, user names, the time. Out: [`EnrolledKey`] rows, and [`Event::KeyRevoked`](crate::Event::KeyRevoked).
//! Invariant: a key belongs to one user at a time.

use std::future::Future;
use std::time::SystemTime;

use landline_trust::key::{Fingerprint, PublicKey};

use crate::StoreError;

/// A key that may call, and as whom. Times are kept to the millisecond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolledKey {
    /// The machine's public key.
    pub key: PublicKey,
    /// The user it calls as.
    pub user: String,
    /// What the other side calls itself: hostile text, to be escaped where it is shown.
    pub label: String,
    /// When it was enrolled first.
    pub enrolled_at: SystemTime,
    /// When it last called, to the minute; `None` before the first call.
    pub last_seen: Option<SystemTime>,
}

/// Enrolling and revoking.
pub trait Keys {
    /// All enrolled keys: by user, then in the order of enrolment.
    ///
    /// # Errors
    /// Any fault of the database.
    fn list_keys(&self) -> impl Future<Output = Result<Vec<EnrolledKey>, StoreError>> + Send;

    /// Enrols `key` to `user`. A key that is enrolled already moves to `user` and takes the new label.
    ///
    /// # Errors
    /// [`StoreError::UnknownUser`], or any fault of the database.
    fn enrol(
        &self,
        key: &PublicKey,
        user: &str,
        label: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets the key with this fingerprint and tells [`Event::KeyRevoked`](crate::Event::KeyRevoked).
    /// `None`: no such key is enrolled.
    ///
    /// # Errors
    /// Any fault of the database: the key may then still be enrolled.
    fn revoke(&self, fingerprint: &Fingerprint) -> impl Future<Output = Result<Option<PublicKey>, StoreError>> + Send;

    /// Notes that `key` called just now. Of several calls within a minute only the first is written, so that a busy
    /// machine does not cost a disk flush per call. A stranger's key is ignored.
    ///
    /// # Errors
    /// Any fault of the database.
    fn touch(&self, key: &PublicKey, now: SystemTime) -> impl Future<Output = Result<(), StoreError>> + Send;
}
