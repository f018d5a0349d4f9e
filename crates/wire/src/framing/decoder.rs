//! The decoder of every one-way framing. Source: PROTOCOL.md §10.

use bytes::BytesMut;

use super::{Framing, FramingError, JsonHead, LengthPrefix, Message, count, ends::Ends, within};
use crate::{
    frame::{Header, split_frame},
    limits::{FramingLimits, Limits, MAX_DATA, MAX_MESSAGE},
};

/// Takes messages off a stream, one after the other.
///
/// Feed it one inbox: append what was read, call [`Decoder::decode`] until it gives `None`, and [`Decoder::finish`] the same
/// way once the stream has ended. Nobody else takes bytes off that inbox meanwhile.
///
/// ```
/// use bytes::BytesMut;
/// use landline_wire::{Decoder, Framing, FramingLimits};
///
/// let mut decoder = Decoder::new(&Framing::Line, FramingLimits::default())?;
/// let mut inbox = BytesMut::from("one\r\ntwo");
/// assert_eq!(decoder.decode(&mut inbox)?.unwrap().body, "one");
/// assert!(decoder.decode(&mut inbox)?.is_none(), "the second line has no end yet");
/// assert_eq!(decoder.finish(&mut inbox)?.unwrap().body, "two");
/// assert!(decoder.finish(&mut inbox)?.is_none());
/// # Ok::<(), landline_wire::FramingError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
    limits: FramingLimits,
}

#[derive(Debug, Clone)]
enum State {
    Raw,
    Ends(Ends),
    Length(LengthPrefix),
    /// The head of the message whose body is awaited, with the bytes of that body.
    Json(Option<(JsonHead, usize)>),
    Landline(Limits),
}

impl Decoder {
    /// A decoder at the beginning of a message.
    ///
    /// # Errors
    /// [`FramingError::TakesTurns`] for [`Framing::Ready`], whose state machines are in [`super::ready`].
    pub fn new(framing: &Framing, limits: FramingLimits) -> Result<Self, FramingError> {
        let state = match framing {
            Framing::Raw => State::Raw,
            Framing::Line => State::Ends(Ends::of_lines()),
            Framing::Mark(mark) => State::Ends(Ends::with(mark.clone())),
            Framing::Length(prefix) => State::Length(*prefix),
            Framing::Ready => return Err(FramingError::TakesTurns),
            Framing::Json => State::Json(None),
            Framing::Landline => State::Landline(landline_limits(limits)),
        };
        Ok(Self { state, limits })
    }

    /// Takes one message off the front of `inbox`, leaving what follows in place.
    ///
    /// `Ok(None)` means not complete yet: read more, it is no error. A message shares the memory of `inbox`; nothing is
    /// set aside for what has not arrived. [`Framing::Raw`] gives what is there, in pieces if it is above the limit;
    /// [`Framing::Landline`] the payload of a frame of any kind that it may not skip.
    ///
    /// # Errors
    /// [`FramingError`], as soon as the bytes that decide it are there: a length before its body, a line that is too long
    /// before its end.
    pub fn decode(&mut self, inbox: &mut BytesMut) -> Result<Option<Message>, FramingError> {
        let most = self.limits.message_bytes;
        let body = match &mut self.state {
            State::Raw if inbox.is_empty() => None,
            State::Raw => Some(inbox.split_to(inbox.len().min(most.max(1))).freeze()),
            State::Ends(ends) => ends.split(inbox, most)?,
            State::Length(prefix) => prefix.split(inbox, most)?,
            State::Json(awaited) => return json(awaited, inbox, &self.limits),
            State::Landline(limits) => split_frame(inbox, limits)?.map(|frame| frame.body),
        };
        Ok(body.map(Message::of))
    }

    /// As [`Decoder::decode`] once the stream has ended: call it until it gives `None`.
    ///
    /// What is left of a line or of a message before a mark is given out without its end, as Python's `readline` does.
    ///
    /// # Errors
    /// As [`Decoder::decode`]; [`FramingError::CutShort`] and [`FramingError::HeadCutShort`] if the stream ended inside a
    /// message of any other framing, with the bytes that are missing.
    pub fn finish(&mut self, inbox: &mut BytesMut) -> Result<Option<Message>, FramingError> {
        if let Some(message) = self.decode(inbox)? {
            return Ok(Some(message));
        }
        let cut = match &mut self.state {
            State::Raw => return Ok(None),
            State::Ends(ends) => return Ok(ends.rest(inbox, self.limits.message_bytes)?.map(Message::of)),
            State::Json(Some((_, len))) => {
                return Err(FramingError::CutShort { missing: count(*len).saturating_sub(count(inbox.len())) });
            }
            State::Length(_) | State::Json(None) | State::Landline(_) if inbox.is_empty() => return Ok(None),
            State::Length(prefix) => prefix.cut(inbox)?,
            State::Json(None) => head_cut(inbox)?,
            State::Landline(limits) => frame_cut(inbox, limits)?,
        };
        Err(cut)
    }
}

/// What a peer may send of landline/1, within what this socket allows: its own limits are the upper bound.
pub(super) fn landline_limits(limits: FramingLimits) -> Limits {
    Limits { message: limits.message_bytes.min(MAX_MESSAGE), data: limits.message_bytes.min(MAX_DATA) }
}

fn json(
    awaited: &mut Option<(JsonHead, usize)>,
    inbox: &mut BytesMut,
    limits: &FramingLimits,
) -> Result<Option<Message>, FramingError> {
    if awaited.is_none() {
        let Some((head, taken)) = JsonHead::read(inbox, limits)? else { return Ok(None) };
        let len = within(head.body_len(), limits.message_bytes)?;
        drop(inbox.split_to(taken.min(inbox.len())));
        *awaited = Some((head, len));
    }
    match awaited.take() {
        Some((header, len)) if inbox.len() >= len => {
            Ok(Some(Message { header: Some(header), body: inbox.split_to(len).freeze() }))
        }
        waiting => {
            *awaited = waiting;
            Ok(None)
        }
    }
}

/// A head is as if it were a message of its own.
fn head_cut(inbox: &[u8]) -> Result<FramingError, FramingError> {
    match LengthPrefix::I32Le.cut(inbox)? {
        FramingError::CutShort { missing } => Ok(FramingError::HeadCutShort { missing }),
        other => Ok(other),
    }
}

fn frame_cut(inbox: &[u8], limits: &Limits) -> Result<FramingError, FramingError> {
    let Some(head) = inbox.first_chunk::<{ Header::SIZE }>() else {
        return Ok(FramingError::HeadCutShort { missing: count(Header::SIZE).saturating_sub(count(inbox.len())) });
    };
    let whole = count(Header::SIZE).saturating_add(count(Header::decode(*head, limits)?.body_len()));
    Ok(FramingError::CutShort { missing: whole.saturating_sub(count(inbox.len())) })
}
