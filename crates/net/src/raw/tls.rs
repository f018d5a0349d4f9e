//! TLS of raw sockets: certificates as the rest of the world uses them, TLS 1.2 and 1.3.
//!
//! In: what to show, or whom to believe. Out: streams that are secured. Whoever dials verifies by default against the
//! system's authorities; a pin names one certificate instead; believing anybody has `insecure` in its name. Nothing of this is used by
//! calls, which know keys and no authorities ([`crate::tls`]). Source: RFC 5246, RFC 8446, RFC 5280.

use std::{fmt, io, str::FromStr, sync::Arc};

use aws_lc_rs::digest;
use landline_addr::endpoint::Host;
use landline_trust::challenge::{EXPORTER_LABEL, EXPORTER_LEN};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs as crypto},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

mod verify;

use verify::Believer;

/// SHA-256 of a certificate in DER: what `--pin` takes, and what `openssl x509 -fingerprint -sha256` prints.
///
/// ```
/// use landline_net::raw::tls::Fingerprint;
///
/// let colons = ["ab"; 32].join(":").to_uppercase();
/// let pin: Fingerprint = colons.parse()?;
/// assert_eq!(pin, "ab".repeat(32).parse()?);
/// assert_eq!(pin.to_string(), colons);
/// # Ok::<(), landline_net::raw::tls::NoFingerprint>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// Text that is no [`Fingerprint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pin is the SHA-256 fingerprint of a certificate: 64 hexadecimal digits, with or without colons")]
pub struct NoFingerprint;

/// How whoever dials decides whom to believe.
///
/// ```
/// use landline_net::raw::tls::{ClientTls, Fingerprint, Trust};
///
/// let pin: Fingerprint = "ab".repeat(32).parse()?;
/// let dialler = ClientTls::new(Trust::Pin(pin))?;
/// # let _ = dialler;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust<'a> {
    /// The authorities that this system trusts.
    System,
    /// The authorities in this PEM text and the certificates themselves that are in it, and no others.
    Authorities(&'a [u8]),
    /// The one certificate with this fingerprint, whoever signed it and whatever name is in it.
    Pin(Fingerprint),
    /// Anybody. What is sent can be read and changed by whoever is on the way.
    Insecure,
}

/// The dialling end of TLS.
///
/// ```
/// use std::sync::Arc;
/// use landline_net::raw::{DialOptions, dial, tls::{ClientTls, Trust}};
/// # use landline_net::raw::{Server, ServerOptions, tls::ServerTls};
/// # use landline_net::raw::{Connection, handler_fn};
/// # use tokio_util::sync::CancellationToken;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let tls = ServerTls::self_signed(vec!["localhost".to_owned()])?;
/// # let pin = tls.fingerprint();
/// # let options = ServerOptions { tls: Some(Arc::new(tls)), ..ServerOptions::default() };
/// # let server = Server::bind(&"tls://127.0.0.1:0".parse()?, options).await?;
/// # let endpoint = server.bound().clone();
/// # let greeter = handler_fn(async |mut connection: Connection| connection.send(b"hello").await);
/// # let serving = tokio::spawn(server.serve(greeter, CancellationToken::new()));
/// let tls = ClientTls::new(Trust::Pin(pin))?;
/// let options = DialOptions { tls: Some(Arc::new(tls)), ..DialOptions::default() };
/// let mut connection = dial(&endpoint, &options).await?.connection;
/// assert_eq!(connection.receive().await?.expect("a greeting").body, "hello");
/// # serving.abort();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClientTls {
    connector: TlsConnector,
}

/// The listening end of TLS.
///
/// ```
/// use std::sync::Arc;
/// use landline_net::raw::{Server, ServerOptions, tls::ServerTls};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let tls = ServerTls::self_signed(vec!["localhost".to_owned()])?;
/// let pin = tls.fingerprint();
/// let options = ServerOptions { tls: Some(Arc::new(tls)), ..ServerOptions::default() };
/// let server = Server::bind(&"tls://127.0.0.1:0".parse()?, options).await?;
/// println!("clients pin {pin}");
/// # let _ = server;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ServerTls {
    acceptor: TlsAcceptor,
    fingerprint: Fingerprint,
}

/// Why TLS can't be set up.
///
/// ```
/// use landline_net::raw::tls::{ServerTls, TlsError};
///
/// assert!(matches!(ServerTls::from_pem(b"no PEM", b"none either"), Err(TlsError::Certificate | TlsError::Key)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// This system has no authorities, or they can't be read.
    #[error("this system's certificate authorities can't be read: {0}")]
    System(String),
    /// PEM text with no certificate, or with one that can't be read.
    #[error("no certificate can be read in it")]
    Certificate,
    /// PEM text with no private key, or with one that can't be read.
    #[error("no private key can be read in it")]
    Key,
    /// The library refuses it: for instance, the key is not the certificate's.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
    /// A certificate could not be made.
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl ClientTls {
    /// Dials with `trust`.
    ///
    /// # Errors
    /// If the authorities can't be read.
    pub fn new(trust: Trust<'_>) -> Result<Self, TlsError> {
        let provider = provider();
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let believer = match trust {
            Trust::System => None,
            Trust::Authorities(pem) => Some(Believer::file(certificates(pem)?, &provider)?),
            Trust::Pin(pin) => Some(Believer::pinned(pin, &provider)),
            Trust::Insecure => Some(Believer::anybody(&provider)),
        };
        let builder = match believer {
            None => builder.with_root_certificates(system_roots()?),
            Some(believer) => builder.dangerous().with_custom_certificate_verifier(Arc::new(believer)),
        };
        let config = builder.with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Agrees on TLS over `stream` with `host`, whose name is asked for and verified.
    ///
    /// # Errors
    /// As the handshake fails.
    pub(crate) async fn connect(&self, host: &Host, stream: TcpStream) -> io::Result<client::TlsStream<TcpStream>> {
        self.connector.connect(server_name(host)?, stream).await
    }
}

impl ServerTls {
    /// Shows the certificates in `chain`, the own one first, with the private key in `key`; both are PEM text.
    ///
    /// # Errors
    /// If either can't be read, or they don't belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
        Self::showing(chain, key)
    }

    /// Makes a key and a certificate for `names` that lives as long as this value; nobody can verify it but by its
    /// fingerprint.
    ///
    /// # Errors
    /// If a name can't be in a certificate.
    pub fn self_signed(names: Vec<String>) -> Result<Self, TlsError> {
        let made = rcgen::generate_simple_self_signed(names)?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(|_| TlsError::Key)?;
        Self::showing(vec![made.cert.der().clone()], key)
    }

    /// The fingerprint of the certificate that is shown.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }

    fn showing(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        let fingerprint = Fingerprint::of(chain.first().ok_or(TlsError::Certificate)?);
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), fingerprint })
    }
}

impl Fingerprint {
    /// That of a certificate.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let mut bytes = [0; 32];
        let found = digest::digest(&digest::SHA256, certificate);
        for (to, from) in bytes.iter_mut().zip(found.as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }
}

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let text = text.trim();
        let text = text.strip_prefix("sha256:").unwrap_or(text);
        let digits: Vec<char> = text.chars().filter(|letter| *letter != ':').collect();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(NoFingerprint);
        }
        for (to, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let pair: String = pair.iter().collect();
            *to = u8::from_str_radix(&pair, 16).ok().filter(|_| !pair.contains('+')).ok_or(NoFingerprint)?;
        }
        Ok(Self(bytes))
    }
}

/// In capital hexadecimal digits with colons, as openssl prints it.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTls")
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerTls({})", self.fingerprint)
    }
}

/// What a challenge over this TLS connection is bound to (RFC 8446 §7.5); nothing below TLS 1.3, whose exporter two connections
/// may share (RFC 7627).
pub(crate) fn exporter<D>(state: &rustls::ConnectionCommon<D>) -> io::Result<Option<[u8; EXPORTER_LEN]>> {
    if state.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3) {
        return Ok(None);
    }
    state.export_keying_material([0; EXPORTER_LEN], EXPORTER_LABEL, None).map(Some).map_err(io::Error::other)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(crypto::default_provider())
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(roots);
    }
    let why = found.errors.first().map_or_else(|| "there are none".to_owned(), ToString::to_string);
    Err(TlsError::System(why))
}

/// All certificates of PEM text, one at least.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or(TlsError::Certificate)
}

fn server_name(host: &Host) -> io::Result<ServerName<'static>> {
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidInput, "this name can't be in a certificate");
    match host {
        Host::Any => Ok(ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into())),
        Host::Ip(ip) => Ok(ServerName::IpAddress((*ip).into())),
        Host::Name(name) => ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(invalid),
    }
}

#[cfg(test)]
mod tests;
