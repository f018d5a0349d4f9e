//! The encoder of every one-way framing. Source: PROTOCOL.md §10.

use bytes::BytesMut;

use super::{Framing, FramingError, JsonHead, LengthPrefix, count, decoder::landline_limits, ends::Ends, within};
use crate::{
    frame::{Header, Kind},
    limits::{FramingLimits, Limits},
};

/// Writes messages so that the reader of the same framing finds each of them again.
///
/// ```
/// use bytes::BytesMut;
/// use landline_wire::{Encoder, Framing, FramingError, FramingLimits};
///
/// let encoder = Encoder::new(&"mark:##".parse().unwrap(), FramingLimits::default())?;
/// let mut out = BytesMut::new();
/// encoder.encode(b"hello", &mut out)?;
/// assert_eq!(encoder.encode(b"a##b", &mut out), Err(FramingError::HoldsEnd { at: 1 }));
/// assert_eq!(out, "hello##");
/// # Ok::<(), FramingError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Encoder {
    form: Form,
    limits: FramingLimits,
}

#[derive(Debug, Clone)]
enum Form {
    Raw,
    Ends(Ends),
    Length(LengthPrefix),
    Json,
    Landline(Limits),
}

impl Encoder {
    /// An encoder.
    ///
    /// # Errors
    /// [`FramingError::TakesTurns`] for [`Framing::Ready`], whose state machines are in [`super::ready`].
    pub fn new(framing: &Framing, limits: FramingLimits) -> Result<Self, FramingError> {
        let form = match framing {
            Framing::Raw => Form::Raw,
            Framing::Line => Form::Ends(Ends::of_lines()),
            Framing::Mark(mark) => Form::Ends(Ends::with(mark.clone())),
            Framing::Length(prefix) => Form::Length(*prefix),
            Framing::Ready => return Err(FramingError::TakesTurns),
            Framing::Json => Form::Json,
            Framing::Landline => Form::Landline(landline_limits(limits)),
        };
        Ok(Self { form, limits })
    }

    /// Appends the message with this body to `into`; on an error `into` is as it was.
    ///
    /// [`Framing::Json`] writes the header `{"data_size": …}`, for another see [`JsonHead`]; [`Framing::Landline`] a data
    /// frame; [`Framing::Raw`] the body alone, so that an empty one leaves no trace.
    ///
    /// # Errors
    /// [`FramingError::TooLong`], or [`FramingError::Frame`], above the limit; [`FramingError::DoesNotFit`] above what the
    /// prefix can tell; [`FramingError::HoldsEnd`] if a reader of lines or marks would not get this body back.
    pub fn encode(&self, body: &[u8], into: &mut BytesMut) -> Result<(), FramingError> {
        let len = count(body.len());
        if let Form::Length(prefix) = &self.form
            && len > prefix.max()
        {
            return Err(FramingError::DoesNotFit { len, most: prefix.max() });
        }
        within(len, self.limits.message_bytes)?;
        match &self.form {
            Form::Raw => {}
            Form::Ends(ends) => return ends.encode(body, into),
            Form::Length(prefix) => prefix.encode(len, into)?,
            Form::Json => JsonHead::of_body(len).encode(&self.limits, into)?,
            Form::Landline(limits) => {
                into.extend_from_slice(&Header::new(Kind::Data, body.len(), limits)?.encode());
            }
        }
        into.extend_from_slice(body);
        Ok(())
    }
}
