//! The side that challenges: the server.
//!
//! In: the key, a fresh nonce, the client's answer. Out: the nonce to send; evidence, and in `mutual` the own proof.
//! Source: PROTOCOL.md §11.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

use super::{
    ChallengeError, EXPORTER_LEN, NONCE_LEN, PROOF_LEN, Proved, Scheme, Secret, exactly,
    mac::{Role, Talk, hmac_md5, hmac_sha256},
};

/// A challenge that was sent and is not answered yet: the server's side.
///
/// ```
/// use landline_trust::challenge::{Answerer, Challenger, Scheme, Secret};
///
/// let key = Secret::new(*b"Jedan has a big key!")?;
/// let (server, challenge) = Challenger::start(Scheme::HmacSha256, &key, [7; 32], None); // [7; 32]: draw it!
///
/// // The client reads `challenge_len` bytes and answers.
/// let client = Answerer::new(Scheme::HmacSha256, &key, [8; 32], None);
/// let (answer, _) = client.answer(&challenge)?;
///
/// // The server reads `answer_len` bytes, no more, no less, and judges them.
/// assert_eq!(answer.len(), server.answer_len());
/// let (proved, reply) = server.judge(&answer)?;
/// assert_eq!((proved.scheme(), reply), (Scheme::HmacSha256, None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It is used up by the answer, so that nobody gets a second guess at one nonce:
///
/// ```compile_fail,E0382
/// # use landline_trust::challenge::{Challenger, Scheme, Secret};
/// # let key = Secret::new(*b"Jedan has a big key!").unwrap();
/// let (server, _) = Challenger::start(Scheme::HmacMd5, &key, [7; 32], None);
/// let first = server.judge(&[0; 16]);
/// let second = server.judge(&[1; 16]); // does not compile: `server` is gone
/// ```
#[must_use = "a challenge goes on with the client's answer"]
pub struct Challenger<'k> {
    scheme: Scheme,
    secret: &'k Secret,
    nonce: [u8; NONCE_LEN],
    exporter: Option<&'k [u8; EXPORTER_LEN]>,
}

impl<'k> Challenger<'k> {
    /// Begins a talk: the state to keep, and the [`NONCE_LEN`] bytes for the client.
    ///
    /// `nonce`: uniform bytes from the system, used for nothing else; a nonce used twice lets an old answer in.
    /// `exporter`: of the TLS connection that carries the talk, under [`super::EXPORTER_LABEL`]; `None` without TLS. Only
    /// [`Scheme::Mutual`] is bound to it: the one-way schemes have no place for it and take no notice.
    pub fn start(
        scheme: Scheme,
        secret: &'k Secret,
        nonce: [u8; NONCE_LEN],
        exporter: Option<&'k [u8; EXPORTER_LEN]>,
    ) -> (Self, [u8; NONCE_LEN]) {
        (Self { scheme, secret, nonce, exporter }, nonce)
    }

    /// How many bytes to read for [`Self::judge`]. The client sends no other number, whether it holds the key or not.
    #[must_use]
    pub const fn answer_len(&self) -> usize {
        self.scheme.answer_len()
    }

    /// Judges the client's answer, [`Self::answer_len`] bytes, in constant time. Takes `self`: right or wrong, one answer.
    ///
    /// Beside the evidence: what to send back, in [`Scheme::Mutual`], before anything else is said.
    ///
    /// # Errors
    /// [`ChallengeError::Refused`]: a wrong answer, or our own nonce sent back as the client's: close without a word.
    /// [`ChallengeError::Misread`]: another number of bytes.
    pub fn judge(self, answer: &[u8]) -> Result<(Proved, Option<[u8; PROOF_LEN]>), ChallengeError> {
        let (is_right, reply) = match self.scheme {
            Scheme::HmacMd5 => (hmac_md5(self.secret.bytes(), &self.nonce).ct_eq(exactly::<16>(answer)?), None),
            Scheme::HmacSha256 => {
                (hmac_sha256(self.secret.bytes(), &[&self.nonce]).ct_eq(exactly::<32>(answer)?), None)
            }
            Scheme::Mutual => {
                let (is_right, reply) = self.judge_mutual(exactly(answer)?);
                (is_right, Some(reply))
            }
        };
        if bool::from(is_right) { Ok((Proved { scheme: self.scheme }, reply)) } else { Err(ChallengeError::Refused) }
    }

    /// Whether nonce and proof are right, and what to answer if so.
    fn judge_mutual(&self, answer: &[u8; NONCE_LEN + PROOF_LEN]) -> (Choice, [u8; PROOF_LEN]) {
        let (client_nonce, proof) = answer.split_first_chunk::<NONCE_LEN>().expect("it is longer than a nonce");
        let talk = Talk { server_nonce: &self.nonce, client_nonce, exporter: self.exporter };
        let is_right = talk.proof(self.secret, Role::Client).ct_eq(proof) & !client_nonce.ct_eq(&self.nonce);
        (is_right, talk.proof(self.secret, Role::Server))
    }
}

impl fmt::Debug for Challenger<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Challenger({}, …)", self.scheme)
    }
}
