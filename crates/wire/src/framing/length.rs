//! A binary length before each message, as Python's `struct` and most hand-made protocols write it.
//!
//! Nothing is allocated from a declared length: it is checked against the limit as soon as the prefix is there.
//! Source: PROTOCOL.md §10.5.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use super::{FramingError, count, within};

/// How the length is written: width in bits, byte order, and for one of them the sign.
///
/// ```
/// use landline_wire::{Framing, LengthPrefix};
///
/// assert_eq!("u16be".parse(), Ok(Framing::Length(LengthPrefix::U16Be)));
/// assert_eq!(Framing::Length(LengthPrefix::I32Le).to_string(), "i32le");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LengthPrefix {
    /// One byte.
    U8,
    /// Two bytes, the high one first.
    U16Be,
    /// Two bytes, the low one first.
    U16Le,
    /// Four bytes, the highest first: "network order".
    U32Be,
    /// Four bytes, the lowest first.
    U32Le,
    /// Eight bytes, the highest first.
    U64Be,
    /// Eight bytes, the lowest first.
    U64Le,
    /// Four bytes, the lowest first, signed: Python's `struct.pack('i', n)` on x86-64 and arm64.
    I32Le,
}

impl LengthPrefix {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::U8, Self::U16Be, Self::U16Le, Self::U32Be, Self::U32Le, Self::U64Be, Self::U64Le, Self::I32Le];

    /// The word for it, as in [`super::words`].
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16Be => "u16be",
            Self::U16Le => "u16le",
            Self::U32Be => "u32be",
            Self::U32Le => "u32le",
            Self::U64Be => "u64be",
            Self::U64Le => "u64le",
            Self::I32Le => "i32le",
        }
    }

    /// Bytes of the prefix.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16Be | Self::U16Le => 2,
            Self::U32Be | Self::U32Le | Self::I32Le => 4,
            Self::U64Be | Self::U64Le => 8,
        }
    }

    /// The longest body that it can tell, in bytes.
    #[must_use]
    pub fn max(self) -> u64 {
        match self {
            Self::U8 => u64::from(u8::MAX),
            Self::U16Be | Self::U16Le => u64::from(u16::MAX),
            Self::U32Be | Self::U32Le => u64::from(u32::MAX),
            Self::U64Be | Self::U64Le => u64::MAX,
            Self::I32Le => u64::from(i32::MAX.unsigned_abs()),
        }
    }

    /// Appends the prefix of a body of `len` bytes.
    ///
    /// # Errors
    /// [`FramingError::DoesNotFit`].
    pub fn encode(self, len: u64, into: &mut BytesMut) -> Result<(), FramingError> {
        let no_room = |_| FramingError::DoesNotFit { len, most: self.max() };
        match self {
            Self::U8 => into.put_u8(u8::try_from(len).map_err(no_room)?),
            Self::U16Be => into.put_u16(u16::try_from(len).map_err(no_room)?),
            Self::U16Le => into.put_u16_le(u16::try_from(len).map_err(no_room)?),
            Self::U32Be => into.put_u32(u32::try_from(len).map_err(no_room)?),
            Self::U32Le => into.put_u32_le(u32::try_from(len).map_err(no_room)?),
            Self::U64Be => into.put_u64(len),
            Self::U64Le => into.put_u64_le(len),
            Self::I32Le => into.put_i32_le(i32::try_from(len).map_err(no_room)?),
        }
        Ok(())
    }

    /// The length that `bytes` begin with; `None` if the prefix is not complete. Takes nothing off.
    ///
    /// # Errors
    /// [`FramingError::NegativeLength`].
    pub fn decode(self, bytes: &[u8]) -> Result<Option<u64>, FramingError> {
        let len = match self {
            Self::U8 => bytes.first().map(|byte| u64::from(*byte)),
            Self::U16Be => bytes.first_chunk().map(|two| u16::from_be_bytes(*two).into()),
            Self::U16Le => bytes.first_chunk().map(|two| u16::from_le_bytes(*two).into()),
            Self::U32Be => bytes.first_chunk().map(|four| u32::from_be_bytes(*four).into()),
            Self::U32Le => bytes.first_chunk().map(|four| u32::from_le_bytes(*four).into()),
            Self::U64Be => bytes.first_chunk().map(|eight| u64::from_be_bytes(*eight)),
            Self::U64Le => bytes.first_chunk().map(|eight| u64::from_le_bytes(*eight)),
            Self::I32Le => match bytes.first_chunk().map(|four| i32::from_le_bytes(*four)) {
                None => None,
                Some(len) => Some(u64::try_from(len).map_err(|_| FramingError::NegativeLength { len: len.into() })?),
            },
        };
        Ok(len)
    }

    /// Splits one body off the front of `inbox`, its prefix too.
    pub(super) fn split(self, inbox: &mut BytesMut, most: usize) -> Result<Option<Bytes>, FramingError> {
        let Some(len) = self.decode(inbox)? else { return Ok(None) };
        let len = within(len, most)?;
        if inbox.len().saturating_sub(self.width()) < len {
            return Ok(None);
        }
        inbox.advance(self.width());
        Ok(Some(inbox.split_to(len).freeze()))
    }

    /// How what is left of a stream that ended was cut: `inbox` holds no whole message.
    pub(super) fn cut(self, inbox: &[u8]) -> Result<FramingError, FramingError> {
        let Some(len) = self.decode(inbox)? else {
            return Ok(FramingError::HeadCutShort { missing: count(self.width()).saturating_sub(count(inbox.len())) });
        };
        let came = count(inbox.len()).saturating_sub(count(self.width()));
        Ok(FramingError::CutShort { missing: len.saturating_sub(came) })
    }
}
