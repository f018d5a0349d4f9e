//! Keys on the line: TLS 1.3 only, both sides shown by raw public key (RFC 7250), no certificate authorities.
//!
//! In: this machine's key. Out: configurations for rustls, and who is at the other end of a finished handshake.
//! The verifiers here check only that the peer *holds* the key it shows. Whether that key may do anything is asked
//! after every handshake, resumed or not, by the dialler against its pins and by the server against its store: a
//! resumed session skips the verifier, so a revocation must not live there. Source: PROTOCOL.md §1.

use std::sync::Arc;

use landline_trust::key::{MachineKey, PublicKey};
use rustls::{
    CipherSuite, ClientConfig, CommonState, ServerConfig, SupportedCipherSuite,
    client::{AlwaysResolvesClientRawPublicKeys, Resumption},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
    server::{AlwaysResolvesServerRawPublicKeys, ServerSessionMemoryCache},
    sign::CertifiedKey,
    version::TLS13,
};

pub(crate) mod exporter;
mod verify;

/// Why TLS can't be set up.
pub type TlsError = rustls::Error;

/// The name by which both ends agree on this protocol inside TLS (RFC 7301).
pub const ALPN: &[u8] = b"landline/1";

/// TLS sessions a server remembers, so that further calls of one process skip the signatures; some 2 KiB each.
const SESSIONS: usize = 1024;

/// What a machine needs to show its key in TLS, made once.
#[derive(Debug, Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    provider: Arc<CryptoProvider>,
    public: PublicKey,
}

impl Identity {
    /// Prepares `key` for TLS.
    ///
    /// # Errors
    /// If the library refuses the key, which an Ed25519 seed never is.
    pub fn new(key: &MachineKey) -> Result<Self, rustls::Error> {
        let provider = Arc::new(provider());
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()));
        let signer = provider.key_provider.load_private_key(der)?;
        let public = key.public();
        let shown = CertificateDer::from(public.spki().to_vec());
        Ok(Self { certified: Arc::new(CertifiedKey::new(vec![shown], signer)), provider, public })
    }

    /// This machine with one cipher only.
    #[cfg(test)]
    pub(crate) fn only(mut self, cipher: CipherSuite) -> Self {
        let mut provider = (*self.provider).clone();
        provider.cipher_suites.retain(|suite| suite.suite() == cipher);
        self.provider = Arc::new(provider);
        self
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// For taking calls.
    ///
    /// # Errors
    /// If the library refuses the combination, which is fixed here.
    pub fn server_config(&self) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(verify::AnyKey::new(&self.provider)))
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(&self.certified))));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.enable_secret_extraction = true; // the records behind the handshake are ours
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        Ok(config)
    }

    /// For dialling. `resume` keeps sessions of this one configuration in memory.
    ///
    /// # Errors
    /// As [`Self::server_config`].
    pub fn client_config(&self, resume: bool) -> Result<ClientConfig, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verify::AnyKey::new(&self.provider)))
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(&self.certified))));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.enable_secret_extraction = true; // the records behind the handshake are ours
        config.enable_sni = false;
        if !resume {
            config.resumption = Resumption::disabled();
        }
        Ok(config)
    }
}

/// The name under which a client keeps sessions with the holders of `pins`. It never goes over the wire (SNI is off).
pub(crate) fn session_name(pins: &[PublicKey]) -> ServerName<'static> {
    let text = match pins.first() {
        Some(key) => format!("k{}", key.fingerprint().to_string().replace('-', "")),
        None => "introduction".to_owned(),
    };
    // Letters and digits only, 33 at most: always a host label. The fallback merely shares a cache slot.
    ServerName::try_from(text).unwrap_or(ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()))
}

/// The key that the other end proved, from a finished handshake.
pub(crate) fn peer_key(state: &CommonState) -> Option<PublicKey> {
    match state.peer_certificates() {
        Some([shown]) => PublicKey::from_spki(shown.as_ref()).ok(),
        _ => None,
    }
}

/// AES-128-GCM first where the CPU has AES, ChaCha20-Poly1305 otherwise; a key exchange that a recording of today
/// does not give away tomorrow (X25519 with ML-KEM-768), and plain X25519.
fn provider() -> CryptoProvider {
    use aws_lc_rs::{cipher_suite as suite, kx_group};
    let mut suites: Vec<SupportedCipherSuite> =
        vec![suite::TLS13_AES_128_GCM_SHA256, suite::TLS13_CHACHA20_POLY1305_SHA256];
    if !has_aes() {
        suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
    }
    CryptoProvider {
        cipher_suites: suites,
        kx_groups: vec![kx_group::X25519MLKEM768, kx_group::X25519],
        ..aws_lc_rs::default_provider()
    }
}

#[cfg(target_arch = "x86_64")]
fn has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes")
}

#[cfg(target_arch = "aarch64")]
fn has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn has_aes() -> bool {
    false
}
