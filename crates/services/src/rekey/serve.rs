//! The answering end: a stranger says that we know it by an older key, or asks how our key follows one that it knows.
//!
//! Invariant: whatever is wrong, the stranger hears the one refusal, and nothing has changed.

use landline_net::{Call, CallError, Ended, Peer};
use landline_store::{Store, StoreError, Successors as _};
use landline_trust::{
    key::PublicKey,
    rotation::{Chain, Statement},
};
use landline_wire::{Blob, Fault};

use super::msg::{Answer, Request, blobs, bytes, keys};

/// What this machine brings to it.
#[derive(Debug, Clone)]
pub struct Registrar {
    store: Store,
    /// How this machine's own key followed older ones, oldest first.
    own: Vec<Statement>,
}

impl Registrar {
    /// `store`: where keys and contacts are kept; `own`: the statements that lead to this machine's key.
    #[must_use]
    pub fn new(store: Store, own: Vec<Statement>) -> Self {
        Self { store, own }
    }

    /// Answers one question.
    ///
    /// # Errors
    /// As the line fails; a chain that is not believed is no error but [`Ended::Refused`].
    pub async fn serve(&self, call: &mut Call) -> Result<Ended, CallError> {
        let Peer::Key(shown) = call.peer() else { return Ok(refused()) }; // no TLS, no key to follow
        let answer = match call.recv().await? {
            Some(Request::Moved { chain }) => self.moved(&chain, &shown).await?,
            Some(Request::Follow { keys }) => self.lead(&keys),
            None => None,
        };
        let Some(answer) = answer else { return Ok(refused()) };
        call.send(&answer).await?;
        Ok(Ended::Well)
    }

    async fn moved(&self, chain: &[Blob], shown: &PublicKey) -> Result<Option<Answer>, CallError> {
        let Ok(chain) = Chain::decode(&bytes(chain), shown) else { return Ok(None) };
        let followed = self.store.follow(&chain).await.map_err(internal)?;
        for old in &followed.replaced {
            tracing::info!(old = %old.fingerprint(), new = %shown.fingerprint(), "a machine has changed its key");
        }
        let known = followed.enrolled || !followed.contacts.is_empty();
        Ok(known.then_some(Answer::Known {}))
    }

    /// The statements from the newest of our keys that is among `asked`.
    fn lead(&self, asked: &[Blob]) -> Option<Answer> {
        let asked = keys(asked)?;
        let from = self.own.iter().rposition(|statement| asked.contains(&statement.old()))?;
        Some(Answer::Chain { chain: blobs(self.own.get(from..)?) })
    }
}

fn refused() -> Ended {
    Ended::Refused(Fault::stranger())
}

/// A stranger learns nothing of our troubles; the owner's log does.
fn internal(fault: StoreError) -> CallError {
    tracing::error!(%fault, "the change of a key failed inside");
    Fault::stranger().into()
}
