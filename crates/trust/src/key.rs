//! Keys and fingerprints: what a machine is.
//!
//! In: 32 random bytes, or what a TLS handshake showed. Out: a key pair for the handshake, and fingerprints for
//! people to compare. Knows nothing of files (`store` keeps the seed) and of TLS (`net` hands the key to rustls).
//! Sources: Ed25519 after RFC 8032; its wire form (SubjectPublicKeyInfo, PKCS #8) after RFC 8410.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// Bytes in a public key, and in a seed.
pub const KEY_BYTES: usize = 32;

/// Bytes in the SubjectPublicKeyInfo of an Ed25519 key, which is what raw-public-key TLS (RFC 7250) carries.
pub const SPKI_BYTES: usize = SPKI_PREFIX.len() + KEY_BYTES;

/// Bytes kept of the hash: 160 bits, which nobody can match by searching, in 32 characters that people can compare.
const FINGERPRINT_BYTES: usize = 20;

/// Characters in one group of a fingerprint: as many as one reads at a glance.
const GROUP_CHARS: usize = 4;

/// Sets this hash apart from every other use of SHA-256 over a key.
const FINGERPRINT_LABEL: &[u8] = b"landline key v1";

/// DER: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING of 32 bytes }. RFC 8410 §4.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// DER: SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING of 32 bytes } }. RFC 8410 §7.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Why bytes or text are no key or no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the one encoding that an Ed25519 public key has.
    #[error("the key is not an Ed25519 public key")]
    NotEd25519,
    /// Not a complete fingerprint.
    #[error("a fingerprint is 32 letters a-z and digits 2-7, written in 8 groups of 4")]
    NotAFingerprint,
}

/// A machine's public key (Ed25519), which is its identity. Prints as its fingerprint.
///
/// Holding one proves nothing; that its owner is on the line is proven by the TLS handshake.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; KEY_BYTES]);

impl PublicKey {
    /// Takes the 32 bytes of RFC 8032 §5.1.5. Any 32 bytes pass: a key that is no point of the curve verifies nothing.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of RFC 8032 §5.1.5.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Reads a SubjectPublicKeyInfo: exactly [`SPKI_BYTES`] bytes of DER, of which only the key itself may vary.
    ///
    /// # Errors
    /// [`KeyError::NotEd25519`] for anything else, also for the same key in another encoding.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let key = der.strip_prefix(&SPKI_PREFIX).ok_or(KeyError::NotEd25519)?;
        Ok(Self(key.try_into().map_err(|_| KeyError::NotEd25519)?))
    }

    /// The key as a SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki(&self) -> [u8; SPKI_BYTES] {
        let mut der = [0; SPKI_BYTES];
        let (prefix, key) = der.split_at_mut(SPKI_PREFIX.len());
        prefix.copy_from_slice(&SPKI_PREFIX);
        key.copy_from_slice(&self.0);
        der
    }

    /// What people compare.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let digest: [u8; 32] = Sha256::new().chain_update(FINGERPRINT_LABEL).chain_update(self.0).finalize().into();
        let mut kept = [0; FINGERPRINT_BYTES];
        kept.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Fingerprint(kept)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fingerprint().fmt(f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The fingerprint of a [`PublicKey`]: the first 160 bits of SHA-256 over a label and the key.
///
/// Printed in base32 (RFC 4648, lower case), 8 groups of 4 joined by `-`.
/// Read back in any case, with dashes and white space anywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; FINGERPRINT_BYTES]);

impl Fingerprint {
    /// The first two groups, `abcd-efgh`: enough to tell the keys of one list apart, **not** to recognise a key.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(2 * GROUP_CHARS + 1).collect()
    }

    /// Whether the fingerprint begins with `text`, in any case and spacing. No empty text does.
    ///
    /// For picking one of the keys of a list by hand; the caller must see that only one matches.
    #[must_use]
    pub fn matches_prefix(&self, text: &str) -> bool {
        let wanted = squeeze(text);
        !wanted.is_empty() && BASE32_NOPAD.encode(&self.0).starts_with(&wanted)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, letter) in BASE32_NOPAD.encode(&self.0).chars().enumerate() {
            if position > 0 && position % GROUP_CHARS == 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", letter.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = BASE32_NOPAD.decode(squeeze(text).as_bytes()).map_err(|_| KeyError::NotAFingerprint)?;
        Ok(Self(bytes.try_into().map_err(|_| KeyError::NotAFingerprint)?))
    }
}

/// The form that base32 is decoded from: upper case, without white space and dashes.
fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect()
}

/// A machine's key pair. The seed is wiped from memory on drop and never printed by `Debug`.
pub struct MachineKey {
    seed: Zeroizing<[u8; KEY_BYTES]>,
    public: PublicKey,
}

impl MachineKey {
    /// A new key. `random`: 32 uniform bytes from the system, used for nothing else.
    #[must_use]
    pub fn generate(random: [u8; KEY_BYTES]) -> Self {
        Self::from_seed(random)
    }

    /// The key of a stored seed (RFC 8032 calls it the private key).
    #[must_use]
    pub fn from_seed(mut seed: [u8; KEY_BYTES]) -> Self {
        let kept = Zeroizing::new(seed);
        seed.zeroize();
        let pair = Ed25519KeyPair::from_seed_unchecked(kept.as_slice()).expect("any 32 bytes are an Ed25519 seed");
        let public = pair.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes");
        Self { seed: kept, public: PublicKey(public) }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The secret itself: who has it is this machine. For the key file alone.
    #[must_use]
    pub fn danger_seed(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.seed.clone()
    }

    /// The pair as PKCS #8 in DER, as rustls takes it. Holds the secret.
    #[must_use]
    pub fn pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        let mut der = Zeroizing::new(Vec::with_capacity(PKCS8_PREFIX.len() + KEY_BYTES)); // never grows: no stray copy
        der.extend_from_slice(&PKCS8_PREFIX);
        der.extend_from_slice(self.seed.as_slice());
        der
    }
}

impl fmt::Debug for MachineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MachineKey({})", self.public)
    }
}

#[cfg(test)]
mod tests;
