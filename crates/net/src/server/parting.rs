//! How a connection ended, for whoever keeps an account of it.
//!
//! In: the error or the word that ended it. Out: one value a connection, with a word for programs and a sentence for
//! people. Told through [`Handler::parted`](super::Handler::parted), once each.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use landline_wire::ErrorCode;

use crate::{
    error::CallError,
    peer::{Origin, Peer},
};

/// What there is to tell of a connection that is over. Texts may hold anything.
#[derive(Debug, Clone)]
pub struct Parting {
    /// The number that it had as a call; 0 if it never became one.
    pub number: u64,
    /// Who it was, if that was proved.
    pub peer: Option<Peer>,
    /// From where.
    pub origin: Origin,
    /// As whom it was let in; empty if it was not.
    pub user: String,
    /// What the machine calls itself.
    pub label: String,
    /// The service that it asked for; empty if it did not come so far.
    pub service: String,
    /// When it came.
    pub begun: SystemTime,
    /// How long it lasted.
    pub lasted: Duration,
    /// Bytes from the peer.
    pub received: u64,
    /// Bytes to the peer.
    pub sent: u64,
    /// How it ended.
    pub end: End,
}

impl Parting {
    /// Of a connection that never became a call.
    pub(crate) fn at_the_door(origin: Origin, why: &'static str) -> Self {
        Self {
            number: 0,
            peer: None,
            origin,
            user: String::new(),
            label: String::new(),
            service: String::new(),
            begun: SystemTime::now(),
            lasted: Duration::ZERO,
            received: 0,
            sent: 0,
            end: End::Refused(Cow::Borrowed(why)),
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// In order.
    Well,
    /// It was not let in, and why.
    Refused(Cow<'static, str>),
    /// The owner ended it.
    ByOwner,
    /// It was cut from this side: its key was revoked, or the server stopped and it took too long.
    Cut,
    /// It broke: a word and a sentence.
    Broke(ErrorCode, String),
    /// The line or the other end is gone.
    Lost(String),
    /// The server had a fault of its own in it.
    Panicked,
}

impl End {
    /// How a call that ended by `fault` ended.
    #[must_use]
    pub fn of(fault: &CallError) -> Self {
        let words = fault.to_string();
        match fault {
            CallError::Frame(_) | CallError::Message(_) | CallError::OutOfTurn { .. } => {
                Self::Broke(ErrorCode::BadRequest, words)
            }
            CallError::Fault(fault) => Self::Broke(fault.code, words),
            CallError::Silent(_) => Self::Broke(ErrorCode::TimedOut, words),
            CallError::Cut | CallError::HungUp | CallError::Io(_) => Self::Lost(words),
        }
    }

    /// Whether it was let in at all.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}
