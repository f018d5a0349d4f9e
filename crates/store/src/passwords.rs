//! Passwords: what is kept of them, as bytes that only `trust::password` understands.
//!
//! In: names, records, the server's secret. Out: the same.
//! Invariant: there is one secret; it is made once and never replaced, as every record is worth nothing without it.

use std::future::Future;
use std::time::SystemTime;

use landline_addr::user::UserName;
use landline_trust::key::PublicKey;
use zeroize::Zeroizing;

use crate::StoreError;

/// Keeping passwords.
pub trait Passwords {
    /// The server's secret; `made` becomes it if there is none yet.
    ///
    /// # Errors
    /// Any fault of the database.
    fn password_secret(
        &self,
        made: Zeroizing<Vec<u8>>,
    ) -> impl Future<Output = Result<Zeroizing<Vec<u8>>, StoreError>> + Send;

    /// The record of a user; `None` if he has none, or there is no such user.
    ///
    /// # Errors
    /// Any fault of the database.
    fn password_record(
        &self,
        name: &UserName,
    ) -> impl Future<Output = Result<Option<Zeroizing<Vec<u8>>>, StoreError>> + Send;

    /// Enrols `key` to a user if `record` is still his, both or neither; whether it was. A key that is enrolled already moves.
    ///
    /// # Errors
    /// Any fault of the database: then nothing is enrolled.
    fn enrol_by_password(
        &self,
        key: &PublicKey,
        name: &UserName,
        record: Zeroizing<Vec<u8>>,
        label: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Sets the record of a user, or takes it away; true if he had one before. Machines that are enrolled stay so.
    ///
    /// # Errors
    /// [`StoreError::UnknownUser`], or any fault of the database.
    fn set_password_record(
        &self,
        name: &UserName,
        record: Option<Zeroizing<Vec<u8>>>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
