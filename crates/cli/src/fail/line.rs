//! Faults of the line: no contact, no answer, the wrong key, a cut in the middle.

use landline_addr::DEFAULT_PORT;
use landline_addr::contact::LOCALHOST;
use landline_net::{CallError, DialError};
use landline_services::line::LineError;
use landline_wire::{ErrorCode, Fault};

use super::{Fail, chain, fault_words, nearest};
use crate::exit::Exit;

/// Who calls another machine says its name, by [`line_fail`]; without one it is the own server that was called.
impl From<LineError> for Fail {
    fn from(error: LineError) -> Self {
        line_fail(LOCALHOST, error)
    }
}

/// `error` on the way to the machine that the person calls `name`.
pub(crate) fn line_fail(name: &str, error: LineError) -> Fail {
    if let LineError::Store(error) = error {
        return error.into();
    }
    match &error {
        LineError::NoContact { name, known } => no_contact(name, known),
        LineError::NotServing { socket } => Fail::new(
            Exit::Unreachable,
            format_args!("landline is not serving here: nobody listens on {}", socket.display()),
        )
        .hint("start it in another terminal: landline serve ./share"),
        LineError::NoAddress { name } => Fail::new(Exit::Unreachable, format_args!("no address is known for {name}"))
            .hint(format_args!("tell where it is: landline contacts address {name} HOST:PORT")),
        LineError::Unreachable { name, tried } => unreachable(name, tried),
        LineError::Dial(error) => dial_fail(name, error),
        LineError::Call(error) => call_fail(name, error),
        LineError::Impostor { .. } => {
            Fail::new(Exit::Refused, chain(&error)).hint("nothing was sent to it; end that program")
        }
        _ => Fail::internal(chain(&error)),
    }
}

fn no_contact(name: &str, known: &[String]) -> Fail {
    let fail = Fail::new(Exit::NotFound, format_args!("there is no contact called {name}"));
    if let Some(near) = nearest(name, known.iter().map(String::as_str)) {
        return fail.hint(format_args!("did you mean {near}?"));
    }
    if known.is_empty() {
        return fail.hint(format_args!(
            "you have no contacts yet: ask the other machine's owner for a code (landline invite), \
             then run here: landline join HOST --name {name}"
        ));
    }
    fail.hint(format_args!("you have: {}", known.join(", ")))
}

fn unreachable(name: &str, tried: &[DialError]) -> Fail {
    // One way in is enough to know better than "unreachable": somebody did answer.
    if let Some(answered) = tried.iter().find(|error| matches!(error, DialError::WrongKey { .. })) {
        return dial_fail(name, answered);
    }
    let fail = Fail::new(Exit::Unreachable, format_args!("{name} can't be reached"));
    let fail = tried.iter().fold(fail, |fail, error| fail.cause(chain(error)));
    fail.hint(reach_hint(name))
}

fn reach_hint(name: &str) -> String {
    format!(
        "is `landline serve` running there, and does its firewall let TCP port {DEFAULT_PORT} (or the one it uses) in? \
         If its address has changed: landline contacts address {name} HOST:PORT"
    )
}

/// No call came about with the machine that the person calls `name`.
pub(crate) fn dial_fail(name: &str, error: &DialError) -> Fail {
    match error {
        DialError::WrongKey { .. } => Fail::new(Exit::Refused, chain(error)).hint(format_args!(
            "nothing was sent to it, but the question whether the key you know has named this one. If {name} was set up anew, compare this key with its owner, then: \
             landline contacts remove {name}, and landline join again. If not, somebody may be in between"
        )),
        DialError::Resolve { .. } => {
            Fail::new(Exit::Unreachable, chain(error)).hint("check the spelling, or use the machine's IP address")
        }
        DialError::Connect { .. } | DialError::Handshake { .. } => {
            Fail::new(Exit::Unreachable, chain(error)).hint(reach_hint(name))
        }
        DialError::Unusable { .. } => Fail::usage(chain(error)).hint("give an address of the form HOST:PORT"),
        DialError::Call(error) => call_fail(name, error),
        _ => Fail::internal(chain(error)),
    }
}

/// A call with the machine that the person calls `name` ended badly.
pub(crate) fn call_fail(name: &str, error: &CallError) -> Fail {
    match error {
        CallError::Fault(fault) => fault_fail(name, fault),
        CallError::Cut => Fail::new(Exit::Unreachable, format_args!("the line to {name} was cut"))
            .hint("what was not finished has changed nothing; run the command again"),
        CallError::HungUp => Fail::new(Exit::Unreachable, format_args!("{name} hung up"))
            .hint("it may be stopping, or may no longer know this machine; try again"),
        CallError::Silent(time) => {
            Fail::new(Exit::TimedOut, format_args!("no sign of life from {name} for {} s", time.as_secs()))
                .hint("what was not finished has changed nothing; run the command again")
        }
        CallError::Io(_) => Fail::new(Exit::Unreachable, format_args!("the line to {name} failed: {}", chain(error))),
        _ => Fail::new(Exit::Internal, format_args!("{name}: {}", chain(error)))
            .hint("are both machines on the same version of landline? Compare landline --version"),
    }
}

/// The machine that the person calls `name` said no, or that it failed.
pub(crate) fn fault_fail(name: &str, fault: &Fault) -> Fail {
    // What a machine says to strangers has no words; to everybody else it says which path is meant.
    if fault.code == ErrorCode::Refused && fault.text.is_empty() && name == LOCALHOST {
        return Fail::new(Exit::Refused, "the server of this home answers to its owner only")
            .reason(fault.code)
            .hint("run the command as the user who owns the home");
    }
    if fault.code == ErrorCode::Refused && fault.text.is_empty() {
        return Fail::new(Exit::Refused, format_args!("{name} refused this call")).reason(fault.code).hint(
            "it does not know this machine's key (any more): ask its owner for a code (landline invite) and run \
             landline join; `landline key show` prints this machine's fingerprint",
        );
    }
    let fail = Fail::new(Exit::from(fault.code), format_args!("{name}: {}", fault_words(fault))).reason(fault.code);
    match fault.code {
        ErrorCode::ReadOnly => fail.hint("its owner serves the folder with --read-only, or its disk is read-only"),
        ErrorCode::NoSpace => fail.hint("what was there before is still there; make room on that machine"),
        ErrorCode::Integrity => fail.hint("what was there before is still there; run the command again"),
        ErrorCode::Internal => fail.hint("the other machine's log (landline serve -v) says more"),
        _ => fail,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use landline_net::Peer;
    use landline_trust::key::PublicKey;

    use super::*;

    fn refused() -> DialError {
        let source = io::Error::from_raw_os_error(111);
        DialError::Connect { endpoint: "tcp://192.0.2.1:5463".to_owned(), source }
    }

    #[test]
    fn an_unknown_contact_is_told_what_was_probably_meant() {
        let known = vec!["attic".to_owned(), "desk".to_owned()];
        let fail = no_contact("dsk", &known);
        assert_eq!((fail.exit(), fail.hint_text()), (Exit::NotFound, Some("did you mean desk?")));
        assert!(no_contact("garage", &known).hint_text().unwrap().contains("attic, desk"));
        assert!(no_contact("desk", &[]).hint_text().unwrap().contains("landline join HOST --name desk"));
    }

    #[test]
    fn every_address_that_was_tried_is_told_with_its_reason() {
        let fail = unreachable("desk", &[refused(), refused()]);
        assert_eq!(fail.exit(), Exit::Unreachable);
        assert_eq!(fail.what(), "desk can't be reached");
        assert_eq!(fail.causes()[0], "nothing answers at tcp://192.0.2.1:5463: connection refused");
        assert_eq!(fail.causes().len(), 2);
    }

    #[test]
    fn a_wrong_key_weighs_more_than_a_dead_address() {
        let shown = Peer::Key(PublicKey::from_bytes([7; 32]));
        let wrong = DialError::WrongKey { endpoint: "tcp://192.0.2.1:5463".to_owned(), shown };
        let fail = unreachable("desk", &[refused(), wrong]);
        assert_eq!(fail.exit(), Exit::Refused);
        assert!(fail.hint_text().unwrap().contains("landline contacts remove desk"), "{fail:?}");
    }

    #[test]
    fn calls_that_end_badly_have_their_numbers() {
        let table = [
            (CallError::Cut, 4),
            (CallError::HungUp, 4),
            (CallError::Silent(Duration::from_secs(60)), 10),
            (CallError::Fault(Fault::stranger()), 5),
            (CallError::Fault(Fault::new(ErrorCode::NoSpace, "x")), 7),
            (CallError::OutOfTurn { got: "data", wanted: "message" }, 70),
        ];
        for (error, code) in table {
            assert_eq!(call_fail("desk", &error).exit().code(), code, "{error}");
        }
        assert_eq!(call_fail("desk", &CallError::Cut).what(), "the line to desk was cut");
    }

    #[test]
    fn a_refused_stranger_is_told_how_to_be_introduced() {
        let fail = fault_fail("desk", &Fault::stranger());
        assert_eq!(fail.what(), "desk refused this call");
        assert!(fail.hint_text().unwrap().contains("landline join"));
        assert_eq!(fail.reason, Some(ErrorCode::Refused));
    }

    #[test]
    fn what_the_other_machine_says_cannot_act_on_the_screen() {
        let fail = fault_fail("desk", &Fault::new(ErrorCode::NotFound, "a\u{1b}[2J: not found"));
        assert_eq!(fail.what(), "desk: a\\u{1b}[2J: not found");
    }
}
