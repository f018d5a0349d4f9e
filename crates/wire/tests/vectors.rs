//! The vectors of PROTOCOL.md that need no service: headers, frames, shared messages, names.

#[path = "../../../fuzz/src/vectors.rs"]
pub mod vectors;

use bytes::BytesMut;
use landline_wire::{
    Blob, ErrorCode, Fault, Header, Kind, Limits, Open, Reply, WireName, decode, encode, limits, split_frame,
};
use serde::{Serialize, de::DeserializeOwned};
use vectors::{Vector, Verdict, vectors};

/// What decoding `bytes` and writing the result gives; `None` if they are refused or not complete.
fn written_again(vector: &Vector) -> Option<Vec<u8>> {
    let bytes = vector.bytes.as_slice();
    match vector.decoder.as_str() {
        "header-known" => header(bytes, &Limits::KNOWN),
        "header-stranger" => header(bytes, &Limits::STRANGER),
        "frames" => frames(bytes),
        "open" => message::<Open>(bytes),
        "reply" => message::<Reply>(bytes),
        "name" => in_json::<WireName>(vector, |name| name.0),
        "blob" => in_json::<Blob>(vector, |blob| blob.0),
        _ => None,
    }
}

/// Whether the vector is checked here; the others are in the tests of `landline-fuzz` and `landline-trust`.
fn is_ours(vector: &Vector) -> bool {
    ["header-known", "header-stranger", "frames", "open", "reply", "name", "blob"].contains(&vector.decoder.as_str())
}

fn header(bytes: &[u8], limits: &Limits) -> Option<Vec<u8>> {
    let header = Header::decode(bytes.try_into().ok()?, limits).ok()?;
    assert_eq!(Header::new(header.kind(), header.body_len(), limits), Ok(header));
    Some(header.encode().to_vec())
}

/// Whole frames only: one that is still incomplete at the end counts as refused.
fn frames(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut inbox, mut out) = (BytesMut::from(bytes), Vec::new());
    while let Some(frame) = split_frame(&mut inbox, &Limits::KNOWN).ok()? {
        out.extend(Header::new(frame.kind, frame.body.len(), &Limits::KNOWN).ok()?.encode());
        out.extend(frame.body);
    }
    inbox.is_empty().then_some(out)
}

fn message<T: Serialize + DeserializeOwned>(frame: &[u8]) -> Option<Vec<u8>> {
    let (head, body) = frame.split_first_chunk()?;
    let header = Header::decode(*head, &Limits::STRANGER).ok()?;
    assert_eq!((header.kind(), header.body_len()), (Kind::Message, body.len()));
    Some(encode(&decode::<T>(body).ok()?).ok()?.to_vec())
}

/// The JSON stands in words, the bytes are what it means.
fn in_json<T: Serialize + DeserializeOwned>(vector: &Vector, raw: impl Fn(T) -> Vec<u8>) -> Option<Vec<u8>> {
    let json = vector.what.split_once(": ").filter(|_| vector.verdict() != Verdict::Exact);
    let json = json.map_or(vector.what.as_str(), |(_, json)| json);
    let value: T = serde_json::from_str(json).ok()?;
    if vector.verdict() == Verdict::Exact {
        assert_eq!(serde_json::to_string(&value).expect("what was read can be written"), json);
    }
    Some(raw(value))
}

#[test]
fn each_is_decoded_written_again_or_refused_as_the_protocol_says() {
    let ours: Vec<_> = vectors().into_iter().filter(is_ours).collect();
    assert!(ours.len() > 30, "only {} vectors were found", ours.len());
    for vector in ours {
        let again = written_again(&vector);
        match (vector.verdict(), vector.decoder.as_str()) {
            (Verdict::Exact, _) | (Verdict::Accepted, "name" | "blob") => {
                assert_eq!(again.as_ref(), Some(&vector.bytes), "{}", vector.name());
            }
            (Verdict::Accepted, _) => {
                assert!(again.is_some_and(|again| again != vector.bytes), "{}", vector.name());
            }
            (Verdict::Refused, _) => assert_eq!(again, None, "{}", vector.name()),
        }
    }
}

#[test]
fn each_value_is_written_as_the_protocol_shows_it() {
    let header = |kind, len| Header::new(kind, len, &Limits::KNOWN).unwrap().encode().to_vec();
    let open = |service| encode(&Open::of(service)).unwrap().to_vec();
    let error = |code, text: &'static str| encode(&Reply::Error(Fault::new(code, text))).unwrap().to_vec();
    let made = [
        ("header-known/message-longest", header(Kind::Message, limits::MAX_MESSAGE)),
        ("header-known/data-empty", header(Kind::Data, 0)),
        ("header-known/data-longest", header(Kind::Data, limits::MAX_DATA)),
        ("header-known/stderr", header(Kind::Stderr, 1)),
        ("header-known/records", header(Kind::Records, limits::MAX_DATA)),
        ("header-known/ignorable", header(Kind::Ignorable(0x40), 3)),
        ("header-stranger/message-longest", header(Kind::Message, limits::STRANGER_MESSAGE)),
        ("open/files", open("files")),
        ("open/introduce", open("introduce")),
        ("open/files-root", open("files/root")),
        ("open/login", open("login")),
        ("open/admin", open("admin")),
        ("reply/done", encode(&Reply::Done {}).unwrap().to_vec()),
        ("reply/refused", encode(&Reply::Error(Fault::stranger())).unwrap().to_vec()),
        ("reply/no-match", error(ErrorCode::NoMatch, "")),
        ("reply/not-found", error(ErrorCode::NotFound, "a: not found")),
    ];
    let vectors = vectors();
    for (name, bytes) in made {
        let vector = vectors.iter().find(|vector| vector.name() == name).unwrap_or_else(|| panic!("no vector {name}"));
        assert_eq!((&vector.bytes, vector.verdict()), (&bytes, Verdict::Exact), "{name}");
    }
}

#[test]
fn a_message_stands_beside_its_bytes_as_json() {
    for vector in vectors().into_iter().filter(|vector| vector.what.starts_with("{\"") && vector.decoder != "name") {
        let (head, body) = vector.bytes.split_first_chunk().unwrap();
        assert_eq!(str::from_utf8(body), Ok(vector.what.as_str()), "{}", vector.name());
        let header = Header::decode(*head, &Limits::KNOWN).unwrap();
        assert_eq!((header.kind(), header.body_len()), (Kind::Message, body.len()), "{}", vector.name());
    }
}

/// The table of error codes in §4.3 names exactly the words that this crate knows.
#[test]
fn the_error_codes_are_those_of_the_table() {
    let protocol = include_str!("../../../PROTOCOL.md");
    let (_, section) = protocol.split_once("### 4.3").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let listed: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    for word in &listed {
        let code: ErrorCode = serde_json::from_value((*word).into()).unwrap();
        assert_eq!(serde_json::to_value(code).unwrap(), *word);
        assert_ne!(code, ErrorCode::Unknown, "{word}");
    }
    assert_eq!(listed.len(), 17);
}
