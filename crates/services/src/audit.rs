//! The audit log: who called from where, what was done, how it ended; for the owner of a serving machine.
//!
//! In: what happens at the house. Out: one line of JSON for each thing, to a [`Sink`] that never makes anybody wait.
//! Refusals cost strangers nothing, so of those only so many are told, and the rest counted; so it is with the requests and calls of each user. No secret is ever in a line: of
//! a code only its number. What may stand in a line is in docs/scripting.md.
//! Knows nothing of files; [`landline_store::AuditLog`] is the sink that does.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use jiff::Timestamp;
use landline_net::{End, Parting, Peer};
use landline_wire::{ErrorCode, WireName, write_harmless};
use serde::Serialize;

mod budgets;
mod refusals;

use budgets::Budgets;
use refusals::Refusals;

/// Where lines go.
pub trait Sink: Send + Sync {
    /// Takes one line without its end; never waits.
    fn put(&self, line: Vec<u8>);

    /// Waits until what was put is written, at most for `patience`. Blocks.
    fn flush(&self, patience: Duration);
}

impl Sink for landline_store::AuditLog {
    fn put(&self, line: Vec<u8>) {
        landline_store::AuditLog::put(self, line);
    }

    fn flush(&self, patience: Duration) {
        if !landline_store::AuditLog::flush(self, patience) {
            tracing::warn!("the last lines of the audit log are not written yet");
        }
    }
}

/// The audit log of a house, or none. Cheap to clone.
#[derive(Clone, Default)]
pub struct Audit {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    sink: Box<dyn Sink>,
    refusals: Mutex<Refusals>,
    budgets: Mutex<Budgets>,
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("kept", &self.inner.is_some()).finish()
    }
}

/// Something that happened. Texts may hold anything; they are made harmless where they are written.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The server began.
    Start {
        /// Its process.
        pid: u32,
        /// Where it listens.
        listen: Vec<String>,
        /// What it serves.
        share: WireName,
        /// Whether nobody may write.
        read_only: bool,
    },
    /// The server ended.
    Stop {
        /// Calls that did not finish in time.
        cut: usize,
    },
    /// A call is over.
    Call {
        /// Which.
        #[serde(flatten)]
        who: Who,
        /// Where it came from.
        from: String,
        /// What it asked for.
        service: String,
        /// When it came.
        begun: Option<String>,
        /// How long it lasted.
        seconds: f64,
        /// Bytes from the caller.
        bytes_in: u64,
        /// Bytes to the caller.
        bytes_out: u64,
        /// How it ended.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// A caller was not let in.
    Refused {
        /// Where it came from.
        from: String,
        /// Of the key that it showed, if it came so far.
        fingerprint: Option<String>,
        /// What it asked for, if it came so far.
        service: String,
        /// Why.
        text: String,
    },
    /// More callers were not let in than are told one by one.
    RefusedMore {
        /// How many.
        left_out: u64,
    },
    /// A user called or asked so often that the rest was only counted.
    LeftOut {
        /// Who; nobody in particular if there are too many.
        user: String,
        /// Lines.
        lines: u64,
    },
    /// A request changed something, or handed out what is in files.
    Request(Request),
    /// The owner did something.
    Admin {
        /// Who.
        #[serde(flatten)]
        who: Who,
        /// What was asked for.
        request: &'static str,
        /// What it was done to: a fingerprint, the number of a code or a call.
        #[serde(skip_serializing_if = "Option::is_none")]
        what: Option<String>,
        /// What it came to.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// A code was used: a key may call from now on.
    Introduced {
        /// The code's number.
        code: u16,
        /// Of the key.
        fingerprint: String,
    },
    /// A password let a machine in: its key may call as this user from now on.
    LoggedIn {
        /// As whom.
        user: String,
        /// What the machine calls itself.
        label: String,
        /// Of its key.
        fingerprint: String,
        /// Where it came from.
        from: String,
    },
    /// Somebody came with a wrong password, or as a user that there is not.
    LoginFailed {
        /// As whom; a name that a user could have.
        user: String,
        /// Where it came from.
        from: String,
    },
    /// A machine has changed its key, by the word of the old one.
    KeyFollowed {
        /// Of the new key.
        fingerprint: String,
    },
    /// A code was guessed at wrongly and is used up.
    CodeBurned {
        /// The code's number.
        code: u16,
    },
    /// A key may not call any more, whoever took its right.
    KeyRevoked {
        /// Of the key.
        fingerprint: String,
    },
    /// Lines that could not be written.
    Missing {
        /// How many.
        lines: u64,
    },
}

/// A caller that was let in.
#[derive(Debug, Clone, Serialize)]
pub struct Who {
    /// The number of the call; 0 for the server itself.
    pub call: u64,
    /// The user.
    pub user: String,
    /// What the machine calls itself; absent where that is not at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Of its key; none over a UNIX socket.
    pub fingerprint: Option<String>,
}

/// What something came to.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// `done`, `partial`, or a word for what went wrong.
    pub outcome: String,
    /// What went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A request of the files service.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// Whose.
    #[serde(flatten)]
    pub who: Who,
    /// `put`, `get`, `mkdir`, `mv`, `rm`.
    pub request: &'static str,
    /// Whether the paths begin in the user's home.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub home: bool,
    /// What it was about.
    pub paths: Vec<WireName>,
    /// Further things that a `put` brought, not named.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: u64,
    /// Where `mv` put it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<WireName>,
    /// Of `put` and `get`.
    #[serde(flatten)]
    pub moved: Option<Moved>,
    /// What it came to.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a copy moved.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Moved {
    /// Files that were kept.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Files that were not.
    pub failed: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Outcome {
    /// It was done.
    #[must_use]
    pub fn done() -> Self {
        Self { outcome: "done".to_owned(), text: None }
    }

    /// It was not, with the word of the wire.
    #[must_use]
    pub fn failed(code: ErrorCode, text: &str) -> Self {
        Self { outcome: word(code), text: Some(text.to_owned()).filter(|text| !text.is_empty()) }
    }

    /// How a call, or a request with its call, ended.
    #[must_use]
    pub fn of(end: &End) -> Self {
        let (word, text) = match end {
            End::Well => return Self::done(),
            End::Broke(code, text) => return Self::failed(*code, text),
            End::Refused(text) => ("refused", Some(text.to_string())),
            End::ByOwner => ("ended", Some("the owner ended it".to_owned())),
            End::Cut => ("cut", Some("its key was revoked, or the server stopped before it had finished".to_owned())),
            End::Lost(text) => ("lost", Some(text.clone())),
            End::Panicked => ("internal", Some("a fault of landline's own; the log says more".to_owned())),
        };
        Self { outcome: word.to_owned(), text }
    }
}

/// The word of the wire for an error.
fn word(code: ErrorCode) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

#[derive(Serialize)]
struct Line<'a> {
    time: Option<String>,
    #[serde(flatten)]
    event: &'a Event,
}

/// The line of `event`, without its end.
#[must_use]
pub fn line(event: &Event, at: SystemTime) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    if let Err(fault) = write_harmless(&mut line, &Line { time: utc(at), event }) {
        tracing::error!(%fault, "a line of the audit log can't be written");
        line.clear();
    }
    line
}

/// The line that stands for lines that are not there.
#[must_use]
pub fn gap(lines: u64) -> Vec<u8> {
    line(&Event::Missing { lines }, SystemTime::now())
}

/// `2026-11-21T03:00:00.123Z`.
fn utc(time: SystemTime) -> Option<String> {
    Timestamp::try_from(time).ok().map(|time| format!("{time:.3}"))
}

/// The fingerprint of a peer that has one.
#[must_use]
pub fn fingerprint(peer: Peer) -> Option<String> {
    match peer {
        Peer::Key(key) => Some(key.fingerprint().to_string()),
        Peer::Uid(_) => None,
    }
}

impl Audit {
    /// A log that goes to `sink`.
    #[must_use]
    pub fn to(sink: impl Sink + 'static) -> Self {
        let refusals = Mutex::new(Refusals::new(Instant::now()));
        let inner = Inner { sink: Box::new(sink), refusals, budgets: Mutex::default() };
        Self { inner: Some(Arc::new(inner)) }
    }

    /// Notes that something happened just now.
    pub fn note(&self, event: &Event) {
        if let Some(inner) = &self.inner {
            inner.note(event);
        }
    }

    /// Notes that a login failed, unless very many were refused lately.
    pub fn login_failed(&self, user: &str, from: String) {
        if let Some(inner) = &self.inner
            && inner.refusals().takes(Instant::now())
        {
            inner.note(&Event::LoginFailed { user: user.to_owned(), from });
        }
    }

    /// Notes that a connection is over.
    pub fn parted(&self, parting: &Parting) {
        let Some(inner) = &self.inner else { return };
        let from = crate::admin::from(&parting.origin);
        let fingerprint = parting.peer.and_then(fingerprint);
        let service = parting.service.clone();
        if let End::Refused(why) = &parting.end {
            if inner.refusals().takes(Instant::now()) {
                inner.note(&Event::Refused { from, fingerprint, service, text: why.to_string() });
            }
            return;
        }
        let label = Some(parting.label.clone());
        inner.note(&Event::Call {
            who: Who { call: parting.number, user: parting.user.clone(), label, fingerprint },
            from,
            service,
            begun: utc(parting.begun),
            // To the millisecond, as the times.
            seconds: (parting.lasted.as_secs_f64() * 1000.0).round() / 1000.0,
            bytes_in: parting.received,
            bytes_out: parting.sent,
            outcome: Outcome::of(&parting.end),
        });
    }

    /// To be called about once a second: tells of refusals that were left out once their time is over.
    pub fn beat(&self) {
        if let Some(inner) = &self.inner {
            let left_out = inner.refusals().over(Instant::now());
            inner.tell_left_out(left_out);
            inner.tell_budgets(Some(Instant::now()));
        }
    }

    /// The server has ended: all is written, as far as that goes within `patience`. Blocks.
    pub fn close(&self, cut: usize, patience: Duration) {
        if let Some(inner) = &self.inner {
            let left_out = inner.refusals().left_out();
            inner.tell_left_out(left_out);
            inner.tell_budgets(None);
            inner.note(&Event::Stop { cut });
            inner.sink.flush(patience);
        }
    }

    /// Waits until what was noted is written, at most for `patience`. Blocks.
    pub fn flush(&self, patience: Duration) {
        if let Some(inner) = &self.inner {
            inner.sink.flush(patience);
        }
    }
}

impl Inner {
    fn note(&self, event: &Event) {
        let line = line(event, SystemTime::now());
        let of_user = match event {
            Event::Call { who, .. } => Some(&who.user),
            Event::Request(request) => Some(&request.who.user),
            _ => None,
        };
        if of_user.is_none_or(|user| self.budgets().takes(user, line.len(), Instant::now())) {
            self.sink.put(line);
        }
    }

    fn tell_budgets(&self, now: Option<Instant>) {
        let over = self.budgets().over(now);
        over.into_iter().for_each(|(user, lines)| self.note(&Event::LeftOut { user, lines }));
    }

    fn budgets(&self) -> std::sync::MutexGuard<'_, Budgets> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_left_out(&self, left_out: u64) {
        if left_out > 0 {
            self.note(&Event::RefusedMore { left_out });
        }
    }

    fn refusals(&self) -> std::sync::MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
