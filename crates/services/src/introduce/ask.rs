//! The joiner's end of an introduction.

use landline_addr::{code::Code, endpoint::Endpoint};
use landline_net::{CallError, DialError, Peer};
use landline_trust::{
    introduction::{Binding, IntroError, Joiner},
    key::PublicKey,
};
use landline_wire::{Blob, ErrorCode, Fault};

use super::msg::{Inviting, Joining, SERVICE, label};
use crate::line::Line;

/// What an introduction gave.
#[derive(Debug, Clone)]
pub struct Introduced {
    /// The other machine's key, proved by the code.
    pub key: PublicKey,
    /// Where it was reached.
    pub endpoint: Endpoint,
    /// What it calls itself; a suggestion, from outside.
    pub host_label: String,
}

/// Why an introduction failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The words did not match, or no such code is open. If there was one, it is burned now.
    #[error("the code did not match")]
    NoMatch,
    /// The other end knows the right code no better than we do: somebody stands between, or it is another machine.
    #[error("the other end could not prove that it knows the code")]
    NotProved,
    /// The other end would not go on.
    #[error("the other end refused the introduction")]
    Refused,
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

impl From<CallError> for JoinError {
    fn from(fault: CallError) -> Self {
        match fault {
            CallError::Fault(Fault { code: ErrorCode::NoMatch, .. }) => Self::NoMatch,
            CallError::Fault(Fault { code: ErrorCode::Refused, .. }) => Self::Refused,
            other => Self::Call(other),
        }
    }
}

/// Introduces this machine to whoever answers at `endpoint` and holds the code. `own_label` is what we call ourselves.
/// Writes nothing: remembering the key is the caller's.
///
/// # Errors
/// [`JoinError`]; after [`JoinError::NoMatch`] and [`JoinError::NotProved`] the code is used up.
pub async fn join(line: &Line, endpoint: &Endpoint, code: &Code, own_label: &str) -> Result<Introduced, JoinError> {
    let mut call = line.dialer().introduce(endpoint, SERVICE).await?;
    let (Peer::Key(key), Some(exporter)) = (call.peer(), call.exporter().copied()) else {
        return Err(JoinError::Protocol { what: "it showed no key" });
    };
    let own = line.dialer().public();
    let binding = Binding { exporter: &exporter, inviter: &key, joiner: &own, number: code.number() };
    let step = match call.ask(&Joining::Introduce { number: code.number() }).await? {
        Inviting::Blinded { step } => step,
        Inviting::Error(fault) => return Err(CallError::from(fault).into()),
        Inviting::Confirmed { .. } => return Err(JoinError::Protocol { what: "it confirmed before it was asked" }),
    };
    let (joiner, answer) = Joiner::answer(&code.secret(), &step.0, &binding, &mut rand::rngs::OsRng)
        .map_err(|_| JoinError::Protocol { what: "its first step can't be read" })?;
    match call.ask(&Joining::Confirm { step: Blob(answer), label: label(own_label) }).await? {
        Inviting::Confirmed { step, label: said } => {
            joiner.finish(&step.0).map_err(|fault| match fault {
                IntroError::Mismatch => JoinError::NotProved,
                IntroError::Malformed => JoinError::Protocol { what: "its proof can't be read" },
            })?;
            drop(call.close().await); // everything was said; how the line ends changes nothing
            Ok(Introduced { key, endpoint: endpoint.clone(), host_label: label(&said) })
        }
        Inviting::Error(fault) => Err(CallError::from(fault).into()),
        Inviting::Blinded { .. } => Err(JoinError::Protocol { what: "it began twice" }),
    }
}
