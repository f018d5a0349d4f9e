//! Events as rows: written in the transaction of their change, told after its commit, by every process for itself.
//!
//! In: an [`Event`] inside a transaction. Out: the same event on the channel of each handle, once, in order.
//! Invariant: an event exists if and only if its change does, so a process that dies right after its commit has still
//! told the others.

use rusqlite::{Connection, Row, Transaction, params};
use tokio::sync::broadcast;

use super::Database;
use super::fault::Fault;
use super::keys::key_at;
use crate::Event;

/// Events kept in the database. A process that asks once a second would have to miss as many in that second.
const KEPT: i64 = 10_000;

/// Adds `event` to the change that `tx` makes.
pub(super) fn note(tx: &Transaction<'_>, event: &Event) -> Result<(), Fault> {
    let (kind, number, key) = match event {
        Event::KeyRevoked(key) => ("key-revoked", None, Some(key)),
        Event::RightsLost(key) => ("rights-lost", None, Some(key)),
        Event::KeyFollowed(key) => ("key-followed", None, Some(key)),
        Event::CodeBurned { number } => ("code-burned", Some(*number), None),
        Event::CodeUsed { number, key } => ("code-used", Some(*number), Some(key)),
    };
    tx.prepare_cached("INSERT INTO event (kind, number, key) VALUES (?1, ?2, ?3)")?.execute(params![
        kind,
        number,
        key.map(|key| key.as_bytes().as_slice())
    ])?;
    tx.prepare_cached("DELETE FROM event WHERE id <= ?1")?.execute([tx.last_insert_rowid() - KEPT])?;
    Ok(())
}

/// The number of the newest event; 0 if there has been none.
pub(super) fn newest(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection.query_row("SELECT coalesce(max(id), 0) FROM event", [], |row| row.get(0))?)
}

impl Database {
    /// Tells all events since the last time.
    pub(super) fn tell(&mut self, events: &broadcast::Sender<Event>) -> Result<(), Fault> {
        let mut query =
            self.connection.prepare_cached("SELECT id, kind, number, key FROM event WHERE id > ?1 ORDER BY id")?;
        let mut rows = query.query([self.told])?;
        while let Some(row) = rows.next()? {
            // First: an event that cannot be read must not stand before all later ones for ever.
            self.told = row.get(0)?;
            let _nobody_listens = events.send(read(row)?);
        }
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<Event, Fault> {
    Ok(match row.get_ref(1)?.as_str().unwrap_or_default() {
        "key-revoked" => Event::KeyRevoked(key_at(row, 3)?),
        "rights-lost" => Event::RightsLost(key_at(row, 3)?),
        "key-followed" => Event::KeyFollowed(key_at(row, 3)?),
        "code-burned" => Event::CodeBurned { number: row.get(2)? },
        "code-used" => Event::CodeUsed { number: row.get(2)?, key: key_at(row, 3)? },
        _ => return Err(Fault::Unreadable("kind of event")),
    })
}
