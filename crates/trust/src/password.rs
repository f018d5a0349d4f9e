//! Passwords: a user who has one proves it, once, to enrol the key of a new machine.
//!
//! ```text
//! client (the user's machine)                     server
//!   Enrolment::start   -- request, 32 bytes ----->  ServerSecret::enrol
//!   finish             <- response, cost ---------
//!                      -- upload, 192 bytes ----->  ServerSecret::keep: a Record to store
//!
//!   Login::start       -- KE1 ------------------->  Guess::answer    (record, or none: unknown user)
//!   finish             <- KE2, cost --------------
//!     wrong: told to the human; nothing more is sent
//!     right:           -- KE3 ------------------->  judge
//! ```
//!
//! In: a password, the other side's messages, what the connection is ([`Binding`]), randomness. Out: messages, a
//! [`Record`] to keep, and in the end a [`SessionKey`] that only exists if the record was made of this password and both
//! sides are on the same connection. Knows nothing of sockets, of users and of how often somebody has tried.
//!
//! This is OPAQUE (RFC 9807; opaque-ke, ristretto255, SHA-512, triple Diffie-Hellman) in the roles of the textbook, the
//! user as client, with Argon2id as its key stretching. The server never sees the password. A record alone tests no
//! guess: that also takes the [`ServerSecret`], and then each guess costs what the record's [`Cost`] says.
//!
//! What the caller must do:
//! - **Count a failure when KE2 is sent**, and take it back once KE3 proved right. The client learns from KE2 whether its
//!   guess was right, and an attacker hangs up there.
//! - Enrol only over a call that proved both keys: a record made with a false server is that server's to guess.
//! - Bring user names to one spelling, and not answer faster where there is no record.
//!
//! Unknown users get an answer of the same length, after the same steps, the same for one name each time. Only the cost
//! might differ: a record made before the secret's cost was changed tells its own, so that its user can be told from an
//! unknown one until the password is set again.
//!
//! Invariant: an [`Enrolment`], a [`Login`] and a [`Guess`] are used up by their last step; one value, one guess.

use opaque_ke::{
    CipherSuite, Ristretto255, TripleDh,
    errors::InternalError,
    generic_array::{ArrayLength, GenericArray},
    ksf::Ksf,
};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use crate::key::PublicKey;
use crate::stretch::{Cost, NoMemory, Password, argon2id};

mod enrol;
mod login;
mod server;

pub use crate::introduction::{KE1_LEN, KE2_LEN, KE3_LEN, SessionKey};
pub use enrol::{Enrolment, REQUEST_LEN, RESPONSE_LEN, UPLOAD_LEN};
pub use login::{Guess, Login};
pub use server::{Malformed, RECORD_LEN, Record, SECRET_LEN, ServerSecret};

/// Most bytes in a user's name.
pub const LONGEST_NAME_BYTES: usize = 255;

const CONTEXT_LABEL: &[u8] = b"landline password login v1";
const PASSWORD_LABEL: &[u8] = b"landline password v1";

/// The salt of Argon2id: zeroes, as RFC 9807 §7 has it. What is stretched is already salted, by the server's secret.
const SALT: [u8; 16] = [0; 16];

struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = Stretch;
}

/// Argon2id as the library asks for it. Its default has no cost and refuses to work: leaving the cost out must not pass
/// for not stretching.
#[derive(Default)]
struct Stretch(Option<Cost>);

impl Ksf for Stretch {
    fn hash<L: ArrayLength<u8>>(&self, input: GenericArray<u8, L>) -> Result<GenericArray<u8, L>, InternalError> {
        let input = Zeroizing::new(input);
        let cost = self.0.ok_or(InternalError::KsfError)?;
        let mut stretched = GenericArray::default();
        argon2id(&input, &SALT, cost, &mut stretched).map_err(|NoMemory| InternalError::KsfError)?;
        Ok(stretched)
    }
}

/// The name of a user: 1 to [`LONGEST_NAME_BYTES`] bytes in the one spelling that the caller chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a>(&'a [u8]);

/// The bytes are no name of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user's name has 1 to 255 bytes")]
pub struct NotAName;

impl<'a> Name<'a> {
    /// Takes the bytes as they are.
    ///
    /// # Errors
    /// [`NotAName`] for none, or too many.
    pub fn new(bytes: &'a [u8]) -> Result<Self, NotAName> {
        if (1..=LONGEST_NAME_BYTES).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(NotAName) }
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// What both proofs of a login are bound to: if one field differs between the two sides, the login fails.
///
/// A man in the middle has two connections, so the exporters and the keys that the two sides see differ.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// 32 bytes exported from the TLS connection that carries the messages. PROTOCOL.md §1.4.
    pub exporter: &'a [u8; 32],
    /// The key that the server showed in the handshake.
    pub server: &'a PublicKey,
    /// The key that the client showed in the handshake, which the password is to enrol.
    pub client: &'a PublicKey,
    /// Who the client says that it is.
    pub user: Name<'a>,
}

impl Binding<'_> {
    /// Every field with its length before it, so that no two bindings make the same bytes. The cost is in it too: what was
    /// told is what was used.
    fn context(&self, cost: Cost) -> Vec<u8> {
        let cost = cost.to_bytes();
        let fields: [&[u8]; 6] =
            [CONTEXT_LABEL, self.exporter, self.server.as_bytes(), self.client.as_bytes(), self.user.0, &cost];
        let mut context = Vec::new();
        for field in fields {
            let len = u16::try_from(field.len()).expect("fields are at most 255 bytes long");
            context.extend_from_slice(&len.to_be_bytes());
            context.extend_from_slice(field);
        }
        context
    }
}

/// Not proven. There is this one word for an unknown user, a wrong password, a malformed message, a replay and somebody in
/// between, so that none can leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the user name or the password is wrong")]
pub struct Wrong;

/// Why a client's step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// See [`Wrong`].
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// This machine lacks the memory; says nothing about the password.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
}

/// The library's error as ours. Only [`Stretch`] gives a `KsfError`, and only for want of memory.
fn client_fault(fault: &opaque_ke::errors::ProtocolError) -> LoginError {
    match fault {
        opaque_ke::errors::ProtocolError::LibraryError(InternalError::KsfError) => NoMemory.into(),
        _ => Wrong.into(),
    }
}

/// A password of any length as 64 bytes, apart from every other use of the same words.
fn input(password: &Password) -> Zeroizing<[u8; 64]> {
    Zeroizing::new(Sha512::new().chain_update(PASSWORD_LABEL).chain_update(password.bytes()).finalize().into())
}

/// The library ignores bytes left over; here a message has one length.
fn exactly<const N: usize>(message: &[u8]) -> Result<&[u8; N], Wrong> {
    message.try_into().map_err(|_| Wrong)
}

#[cfg(test)]
mod tests;
