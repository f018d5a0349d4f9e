//! The secret: the bytes that both ends were given beforehand.
//!
//! In: bytes from wherever the caller keeps them. Out: a key that is wiped on drop and never printed.

use std::fmt;

use zeroize::Zeroizing;

use super::SetupError;

/// Most bytes in a secret. Longer than any key that people make, shorter than a file named by mistake.
pub const LONGEST_SECRET_BYTES: usize = 1024;

/// Below this many bytes a secret deserves a warning: 16 random ones are beyond any search, fewer may not be.
pub const SHORT_SECRET_BYTES: usize = 16;

/// The key of a challenge: 1 to [`LONGEST_SECRET_BYTES`] bytes of any value. Wiped on drop, never shown by `Debug`, and not
/// comparable.
///
/// The bytes are taken as they are; a line end read from a file is part of the key. HMAC (RFC 2104) fills keys of up to 64
/// bytes with zeros and hashes longer ones, so a key and the same key with a zero byte behind it are one.
///
/// ```
/// use landline_trust::challenge::{Secret, SetupError};
/// let secret = Secret::new(*b"Jedan has a big key!")?;
/// assert!(!secret.is_short());
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// assert_eq!(Secret::new([]).err(), Some(SetupError::EmptySecret));
/// # Ok::<(), SetupError>(())
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the key. A `Vec` is taken over, not copied; anything else that becomes one leaves its own copy to its owner.
    ///
    /// # Errors
    /// [`SetupError::EmptySecret`], [`SetupError::LongSecret`]. The bytes are wiped then too.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SetupError> {
        let bytes = Zeroizing::new(bytes.into());
        match bytes.len() {
            0 => Err(SetupError::EmptySecret),
            1..=LONGEST_SECRET_BYTES => Ok(Self(bytes)),
            _ => Err(SetupError::LongSecret),
        }
    }

    /// Whether it has fewer than [`SHORT_SECRET_BYTES`] bytes: worth a warning, since whoever heard one talk can search for
    /// it. A longer one is not safe by that: a sentence is guessed by its words.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.0.len() < SHORT_SECRET_BYTES
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
