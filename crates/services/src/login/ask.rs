//! The asking end of a login.

use landline_addr::{endpoint::Endpoint, user::UserName};
use landline_net::{CallError, DialError, Peer};
use landline_trust::{
    key::PublicKey,
    password::{Binding, Login, LoginError, Name},
    stretch::{Cost, CostError, NoMemory, Password},
};
use landline_wire::{Blob, ErrorCode, Fault};
use rand::rngs::OsRng;

use super::msg::{Answer, Request, SERVICE};
use crate::{introduce::msg::label, line::Line};

/// What a login gave.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// The server's key, proved by the password's record.
    pub key: PublicKey,
    /// Where it was reached.
    pub endpoint: Endpoint,
    /// What it calls itself; a suggestion, from outside.
    pub host_label: String,
}

/// Why a login failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginFault {
    /// There is no such user, or the password is another.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// This place has failed too often.
    #[error("{0}")]
    TooOften(String),
    /// The other end would not go on.
    #[error("the other end refused the login")]
    Refused,
    /// The other end asks for too much work, or for too little to keep the password safe.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// This machine lacks the memory.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
    /// The other end broke the protocol.
    #[error("the other end broke the protocol: {what}")]
    Protocol {
        /// What it did.
        what: &'static str,
    },
    /// It could not be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The call failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for LoginFault {
    fn from(fault: CallError) -> Self {
        match fault {
            CallError::Fault(Fault { code: ErrorCode::NoMatch, .. }) => Self::Wrong,
            CallError::Fault(Fault { code: ErrorCode::TimedOut, text }) => Self::TooOften(text.into_owned()),
            CallError::Fault(Fault { code: ErrorCode::Refused, .. }) => Self::Refused,
            other => Self::Call(other),
        }
    }
}

/// Enrols this machine as one of `user` at `endpoint`. `own_label` is what we call ourselves. Writes nothing: remembering the key is the
/// caller's. Takes a noticeable time and, for it, as much memory as the server's cost says.
///
/// # Errors
/// [`LoginFault`].
pub async fn login(
    line: &Line,
    endpoint: &Endpoint,
    user: &UserName,
    password: Password,
    own_label: &str,
) -> Result<LoggedIn, LoginFault> {
    let mut call = line.dialer().introduce(endpoint, SERVICE).await?;
    let (Peer::Key(key), Some(exporter)) = (call.peer(), call.exporter().copied()) else {
        return Err(LoginFault::Protocol { what: "it showed no key" });
    };
    let (begun, step) = Login::start(&password, &mut OsRng);
    let (step, cost) = match call.ask(&Request::Login { user: user.to_string(), step: Blob(step) }).await? {
        Answer::Challenge { step, cost } => (step.0, Cost::from_bytes(&cost.0)?),
        Answer::Error(fault) => return Err(CallError::from(fault).into()),
        Answer::Welcome { .. } => return Err(LoginFault::Protocol { what: "it let us in before we proved anything" }),
    };
    let (client, name) = (line.dialer().public(), user.clone());
    let stretching = tokio::task::spawn_blocking(move || {
        let name = Name::new(name.as_str().as_bytes()).map_err(|_| LoginFault::Wrong)?;
        let binding = Binding { exporter: &exporter, server: &key, client: &client, user: name };
        begun.finish(&step, cost, &binding).map_err(|fault| match fault {
            LoginError::Wrong(_) => LoginFault::Wrong,
            LoginError::NoMemory(fault) => fault.into(),
        })
    });
    let stretched = stretching.await.map_err(|_| LoginFault::Protocol { what: "its answer could not be judged" })?;
    let (proof, _) = stretched?;
    match call.ask(&Request::Proof { step: Blob(proof), label: label(own_label) }).await? {
        Answer::Welcome { label: said } => {
            drop(call.close().await); // everything was said; how the line ends changes nothing
            Ok(LoggedIn { key, endpoint: endpoint.clone(), host_label: label(&said) })
        }
        Answer::Error(fault) => Err(CallError::from(fault).into()),
        Answer::Challenge { .. } => Err(LoginFault::Protocol { what: "it asked twice" }),
    }
}
