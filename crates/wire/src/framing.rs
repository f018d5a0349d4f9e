//! Framings of raw sockets: how a stream of bytes is divided into messages by programs that don't speak landline/1.
//!
//! In: bytes in arrival order, or the body of a message. Out: whole messages, or bytes to send. Pure: no socket, no clock.
//! [`Framing`] names one, in a person's words too ([`words`]); [`Decoder`] and [`Encoder`] do the work of all of them but
//! `ready`, in which both sides take turns ([`ready`]). Long bodies behind a JSON header are streamed with [`JsonHead`].
//! Source: PROTOCOL.md §10.
//! Invariant: however the stream is cut into reads, the same messages come out, and a limit is judged before anything is
//! waited for.

mod decoder;
mod encoder;
mod ends;
mod error;
mod file;
mod head;
mod length;
mod mark;
mod python;
pub mod ready;
#[cfg(test)]
mod tests;
pub mod words;

use bytes::Bytes;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::FramingError;
pub use file::FileHead;
pub use head::JsonHead;
pub use length::LengthPrefix;
pub use mark::{Mark, MarkError};
pub use words::WordError;

/// How messages are told apart on a stream. Written and read as a word: see [`words`].
///
/// ```
/// use bytes::BytesMut;
/// use landline_wire::{Decoder, Encoder, Framing, FramingLimits};
///
/// let framing: Framing = "i32le".parse()?;
/// let mut stream = BytesMut::new();
/// Encoder::new(&framing, FramingLimits::default())?.encode(b"hello\n", &mut stream)?;
/// assert_eq!(&stream[..], b"\x06\0\0\0hello\n");
///
/// let mut decoder = Decoder::new(&framing, FramingLimits::default())?;
/// let message = decoder.decode(&mut stream)?.expect("all of it is there");
/// assert_eq!(&message.body[..], b"hello\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Framing {
    /// None: what one read brings is a message. Right only where both sides take turns.
    Raw,
    /// A line feed ends a message; a carriage return before it is taken off too.
    Line,
    /// A mark ends a message.
    Mark(Mark),
    /// A binary length comes before each message.
    Length(LengthPrefix),
    /// A decimal length, then the other side says `recv_ready`, then the body: [`ready`].
    Ready,
    /// The length of a JSON header, the header, then as many bytes as its `data_size` or `file_size` says.
    Json,
    /// Frames of landline/1.
    Landline,
}

/// One message of a raw socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The header that came before the body: with [`Framing::Json`] always, else never.
    pub header: Option<JsonHead>,
    /// The body, without anything of the framing.
    pub body: Bytes,
}

impl Message {
    fn of(body: Bytes) -> Self {
        Self { header: None, body }
    }
}

/// A length in memory as one on the wire.
fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// `len` as bytes in memory, if the limit allows them.
fn within(len: u64, most: usize) -> Result<usize, FramingError> {
    match usize::try_from(len) {
        Ok(short) if short <= most => Ok(short),
        _ => Err(FramingError::TooLong { len, most }),
    }
}
