//! Names and blobs in JSON. Source: PROTOCOL.md §3.2.
//!
//! A name that is valid UTF-8 is a JSON string, any other `{"b64": "…"}`; the longer form for a name that had the
//! shorter one is refused, so that one name has one spelling. A blob is always a base64 string.

use std::fmt;

use data_encoding::BASE64;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
};

/// Raw bytes of a name, as they are on the sender's disk.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct WireName(pub Vec<u8>);

#[derive(Serialize)]
struct Encoded {
    b64: String,
}

impl Serialize for WireName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => to.serialize_str(text),
            Err(_) => Encoded { b64: BASE64.encode(&self.0) }.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for WireName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Spelling)
    }
}

/// Takes the two spellings and no third: a derived reader would also take the fields of the object as an array.
struct Spelling;

impl<'de> Visitor<'de> for Spelling {
    type Value = WireName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name as a string, or {\"b64\": …} if it is not UTF-8")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WireName, E> {
        Ok(WireName(text.as_bytes().to_vec()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<WireName, E> {
        Ok(WireName(text.into_bytes()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WireName, A::Error> {
        let (key, b64) = map.next_entry::<String, String>()?.ok_or_else(|| A::Error::missing_field("b64"))?;
        if key != "b64" || map.next_key::<String>()?.is_some() {
            return Err(A::Error::custom("a name's object has the key b64 and no other"));
        }
        let raw = unbase64(&b64).ok_or_else(|| A::Error::custom("name is not base64"))?;
        match std::str::from_utf8(&raw) {
            Ok(_) => Err(A::Error::custom("name is valid UTF-8 and must be a string")),
            Err(_) => Ok(WireName(raw)),
        }
    }
}

impl From<&[u8]> for WireName {
    fn from(raw: &[u8]) -> Self {
        Self(raw.to_vec())
    }
}

/// Raw bytes that are no name: keys, hashes, steps of an introduction. Base64 with padding, RFC 4648 §4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        unbase64(&text).map(Self).ok_or_else(|| D::Error::custom("not base64"))
    }
}

/// The library also takes several padded texts one after the other, so that one value would have many spellings.
fn unbase64(text: &str) -> Option<Vec<u8>> {
    let is_one = !text.trim_end_matches('=').contains('=');
    BASE64.decode(text.as_bytes()).ok().filter(|_| is_one)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_name_survives_json(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            let json = serde_json::to_string(&WireName(raw.clone())).unwrap();
            prop_assert_eq!(serde_json::from_str::<WireName>(&json).unwrap(), WireName(raw));
        }

        #[test]
        fn every_blob_survives_json(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            let json = serde_json::to_string(&Blob(raw.clone())).unwrap();
            prop_assert_eq!(serde_json::from_str::<Blob>(&json).unwrap(), Blob(raw));
        }
    }

    #[test]
    fn refuses_the_longer_spelling_of_a_name_that_is_utf8() {
        assert!(serde_json::from_str::<WireName>(r#"{"b64":"YQ=="}"#).is_err());
        assert!(serde_json::from_str::<WireName>(r#"{"b64":"/w=="}"#).is_ok());
        assert!(serde_json::from_str::<WireName>(r#"{"b64":"/x=="}"#).is_err(), "trailing bits must be zero");
    }

    #[test]
    fn refuses_padding_in_the_middle() {
        assert_eq!(serde_json::from_str::<Blob>(r#""YQ==""#).unwrap(), Blob(b"a".to_vec()));
        assert!(serde_json::from_str::<Blob>(r#""YQ==YQ==""#).is_err());
        assert!(serde_json::from_str::<WireName>(r#"{"b64":"YQ==/w=="}"#).is_err());
    }

    #[test]
    fn refuses_every_third_spelling() {
        for json in [r#"["/w=="]"#, r#"{"b64":"/w==","x":1}"#, r#"{"b64":"/w==","b64":"/w=="}"#, "{}", "null", "7"] {
            assert!(serde_json::from_str::<WireName>(json).is_err(), "{json}");
        }
    }
}
