//! The owner's commands that need the running server.

use std::time::Duration;

use landline_addr::contact::Machine;
use landline_net::{Call, CallError};

use super::msg::{Answer, Invitation, Request, Revoked, SERVICE, Status};
use crate::line::{Line, LineError};

/// A call to the owner's own server.
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
        Ok(Self { call: line.call(&Machine::Localhost, SERVICE).await? })
    }

    /// Opens a one-time code that ends after `valid`.
    ///
    /// # Errors
    /// As the server says.
    pub async fn invite(&mut self, valid: Duration) -> Result<Invitation, LineError> {
        match self.call.ask(&Request::Invite { seconds: valid.as_secs() }).await? {
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
}

fn unexpected(answer: Answer) -> LineError {
    match answer {
        Answer::Error(fault) => CallError::from(fault).into(),
        Answer::Invitation(_) | Answer::Revoked(_) | Answer::Status(_) => {
            CallError::OutOfTurn { got: "another answer", wanted: "the answer to the request" }.into()
        }
    }
}
