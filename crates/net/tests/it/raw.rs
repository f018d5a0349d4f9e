//! Strangers that are no landline: raw TCP, raw TLS, raw frames.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::{ClientConfig, ClientConnection, ServerConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::house::{identity, soon};

pub(crate) type TlsClient = client::TlsStream<Counted>;

/// A socket that counts what it received.
#[derive(Debug)]
pub(crate) struct Counted {
    socket: TcpStream,
    pub(crate) received: usize,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(cx, to);
        self.received += to.filled().len() - before;
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// TLS with a configuration of the test's choice, without the dialler.
pub(crate) async fn tls(address: SocketAddr, config: ClientConfig) -> io::Result<TlsClient> {
    tls_again(address, &Arc::new(config)).await
}

/// As [`tls`], with a configuration that remembers its sessions.
pub(crate) async fn tls_again(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<TlsClient> {
    let socket = Counted { socket: TcpStream::connect(address).await?, received: 0 };
    soon(TlsConnector::from(Arc::clone(config)).connect(server_name(), socket)).await
}

/// TLS as the machine with this seed would speak it.
pub(crate) async fn tls_as(seed: u8, address: SocketAddr) -> TlsClient {
    tls(address, identity(seed).client_config(false).unwrap()).await.unwrap()
}

/// Plays the server to one dialler, as far as TLS goes; what it heard of it.
pub(crate) async fn tls_server(
    listener: &TcpListener,
    config: ServerConfig,
) -> io::Result<server::TlsStream<TcpStream>> {
    let (socket, _) = soon(listener.accept()).await?;
    soon(TlsAcceptor::from(Arc::new(config)).accept(socket)).await
}

pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The first bytes of a handshake, as the machine with this seed would send them.
pub(crate) fn client_hello(seed: u8) -> Vec<u8> {
    let config = Arc::new(identity(seed).client_config(false).unwrap());
    let mut connection = ClientConnection::new(config, server_name()).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}

/// A stranger in the door: it began a handshake, was answered, and says no more.
pub(crate) async fn stand_in_the_door(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(&client_hello(crate::house::MALLORY)).await.unwrap();
    soon(socket.read_u8()).await.expect("it is let in");
    socket
}

/// Everything that still comes; a reset is an end like any other.
pub(crate) async fn rest_of(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    drop(soon(stream.read_to_end(&mut bytes)).await);
    bytes
}

/// One frame: kind, length, payload.
pub(crate) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, a, b, c], payload].concat()
}

/// The frame of an opening message.
pub(crate) fn opening(service: &str) -> Vec<u8> {
    frame(1, format!(r#"{{"open":{{"landline":1,"service":"{service}"}}}}"#).as_bytes())
}

fn server_name() -> ServerName<'static> {
    ServerName::try_from("desk").unwrap()
}
