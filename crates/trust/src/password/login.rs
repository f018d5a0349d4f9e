//! Logging in: the client's [`Login`] and the server's [`Guess`].
//!
//! In: the password or its record, the other side's messages, the connection. Out: messages, and a session key.

use std::fmt;

use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, CredentialFinalization, CredentialRequest, CredentialResponse,
    Identifiers, ServerLogin, ServerLoginParameters,
};
use rand::rngs::OsRng;
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::{
    Binding, KE1_LEN, KE2_LEN, KE3_LEN, LoginError, Record, ServerSecret, SessionKey, Stretch, Suite, Wrong,
    client_fault, exactly, input,
};
use crate::stretch::{Cost, Password};

/// The client, after KE1 was sent.
#[must_use = "a login goes on with the server's answer"]
pub struct Login {
    login: ClientLogin<Suite>,
    password: Zeroizing<[u8; 64]>,
}

impl Login {
    /// Begins a login: the state to keep, and KE1 ([`KE1_LEN`] bytes), which shows nothing of the password.
    pub fn start(password: &Password, rng: &mut (impl CryptoRng + RngCore)) -> (Self, Vec<u8>) {
        let password = input(password);
        let begun = ClientLogin::<Suite>::start(rng, password.as_slice()).expect("64 bytes always hash to the group");
        (Self { login: begun.state, password }, begun.message.serialize().to_vec())
    }

    /// Stretches the password at the cost that the server told, and judges KE2: does the server have a record of it? Gives
    /// KE3 ([`KE3_LEN`] bytes) and the session key. Takes a noticeable time.
    ///
    /// # Errors
    /// [`LoginError::Wrong`], also if KE2 is malformed: the two are not told apart. [`LoginError::NoMemory`].
    pub fn finish(self, ke2: &[u8], cost: Cost, binding: &Binding<'_>) -> Result<(Vec<u8>, SessionKey), LoginError> {
        let ke2: &[u8; KE2_LEN] = exactly(ke2)?;
        let answer = CredentialResponse::<Suite>::deserialize(ke2).map_err(|_| Wrong)?;
        let (context, stretch) = (binding.context(cost), Stretch(Some(cost)));
        let parameters = ClientLoginFinishParameters::new(Some(&context), Identifiers::default(), Some(&stretch));
        // Triple Diffie-Hellman draws no randomness in this step; should a later version do, it gets the system's.
        let done = self
            .login
            .finish(&mut OsRng, self.password.as_slice(), answer, parameters)
            .map_err(|fault| client_fault(&fault))?;
        Ok((done.message.serialize().to_vec(), SessionKey::take(done.session_key)))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// The server, after KE2 was sent: one guess of somebody, not yet proven.
#[must_use = "from here on the guess counts as a failure until it is judged"]
pub struct Guess {
    login: ServerLogin<Suite>,
    context: Vec<u8>,
}

impl Guess {
    /// Answers KE1 with KE2 ([`KE2_LEN`] bytes), and the cost to tell beside it.
    ///
    /// `record`: of the user whom `binding` names; `None` if there is no such user or it has no password. Then the answer
    /// looks the same, takes the same steps, and no password is right.
    ///
    /// # Errors
    /// [`Wrong`] if KE1 has a wrong length or holds no valid group element.
    pub fn answer(
        secret: &ServerSecret,
        record: Option<&Record>,
        ke1: &[u8],
        binding: &Binding<'_>,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<(Self, Vec<u8>, Cost), Wrong> {
        let ke1: &[u8; KE1_LEN] = exactly(ke1)?;
        let request = CredentialRequest::<Suite>::deserialize(ke1).map_err(|_| Wrong)?;
        let cost = record.map_or(secret.cost, |record| record.cost);
        let context = binding.context(cost);
        let kept = record.map(|record| record.kept.clone());
        let name = binding.user.as_bytes();
        let begun =
            ServerLogin::start(rng, &secret.setup, kept, request, name, parameters(&context)).map_err(|_| Wrong)?;
        Ok((Self { login: begun.state, context }, begun.message.serialize().to_vec(), cost))
    }

    /// Judges KE3. Takes `self`: there is one.
    ///
    /// # Errors
    /// [`Wrong`], whatever was.
    pub fn judge(self, ke3: &[u8]) -> Result<SessionKey, Wrong> {
        let ke3: &[u8; KE3_LEN] = exactly(ke3)?;
        let proof = CredentialFinalization::<Suite>::deserialize(ke3).map_err(|_| Wrong)?;
        let done = self.login.finish(proof, parameters(&self.context)).map_err(|_| Wrong)?;
        Ok(SessionKey::take(done.session_key))
    }
}

impl fmt::Debug for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guess(…)")
    }
}

fn parameters(context: &[u8]) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters { context: Some(context), identifiers: Identifiers::default() }
}
