//! A key and its nonces: one direction, from one change of keys to the next.
//!
//! In: what the key schedule derived. Out: nonces, each once. The counter lives with the key and neither can be copied, so a
//! nonce can't be used twice with one key (RFC 8446 §5.3).

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use rustls::ConnectionTrafficSecrets;
use zeroize::Zeroizing;

use super::{HEADER, RecordError, TAG, TAIL};

/// A key with the number of the next record. AWS-LC wipes the key itself when it frees it.
pub(super) struct RecordKey {
    key: LessSafeKey,
    iv: Zeroizing<[u8; NONCE_LEN]>,
    /// Number of the next record; none once every number was used.
    next: Option<u64>,
}

impl std::fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordKey").field("next", &self.next).finish_non_exhaustive()
    }
}

impl RecordKey {
    /// A key whose next record has the number `next`.
    pub(super) fn new((next, secrets): (u64, ConnectionTrafficSecrets)) -> Result<Self, RecordError> {
        let (algorithm, key, iv) = match &secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => return Err(RecordError::Cipher),
        };
        let iv = <[u8; NONCE_LEN]>::try_from(iv.as_ref()).map_err(|_| RecordError::Cipher)?;
        Self::bare(algorithm, key.as_ref(), iv, next)
    }

    /// As [`Self::new`], from its parts.
    pub(super) fn bare(
        algorithm: &'static Algorithm,
        key: &[u8],
        iv: [u8; NONCE_LEN],
        next: u64,
    ) -> Result<Self, RecordError> {
        let key = UnboundKey::new(algorithm, key).map_err(|_| RecordError::Cipher)?;
        Ok(Self { key: LessSafeKey::new(key), iv: Zeroizing::new(iv), next: Some(next) })
    }

    /// The number of the next record; none once every number was used.
    pub(super) fn next_number(&self) -> Option<u64> {
        self.next
    }

    /// Protects `content` where it stands; `kind` and the tag go to `tail`.
    pub(super) fn seal(
        &mut self,
        header: [u8; HEADER],
        content: &mut [u8],
        kind: u8,
        tail: &mut [u8; TAIL],
    ) -> Result<(), RecordError> {
        let nonce = self.nonce()?;
        let sealed = self.key.seal_in_place_scatter(nonce, Aad::from(header), content, &[kind], tail);
        sealed.map_err(|_| RecordError::Cipher)
    }

    /// Opens `content` where it stands.
    pub(super) fn open(
        &mut self,
        header: [u8; HEADER],
        content: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), RecordError> {
        let nonce = self.nonce()?;
        let opened = self.key.open_in_place_separate_tag(nonce, Aad::from(header), tag, content);
        opened.map(|_| ()).map_err(|_| RecordError::Forged)
    }

    /// Opens `content` into `to`, which has the same length.
    pub(super) fn open_into(
        &mut self,
        header: [u8; HEADER],
        content: &[u8],
        tag: &[u8; TAG],
        to: &mut [u8],
    ) -> Result<(), RecordError> {
        let nonce = self.nonce()?;
        let opened = self.key.open_separate_gather(nonce, Aad::from(header), content, tag, to);
        opened.map_err(|_| RecordError::Forged)
    }

    fn nonce(&mut self) -> Result<Nonce, RecordError> {
        let number = self.next.ok_or(RecordError::UsedUp)?;
        self.next = number.checked_add(1);
        Ok(Nonce::assume_unique_for_key(nonce_of(&self.iv, number)))
    }
}

/// The number of a record, padded in front, XOR the IV.
fn nonce_of(iv: &[u8; NONCE_LEN], number: u64) -> [u8; NONCE_LEN] {
    let mut nonce = *iv;
    for (place, byte) in nonce.iter_mut().rev().zip(number.to_be_bytes().iter().rev()) {
        *place ^= byte;
    }
    nonce
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use rustls::crypto::cipher::{AeadKey, Iv};

    use super::*;

    fn key_from(next: u64, iv: [u8; NONCE_LEN]) -> RecordKey {
        let key = AeadKey::from([7; 32]);
        RecordKey::new((next, ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv: Iv::from(iv) })).unwrap()
    }

    proptest! {
        #[test]
        fn no_nonce_comes_twice_whatever_a_key_is_used_for(
            iv in any::<[u8; NONCE_LEN]>(),
            start in prop_oneof![Just(0), Just(u64::from(u32::MAX) - 3), any::<u64>()],
            uses in proptest::collection::vec(any::<bool>(), 1..64),
        ) {
            let mut key = key_from(start, iv);
            let mut seen = HashSet::new();
            for seals in uses {
                let Some(number) = key.next else { break };
                prop_assert!(seen.insert(nonce_of(&iv, number)));
                if seals {
                    key.seal([0; HEADER], &mut [0; 3], 23, &mut [0; TAIL]).unwrap();
                } else {
                    // A record that fails has used its number up too.
                    prop_assert_eq!(key.open([0; HEADER], &mut [0; 3], &[0; TAG]), Err(RecordError::Forged));
                }
                prop_assert_eq!(key.next, number.checked_add(1));
            }
        }

        #[test]
        fn different_numbers_have_different_nonces(iv in any::<[u8; NONCE_LEN]>(), a in any::<u64>(), b in any::<u64>()) {
            prop_assert_eq!(nonce_of(&iv, a) == nonce_of(&iv, b), a == b);
        }
    }

    #[test]
    fn the_number_never_wraps_the_last_one_is_used_once_and_then_none() {
        let mut key = key_from(u64::MAX, [1; NONCE_LEN]);
        key.seal([0; HEADER], &mut [], 23, &mut [0; TAIL]).unwrap();
        for _ in 0..3 {
            assert_eq!(key.seal([0; HEADER], &mut [], 23, &mut [0; TAIL]), Err(RecordError::UsedUp));
            assert_eq!(key.open([0; HEADER], &mut [], &[0; TAG]), Err(RecordError::UsedUp));
        }
    }

    #[test]
    fn nothing_of_a_key_is_printed() {
        assert_eq!(format!("{:?}", key_from(5, [0xab; NONCE_LEN])), "RecordKey { next: Some(5), .. }");
    }
}
