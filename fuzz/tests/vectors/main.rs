//! The vectors of PROTOCOL.md that need a service or a proof; those of `wire` alone are checked there.

use landline_addr::{
    code::Code,
    path::{FileName, SharePath},
};
use landline_fuzz::vectors::{Vector, Verdict, vectors};
use landline_services::{
    admin::msg as admin,
    files::{
        msg::{Ack, Answer, Item, LaneAck, LaneItem, Request},
        records::{Put, RecordError, Say},
        verify::Seen,
    },
    introduce::msg::{Inviting, Joining},
    login::msg as login,
    rekey::msg as rekey,
};
use landline_trust::{
    challenge::Scheme,
    export::Export,
    key::{Fingerprint, PublicKey},
    rotation::Statement,
    stretch::{Cost, Password},
};
use landline_wire::{Header, Kind, Limits, decode, encode};
use serde::{Serialize, de::DeserializeOwned};

mod challenge;
mod files;
mod others;
mod records;
mod users;

/// Checked in `crates/wire/tests/vectors.rs`, and in `protocol.rs`, `challenge.rs` and `kept.rs` of `crates/trust/tests`;
/// those of §10, `framing-…`, all in `crates/wire/tests/framings.rs`.
const ELSEWHERE: [&str; 10] = [
    "header-known",
    "header-stranger",
    "frames",
    "open",
    "reply",
    "name",
    "blob",
    "introduction",
    "challenge",
    "password",
];

fn is_elsewhere(vector: &Vector) -> bool {
    ELSEWHERE.contains(&vector.decoder.as_str()) || vector.decoder.starts_with("framing-")
}

/// What decoding and writing again gives; `None` if the bytes are refused.
fn written_again(vector: &Vector) -> Option<Vec<u8>> {
    let bytes = vector.bytes.as_slice();
    let text = || str::from_utf8(bytes).ok();
    match vector.decoder.as_str() {
        "request" => message::<Request>(bytes),
        "answer" => message::<Answer>(bytes),
        "item" => message::<Item>(bytes),
        "ack" => message::<Ack>(bytes),
        "lane-item" => message::<LaneItem>(bytes),
        "lane-ack" => message::<LaneAck>(bytes),
        "put" => written(bytes, Put::take, Put::write),
        "say" => written(bytes, Say::take, Say::write),
        "seen" => written(bytes, Seen::take, Seen::write),
        "joining" => message::<Joining>(bytes),
        "inviting" => message::<Inviting>(bytes),
        "login-request" => message::<login::Request>(bytes),
        "login-answer" => message::<login::Answer>(bytes),
        "admin-request" => message::<admin::Request>(bytes),
        "admin-answer" => message::<admin::Answer>(bytes),
        "rekey-request" => message::<rekey::Request>(bytes),
        "rekey-answer" => message::<rekey::Answer>(bytes),
        "path" => SharePath::parse(bytes).ok().map(|path| path.as_bytes().to_vec()),
        "file-name" => FileName::parse(bytes).ok().map(|name| name.as_bytes().to_vec()),
        "code" => text()?.parse::<Code>().ok().map(|code| code.to_string().into_bytes()),
        "fingerprint" => text()?.parse::<Fingerprint>().ok().map(|print| print.to_string().into_bytes()),
        "spki" => {
            let key = PublicKey::from_spki(bytes).ok()?;
            assert_eq!(key.to_string(), vector.what, "the words beside a key are its fingerprint");
            Some(key.spki().to_vec())
        }
        "cost" => Cost::from_bytes(bytes).ok().map(|cost| cost.to_bytes().to_vec()),
        "rotation" => Statement::decode(bytes).ok().map(|statement| statement.encode().to_vec()),
        "export" => {
            let export = Export::parse(text()?).ok()?;
            export.open(&Password::new("open sesame").ok()?).ok()?;
            Some(export.to_text().into_bytes())
        }
        "challenge-md5" => challenge::one_way(Scheme::HmacMd5, bytes),
        "challenge-sha256" => challenge::one_way(Scheme::HmacSha256, bytes),
        "challenge-mutual" => challenge::mutual(None, bytes),
        "challenge-mutual-tls" => challenge::mutual(Some(&[3; 32]), bytes),
        // The whole of it is spoken in tests/conversations.rs; here only its frames are looked at.
        "conversation" => whole_frames(bytes),
        other => panic!("nothing decodes {other}"),
    }
}

fn message<T: Serialize + DeserializeOwned>(frame: &[u8]) -> Option<Vec<u8>> {
    let (head, body) = frame.split_first_chunk()?;
    let header = Header::decode(*head, &Limits::KNOWN).ok()?;
    assert_eq!((header.kind(), header.body_len()), (Kind::Message, body.len()));
    Some(encode(&decode::<T>(body).ok()?).ok()?.to_vec())
}

/// All records of a frame, taken and written again; `None` if any of them is refused.
fn written<'a, T>(
    mut frame: &'a [u8],
    take: impl Fn(&mut &'a [u8]) -> Result<Option<T>, RecordError>,
    write: impl Fn(&T, &mut Vec<u8>),
) -> Option<Vec<u8>> {
    let mut again = Vec::new();
    while let Some(record) = take(&mut frame).ok()? {
        write(&record, &mut again);
    }
    Some(again)
}

fn whole_frames(stream: &[u8]) -> Option<Vec<u8>> {
    let mut rest = stream;
    while let Some((head, after)) = rest.split_first_chunk() {
        rest = after.get(Header::decode(*head, &Limits::KNOWN).ok()?.body_len()..)?;
    }
    rest.is_empty().then(|| stream.to_vec())
}

#[test]
fn each_is_decoded_written_again_or_refused_as_the_protocol_says() {
    let ours: Vec<_> = vectors().into_iter().filter(|vector| !is_elsewhere(vector)).collect();
    assert!(ours.len() > 50, "only {} vectors were found", ours.len());
    for vector in ours {
        let again = written_again(&vector);
        match vector.verdict() {
            Verdict::Exact => assert_eq!(again.as_ref(), Some(&vector.bytes), "{}", vector.name()),
            Verdict::Accepted => assert!(again.is_some_and(|again| again != vector.bytes), "{}", vector.name()),
            Verdict::Refused => assert_eq!(again, None, "{}", vector.name()),
        }
    }
}

#[test]
fn no_two_vectors_share_a_name() {
    let mut names: Vec<_> = vectors().iter().map(Vector::name).collect();
    names.sort_unstable();
    let before = names.len();
    names.dedup();
    assert_eq!(names.len(), before);
}

/// Each value of these must be written as its vector, and no message or record that landline sends may lack one.
#[test]
fn each_value_is_written_as_the_protocol_shows_it() {
    let vectors = vectors();
    let made = [files::values(), records::values(), others::values(), users::values()].concat();
    for (name, frame) in &made {
        let vector = vectors.iter().find(|vector| vector.name() == *name);
        let vector = vector.unwrap_or_else(|| panic!("no vector {name}: {}", frame.escape_ascii()));
        assert_eq!(vector.bytes.escape_ascii().to_string(), frame.escape_ascii().to_string(), "{name}");
    }
    let has_value = |vector: &&Vector| {
        let is_record = ["put", "say", "seen"].contains(&vector.decoder.as_str());
        (is_record || vector.what.starts_with('{')) && vector.verdict() == Verdict::Exact
    };
    let of_ours = |vector: &&Vector| !is_elsewhere(vector);
    for vector in vectors.iter().filter(has_value).filter(of_ours) {
        assert!(made.iter().any(|(name, _)| *name == vector.name()), "{} is made by no value here", vector.name());
    }
}

/// A message as it stands on the line.
fn frame<T: Serialize>(message: T) -> Vec<u8> {
    encode(&message).expect("it is short").to_vec()
}

/// BLAKE3 of the file that the protocol shows.
fn hello() -> blake3::Hash {
    blake3::hash(b"hello\n")
}
