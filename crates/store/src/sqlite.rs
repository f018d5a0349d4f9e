//! The embedded database behind the domain traits.
//!
//! In: calls of the traits. Out: durable rows, and the events of committed changes.
//! How: one connection per handle, used by one call at a time on a blocking thread; WAL, so that readers of other
//! processes never wait; every change in one IMMEDIATE transaction, flushed to disk before the call returns.
//! Invariant: a result is returned and an event told only after the commit; a fault after it is not an error.

mod backup;
mod codes;
mod contacts;
mod events;
mod fault;
mod keys;
mod passwords;
mod schema;
mod successors;
mod time;
mod users;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{Mutex, broadcast};

use crate::{Event, Home, StoreError};
use fault::Fault;

/// How long a call waits for another process that is writing. Writes take milliseconds; this is a hung process.
const BUSY_LIMIT: Duration = Duration::from_secs(5);
/// The pause between tries to open, where SQLite itself does not wait.
const OPEN_PAUSE: Duration = Duration::from_millis(10);
/// Events kept for a listener that has not taken them yet; one that falls behind is told so by the channel.
const EVENT_QUEUE: usize = 256;
/// Most problems that an integrity check lists: enough to see that, and where, a file is broken.
const MAX_PROBLEMS: usize = 100;

/// The database of a home. Cheap to clone; all clones share a connection and the events.
///
/// Needs a tokio runtime for everything but [`Store::open`]. A call whose future is dropped may still take effect.
#[derive(Clone)]
pub struct Store {
    /// An asynchronous lock: a call that waits its turn must not hold a blocking thread meanwhile.
    database: Arc<Mutex<Database>>,
    events: broadcast::Sender<Event>,
    path: Arc<Path>,
}

struct Database {
    connection: Connection,
    /// The last event that was told on this handle.
    told: i64,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database of `home`, making it at first use and bringing an older one up to date. Blocks: a few
    /// milliseconds as a rule, up to about ten seconds if another process keeps the database busy.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`], [`StoreError::Busy`], [`StoreError::Corrupt`], [`StoreError::NoSpace`],
    /// [`StoreError::Io`], [`StoreError::Database`].
    pub fn open(home: &Home) -> Result<Store, StoreError> {
        let path = home.database_path();
        if !path.exists() {
            home.place_once(Home::DATABASE, &[])?; // SQLite would make it readable by others; WAL files copy its mode
        }
        let start = Instant::now();
        let database = loop {
            match connect(&path).map_err(|fault| fault.told(&path)) {
                // Turning WAL on, and cleaning up after the last user of a database, lock others out without a wait.
                Err(StoreError::Busy { .. }) if start.elapsed() < BUSY_LIMIT => std::thread::sleep(OPEN_PAUSE),
                outcome => break outcome?,
            }
        };
        let (events, _) = broadcast::channel(EVENT_QUEUE);
        Ok(Store { database: Arc::new(Mutex::new(database)), events, path: path.into() })
    }

    /// What is changed from now on, by this handle and its clones at once; by other handles and processes when this one
    /// is next used, or by [`Store::pull_events`].
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Tells the events of other processes. A long-running process calls this about once a second; it costs one read.
    ///
    /// # Errors
    /// Any fault of the database.
    pub async fn pull_events(&self) -> Result<(), StoreError> {
        self.read(|_| Ok(())).await
    }

    /// Checks the whole database. Each line is a problem; none means that it is sound.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is too broken to be checked, or any other fault of the database.
    pub async fn integrity(&self) -> Result<Vec<String>, StoreError> {
        self.read(|tx| {
            let mut problems = Vec::new();
            tx.pragma(None, "integrity_check", MAX_PROBLEMS as i64, |row| {
                problems.push(row.get::<_, String>(0)?);
                Ok(())
            })?;
            problems.retain(|line| line != "ok");
            tx.pragma_query(None, "foreign_key_check", |row| {
                let (table, parent) = (row.get::<_, String>(0)?, row.get::<_, String>(2)?);
                problems.push(format!("a row of {table} refers to a missing {parent}"));
                Ok(())
            })?;
            problems.truncate(MAX_PROBLEMS);
            Ok(problems)
        })
        .await
    }

    /// Runs `work` over one consistent view. What it writes is thrown away.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(|connection| work(&connection.transaction()?)).await
    }

    /// Runs `work` as the only writer and commits if it succeeds: all of it or nothing.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        // IMMEDIATE: what the work reads stays true until it writes, also against other processes.
        self.run(|connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&tx)?;
            tx.commit()?;
            Ok(result)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut database = Arc::clone(&self.database).lock_owned().await;
        let (events, path) = (self.events.clone(), Arc::clone(&self.path));
        let task = tokio::task::spawn_blocking(move || {
            let result = work(&mut database.connection).map_err(|fault| fault.told(&path));
            // Told before the lock goes, so that events keep their order.
            if let Err(fault) = database.tell(&events) {
                // The change itself is done: calling it failed would be a lie. The events stay, for the next call.
                tracing::error!(fault = %fault.told(&path), "events not told");
            }
            result
        });
        match task.await {
            Ok(result) => result,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_cancelled) => Err(StoreError::Closing),
            },
        }
    }
}

fn connect(path: &PathBuf) -> Result<Database, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    // Before anything is changed, be it only the journal: a newer database is left exactly as it was.
    schema::refuse_newer(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema::migrate(&mut connection, path)?;
    let told = events::newest(&connection)?;
    Ok(Database { connection, told })
}

#[cfg(test)]
mod tests;
