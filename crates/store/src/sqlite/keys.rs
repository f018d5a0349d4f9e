//! [`Keys`] over SQLite.

use std::time::SystemTime;

use landline_trust::key::{Fingerprint, PublicKey};
use rusqlite::{Row, Transaction, params};

use super::fault::Fault;
use super::time::{from_ms, to_ms};
use super::{Store, events, users};
use crate::{EnrolledKey, Event, Keys, StoreError};

/// Calls within this many milliseconds of the last one noted are not noted again: a write costs a disk flush.
const TOUCH_EVERY_MS: i64 = 60_000;

impl Keys for Store {
    async fn list_keys(&self) -> Result<Vec<EnrolledKey>, StoreError> {
        self.read(|tx| {
            let mut query = tx.prepare_cached(
                "SELECT key, user, label, enrolled_at_ms, last_seen_ms FROM enrolled_key
                 ORDER BY user, enrolled_at_ms, key",
            )?;
            let mut rows = query.query([])?;
            let mut keys = Vec::new();
            while let Some(row) = rows.next()? {
                keys.push(EnrolledKey {
                    key: key_at(row, 0)?,
                    user: row.get(1)?,
                    label: row.get(2)?,
                    enrolled_at: from_ms(row.get(3)?),
                    last_seen: row.get::<_, Option<i64>>(4)?.map(from_ms),
                });
            }
            Ok(keys)
        })
        .await
    }

    async fn enrol(&self, key: &PublicKey, user: &str, label: &str, now: SystemTime) -> Result<(), StoreError> {
        let (key, user, label) = (*key, user.to_owned(), label.to_owned());
        self.write(move |tx| enrol(tx, &key, &user, &label, now)).await
    }

    async fn revoke(&self, fingerprint: &Fingerprint) -> Result<Option<PublicKey>, StoreError> {
        let fingerprint = *fingerprint;
        self.write(move |tx| {
            let Some(key) = with_fingerprint(tx, &fingerprint)? else { return Ok(None) };
            tx.prepare_cached("DELETE FROM enrolled_key WHERE key = ?1")?.execute([key.as_bytes()])?;
            events::note(tx, &Event::KeyRevoked(key))?;
            Ok(Some(key))
        })
        .await
    }

    async fn touch(&self, key: &PublicKey, now: SystemTime) -> Result<(), StoreError> {
        let (key, now) = (*key, to_ms(now));
        self.write(move |tx| {
            // A last time in the future is a clock that was set back: believe the clock of today.
            tx.prepare_cached(
                "UPDATE enrolled_key SET last_seen_ms = ?2
                 WHERE key = ?1 AND (last_seen_ms IS NULL OR last_seen_ms <= ?2 - ?3 OR last_seen_ms > ?2)",
            )?
            .execute(params![key.as_bytes(), now, TOUCH_EVERY_MS])?;
            Ok(())
        })
        .await
    }
}

/// Enrols within a change that may hold more, such as closing the code that allowed it.
pub(super) fn enrol(
    tx: &Transaction<'_>,
    key: &PublicKey,
    user: &str,
    label: &str,
    now: SystemTime,
) -> Result<(), Fault> {
    users::must_exist(tx, user)?;
    let mut before = tx.prepare_cached("SELECT 1 FROM enrolled_key WHERE key = ?1 AND user <> ?2")?;
    if before.exists(params![key.as_bytes(), user])? {
        events::note(tx, &Event::RightsLost(*key))?; // its calls were let in as somebody else's
    }
    tx.prepare_cached(
        "INSERT INTO enrolled_key (key, user, label, enrolled_at_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (key) DO UPDATE SET user = excluded.user, label = excluded.label",
    )?
    .execute(params![key.as_bytes(), user, label, to_ms(now)])?;
    Ok(())
}

/// A scan: fingerprints are not stored, and the keys of one server are few.
fn with_fingerprint(tx: &Transaction<'_>, fingerprint: &Fingerprint) -> Result<Option<PublicKey>, Fault> {
    let mut query = tx.prepare_cached("SELECT key FROM enrolled_key")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let key = key_at(row, 0)?;
        if key.fingerprint() == *fingerprint {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// The public key in a column of `row`.
pub(super) fn key_at(row: &Row<'_>, column: usize) -> Result<PublicKey, Fault> {
    let bytes: [u8; 32] = row.get(column).map_err(|_| Fault::Unreadable("key"))?;
    Ok(PublicKey::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use crate::fixture::{at, key, opened};
    use crate::{Keys, StoreError, Users};

    #[tokio::test]
    async fn enrolled_keys_are_listed_by_user_and_time() {
        let office = opened();
        office.add_user("ann");
        office.store.enrol(&key(1), "friends", "late", at(9)).await.unwrap();
        office.store.enrol(&key(2), "friends", "early", at(3)).await.unwrap();
        office.store.enrol(&key(3), "ann", "ann's", at(5)).await.unwrap();
        let keys = office.store.list_keys().await.unwrap();
        assert_eq!(keys.iter().map(|key| key.label.as_str()).collect::<Vec<_>>(), ["ann's", "early", "late"]);
        assert_eq!((keys[0].key, keys[0].user.as_str()), (key(3), "ann"));
        assert_eq!((keys[0].enrolled_at, keys[0].last_seen), (at(5), None));
    }

    #[tokio::test]
    async fn enrolling_again_moves_the_key_and_keeps_its_age() {
        let office = opened();
        office.add_user("ann");
        office.store.enrol(&key(1), "friends", "old", at(1)).await.unwrap();
        office.store.touch(&key(1), at(2)).await.unwrap();
        office.store.enrol(&key(1), "ann", "new", at(50)).await.unwrap();
        let keys = office.store.list_keys().await.unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!((keys[0].user.as_str(), keys[0].label.as_str()), ("ann", "new"));
        assert_eq!((keys[0].enrolled_at, keys[0].last_seen), (at(1), Some(at(2))));
    }

    #[tokio::test]
    async fn nobody_is_enrolled_to_an_unknown_user() {
        let office = opened();
        let refusal = office.store.enrol(&key(1), "bob", "", at(0)).await.unwrap_err();
        assert!(matches!(&refusal, StoreError::UnknownUser { name } if name == "bob"), "{refusal}");
        assert_eq!(office.store.list_keys().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_revoked_key_is_a_stranger_and_the_others_stay() {
        let office = opened();
        office.store.enrol(&key(1), "friends", "", at(0)).await.unwrap();
        office.store.enrol(&key(2), "friends", "", at(0)).await.unwrap();
        let print = key(1).fingerprint();
        assert_eq!(office.store.revoke(&print).await.unwrap(), Some(key(1)));
        assert_eq!(office.store.revoke(&print).await.unwrap(), None);
        assert_eq!(office.store.user_of_key(&key(1)).await.unwrap(), None);
        assert!(office.store.user_of_key(&key(2)).await.unwrap().is_some());
        office.store.enrol(&key(1), "friends", "", at(1)).await.unwrap();
        assert!(office.store.user_of_key(&key(1)).await.unwrap().is_some(), "a new invitation lets it in again");
    }

    #[tokio::test]
    async fn the_last_call_is_kept_to_the_minute() {
        let office = opened();
        office.store.enrol(&key(1), "friends", "", at(0)).await.unwrap();
        // The third second is a clock that was set back.
        for (call, kept) in [(10, 10), (69, 10), (70, 70), (30, 30)] {
            office.store.touch(&key(1), at(call)).await.unwrap();
            assert_eq!(office.store.list_keys().await.unwrap()[0].last_seen, Some(at(kept)), "call at {call}");
        }
        office.store.touch(&key(2), at(0)).await.unwrap();
        assert_eq!(office.store.list_keys().await.unwrap().len(), 1, "a stranger's call enrols nobody");
    }
}
