//! [`Users`] over SQLite.
//!
//! Invariant: a grant that cannot be read is an error, never left out and never guessed: nothing is decided from it.

use rusqlite::{OptionalExtension, Transaction};

use landline_trust::grant::Grant;
use landline_trust::key::PublicKey;

use super::Store;
use super::fault::Fault;
use crate::{StoreError, User, Users};

impl Users for Store {
    async fn user_of_key(&self, key: &PublicKey) -> Result<Option<User>, StoreError> {
        let key = *key;
        self.read(move |tx| {
            let name: Option<String> = tx
                .prepare_cached("SELECT user FROM enrolled_key WHERE key = ?1")?
                .query_row([key.as_bytes()], |row| row.get(0))
                .optional()?;
            name.map(|name| load(tx, name)).transpose()
        })
        .await
    }

    async fn caller_of_key(&self, key: &PublicKey) -> Result<Option<(User, String)>, StoreError> {
        let key = *key;
        self.read(move |tx| {
            let found: Option<(String, String)> = tx
                .prepare_cached("SELECT user, label FROM enrolled_key WHERE key = ?1")?
                .query_row([key.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            found.map(|(name, label)| Ok((load(tx, name)?, label))).transpose()
        })
        .await
    }

    async fn list_users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|tx| {
            let mut query = tx.prepare_cached("SELECT name FROM user ORDER BY name")?;
            let names = query.query_map([], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?;
            names.into_iter().map(|name| load(tx, name)).collect()
        })
        .await
    }

    async fn default_user(&self) -> Result<User, StoreError> {
        self.read(|tx| {
            let name = tx
                .prepare_cached("SELECT name FROM user WHERE is_default = 1")?
                .query_row([], |row| row.get(0))
                .optional()?
                .ok_or(Fault::Unreadable("default user"))?;
            load(tx, name)
        })
        .await
    }
}

fn load(tx: &Transaction<'_>, name: String) -> Result<User, Fault> {
    let default =
        tx.prepare_cached("SELECT is_default FROM user WHERE name = ?1")?.query_row([&name], |row| row.get(0))?;
    let mut query = tx.prepare_cached("SELECT text FROM user_grant WHERE user = ?1 ORDER BY text")?;
    let mut rows = query.query([&name])?;
    let mut grants = Vec::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        grants.push(text.parse::<Grant>().map_err(|_| Fault::Unreadable("grant"))?);
    }
    Ok(User { name, grants, default })
}

/// # Errors
/// [`StoreError::UnknownUser`] if there is none of this name.
pub(super) fn must_exist(tx: &Transaction<'_>, name: &str) -> Result<(), Fault> {
    if tx.prepare_cached("SELECT 1 FROM user WHERE name = ?1")?.exists([name])? {
        return Ok(());
    }
    Err(StoreError::UnknownUser { name: name.to_owned() }.into())
}
