//! Length, then `recv_ready`, then the body: the framing in which both sides take turns.
//!
//! In: what one side has to send, or what arrived. Out: what to send next, and the body. Pure: the waiting is the caller's.
//!
//! ```text
//!  sending side                      receiving side
//!  Sending::new ── "6" ───────────▶  Receiving::after          what ONE read brings is the length: it has no terminator
//!  Sending::handle ◀─ recv_ready ──  READY                     anything else: word and body are dropped
//!  body ── hello\n ───────────────▶  Receiving::body           however it is cut; what follows stays in the inbox
//! ```
//!
//! The length `0` is answered with `recv_ready` as well; no byte follows it. Source: PROTOCOL.md §10.8.

use bytes::{Buf as _, Bytes, BytesMut};

use super::{FramingError, count, within};
use crate::limits::{FramingLimits, MAX_DIGITS};

/// What the receiving side says once it has the length.
pub const READY: &[u8] = b"recv_ready";

/// The side that has a body to send, waiting to hear that the other one is ready.
///
/// ```
/// use bytes::BytesMut;
/// use landline_wire::{FramingLimits, framing::ready::{Answer, Sending}};
///
/// let sending = Sending::new("hello\n", &FramingLimits::default())?;
/// assert_eq!(sending.length(), "6"); // to be sent first
/// let Answer::Ready(body) = sending.handle(&mut BytesMut::from("recv_ready")) else { panic!() };
/// assert_eq!(body, "hello\n");
/// # Ok::<(), landline_wire::FramingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Sending {
    body: Bytes,
}

/// What came of the wait for [`READY`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Answer {
    /// The other side is ready: send this body now.
    Ready(Bytes),
    /// It has said nothing yet, or only the first letters of it: read more.
    Waiting(Sending),
    /// Something else came. The body is dropped; this is what came instead, which the tutorials' servers drop too.
    Other(Bytes),
}

impl Sending {
    /// Offers `body`: the caller sends [`Sending::length`], then hands over what arrives.
    ///
    /// # Errors
    /// [`FramingError::TooLong`].
    pub fn new(body: impl Into<Bytes>, limits: &FramingLimits) -> Result<Self, FramingError> {
        let body = body.into();
        within(count(body.len()), limits.message_bytes)?;
        Ok(Self { body })
    }

    /// The length in decimal digits, without a terminator: to be sent in one piece.
    #[must_use]
    pub fn length(&self) -> String {
        self.body.len().to_string()
    }

    /// Judges what has arrived, and takes off `inbox` what it needs.
    ///
    /// It must be exactly [`READY`]: before a body nobody has cause to say more. Behind the length `0` more may follow at
    /// once, for there is nothing to wait for, and stays in `inbox`.
    pub fn handle(self, inbox: &mut BytesMut) -> Answer {
        if inbox.len() < READY.len() && READY.starts_with(inbox) {
            return Answer::Waiting(self);
        }
        let is_ready = inbox.starts_with(READY) && (self.body.is_empty() || inbox.len() == READY.len());
        if is_ready {
            inbox.advance(READY.len());
            return Answer::Ready(self.body);
        }
        Answer::Other(inbox.split().freeze())
    }

    /// The stream ended while waiting: what came of the answer; nothing if `None`.
    #[must_use]
    pub fn finish(self, inbox: &mut BytesMut) -> Option<Bytes> {
        if inbox.is_empty() { None } else { Some(inbox.split().freeze()) }
    }
}

/// The side that heard a length: it says [`READY`], then collects that many bytes.
///
/// ```
/// use bytes::BytesMut;
/// use landline_wire::{FramingLimits, framing::ready::Receiving};
///
/// let receiving = Receiving::after(b"6", &FramingLimits::default())?; // what one read brought; now READY is sent
/// let mut inbox = BytesMut::from("hel");
/// assert_eq!(receiving.body(&mut inbox), None);
/// inbox.extend_from_slice(b"lo\n12");
/// assert_eq!(receiving.body(&mut inbox).unwrap(), "hello\n");
/// assert_eq!(inbox, "12");
/// # Ok::<(), landline_wire::FramingError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Receiving {
    len: usize,
}

impl Receiving {
    /// Takes what one read brought as the length. It has no terminator, so a length that was cut on its way is misread:
    /// that is this framing's fault and the reason for the others.
    ///
    /// # Errors
    /// [`FramingError::NoLength`] unless it is 1 to 20 digits; [`FramingError::TooLong`].
    pub fn after(read: &[u8], limits: &FramingLimits) -> Result<Self, FramingError> {
        let wrong = read.iter().take(MAX_DIGITS).position(|byte| !byte.is_ascii_digit());
        let wrong = wrong.or((read.is_empty() || read.len() > MAX_DIGITS).then_some(read.len().min(MAX_DIGITS)));
        if let Some(at) = wrong {
            return Err(FramingError::NoLength { len: read.len(), at });
        }
        let len = read
            .iter()
            .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit.saturating_sub(b'0'))));
        Ok(Self { len: within(len.unwrap_or(u64::MAX), limits.message_bytes)? })
    }

    /// Bytes of the body.
    #[must_use]
    pub fn body_len(self) -> usize {
        self.len
    }

    /// Takes the body off the front of `inbox`; `None` means not complete yet.
    #[must_use]
    pub fn body(self, inbox: &mut BytesMut) -> Option<Bytes> {
        (inbox.len() >= self.len).then(|| inbox.split_to(self.len).freeze())
    }

    /// As [`Receiving::body`] once the stream has ended.
    ///
    /// # Errors
    /// [`FramingError::CutShort`].
    pub fn finish(self, inbox: &mut BytesMut) -> Result<Bytes, FramingError> {
        let missing = count(self.len.saturating_sub(inbox.len()));
        self.body(inbox).ok_or(FramingError::CutShort { missing })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: FramingLimits = FramingLimits { message_bytes: 5000, header_bytes: 0, json_depth: 0 };

    proptest! {
        #[test]
        fn a_body_arrives_however_the_answer_and_it_are_cut(
            body in proptest::collection::vec(any::<u8>(), 0..3000), step in 1usize..1500,
        ) {
            let mut sending = Sending::new(body.clone(), &LIMITS).unwrap();
            let receiving = Receiving::after(sending.length().as_bytes(), &LIMITS).unwrap();
            let mut inbox = BytesMut::new();
            let mut sent = None;
            for part in READY.chunks(step) {
                inbox.extend_from_slice(part);
                match sending.handle(&mut inbox) {
                    Answer::Ready(body) => { sent = Some(body); break }
                    Answer::Waiting(still) => sending = still,
                    Answer::Other(other) => panic!("{other:?}"),
                }
            }
            let sent = sent.expect("all of the answer has come");
            let mut got = receiving.body(&mut inbox);
            for part in sent.chunks(step) {
                prop_assert_eq!(got.take(), None);
                inbox.extend_from_slice(part);
                got = receiving.body(&mut inbox);
            }
            prop_assert_eq!(got.as_deref(), Some(&body[..]));
            prop_assert!(inbox.is_empty());
        }
    }

    #[test]
    fn anything_but_exactly_ready_drops_the_body_and_is_a_message() {
        for other in ["ls", "recv_readyx", "recv_ready\n", "recv_reads", "RECV_READY"] {
            let sending = Sending::new("hello", &LIMITS).unwrap();
            assert_eq!(sending.handle(&mut BytesMut::from(other)), Answer::Other(Bytes::from(other)));
        }
        let sending = Sending::new("hello", &LIMITS).unwrap();
        assert_eq!(sending.clone().finish(&mut BytesMut::from("recv_")).unwrap(), "recv_");
        assert_eq!(sending.finish(&mut BytesMut::new()), None);
    }

    #[test]
    fn no_body_is_a_length_of_zero_and_the_next_message_may_follow_at_once() {
        let sending = Sending::new("", &LIMITS).unwrap();
        assert_eq!(sending.length(), "0");
        let mut inbox = BytesMut::from("recv_readyls");
        assert_eq!(sending.handle(&mut inbox), Answer::Ready(Bytes::new()));
        assert_eq!(inbox, "ls");
        let receiving = Receiving::after(b"0", &LIMITS).unwrap();
        assert_eq!(receiving.body(&mut BytesMut::new()), Some(Bytes::new()));
    }

    #[test]
    fn a_length_is_digits_within_the_limit_and_nothing_else() {
        assert_eq!(Receiving::after(b"5000", &LIMITS).unwrap().body_len(), 5000);
        assert_eq!(Receiving::after(b"00000000000000000007", &LIMITS).unwrap().body_len(), 7);
        assert_eq!(Receiving::after(b"5001", &LIMITS), Err(FramingError::TooLong { len: 5001, most: 5000 }));
        let most = Receiving::after(b"99999999999999999999", &LIMITS);
        assert_eq!(most, Err(FramingError::TooLong { len: u64::MAX, most: 5000 }));
        for (read, at) in
            [("", 0), ("6\n", 1), ("-1", 0), ("+1", 0), ("6 ", 1), ("６", 0), ("000000000000000000001", 20)]
        {
            let refused = Receiving::after(read.as_bytes(), &LIMITS);
            assert_eq!(refused, Err(FramingError::NoLength { len: read.len(), at }), "{read}");
        }
        assert!(Sending::new(vec![0; 5001], &LIMITS).is_err());
    }

    #[test]
    fn a_body_that_is_cut_says_what_is_missing() {
        let receiving = Receiving::after(b"6", &LIMITS).unwrap();
        assert_eq!(receiving.finish(&mut BytesMut::from("hel")), Err(FramingError::CutShort { missing: 3 }));
        assert_eq!(receiving.finish(&mut BytesMut::from("hello\n")).unwrap(), "hello\n");
    }
}
