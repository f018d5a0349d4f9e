//! Names and blobs in JSON. Source: PROTOCOL.md §3.2.
//!
//! A name that is valid UTF-8 is a JSON string, any other `{"b64": "…"}`; the longer form for a name that had the
//! shorter one is refused, so that one name has one spelling. A blob is always a base64 string.

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Raw bytes of a name, as they are on the sender's disk.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct WireName(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
struct Encoded {
    b64: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Either {
    Text(String),
    Bytes(Encoded),
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
        match Either::deserialize(from)? {
            Either::Text(text) => Ok(Self(text.into_bytes())),
            Either::Bytes(Encoded { b64 }) => {
                let raw = BASE64.decode(b64.as_bytes()).map_err(|_| D::Error::custom("name is not base64"))?;
                match std::str::from_utf8(&raw) {
                    Ok(_) => Err(D::Error::custom("name is valid UTF-8 and must be a string")),
                    Err(_) => Ok(Self(raw)),
                }
            }
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
        BASE64.decode(text.as_bytes()).map(Self).map_err(|_| D::Error::custom("not base64"))
    }
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
}
