//! The owner's commands that need the running server.

use std::time::Duration;

use landline_addr::contact::Machine;
use landline_net::{Call, CallError};

use super::{
    msg::{Answer, Invitation, Request, Revoked, SERVICE, Status, UserAnswer, UserRequest},
    who::CallRow,
};
use crate::line::{Line, LineError};

/// Users that are listed by a machine that lists and lists.
const MOST_USERS: usize = 1 << 16;

/// A call to the owner's own server, or as an admin to another's.
#[derive(Debug)]
pub struct Admin {
    call: Call,
}

impl Admin {
    /// Calls the server of this home.
    ///
    /// # Errors
    /// [`LineError::NotServing`] if none runs.
    pub async fn open(line: &Line) -> Result<Self, LineError> {
        Self::open_at(line, &Machine::Localhost).await
    }

    /// Calls the server of `machine`, where this one needs the grant `admin`.
    ///
    /// # Errors
    /// As the line fails; [`LineError::NotServing`] if it is this machine's own and none runs.
    pub async fn open_at(line: &Line, machine: &Machine) -> Result<Self, LineError> {
        Ok(Self { call: line.call(machine, SERVICE).await? })
    }

    /// Asks about users; all answers to it.
    ///
    /// # Errors
    /// As the server says.
    pub async fn users(&mut self, request: UserRequest) -> Result<Vec<UserAnswer>, LineError> {
        let several = matches!(request, UserRequest::List {});
        self.call.send(&Request::User(request)).await?;
        let mut answers = Vec::new();
        loop {
            match self.call.recv::<Answer>().await?.ok_or(CallError::HungUp)? {
                Answer::User(answer) => {
                    let more = several && matches!(answer, UserAnswer::User(_)) && answers.len() < MOST_USERS;
                    answers.push(answer);
                    if !more {
                        return Ok(answers);
                    }
                }
                other => return Err(unexpected(other)),
            }
        }
    }

    /// Opens a one-time code that ends after `valid`, for `user` or the default one.
    ///
    /// # Errors
    /// As the server says.
    pub async fn invite(&mut self, valid: Duration, user: Option<&str>) -> Result<Invitation, LineError> {
        let request = Request::Invite { seconds: valid.as_secs(), user: user.map(ToOwned::to_owned) };
        match self.call.ask(&request).await? {
            Answer::Invitation(invitation) => Ok(invitation),
            other => Err(unexpected(other)),
        }
    }

    /// Revokes the key with this fingerprint and cuts its calls.
    ///
    /// # Errors
    /// As the server says: no such key.
    pub async fn revoke(&mut self, fingerprint: &str) -> Result<Revoked, LineError> {
        match self.call.ask(&Request::Revoke { fingerprint: fingerprint.to_owned() }).await? {
            Answer::Revoked(revoked) => Ok(revoked),
            other => Err(unexpected(other)),
        }
    }

    /// How the server is.
    ///
    /// # Errors
    /// As the line fails.
    pub async fn status(&mut self) -> Result<Status, LineError> {
        match self.call.ask(&Request::Status {}).await? {
            Answer::Status(status) => Ok(status),
            other => Err(unexpected(other)),
        }
    }

    /// The calls that run, by number, without this one.
    ///
    /// # Errors
    /// As the line fails.
    pub async fn who(&mut self) -> Result<Vec<CallRow>, LineError> {
        self.call.send(&Request::Who {}).await?;
        let mut all = Vec::new();
        loop {
            match self.call.recv().await?.ok_or(CallError::HungUp)? {
                Answer::Calls { calls, more } => {
                    all.extend(calls);
                    if !more {
                        return Ok(all);
                    }
                }
                other => return Err(unexpected(other)),
            }
        }
    }

    /// Ends the call of this number.
    ///
    /// # Errors
    /// As the server says: no such call.
    pub async fn end(&mut self, call: u64) -> Result<(), LineError> {
        match self.call.ask(&Request::End { call }).await? {
            Answer::Ended { .. } => Ok(()),
            other => Err(unexpected(other)),
        }
    }
}

fn unexpected(answer: Answer) -> LineError {
    match answer {
        Answer::Error(fault) => CallError::from(fault).into(),
        _ => CallError::OutOfTurn { got: "another answer", wanted: "the answer to the request" }.into(),
    }
}
