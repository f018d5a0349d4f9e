//! Why bytes are not a message of a framing, or a body can't be made one. Source: PROTOCOL.md §10.
//!
//! Nothing that came from outside is in these words, only numbers of it and names of ours.

/// Why a stream can't be read on, or a message not be written.
///
/// Reading: each ends the stream, for nobody knows where the next message begins; the decoder says the same again.
/// Writing: nothing was written.
///
/// ```
/// use bytes::BytesMut;
/// use landline_wire::{Decoder, Framing, FramingError, FramingLimits};
///
/// let limits = FramingLimits { message_bytes: 3, ..FramingLimits::default() };
/// let mut decoder = Decoder::new(&Framing::Line, limits)?;
/// let refused = decoder.decode(&mut BytesMut::from("too long, and no end yet"));
/// assert_eq!(refused, Err(FramingError::NoEnd { most: 3 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// A body is, or is declared to be, above the limit.
    #[error("message of {len} bytes, {most} are allowed")]
    TooLong {
        /// Bytes of the body; the largest 64-bit number also stands for more.
        len: u64,
        /// Bytes allowed.
        most: usize,
    },
    /// No line end or mark within the limit.
    #[error("message without an end within {most} bytes")]
    NoEnd {
        /// Bytes allowed.
        most: usize,
    },
    /// A signed length below zero.
    #[error("length {len} is negative")]
    NegativeLength {
        /// The length.
        len: i64,
    },
    /// A decimal length that is none: [`super::ready`] takes 1 to 20 digits and nothing else.
    #[error("length in decimal digits expected; what came is {len} bytes long, and byte {at} is no digit or too much")]
    NoLength {
        /// Bytes that came.
        len: usize,
        /// Place of the first byte that does not belong, from 0.
        at: usize,
    },
    /// A JSON header is, or is declared to be, above the limit.
    #[error("JSON header of {len} bytes, {most} are allowed")]
    HeaderTooLong {
        /// Bytes of the header.
        len: u64,
        /// Bytes allowed.
        most: usize,
    },
    /// A header is not UTF-8.
    #[error("JSON header is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// Place of the first wrong byte, from 0.
        at: usize,
    },
    /// Arrays and objects nest too deep in a header.
    #[error("JSON header nests {depth} levels deep, {most} are allowed")]
    TooDeep {
        /// Levels, the header itself counted.
        depth: usize,
        /// Levels allowed.
        most: usize,
    },
    /// A header is not JSON, or no object.
    #[error("JSON header can't be read: {what} at line {line} column {column}")]
    BadJson {
        /// What kind of fault.
        what: &'static str,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
    },
    /// A header that doesn't say how long its body is.
    #[error("JSON header has neither data_size nor file_size")]
    NoSize,
    /// A size that is below zero.
    #[error("{key} of the JSON header is negative: {size}")]
    NegativeSize {
        /// Which key.
        key: &'static str,
        /// Its value.
        size: i64,
    },
    /// A size that is a fraction, above 64 bits, or no number.
    #[error("{key} of the JSON header is no whole number of bytes below 2^64")]
    NotWhole {
        /// Which key.
        key: &'static str,
    },
    /// Two sizes that contradict each other.
    #[error("JSON header has data_size {data_size} and file_size {file_size}")]
    TwoSizes {
        /// One of them.
        data_size: u64,
        /// The other.
        file_size: u64,
    },
    /// A field of a file's header is missing or not what it must be.
    #[error("{key} of the file's header must be {wanted}")]
    BadField {
        /// Which key.
        key: &'static str,
        /// What belongs there.
        wanted: &'static str,
    },
    /// The stream ended inside a body.
    #[error("stream ended {missing} bytes before the end of a message")]
    CutShort {
        /// Bytes that never came.
        missing: u64,
    },
    /// The stream ended inside a prefix or a header, before anything told how long the body is.
    #[error("stream ended {missing} bytes before the end of a message's head")]
    HeadCutShort {
        /// Bytes of the head that never came; the body would have followed.
        missing: u64,
    },
    /// A body holds what ends a message, or would make the end come early or take more off: the reader would not get
    /// what was sent.
    #[error("message holds its own end at byte {at}")]
    HoldsEnd {
        /// Place in the body, from 0.
        at: usize,
    },
    /// A body is longer than the prefix can tell.
    #[error("message of {len} bytes, the prefix can tell {most} at most")]
    DoesNotFit {
        /// Bytes of the body.
        len: u64,
        /// The largest length of the prefix.
        most: u64,
    },
    /// A frame of landline/1 is refused.
    #[error(transparent)]
    Frame(#[from] crate::frame::FrameError),
    /// [`super::Framing::Ready`] is no one-way framing: both sides take turns, see [`super::ready`].
    #[error("the framing ready takes turns, it has no one-way codec")]
    TakesTurns,
}
