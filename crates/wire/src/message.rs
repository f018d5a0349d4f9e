//! Messages: one JSON object a frame, with exactly one key, which names it. Source: PROTOCOL.md §3.
//!
//! In: the payload of a message frame. Out: a typed value, or why not. Unknown fields inside are ignored, so that a
//! later version can add some; nesting is bounded before a parser sees the bytes.

use bytes::{BufMut, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    frame::{FrameError, Header, Kind},
    limits::{Limits, MAX_DEPTH},
};

/// Why a payload is not the message that was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Arrays and objects nest deeper than [`MAX_DEPTH`].
    #[error("message nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Not JSON, not UTF-8, or not the fields that were expected. The parser's words hold a position, never content.
    #[error("message can't be read: {what} at line {line} column {column}")]
    Malformed {
        /// What kind of fault.
        what: &'static str,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
    },
    /// Our own message is too long for a frame.
    #[error(transparent)]
    TooLong(#[from] FrameError),
}

/// Reads one message.
///
/// # Errors
/// [`MessageError::TooDeep`] or [`MessageError::Malformed`]; leftover bytes behind the object are malformed.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, MessageError> {
    if depth(payload) > MAX_DEPTH {
        return Err(MessageError::TooDeep);
    }
    serde_json::from_slice(payload).map_err(|fault| malformed(&fault))
}

/// The whole frame of one message.
///
/// # Errors
/// [`MessageError::TooLong`] above [`Limits::KNOWN`].
pub fn encode<T: Serialize>(message: &T) -> Result<BytesMut, MessageError> {
    let mut out = BytesMut::with_capacity(256);
    encode_into(message, &mut out)?;
    Ok(out)
}

/// Appends the frame of one message to `out`; on an error `out` is as it was.
///
/// # Errors
/// [`MessageError::TooLong`] above [`Limits::KNOWN`].
pub fn encode_into<T: Serialize>(message: &T, out: &mut BytesMut) -> Result<(), MessageError> {
    let start = out.len();
    out.put_bytes(0, Header::SIZE);
    let written = serde_json::to_writer((&mut *out).writer(), message).map_err(|fault| malformed(&fault));
    let body = out.len() - start - Header::SIZE;
    let header = written.and_then(|()| Ok(Header::new(Kind::Message, body, &Limits::KNOWN)?));
    match header {
        Ok(header) => {
            for (place, byte) in out.iter_mut().skip(start).zip(header.encode()) {
                *place = byte;
            }
            Ok(())
        }
        Err(fault) => {
            out.truncate(start);
            Err(fault)
        }
    }
}

fn malformed(fault: &serde_json::Error) -> MessageError {
    let what = match fault.classify() {
        serde_json::error::Category::Io => "unwritable value",
        serde_json::error::Category::Syntax => "bad JSON",
        serde_json::error::Category::Data => "unexpected fields",
        serde_json::error::Category::Eof => "cut short",
    };
    MessageError::Malformed { what, line: fault.line(), column: fault.column() }
}

/// Deepest nesting of brackets outside strings. Not a validator: bad JSON gets some number and fails later.
pub(crate) fn depth(payload: &[u8]) -> usize {
    let (mut open, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in payload {
        match (in_string, escaped, byte) {
            (true, true, _) => escaped = false,
            (true, false, b'\\') => escaped = true,
            (true, false, b'"') => in_string = false,
            (true, false, _) => {}
            (false, _, b'"') => in_string = true,
            (false, _, b'{' | b'[') => {
                open += 1;
                deepest = deepest.max(open);
            }
            (false, _, b'}' | b']') => open = open.saturating_sub(1),
            (false, ..) => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Greeting {
        hello: String,
    }

    #[test]
    fn a_message_survives_its_frame() {
        let frame = encode(&Greeting { hello: "你好".into() }).unwrap();
        assert_eq!(frame.first(), Some(&1));
        assert_eq!(decode::<Greeting>(&frame[Header::SIZE..]).unwrap(), Greeting { hello: "你好".into() });
    }

    #[test]
    fn unknown_fields_are_ignored() {
        assert_eq!(decode::<Greeting>(br#"{"hello":"a","later":[1]}"#).unwrap().hello, "a");
    }

    #[test]
    fn refuses_deep_nesting_before_parsing_and_counts_no_brackets_in_strings() {
        let deep = "[".repeat(60_000);
        assert!(matches!(decode::<Value>(deep.as_bytes()), Err(MessageError::TooDeep)));
        let text = format!("{{\"hello\":\"\\\"{}\"}}", "[".repeat(100));
        assert!(decode::<Greeting>(text.as_bytes()).is_ok());
    }

    #[test]
    fn refuses_bytes_left_over_and_never_echoes_content() {
        let fault = decode::<Greeting>(br#"{"hello":"secret"} x"#).unwrap_err().to_string();
        assert!(!fault.contains("secret"), "{fault}");
    }

    #[test]
    fn a_message_that_is_too_long_leaves_the_buffer_as_it_was() {
        let mut out = BytesMut::from(&b"before"[..]);
        assert!(encode_into(&Greeting { hello: "x".repeat(70_000) }, &mut out).is_err());
        assert_eq!(&out[..], b"before");
    }
}
