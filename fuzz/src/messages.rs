//! Targets of the messages of every service, and of what else a peer may say inside them.

use std::fmt::Debug;

use landline_services::{
    admin::msg as admin,
    files::{
        filter::{Filter, MAX_PATTERN_LEN, MAX_PATTERNS, MAX_PATTERNS_LEN},
        msg::{Ack, Answer, Item, LaneAck, LaneItem, Request},
        tree::Entry,
    },
    introduce::msg::{Inviting, Joining, MAX_LABEL, label},
    login::msg as login,
    rekey::msg as rekey,
};
use landline_trust::{
    key::PublicKey,
    rotation::Chain,
    stretch::{Cost, MOST_MEMORY_KIB},
};
use landline_wire::{Header, Open, Reply, decode, encode, limits::MAX_MESSAGE};
use serde::{Serialize, de::DeserializeOwned};

use crate::wire::assert_harmless;

/// Paths that a pattern is tried on: enough to enter every arm of the matcher, few enough to stay quick.
const TRIED: [&[u8]; 6] =
    [b"a", b"a/b/c.o", b"target", b"x/\xff\xfe", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", b".hidden/-"];

/// Any message. Invariants: one that can be read can be written, reads back as the same value, and is then written as the
/// same bytes; why one can't be read is said in harmless words that repeat nothing of it.
fn message<T: Serialize + DeserializeOwned + PartialEq + Debug>(data: &[u8]) -> Option<T> {
    if data.len() > MAX_MESSAGE {
        return None; // no frame brings it here
    }
    let value = match decode::<T>(data) {
        Ok(value) => value,
        Err(fault) => {
            let said = fault.to_string();
            assert!(said.is_ascii() && said.len() < 100, "{said}");
            return None;
        }
    };
    // Defaults that were left out are written, so a message at the limit may grow above it.
    let frame = encode(&value).ok()?;
    let body = frame.get(Header::SIZE..).expect("a frame has a header");
    let again: T = decode(body).expect("what is written can be read");
    assert_eq!(again, value);
    assert_eq!(encode(&again).expect("it was written before"), frame, "one value, one way to write it");
    Some(value)
}

/// The opening message.
pub fn opens(data: &[u8]) {
    drop(message::<Open>(data));
}

/// The plain answer.
pub fn replies(data: &[u8]) {
    drop(message::<Reply>(data));
}

/// What the files service is asked.
pub fn requests(data: &[u8]) {
    drop(message::<Request>(data));
}

/// What the files service answers; an entry of a listing survives being taken in.
pub fn answers(data: &[u8]) {
    let said = match message::<Answer>(data) {
        Some(Answer::Entries { entries, .. }) => entries,
        Some(Answer::Entry { entry, .. }) => vec![entry],
        Some(Answer::Error(_) | Answer::Done {} | Answer::Working {} | Answer::Space(_)) | None => return,
    };
    for said in said {
        let taken = Entry::from(said);
        assert!(taken.mtime.nanos() < 1_000_000_000);
        assert_eq!(Entry::from(landline_services::files::msg::EntryMsg::from(&taken)), taken);
    }
}

/// What the sender of a copy stream says.
pub fn items(data: &[u8]) {
    drop(message::<Item>(data));
}

/// What the receiver of a copy stream says.
pub fn acks(data: &[u8]) {
    drop(message::<Ack>(data));
}

/// What the sender of a stream says on a lane.
pub fn lane_items(data: &[u8]) {
    let _ = message::<LaneItem>(data);
}

/// What the receiver of a stream says on a lane.
pub fn lane_acks(data: &[u8]) {
    let _ = message::<LaneAck>(data);
}

/// What a joiner says.
pub fn joinings(data: &[u8]) {
    drop(message::<Joining>(data));
}

/// What an inviter says.
pub fn invitings(data: &[u8]) {
    drop(message::<Inviting>(data));
}

/// What a machine calls itself: short, without control characters, and taken in twice it stays the same.
pub fn labels(data: &[u8]) {
    let Ok(said) = str::from_utf8(data) else { return };
    let kept = label(said);
    assert!(kept.chars().count() <= MAX_LABEL && !kept.chars().any(char::is_control), "{kept:?}");
    assert_eq!(kept.trim(), kept);
    assert_eq!(label(&kept), kept);
}

/// What the owner's service is asked.
pub fn admin_requests(data: &[u8]) {
    drop(message::<admin::Request>(data));
}

/// What the owner's service answers.
pub fn admin_answers(data: &[u8]) {
    drop(message::<admin::Answer>(data));
}

/// What is said when a key has changed. Invariant: keys are of one length, and few.
pub fn rekey_requests(data: &[u8]) {
    match message::<rekey::Request>(data) {
        Some(rekey::Request::Follow { keys }) => {
            let read = rekey::keys(&keys);
            assert!(read.is_none_or(|read| read.len() == keys.len() && read.len() <= rekey::MOST_KEYS));
        }
        Some(rekey::Request::Moved { chain }) => {
            let nobody = PublicKey::from_bytes([0; 32]);
            assert!(Chain::decode(&rekey::bytes(&chain), &nobody).is_err());
        }
        None => {}
    }
}

/// What is answered to it.
pub fn rekey_answers(data: &[u8]) {
    drop(message::<rekey::Answer>(data));
}

/// From who wants to be let in.
pub fn login_calls(data: &[u8]) {
    drop(message::<login::Request>(data));
}

/// From a server that lets in. Invariant: a cost that is read is one that a client may bear.
pub fn login_replies(data: &[u8]) {
    if let Some(login::Answer::Challenge { cost, .. }) = message::<login::Answer>(data)
        && let Ok(cost) = Cost::from_bytes(&cost.0)
    {
        assert!(cost.memory_kib() <= MOST_MEMORY_KIB && cost.passes() > 0);
    }
}

/// Patterns of names, one a line. Invariants: what is above the limits is refused; the rest is compiled or refused in
/// harmless words; a pattern that is compiled matches or not, and never panics.
pub fn patterns(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let patterns: Vec<String> = text.lines().map(str::to_owned).collect();
    let too_much = patterns.len() > MAX_PATTERNS
        || patterns.iter().any(|pattern| pattern.len() > MAX_PATTERN_LEN)
        || patterns.iter().map(String::len).sum::<usize>() > MAX_PATTERNS_LEN;
    match Filter::new(&patterns) {
        Ok(filter) => {
            assert!(!too_much);
            assert_eq!(filter.patterns(), patterns);
            for path in TRIED {
                let once = filter.excludes(path);
                assert_eq!(filter.excludes(path), once);
            }
        }
        Err(fault) => assert_harmless(&fault.to_string()),
    }
}
