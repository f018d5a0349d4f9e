//! [`Passwords`] over SQLite.

use std::time::SystemTime;

use landline_addr::user::UserName;
use landline_trust::key::PublicKey;
use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

use super::{Store, keys, users};
use crate::{Passwords, StoreError};

/// Under which name the secret is kept.
const SECRET: &str = "passwords";

impl Passwords for Store {
    async fn password_secret(&self, made: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.write(move |tx| {
            tx.prepare_cached("INSERT INTO secret (what, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
                .execute(params![SECRET, made.as_slice()])?;
            let mut query = tx.prepare_cached("SELECT value FROM secret WHERE what = ?1")?;
            Ok(query.query_row([SECRET], |row| row.get(0).map(Zeroizing::new))?)
        })
        .await
    }

    async fn password_record(&self, name: &UserName) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let name = name.to_string();
        self.read(move |tx| {
            let mut query = tx.prepare_cached("SELECT password FROM user WHERE name = ?1")?;
            let found: Option<Option<Vec<u8>>> = query.query_row([&name], |row| row.get(0)).optional()?;
            Ok(found.flatten().map(Zeroizing::new))
        })
        .await
    }

    async fn enrol_by_password(
        &self,
        key: &PublicKey,
        name: &UserName,
        record: Zeroizing<Vec<u8>>,
        label: &str,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        let (key, name, label) = (*key, name.to_string(), label.to_owned());
        self.write(move |tx| {
            let mut query = tx.prepare_cached("SELECT 1 FROM user WHERE name = ?1 AND password = ?2")?;
            let holds = query.exists(params![name, record.as_slice()])?;
            if holds {
                keys::enrol(tx, &key, &name, &label, now)?;
            }
            Ok(holds)
        })
        .await
    }

    async fn set_password_record(
        &self,
        name: &UserName,
        record: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<bool, StoreError> {
        let name = name.to_string();
        self.write(move |tx| {
            users::must_exist(tx, &name)?;
            let had = tx
                .prepare_cached("SELECT password IS NOT NULL FROM user WHERE name = ?1")?
                .query_row([&name], |row| row.get(0))?;
            tx.prepare_cached("UPDATE user SET password = ?2 WHERE name = ?1")?
                .execute(params![name, record.as_ref().map(|record| record.as_slice())])?;
            Ok(had)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use crate::fixture::{at, key, opened};
    use crate::{Keys, Passwords, StoreError, Users};

    fn bytes(text: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn the_secret_is_made_once() {
        let office = opened();
        assert_eq!(office.store.password_secret(bytes("first")).await.unwrap(), bytes("first"));
        assert_eq!(office.store.password_secret(bytes("second")).await.unwrap(), bytes("first"));
    }

    #[tokio::test]
    async fn a_key_is_enrolled_by_the_record_that_holds_and_by_no_other() {
        let office = opened();
        let (store, amy) = (&office.store, "amy".parse().unwrap());
        store.add_user(&amy, &[], true, None).await.unwrap();
        assert!(!store.enrol_by_password(&key(1), &amy, bytes("one"), "x", at(0)).await.unwrap(), "she has none");
        store.set_password_record(&amy, Some(bytes("one"))).await.unwrap();
        assert!(!store.enrol_by_password(&key(1), &amy, bytes("two"), "x", at(0)).await.unwrap());
        assert_eq!(store.list_keys().await.unwrap(), []);
        assert!(store.enrol_by_password(&key(1), &amy, bytes("one"), "x", at(0)).await.unwrap());
        assert_eq!(store.user_of_key(&key(1)).await.unwrap().unwrap().name, "amy");
    }

    #[tokio::test]
    async fn a_record_is_set_changed_and_taken_away() {
        let office = opened();
        let (store, amy) = (&office.store, "amy".parse().unwrap());
        store.add_user(&amy, &[], true, None).await.unwrap();
        assert_eq!(store.password_record(&amy).await.unwrap(), None);
        assert!(!store.set_password_record(&amy, Some(bytes("one"))).await.unwrap());
        assert!(store.set_password_record(&amy, Some(bytes("two"))).await.unwrap());
        assert_eq!(store.password_record(&amy).await.unwrap(), Some(bytes("two")));
        assert!(store.set_password_record(&amy, None).await.unwrap());
        assert_eq!(store.password_record(&amy).await.unwrap(), None);
        let nobody = "nobody".parse().unwrap();
        assert_eq!(store.password_record(&nobody).await.unwrap(), None);
        let refusal = store.set_password_record(&nobody, None).await.unwrap_err();
        assert!(matches!(refusal, StoreError::UnknownUser { .. }), "{refusal}");
    }
}
