//! Setting a password: the client's half of a registration. The server's is [`super::ServerSecret`].
//!
//! In: a password, the server's response and cost. Out: the upload, of which the server makes a record.

use std::fmt;

use opaque_ke::{ClientRegistration, ClientRegistrationFinishParameters, Identifiers, RegistrationResponse};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::{LoginError, Stretch, Suite, Wrong, client_fault, exactly, input};
use crate::stretch::{Cost, Password};

/// Bytes in a request: a blinded element.
pub const REQUEST_LEN: usize = 32;

/// Bytes in a response: an element 32, the server's key 32.
pub const RESPONSE_LEN: usize = 64;

/// Bytes in an upload: the client's key 32, masking key 64, envelope 96.
pub const UPLOAD_LEN: usize = 192;

/// A password that is being set, after the request was sent.
#[must_use = "a password is set by the upload"]
pub struct Enrolment {
    state: ClientRegistration<Suite>,
    password: Zeroizing<[u8; 64]>,
}

impl Enrolment {
    /// Begins: the state to keep, and the request ([`REQUEST_LEN`] bytes), which shows nothing of the password.
    pub fn start(password: &Password, rng: &mut (impl CryptoRng + RngCore)) -> (Self, Vec<u8>) {
        let password = input(password);
        let begun =
            ClientRegistration::<Suite>::start(rng, password.as_slice()).expect("64 bytes always hash to the group");
        (Self { state: begun.state, password }, begun.message.serialize().to_vec())
    }

    /// Stretches the password at the cost that the server told and gives the upload ([`UPLOAD_LEN`] bytes). The upload is
    /// as secret as a record: it goes over the authenticated call alone.
    ///
    /// # Errors
    /// [`LoginError::Wrong`] for a malformed response; [`LoginError::NoMemory`].
    pub fn finish(
        self,
        response: &[u8],
        cost: Cost,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Vec<u8>, LoginError> {
        let response: &[u8; RESPONSE_LEN] = exactly(response)?;
        let response = RegistrationResponse::<Suite>::deserialize(response).map_err(|_| Wrong)?;
        let stretch = Stretch(Some(cost));
        let parameters = ClientRegistrationFinishParameters::new(Identifiers::default(), Some(&stretch));
        let done = self
            .state
            .finish(rng, self.password.as_slice(), response, parameters)
            .map_err(|fault| client_fault(&fault))?;
        Ok(done.message.serialize().to_vec())
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(…)")
    }
}
