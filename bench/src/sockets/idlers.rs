//! The loads of many connections: some that say one thing and then nothing, some that come and go.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

/// What each connection says once.
const MESSAGE: &[u8; 64] = &[0x5a; 64];
/// A server that does not answer within this is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Connections that are made before the last of them is asked whether the server has come that far: fewer than wait in the
/// kernel's queue.
const BURST: usize = 256;

/// Connections on which one message went to and fro.
pub(super) fn plain(server: SocketAddr, count: usize) -> Result<Vec<TcpStream>> {
    (0..count)
        .map(|at| {
            let mut stream = connect(server, at)?;
            exchange(&mut stream)?;
            Ok(stream)
        })
        .collect()
}

/// The same over TLS. Only the sockets are kept: the server can't know.
pub(super) fn tls(server: SocketAddr, count: usize) -> Result<Vec<TcpStream>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled(); // each is somebody else
    let config = Arc::new(config);
    (0..count)
        .map(|at| {
            let mut stream = connect(server, at)?;
            let mut state = ClientConnection::new(Arc::clone(&config), ServerName::from(server.ip()))?;
            exchange(&mut rustls::Stream::new(&mut state, &mut stream))?;
            Ok(stream)
        })
        .collect()
}

/// Makes and closes `count` connections and waits until the server has had them all. Returns the seconds. A closed one keeps its
/// port for a minute (TIME_WAIT), but only towards this server's port: there are some 28,000.
pub(super) fn come_and_go(server: SocketAddr, count: usize) -> Result<f64> {
    let begun = Instant::now();
    let mut left = count;
    while left > 0 {
        let burst = left.min(BURST);
        for at in 1..burst {
            drop(TcpStream::connect(server).with_context(|| format!("connection {at} of a burst"))?);
        }
        // Connections are accepted in the order in which they came: an answer to the last one says that all were.
        exchange(&mut connect(server, burst)?)?;
        left -= burst;
    }
    Ok(begun.elapsed().as_secs_f64())
}

fn connect(server: SocketAddr, at: usize) -> Result<TcpStream> {
    let stream = TcpStream::connect(server).with_context(|| format!("connection {at}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn exchange(line: &mut (impl Read + Write)) -> Result<()> {
    line.write_all(MESSAGE)?;
    line.flush()?;
    let mut answer = [0; MESSAGE.len()];
    line.read_exact(&mut answer).context("no answer")?;
    ensure!(&answer == MESSAGE, "an answer is not what was sent");
    Ok(())
}

/// Believes whatever the server shows: it was started a moment ago by this very program.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
