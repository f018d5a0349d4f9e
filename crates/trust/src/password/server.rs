//! What a server keeps: one [`ServerSecret`] for itself, and a [`Record`] for each user with a password.
//!
//! In: randomness, a client's request and upload, or bytes as they were kept. Out: bytes to keep.
//! Layouts: PROTOCOL.md §13.2. Both begin with a version and a cost.

use std::fmt;

use opaque_ke::{RegistrationRequest, RegistrationUpload, ServerRegistration, ServerSetup};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::{Enrolment, LoginError, Name, REQUEST_LEN, Suite, UPLOAD_LEN, Wrong, exactly};
use crate::stretch::{COST_LEN, Cost, NoMemory, Password};

/// Bytes of a [`Record`] as it is kept: version 1, cost 12, the client's key 32, masking key 64, envelope 96.
pub const RECORD_LEN: usize = HEAD_LEN + UPLOAD_LEN;

/// Bytes of a [`ServerSecret`] as it is kept: version 1, cost 12, seed 64, the server's secret key 32, a stand-in key 32.
pub const SECRET_LEN: usize = HEAD_LEN + SETUP_LEN;

const SETUP_LEN: usize = 128;
const HEAD_LEN: usize = 1 + COST_LEN;
const VERSION: u8 = 1;

/// The bytes are no secret or record of this version, or ask for a cost that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is kept of passwords is damaged, or was written by a newer landline")]
pub struct Malformed;

/// What makes a server's records its own: without it a record tests no guess, and with another one none fits. Wiped on
/// drop, never printed.
pub struct ServerSecret {
    pub(super) setup: ServerSetup<Suite>,
    pub(super) cost: Cost,
}

impl ServerSecret {
    /// A new secret. `cost`: what new records are to cost, and what a client is told for a user that does not exist.
    pub fn generate(cost: Cost, rng: &mut (impl CryptoRng + RngCore)) -> Self {
        Self { setup: ServerSetup::new(rng), cost }
    }

    /// The same secret with another cost, for records to come.
    #[must_use]
    pub fn with_cost(self, cost: Cost) -> Self {
        Self { cost, ..self }
    }

    /// What a new record costs; to be told beside [`Self::enrol`]'s response.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        self.cost
    }

    /// The secret itself, [`SECRET_LEN`] bytes, for a file that nobody else can read.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_LEN)); // never grows: no stray copy
        let setup = Zeroizing::new(self.setup.serialize());
        head(self.cost).into_iter().chain(setup.iter().copied()).for_each(|byte| bytes.push(byte));
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let (cost, setup) = split::<SETUP_LEN>(bytes)?;
        Ok(Self { setup: ServerSetup::deserialize(setup).map_err(|_| Malformed)?, cost })
    }

    /// Answers a client that sets a password for the user `name`: the response ([`super::RESPONSE_LEN`] bytes).
    ///
    /// # Errors
    /// [`Wrong`] if the request has a wrong length or holds no valid group element.
    pub fn enrol(&self, name: Name<'_>, request: &[u8]) -> Result<Vec<u8>, Wrong> {
        let request: &[u8; REQUEST_LEN] = exactly(request)?;
        let request = RegistrationRequest::deserialize(request).map_err(|_| Wrong)?;
        let response = ServerRegistration::start(&self.setup, request, name.as_bytes()).map_err(|_| Wrong)?;
        Ok(response.message.serialize().to_vec())
    }

    /// The record of a client's upload. The server can't see which password it is of, or whether it is of any.
    ///
    /// # Errors
    /// [`Wrong`] if the upload has a wrong length or holds no valid group element.
    pub fn keep(&self, upload: &[u8]) -> Result<Record, Wrong> {
        let upload: &[u8; UPLOAD_LEN] = exactly(upload)?;
        let upload = RegistrationUpload::deserialize(upload).map_err(|_| Wrong)?;
        Ok(Record { kept: ServerRegistration::finish(upload), cost: self.cost })
    }

    /// Sets a password where client and server are one program: on the server itself.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn record(
        &self,
        name: Name<'_>,
        password: &Password,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Record, NoMemory> {
        let (enrolment, request) = Enrolment::start(password, rng);
        let response = self.enrol(name, &request).expect("our own request is well formed");
        match enrolment.finish(&response, self.cost, rng) {
            Ok(upload) => Ok(self.keep(&upload).expect("our own upload is well formed")),
            Err(LoginError::NoMemory(fault)) => Err(fault),
            Err(LoginError::Wrong(Wrong)) => unreachable!("our own response is well formed"),
        }
    }
}

impl fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerSecret(…, {})", self.cost)
    }
}

/// What a server keeps of a user's password, at the cost of its time. With the [`ServerSecret`] it tests guesses, so it is
/// a secret too: wiped on drop, never printed.
#[derive(Clone)]
pub struct Record {
    pub(super) kept: ServerRegistration<Suite>,
    pub(super) cost: Cost,
}

impl Record {
    /// The record, [`RECORD_LEN`] bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(RECORD_LEN)); // never grows: no stray copy
        let kept = Zeroizing::new(self.kept.serialize());
        head(self.cost).into_iter().chain(kept.iter().copied()).for_each(|byte| bytes.push(byte));
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let (cost, kept) = split::<UPLOAD_LEN>(bytes)?;
        Ok(Self { kept: ServerRegistration::deserialize(kept).map_err(|_| Malformed)?, cost })
    }

    /// What one guess costs who has stolen the record and the secret.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        self.cost
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record(…, {})", self.cost)
    }
}

fn head(cost: Cost) -> impl IntoIterator<Item = u8> {
    [VERSION].into_iter().chain(cost.to_bytes())
}

/// The cost and the rest, which has `N` bytes.
fn split<const N: usize>(bytes: &[u8]) -> Result<(Cost, &[u8; N]), Malformed> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_LEN>().ok_or(Malformed)?;
    let [VERSION, cost @ ..] = head else { return Err(Malformed) };
    let cost = Cost::from_bytes(cost).map_err(|_| Malformed)?;
    Ok((cost, rest.try_into().map_err(|_| Malformed)?))
}
