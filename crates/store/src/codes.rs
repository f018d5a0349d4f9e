//! Open codes: invitations that wait to be redeemed, once.
//!
//! In: numbers, secrets, the time. Out: [`OpenCode`] values; a key enrolled by [`Codes::redeem`].
//! Invariants: an expired code is never returned nor redeemed; of any number of attempts to burn or redeem a code, in
//! any number of processes, one succeeds.
//! Source: decision D3 (a burned or expired code is never replaced by itself).

use std::fmt;
use std::future::Future;
use std::time::SystemTime;

use landline_trust::key::PublicKey;
use zeroize::Zeroizing;

use crate::StoreError;

/// A code that can still be redeemed.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenCode {
    /// The public part, 1 to 999: says which code a caller means.
    pub number: u16,
    /// The secret words in their canonical form.
    pub secret: Zeroizing<String>,
    /// The user that the redeeming key is enrolled to.
    pub user: String,
    /// From this moment on the code is worth nothing. Kept to the millisecond, rounded down.
    pub expires_at: SystemTime,
    /// How many attempts broke off before they were judged.
    pub breaks: u32,
}

/// Leaves the secret out: it must not reach a log.
impl fmt::Debug for OpenCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCode")
            .field("number", &self.number)
            .field("user", &self.user)
            .field("expires_at", &self.expires_at)
            .field("breaks", &self.breaks)
            .finish_non_exhaustive()
    }
}

/// Opening, judging and closing codes.
pub trait Codes {
    /// Opens a code.
    ///
    /// # Errors
    /// [`StoreError::NumberTaken`] (ask [`Codes::free_number`] again: somebody was quicker),
    /// [`StoreError::UnknownUser`], or any fault of the database, a number outside 1 to 999 among them.
    fn open_code(&self, code: OpenCode) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The open code of this number. One that has expired is deleted instead, and `None` returned.
    ///
    /// # Errors
    /// Any fault of the database.
    fn code(&self, number: u16, now: SystemTime) -> impl Future<Output = Result<Option<OpenCode>, StoreError>> + Send;

    /// Deletes a code after a failed confirmation. True, and [`Event::CodeBurned`](crate::Event::CodeBurned), for
    /// exactly one caller; false if it was not open any more.
    ///
    /// # Errors
    /// Any fault of the database: the code may then still be open.
    fn burn(&self, number: u16) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Closes a code and enrols `key` to its user, both or neither. True, and
    /// [`Event::CodeUsed`](crate::Event::CodeUsed), for exactly one caller; false if the code is not open any more,
    /// has expired, or has another secret (the number was given to a new code meanwhile: that one stays open).
    ///
    /// # Errors
    /// Any fault of the database: then neither has happened.
    fn redeem(
        &self,
        number: u16,
        secret: &str,
        key: &PublicKey,
        label: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Counts an attempt that broke off before it was judged. Returns the count so far, `None` if no such code is open.
    ///
    /// # Errors
    /// Any fault of the database.
    fn count_break(&self, number: u16) -> impl Future<Output = Result<Option<u32>, StoreError>> + Send;

    /// All open codes by number. Expired ones are deleted on the way.
    ///
    /// # Errors
    /// Any fault of the database.
    fn list_codes(&self, now: SystemTime) -> impl Future<Output = Result<Vec<OpenCode>, StoreError>> + Send;

    /// Whether any code was ever opened on this home, however it ended.
    ///
    /// # Errors
    /// Any fault of the database.
    fn ever_opened(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The lowest number that no open code has. Nothing is reserved: opening may still find it taken.
    ///
    /// # Errors
    /// [`StoreError::NoFreeNumber`], or any fault of the database.
    fn free_number(&self, now: SystemTime) -> impl Future<Output = Result<u16, StoreError>> + Send;
}
