//! Exit codes: the one number that scripts act on.
//!
//! Source: decision 16 of ARCHITECTURE.md. The manual page prints this table; nothing else invents a number.

use landline_wire::ErrorCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// All of it was done.
    Done = 0,
    /// The answer is "no", or two things differ.
    No = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Some of it was done.
    Partial = 3,
    /// Nobody answered, or the line was lost.
    Unreachable = 4,
    /// Somebody, here or there, said no.
    Refused = 5,
    /// The bytes are not those that they should be.
    Integrity = 6,
    /// No room for more.
    NoSpace = 7,
    /// There is no such thing.
    NotFound = 8,
    /// Something is in the way.
    Conflict = 9,
    /// It took too long.
    TimedOut = 10,
    /// A fault of landline's own.
    Internal = 70,
    /// The user stopped it.
    Interrupted = 130,
}

impl Exit {
    /// Every code, in order.
    pub(crate) const ALL: [Self; 13] = [
        Self::Done,
        Self::No,
        Self::Usage,
        Self::Partial,
        Self::Unreachable,
        Self::Refused,
        Self::Integrity,
        Self::NoSpace,
        Self::NotFound,
        Self::Conflict,
        Self::TimedOut,
        Self::Internal,
        Self::Interrupted,
    ];

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// The word for it in JSON.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::No => "no",
            Self::Usage => "usage",
            Self::Partial => "partial",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Integrity => "integrity",
            Self::NoSpace => "no-space",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::TimedOut => "timed-out",
            Self::Internal => "internal",
            Self::Interrupted => "interrupted",
        }
    }

    /// What it means, for the manual page.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "everything was done",
            Self::No => "the answer is no (for example: doctor found something bad)",
            Self::Usage => "the command line, a pattern or the configuration is wrong",
            Self::Partial => "some of it was done; what was not is named on standard error",
            Self::Unreachable => "the other machine can't be reached, or the line to it was cut",
            Self::Refused => "not allowed, a code that did not match, or a machine with the wrong key",
            Self::Integrity => {
                "bytes arrived that are not those that were sent, or a file of landline's own is damaged"
            }
            Self::NoSpace => "the disk is full or a quota is used up",
            Self::NotFound => "there is no such file, contact, key or call",
            Self::Conflict => "something is in the way: a name that is taken, a file that changed, a server that runs",
            Self::TimedOut => "it took too long",
            Self::Internal => "a fault of landline itself",
            Self::Interrupted => "stopped by Ctrl-C or a signal",
        }
    }
}

impl From<ErrorCode> for Exit {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::Conflict | ErrorCode::WrongKind | ErrorCode::Changed => Self::Conflict,
            ErrorCode::NoSpace | ErrorCode::Quota => Self::NoSpace,
            ErrorCode::Integrity => Self::Integrity,
            ErrorCode::Stopping => Self::Unreachable,
            ErrorCode::TimedOut => Self::TimedOut,
            ErrorCode::Internal | ErrorCode::BadRequest => Self::Internal,
            // Refused, NoMatch, BadName, ReadOnly, Denied, Unsupported, and words of a later version: it said no.
            _ => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_decision_16() {
        let numbers: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 70, 130]);
    }

    #[test]
    fn no_two_codes_share_a_word() {
        let mut words: Vec<_> = Exit::ALL.iter().map(|exit| exit.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Exit::ALL.len());
        assert!(Exit::ALL.iter().all(|exit| !exit.meaning().is_empty()));
    }

    #[test]
    fn every_word_of_the_wire_has_its_number() {
        use ErrorCode as E;
        let table = [
            (E::Refused, 5),
            (E::NoMatch, 5),
            (E::BadRequest, 70),
            (E::Unsupported, 5),
            (E::NotFound, 8),
            (E::Conflict, 9),
            (E::WrongKind, 9),
            (E::BadName, 5),
            (E::ReadOnly, 5),
            (E::NoSpace, 7),
            (E::Quota, 7),
            (E::Integrity, 6),
            (E::Changed, 9),
            (E::Denied, 5),
            (E::Stopping, 4),
            (E::TimedOut, 10),
            (E::Internal, 70),
            (E::Unknown, 5),
        ];
        for (word, number) in table {
            assert_eq!(Exit::from(word).code(), number, "{word:?}");
        }
    }
}
