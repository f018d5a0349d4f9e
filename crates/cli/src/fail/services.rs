//! Faults of what a call is for: serving, introductions, files.

use landline_services::files::ask::FilesError;
use landline_services::files::filter::FilterError;
use landline_services::house::HouseError;
use landline_services::introduce::JoinError;

use super::line::{call_fail, dial_fail, fault_fail, line_fail};
use super::{Fail, chain, io_exit};
use crate::exit::Exit;

/// A request for files to the machine that the person calls `name` was not done.
pub fn files_fail(name: &str, error: FilesError) -> Fail {
    match error {
        FilesError::Fault(fault) => fault_fail(name, &fault),
        FilesError::Call(error) => call_fail(name, &error),
        FilesError::Line(error) => line_fail(name, error),
        FilesError::Local { source, .. } => Fail::new(Exit::from(source.code()), chain(&source)),
        other => Fail::new(Exit::Integrity, format_args!("{name}: {}", chain(&other)))
            .hint("what was there before is still there; run the command again"),
    }
}

impl From<FilterError> for Fail {
    fn from(error: FilterError) -> Self {
        Self::usage(error).hint("patterns are like a shell's: *.o, target/, docs/**/*.tmp")
    }
}

impl From<HouseError> for Fail {
    fn from(error: HouseError) -> Self {
        match error {
            HouseError::AlreadyServing { pid, home } => {
                Self::new(Exit::Conflict, format_args!("process {pid} already serves {}", home.display())).hint(format_args!(
                    "one server a home is enough: to start it anew, end the first one (kill {pid}); for a second \
                     machine on this computer choose another folder with --home"
                ))
            }
            HouseError::Listen { endpoint, source } => listen(&endpoint.to_string(), &source),
            HouseError::Share { path, source } => {
                Self::new(io_exit(&source), format_args!("cannot serve {}: {}", path.display(), super::io_words(&source)))
                    .hint("name a folder that you may read and write: landline serve ./share")
            }
            HouseError::Store(error) => error.into(),
            other => Self::new(Exit::Internal, chain(&other)),
        }
    }
}

fn listen(endpoint: &str, source: &std::io::Error) -> Fail {
    let what = format!("cannot listen on {endpoint}: {}", super::io_words(source));
    match source.kind() {
        std::io::ErrorKind::AddrInUse => Fail::new(Exit::Conflict, what).hint(
            "another program has this port; find it with: ss -ltnp, or take another port: landline serve --listen :PORT",
        ),
        std::io::ErrorKind::PermissionDenied => {
            Fail::new(Exit::Refused, what).hint("ports below 1024 need a privilege; take a higher one, like :5463")
        }
        std::io::ErrorKind::AddrNotAvailable => Fail::new(Exit::NotFound, what)
            .hint("this machine has no such address; leave the host out to listen on all: --listen :PORT"),
        _ => Fail::new(io_exit(source), what),
    }
}

/// What went wrong when introducing this machine to the one at `place`.
pub fn join_fail(place: &str, error: JoinError) -> Fail {
    match error {
        JoinError::NoMatch => {
            Fail::new(Exit::Refused, "the code did not match, and is used up").hint(
                "ask for a new code (landline invite) and type it with care; if it was right, somebody may be in \
                 between you and the other machine",
            )
        }
        JoinError::Refused => Fail::new(Exit::Refused, format_args!("{place} takes no introduction with this code")).hint(
            "the code may have run out, been used, or be for another machine; ask for a new one: landline invite",
        ),
        JoinError::Dial(error) => dial_fail(place, &error),
        JoinError::Call(error) => call_fail(place, &error),
        other => Fail::new(Exit::Internal, chain(&other)),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use landline_net::CallError;
    use landline_wire::{ErrorCode, Fault};

    use super::*;

    #[test]
    fn files_have_their_numbers() {
        let table = [
            (FilesError::Fault(Fault::new(ErrorCode::NotFound, "x: not found")), 8),
            (FilesError::Fault(Fault::new(ErrorCode::ReadOnly, "")), 5),
            (FilesError::Call(CallError::Cut), 4),
        ];
        for (error, code) in table {
            assert_eq!(files_fail("desk", error).exit().code(), code);
        }
    }

    #[test]
    fn a_taken_port_is_a_conflict_with_a_way_out() {
        let fail = listen("tcp://*:5463", &io::Error::from_raw_os_error(98));
        assert_eq!((fail.exit(), fail.what()), (Exit::Conflict, "cannot listen on tcp://*:5463: address already in use"));
        assert!(fail.hint_text().unwrap().contains("--listen :PORT"));
        assert_eq!(listen("tcp://*:80", &io::Error::from_raw_os_error(13)).exit(), Exit::Refused);
    }

    #[test]
    fn a_burned_code_and_a_closed_door_are_refusals() {
        assert_eq!(join_fail("desk.example", JoinError::NoMatch).exit(), Exit::Refused);
        assert_eq!(join_fail("desk.example", JoinError::Refused).exit(), Exit::Refused);
        assert_eq!(join_fail("desk.example", JoinError::Call(CallError::Cut)).exit(), Exit::Unreachable);
    }
}
