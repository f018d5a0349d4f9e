//! The read buffer of a call, big only while bulk data flows.
//!
//! An idle call holds none: reads go through the stack, and only what is no whole record yet is kept. Once much has come and
//! a read fills all that was asked for, a burst begins: from then on a buffer of [`BURST`] bytes takes whole socket queues,
//! until [`SHORT_IN_A_ROW`] reads bring little or nothing comes for [`PAUSE`], which ends the burst and frees it.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// Bytes of the buffer while a burst lasts. Of 128, 256, 512 and 1024 KiB over loopback, turn about, this took the least CPU
/// (0.45 s a GB for both ends of a call against 0.51, 0.47 and 0.52) and none was faster.
const BURST: usize = 512 << 10;
/// Bytes of a read outside bursts.
const QUIET: usize = 16 << 10;
/// A read of less than this is a short one: the queue was short, so the peer is not ahead of us just now.
const SHORT_BELOW: usize = 4 << 10;
/// So many short reads in a row end the burst. A single one comes between two full ones whenever the reader is the faster end,
/// and a buffer made anew for each of them cost more than a hundredth of all time of a large copy (`perf`, `bench --series big`).
const SHORT_IN_A_ROW: u8 = 16;
/// No burst before so much has come: more than a stranger may send before he is judged, so that he gets no buffer.
const STARTS_AFTER: usize = 128 << 10;
/// Quiet for so long ends the burst too: a peer that stops right after much data is idle, and costs nothing then. Far
/// above the gaps of a line that is only slow, so that those cost no new buffer each.
const PAUSE: Duration = Duration::from_secs(1);

/// Bytes that came and were not used yet.
#[derive(Debug)]
pub(super) struct Inbox {
    buffer: Vec<u8>,
    taken: usize,
    filled: usize,
    bursting: bool,
    /// Short reads since the last one that was not.
    short: u8,
    /// Bytes that came until now; below [`STARTS_AFTER`] there is no burst.
    seen: usize,
    /// When the last read of the burst was.
    heard: Instant,
    /// Looks after the burst: fires no earlier than [`PAUSE`] after some read of it.
    watch: Option<Pin<Box<Sleep>>>,
}

impl Inbox {
    /// Begins with what came behind the handshake.
    pub(super) fn holding(early: Vec<u8>) -> Self {
        let (filled, heard) = (early.len(), Instant::now());
        Self { buffer: early, taken: 0, filled, bursting: false, short: 0, seen: filled, heard, watch: None }
    }

    /// All that is there.
    pub(super) fn waiting(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.taken..self.filled).unwrap_or_default()
    }

    /// Forgets the first `len` bytes.
    pub(super) fn consume(&mut self, len: usize) {
        self.taken = self.taken.saturating_add(len).min(self.filled);
        if self.taken == self.filled {
            (self.taken, self.filled) = (0, 0);
            if !self.bursting {
                self.buffer = Vec::new();
            }
        }
    }

    /// Reads once, behind what is there: how much came, 0 at the end.
    pub(super) fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        rd: &mut R,
    ) -> Poll<io::Result<usize>> {
        if !self.bursting {
            return self.poll_quiet(cx, rd);
        }
        if self.taken > 0 {
            self.buffer.copy_within(self.taken..self.filled, 0);
            (self.taken, self.filled) = (0, self.filled - self.taken);
        }
        if self.buffer.len() < BURST {
            self.buffer.resize(BURST, 0);
        }
        let mut room = ReadBuf::new(self.buffer.get_mut(self.filled..).unwrap_or_default());
        let Poll::Ready(read) = Pin::new(rd).poll_read(cx, &mut room) else {
            self.poll_pause(cx);
            return Poll::Pending; // whoever ends the burst is woken by the socket all the same
        };
        read?;
        let came = room.filled().len();
        self.heard = Instant::now();
        self.filled += came;
        self.short = if came < SHORT_BELOW { self.short + 1 } else { 0 };
        if self.short >= SHORT_IN_A_ROW {
            self.shrink();
        }
        Poll::Ready(Ok(came))
    }

    fn poll_quiet<R: AsyncRead + Unpin>(&mut self, cx: &mut Context<'_>, rd: &mut R) -> Poll<io::Result<usize>> {
        let mut stack = [const { MaybeUninit::uninit() }; QUIET];
        let mut room = ReadBuf::uninit(&mut stack);
        ready!(Pin::new(rd).poll_read(cx, &mut room))?;
        let came = room.filled();
        self.buffer.drain(..self.taken);
        self.buffer.truncate(self.filled - self.taken);
        self.buffer.extend_from_slice(came);
        (self.taken, self.filled) = (0, self.buffer.len());
        self.seen = self.seen.saturating_add(came.len());
        self.bursting = came.len() == QUIET && self.seen >= STARTS_AFTER;
        if self.bursting {
            self.heard = Instant::now();
        }
        Poll::Ready(Ok(came.len()))
    }

    /// Frees what the burst needed, and keeps what has come.
    fn shrink(&mut self) {
        (self.bursting, self.short) = (false, 0);
        self.watch = None;
        self.buffer = self.buffer.get(self.taken..self.filled).map(<[u8]>::to_vec).unwrap_or_default();
        (self.taken, self.filled) = (0, self.buffer.len());
    }

    /// Nothing is there to read: is it only a gap, or the end of the burst?
    fn poll_pause(&mut self, cx: &mut Context<'_>) {
        let heard = self.heard;
        let watch = self.watch.get_or_insert_with(|| Box::pin(sleep_until(heard + PAUSE)));
        while watch.as_mut().poll(cx).is_ready() {
            if heard.elapsed() >= PAUSE {
                return self.shrink();
            }
            watch.as_mut().reset(heard + PAUSE); // it was set after an earlier read
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    async fn fill(inbox: &mut Inbox, rd: &mut DuplexStream) -> usize {
        poll_fn(|cx| inbox.poll_fill(cx, rd)).await.unwrap()
    }

    /// An inbox whose burst has begun, with `left` bytes unread in it.
    async fn bursting(far: &mut DuplexStream, near: &mut DuplexStream) -> Inbox {
        let mut inbox = Inbox::holding(Vec::new());
        far.write_all(&vec![1; STARTS_AFTER]).await.unwrap();
        for _ in 0..STARTS_AFTER / QUIET {
            assert!(!inbox.bursting);
            fill(&mut inbox, near).await;
            inbox.consume(usize::MAX);
        }
        assert!(inbox.bursting);
        inbox
    }

    #[tokio::test]
    async fn what_a_stranger_may_send_starts_no_burst_and_a_quiet_call_holds_nothing() {
        let (mut far, mut near) = duplex(1 << 20);
        let mut inbox = Inbox::holding(Vec::new());
        for len in [17, QUIET, QUIET, 5000, 1, QUIET] {
            far.write_all(&vec![1; len]).await.unwrap();
            assert_eq!(fill(&mut inbox, &mut near).await, len);
            inbox.consume(len);
            assert_eq!(inbox.buffer.capacity(), 0);
        }
    }

    #[tokio::test]
    async fn every_byte_comes_in_order_and_the_buffer_is_freed_after_a_burst() {
        let (mut far, mut near) = duplex(1 << 20);
        let sent: Vec<u8> = (0..900_000u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
        far.write_all(&sent).await.unwrap();
        let (mut inbox, mut got) = (Inbox::holding(Vec::new()), Vec::new());
        while got.len() < sent.len() {
            fill(&mut inbox, &mut near).await;
            // Something is always left over, as of a record that is not whole.
            let use_up = if got.len() + inbox.waiting().len() == sent.len() { 0 } else { 1000 };
            let take = inbox.waiting().len().saturating_sub(use_up);
            got.extend_from_slice(&inbox.waiting()[..take]);
            inbox.consume(take);
        }
        assert_eq!(got, sent);
        for read in 1..=SHORT_IN_A_ROW {
            assert!(inbox.bursting, "one short read is no end");
            far.write_all(b"short").await.unwrap();
            assert_eq!(fill(&mut inbox, &mut near).await, 5);
            assert_eq!(inbox.waiting(), b"short");
            inbox.consume(5);
            assert_eq!(inbox.buffer.capacity() == 0, read == SHORT_IN_A_ROW, "nothing is held for an idle peer");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stops_right_after_much_data_keeps_no_buffer_once_it_is_idle() {
        let (mut far, mut near) = duplex(1 << 20);
        let mut inbox = bursting(&mut far, &mut near).await;
        for gap in [PAUSE / 2, PAUSE / 2, PAUSE * 2] {
            far.write_all(&[1; QUIET]).await.unwrap();
            fill(&mut inbox, &mut near).await;
            inbox.consume(QUIET - 9);
            let more = tokio::time::timeout(gap, fill(&mut inbox, &mut near)).await;
            assert!(more.is_err(), "nothing comes");
            assert_eq!(inbox.buffer.len() < BURST, gap > PAUSE, "after {gap:?}");
            assert_eq!(inbox.waiting(), [1; 9], "what is no whole record yet is kept");
            inbox.consume(9);
        }
        far.write_all(b"and on it goes").await.unwrap();
        assert_eq!(fill(&mut inbox, &mut near).await, 14);
    }
}
