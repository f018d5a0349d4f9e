//! The short way for a stream without a framing: read, answer and write within one poll, in buffers of the thread.
//!
//! In: a connection, a responder. Out: its requests answered until it ends. A silent connection holds no buffer, and a message costs
//! no allocation; only what the socket does not take at once is kept. Against a message that is received, answered and sent as
//! three awaited steps, an answer takes 1,600 instructions of this process, of which a bare loop takes 1,200, and not 2,550
//! (callgrind under `cargo xtask bench sockets --series echo50`).

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
};

use super::{Connection, End, Incoming, Outgoing, RawError, Took, count, scratch};
use crate::raw::respond::{Responder, Verdict};

/// What is not out yet.
#[derive(Debug, Default)]
struct Owed {
    bytes: Vec<u8>,
    sent: usize,
    unflushed: bool,
    last: bool,
}

impl Connection {
    /// Whether bytes come and go as they are, whenever they do.
    pub(crate) fn is_bare(&self) -> bool {
        matches!((&self.receiver.framing, &self.sender.framing), (Incoming::Raw, Outgoing::Raw))
            && !self.keeps_bounds()
            && self.receiver.inbox.is_empty()
            && self.receiver.idle.is_none()
            && self.sender.idle.is_none()
    }

    /// Answers each piece that comes by itself, until the end or a verdict that closes. Only for what [`Self::is_bare`].
    ///
    /// # Errors
    /// As the line fails.
    pub(crate) async fn answer_all(&mut self, responder: &dyn Responder) -> Result<(), RawError> {
        let mut owed = Owed::default();
        poll_fn(|cx| {
            loop {
                ready!(self.poll_settle(cx, &mut owed))?;
                if owed.last {
                    return Poll::Ready(Ok(()));
                }
                ready!(self.poll_answer(cx, responder, &mut owed))?;
            }
        })
        .await
    }

    /// Puts out what is owed.
    fn poll_settle(&mut self, cx: &mut Context<'_>, owed: &mut Owed) -> Poll<io::Result<()>> {
        while let Some(rest) = owed.bytes.get(owed.sent..).filter(|rest| !rest.is_empty()) {
            owed.sent += ready!(self.poll_write(cx, rest))?;
        }
        if owed.sent > 0 {
            (owed.bytes, owed.sent) = (Vec::new(), 0);
        }
        if owed.unflushed {
            ready!(self.sender.link.poll_flush(cx))?;
            owed.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once and answers what came, as far as the socket takes it.
    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        responder: &dyn Responder,
        owed: &mut Owed,
    ) -> Poll<io::Result<()>> {
        scratch::with(self.receiver.read_bytes, |room| {
            let len = match ready!(self.receiver.link.poll_take(cx, room))? {
                Took::Bytes(len) | Took::Packet { kept: len, .. } => len,
                Took::End => return self.ended(End::Ended, owed),
                Took::Torn => return self.ended(End::Torn, owed),
            };
            count(&self.receiver.traffic.received, len);
            scratch::answer(|answer| {
                let verdict = responder.respond(room.get(..len).unwrap_or_default(), answer);
                owed.last = matches!(verdict, Verdict::AnswerAndClose | Verdict::Close);
                if answer.is_empty() || matches!(verdict, Verdict::Silent | Verdict::Close) {
                    return Poll::Ready(Ok(()));
                }
                owed.unflushed = self.sender.link.gathers();
                let sent = match self.poll_write(cx, answer) {
                    Poll::Ready(sent) => sent?,
                    Poll::Pending => 0,
                };
                if sent < answer.len() {
                    owed.bytes = answer.get(sent..).unwrap_or_default().to_vec();
                }
                Poll::Ready(Ok(()))
            })
        })
    }

    fn ended(&mut self, end: End, owed: &mut Owed) -> Poll<io::Result<()>> {
        self.receiver.end = end;
        owed.last = true;
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(self.sender.link.poll_write(cx, bytes))? {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            sent => {
                count(&self.sender.traffic.sent, sent);
                Poll::Ready(Ok(sent))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::{
        Handler as _, Talk,
        respond::{Responding, Verdict},
    };

    struct Twice;

    impl Responder for Twice {
        fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
            answer.extend(request.iter().flat_map(|byte| [*byte, *byte]));
            if request.ends_with(b".") { Verdict::AnswerAndClose } else { Verdict::Answer }
        }
    }

    #[tokio::test]
    async fn what_the_line_does_not_take_at_once_goes_out_later_and_in_order() {
        let (mut near, far) = Connection::pair(7, &Talk::default()).unwrap();
        let (answering, traffic) = (Responding::new(Twice), far.traffic());
        let serving = answering.handle(far);
        let asking = async {
            let (receiver, sender) = near.halves();
            let goods: Vec<u8> = (0..1000u32).map(|at| b'a' + u8::try_from(at % 26).unwrap()).chain(*b".").collect();
            let sending = sender.write(&goods);
            let receiving = async {
                let mut got = Vec::new();
                while let Some(piece) = receiver.receive().await.unwrap() {
                    got.extend_from_slice(&piece.body);
                }
                got
            };
            let (sent, got) = tokio::join!(sending, receiving);
            sent.unwrap();
            assert_eq!(got, goods.iter().flat_map(|byte| [*byte, *byte]).collect::<Vec<_>>());
        };
        let (served, ()) = tokio::join!(serving, asking);
        served.unwrap();
        assert_eq!((traffic.received(), traffic.sent()), (1001, 2002));
    }

    #[tokio::test]
    async fn an_end_is_answered_with_an_end_and_a_framing_takes_the_long_way() {
        let (mut near, far) = Connection::pair(64, &Talk::default()).unwrap();
        assert!(far.is_bare());
        let answering = Responding::new(Twice);
        let asking = async {
            near.finish().await.unwrap();
            assert_eq!(near.receive().await.unwrap(), None);
        };
        let (served, ()) = tokio::join!(answering.handle(far), asking);
        served.unwrap();
        let lines = Talk { incoming: landline_wire::framing::Framing::Ready, ..Talk::default() };
        assert!(!Connection::pair(64, &lines).unwrap().0.is_bare());
        let patient = Talk { idle: Some(std::time::Duration::from_secs(1)), ..Talk::default() };
        assert!(!Connection::pair(64, &patient).unwrap().0.is_bare());
    }
}
