//! The answering end of a login.
//!
//! A guess counts as a failure when it arrives; it is answered at a time that tells nothing, by messages that are the same for users that
//! there are and those that there are not. Invariant: a key is enrolled only by a proof that was bound to it and to this connection.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use landline_addr::{source::SourceKey, user::UserName};
use landline_net::{Call, CallError, Ended, Origin, Peer};
use landline_store::{Keys as _, Passwords as _, Store, StoreError};
use landline_trust::{
    key::PublicKey,
    password::{Binding, Guess, Name, Record, ServerSecret, Wrong},
    stretch::Cost,
};
use landline_wire::{Blob, ErrorCode, Fault, shown};
use rand::rngs::OsRng;
use tokio::time::{Instant, sleep_until};

use super::{
    msg::{Answer, Request},
    slow::Slow,
};
use crate::introduce::msg::label;

/// From a first step until it is answered, at least: longer than any look at the database takes.
const TOLD_AFTER: Duration = Duration::from_millis(100);

/// What lets users in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Porter {
    store: Store,
    secret: Arc<ServerSecret>,
    key: PublicKey,
    label: String,
    slow: Arc<Mutex<Slow>>,
}

/// The secret of a server's passwords, made at first use.
///
/// # Errors
/// As the store fails; [`StoreError::Unfit`] if what is kept can't be read.
pub async fn secret(store: &Store) -> Result<ServerSecret, StoreError> {
    let made = ServerSecret::generate(Cost::DEFAULT, &mut OsRng).to_bytes();
    let kept = store.password_secret(made).await?;
    ServerSecret::from_bytes(&kept).map_err(|_| StoreError::Unfit {
        what: "the secret of passwords",
        why: "it is damaged, or of a newer landline",
    })
}

impl Porter {
    /// `key`: this machine's; `label`: what it calls itself.
    #[must_use]
    pub fn new(store: Store, secret: ServerSecret, key: PublicKey, label: String) -> Self {
        Self { store, secret: Arc::new(secret), key, label, slow: Arc::default() }
    }

    /// Lets one machine in, or not.
    ///
    /// # Errors
    /// As the line fails; a wrong password is no error but [`Ended::Refused`].
    pub async fn serve(&self, origin: Origin, call: &mut Call) -> Result<Ended, CallError> {
        let (Peer::Key(client), Some(exporter)) = (call.peer(), call.exporter().copied()) else {
            return Ok(refused()); // no TLS, nothing to bind the proof to
        };
        let Some(source) = origin.source() else { return Ok(refused()) };
        let Some(Request::Login { user, step }) = call.recv().await? else { return Ok(refused()) };
        // What can be no name is nobody's, as one that nobody has.
        let (Ok(name), Ok(user)) = (Name::new(user.as_bytes()), user.parse::<UserName>()) else {
            return Ok(no_match());
        };
        let told_at = match self.attempt(source, &user) {
            Ok(at) => at.max(Instant::now() + TOLD_AFTER),
            Err(wait) => return Ok(Ended::Refused(come_again(wait))),
        };
        let record = self.record(&user).await?;
        let binding = Binding { exporter: &exporter, server: &self.key, client: &client, user: name };
        let answered = Guess::answer(&self.secret, record.as_ref(), &step.0, &binding, &mut OsRng);
        sleep_until(told_at).await;
        let Ok((guess, step, cost)) = answered else { return Ok(no_match()) };
        call.send(&Answer::Challenge { step: Blob(step), cost: Blob(cost.to_bytes().to_vec()) }).await?;
        let Some(Request::Proof { step, label: said }) = call.recv().await? else { return Ok(no_match()) };
        match guess.judge(&step.0) {
            Err(Wrong) => {
                tracing::info!(user = %user, %source, "a password did not match");
                Ok(no_match())
            }
            Ok(_) => {
                self.slow.lock().unwrap_or_else(PoisonError::into_inner).proved(source, user.as_str());
                self.enrol(&user, &client, &said).await?;
                call.send(&Answer::Welcome { label: self.label.clone() }).await?;
                Ok(Ended::Well)
            }
        }
    }

    fn attempt(&self, source: SourceKey, user: &UserName) -> Result<Instant, Duration> {
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        slow.attempt(source, user.as_str(), Instant::now().into_std()).map(Instant::from_std)
    }

    async fn record(&self, user: &UserName) -> Result<Option<Record>, CallError> {
        let Some(kept) = self.store.password_record(user).await.map_err(|fault| internal(&fault))? else {
            return Ok(None);
        };
        Record::from_bytes(&kept).map(Some).map_err(|fault| internal(&fault))
    }

    async fn enrol(&self, user: &UserName, client: &PublicKey, said: &str) -> Result<(), CallError> {
        let said = label(said);
        let enrolled = self.store.enrol(client, user.as_str(), &said, SystemTime::now()).await;
        enrolled.map_err(|fault| internal(&fault))?;
        tracing::info!(user = %user, key = %client.fingerprint(), label = %shown(&said), "logged in with a password");
        Ok(())
    }
}

/// The same for users that there are and those that there are not.
fn come_again(wait: Duration) -> Fault {
    let seconds = wait.as_secs().saturating_add(1);
    Fault::new(ErrorCode::TimedOut, format!("too many attempts; the next one is taken in {seconds} s"))
}

fn refused() -> Ended {
    Ended::Refused(Fault::stranger())
}

fn no_match() -> Ended {
    Ended::Refused(Fault::new(ErrorCode::NoMatch, ""))
}

/// A stranger learns nothing of our troubles; the owner's log does.
fn internal(fault: &dyn std::fmt::Display) -> CallError {
    tracing::error!(%fault, "a login failed inside");
    Fault::stranger().into()
}
