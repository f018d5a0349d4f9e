use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use landline_trust::key::MachineKey;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, DuplexStream, ReadBuf, duplex};

use super::{seal::Sealer, train::Pieces, *};
use crate::{
    call::{Call, Exporter, Proved},
    handshake,
    limits::CallLimits,
    line,
    peer::{Origin, Peer},
    tls::{self, Identity},
};

mod calls;
mod cuts;
mod handshakes;
mod refusals;
mod rfc8448;
mod rotation;
mod stock;

/// The configurations of two machines.
fn configs() -> (ClientConfig, ServerConfig) {
    let machine = |seed| Identity::new(&MachineKey::from_seed([seed; 32])).unwrap();
    (machine(1).client_config(true).unwrap(), machine(2).server_config().unwrap())
}

/// What a handshake between two of us leaves at either end, and the exporters of both.
async fn shaken(client: &ClientConfig, server: &ServerConfig) -> [(Established, Exporter); 2] {
    let (mut near, mut far) = duplex(1 << 16);
    let dialling = handshake::dial(&mut near, client, tls::session_name(&[]));
    let answering = async {
        let hello = handshake::hello(&mut far).await?;
        assert!(hello.offers_landline);
        handshake::answer(&mut far, hello, server).await
    };
    let (dialled, answered) = tokio::join!(dialling, answering);
    let (mut dialled, answered) = (dialled.unwrap(), answered.unwrap());
    drop(far);
    near.read_to_end(&mut dialled.established.early).await.unwrap(); // tickets
    [dialled, answered].map(|shaken| {
        assert!(shaken.speaks_landline && shaken.peer.is_some());
        (shaken.established, shaken.exporter.unwrap())
    })
}

/// Client and server after a handshake.
async fn established() -> (Established, Established) {
    let (client, server) = configs();
    let [(client, _), (server, _)] = shaken(&client, &server).await;
    (client, server)
}

/// What goes over the line.
fn wire(train: &Train, data: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    while sent.len() < train.len() {
        let mut pieces = Pieces::new();
        train.load(data, sent.len(), &mut pieces);
        sent.extend(pieces.as_slices().iter().flat_map(|piece| piece.to_vec()));
    }
    sent
}

/// One record as `sealer` makes it.
fn record(sealer: &mut Sealer, kind: ContentType, content: &[u8]) -> Vec<u8> {
    let mut content = content.to_vec();
    let (header, tail) = sealer.seal(kind, &mut content).unwrap();
    [&header[..], &content, &tail].concat()
}

/// All that `reader` makes of `bytes`, which are not the last to come.
fn read(reader: &mut RecordReader, mut bytes: &[u8]) -> (Vec<u8>, Result<Got, RecordError>) {
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut got = Vec::new();
    loop {
        let mut room = [0; 1000];
        match reader.take(&mut Destination::Slice(&mut room)) {
            Ok(Got::Bytes(n)) => got.extend_from_slice(&room[..n]),
            Ok(Got::Life) if !bytes.is_empty() => {
                let Poll::Ready(filled) = reader.poll_fill(&mut cx, &mut bytes) else { panic!("a slice never waits") };
                filled.unwrap();
            }
            end => return (got, end),
        }
    }
}

/// A call over TLS whose handshake was done elsewhere.
fn call_over(stream: impl crate::call::Stream, established: Established, rotation: Rotation) -> Call {
    let proved = Proved { peer: Peer::Uid(0), origin: Origin::Unix, exporter: None };
    let ends = ends(established, rotation).unwrap();
    let (known, limits) = (landline_wire::Limits::KNOWN, CallLimits::default());
    Call::assemble(line::over_any(stream), Some(ends), proved, known, &limits)
}

/// Both ends of a call over TLS, each over what `line` makes of its end of a pipe.
async fn calls<S: crate::call::Stream>(rotation: Rotation, line: impl Fn(DuplexStream) -> S) -> (Call, Call) {
    let (near, far) = duplex(1 << 16);
    let (client, server) = established().await;
    (call_over(line(near), client, rotation), call_over(line(far), server, rotation))
}

/// A line that reads and writes in pieces of given sizes, in turn, and now and then makes wait.
struct Chopped<S> {
    inner: S,
    sizes: Vec<usize>,
    turn: usize,
}

impl<S> Chopped<S> {
    fn new(inner: S, sizes: &[usize]) -> Self {
        Self { inner, sizes: sizes.to_vec(), turn: 0 }
    }

    /// The size of this turn; at 0 the turn is to wait.
    fn size(&mut self, cx: &Context<'_>) -> usize {
        self.turn += 1;
        let size = self.sizes[self.turn % self.sizes.len()];
        if size == 0 {
            cx.waker().wake_by_ref();
        }
        size
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Chopped<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut piece = vec![0; self.size(cx).min(to.remaining())];
        if piece.is_empty() {
            return Poll::Pending;
        }
        let mut room = ReadBuf::new(&mut piece);
        let polled = Pin::new(&mut self.inner).poll_read(cx, &mut room);
        to.put_slice(room.filled());
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Chopped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.size(cx).min(from.len()) {
            0 => Poll::Pending,
            size => Pin::new(&mut self.inner).poll_write(cx, &from[..size]),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// What one poll gives; then the future is given up.
async fn polled_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    poll_fn(|cx| match Pin::new(&mut future).poll(cx) {
        Poll::Ready(out) => Poll::Ready(Some(out)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A configuration behind its reference count, as rustls takes it.
fn shared<T: Clone>(config: &T) -> Arc<T> {
    Arc::new(config.clone())
}
