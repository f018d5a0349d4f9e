//! The JSON header before a body: a signed 32-bit little-endian length, then a UTF-8 object that says how long the body is.
//!
//! In: bytes, or fields. Out: a head whose body's length is known to be sound. The body is none of this file's, so one of
//! any length can be streamed behind a head. Length, nesting and encoding are checked before a parser sees the bytes.
//! Source: PROTOCOL.md §10.6, after Python's `struct.pack('i', n)` and `json.dumps`.

use std::{collections::HashMap, fmt};

use bytes::{Buf as _, BytesMut};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, error::Category};

use super::{FramingError, LengthPrefix, count, python};
use crate::{limits::FramingLimits, message::depth};

/// The key of a body's size, and the one of a file's. Either will do.
const DATA_SIZE: &str = "data_size";
pub(super) const FILE_SIZE: &str = "file_size";

/// A header, its fields in the order in which they came.
///
/// ```
/// use bytes::BytesMut;
/// use landline_wire::{FramingLimits, JsonHead};
///
/// let limits = FramingLimits::default();
/// let mut stream = BytesMut::new();
/// JsonHead::of_body(6).encode(&limits, &mut stream)?;
/// assert_eq!(&stream[..], b"\x10\0\0\0{\"data_size\": 6}");
///
/// stream.extend_from_slice(b"hello\n");
/// let head = JsonHead::decode(&mut stream, &limits)?.expect("all of it is there");
/// assert_eq!((head.body_len(), &stream[..]), (6, &b"hello\n"[..]));
/// # Ok::<(), landline_wire::FramingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonHead {
    /// No key twice.
    fields: Vec<(String, Value)>,
    body_len: u64,
}

impl JsonHead {
    /// The header `{"data_size": len}`.
    #[must_use]
    pub fn of_body(len: u64) -> Self {
        Self { fields: vec![(DATA_SIZE.to_owned(), len.into())], body_len: len }
    }

    /// A header of these fields, in this order; of fields with one key the last counts, in the place of the first, as
    /// with a dictionary of Python.
    ///
    /// # Errors
    /// [`FramingError::NoSize`], [`FramingError::NegativeSize`], [`FramingError::NotWhole`], [`FramingError::TwoSizes`]: one
    /// of `data_size` and `file_size` must be a whole number of bytes, and if both are there they must agree.
    pub fn new(fields: impl IntoIterator<Item = (String, Value)>) -> Result<Self, FramingError> {
        let mut head = Self { fields: Vec::new(), body_len: 0 };
        let mut places = HashMap::new();
        for (key, value) in fields {
            match places.get(&key).and_then(|place| head.fields.get_mut(*place)) {
                Some((_, before)) => *before = value,
                None => {
                    places.insert(key.clone(), head.fields.len());
                    head.fields.push((key, value));
                }
            }
        }
        head.body_len = match (head.size(DATA_SIZE)?, head.size(FILE_SIZE)?) {
            (Some(data_size), Some(file_size)) if data_size != file_size => {
                return Err(FramingError::TwoSizes { data_size, file_size });
            }
            (Some(len), _) | (None, Some(len)) => len,
            (None, None) => return Err(FramingError::NoSize),
        };
        Ok(head)
    }

    /// Bytes of the body that follows. No limit was put on it: whoever collects it must.
    #[must_use]
    pub fn body_len(&self) -> u64 {
        self.body_len
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.fields().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// All fields in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.fields.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Appends length and header to `into`, byte for byte as Python's `json.dumps` writes it; on an error `into` is as it
    /// was. The body has to follow. Objects inside the header are written with their keys sorted.
    ///
    /// # Errors
    /// [`FramingError::HeaderTooLong`], [`FramingError::TooDeep`]: what a peer with these limits would refuse is not sent.
    pub fn encode(&self, limits: &FramingLimits, into: &mut BytesMut) -> Result<(), FramingError> {
        let text = python::dumps(self.fields());
        if text.len() > limits.header_bytes {
            return Err(FramingError::HeaderTooLong { len: count(text.len()), most: limits.header_bytes });
        }
        shallow(text.as_bytes(), limits)?;
        LengthPrefix::I32Le.encode(count(text.len()), into)?;
        into.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Takes one header off the front of `inbox`, leaving the body in place. `Ok(None)` means not complete yet.
    ///
    /// # Errors
    /// [`FramingError::NegativeLength`], [`FramingError::HeaderTooLong`] as soon as four bytes are there; then what
    /// [`JsonHead::new`] says, [`FramingError::NotUtf8`], [`FramingError::TooDeep`], [`FramingError::BadJson`].
    pub fn decode(inbox: &mut BytesMut, limits: &FramingLimits) -> Result<Option<Self>, FramingError> {
        let Some((head, taken)) = Self::read(inbox, limits)? else { return Ok(None) };
        inbox.advance(taken.min(inbox.len()));
        Ok(Some(head))
    }

    /// The head that `inbox` begins with, and how many of its bytes it takes.
    pub(super) fn read(inbox: &[u8], limits: &FramingLimits) -> Result<Option<(Self, usize)>, FramingError> {
        let prefix = LengthPrefix::I32Le;
        let Some(len) = prefix.decode(inbox)? else { return Ok(None) };
        let len = match usize::try_from(len) {
            Ok(short) if short <= limits.header_bytes => short,
            _ => return Err(FramingError::HeaderTooLong { len, most: limits.header_bytes }),
        };
        let text = inbox.get(prefix.width()..).and_then(|behind| behind.get(..len));
        let Some(text) = text else { return Ok(None) };
        Ok(Some((Self::parse(text, limits)?, prefix.width().saturating_add(len))))
    }

    fn parse(text: &[u8], limits: &FramingLimits) -> Result<Self, FramingError> {
        let text = str::from_utf8(text).map_err(|fault| FramingError::NotUtf8 { at: fault.valid_up_to() })?;
        shallow(text.as_bytes(), limits)?;
        let Fields(fields) = serde_json::from_str(text).map_err(|fault| malformed(&fault))?;
        Self::new(fields)
    }

    /// The size under `key`, if there is one.
    fn size(&self, key: &'static str) -> Result<Option<u64>, FramingError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match (value.as_u64(), value.as_i64()) {
            (Some(size), _) => Ok(Some(size)),
            (None, Some(size)) => Err(FramingError::NegativeSize { key, size }),
            (None, None) => Err(FramingError::NotWhole { key }),
        }
    }
}

/// Nesting is bounded before a parser's stack, and that of whatever walks the values later, is a peer's choice.
fn shallow(text: &[u8], limits: &FramingLimits) -> Result<(), FramingError> {
    match depth(text) {
        depth if depth > limits.json_depth => Err(FramingError::TooDeep { depth, most: limits.json_depth }),
        _ => Ok(()),
    }
}

fn malformed(fault: &serde_json::Error) -> FramingError {
    let what = match fault.classify() {
        Category::Io => "unreadable",
        Category::Syntax => "bad JSON",
        Category::Data => "no JSON object",
        Category::Eof => "cut short",
    };
    FramingError::BadJson { what, line: fault.line(), column: fault.column() }
}

/// The fields of an object in their order, doubles too.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Result<JsonHead, FramingError> {
        let mut stream = BytesMut::new();
        LengthPrefix::I32Le.encode(count(text.len()), &mut stream).unwrap();
        stream.extend_from_slice(text.as_bytes());
        JsonHead::decode(&mut stream, &FramingLimits::default()).map(|head| head.expect("it is complete"))
    }

    #[test]
    fn a_size_must_be_there_once_whole_and_not_negative() {
        assert_eq!(decoded(r#"{"data_size":18446744073709551615}"#).unwrap().body_len(), u64::MAX);
        assert_eq!(decoded(r#"{"file_size":1073741824000}"#).unwrap().body_len(), 1_073_741_824_000);
        assert_eq!(decoded(r#"{"file_size":7,"data_size":7}"#).unwrap().body_len(), 7);
        assert_eq!(decoded("{}"), Err(FramingError::NoSize));
        let negative = decoded(r#"{"data_size":-1}"#);
        assert_eq!(negative, Err(FramingError::NegativeSize { key: "data_size", size: -1 }));
        for value in ["6.0", "6.5", "1e3", "-0", "18446744073709551616", "\"6\"", "true", "null", "[6]"] {
            let refused = decoded(&format!(r#"{{"file_size":{value}}}"#));
            assert_eq!(refused, Err(FramingError::NotWhole { key: "file_size" }), "{value}");
        }
        let two = decoded(r#"{"data_size":1,"file_size":2}"#);
        assert_eq!(two, Err(FramingError::TwoSizes { data_size: 1, file_size: 2 }));
    }

    #[test]
    fn of_a_key_that_comes_twice_the_last_counts_as_in_python() {
        let head = decoded(r#"{"data_size":-5,"a":1,"data_size":6,"a":2}"#).unwrap();
        assert_eq!(head.body_len(), 6);
        let fields: Vec<_> = head.fields().map(|(key, value)| (key, value.to_string())).collect();
        assert_eq!(fields, [("data_size", "6".to_owned()), ("a", "2".to_owned())]);
    }

    #[test]
    fn what_is_no_object_in_utf8_is_refused_without_repeating_it() {
        for (text, what) in [("[1]", "no JSON object"), ("", "cut short"), ("{\"secret\"", "cut short")] {
            assert!(matches!(decoded(text), Err(FramingError::BadJson { what: said, .. }) if said == what), "{text}");
        }
        for text in ["{} x", "{'data_size': 6}", "{\"data_size\": NaN}", "{\"a\": \"\\ud800\", \"data_size\": 6}"] {
            let said = decoded(text).unwrap_err().to_string();
            assert!(said.contains("bad JSON at line 1") && !said.contains("data_size"), "{said}");
        }
        let mut stream = BytesMut::from(&b"\x03\0\0\0{\xff}"[..]);
        assert_eq!(JsonHead::decode(&mut stream, &FramingLimits::default()), Err(FramingError::NotUtf8 { at: 1 }));
    }

    #[test]
    fn length_and_depth_are_judged_before_they_are_waited_for_or_parsed() {
        let limits = FramingLimits::default();
        let refused = JsonHead::decode(&mut BytesMut::from(&b"\x01\x40\0\0"[..]), &limits);
        assert_eq!(refused, Err(FramingError::HeaderTooLong { len: 0x4001, most: 0x4000 }));
        let refused = JsonHead::decode(&mut BytesMut::from(&b"\xff\xff\xff\xff"[..]), &limits);
        assert_eq!(refused, Err(FramingError::NegativeLength { len: -1 }));
        let nested = |levels| format!(r#"{{"data_size":0,"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(decoded(&nested(15)).is_ok());
        assert_eq!(decoded(&nested(16)), Err(FramingError::TooDeep { depth: 17, most: 16 }));
        assert_eq!(decoded(&nested(6000)), Err(FramingError::TooDeep { depth: 6001, most: 16 }));
        let deepest = FramingLimits { json_depth: usize::MAX, ..limits };
        let text = nested(6000);
        assert!(matches!(JsonHead::parse(text.as_bytes(), &deepest), Err(FramingError::BadJson { .. })));
    }

    #[test]
    fn what_a_peer_would_refuse_is_not_written() {
        let long = JsonHead::new([(FILE_SIZE.to_owned(), 1.into()), ("a".to_owned(), "x".repeat(20_000).into())]);
        let mut out = BytesMut::from("before");
        let refused = long.unwrap().encode(&FramingLimits::default(), &mut out);
        assert!(matches!(refused, Err(FramingError::HeaderTooLong { len: 20_025, most: 16_384 })), "{refused:?}");
        assert_eq!(out, "before");
    }
}
