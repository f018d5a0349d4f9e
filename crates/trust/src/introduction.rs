//! The introduction: two machines that share nothing but a short code come to trust each other's keys.
//!
//! ```text
//! inviter (made the code)                         joiner (typed the code)
//!        start   -- KE1: a blinded element -------->   answer
//!        finish  <- KE2: the joiner's proof --------
//!   wrong: the code is burned
//!   right:       -- KE3: the inviter's proof ------>   finish
//! ```
//!
//! In: the secret words, the other side's messages, what the connection is ([`Binding`]), randomness. Out: messages,
//! and in the end a [`SessionKey`] that only exists if both had the same words on the same connection.
//! Knows nothing of sockets, of the number of attempts and of the book of codes: burning is the caller's.
//!
//! This is OPAQUE (RFC 9807; opaque-ke, ristretto255, SHA-512, triple Diffie-Hellman) **with the roles turned round**
//! from the textbook: the inviter is OPAQUE's client, the joiner its server. In OPAQUE the client learns from KE2
//! whether its password was right. Were the joiner the client, it could test a guess and hang up before it had
//! confirmed anything, again and again. With the roles turned, the joiner's KE2 *is* its confirmation: it commits the
//! joiner to one guess, and the inviter judges it first. A break before KE2 has shown nothing (KE1 is a blinded
//! element, the same for every code) and need burn nothing. The joiner "registers" the code with itself, in memory,
//! anew for each answer. The words are not stretched: who can only guess once per code gains nothing from fast guesses,
//! and the messages let nobody who listens test any.
//!
//! Invariant: an `Inviter` and a `Joiner` are used up by `finish`; one value, one guess.

use std::fmt;

use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialFinalization, CredentialRequest, CredentialResponse, Identifiers, Ristretto255, ServerLogin,
    ServerLoginParameters, ServerRegistration, ServerSetup, TripleDh, errors::ProtocolError, ksf::Identity,
};
use rand::rngs::OsRng;
use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::key::PublicKey;

/// Bytes in KE1: blinded element 32, nonce 32, ephemeral key 32.
pub const KE1_LEN: usize = 96;

/// Bytes in KE2: element 32, nonce 32, masked record 128, nonce 32, ephemeral key 32, proof 64.
pub const KE2_LEN: usize = 320;

/// Bytes in KE3: proof 64.
pub const KE3_LEN: usize = 64;

/// Bytes in a [`SessionKey`]: one SHA-512.
pub const SESSION_KEY_BYTES: usize = 64;

const CONTEXT_LABEL: &[u8] = b"landline introduction v1";
const SECRET_LABEL: &[u8] = b"landline code v1";

/// Under which name the joiner registers the code with itself; it holds a single record.
const RECORD: &[u8] = b"code";

struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = Identity;
}

/// What both proofs are bound to: if one field differs between the two sides, the introduction fails.
///
/// A man in the middle has two connections, so the exporters and the keys that the two sides see differ.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// 32 bytes exported from the TLS connection that carries the messages (RFC 9266), unique to it.
    pub exporter: &'a [u8; 32],
    /// The key that the inviter showed in the handshake.
    pub inviter: &'a PublicKey,
    /// The key that the joiner showed in the handshake.
    pub joiner: &'a PublicKey,
    /// The number of the code.
    pub number: u16,
}

impl Binding<'_> {
    /// Every field with its length before it, so that no two bindings make the same bytes.
    fn context(&self) -> Vec<u8> {
        let number = self.number.to_be_bytes();
        let fields: [&[u8]; 5] =
            [CONTEXT_LABEL, self.exporter, self.inviter.as_bytes(), self.joiner.as_bytes(), &number];
        let mut context = Vec::new();
        for field in fields {
            let len = u16::try_from(field.len()).expect("fields are at most 32 bytes long");
            context.extend_from_slice(&len.to_be_bytes());
            context.extend_from_slice(field);
        }
        context
    }
}

/// Why an introduction failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntroError {
    /// The other side's proof is wrong: another code, or somebody stands between the two. The inviter must burn the
    /// code: a guess was made.
    #[error("the codes do not match: one was mistyped, or somebody stands between the two machines")]
    Mismatch,
    /// The message has a wrong length, or holds no valid group element. Says nothing about the code, whatever it is.
    #[error("the other side's introduction message is malformed")]
    Malformed,
}

/// What both sides hold after a right code, and nobody else: 64 bytes, wiped on drop, compared in constant time.
#[derive(Clone)]
pub struct SessionKey(Zeroizing<[u8; SESSION_KEY_BYTES]>);

impl SessionKey {
    /// The secret itself, for deriving further keys.
    #[must_use]
    pub fn danger_bytes(&self) -> &[u8; SESSION_KEY_BYTES] {
        &self.0
    }

    pub(crate) fn take(mut bytes: impl Into<[u8; SESSION_KEY_BYTES]> + AsMut<[u8]> + Clone) -> Self {
        let key = Self(Zeroizing::new(bytes.clone().into()));
        bytes.as_mut().zeroize(); // opaque-ke hands it over in a plain array
        key
    }
}

impl PartialEq for SessionKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for SessionKey {}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

/// The side that made the code, after KE1 was sent.
#[must_use = "an introduction goes on with the other side's answer"]
pub struct Inviter {
    login: ClientLogin<Suite>,
    password: Zeroizing<[u8; 64]>,
}

impl Inviter {
    /// Begins an introduction: the state to keep, and KE1 ([`KE1_LEN`] bytes) for the joiner.
    ///
    /// `secret`: the words of the code ([`landline_addr::code::Code::secret`]). `None` when no such code is open: then
    /// a random secret takes its place, which nobody can match, so that no one can tell which numbers are open.
    pub fn start(secret: Option<&str>, rng: &mut (impl CryptoRng + RngCore)) -> (Self, Vec<u8>) {
        let mut random = Zeroizing::new([0; 64]);
        rng.fill_bytes(random.as_mut_slice()); // also when it is not needed: both cases do the same work
        let password = secret.map_or(random, password);
        let begun = ClientLogin::<Suite>::start(rng, password.as_slice()).expect("64 bytes always hash to the group");
        (Self { login: begun.state, password }, begun.message.serialize().to_vec())
    }

    /// Judges the joiner's proof. Gives KE3 ([`KE3_LEN`] bytes) for the joiner, and the session key.
    ///
    /// Takes `self`: right or wrong, a joiner has one guess.
    ///
    /// # Errors
    /// [`IntroError::Mismatch`]: the code must be burned. [`IntroError::Malformed`]: no guess was made; what was
    /// found wrong does not depend on the code.
    pub fn finish(self, ke2: &[u8], binding: &Binding<'_>) -> Result<(Vec<u8>, SessionKey), IntroError> {
        let ke2: &[u8; KE2_LEN] = exactly(ke2)?;
        let answer = CredentialResponse::<Suite>::deserialize(ke2).map_err(|_| IntroError::Malformed)?;
        let context = binding.context();
        let parameters = ClientLoginFinishParameters::new(Some(&context), Identifiers::default(), None);
        // From here on everything depends on the code, also how it fails: it is all one error.
        // Triple Diffie-Hellman draws no randomness in this step; should a later version do, it gets the system's.
        let done = self
            .login
            .finish(&mut OsRng, self.password.as_slice(), answer, parameters)
            .map_err(|_| IntroError::Mismatch)?;
        Ok((done.message.serialize().to_vec(), SessionKey::take(done.session_key)))
    }
}

impl fmt::Debug for Inviter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inviter(…)")
    }
}

/// The side that typed the code, after KE2 was sent.
#[must_use = "an introduction goes on with the other side's answer"]
pub struct Joiner {
    login: ServerLogin<Suite>,
    context: Vec<u8>,
}

impl Joiner {
    /// Answers KE1 with KE2 ([`KE2_LEN`] bytes), which commits to `secret`: the words of the code, as typed.
    ///
    /// Whoever is at the other end learns whether *one* guess of his own was right, and nothing beyond: answer once
    /// for each time that the human asked to join.
    ///
    /// # Errors
    /// [`IntroError::Malformed`] if KE1 has a wrong length or holds no valid group element.
    pub fn answer(
        secret: &str,
        ke1: &[u8],
        binding: &Binding<'_>,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<(Self, Vec<u8>), IntroError> {
        let ke1: &[u8; KE1_LEN] = exactly(ke1)?;
        let request = CredentialRequest::<Suite>::deserialize(ke1).map_err(|_| IntroError::Malformed)?;
        let setup = ServerSetup::<Suite>::new(rng);
        let record = register(&setup, &password(secret), rng).expect("registering 64 bytes with oneself succeeds");
        let context = binding.context();
        let parameters = parameters(&context);
        let begun = ServerLogin::start(rng, &setup, Some(record), request, RECORD, parameters)
            .map_err(|_| IntroError::Malformed)?;
        Ok((Self { login: begun.state, context }, begun.message.serialize().to_vec()))
    }

    /// Judges the inviter's proof. Takes `self`: there is one.
    ///
    /// # Errors
    /// [`IntroError::Mismatch`] if it is wrong, [`IntroError::Malformed`] if it has a wrong length.
    pub fn finish(self, ke3: &[u8]) -> Result<SessionKey, IntroError> {
        let ke3: &[u8; KE3_LEN] = exactly(ke3)?;
        let proof = CredentialFinalization::<Suite>::deserialize(ke3).map_err(|_| IntroError::Malformed)?;
        let done = self.login.finish(proof, parameters(&self.context)).map_err(|_| IntroError::Mismatch)?;
        Ok(SessionKey::take(done.session_key))
    }
}

impl fmt::Debug for Joiner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Joiner(…)")
    }
}

/// Both ends of an OPAQUE registration in one memory.
fn register(
    setup: &ServerSetup<Suite>,
    password: &[u8; 64],
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<ServerRegistration<Suite>, ProtocolError> {
    let request = ClientRegistration::<Suite>::start(rng, password)?;
    let response = ServerRegistration::start(setup, request.message, RECORD)?;
    let parameters = ClientRegistrationFinishParameters::default();
    let upload = request.state.finish(rng, password, response.message, parameters)?;
    Ok(ServerRegistration::finish(upload.message))
}

fn parameters(context: &[u8]) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters { context: Some(context), identifiers: Identifiers::default() }
}

/// Words of any length as 64 bytes, the length that a random stand-in has too.
fn password(secret: &str) -> Zeroizing<[u8; 64]> {
    Zeroizing::new(Sha512::new().chain_update(SECRET_LABEL).chain_update(secret).finalize().into())
}

/// opaque-ke ignores bytes left over; here a message has one length.
fn exactly<const N: usize>(message: &[u8]) -> Result<&[u8; N], IntroError> {
    message.try_into().map_err(|_| IntroError::Malformed)
}

#[cfg(test)]
mod tests;
