//! The challenge on a connection: who comes has to prove a shared key before anything else is heard.
//!
//! In: a connection, a key, a scheme. Out: the same connection, proved; or an error, and nothing said. One deadline holds over
//! all of it. A source that failed often is not even asked for a while; UNIX sockets are never penalised (decision D10).
//! Source: PROTOCOL.md §11.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_lc_rs::rand;
use landline_addr::source::SourceKey;
use landline_trust::challenge::{Answered, Answerer, Challenger, NONCE_LEN, Proved, Scheme, Secret};
use tokio::time::timeout;

use super::{connection::Connection, error::RawError};
use crate::{limits::PenaltyLimits, server::penalty::Penalties};

/// For the whole challenge: three passes over a slow line.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// What one failed challenge costs its source (OpenSSH's `PerSourcePenalties authfail`).
const PENALTY: Duration = Duration::from_secs(5);

/// A shared key and how it is proved. Cheap to clone; clones share the penalties.
///
/// ```
/// use landline_net::raw::{Connection, Prover, Talk};
/// use landline_trust::challenge::{Scheme, Secret};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let prover = |key: &str| Ok::<_, Box<dyn std::error::Error>>(Prover::new(Scheme::Mutual, Secret::new(key)?));
/// let (mut client, mut server) = Connection::pair(1024, &Talk::default())?;
/// let (at_server, at_client) = (prover("sixteen bytes or more")?, prover("sixteen bytes or more")?);
/// let (judged, answered) = tokio::join!(at_server.challenge(&mut server), at_client.answer(&mut client));
/// assert_eq!(judged?.scheme(), Scheme::Mutual);
/// answered?;
///
/// let (mut stranger, mut server) = Connection::pair(1024, &Talk::default())?;
/// let guess = prover("another one, as long")?;
/// let (judged, _) = tokio::join!(
///     async { let judged = at_server.challenge(&mut server).await; drop(server); judged },
///     guess.answer(&mut stranger),
/// );
/// assert!(judged.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Prover {
    scheme: Scheme,
    secret: Arc<Secret>,
    deadline: Duration,
    penalties: Arc<Mutex<Penalties>>,
}

impl Prover {
    /// A prover of `secret` by `scheme`, within [`DEADLINE`].
    #[must_use]
    pub fn new(scheme: Scheme, secret: Secret) -> Self {
        let penalties = Arc::new(Mutex::new(Penalties::new(PenaltyLimits::default())));
        Self { scheme, secret: Arc::new(secret), deadline: DEADLINE, penalties }
    }

    /// The same with another deadline.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Challenges whoever is at the other end.
    ///
    /// # Errors
    /// [`RawError::Unproved`], whatever was wrong; close without a word then. [`RawError::Unsuitable`] on datagrams.
    pub async fn challenge(&self, connection: &mut Connection) -> Result<Proved, RawError> {
        let source = connection.peer().address().map(|address| SourceKey::from(address.ip()));
        if source.is_some_and(|source| self.penalties().is_slowed(source, Instant::now())) {
            return Err(RawError::Unproved);
        }
        let outcome = timeout(self.deadline, self.judge(connection)).await.unwrap_or(Err(RawError::Unproved));
        if let (Err(RawError::Unproved), Some(source)) = (&outcome, source) {
            self.penalties().add(source, PENALTY, Instant::now());
        }
        outcome
    }

    /// Meets the challenge of whoever is at the other end.
    ///
    /// # Errors
    /// [`RawError::Unproved`] if the other end has to prove the key too and does not, or ends instead; as the line fails.
    pub async fn answer(&self, connection: &mut Connection) -> Result<(), RawError> {
        timeout(self.deadline, self.prove(connection)).await.unwrap_or(Err(RawError::Unproved))
    }

    async fn judge(&self, connection: &mut Connection) -> Result<Proved, RawError> {
        refuse_datagrams(connection)?;
        let exporter = connection.exporter().copied();
        let (challenger, challenge) = Challenger::start(self.scheme, &self.secret, nonce()?, exporter.as_ref());
        let (receiver, sender) = connection.halves();
        sender.write(&challenge).await?;
        let answer = receiver.read_exactly(challenger.answer_len()).await?.ok_or(RawError::Unproved)?;
        let (proved, reply) = challenger.judge(&answer).map_err(|_| RawError::Unproved)?;
        if let Some(reply) = reply {
            sender.write(&reply).await?;
        }
        Ok(proved)
    }

    async fn prove(&self, connection: &mut Connection) -> Result<(), RawError> {
        refuse_datagrams(connection)?;
        let exporter = connection.exporter().copied();
        let answerer = Answerer::new(self.scheme, &self.secret, nonce()?, exporter.as_ref());
        let (receiver, sender) = connection.halves();
        let challenge = receiver.read_exactly(answerer.challenge_len()).await?.ok_or(RawError::Unproved)?;
        let (answer, answered) = answerer.answer(&challenge).map_err(|_| RawError::Unproved)?;
        sender.write(&answer).await?;
        match answered {
            Answered::Done => Ok(()),
            Answered::AwaitProof(waiting) => {
                let proof = receiver.read_exactly(waiting.proof_len()).await?.ok_or(RawError::Unproved)?;
                waiting.judge(&proof).map(drop).map_err(|_| RawError::Unproved)
            }
        }
    }

    fn penalties(&self) -> std::sync::MutexGuard<'_, Penalties> {
        self.penalties.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse_datagrams(connection: &Connection) -> Result<(), RawError> {
    if connection.is_datagram() {
        return Err(RawError::Unsuitable(
            "a challenge needs a connection: datagrams can be sent by anybody at any time",
        ));
    }
    Ok(())
}

fn nonce() -> io::Result<[u8; NONCE_LEN]> {
    let mut bytes = [0; NONCE_LEN];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(bytes)
}
