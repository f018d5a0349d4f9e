//! A stranger learns nothing from a refusal: not from its bytes, not from its time.

use std::time::{Duration, Instant};

use landline_net::ServerLimits;
use landline_wire::{Fault, Limits, Reply};
use tokio::io::AsyncWriteExt as _;

use crate::{
    house::{ALICE, House, MALLORY, calm, echoes},
    raw,
};

/// When every refusal is sent.
const REFUSAL: Duration = Duration::from_millis(300);

/// What came back of a stranger's words.
#[derive(Debug)]
struct Heard {
    /// Inside TLS.
    answer: Vec<u8>,
    /// On the wire, handshake and all.
    received: usize,
    /// From before it connected.
    after: Duration,
}

async fn heard_by(seed: u8, house: &House, said: &[u8]) -> Heard {
    let start = Instant::now();
    let mut line = raw::tls_as(seed, house.address()).await;
    line.write_all(said).await.unwrap();
    let answer = raw::rest_of(&mut line).await;
    Heard { answer, received: line.get_ref().0.received, after: start.elapsed() }
}

fn message(text: &str) -> Vec<u8> {
    raw::frame(1, text.as_bytes())
}

/// Everything a stranger may try, by name.
fn attempts() -> Vec<(&'static str, Vec<u8>)> {
    let nested = format!(r#"{{"open":{}{}}}"#, "[".repeat(1000), "]".repeat(1000));
    let too_long = raw::frame(1, &vec![b' '; Limits::STRANGER.message + 1]);
    vec![
        ("an unknown key", raw::opening("echo")),
        ("an unknown service", raw::opening("no-such-service")),
        ("a service without a name", raw::opening("")),
        ("no JSON", message("open sesame")),
        ("other JSON", message(r#"{"close":{}}"#)),
        ("a list", message("[1]")),
        ("a field that is missing", message(r#"{"open":{"landline":1}}"#)),
        ("a service that is a number", message(r#"{"open":{"landline":1,"service":7}}"#)),
        ("two messages in one", message(r#"{"open":{"landline":1,"service":"echo"}} {}"#)),
        ("no UTF-8", raw::frame(1, b"\xff\xfe\xfd")),
        ("nested JSON", message(&nested)),
        ("an empty message", message("")),
        ("a message that is too long", too_long),
        ("a length that is too long", vec![0x01, 0xff, 0xff, 0xff]),
        ("another version", message(r#"{"open":{"landline":2,"service":"echo"}}"#)),
        ("version zero", message(r#"{"open":{"landline":0,"service":"echo"}}"#)),
        ("a frame of an unknown kind", raw::frame(0x80, b"?")),
        ("a frame of kind zero", raw::frame(0x00, b"")),
        ("data first", raw::frame(0x02, b"bytes")),
        ("empty data first", raw::frame(0x02, b"")),
        ("something ignorable first", [raw::frame(0x40, b"?"), raw::opening("echo")].concat()),
    ]
}

#[tokio::test]
async fn every_refusal_is_alike_in_bytes_inside_and_on_the_wire_and_none_comes_early() {
    let house = &House::open(ServerLimits { refusal: REFUSAL, ..calm() }).await;
    let expected = landline_wire::encode(&Reply::Error(Fault::stranger())).unwrap();
    let mut trying = tokio::task::JoinSet::new();
    for (what, said) in attempts() {
        let address = house.address();
        trying.spawn(async move {
            let start = Instant::now();
            let mut line = raw::tls_as(MALLORY, address).await;
            line.write_all(&said).await.unwrap();
            let answer = raw::rest_of(&mut line).await;
            (what, Heard { answer, received: line.get_ref().0.received, after: start.elapsed() })
        });
    }
    let heard = trying.join_all().await;
    let wire = heard[0].1.received;
    for (what, heard) in heard {
        assert_eq!(heard.answer, expected, "{what}");
        assert_eq!(heard.received, wire, "{what}");
        assert!(heard.after >= REFUSAL, "{what} after {:?}", heard.after);
    }
}

#[tokio::test]
async fn a_stranger_that_waits_with_its_words_does_not_see_how_long_they_were_judged() {
    let house = House::open(ServerLimits { refusal: REFUSAL, ..calm() }).await;
    let connected = Instant::now();
    let mut line = raw::tls_as(MALLORY, house.address()).await;
    let mut clock = house.call(ALICE, "echo").await.unwrap();
    while connected.elapsed() < REFUSAL {
        echoes(&mut clock).await;
    }
    let start = Instant::now();
    line.write_all(&raw::opening("echo")).await.unwrap();
    assert_ne!(raw::rest_of(&mut line).await, b"");
    assert!(start.elapsed() >= REFUSAL, "after {:?}", start.elapsed());
}

#[tokio::test]
async fn a_known_key_that_breaks_the_protocol_in_its_first_words_may_hear_why() {
    let house = House::open(ServerLimits { refusal: REFUSAL, ..calm() }).await;
    for said in [message("open sesame"), raw::opening("no-such-service")] {
        let heard = heard_by(ALICE, &house, &said).await;
        let text = String::from_utf8_lossy(&heard.answer).into_owned();
        assert!(text.contains(r#""code":"unsupported""#), "{text}");
    }
}

#[tokio::test]
async fn an_introduction_that_failed_is_told_no_earlier_than_any_refusal() {
    let house = House::open(ServerLimits { refusal: REFUSAL, ..calm() }).await;
    let said = [raw::opening("meet"), message(r#"{"code":{}}"#)].concat();
    let heard = heard_by(MALLORY, &house, &said).await;
    assert!(heard.answer.ends_with(br#"{"error":{"code":"no-match"}}"#), "{:?}", heard.answer);
    assert!(heard.after >= REFUSAL, "after {:?}", heard.after);
}

#[tokio::test]
async fn an_introduction_has_the_limits_of_a_stranger() {
    let house = House::open(ServerLimits { refusal: REFUSAL, ..calm() }).await;
    let refusal = landline_wire::encode(&Reply::Error(Fault::stranger())).unwrap();
    for said in [raw::frame(2, b"data"), raw::frame(1, &vec![b' '; Limits::STRANGER.message + 1])] {
        let heard = heard_by(MALLORY, &house, &[raw::opening("meet"), said].concat()).await;
        assert_eq!(heard.answer, refusal);
        assert!(heard.after >= REFUSAL, "after {:?}", heard.after);
    }
}

#[tokio::test]
async fn a_stranger_that_leaves_without_a_word_hears_none() {
    let mut house = House::open(calm()).await;
    for said in [&b""[..], b"\x01", b"\x01\x00\x00\x09{"] {
        let mut line = raw::tls_as(MALLORY, house.address()).await;
        line.write_all(said).await.unwrap();
        line.shutdown().await.unwrap();
        assert_eq!(raw::rest_of(&mut line).await, b"");
    }
    assert_eq!(house.heard(), []);
}
