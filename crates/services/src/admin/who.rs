//! Who calls: the running calls as the owner sees them, and the end of one of them.
//!
//! In: the server's list of calls. Out: rows for messages, in parts that fit into them. Source: PROTOCOL.md §8.

use std::time::{Duration, SystemTime};

use landline_net::{Card, LiveCall, Peer, server::Live};
use landline_store::{AuditLog, Home};
use landline_wire::{ErrorCode, Fault};
use serde::{Deserialize, Serialize};

use super::msg::{Answer, Request, UserRequest};
use crate::audit::{Audit, Event, Outcome, Who, fingerprint, gap};

/// Characters of what an act was done to that are noted.
const MOST_WHAT: usize = 400;

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
        Request::User(request) => user_act(request),
        Request::Status {} | Request::Who {} => None,
    }
}

fn user_act(request: &UserRequest) -> Option<(&'static str, Option<String>)> {
    let (word, name, more) = match request {
        UserRequest::Add { name, grants, .. } => ("user add", name, grants.join(", ")),
        UserRequest::Grant { name, grants } => ("user grant", name, grants.join(", ")),
        UserRequest::Revoke { name, grants } => ("user revoke", name, grants.join(", ")),
        UserRequest::Quota { name, bytes } => {
            ("user quota", name, bytes.map_or("none".to_owned(), |bytes| bytes.to_string()))
        }
        UserRequest::Home { name } => ("user home", name, String::new()),
        UserRequest::SetPassword { name, .. } => ("user passwd", name, String::new()),
        UserRequest::NoPassword { name } => ("user passwd", name, "none".to_owned()),
        UserRequest::Remove { name } => ("user remove", name, String::new()),
        UserRequest::List {} | UserRequest::Show { .. } | UserRequest::Password { .. } => return None,
    };
    let what = if more.is_empty() { name.clone() } else { format!("{name}: {more}") };
    Some((word, Some(what.chars().take(MOST_WHAT).collect())))
}

/// Notes what was asked for by whom, and what it came to. Of a code only its number is told.
pub(super) fn note(audit: &Audit, (asking, peer): (&Card, Peer), request: &Request, answer: &Answer) {
    let Some((word, what)) = act(request) else { return };
    let outcome = match answer {
        Answer::Error(fault) => Outcome::failed(fault.code, &fault.text),
        _ => Outcome::done(),
    };
    let what = match answer {
        Answer::Invitation(invitation) => number_of(&invitation.code),
        _ => what,
    };
    let (user, label) = asking.whom();
    let label = (!label.is_empty()).then_some(label);
    let who = Who { call: asking.number(), user, label, fingerprint: fingerprint(peer) };
    audit.note(&Event::Admin { who, request: word, what, outcome });
}

/// The owner, on no call.
fn owner() -> Who {
    Who { call: 0, user: crate::switchboard::OWNER.to_owned(), label: None, fingerprint: None }
}

/// The server itself has made an invitation, at its very first start.
pub(crate) fn note_first_invitation(audit: &Audit, code: &str) {
    let (who, outcome) = (owner(), Outcome::done());
    audit.note(&Event::Admin { who, request: "invite", what: number_of(code), outcome });
}

/// The owner has done this while no server ran, so that none could note it. Blocks, for as long as a line to the disk takes.
pub fn note_without_server(home: &Home, request: &Request) {
    let Some((word, what)) = act(request) else { return };
    match AuditLog::open(home, gap) {
        Ok(log) => {
            let (audit, outcome) = (Audit::to(log), Outcome::done());
            audit.note(&Event::Admin { who: owner(), request: word, what, outcome });
            audit.flush(ONE_LINE);
        }
        Err(fault) => tracing::warn!(%fault, "what was done can't be noted in the audit log"),
    }
}

fn number_of(code: &str) -> Option<String> {
    code.split('-').next().map(str::to_owned)
}
