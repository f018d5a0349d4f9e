//! Faults of what a call is for: serving, introductions, files.

use landline_net::DialError;
use landline_services::files::ask::FilesError;
use landline_services::files::filter::FilterError;
use landline_services::house::HouseError;
use landline_services::introduce::JoinError;
use landline_services::login::LoginFault;

use super::line::{call_fail, dial_fail, line_fail};
use super::{Fail, chain, io_exit, io_words};
use crate::exit::Exit;

/// A request for files to the machine that the person calls `name` was not done.
pub(crate) fn files_fail(name: &str, error: FilesError) -> Fail {
    let words = chain(&error);
    match error {
        FilesError::Line(error) => line_fail(name, error),
        FilesError::Call(error) => call_fail(name, &error),
        FilesError::Local(error) => Fail::new(Exit::from(error.code()), words),
        FilesError::Path { source, .. } => Fail::new(io_exit(&source), words),
        FilesError::Name { .. } => Fail::usage(words),
        FilesError::Integrity { .. } => {
            Fail::new(Exit::Integrity, words).hint("run the command again; what came out so far must not be trusted")
        }
        FilesError::Input(fault) => Fail::io("cannot read the input; nothing was published", &fault),
        FilesError::Output(fault) => Fail::io("cannot write the output", &fault),
        _ => Fail::internal(words),
    }
}

impl From<FilterError> for Fail {
    fn from(error: FilterError) -> Self {
        Self::usage(error).hint("patterns are like a shell's: '*.o', 'target/', 'docs/**/*.tmp'")
    }
}

impl From<HouseError> for Fail {
    fn from(error: HouseError) -> Self {
        let words = chain(&error);
        match error {
            HouseError::Listen { endpoint, source } => listen(&endpoint.to_string(), &source),
            HouseError::Share { source, .. } => Self::new(io_exit(&source), words).hint(SHARE_HINT),
            HouseError::Tree { source, .. } => Self::new(Exit::from(source.code()), words).hint(SHARE_HINT),
            HouseError::ServesHome { .. } => Self::new(Exit::Refused, words)
                .hint("serve a folder of its own: landline serve ./share; or keep the state elsewhere with --home"),
            HouseError::HomesInShare { .. } => {
                Self::new(Exit::Refused, words).hint("keep them apart: landline serve ./share --homes ./homes")
            }
            HouseError::NotOwner { .. } => Self::new(Exit::Refused, words)
                .hint("log in as that user, or give another state folder by --home or $LANDLINE_HOME"),
            HouseError::Store(error) => error.into(),
            _ => Self::internal(words),
        }
    }
}

const SHARE_HINT: &str = "name a folder that you may read and write: landline serve ./share";

fn listen(endpoint: &str, source: &std::io::Error) -> Fail {
    let what = format!("cannot listen on {endpoint}: {}", io_words(source));
    match source.kind() {
        std::io::ErrorKind::AddrInUse => Fail::new(Exit::Conflict, what).hint(
            "another program has this port (ss -ltnp shows which); take another one: landline serve --listen :PORT",
        ),
        std::io::ErrorKind::PermissionDenied => {
            Fail::new(Exit::Refused, what).hint("ports below 1024 need a privilege; take a higher one, like :5463")
        }
        std::io::ErrorKind::AddrNotAvailable => Fail::new(Exit::NotFound, what)
            .hint("this machine has no such address; leave the host out to listen on all of them: --listen :PORT"),
        _ => Fail::new(io_exit(source), what),
    }
}

/// What went wrong when letting this machine in at the one at `place`.
pub(crate) fn login_fail(place: &str, error: LoginFault) -> Fail {
    let words = chain(&error);
    match error {
        LoginFault::Wrong => Fail::new(Exit::Refused, words)
            .hint("type both with care; the owner of the other machine can set a new password (landline user passwd)"),
        LoginFault::TooOften(text) => Fail::new(Exit::TimedOut, format_args!("{place}: {text}"))
            .hint("other places are not held up, and the password is the same"),
        LoginFault::Refused => Fail::new(Exit::Refused, format_args!("{place} takes no login now"))
            .hint("try again in a minute, or be let in by a code: landline join"),
        LoginFault::Cost(_) => Fail::new(Exit::Refused, format_args!("{place}: {words}"))
            .hint("the password was not used; ask the owner of that machine"),
        LoginFault::NoMemory(_) => Fail::new(Exit::NoSpace, words).hint("the password was not used; close something"),
        LoginFault::Dial(error) => dial_fail(place, &error),
        LoginFault::Call(error) => call_fail(place, &error),
        _ => Fail::new(Exit::Refused, format_args!("{place}: {words}"))
            .hint("are both machines on the same version of landline? Compare landline --version"),
    }
}

/// What went wrong when introducing this machine to the one at `place`.
pub(crate) fn join_fail(place: &str, error: JoinError) -> Fail {
    let words = chain(&error);
    match error {
        JoinError::NoMatch => Fail::new(Exit::Refused, "the code did not match, or is no longer open").hint(
            "it can't be tried again: ask for a new one (landline invite) and type it with care. If it was right, \
             somebody may be between you and the other machine",
        ),
        JoinError::NotProved => Fail::new(Exit::Refused, words).hint(
            "this is not the machine that made the code, or somebody is in between: do not go on before you have \
             compared fingerprints (landline key show)",
        ),
        JoinError::Refused => Fail::new(Exit::Refused, format_args!("{place} takes no introduction now")).hint(
            "somebody else may be introduced at this moment, or too many wrong codes came from here; try again in a \
             minute, with a new code (landline invite)",
        ),
        JoinError::Dial(error) => {
            let fail = dial_fail(place, &error);
            match error {
                DialError::Connect { .. } | DialError::Handshake { .. } => fail.hint(
                    "the code was not used. Is `landline serve` running there, is this the port that it prints, and does \
                     the firewall there let it in?",
                ),
                _ => fail,
            }
        }
        JoinError::Call(error) => call_fail(place, &error),
        _ => Fail::new(Exit::Internal, words)
            .hint("are both machines on the same version of landline? Compare landline --version"),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use landline_net::CallError;
    use landline_services::files::tree::TreeError;
    use landline_wire::{ErrorCode, Fault};

    use super::*;

    #[test]
    fn files_have_their_numbers() {
        let missing = || io::Error::from_raw_os_error(2);
        let table = [
            (FilesError::from(Fault::new(ErrorCode::NotFound, "x: not found")), 8),
            (FilesError::from(Fault::new(ErrorCode::ReadOnly, "")), 5),
            (FilesError::Call(CallError::Cut), 4),
            (FilesError::Local(TreeError::NoSpace { path: b"x".to_vec() }), 7),
            (FilesError::Path { path: "x".into(), source: missing() }, 8),
            (FilesError::Integrity { path: b"x".to_vec() }, 6),
            (FilesError::Output(missing()), 8),
        ];
        for (error, code) in table {
            let words = error.to_string();
            assert_eq!(files_fail("desk", error).exit().code(), code, "{words}");
        }
    }

    #[test]
    fn a_local_path_is_named_with_the_systems_words() {
        let source = io::Error::from_raw_os_error(2);
        let fail = files_fail("desk", FilesError::Path { path: "nope.txt".into(), source });
        assert_eq!(fail.what(), "nope.txt: No such file or directory");
    }

    #[test]
    fn a_taken_port_is_a_conflict_with_a_way_out() {
        let fail = listen("tcp://*:5463", &io::Error::from_raw_os_error(98));
        assert_eq!(
            (fail.exit(), fail.what()),
            (Exit::Conflict, "cannot listen on tcp://*:5463: address already in use")
        );
        assert!(fail.hint_text().unwrap().contains("--listen :PORT"));
        assert_eq!(listen("tcp://*:80", &io::Error::from_raw_os_error(13)).exit(), Exit::Refused);
    }

    #[test]
    fn serving_the_folder_with_the_key_is_refused() {
        let error = HouseError::ServesHome { share: "/s".into(), home: "/s/home".into() };
        assert_eq!(Fail::from(error).exit(), Exit::Refused);
    }

    #[test]
    fn a_burned_code_and_a_closed_door_are_refusals() {
        for error in [JoinError::NoMatch, JoinError::NotProved, JoinError::Refused] {
            assert_eq!(join_fail("desk.example", error).exit(), Exit::Refused);
        }
        assert_eq!(join_fail("desk.example", JoinError::Call(CallError::Cut)).exit(), Exit::Unreachable);
        assert_eq!(join_fail("desk.example", JoinError::Protocol { what: "it began twice" }).exit(), Exit::Internal);
    }
}
