//! HMAC (RFC 2104), and what a proof of `mutual` is made over.
//!
//! In: a key, and a message or the parts of a talk. Out: a digest. Source: PROTOCOL.md §11.2.
//! Invariant: no two different talks or roles, and no message of a one-way scheme, are hashed as the same bytes: the words
//! end in a zero byte and hold none, all that follows has one length, told by a marker.

use hmac::{Hmac, Mac};
use md5::Md5;
use sha2::Sha256;

use super::{EXPORTER_LEN, NONCE_LEN, PROOF_LEN, Secret};

/// Name and version of what is proven; sets these digests apart from all others of the same key.
const LABEL: &[u8] = b"landline challenge/1\0";

/// HMAC-MD5 (RFC 2104, RFC 2202) of `message` under `key`, both of any length.
///
/// For speaking with programs that know nothing else, and for showing how it works; MD5 is of the past. The result is not
/// wiped, and compared with `==` it tells by time how much of it was right: use `subtle`.
///
/// ```
/// let digest = landline_trust::challenge::hmac_md5(b"secret", b"Hello world");
/// assert_eq!(digest[..4], [0x3f, 0xd1, 0x62, 0xf1]); // printf 'Hello world' | openssl dgst -md5 -hmac secret
/// ```
#[must_use]
pub fn hmac_md5(key: &[u8], message: &[u8]) -> [u8; 16] {
    let keyed = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes keys of any length");
    keyed.chain_update(message).finalize().into_bytes().into()
}

/// HMAC-SHA256 (RFC 2104, RFC 4231) of the parts of a message, one after the other.
pub(super) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut keyed = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| keyed.update(part));
    keyed.finalize().into_bytes().into()
}

/// Who speaks a proof.
#[derive(Clone, Copy)]
pub(super) enum Role {
    /// The [`super::Answerer`].
    Client,
    /// The [`super::Challenger`].
    Server,
}

/// What both proofs of one talk are made over.
#[derive(Clone, Copy)]
pub(super) struct Talk<'a> {
    pub(super) server_nonce: &'a [u8; NONCE_LEN],
    pub(super) client_nonce: &'a [u8; NONCE_LEN],
    pub(super) exporter: Option<&'a [u8; EXPORTER_LEN]>,
}

impl Talk<'_> {
    /// What only a holder of the key can say in this role, in this talk.
    pub(super) fn proof(&self, secret: &Secret, role: Role) -> [u8; PROOF_LEN] {
        let role: &[u8] = match role {
            Role::Client => b"client\0",
            Role::Server => b"server\0",
        };
        let (marker, exporter): (&[u8], &[u8]) = match self.exporter {
            Some(exporter) => (&[1], exporter),
            None => (&[0], &[]),
        };
        hmac_sha256(secret.bytes(), &[LABEL, role, self.server_nonce, self.client_nonce, marker, exporter])
    }
}
