//! Faults of memory, of endpoints and paths: their words are good as they are; here they get numbers and hints.

use landline_addr::path::PathError;
use landline_store::StoreError;

use super::{Fail, chain, io_exit};
use crate::exit::Exit;

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        let words = chain(&error);
        if let Some(remedy) = remedy(&error) {
            let what = words.strip_suffix(&format!(": {remedy}")).unwrap_or(&words);
            return Self::new(exit(&error), what).hint(remedy);
        }
        let fail = Self::new(exit(&error), words);
        match &error {
            StoreError::AlreadyServing { pid, .. } => {
                fail.hint(format_args!("one server a home is enough; to start it anew, end the first one: kill {pid}"))
            }
            StoreError::UnknownContact { .. } => fail.hint("landline contacts list shows the names you have"),
            _ => fail,
        }
    }
}

/// What the words of `error` say at their end that can be done about it.
fn remedy(error: &StoreError) -> Option<String> {
    let remedy = match error {
        StoreError::NoHome => "set LANDLINE_HOME, or HOME",
        StoreError::NotYours { .. } => "run as its owner, or choose another folder with LANDLINE_HOME",
        StoreError::HomeExposed { path, .. } => return Some(format!("chmod 700 {}", path.display())),
        StoreError::KeyExposed { path, .. } => return Some(format!("chmod 600 {}", path.display())),
        StoreError::KeyDamaged { .. } => "put back a copy, or move it away to get a new identity",
        StoreError::SuccessorsDamaged { .. } => {
            "put back a copy, or move it away; who knows only an older key must then be introduced anew"
        }
        StoreError::NewerSchema { .. } => "upgrade landline",
        StoreError::Busy { .. } => "try again, or end that process",
        StoreError::Corrupt { .. } => "put back a copy, or move it away to start empty",
        StoreError::NoFreeNumber => "wait until one expires, or withdraw one",
        StoreError::ContactTaken { .. } => "choose another name, or remove that contact first",
        _ => return None,
    };
    Some(remedy.to_owned())
}

fn exit(error: &StoreError) -> Exit {
    match error {
        StoreError::NoHome => Exit::Usage,
        StoreError::Io { source, .. } => io_exit(source),
        StoreError::NotYours { .. }
        | StoreError::HomeExposed { .. }
        | StoreError::KeyExposed { .. }
        | StoreError::SocketDir { .. }
        | StoreError::NewerSchema { .. } => Exit::Refused,
        StoreError::KeyDamaged { .. }
        | StoreError::SuccessorsDamaged { .. }
        | StoreError::Corrupt { .. }
        | StoreError::UnreadableRow { .. } => Exit::Integrity,
        StoreError::AlreadyServing { .. }
        | StoreError::LockNameless { .. }
        | StoreError::NumberTaken { .. }
        | StoreError::ContactTaken { .. } => Exit::Conflict,
        StoreError::Busy { .. } => Exit::TimedOut,
        StoreError::NoSpace { .. } | StoreError::NoFreeNumber => Exit::NoSpace,
        StoreError::UnknownUser { .. } | StoreError::UnknownContact { .. } => Exit::NotFound,
        // Random, Database, Closing, ContactWithoutKey: nothing the person did
        _ => Exit::Internal,
    }
}

impl From<PathError> for Fail {
    fn from(error: PathError) -> Self {
        Self::usage(error)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn faults_of_memory_have_their_numbers() {
        let path = || "/h/landline.db".into();
        let name = || "desk".parse().unwrap();
        let table = [
            (StoreError::NoHome, 2),
            (StoreError::Io { doing: "make", path: path(), source: io::ErrorKind::PermissionDenied.into() }, 5),
            (StoreError::Io { doing: "make", path: path(), source: io::ErrorKind::StorageFull.into() }, 7),
            (StoreError::NotYours { path: path(), owner: 1, you: 2 }, 5),
            (StoreError::KeyExposed { path: path(), mode: 0o644 }, 5),
            (StoreError::KeyDamaged { path: path(), why: "short" }, 6),
            (StoreError::SuccessorsDamaged { path: path(), why: "short" }, 6),
            (StoreError::AlreadyServing { path: path(), pid: 7 }, 9),
            (StoreError::Busy { path: path() }, 10),
            (StoreError::NoSpace { path: path() }, 7),
            (StoreError::Corrupt { path: path() }, 6),
            (StoreError::Closing, 70),
            (StoreError::UnknownContact { name: name() }, 8),
            (StoreError::ContactTaken { name: name() }, 9),
        ];
        for (error, code) in table {
            let words = error.to_string();
            assert_eq!(Fail::from(error).exit().code(), code, "{words}");
        }
    }

    #[test]
    fn what_can_be_done_is_a_hint_and_said_once() {
        let path = || "/h: x/key".into();
        let errors = [
            StoreError::NoHome,
            StoreError::NotYours { path: path(), owner: 1, you: 2 },
            StoreError::HomeExposed { path: path(), mode: 0o777 },
            StoreError::KeyExposed { path: path(), mode: 0o644 },
            StoreError::KeyDamaged { path: path(), why: "short" },
            StoreError::SuccessorsDamaged { path: path(), why: "short" },
            StoreError::NewerSchema { path: path(), found: 9, known: 1 },
            StoreError::Busy { path: path() },
            StoreError::Corrupt { path: path() },
            StoreError::NoFreeNumber,
            StoreError::ContactTaken { name: "desk".parse().unwrap() },
        ];
        for error in errors {
            let (words, remedy) = (error.to_string(), remedy(&error).unwrap());
            let fail = Fail::from(error);
            assert_eq!(format!("{}: {remedy}", fail.what()), words);
            assert_eq!(fail.hint_text(), Some(remedy.as_str()));
        }
    }

    #[test]
    fn a_second_server_is_told_which_process_is_the_first() {
        let fail = Fail::from(StoreError::AlreadyServing { path: "/h/lock".into(), pid: 4711 });
        assert!(fail.what().contains("4711") && fail.hint_text().unwrap().contains("kill 4711"), "{fail:?}");
    }

    #[test]
    fn the_systems_words_stand_without_their_number() {
        let source = io::Error::from_raw_os_error(13);
        let fail = Fail::from(StoreError::Io { doing: "make the state folder", path: "/x".into(), source });
        assert_eq!(fail.what(), "cannot make the state folder /x: Permission denied");
    }
}
