//! Between the database library and the words of the crate.
//!
//! In: errors inside a transaction. Out: [`StoreError`], with the file named and sorted by what can be done about it.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::{DatabaseFault, StoreError};

/// Why a transaction failed. Rolls back, whichever it is.
#[derive(Debug)]
pub(super) enum Fault {
    /// The library said so.
    Library(rusqlite::Error),
    /// A stored value, of this kind, cannot be read.
    Unreadable(&'static str),
    /// We said so ourselves.
    Refused(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(fault: rusqlite::Error) -> Self {
        Fault::Library(fault)
    }
}

impl From<StoreError> for Fault {
    fn from(refusal: StoreError) -> Self {
        Fault::Refused(refusal)
    }
}

impl Fault {
    /// As told to the caller, about the database at `path`.
    pub(super) fn told(self, path: &Path) -> StoreError {
        let path = path.to_path_buf();
        let source = match self {
            Fault::Refused(refusal) => return refusal,
            Fault::Unreadable(what) => return StoreError::UnreadableRow { path, what },
            Fault::Library(source) => source,
        };
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
            Some(ErrorCode::DiskFull) => StoreError::NoSpace { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt { path },
            _ => StoreError::Database { path, source: DatabaseFault(source) },
        }
    }
}
