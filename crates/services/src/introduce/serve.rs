//! The inviter's end of an introduction.
//!
//! A code gives one guess: the joiner's confirmation is judged first, and a wrong one burns the code. A break before it
//! has shown nothing and burns nothing; it is counted. A number that no open code has runs the same steps with random
//! words, so a stranger can't tell "no such code" from "wrong".
//! Invariant: of all introductions that run at once one is judged at a time, its burning or redeeming included. Else
//! many guesses at one code, sent together, would all be judged before the first wrong one has burned it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use landline_net::{Call, CallError, Ended, Peer};
use landline_store::{Codes as _, OpenCode, Store, StoreError};
use landline_trust::{
    introduction::{Binding, IntroError, Inviter},
    key::PublicKey,
};
use landline_wire::{Blob, ErrorCode, Fault};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};
use zeroize::Zeroizing;

use super::msg::{Inviting, Joining, label};

/// From a joiner's proof until a failure is told. Burning a code writes to the disk, and an unknown number has nothing to
/// burn; told at one time, the two look alike. Long enough for a disk that is busy.
const TOLD_AFTER: Duration = Duration::from_millis(250);

/// What the inviter brings to an introduction.
#[derive(Debug, Clone)]
pub struct Host {
    store: Store,
    key: PublicKey,
    label: String,
    /// Held from the judgement of a proof until its code is burned or redeemed. In it: the codes that were guessed at
    /// and whose burning could not be written down, so that a full disk gives nobody a second guess.
    judging: Arc<Mutex<Vec<Zeroizing<String>>>>,
}

/// A joiner's one guess, with all that it is judged by.
struct Attempt {
    inviter: Inviter,
    proof: Vec<u8>,
    exporter: [u8; 32],
    joiner: PublicKey,
    number: u16,
    said: String,
    code: Option<OpenCode>,
}

/// An introduction that may still break before its proof; dropped with its code, however it ends, it is counted.
struct Unproved {
    host: Host,
    code: Option<OpenCode>,
}

impl Drop for Unproved {
    fn drop(&mut self) {
        if let Some(code) = self.code.take() {
            let host = self.host.clone();
            tokio::spawn(async move { host.count_break(Some(&code)).await });
        }
    }
}

/// What a guess came to.
enum Verdict {
    /// The joiner is enrolled; this is our own proof.
    Right { proof: Vec<u8> },
    /// A guess was made; the code is burned.
    Wrong,
    /// No guess was made.
    Malformed,
}

impl Host {
    /// `store`: where codes and keys are kept; `key`: this machine's; `label`: what it calls itself.
    #[must_use]
    pub fn new(store: Store, key: PublicKey, label: String) -> Self {
        Self { store, key, label, judging: Arc::default() }
    }

    /// Introduces one joiner.
    ///
    /// # Errors
    /// As the line fails; a wrong code is no error but [`Ended::Refused`].
    pub async fn serve(&self, call: &mut Call) -> Result<Ended, CallError> {
        let (Peer::Key(joiner), Some(exporter)) = (call.peer(), call.exporter().copied()) else {
            return Ok(Ended::Refused(Fault::stranger())); // no TLS, nothing to bind the code to
        };
        let Some(Joining::Introduce { number }) = call.recv().await? else { return Ok(refused()) };
        let code = self.store.code(number, SystemTime::now()).await.map_err(internal)?;
        let words = code.as_ref().map(|code| code.secret.as_str());
        let (inviter, step) = Inviter::start(words, &mut rand::rngs::OsRng);
        call.send(&Inviting::Blinded { step: Blob(step) }).await?;
        let mut unproved = Unproved { host: self.clone(), code: code.clone() };
        let answer = call.recv().await;
        let told_at = Instant::now() + TOLD_AFTER;
        let (theirs, said) = match answer {
            Ok(Some(Joining::Confirm { step, label: said })) => (step, label(&said)),
            other => {
                drop(unproved);
                sleep_until(told_at).await;
                return other.map(|_| refused());
            }
        };
        unproved.code = None;
        // A task of its own, so that a judgement once begun ends in its burning even if this call is cut meanwhile.
        let attempt = Attempt { inviter, proof: theirs.0, exporter, joiner, number, said, code };
        let verdict = tokio::spawn(self.clone().judge(attempt)).await;
        match verdict.unwrap_or_else(|_panic| Err(Fault::stranger().into()))? {
            Verdict::Right { proof } => {
                tracing::info!(number, key = %joiner.fingerprint(), "introduced");
                call.send(&Inviting::Confirmed { step: Blob(proof), label: self.label.clone() }).await?;
                Ok(Ended::Well)
            }
            Verdict::Wrong => {
                sleep_until(told_at).await;
                Ok(no_match())
            }
            Verdict::Malformed => {
                sleep_until(told_at).await;
                Ok(refused())
            }
        }
    }

    /// Judges one proof and does to the code what follows from it.
    async fn judge(self, attempt: Attempt) -> Result<Verdict, CallError> {
        let Attempt { inviter, proof, exporter, joiner, number, said, code } = attempt;
        let binding = Binding { exporter: &exporter, inviter: &self.key, joiner: &joiner, number };
        let mut unwritten = self.judging.lock().await;
        let code = code.filter(|code| !unwritten.contains(&code.secret));
        match (inviter.finish(&proof, &binding), code) {
            (Ok((proof, _)), Some(code)) if self.redeem(&code, &joiner, &said).await? => Ok(Verdict::Right { proof }),
            (Err(IntroError::Malformed), code) => {
                self.count_break(code.as_ref()).await; // no guess was made
                Ok(Verdict::Malformed)
            }
            (Ok(_) | Err(IntroError::Mismatch), code) => {
                if let Some(code) = code
                    && let Err(fault) = self.burn(&code).await
                {
                    tracing::error!(number = code.number, %fault, "a code that was guessed at could not be burned");
                    unwritten.push(code.secret);
                }
                Ok(Verdict::Wrong)
            }
        }
    }

    async fn redeem(&self, code: &OpenCode, joiner: &PublicKey, said: &str) -> Result<bool, CallError> {
        let now = SystemTime::now();
        self.store.redeem(code.number, &code.secret, joiner, said, now).await.map_err(internal)
    }

    /// Burns the code that was tried, not a later one that happens to have its number.
    async fn burn(&self, code: &OpenCode) -> Result<(), StoreError> {
        match self.store.code(code.number, SystemTime::now()).await? {
            Some(open) if open.secret == code.secret => self.store.burn(code.number).await.map(|_| ()),
            _ => Ok(()),
        }
    }

    async fn count_break(&self, code: Option<&OpenCode>) {
        if let Some(code) = code
            && let Err(fault) = self.store.count_break(code.number).await
        {
            tracing::warn!(number = code.number, %fault, "a broken introduction could not be counted");
        }
    }
}

fn refused() -> Ended {
    Ended::Refused(Fault::stranger())
}

fn no_match() -> Ended {
    Ended::Refused(Fault::new(ErrorCode::NoMatch, ""))
}

/// A stranger learns nothing of our troubles; the owner's log does.
fn internal(fault: StoreError) -> CallError {
    tracing::error!(%fault, "an introduction failed inside");
    Fault::stranger().into()
}

#[cfg(test)]
mod tests;
