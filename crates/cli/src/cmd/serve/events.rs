//! What happens while serving, as objects for programs and sentences for people.

use std::path::Path;

use landline_services::admin::Invitation;
use landline_services::house::HouseFacts;
use landline_store::{Event, Keys as _, Store};
use landline_wire::shown;
use serde::Serialize;

use crate::here::Here;

/// Calls can come.
#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    event: &'static str,
    listen: Vec<String>,
    reachable: Vec<String>,
    fingerprint: String,
    socket: String,
    share: String,
    home: String,
    read_only: bool,
    pid: u32,
}

impl Ready {
    /// Of a house that is open.
    pub(crate) fn new(home: &Path, facts: &HouseFacts) -> Self {
        Self {
            event: "ready",
            listen: facts.listen.iter().map(ToString::to_string).collect(),
            reachable: facts.reachable.iter().map(ToString::to_string).collect(),
            fingerprint: facts.fingerprint.clone(),
            socket: facts.socket.display().to_string(),
            share: facts.share.display().to_string(),
            home: home.display().to_string(),
            read_only: facts.read_only,
            pid: std::process::id(),
        }
    }
}

/// A code is open.
#[derive(Debug, Serialize)]
pub(crate) struct Invited<'a> {
    event: &'static str,
    #[serde(flatten)]
    invitation: &'a Invitation,
    command: String,
}

impl<'a> Invited<'a> {
    /// Of an invitation just made.
    pub(crate) fn new(invitation: &'a Invitation) -> Self {
        Self { event: "invitation", invitation, command: super::join_command(invitation) }
    }
}

/// An event without more to say.
#[derive(Debug, Serialize)]
pub(crate) struct Simple {
    /// Its name.
    pub(crate) event: &'static str,
}

/// The server has ended.
#[derive(Debug, Serialize)]
pub(crate) struct Stopped {
    /// `stopped`.
    pub(crate) event: &'static str,
    /// Calls that did not finish in time.
    pub(crate) cut: usize,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Happening<'a> {
    Introduced { code: u16, fingerprint: String, label: &'a str },
    CodeBurned { code: u16 },
    KeyRevoked { fingerprint: String },
    KeyFollowed { fingerprint: String },
}

/// Tells a change of keys or codes: both people of an introduction shall know how it went.
pub(crate) async fn tell(here: &Here, store: &Store, event: Event) {
    let out = &here.out;
    match event {
        Event::CodeUsed { number, key } => {
            let fingerprint = key.fingerprint();
            let known = store.list_keys().await.unwrap_or_default();
            let label = known.into_iter().find(|known| known.key == key).map(|known| known.label).unwrap_or_default();
            if out.is_json() {
                out.object(&Happening::Introduced {
                    code: number,
                    fingerprint: fingerprint.to_string(),
                    label: &label,
                });
            }
            let who = if label.is_empty() { "another machine".to_owned() } else { shown(&label).to_string() };
            out.say(format_args!("Introduced with code {number}: {who} may call now. Its fingerprint: {fingerprint}"));
        }
        Event::CodeBurned { number } => {
            if out.is_json() {
                out.object(&Happening::CodeBurned { code: number });
            }
            out.warn(format_args!(
                "somebody tried code {number} with wrong words, so it is used up. If that was a slip, make a new one: \
                 landline invite. If nobody of yours did it, somebody is guessing"
            ));
        }
        Event::KeyRevoked(key) => {
            let fingerprint = key.fingerprint();
            if out.is_json() {
                out.object(&Happening::KeyRevoked { fingerprint: fingerprint.to_string() });
            }
            out.say(format_args!("Revoked: the machine with the key {fingerprint} may not call any more."));
        }
        Event::KeyFollowed(key) => {
            let fingerprint = key.fingerprint();
            if out.is_json() {
                out.object(&Happening::KeyFollowed { fingerprint: fingerprint.to_string() });
            }
            out.say(format_args!("A machine has changed its key: it is known by {fingerprint} from now on."));
        }
        _ => {}
    }
}
