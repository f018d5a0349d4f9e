//! Fail: an error becomes words and an exit code, here and nowhere else.
//!
//! In: the error enums of the floors below. Out: a [`Fail`]: what went wrong, why, what to do about it, and a number.
//! Invariant: every text in a [`Fail`] is harmless on a screen ([`tame`]).

use std::error::Error;
use std::fmt::Display;
use std::io;

use landline_wire::{ErrorCode, Fault};
use serde::Serialize;

use crate::exit::Exit;
use crate::screen::tame;

mod line;
mod near;
mod services;
mod store;

pub(crate) use line::{dial_fail, line_fail};
pub(crate) use near::nearest;
pub(crate) use services::{files_fail, join_fail, login_fail};

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fail {
    exit: Exit,
    what: String,
    causes: Vec<String>,
    hint: Option<String>,
    /// The word of the wire, where the other machine gave one.
    reason: Option<ErrorCode>,
    /// The system's number, where it is of use: at raw sockets.
    errno: Option<i32>,
}

/// A failure for programs: `{"error":{"code":"not-found","text":"…","hint":"…","exit":8}}`.
#[derive(Debug, Serialize)]
pub(crate) struct FailObject<'a> {
    error: Inner<'a>,
}

#[derive(Debug, Serialize)]
struct Inner<'a> {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ErrorCode>,
    text: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    causes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno: Option<i32>,
    exit: u8,
}

impl Fail {
    /// `what` went wrong and why, in one sentence without a full stop.
    pub(crate) fn new(exit: Exit, what: impl Display) -> Self {
        Self { exit, what: tame(&what.to_string()), causes: Vec::new(), hint: None, reason: None, errno: None }
    }

    /// The command line or the configuration is wrong.
    pub(crate) fn usage(what: impl Display) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// `what` could not be done because the system said `source`.
    pub(crate) fn io(what: impl Display, source: &io::Error) -> Self {
        Self::new(io_exit(source), format_args!("{what}: {}", io_words(source)))
    }

    /// A fault of landline's own, or of its libraries, that nobody can be told how to avoid.
    pub(crate) fn internal(what: impl Display) -> Self {
        Self::new(Exit::Internal, what)
            .hint("this should not happen; please report it, with what `landline doctor` prints")
    }

    /// Stopped by Ctrl-C or a signal.
    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "stopped; what was not finished has changed nothing")
    }

    /// What the person can do about it.
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(tame(&hint.to_string()));
        self
    }

    /// One thing that led to it, on a line of its own.
    pub(crate) fn cause(mut self, cause: impl Display) -> Self {
        self.causes.push(tame(&cause.to_string()));
        self
    }

    /// Which line of a script it was.
    pub(crate) fn at(mut self, place: impl Display) -> Self {
        self.what = tame(&format!("{place}: {}", self.what));
        self
    }

    /// The number that the system gave, for programs.
    pub(crate) fn errno(mut self, number: i32) -> Self {
        self.errno = Some(number);
        self
    }

    fn reason(mut self, code: ErrorCode) -> Self {
        self.reason = Some(code);
        self
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// What went wrong.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// What led to it.
    pub(crate) fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What can be done.
    pub(crate) fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// For programs.
    pub(crate) fn object(&self) -> FailObject<'_> {
        FailObject {
            error: Inner {
                code: self.exit.word(),
                reason: self.reason,
                text: &self.what,
                causes: &self.causes,
                hint: self.hint.as_deref(),
                errno: self.errno,
                exit: self.exit.code(),
            },
        }
    }
}

/// What `fault` of the other machine says, with words even where it gave none.
pub(crate) fn fault_words(fault: &Fault) -> String {
    if fault.text.is_empty() { code_words(fault.code).to_owned() } else { tame(&fault.text) }
}

/// A sentence for a word of the wire.
fn code_words(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Refused => "not allowed",
        ErrorCode::NoMatch => "the code did not match",
        ErrorCode::BadRequest => "it did not understand the request",
        ErrorCode::Unsupported => "it cannot do that in its version of landline",
        ErrorCode::NotFound => "there is nothing under that name",
        ErrorCode::Conflict => "something is in the way under that name",
        ErrorCode::WrongKind => "what has that name is of the wrong kind",
        ErrorCode::BadName => "the name may not be used",
        ErrorCode::ReadOnly => "the share is read-only",
        ErrorCode::NoSpace => "the disk is full",
        ErrorCode::Quota => "the quota is used up",
        ErrorCode::Integrity => "the bytes that arrived are not those that were sent",
        ErrorCode::Changed => "the file changed while it was read",
        ErrorCode::Denied => "the system's permissions stand in the way",
        ErrorCode::Stopping => "it is stopping; try again later",
        ErrorCode::TimedOut => "it took too long",
        ErrorCode::Internal => "it had a fault of its own",
        _ => "it said no, for a reason that this version of landline does not know",
    }
}

/// What the system said, without the number that only programmers know.
pub(crate) fn io_words(fault: &io::Error) -> String {
    let text = fault.to_string();
    let text = match text.split_once(" (os error") {
        Some((words, _)) => words,
        None => &text,
    };
    let mut letters = text.chars();
    match letters.next() {
        // "No such file" but not "TLS alert"
        Some(first) if letters.clone().next().is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// The exit code of a fault of the system at a local path.
pub(crate) fn io_exit(fault: &io::Error) -> Exit {
    match fault.kind() {
        io::ErrorKind::NotFound => Exit::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Exit::Refused,
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::AddrInUse
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::DirectoryNotEmpty => Exit::Conflict,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Exit::NoSpace,
        io::ErrorKind::TimedOut => Exit::TimedOut,
        _ => Exit::Internal,
    }
}

/// An error and what caused it, `what: why`, without saying anything twice.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = strip(error);
    let mut source = error.source();
    while let Some(cause) = source {
        let words = strip(cause);
        if !text.to_lowercase().contains(&words.to_lowercase()) {
            text = format!("{text}: {words}");
        }
        source = cause.source();
    }
    text
}

fn strip(error: &(dyn Error + 'static)) -> String {
    if let Some(fault) = error.downcast_ref::<io::Error>() {
        return io_words(fault);
    }
    let text = error.to_string();
    // the system's words inside a sentence: "… No such file or directory (os error 2) …"
    let rest = text.split_once(" (os error ").and_then(|(head, tail)| Some((head, tail.split_once(')')?.1)));
    match rest {
        Some((head, tail)) => format!("{head}{tail}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_act_on_the_screen() {
        let fail = Fail::new(Exit::Refused, "a\u{1b}[2J").cause("b\rc").hint("d\u{202e}");
        assert_eq!(fail.what(), "a\\u{1b}[2J");
        assert_eq!(fail.causes(), ["b\\rc"]);
        assert_eq!(fail.hint_text(), Some("d\\u{202e}"));
    }

    #[test]
    fn a_failure_is_one_object_for_programs() {
        let fail = Fail::new(Exit::NotFound, "there is no contact dsk").hint("did you mean desk?");
        let json = serde_json::to_string(&fail.object()).unwrap();
        let expected =
            r#"{"error":{"code":"not-found","text":"there is no contact dsk","hint":"did you mean desk?","exit":8}}"#;
        assert_eq!(json, expected);
    }

    #[test]
    fn the_systems_words_lose_their_number_and_their_capital() {
        assert_eq!(io_words(&io::Error::from_raw_os_error(2)), "no such file or directory");
        assert_eq!(io_words(&io::Error::other("TLS alert")), "TLS alert");
    }

    #[test]
    fn a_fault_without_words_gets_some() {
        assert_eq!(fault_words(&Fault::new(ErrorCode::NoSpace, "")), "the disk is full");
        assert_eq!(fault_words(&Fault::new(ErrorCode::NoSpace, "x: full\u{7}")), "x: full\\u{7}");
    }
}
