//! TLS 1.3 records after the handshake: protected and opened in place, without a copy but the kernel's.
//!
//! In: the secrets of a finished handshake and bytes. Out: bytes, the other way round. rustls shakes hands, keeps the key
//! schedule and the tickets ([`session`]); everything from there on is here, because a library that owns its buffers
//! copies each record twice. [`key`] gives out nonces, [`seal`] and [`open`] are the cipher, [`post`] gathers handshake
//! messages, [`train`] lays records out for one system call; none of these has a socket. [`writer`] and [`reader`] are
//! the two ends, [`inbox`] the read buffer that exists only while a burst lasts.
//! Knows nothing of frames. Source: RFC 8446 §5.
//! Invariant: a nonce is never used twice with one key; what was not authenticated is never handed on.

mod error;
mod inbox;
mod key;
mod open;
mod post;
mod reader;
mod seal;
mod session;
mod train;
mod writer;

pub(crate) use error::RecordError;
pub(crate) use reader::{Destination, Got, RecordReader};
use session::Session;
pub(crate) use session::{Established, Kernel};
pub(crate) use train::{Pieces, Train};
pub(crate) use writer::{RecordWriter, Rotation};

/// Bytes of a record's header: type, version, length (RFC 8446 §5.1).
const HEADER: usize = 5;
/// Bytes of the tag at the end of a record, of both ciphers.
const TAG: usize = 16;
/// Bytes behind the payload: the inner content type and the tag.
const TAIL: usize = 1 + TAG;
/// Plaintext bytes in one record, at most (RFC 8446 §5.1).
pub(crate) const MAX_PLAINTEXT: usize = 1 << 14;
/// Bytes behind a record's header, at most (RFC 8446 §5.2).
const MAX_BODY: usize = MAX_PLAINTEXT + 256;

/// What a record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentType {
    Alert,
    Handshake,
    ApplicationData,
}

impl ContentType {
    const fn byte(self) -> u8 {
        match self {
            Self::Alert => 21,
            Self::Handshake => 22,
            Self::ApplicationData => 23,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            21 => Some(Self::Alert),
            22 => Some(Self::Handshake),
            23 => Some(Self::ApplicationData),
            _ => None,
        }
    }
}

/// The header of a protected record whose body has `len` bytes. Every such record looks like application data.
fn header(len: usize) -> Result<[u8; HEADER], RecordError> {
    let len = u16::try_from(len).map_err(|_| RecordError::TooLong(len))?;
    let [high, low] = len.to_be_bytes();
    Ok([ContentType::ApplicationData.byte(), 3, 3, high, low])
}

/// Bytes of the body that a header announces, judged before any of them is waited for.
fn body_len(header: [u8; HEADER]) -> Result<usize, RecordError> {
    let [outer, _, _, high, low] = header; // the version is authenticated and means nothing
    if outer != ContentType::ApplicationData.byte() {
        return Err(RecordError::Clear(outer));
    }
    match usize::from(u16::from_be_bytes([high, low])) {
        len if len > MAX_BODY => Err(RecordError::TooLong(len)),
        len if len < TAIL => Err(RecordError::TooShort(len)),
        len => Ok(len),
    }
}

/// Both ends of a connection whose handshake is done.
pub(crate) fn ends(established: Established, rotation: Rotation) -> Result<(RecordReader, RecordWriter), RecordError> {
    let Established { kernel, secrets, early } = established;
    let session = std::sync::Arc::new(Session::new(kernel));
    let (opener, sealer) = (open::Opener::new(secrets.rx)?, seal::Sealer::new(secrets.tx)?);
    let reader = RecordReader::new(opener, std::sync::Arc::clone(&session), early);
    Ok((reader, RecordWriter::new(sealer, session, rotation)))
}

#[cfg(test)]
mod tests;
