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
use landline_store::{Passwords as _, Store, StoreError};
use landline_trust::{
    key::PublicKey,
    password::{Binding, Guess, Name, Record, ServerSecret},
    stretch::Cost,
};
use landline_wire::{Blob, ErrorCode, Fault, shown};
use rand::rngs::OsRng;
use tokio::time::{Instant, sleep_until};
use zeroize::Zeroizing;

use super::{
    msg::{Answer, Request},
    slow::Slow,
};
use crate::{
    audit::{Audit, Event},
    introduce::msg::label,
};

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
    audit: Audit,
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
        Self { store, secret: Arc::new(secret), key, label, slow: Arc::default(), audit: Audit::default() }
    }

    /// Notes in `audit` who was let in, and who not.
    #[must_use]
    pub fn noting(self, audit: Audit) -> Self {
        Self { audit, ..self }
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
        let kept = self.store.password_record(&user).await.map_err(|fault| internal(&fault))?;
        let record =
            kept.as_ref().map(|kept| Record::from_bytes(kept)).transpose().map_err(|fault| internal(&fault))?;
        let binding = Binding { exporter: &exporter, server: &self.key, client: &client, user: name };
        let answered = Guess::answer(&self.secret, record.as_ref(), &step.0, &binding, &mut OsRng);
        sleep_until(told_at).await;
        let Ok((guess, step, cost)) = answered else { return Ok(no_match()) };
        call.send(&Answer::Challenge { step: Blob(step), cost: Blob(cost.to_bytes().to_vec()) }).await?;
        // Who guessed wrong knows it by now and hangs up: that is a failure, and costs what one costs.
        let Ok(Some(Request::Proof { step, label: said })) = call.recv().await else {
            return Ok(self.failed(&user, origin));
        };
        match (guess.judge(&step.0), kept) {
            (Ok(_), Some(record)) if self.enrol(&user, &record, &client, (&said, origin)).await? => {
                self.slow.lock().unwrap_or_else(PoisonError::into_inner).proved(source, user.as_str());
                call.send(&Answer::Welcome { label: self.label.clone() }).await?;
                Ok(Ended::Well)
            }
            _ => Ok(self.failed(&user, origin)),
        }
    }

    fn failed(&self, user: &UserName, origin: Origin) -> Ended {
        tracing::info!(user = %user, %origin, "a password did not match");
        self.audit.login_failed(user.as_str(), crate::admin::from(&origin));
        no_match()
    }

    fn attempt(&self, source: SourceKey, user: &UserName) -> Result<Instant, Duration> {
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        slow.attempt(source, user.as_str(), Instant::now().into_std()).map(Instant::from_std)
    }

    /// Enrols the key if the password is still the one that was proved; whether it was.
    async fn enrol(
        &self,
        user: &UserName,
        record: &Zeroizing<Vec<u8>>,
        client: &PublicKey,
        (said, origin): (&str, Origin),
    ) -> Result<bool, CallError> {
        let said = label(said);
        let enrolled = self.store.enrol_by_password(client, user, record.clone(), &said, SystemTime::now()).await;
        let enrolled = enrolled.map_err(|fault| internal(&fault))?;
        if enrolled {
            tracing::info!(user = %user, key = %client.fingerprint(), label = %shown(&said), "logged in with a password");
            let (user, fingerprint) = (user.to_string(), client.fingerprint().to_string());
            self.audit.note(&Event::LoggedIn { user, label: said, fingerprint, from: crate::admin::from(&origin) });
        }
        Ok(enrolled)
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
