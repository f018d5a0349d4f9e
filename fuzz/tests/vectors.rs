//! The vectors of PROTOCOL.md that need a service or a proof; those of `wire` alone are checked there.

use landline_addr::{
    code::Code,
    path::{FileName, SharePath},
};
use landline_fuzz::vectors::{Vector, Verdict, vectors};
use landline_services::{
    admin::msg as admin,
    files::msg::{Ack, Answer, EntryMsg, Item, KindMsg, Request},
    introduce::msg::{Inviting, Joining},
};
use landline_trust::key::{Fingerprint, PublicKey};
use landline_wire::{Blob, ErrorCode, Fault, Header, Kind, Limits, WireName, decode, encode};
use serde::{Serialize, de::DeserializeOwned};

/// Checked in `crates/wire/tests/vectors.rs` and `crates/trust/tests/protocol.rs`.
const ELSEWHERE: [&str; 8] =
    ["header-known", "header-stranger", "frames", "open", "reply", "name", "blob", "introduction"];

/// What decoding and writing again gives; `None` if the bytes are refused.
fn written_again(vector: &Vector) -> Option<Vec<u8>> {
    let bytes = vector.bytes.as_slice();
    let text = || str::from_utf8(bytes).ok();
    match vector.decoder.as_str() {
        "request" => message::<Request>(bytes),
        "answer" => message::<Answer>(bytes),
        "item" => message::<Item>(bytes),
        "ack" => message::<Ack>(bytes),
        "joining" => message::<Joining>(bytes),
        "inviting" => message::<Inviting>(bytes),
        "admin-request" => message::<admin::Request>(bytes),
        "admin-answer" => message::<admin::Answer>(bytes),
        "path" => SharePath::parse(bytes).ok().map(|path| path.as_bytes().to_vec()),
        "file-name" => FileName::parse(bytes).ok().map(|name| name.as_bytes().to_vec()),
        "code" => text()?.parse::<Code>().ok().map(|code| code.to_string().into_bytes()),
        "fingerprint" => text()?.parse::<Fingerprint>().ok().map(|print| print.to_string().into_bytes()),
        "spki" => {
            let key = PublicKey::from_spki(bytes).ok()?;
            assert_eq!(key.to_string(), vector.what, "the words beside a key are its fingerprint");
            Some(key.spki().to_vec())
        }
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

fn whole_frames(stream: &[u8]) -> Option<Vec<u8>> {
    let mut rest = stream;
    while let Some((head, after)) = rest.split_first_chunk() {
        rest = after.get(Header::decode(*head, &Limits::KNOWN).ok()?.body_len()..)?;
    }
    rest.is_empty().then(|| stream.to_vec())
}

#[test]
fn each_is_decoded_written_again_or_refused_as_the_protocol_says() {
    let ours: Vec<_> = vectors().into_iter().filter(|vector| !ELSEWHERE.contains(&vector.decoder.as_str())).collect();
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

/// Each value of these must be written as its vector, and no message that landline sends may lack one.
#[test]
fn each_value_is_written_as_the_protocol_shows_it() {
    let vectors = vectors();
    let mut made = files();
    made.extend(the_others());
    for (name, frame) in &made {
        let vector = vectors.iter().find(|vector| vector.name() == *name);
        let vector = vector.unwrap_or_else(|| panic!("no vector {name}: {}", frame.escape_ascii()));
        assert_eq!(vector.bytes.escape_ascii().to_string(), frame.escape_ascii().to_string(), "{name}");
    }
    let is_message = |vector: &&Vector| vector.what.starts_with('{') && vector.verdict() == Verdict::Exact;
    let of_ours = |vector: &&Vector| !ELSEWHERE.contains(&vector.decoder.as_str());
    for vector in vectors.iter().filter(is_message).filter(of_ours) {
        assert!(made.iter().any(|(name, _)| *name == vector.name()), "{} is made by no value here", vector.name());
    }
}

fn frame<T: Serialize>(message: T) -> Vec<u8> {
    encode(&message).expect("it is short").to_vec()
}

fn name(raw: &[u8]) -> WireName {
    WireName::from(raw)
}

fn entry() -> EntryMsg {
    let (name, kind, mtime) = (name(b"hello.txt"), KindMsg::File, (1_700_000_000, 0));
    EntryMsg { name, kind, size: 6, mode: 0o644, mtime, target: None }
}

fn hash() -> String {
    blake3::hash(b"hello\n").to_hex().to_string()
}

fn fault() -> Fault {
    Fault::new(ErrorCode::WrongKind, "a link is not copied")
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let (path, hash) = (|| name(b"docs/hello.txt"), hash());
    let link = EntryMsg {
        name: name(b"l\xff"),
        kind: KindMsg::Link,
        size: 3,
        mode: 0o777,
        target: Some(name(b"/x")),
        ..entry()
    };
    let mtime = (1_700_000_000, 0);
    vec![
        ("request/list", frame(Request::List { path: name(b"") })),
        ("request/stat", frame(Request::Stat { path: path(), hash: false })),
        ("request/stat-hash", frame(Request::Stat { path: path(), hash: true })),
        ("request/get", frame(Request::Get { path: path(), exclude: vec![], totals: false })),
        ("request/get-part", frame(Request::Get { path: name(b"docs"), exclude: vec!["*.o".into()], totals: true })),
        ("request/put", frame(Request::Put {})),
        ("request/make-dir", frame(Request::MakeDir { path: name(b"docs"), parents: true })),
        ("request/move", frame(Request::Move { from: path(), to: name(b"h\xff"), replace: false })),
        ("request/remove", frame(Request::Remove { path: name(b"docs"), recursive: true })),
        ("answer/error", frame(Answer::Error(Fault::new(ErrorCode::NotFound, "docs: not found")))),
        ("answer/done", frame(Answer::Done {})),
        ("answer/working", frame(Answer::Working {})),
        ("answer/entries", frame(Answer::Entries { entries: vec![entry(), link], more: false })),
        ("answer/entry", frame(Answer::Entry { entry: entry(), hash: None })),
        ("answer/entry-hash", frame(Answer::Entry { entry: entry(), hash: Some(hash.clone()) })),
        ("item/error", frame(Item::Error(Fault::new(ErrorCode::NotFound, "docs: not found")))),
        ("item/totals", frame(Item::Totals { files: 1, bytes: 6 })),
        ("item/dir", frame(Item::Dir { path: name(b"docs") })),
        ("item/dir-end", frame(Item::DirEnd { path: name(b"docs"), mode: 0o755, mtime })),
        ("item/file", frame(Item::File { path: path(), size: 6, mode: 0o644, mtime })),
        ("item/file-old", frame(Item::File { path: path(), size: 0, mode: 0o600, mtime: (-1, 999_999_999) })),
        ("item/end", frame(Item::End { size: 6, hash })),
        ("item/broken", frame(Item::Broken(Fault::new(ErrorCode::Changed, "it changed while it was read")))),
        ("item/skip", frame(Item::Skip { path: name(b"docs/link"), fault: fault() })),
        ("item/working", frame(Item::Working { load: None })),
        ("item/finish", frame(Item::Finish {})),
        ("ack/error", frame(Ack::Error(Fault::new(ErrorCode::BadRequest, "data came out of turn in a copy stream")))),
        ("ack/kept", frame(Ack::Kept { below: 1 })),
        ("ack/failed", frame(Ack::Failed { file: 0, fault: Fault::new(ErrorCode::NoSpace, "the disk is full") })),
        ("ack/dir-failed", frame(Ack::DirFailed { path: name(b"docs"), fault: fault() })),
        ("ack/working", frame(Ack::Working {})),
        ("ack/done", frame(Ack::Done { files: 1, bytes: 6, failed: 0 })),
    ]
}

fn the_others() -> Vec<(&'static str, Vec<u8>)> {
    let step = |byte, len| Blob(vec![byte; len]);
    let print = || PublicKey::from_bytes([1; 32]).fingerprint().to_string();
    let address = || vec!["tcp://192.0.2.7:5463".to_owned()];
    let status = admin::Status {
        pid: 4711,
        listen: vec!["tcp://*:5463".to_owned()],
        reachable: address(),
        share: "/srv/share".to_owned(),
        read_only: false,
        calls: 1,
        open_codes: vec![7],
    };
    let invitation = admin::Invitation {
        code: "7-cross-clock".to_owned(),
        expires_in: 600,
        addresses: address(),
        fingerprint: print(),
    };
    let unknown = Fault::new(ErrorCode::NotFound, "no enrolled key has that fingerprint");
    vec![
        ("joining/introduce", frame(Joining::Introduce { number: 7 })),
        ("joining/confirm", frame(Joining::Confirm { step: step(2, 320), label: "laptop".to_owned() })),
        ("inviting/blinded", frame(Inviting::Blinded { step: step(1, 96) })),
        ("inviting/confirmed", frame(Inviting::Confirmed { step: step(3, 64), label: "desk".to_owned() })),
        ("inviting/no-match", frame(Inviting::Error(Fault::new(ErrorCode::NoMatch, "")))),
        ("inviting/refused", frame(Inviting::Error(Fault::stranger()))),
        ("admin-request/invite", frame(admin::Request::Invite { seconds: 600 })),
        ("admin-request/revoke", frame(admin::Request::Revoke { fingerprint: print() })),
        ("admin-request/status", frame(admin::Request::Status {})),
        ("admin-answer/error", frame(admin::Answer::Error(unknown))),
        ("admin-answer/invitation", frame(admin::Answer::Invitation(invitation))),
        ("admin-answer/revoked", frame(admin::Answer::Revoked(admin::Revoked { fingerprint: print(), cut: 2 }))),
        ("admin-answer/status", frame(admin::Answer::Status(status))),
    ]
}
