//! What every service shares: the opening message, the fault, the plain answer. Source: PROTOCOL.md §4.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// First message of a call, from the one who dialled: `{"open":{"landline":1,"service":"files"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Open {
    /// The only form there is.
    Open {
        /// Version of the protocol: 1.
        landline: u32,
        /// Which service is wanted.
        service: String,
    },
}

impl Open {
    /// An opening message of this version.
    #[must_use]
    pub fn of(service: &str) -> Self {
        Self::Open { landline: VERSION, service: service.to_owned() }
    }
}

/// Version of the protocol that this crate speaks.
pub const VERSION: u32 = 1;

/// Why something was not done, as a word that programs can act on. Source: PROTOCOL.md §4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// Not allowed, or not known; a stranger hears nothing finer.
    Refused,
    /// An introduction's code did not match; it is burned.
    NoMatch,
    /// The request is not one of this protocol.
    BadRequest,
    /// No such operation in this version.
    Unsupported,
    /// There is nothing under that name.
    NotFound,
    /// Something is in the way under that name.
    Conflict,
    /// The thing under that name is of a kind that this can't be done to.
    WrongKind,
    /// The name may not be used.
    BadName,
    /// The share is read-only.
    ReadOnly,
    /// The disk is full.
    NoSpace,
    /// The user's quota is used up.
    Quota,
    /// The bytes that arrived are not the bytes that were sent.
    Integrity,
    /// The source changed while it was read.
    Changed,
    /// The system's own permission stands in the way.
    Denied,
    /// The other end is stopping; try again later.
    Stopping,
    /// Too long without a sign of life.
    TimedOut,
    /// A fault of the machine that says it.
    Internal,
    /// A word of a later version.
    #[serde(other)]
    Unknown,
}

/// A refusal or a failure, for programs (`code`) and for people (`text`, English, to be escaped when shown).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// The word that programs act on.
    pub code: ErrorCode,
    /// The sentence for people; empty for strangers.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub text: Cow<'static, str>,
}

impl Fault {
    /// A fault with words.
    #[must_use]
    pub fn new(code: ErrorCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, text: text.into() }
    }

    /// The one answer that every refused stranger gets.
    #[must_use]
    pub fn stranger() -> Self {
        Self::new(ErrorCode::Refused, "")
    }
}

/// The answers that every service may give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// Not done, and why.
    Error(Fault),
    /// Done; nothing else to say.
    Done {},
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_wire_are_as_the_protocol_writes_them() {
        let open = serde_json::to_string(&Open::of("files")).unwrap();
        assert_eq!(open, r#"{"open":{"landline":1,"service":"files"}}"#);
        let refused = serde_json::to_string(&Reply::Error(Fault::stranger())).unwrap();
        assert_eq!(refused, r#"{"error":{"code":"refused"}}"#);
        assert_eq!(serde_json::to_string(&Reply::Done {}).unwrap(), r#"{"done":{}}"#);
    }

    #[test]
    fn a_code_of_a_later_version_is_no_fault_of_the_reader() {
        let reply: Reply = serde_json::from_str(r#"{"error":{"code":"too-tired","text":"later"}}"#).unwrap();
        assert_eq!(reply, Reply::Error(Fault::new(ErrorCode::Unknown, "later")));
    }
}
