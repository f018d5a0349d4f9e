//! Who calls: the running calls as the owner sees them, and the end of one of them.
//!
//! In: the server's list of calls. Out: rows for messages, in parts that fit into them. Source: PROTOCOL.md §8.

use std::time::{Duration, SystemTime};

use landline_net::{Card, LiveCall, server::Live};
use landline_store::{AuditLog, Home};
use landline_wire::{ErrorCode, Fault};
use serde::{Deserialize, Serialize};

use super::msg::{Answer, Request};
use crate::audit::{Audit, Event, Outcome, Who, fingerprint, gap};

/// Rows in one message: each is under 4 KiB in JSON, whatever its texts hold.
const ROWS_PER_MESSAGE: usize = 16;

/// How long one line may take to reach a slow disk.
const ONE_LINE: Duration = Duration::from_secs(2);

/// A call that runs. Texts may hold anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRow {
    /// From 1 since the server began, in the order in which they came.
    pub call: u64,
    /// As whom it was let in; empty before.
    pub user: String,
    /// What the machine calls itself.
    pub label: String,
    /// Of its key; none over a UNIX socket.
    pub fingerprint: Option<String>,
    /// Where it came from: an address, or `unix`.
    pub from: String,
    /// What it asked for; empty before.
    pub service: String,
    /// When it came, in milliseconds since 1970.
    pub begun: u64,
    /// What it is doing, in words.
    pub doing: String,
    /// Bytes from the caller, as they came over the line.
    pub bytes_in: u64,
    /// Bytes to the caller.
    pub bytes_out: u64,
    /// Bytes a second from the caller, over the last second or two.
    pub rate_in: u64,
    /// Bytes a second to the caller.
    pub rate_out: u64,
}

impl From<LiveCall> for CallRow {
    fn from(call: LiveCall) -> Self {
        let since = call.begun.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self {
            call: call.number,
            user: call.user,
            label: call.label,
            fingerprint: fingerprint(call.peer),
            from: from(&call.origin),
            service: call.service,
            begun: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            doing: call.doing,
            bytes_in: call.received,
            bytes_out: call.sent,
            rate_in: call.rate_in,
            rate_out: call.rate_out,
        }
    }
}

/// Where a connection came from, for programs.
pub(crate) fn from(origin: &landline_net::peer::Origin) -> String {
    match origin {
        landline_net::peer::Origin::Tcp(address) => address.to_string(),
        landline_net::peer::Origin::Unix => "unix".to_owned(),
    }
}

/// All calls but the one that asks, as messages.
pub(super) fn list(live: &Live, asking: &Card) -> Vec<Answer> {
    let calls = live.list().into_iter().filter(|call| call.number != asking.number()).map(CallRow::from);
    let calls: Vec<CallRow> = calls.collect();
    let mut parts: Vec<Answer> =
        calls.chunks(ROWS_PER_MESSAGE).map(|part| Answer::Calls { calls: part.to_vec(), more: true }).collect();
    match parts.last_mut() {
        Some(Answer::Calls { more, .. }) => *more = false,
        _ => parts.push(Answer::Calls { calls: Vec::new(), more: false }),
    }
    parts
}

/// Ends one call. Its caller is told; what came of a copy stays and can be taken up.
pub(super) fn end(live: &Live, call: u64) -> Result<Answer, Fault> {
    if live.end(call) {
        Ok(Answer::Ended { call })
    } else {
        Err(Fault::new(ErrorCode::NotFound, format!("no call has the number {call}")))
    }
}

/// What is noted of a request, if it is an act: its word, and what it was done to as far as the request says.
fn act(request: &Request) -> Option<(&'static str, Option<String>)> {
    match request {
        Request::Invite { .. } => Some(("invite", None)),
        Request::Revoke { fingerprint } => Some(("revoke", Some(fingerprint.chars().take(64).collect()))),
        Request::End { call } => Some(("end", Some(call.to_string()))),
        Request::Status {} | Request::Who {} => None,
    }
}

/// Notes what the owner asked for and what it came to. Of a code only its number is told.
pub(super) fn note(audit: &Audit, asking: &Card, request: &Request, answer: &Answer) {
    let Some((word, what)) = act(request) else { return };
    let outcome = match answer {
        Answer::Error(fault) => Outcome::failed(fault.code, &fault.text),
        _ => Outcome::done(),
    };
    let what = match answer {
        Answer::Invitation(invitation) => number_of(&invitation.code),
        _ => what,
    };
    audit.note(&Event::Admin { who: owner(asking.number()), request: word, what, outcome });
}

/// Who acts at the desk: the owner, whose socket it is.
fn owner(call: u64) -> Who {
    Who { call, user: crate::switchboard::OWNER.to_owned(), label: None, fingerprint: None }
}

/// The server itself has made an invitation, at its very first start.
pub(crate) fn note_first_invitation(audit: &Audit, code: &str) {
    let (who, outcome) = (owner(0), Outcome::done());
    audit.note(&Event::Admin { who, request: "invite", what: number_of(code), outcome });
}

/// The owner has revoked a key while no server ran, so that none could note it. Blocks, for as long as a line to the disk
/// takes.
pub fn note_revoked_without_server(home: &Home, fingerprint: &str) {
    match AuditLog::open(home, gap) {
        Ok(log) => {
            let (audit, outcome) = (Audit::to(log), Outcome::done());
            let what = Some(fingerprint.to_owned());
            audit.note(&Event::Admin { who: owner(0), request: "revoke", what, outcome });
            audit.flush(ONE_LINE);
        }
        Err(fault) => tracing::warn!(%fault, "the revocation can't be noted in the audit log"),
    }
}

fn number_of(code: &str) -> Option<String> {
    code.split('-').next().map(str::to_owned)
}
