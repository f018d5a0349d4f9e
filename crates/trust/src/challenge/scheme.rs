//! Schemes: who proves what, how, and how many bytes each step has.
//!
//! In: a word of the command line. Out: a scheme and its lengths. Source: PROTOCOL.md §11.

use std::fmt;
use std::str::FromStr;

use super::{NONCE_LEN, PROOF_LEN, SetupError};

/// How the key is proven. Both ends must name the same one: nothing on the wire tells them apart.
///
/// ```
/// use landline_trust::challenge::Scheme;
/// let scheme: Scheme = "hmac-sha256".parse()?;
/// assert_eq!((scheme.to_string().as_str(), scheme.answer_len(), scheme.reply_len()), ("hmac-sha256", 32, 0));
/// # Ok::<(), landline_trust::challenge::SetupError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// The client answers a nonce with HMAC-MD5 of it. For old peers alone: MD5 is broken as a hash; as HMAC nobody has
    /// broken it yet, and nobody should rely on that (RFC 6151).
    HmacMd5,
    /// The client answers a nonce with HMAC-SHA256 of it. The server proves nothing.
    HmacSha256,
    /// Both prove the key, over both nonces, their roles and the TLS exporter where there is one. The one to choose.
    Mutual,
}

impl Scheme {
    /// Every scheme, the oldest first.
    pub const ALL: [Self; 3] = [Self::HmacMd5, Self::HmacSha256, Self::Mutual];

    /// Bytes that the client sends in answer to the nonce.
    #[must_use]
    pub const fn answer_len(self) -> usize {
        match self {
            Self::HmacMd5 => 16,
            Self::HmacSha256 => 32,
            Self::Mutual => NONCE_LEN + PROOF_LEN,
        }
    }

    /// Bytes that the server sends after a right answer: its own proof, or nothing.
    #[must_use]
    pub const fn reply_len(self) -> usize {
        match self {
            Self::HmacMd5 | Self::HmacSha256 => 0,
            Self::Mutual => PROOF_LEN,
        }
    }

    /// Whether the server proves the key too, and both are bound to the exporter.
    #[must_use]
    pub const fn is_mutual(self) -> bool {
        matches!(self, Self::Mutual)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::HmacMd5 => "hmac-md5",
            Self::HmacSha256 => "hmac-sha256",
            Self::Mutual => "mutual",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Scheme {
    type Err = SetupError;

    fn from_str(text: &str) -> Result<Self, SetupError> {
        Self::ALL.into_iter().find(|scheme| scheme.word() == text).ok_or(SetupError::UnknownScheme)
    }
}
