//! The side that answers: the client.
//!
//! In: the key, a fresh nonce, the server's challenge and in `mutual` its proof. Out: the answer to send; in `mutual`
//! evidence that the server holds the key. Source: PROTOCOL.md §11.

use std::fmt;

use subtle::ConstantTimeEq;

use super::{
    ChallengeError, EXPORTER_LEN, NONCE_LEN, PROOF_LEN, Proved, Scheme, Secret, exactly,
    mac::{Role, Talk, hmac_md5, hmac_sha256},
};

/// The client's side, before the challenge has come.
///
/// ```
/// use landline_trust::challenge::{Answered, Answerer, Challenger, Scheme, Secret};
///
/// let key = Secret::new(*b"Jedan has a big key!")?;
/// let exporter = [3; 32]; // of the TLS connection between the two
/// let (server, challenge) = Challenger::start(Scheme::Mutual, &key, [7; 32], Some(&exporter)); // [7; 32]: draw it!
///
/// let client = Answerer::new(Scheme::Mutual, &key, [8; 32], Some(&exporter)); // [8; 32]: draw it too!
/// let (answer, answered) = client.answer(&challenge)?;
/// let (_, reply) = server.judge(&answer)?;
///
/// match answered {
///     Answered::AwaitProof(server) => assert_eq!(server.judge(&reply.unwrap())?.scheme(), Scheme::Mutual),
///     Answered::Done => unreachable!("a one-way scheme"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an answerer waits for the challenge"]
pub struct Answerer<'k> {
    scheme: Scheme,
    secret: &'k Secret,
    nonce: [u8; NONCE_LEN],
    exporter: Option<&'k [u8; EXPORTER_LEN]>,
}

/// What follows on an answer.
#[must_use = "in `mutual` the server has yet to prove itself"]
#[derive(Debug)]
pub enum Answered<'k> {
    /// Nothing comes back. The server has proven **nothing**, and tells of a wrong answer by closing, if at all.
    Done,
    /// The server owes its proof; nothing it says before that counts.
    AwaitProof(AwaitProof<'k>),
}

/// The client's side of `mutual`, after the answer was sent.
#[must_use = "the server has yet to prove itself"]
pub struct AwaitProof<'k> {
    secret: &'k Secret,
    server_nonce: [u8; NONCE_LEN],
    client_nonce: [u8; NONCE_LEN],
    exporter: Option<&'k [u8; EXPORTER_LEN]>,
}

impl<'k> Answerer<'k> {
    /// A client that will answer one challenge.
    ///
    /// `nonce`: uniform bytes from the system, used for nothing else; only [`Scheme::Mutual`] sends them.
    /// `exporter`: as in [`super::Challenger::start`].
    pub const fn new(
        scheme: Scheme,
        secret: &'k Secret,
        nonce: [u8; NONCE_LEN],
        exporter: Option<&'k [u8; EXPORTER_LEN]>,
    ) -> Self {
        Self { scheme, secret, nonce, exporter }
    }

    /// How many bytes to read for [`Self::answer`].
    #[must_use]
    pub const fn challenge_len(&self) -> usize {
        NONCE_LEN
    }

    /// Answers the server's challenge, [`Self::challenge_len`] bytes: what to send ([`Scheme::answer_len`] bytes), and what
    /// to wait for. Takes `self`: one nonce, one answer.
    ///
    /// # Errors
    /// [`ChallengeError::Refused`]: in [`Scheme::Mutual`], our own nonce came back: somebody holds up a mirror.
    /// [`ChallengeError::Misread`]: another number of bytes.
    pub fn answer(self, challenge: &[u8]) -> Result<(Vec<u8>, Answered<'k>), ChallengeError> {
        let server_nonce: &[u8; NONCE_LEN] = exactly(challenge)?;
        match self.scheme {
            Scheme::HmacMd5 => Ok((hmac_md5(self.secret.bytes(), server_nonce).to_vec(), Answered::Done)),
            Scheme::HmacSha256 => Ok((hmac_sha256(self.secret.bytes(), &[server_nonce]).to_vec(), Answered::Done)),
            Scheme::Mutual => {
                if server_nonce.ct_eq(&self.nonce).into() {
                    return Err(ChallengeError::Refused);
                }
                let Self { secret, nonce: client_nonce, exporter, .. } = self;
                let waiting = AwaitProof { secret, server_nonce: *server_nonce, client_nonce, exporter };
                let proof = waiting.talk().proof(secret, Role::Client);
                Ok(([client_nonce, proof].concat(), Answered::AwaitProof(waiting)))
            }
        }
    }
}

impl AwaitProof<'_> {
    /// How many bytes to read for [`Self::judge`].
    #[must_use]
    pub const fn proof_len(&self) -> usize {
        PROOF_LEN
    }

    /// Judges the server's proof, [`Self::proof_len`] bytes, in constant time. Takes `self`: there is one.
    ///
    /// # Errors
    /// [`ChallengeError::Refused`] if it is wrong; [`ChallengeError::Misread`]: another number of bytes.
    pub fn judge(self, proof: &[u8]) -> Result<Proved, ChallengeError> {
        let proof: &[u8; PROOF_LEN] = exactly(proof)?;
        let is_right = self.talk().proof(self.secret, Role::Server).ct_eq(proof);
        if bool::from(is_right) { Ok(Proved { scheme: Scheme::Mutual }) } else { Err(ChallengeError::Refused) }
    }

    fn talk(&self) -> Talk<'_> {
        Talk { server_nonce: &self.server_nonce, client_nonce: &self.client_nonce, exporter: self.exporter }
    }
}

impl fmt::Debug for Answerer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answerer({}, …)", self.scheme)
    }
}

impl fmt::Debug for AwaitProof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwaitProof(…)")
    }
}
