//! [`Codes`] over SQLite.

use std::time::SystemTime;

use landline_trust::key::PublicKey;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::fault::Fault;
use super::time::{from_ms, to_ms};
use super::{Store, events, keys, users};
use crate::{Codes, Event, OpenCode, StoreError};

/// What is noted once a code was opened.
const CODE_OPENED: &str = "code opened";

/// The numbers that a code may have, as the schema checks them too.
const NUMBERS: std::ops::RangeInclusive<u16> = 1..=999;

impl Codes for Store {
    async fn open_code(&self, code: OpenCode) -> Result<(), StoreError> {
        self.write(move |tx| {
            users::must_exist(tx, &code.user)?;
            let opened = tx
                .prepare_cached(
                    "INSERT INTO code (number, secret, user, expires_at_ms, breaks) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (number) DO NOTHING",
                )?
                .execute(params![code.number, code.secret.as_str(), code.user, to_ms(code.expires_at), code.breaks])?;
            if opened == 0 {
                return Err(StoreError::NumberTaken { number: code.number }.into());
            }
            tx.prepare_cached("INSERT INTO once (what) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([CODE_OPENED])?;
            Ok(())
        })
        .await
    }

    async fn code(&self, number: u16, now: SystemTime) -> Result<Option<OpenCode>, StoreError> {
        // Read first: strangers cause this call, and writing would let them hold up the writers.
        match self.read(move |tx| find(tx, number)).await? {
            Some(code) if has_expired(&code, now) => {
                self.write(move |tx| purge(tx, now)).await?;
                Ok(None)
            }
            found => Ok(found),
        }
    }

    async fn burn(&self, number: u16) -> Result<bool, StoreError> {
        self.write(move |tx| {
            let burned = delete(tx, number)?;
            if burned {
                events::note(tx, &Event::CodeBurned { number })?;
            }
            Ok(burned)
        })
        .await
    }

    async fn redeem(
        &self,
        number: u16,
        secret: &str,
        key: &PublicKey,
        label: &str,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        let (secret, key, label) = (Zeroizing::new(secret.to_owned()), *key, label.to_owned());
        self.write(move |tx| {
            purge(tx, now)?;
            let Some(code) = find(tx, number)? else { return Ok(false) };
            if !bool::from(code.secret.as_bytes().ct_eq(secret.as_bytes())) {
                return Ok(false);
            }
            delete(tx, number)?;
            keys::enrol(tx, &key, &code.user, &label, now)?;
            events::note(tx, &Event::CodeUsed { number, key })?;
            Ok(true)
        })
        .await
    }

    async fn count_break(&self, number: u16) -> Result<Option<u32>, StoreError> {
        self.write(move |tx| {
            // Capped, so that the count stays readable whatever strangers do.
            let count = tx
                .prepare_cached("UPDATE code SET breaks = min(breaks + 1, ?2) WHERE number = ?1 RETURNING breaks")?
                .query_row(params![number, u32::MAX], |row| row.get(0))
                .optional()?;
            Ok(count)
        })
        .await
    }

    async fn list_codes(&self, now: SystemTime) -> Result<Vec<OpenCode>, StoreError> {
        self.write(move |tx| {
            purge(tx, now)?;
            let mut query =
                tx.prepare_cached("SELECT number, secret, user, expires_at_ms, breaks FROM code ORDER BY number")?;
            Ok(query.query_map([], read)?.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn ever_opened(&self) -> Result<bool, StoreError> {
        self.read(move |tx| {
            let mut query = tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM once WHERE what = ?1)")?;
            Ok(query.query_row([CODE_OPENED], |row| row.get(0))?)
        })
        .await
    }

    async fn free_number(&self, now: SystemTime) -> Result<u16, StoreError> {
        self.write(move |tx| {
            purge(tx, now)?;
            let mut query = tx.prepare_cached("SELECT number FROM code ORDER BY number")?;
            let taken = query.query_map([], |row| row.get(0))?.collect::<Result<Vec<u16>, _>>()?;
            let mut taken = taken.into_iter();
            NUMBERS.into_iter().find(|number| taken.next() != Some(*number)).ok_or(StoreError::NoFreeNumber.into())
        })
        .await
    }
}

fn find(tx: &Transaction<'_>, number: u16) -> Result<Option<OpenCode>, Fault> {
    let mut query =
        tx.prepare_cached("SELECT number, secret, user, expires_at_ms, breaks FROM code WHERE number = ?1")?;
    Ok(query.query_row([number], read).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<OpenCode> {
    Ok(OpenCode {
        number: row.get(0)?,
        secret: Zeroizing::new(row.get(1)?),
        user: row.get(2)?,
        expires_at: from_ms(row.get(3)?),
        breaks: row.get(4)?,
    })
}

/// False if it was not open any more.
fn delete(tx: &Transaction<'_>, number: u16) -> Result<bool, Fault> {
    Ok(tx.prepare_cached("DELETE FROM code WHERE number = ?1")?.execute([number])? > 0)
}

fn has_expired(code: &OpenCode, now: SystemTime) -> bool {
    to_ms(code.expires_at) <= to_ms(now)
}

/// Deletes what [`has_expired`]: the same comparison.
fn purge(tx: &Transaction<'_>, now: SystemTime) -> Result<(), Fault> {
    tx.prepare_cached("DELETE FROM code WHERE expires_at_ms <= ?1")?.execute([to_ms(now)])?;
    Ok(())
}

#[cfg(test)]
mod tests;
