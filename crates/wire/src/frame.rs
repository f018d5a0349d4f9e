//! The frame: 1 byte kind, 3 bytes big-endian length, payload. Source: PROTOCOL.md §2.
//!
//! In: bytes in arrival order. Out: whole frames. Nothing is allocated from a declared length: a header is checked
//! against the limits of the peer before any of its payload is waited for.
//! Invariant: however the stream is cut into reads, the same frames come out.

use bytes::{Buf, Bytes, BytesMut};

use crate::limits::Limits;

/// What the payload of a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One JSON object, UTF-8 (`0x01`).
    Message,
    /// Raw bytes (`0x02`).
    Data,
    /// Raw bytes of a command's standard error (`0x03`).
    Stderr,
    /// Binary records of the service, one after the other (`0x04`).
    Records,
    /// A kind of a later protocol that a reader may drop (`0x40` to `0x7f`).
    Ignorable(u8),
}

impl Kind {
    /// The byte that stands for this kind on the wire.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Message => 0x01,
            Self::Data => 0x02,
            Self::Stderr => 0x03,
            Self::Records => 0x04,
            Self::Ignorable(byte) => byte,
        }
    }

    fn from_byte(byte: u8) -> Result<Self, FrameError> {
        match byte {
            0x01 => Ok(Self::Message),
            0x02 => Ok(Self::Data),
            0x03 => Ok(Self::Stderr),
            0x04 => Ok(Self::Records),
            0x40..=0x7f => Ok(Self::Ignorable(byte)),
            _ => Err(FrameError::UnknownKind { kind: byte }),
        }
    }
}

/// The four bytes before a payload, already checked against the limits of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    kind: Kind,
    /// At most 2^24 - 1, so it fits `usize` on every system we build for.
    len: u32,
}

impl Header {
    /// Bytes of a header on the wire.
    pub const SIZE: usize = 4;

    /// A header for `len` bytes of payload.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] if `len` is above `limits`: what a peer would refuse is not sent.
    pub fn new(kind: Kind, len: usize, limits: &Limits) -> Result<Self, FrameError> {
        let max = Self::max(kind, limits);
        match u32::try_from(len) {
            Ok(short) if len <= max && short < 1 << 24 => Ok(Self { kind, len: short }),
            _ => Err(FrameError::TooLong { kind: kind.byte(), len, max }),
        }
    }

    /// Reads a header and checks it against `limits`.
    ///
    /// # Errors
    /// [`FrameError::UnknownKind`] unless the kind is marked ignorable; [`FrameError::TooLong`] above the limit.
    pub fn decode(bytes: [u8; Self::SIZE], limits: &Limits) -> Result<Self, FrameError> {
        let [kind, a, b, c] = bytes;
        let kind = Kind::from_byte(kind)?;
        let len = u32::from_be_bytes([0, a, b, c]);
        let max = Self::max(kind, limits);
        match usize::try_from(len) {
            Ok(long) if long <= max => Ok(Self { kind, len }),
            Ok(long) => Err(FrameError::TooLong { kind: kind.byte(), len: long, max }),
            Err(_) => Err(FrameError::TooLong { kind: kind.byte(), len: usize::MAX, max }),
        }
    }

    /// The four bytes of this header.
    #[must_use]
    pub fn encode(self) -> [u8; Self::SIZE] {
        let [_, a, b, c] = self.len.to_be_bytes();
        [self.kind.byte(), a, b, c]
    }

    /// What the payload is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// Bytes of payload that follow.
    #[must_use]
    pub fn body_len(self) -> usize {
        usize::try_from(self.len).unwrap_or(usize::MAX)
    }

    fn max(kind: Kind, limits: &Limits) -> usize {
        match kind {
            Kind::Message | Kind::Ignorable(_) => limits.message,
            Kind::Data | Kind::Stderr | Kind::Records => limits.data,
        }
    }
}

/// One whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub kind: Kind,
    /// The payload.
    pub body: Bytes,
}

/// Why bytes are not a frame. Each ends the call: after it the stream can't be trusted to be in step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A kind this version doesn't know and may not skip.
    #[error("frame of unknown kind {kind:#04x}")]
    UnknownKind {
        /// The kind's byte.
        kind: u8,
    },
    /// Longer than this peer may send now.
    #[error("frame of kind {kind:#04x} declares {len} bytes, {max} are allowed")]
    TooLong {
        /// The kind's byte.
        kind: u8,
        /// Declared bytes of payload.
        len: usize,
        /// Allowed bytes of payload.
        max: usize,
    },
}

/// Splits one frame off the front of `inbox`, leaving what follows in place; ignorable frames are dropped on the way.
///
/// `inbox`: bytes in arrival order. `Ok(None)` means not complete yet: read more, it is no error.
///
/// # Errors
/// As [`Header::decode`], as soon as a header is complete, before its body has arrived.
pub fn split_frame(inbox: &mut BytesMut, limits: &Limits) -> Result<Option<Frame>, FrameError> {
    loop {
        let Some(head) = inbox.first_chunk::<{ Header::SIZE }>() else { return Ok(None) };
        let header = Header::decode(*head, limits)?;
        if inbox.len() - Header::SIZE < header.body_len() {
            return Ok(None);
        }
        inbox.advance(Header::SIZE);
        let body = inbox.split_to(header.body_len()).freeze();
        if !matches!(header.kind, Kind::Ignorable(_)) {
            return Ok(Some(Frame { kind: header.kind, body }));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_frame() -> impl Strategy<Value = (Kind, Vec<u8>)> {
        let kind = prop_oneof![
            Just(Kind::Message),
            Just(Kind::Data),
            Just(Kind::Stderr),
            (0x40..=0x7fu8).prop_map(Kind::Ignorable)
        ];
        (kind, proptest::collection::vec(any::<u8>(), 0..300))
    }

    fn bytes_of(frames: &[(Kind, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (kind, body) in frames {
            out.extend(Header::new(*kind, body.len(), &Limits::KNOWN).unwrap().encode());
            out.extend(body);
        }
        out
    }

    fn split_all(inbox: &mut BytesMut, limits: &Limits) -> Result<Vec<Frame>, FrameError> {
        std::iter::from_fn(|| split_frame(inbox, limits).transpose()).collect()
    }

    proptest! {
        #[test]
        fn any_cut_of_the_stream_yields_the_same_frames(
            frames in proptest::collection::vec(any_frame(), 0..6),
            cuts in proptest::collection::vec(1usize..40, 1..60),
        ) {
            let whole = bytes_of(&frames);
            let expected: Vec<_> = frames.iter().filter(|(kind, _)| !matches!(kind, Kind::Ignorable(_)))
                .map(|(kind, body)| Frame { kind: *kind, body: Bytes::copy_from_slice(body) }).collect();
            let (mut inbox, mut got, mut rest) = (BytesMut::new(), Vec::new(), &whole[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                inbox.extend_from_slice(now);
                rest = later;
                got.extend(split_all(&mut inbox, &Limits::KNOWN).unwrap());
            }
            prop_assert_eq!(got, expected);
            prop_assert!(inbox.is_empty());
        }

        #[test]
        fn decode_inverts_encode((kind, body) in any_frame()) {
            let header = Header::new(kind, body.len(), &Limits::KNOWN).unwrap();
            prop_assert_eq!(Header::decode(header.encode(), &Limits::KNOWN), Ok(header));
        }

        #[test]
        fn no_header_is_accepted_above_the_limit(bytes in any::<[u8; 4]>()) {
            if let Ok(header) = Header::decode(bytes, &Limits::STRANGER) {
                prop_assert!(header.body_len() <= Limits::STRANGER.message);
            }
        }
    }

    #[test]
    fn refuses_an_unknown_kind_before_its_body_arrives() {
        let mut inbox = BytesMut::from(&[0x80, 0, 0, 9][..]);
        assert_eq!(split_frame(&mut inbox, &Limits::KNOWN), Err(FrameError::UnknownKind { kind: 0x80 }));
    }

    #[test]
    fn a_stranger_may_send_no_data_at_all() {
        let mut inbox = BytesMut::from(&[0x02, 0, 0, 1][..]);
        let refused = split_frame(&mut inbox, &Limits::STRANGER);
        assert_eq!(refused, Err(FrameError::TooLong { kind: 2, len: 1, max: 0 }));
    }

    #[test]
    fn what_a_peer_would_refuse_is_not_sent() {
        assert!(Header::new(Kind::Data, (1 << 20) + 1, &Limits::KNOWN).is_err());
        assert!(Header::new(Kind::Data, 1 << 20, &Limits::KNOWN).is_ok());
    }
}
