//! A stored user as the tutorials keep one: a key of its own, and HMAC-MD5 of the password under it.
//!
//! In: a password, randomness. Out: what to write down, and later whether a password is the same.
//! For showing and reading what such tutorials wrote, **not for keeping passwords**: MD5 is fast, so whoever gets the record
//! tries a whole dictionary on it within a second. landline knows its users by their keys ([`crate::key`]).
//! Source: tutorial 001 (behaviour H7).

use std::fmt;

use data_encoding::HEXLOWER;
use rand::{CryptoRng, Rng, RngCore};
use subtle::ConstantTimeEq;

use crate::challenge::hmac_md5;

/// Characters in a user's key.
pub const USER_KEY_CHARS: usize = 20;

/// The characters that it is drawn from: codes 48 to 122, letters, digits and a few signs.
const USER_KEY_RANGE: std::ops::RangeInclusive<u8> = b'0'..=b'z';

/// Why text is no stored user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// The key is not 20 characters from `0` to `z`.
    #[error("a stored user's key is 20 characters of code 48 to 122")]
    Key,
    /// The digest is not what 16 bytes look like.
    #[error("a stored user's digest is 32 hexadecimal digits in lower case")]
    Digest,
}

/// One user's record, without the name. Debug shows neither half: together they are a password to be guessed.
///
/// ```
/// use landline_trust::stored::UserRecord;
/// let record = UserRecord::create(b"let me in", &mut rand::rngs::OsRng);
/// let read = UserRecord::from_parts(record.key(), &record.digest())?;
/// assert!(read.verify(b"let me in") && !read.verify(b"let me out"));
/// # Ok::<(), landline_trust::stored::StoredError>(())
/// ```
#[derive(Clone)]
pub struct UserRecord {
    key: String,
    digest: [u8; 16],
}

impl UserRecord {
    /// A record for `password`, under a fresh key of [`USER_KEY_CHARS`] characters, each as likely as the other.
    pub fn create(password: &[u8], rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let key: String = (0..USER_KEY_CHARS).map(|_| char::from(rng.gen_range(USER_KEY_RANGE))).collect();
        let digest = hmac_md5(key.as_bytes(), password);
        Self { key, digest }
    }

    /// Takes a record as it was written down.
    ///
    /// # Errors
    /// [`StoredError`] names the half that is none.
    pub fn from_parts(key: &str, digest: &str) -> Result<Self, StoredError> {
        if key.len() != USER_KEY_CHARS || !key.bytes().all(|byte| USER_KEY_RANGE.contains(&byte)) {
            return Err(StoredError::Key);
        }
        let bytes = HEXLOWER.decode(digest.as_bytes()).map_err(|_| StoredError::Digest)?;
        Ok(Self { key: key.to_owned(), digest: bytes.try_into().map_err(|_| StoredError::Digest)? })
    }

    /// The user's own key: a salt, so that one password of two users makes two digests.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The digest, 32 hexadecimal digits in lower case.
    #[must_use]
    pub fn digest(&self) -> String {
        HEXLOWER.encode(&self.digest)
    }

    /// Whether this is the password, in a time that does not tell how much of the digest was right.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        hmac_md5(self.key.as_bytes(), password).ct_eq(&self.digest).into()
    }
}

impl fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserRecord(…)")
    }
}

#[cfg(test)]
mod tests;
