//! [`Users`] over SQLite.
//!
//! Invariant: a grant that cannot be read is an error, never left out and never guessed: nothing is decided from it.

use landline_addr::user::UserName;
use landline_trust::grant::Grant;
use landline_trust::key::PublicKey;
use rusqlite::{OptionalExtension, Transaction, params};

use super::fault::Fault;
use super::keys::key_at;
use super::{Store, events};
use crate::{Event, StoreError, User, Users};

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

    async fn user(&self, name: &UserName) -> Result<User, StoreError> {
        let name = name.to_string();
        self.read(move |tx| {
            must_exist(tx, &name)?;
            load(tx, name)
        })
        .await
    }

    async fn add_user(
        &self,
        name: &UserName,
        grants: &[Grant],
        has_home: bool,
        quota: Option<u64>,
    ) -> Result<(), StoreError> {
        let (name, grants, quota) = (name.to_string(), grants.to_vec(), column(quota));
        self.write(move |tx| {
            let added = tx
                .prepare_cached("INSERT INTO user (name, has_home, quota) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
                .execute(params![name, has_home, quota])?;
            if added == 0 {
                return Err(StoreError::UserTaken { name }.into());
            }
            give(tx, &name, &grants).map(drop)
        })
        .await
    }

    async fn give(&self, name: &UserName, grants: &[Grant]) -> Result<bool, StoreError> {
        let (name, grants) = (name.to_string(), grants.to_vec());
        self.write(move |tx| {
            must_exist(tx, &name)?;
            give(tx, &name, &grants)
        })
        .await
    }

    async fn take(&self, name: &UserName, grants: &[Grant]) -> Result<(), StoreError> {
        let (name, grants) = (name.to_string(), grants.to_vec());
        self.write(move |tx| {
            must_exist(tx, &name)?;
            let mut taking = tx.prepare_cached("DELETE FROM user_grant WHERE user = ?1 AND text = ?2")?;
            for grant in &grants {
                if taking.execute(params![name, grant.to_string()])? == 0 {
                    return Err(StoreError::NotGranted { name, grant: grant.to_string() }.into());
                }
            }
            keys_of(tx, &name)?.into_iter().try_for_each(|key| events::note(tx, &Event::RightsLost(key)))
        })
        .await
    }

    async fn give_home(&self, name: &UserName) -> Result<bool, StoreError> {
        let name = name.to_string();
        self.write(move |tx| {
            must_exist(tx, &name)?;
            let mut giving = tx.prepare_cached("UPDATE user SET has_home = 1 WHERE name = ?1 AND has_home = 0")?;
            if giving.execute([&name])? == 0 {
                return Ok(false);
            }
            give(tx, &name, &Grant::own_home())?;
            // To calls that run his paths begin elsewhere.
            keys_of(tx, &name)?.into_iter().try_for_each(|key| events::note(tx, &Event::RightsLost(key)))?;
            Ok(true)
        })
        .await
    }

    async fn set_quota(&self, name: &UserName, quota: Option<u64>) -> Result<(), StoreError> {
        let (name, quota) = (name.to_string(), column(quota));
        self.write(move |tx| {
            must_exist(tx, &name)?;
            tx.prepare_cached("UPDATE user SET quota = ?2 WHERE name = ?1")?.execute(params![name, quota])?;
            // Calls that run were let in with the old one.
            keys_of(tx, &name)?.into_iter().try_for_each(|key| events::note(tx, &Event::RightsLost(key)))
        })
        .await
    }

    async fn note_home_made(&self, name: &UserName) -> Result<(), StoreError> {
        let name = name.to_string();
        self.write(move |tx| {
            tx.prepare_cached("UPDATE user SET home_made = 1 WHERE name = ?1")?.execute([name])?;
            Ok(())
        })
        .await
    }

    async fn remove_user(&self, name: &UserName) -> Result<Vec<PublicKey>, StoreError> {
        let name = name.to_string();
        self.write(move |tx| {
            must_exist(tx, &name)?;
            if load(tx, name.clone())?.default {
                return Err(StoreError::DefaultUser { name }.into());
            }
            let keys = keys_of(tx, &name)?;
            tx.prepare_cached("DELETE FROM enrolled_key WHERE user = ?1")?.execute([&name])?;
            keys.iter().try_for_each(|key| events::note(tx, &Event::KeyRevoked(*key)))?;
            tx.prepare_cached("DELETE FROM user WHERE name = ?1")?.execute([&name])?;
            Ok(keys)
        })
        .await
    }
}

fn give(tx: &Transaction<'_>, name: &str, grants: &[Grant]) -> Result<bool, Fault> {
    let mut giving = tx.prepare_cached("INSERT INTO user_grant (user, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    let mut new = false;
    for grant in grants {
        new |= giving.execute(params![name, grant.to_string()])? > 0;
    }
    Ok(new)
}

fn keys_of(tx: &Transaction<'_>, name: &str) -> Result<Vec<PublicKey>, Fault> {
    let mut query = tx.prepare_cached("SELECT key FROM enrolled_key WHERE user = ?1 ORDER BY enrolled_at_ms, key")?;
    let mut rows = query.query([name])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(key_at(row, 0)?);
    }
    Ok(keys)
}

/// What the database can count: more is no limit that anybody meets.
fn column(quota: Option<u64>) -> Option<i64> {
    quota.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
}

fn load(tx: &Transaction<'_>, name: String) -> Result<User, Fault> {
    let (default, has_home, home_made, quota): (bool, bool, bool, Option<i64>) = tx
        .prepare_cached("SELECT is_default, has_home, home_made, quota FROM user WHERE name = ?1")?
        .query_row([&name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let quota = quota.map(u64::try_from).transpose().map_err(|_| Fault::Unreadable("quota"))?;
    let mut query = tx.prepare_cached("SELECT text FROM user_grant WHERE user = ?1 ORDER BY text")?;
    let mut rows = query.query([&name])?;
    let mut grants = Vec::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        grants.push(text.parse::<Grant>().map_err(|_| Fault::Unreadable("grant"))?);
    }
    Ok(User { name, grants, default, has_home, home_made, quota })
}

/// # Errors
/// [`StoreError::UnknownUser`] if there is none of this name.
pub(super) fn must_exist(tx: &Transaction<'_>, name: &str) -> Result<(), Fault> {
    if tx.prepare_cached("SELECT 1 FROM user WHERE name = ?1")?.exists([name])? {
        return Ok(());
    }
    Err(StoreError::UnknownUser { name: name.to_owned() }.into())
}

#[cfg(test)]
mod tests;
