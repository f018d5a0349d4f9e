//! Verifiers for whoever knows better than the authorities: one pinned certificate, any at all, or those of a file, which may
//! name itself.
//!
//! All still check that the other end holds the private key of the certificate that it shows.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::Fingerprint;

/// A verifier with a belief of its own.
#[derive(Debug)]
pub(crate) struct Believer {
    belief: Belief,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Belief {
    /// One certificate.
    Pin(Fingerprint),
    /// Every one.
    Anybody,
    /// What the authorities of a file signed, and the certificates of the file themselves: `openssl req -x509` makes such as are their own
    /// authority, which a strict verifier takes for neither.
    File { signed: Arc<WebPkiServerVerifier>, own: Vec<CertificateDer<'static>> },
}

impl Believer {
    pub(crate) fn pinned(pin: Fingerprint, provider: &CryptoProvider) -> Self {
        Self::new(Belief::Pin(pin), provider)
    }

    pub(crate) fn anybody(provider: &CryptoProvider) -> Self {
        Self::new(Belief::Anybody, provider)
    }

    pub(crate) fn file(
        own: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, super::TlsError> {
        let mut roots = RootCertStore::empty();
        for one in &own {
            roots.add(one.clone())?;
        }
        let made = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
        let signed = made.map_err(|_| super::TlsError::Certificate)?;
        Ok(Self::new(Belief::File { signed, own }, provider))
    }

    fn new(belief: Belief, provider: &CryptoProvider) -> Self {
        Self { belief, algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.belief {
            Belief::Pin(pin) if *pin != Fingerprint::of(shown) => {
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            Belief::Pin(_) | Belief::Anybody => Ok(ServerCertVerified::assertion()),
            Belief::File { own, .. } if own.contains(shown) => {
                verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            Belief::File { signed, .. } => signed.verify_server_cert(shown, intermediates, name, ocsp, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, shown, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, shown, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
