//! The TLS handshake, driven over a connection: rustls says what to send, this sends it and reads on.
//!
//! In: a connection and a configuration. Out: who is there, and what the records behind the handshake need. rustls is given
//! one record at a time, so it never sees one that belongs to the call: those bytes are handed on as they came.
//! Knows nothing of deadlines; whoever waits for it has one over all of it. Source: PROTOCOL.md §1.3.

use std::{io, sync::Arc};

use landline_trust::key::PublicKey;
use rustls::{
    ClientConfig, ServerConfig,
    client::UnbufferedClientConnection,
    pki_types::ServerName,
    server::{Acceptor, UnbufferedServerConnection},
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::{
    call::Exporter,
    record::Established,
    tls::{self, exporter::ExporterSecret},
};

mod step;

use step::{Handshake, Next, Side};

/// Bytes of a read.
const READ: usize = 4 << 10;
/// Bytes of the peer's half of a handshake, at most: ours take under 4 KiB, with a key exchange of 1.2 KiB in them.
const LONGEST: usize = 64 << 10;

/// A connection whose handshake is done.
#[derive(Debug)]
pub(crate) struct Shaken {
    /// The key that the other end proved; none if it showed none that we know how to read.
    pub(crate) peer: Option<PublicKey>,
    /// Whether both ends agreed on landline.
    pub(crate) speaks_landline: bool,
    /// The secret that only the two ends can compute.
    pub(crate) exporter: Option<Exporter>,
    pub(crate) established: Established,
}

/// What a caller opened with, before it is decided how to answer.
#[derive(Debug)]
pub(crate) struct Hello {
    /// All bytes that came, to be given to [`answer`].
    bytes: Vec<u8>,
    /// Whether it offers to speak landline.
    pub(crate) offers_landline: bool,
}

/// Shakes hands as the dialler.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] if the other end closes, `InvalidData` with rustls's words, else as the line fails.
pub(crate) async fn dial<S: AsyncRead + AsyncWrite + Unpin>(
    line: &mut S,
    config: &ClientConfig,
    name: ServerName<'static>,
) -> io::Result<Shaken> {
    let mut config = config.clone();
    let secret = ExporterSecret::catching(&mut config.key_log);
    let side = UnbufferedClientConnection::new(Arc::new(config), name).map_err(invalid)?;
    shake(line, Handshake::new(side, Vec::new()), &secret).await
}

/// Reads what a caller opens with.
///
/// # Errors
/// As [`dial`].
pub(crate) async fn hello<S: AsyncRead + AsyncWrite + Unpin>(line: &mut S) -> io::Result<Hello> {
    let mut acceptor = Acceptor::default();
    let mut bytes = Vec::new();
    loop {
        let seen = bytes.len();
        read_on(line, &mut bytes).await?;
        let mut fresh = bytes.get(seen..).unwrap_or_default();
        while !fresh.is_empty() {
            acceptor.read_tls(&mut fresh)?;
            match acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    let hello = accepted.client_hello();
                    let offers_landline = hello.alpn().is_some_and(|mut names| names.any(|name| name == tls::ALPN));
                    return Ok(Hello { bytes, offers_landline });
                }
                Err((fault, mut alert)) => {
                    let mut words = Vec::new();
                    alert.write_all(&mut words)?;
                    drop(line.write_all(&words).await); // it is closed either way
                    return Err(invalid(fault));
                }
            }
        }
    }
}

/// Shakes hands as the server with the caller that said `hello`.
///
/// # Errors
/// As [`dial`].
pub(crate) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    line: &mut S,
    hello: Hello,
    config: &ServerConfig,
) -> io::Result<Shaken> {
    let mut config = config.clone();
    let secret = ExporterSecret::catching(&mut config.key_log);
    let side = UnbufferedServerConnection::new(Arc::new(config)).map_err(invalid)?;
    shake(line, Handshake::new(side, hello.bytes), &secret).await
}

async fn shake<C: Side, S: AsyncRead + AsyncWrite + Unpin>(
    line: &mut S,
    mut handshake: Handshake<C>,
    secret: &ExporterSecret,
) -> io::Result<Shaken> {
    loop {
        let next = handshake.advance();
        let said = line.write_all(&handshake.take_outbox()).await.and(line.flush().await);
        match next {
            Err(fault) => return Err(invalid(fault)), // whether the alert went out makes no difference
            Ok(Next::Closed) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(Next::Read) => {
                said?;
                read_on(line, handshake.inbox()).await?;
            }
            Ok(Next::Done) => {
                said?;
                let state = handshake.state();
                let peer = tls::peer_key(state);
                let speaks_landline = state.alpn_protocol() == Some(tls::ALPN);
                let exporter = secret.exporter();
                let established = handshake.finish().map_err(invalid)?;
                return Ok(Shaken { peer, speaks_landline, exporter, established });
            }
        }
    }
}

async fn read_on<S: AsyncRead + Unpin>(line: &mut S, inbox: &mut Vec<u8>) -> io::Result<()> {
    if inbox.len() >= LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the handshake is too long"));
    }
    inbox.reserve(READ);
    match line.read_buf(inbox).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn invalid(fault: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}
