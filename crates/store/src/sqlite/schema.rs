//! The shape of the database, and the way from older shapes to it.
//!
//! In: a connection to a database of any age. Out: one of the newest schema, or a refusal.
//! Invariants: a migration is applied whole, once, by one process; one that has shipped is never edited; a database
//! newer than this program is not touched.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::fault::Fault;
use crate::StoreError;

/// Entry n leads from schema n to n + 1. The database keeps its number in `user_version`.
const MIGRATIONS: [&str; 3] =
    [include_str!("schema/1.sql"), include_str!("schema/2.sql"), include_str!("schema/3.sql")];

/// The schema this program works with.
const NEWEST: i64 = MIGRATIONS.len() as i64;

/// # Errors
/// [`StoreError::NewerSchema`] if a newer program made the database.
pub(super) fn refuse_newer(connection: &Connection, path: &Path) -> Result<i64, Fault> {
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > NEWEST {
        return Err(StoreError::NewerSchema { path: path.to_path_buf(), found, known: NEWEST }.into());
    }
    Ok(found)
}

/// # Errors
/// As [`refuse_newer`]; any other fault leaves the database as it was.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Fault> {
    if refuse_newer(connection, path)? == NEWEST {
        return Ok(());
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Asked again under the lock: another process may have done it meanwhile.
    let found = usize::try_from(refuse_newer(&tx, path)?).map_err(|_| Fault::Unreadable("schema number"))?;
    for migration in MIGRATIONS.iter().skip(found) {
        tx.execute_batch(migration)?;
    }
    tx.pragma_update(None, "user_version", NEWEST)?;
    Ok(tx.commit()?)
}
