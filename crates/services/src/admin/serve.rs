//! The running server's end of the owner's service.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use landline_addr::code::Code;
use landline_net::{Call, CallError, Ended, server::Live};
use landline_store::{Codes as _, Keys as _, OpenCode, Store, StoreError, Users as _};
use landline_trust::key::Fingerprint;
use landline_wire::{ErrorCode, Fault};
use tokio_util::sync::CancellationToken;

use super::{
    msg::{Answer, Invitation, Request, Revoked, Status, UserAnswer},
    people::People,
    who,
};
use crate::audit::Audit;

/// The longest life of a code: it has some 22 bits, and hours of waiting are no use to people who talk.
const LONGEST_CODE_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Tries at finding a number nobody took meanwhile.
const NUMBER_TRIES: u32 = 8;

/// Numbers of two digits, one of which is taken at random: whoever burns codes from afar must find each first, and who
/// tries them in a row is slowed long before he is through.
const SHORT_NUMBERS: u16 = 99;

/// What does not change while a server runs.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Where it listens.
    pub listen: Vec<String>,
    /// Where others can dial.
    pub reachable: Vec<String>,
    /// What it serves.
    pub share: String,
    /// Whether nobody may write.
    pub read_only: bool,
    /// Of the machine's key.
    pub fingerprint: String,
}

/// The owner's desk: what the admin service works with.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Users, keys, codes.
    pub store: Store,
    /// The calls that run.
    pub live: Live,
    /// What does not change.
    pub facts: Arc<Facts>,
    /// Users.
    pub people: People,
    /// Where the owner's acts are noted.
    pub audit: Audit,
}

impl Desk {
    /// Answers the owner's requests until he hangs up.
    ///
    /// # Errors
    /// As the line fails.
    pub async fn serve(&self, call: &mut Call, stop: &CancellationToken) -> Result<Ended, CallError> {
        let card = call.card().clone();
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => return Ok(Ended::Well),
                () = card.ending().cancelled() => return Ok(Ended::Well),
                request = call.recv::<Request>() => request?,
            };
            let Some(request) = request else { return Ok(Ended::Well) };
            let answer = match &request {
                Request::Invite { seconds, user } => {
                    self.invite(Duration::from_secs(*seconds), user.as_deref()).await.map(Answer::Invitation)
                }
                Request::Revoke { fingerprint } => self.revoke(fingerprint).await.map(Answer::Revoked),
                Request::Status {} => self.status().await.map(Answer::Status),
                Request::User(request) => match self.people.answer(request.clone()).await {
                    Ok(mut answers) => {
                        let last = answers.pop().unwrap_or(UserAnswer::Done { changed: false, cut: 0 });
                        for answer in answers {
                            call.send(&Answer::User(answer)).await?;
                        }
                        Ok(Answer::User(last))
                    }
                    Err(fault) => Err(fault),
                },
                Request::Who {} => {
                    for part in who::list(&self.live, &card) {
                        call.send(&part).await?;
                    }
                    continue;
                }
                Request::End { call } => who::end(&self.live, *call),
            };
            let answer = answer.unwrap_or_else(Answer::Error);
            who::note(&self.audit, (&card, call.peer()), &request, &answer);
            call.send(&answer).await?;
        }
    }

    /// Opens a one-time code for `user`, or the default one.
    ///
    /// # Errors
    /// [`Fault`] with words for the owner.
    pub async fn invite(&self, valid: Duration, user: Option<&str>) -> Result<Invitation, Fault> {
        let valid = valid.clamp(Duration::from_secs(1), LONGEST_CODE_LIFE);
        let user = match user {
            Some(name) => self.people.name_of(name).await?,
            None => self.store.default_user().await.map_err(|fault| words(&fault))?.name,
        };
        for tried in 0..NUMBER_TRIES {
            let now = SystemTime::now();
            let [byte, random @ ..] = random_bytes::<5>()?;
            let number = if tried < NUMBER_TRIES / 2 {
                1 + u16::from(byte) % SHORT_NUMBERS
            } else {
                self.store.free_number(now).await.map_err(|fault| words(&fault))?
            };
            let code = Code::from_random(number, random);
            let open =
                OpenCode { number, secret: code.secret(), user: user.clone(), expires_at: now + valid, breaks: 0 };
            match self.store.open_code(open).await {
                Ok(()) => {
                    return Ok(Invitation {
                        code: code.to_string(),
                        expires_in: valid.as_secs(),
                        addresses: self.facts.reachable.clone(),
                        fingerprint: self.facts.fingerprint.clone(),
                    });
                }
                Err(StoreError::NumberTaken { .. }) => {}
                Err(fault) => return Err(words(&fault)),
            }
        }
        Err(Fault::new(ErrorCode::Conflict, "no number is free for a code; wait until some have ended"))
    }

    async fn revoke(&self, fingerprint: &str) -> Result<Revoked, Fault> {
        let which: Fingerprint =
            fingerprint.parse().map_err(|_| Fault::new(ErrorCode::BadRequest, "that is no fingerprint"))?;
        // Who watches the store cuts them too, perhaps sooner; they were running all the same.
        let running = self.live.count_of(|key| key.fingerprint() == which);
        match self.store.revoke(&which).await.map_err(|fault| words(&fault))? {
            // Off the list first, then cut: a call that comes in between is refused.
            Some(key) => {
                let cut = self.live.cut(&key).max(running);
                Ok(Revoked { fingerprint: key.fingerprint().to_string(), cut })
            }
            None => Err(Fault::new(ErrorCode::NotFound, "no enrolled key has that fingerprint")),
        }
    }

    async fn status(&self) -> Result<Status, Fault> {
        let codes = self.store.list_codes(SystemTime::now()).await.map_err(|fault| words(&fault))?;
        Ok(Status {
            pid: std::process::id(),
            listen: self.facts.listen.clone(),
            reachable: self.facts.reachable.clone(),
            share: self.facts.share.clone(),
            read_only: self.facts.read_only,
            calls: self.live.count(),
            open_codes: codes.iter().map(|code| code.number).collect(),
        })
    }
}

fn random_bytes<const N: usize>() -> Result<[u8; N], Fault> {
    let mut random = [0; N];
    match getrandom::fill(&mut random) {
        Ok(()) => Ok(random),
        Err(fault) => Err(Fault::new(ErrorCode::Internal, format!("the system gives no random bytes: {fault}"))),
    }
}

fn words(fault: &StoreError) -> Fault {
    Fault::new(ErrorCode::Internal, fault.to_string())
}
