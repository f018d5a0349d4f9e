//! The line under a call, and what can be told of it while it runs: where the time goes, and how the network does.
//!
//! In: a connection's two halves. Out: the same, counted. Figures are read at any time from any task through
//! [`LineStats`]; they are taken once a system call or once a burst, never once a byte.

use std::{
    fmt, io,
    os::fd::AsFd as _,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, tcp::OwnedWriteHalf},
};

pub use landline_sys::TcpInfo;

/// A view of one call's line. Cheap to clone; outlives the call, with the last figures.
#[derive(Debug, Clone)]
pub struct LineStats {
    counters: Arc<Counters>,
    tcp: Weak<OwnedWriteHalf>,
}

impl LineStats {
    /// Bytes given to the system to send, with all that TLS adds after its handshake.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.counters.sent.get()
    }

    /// Bytes taken from the system, with all that TLS adds after its handshake.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.counters.received.get()
    }

    /// For how long a byte has been waited for and not come; nothing while nobody waits for one: what came may lie there.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        match self.counters.waits_since.load(Ordering::Relaxed) {
            NOBODY_WAITS => Duration::ZERO,
            since => self.counters.born.elapsed().saturating_sub(Duration::from_nanos(since)),
        }
    }

    /// Time in which we had bytes to send and the system took none: the line or the other end is slow.
    #[must_use]
    pub fn send_wait(&self) -> Duration {
        self.counters.send_wait.time()
    }

    /// Time in which we waited for bytes: the line or the other end is slow, or has nothing to say.
    #[must_use]
    pub fn receive_wait(&self) -> Duration {
        self.counters.receive_wait.time()
    }

    /// Time spent encrypting.
    #[must_use]
    pub fn sealing(&self) -> Duration {
        self.counters.sealing.time()
    }

    /// Time spent decrypting.
    #[must_use]
    pub fn opening(&self) -> Duration {
        self.counters.opening.time()
    }

    /// What the system knows of the connection, asked now; none where it is not TCP, has ended, or the system can't tell.
    #[must_use]
    pub fn tcp(&self) -> Option<TcpInfo> {
        let half = self.tcp.upgrade()?;
        TcpInfo::of(AsRef::<TcpStream>::as_ref(&*half).as_fd()).ok()
    }
}

/// In place of a time.
const NOBODY_WAITS: u64 = u64::MAX;

/// Sums that only grow, but for one time.
#[derive(Debug)]
pub(crate) struct Counters {
    born: Instant,
    /// From the birth to when the next byte began to be waited for, in nanoseconds; [`NOBODY_WAITS`] if none is.
    waits_since: AtomicU64,
    sent: Sum,
    received: Sum,
    send_wait: Sum,
    receive_wait: Sum,
    pub(crate) sealing: Sum,
    pub(crate) opening: Sum,
}

impl Default for Counters {
    fn default() -> Self {
        let none = Sum::default;
        Self {
            born: Instant::now(),
            waits_since: AtomicU64::new(NOBODY_WAITS),
            sent: none(),
            received: none(),
            send_wait: none(),
            receive_wait: none(),
            sealing: none(),
            opening: none(),
        }
    }
}

/// A sum of bytes or of nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Sum(AtomicU64);

impl Sum {
    fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds the time since `start`.
    pub(crate) fn add_since(&self, start: Instant) {
        self.add(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }

    fn time(&self) -> Duration {
        Duration::from_nanos(self.get())
    }
}

/// The half of a line that is read.
pub(crate) struct LineReader {
    rd: Box<dyn AsyncRead + Send + Unpin>,
    counters: Arc<Counters>,
    waiting: Option<Instant>,
}

/// The half of a line that is written.
pub(crate) struct LineWriter {
    wr: Box<dyn AsyncWrite + Send + Unpin>,
    counters: Arc<Counters>,
    waiting: Option<Instant>,
}

/// The halves of a TCP connection: independent, without a lock between them. `early`: bytes that were read before.
pub(crate) fn over_tcp(socket: TcpStream, early: usize) -> (LineReader, LineWriter, LineStats) {
    let (rd, wr) = socket.into_split();
    let half = Arc::new(wr);
    let tcp = Arc::downgrade(&half);
    let line = over(rd, TcpWriter(half), tcp);
    line.2.counters.received.add(u64::try_from(early).unwrap_or(u64::MAX));
    line
}

/// The halves of any other connection.
pub(crate) fn over_any<S: AsyncRead + AsyncWrite + Send + 'static>(stream: S) -> (LineReader, LineWriter, LineStats) {
    let (rd, wr) = tokio::io::split(stream);
    over(rd, wr, Weak::new())
}

fn over(
    rd: impl AsyncRead + Send + Unpin + 'static,
    wr: impl AsyncWrite + Send + Unpin + 'static,
    tcp: Weak<OwnedWriteHalf>,
) -> (LineReader, LineWriter, LineStats) {
    let counters = Arc::<Counters>::default();
    let reader = LineReader { rd: Box::new(rd), counters: Arc::clone(&counters), waiting: None };
    let writer = LineWriter { wr: Box::new(wr), counters: Arc::clone(&counters), waiting: None };
    (reader, writer, LineStats { counters, tcp })
}

impl LineReader {
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl LineWriter {
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    fn counted(&mut self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &polled {
            Poll::Pending => {
                self.waiting.get_or_insert_with(Instant::now);
            }
            Poll::Ready(wrote) => {
                if let Some(start) = self.waiting.take() {
                    self.counters.send_wait.add_since(start);
                }
                if let Ok(wrote) = wrote {
                    self.counters.sent.add(u64::try_from(*wrote).unwrap_or(u64::MAX));
                }
            }
        }
        polled
    }
}

impl AsyncRead for LineReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = to.filled().len();
        let polled = Pin::new(&mut this.rd).poll_read(cx, to);
        if polled.is_pending() {
            if this.waiting.is_none() {
                let now = Instant::now();
                this.waiting = Some(now);
                let age = now.saturating_duration_since(this.counters.born).as_nanos();
                this.counters.waits_since.store(u64::try_from(age).unwrap_or(0), Ordering::Relaxed);
            }
        } else {
            if let Some(start) = this.waiting.take() {
                this.counters.receive_wait.add_since(start);
            }
            this.counters.received.add(u64::try_from(to.filled().len() - before).unwrap_or(u64::MAX));
            this.counters.waits_since.store(NOBODY_WAITS, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for LineWriter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.wr).poll_write(cx, from);
        this.counted(polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.wr).poll_write_vectored(cx, from);
        this.counted(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.wr.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wr).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wr).poll_shutdown(cx)
    }
}

impl fmt::Debug for LineReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineReader").finish_non_exhaustive()
    }
}

impl fmt::Debug for LineWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineWriter").finish_non_exhaustive()
    }
}

/// Writes through a half that is shared with [`LineStats`], which asks the system about it.
struct TcpWriter(Arc<OwnedWriteHalf>);

impl TcpWriter {
    fn socket(&self) -> &TcpStream {
        (*self.0).as_ref()
    }

    fn poll_with(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket().poll_write_ready(cx))?;
            match write(self.socket()) {
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                wrote => return Poll::Ready(wrote),
            }
        }
    }
}

impl AsyncWrite for TcpWriter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_with(cx, |socket| socket.try_write(from))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(cx, |socket| socket.try_write_vectored(from))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // the system sends what it took
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket2::SockRef::from(self.socket()).shutdown(std::net::Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn waits_are_told_on_the_side_that_waited_and_bytes_as_they_were_taken() {
        let (near, mut far) = duplex(10);
        let (mut rd, mut wr, stats) = over_any(near);
        wr.write_all(&[1; 10]).await.unwrap();
        assert_eq!((stats.sent(), stats.send_wait()), (10, Duration::ZERO));
        let (mut taken, mut answer) = ([0; 15], [0; 3]);
        let (wrote, read) = tokio::join!(wr.write_all(&[1; 5]), far.read_exact(&mut taken));
        wrote.and(read.map(drop)).unwrap();
        assert_eq!(stats.sent(), 15);
        assert!(stats.send_wait() > Duration::ZERO && stats.receive_wait() == Duration::ZERO, "{stats:?}");
        let (read, wrote) = tokio::join!(rd.read_exact(&mut answer), far.write_all(&[2; 3]));
        wrote.and(read.map(drop)).unwrap();
        assert_eq!((stats.received(), stats.tcp()), (3, None));
        assert!(stats.receive_wait() > Duration::ZERO, "{stats:?}");
    }

    #[tokio::test]
    async fn only_who_is_listened_to_can_be_silent() {
        let (near, mut far) = duplex(10);
        let (mut rd, _wr, stats) = over_any(near);
        assert_eq!(stats.silent_for(), Duration::ZERO, "nobody listens yet");
        let mut byte = [0];
        {
            let mut reading = std::pin::pin!(rd.read_exact(&mut byte));
            assert!(poll_once(reading.as_mut()).is_pending());
            assert!(stats.silent_for() > Duration::ZERO);
            far.write_all(&[1; 3]).await.unwrap();
            reading.await.unwrap();
        }
        // Two bytes lie there, and whoever should take them is busy.
        assert_eq!(stats.silent_for(), Duration::ZERO);
    }

    fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(std::task::Waker::noop()))
    }
}
