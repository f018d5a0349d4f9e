//! Contacts: my address book. Whom I call, under which name, and by which key I recognise it.
//!
//! In: names, keys, endpoint texts. Out: [`Contact`] values.
//! Invariant: a contact has at least one key, and adding never adds a key to a name that is taken: a name keeps
//! meaning the machine it was given to.

use std::future::Future;
use std::time::SystemTime;

use landline_addr::contact::ContactName;
use landline_trust::key::PublicKey;

use crate::StoreError;

/// Most addresses kept for a contact when they are merged: the newest win. A machine that moves about would otherwise
/// make its contact try ever more dead addresses.
pub(crate) const MAX_ADDRESSES: usize = 16;

/// An entry of the address book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The local name.
    pub name: ContactName,
    /// The keys that it may show; never empty.
    pub keys: Vec<PublicKey>,
    /// Endpoint texts in the order in which they are tried.
    pub addresses: Vec<String>,
    /// When it was added first, to the millisecond.
    pub added_at: SystemTime,
}

/// The address book.
pub trait Contacts {
    /// All contacts by name.
    ///
    /// # Errors
    /// Any fault of the database.
    fn list_contacts(&self) -> impl Future<Output = Result<Vec<Contact>, StoreError>> + Send;

    /// The contact of this name, if there is one.
    ///
    /// # Errors
    /// Any fault of the database.
    fn contact(&self, name: &ContactName) -> impl Future<Output = Result<Option<Contact>, StoreError>> + Send;

    /// The contact that may show `key`; the one added first if several may.
    ///
    /// # Errors
    /// Any fault of the database.
    fn contact_by_key(&self, key: &PublicKey) -> impl Future<Output = Result<Option<Contact>, StoreError>> + Send;

    /// Adds a contact. If the name exists and already pins all of `contact.keys`, the addresses are merged: the new
    /// ones first, at most 16 in all; nothing else changes.
    ///
    /// # Errors
    /// [`StoreError::ContactTaken`] if the name pins other keys, [`StoreError::ContactWithoutKey`], or any fault of the
    /// database.
    fn add_contact(&self, contact: Contact) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives a contact another name.
    ///
    /// # Errors
    /// [`StoreError::UnknownContact`] for `from`, [`StoreError::ContactTaken`] for `to`, or any fault of the database.
    fn rename_contact(
        &self,
        from: &ContactName,
        to: &ContactName,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets a contact, keys and addresses too. False: there was none.
    ///
    /// # Errors
    /// Any fault of the database.
    fn remove_contact(&self, name: &ContactName) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Replaces the addresses of a contact.
    ///
    /// # Errors
    /// [`StoreError::UnknownContact`], or any fault of the database.
    fn set_addresses(
        &self,
        name: &ContactName,
        addresses: Vec<String>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
