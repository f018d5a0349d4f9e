//! The exporter of one connection (RFC 8446 §7.5), from the secret that rustls tells its key log.
//!
//! rustls exports only from connections that own their buffers, and ours do not. Its key log is made for this secret, so each
//! handshake has one of its own that takes this secret and no other, and forgets it with the handshake.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::{
    digest,
    hkdf::{HKDF_SHA256, KeyType, Prk},
};
use rustls::KeyLog;
use zeroize::Zeroizing;

use crate::call::Exporter;

/// Label of the secret that binds an introduction to its TLS connection.
const LABEL: &[u8] = b"EXPORTER-landline-introduction";
/// What key logs call the secret behind all exporters of a connection.
const LOGGED_AS: &str = "EXPORTER_SECRET";
/// Bytes of the hash of both our cipher suites, SHA-256.
const HASH: usize = 32;

/// Takes the secret of one handshake.
#[derive(Default)]
pub(crate) struct ExporterSecret(Mutex<Option<Zeroizing<[u8; HASH]>>>);

impl fmt::Debug for ExporterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExporterSecret")
    }
}

impl KeyLog for ExporterSecret {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        if let (true, Ok(secret)) = (self.will_log(label), <[u8; HASH]>::try_from(secret)) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Zeroizing::new(secret));
        }
    }

    fn will_log(&self, label: &str) -> bool {
        label == LOGGED_AS
    }
}

impl ExporterSecret {
    /// One that `log`, of a configuration for one handshake, tells from now on.
    pub(crate) fn catching(log: &mut Arc<dyn KeyLog>) -> Arc<Self> {
        let caught = Arc::<Self>::default();
        *log = Arc::<Self>::clone(&caught);
        caught
    }

    /// The exporter with our label and no context, once the handshake is done. The secret behind it is wiped.
    pub(crate) fn exporter(&self) -> Option<Exporter> {
        let secret = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let nothing = digest::digest(&digest::SHA256, b"");
        let derived = expand_label(&secret, LABEL, nothing.as_ref())?;
        expand_label(&derived, b"exporter", nothing.as_ref()).map(|exporter| *exporter)
    }
}

/// `HKDF-Expand-Label` of RFC 8446 §7.1, to the length of the hash.
fn expand_label(secret: &[u8; HASH], label: &[u8], context: &[u8]) -> Option<Zeroizing<[u8; HASH]>> {
    const PREFIX: &[u8] = b"tls13 ";
    let [len_high, len_low] = u16::try_from(HASH).ok()?.to_be_bytes();
    let label_len = u8::try_from(PREFIX.len() + label.len()).ok()?;
    let context_len = u8::try_from(context.len()).ok()?;
    let info: [&[u8]; 6] = [&[len_high, len_low], &[label_len], PREFIX, label, &[context_len], context];
    let mut out = Zeroizing::new([0; HASH]);
    let secret = Prk::new_less_safe(HKDF_SHA256, secret);
    secret.expand(&info, HashLen).ok()?.fill(out.as_mut()).ok()?;
    Some(out)
}

/// As many bytes as the hash has.
struct HashLen;

impl KeyType for HashLen {
    fn len(&self) -> usize {
        HASH
    }
}
