//! A pipe whose reads come in pieces, late, and perhaps end in a reset.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    time::{Sleep, sleep},
};

use super::chance::Chance;

/// Bytes of the longest piece.
const LONGEST: usize = 1024;

/// How the reads of one end come.
#[derive(Debug)]
pub(super) enum Chop {
    /// One byte at a time.
    EachByte,
    /// As chance has it.
    Random {
        chance: Chance,
        /// The longest wait before a read; zero for none.
        delay: Duration,
        /// The line is reset when so many bytes were read.
        reset_after: Option<usize>,
    },
}

/// One end.
#[derive(Debug)]
pub(super) struct Flaky {
    /// `None` once the line was reset from here.
    inner: Option<DuplexStream>,
    chop: Chop,
    /// What the next read may give, drawn already.
    piece: Option<usize>,
    pause: Option<Pin<Box<Sleep>>>,
    /// Shared by both ends.
    reset: Arc<AtomicBool>,
}

impl Flaky {
    pub(super) fn pair(bytes: usize, [one, other]: [Chop; 2]) -> (Self, Self) {
        let (near, far) = tokio::io::duplex(bytes);
        let reset = Arc::new(AtomicBool::new(false));
        let end = |inner, chop| Self { inner: Some(inner), chop, piece: None, pause: None, reset: Arc::clone(&reset) };
        (end(near, one), end(far, other))
    }

    /// The next piece, and the wait before it.
    fn draw(&mut self) -> usize {
        match &mut self.chop {
            Chop::EachByte => 1,
            Chop::Random { chance, delay, .. } => {
                let most = usize::try_from(delay.as_micros()).unwrap_or(usize::MAX);
                if most > 0 {
                    let micros = u64::try_from(chance.up_to(most)).unwrap_or(u64::MAX);
                    self.pause = Some(Box::pin(sleep(Duration::from_micros(micros))));
                }
                // Half of the pieces are tiny: that is where the mistakes are.
                let most = if chance.happens(50) { 3 } else { LONGEST };
                chance.up_to(most)
            }
        }
    }

    /// Counts bytes that were read; resets the line when its time has come.
    fn advance(&mut self, bytes: usize) {
        if let Chop::Random { reset_after: Some(left), .. } = &mut self.chop {
            *left = left.saturating_sub(bytes);
        }
    }

    fn is_due(&self) -> bool {
        matches!(self.chop, Chop::Random { reset_after: Some(0), .. })
    }

    fn inner(&mut self) -> io::Result<Pin<&mut DuplexStream>> {
        if self.is_due() {
            self.reset.store(true, Relaxed);
            self.inner = None; // wakes the other end
        }
        match &mut self.inner {
            Some(inner) if !self.reset.load(Relaxed) => Ok(Pin::new(inner)),
            _ => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

impl AsyncRead for Flaky {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let piece = match self.piece {
            Some(piece) => piece,
            None => {
                let piece = self.draw();
                *self.piece.insert(piece)
            }
        };
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let until_reset = match &self.chop {
            Chop::Random { reset_after: Some(left), .. } => *left,
            _ => usize::MAX,
        };
        let mut room = [0; LONGEST];
        let most = piece.min(to.remaining()).min(until_reset);
        let mut part = ReadBuf::new(room.get_mut(..most).unwrap_or_default());
        ready!(self.inner()?.poll_read(cx, &mut part))?;
        let part = part.filled();
        if part.is_empty() {
            self.inner()?; // an end that was none: the other end reset the line meanwhile
        }
        to.put_slice(part);
        self.advance(part.len());
        self.piece = None;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flaky {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.inner()?.poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner()?.poll_shutdown(cx)
    }
}
