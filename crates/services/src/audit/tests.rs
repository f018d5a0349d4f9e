use std::{borrow::Cow, net::SocketAddr};

use landline_net::peer::Origin;
use landline_trust::key::PublicKey;
use serde_json::{Value, json};

use super::*;

/// What was put, for a test to read.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Vec<u8>>>>);

impl Sink for Lines {
    fn put(&self, line: Vec<u8>) {
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self, _patience: Duration) {}
}

impl Lines {
    /// Each without its time, which must be one.
    fn take(&self) -> Vec<Value> {
        let lines = std::mem::take(&mut *self.0.lock().unwrap());
        let read = |line: Vec<u8>| {
            assert!(!line.contains(&b'\n'));
            let mut value: Value = serde_json::from_slice(&line).unwrap();
            let time = value.as_object_mut().unwrap().remove("time").unwrap();
            assert_eq!(time.as_str().unwrap().len(), "2026-11-21T03:00:00.123Z".len(), "{time}");
            value
        };
        lines.into_iter().map(read).collect()
    }
}

fn kept() -> (Lines, Audit) {
    let lines = Lines::default();
    (lines.clone(), Audit::to(lines))
}

fn parting(end: End) -> Parting {
    Parting {
        number: 3,
        peer: Some(Peer::Key(PublicKey::from_bytes([1; 32]))),
        origin: Origin::Tcp(SocketAddr::from(([192, 0, 2, 7], 40000))),
        user: "friends".to_owned(),
        label: "lap\u{1b}[2Jtop\n".to_owned(),
        service: "files".to_owned(),
        begun: SystemTime::UNIX_EPOCH,
        lasted: Duration::from_micros(1_234_567),
        received: 10,
        sent: 20,
        end,
    }
}

#[test]
fn a_call_is_told_whole_and_hostile_text_is_harmless() {
    let (lines, audit) = kept();
    audit.parted(&parting(End::Lost("the line was cut".to_owned())));
    let raw = String::from_utf8(lines.0.lock().unwrap()[0].clone()).unwrap();
    assert!(!raw.contains(['\u{1b}', '\n']), "{raw}");
    assert!(raw.starts_with("{\"time\":\""), "{raw}");
    let told = lines.take();
    let expected = json!({
        "event": "call", "call": 3, "user": "friends", "label": "lap\u{1b}[2Jtop\n",
        "fingerprint": "7jws-6afn-vyze-nfed-5ipb-n6nj-2j5f-7a7m", "from": "192.0.2.7:40000", "service": "files",
        "begun": "1970-01-01T00:00:00.000Z", "seconds": 1.235, "bytes_in": 10, "bytes_out": 20, "outcome": "lost",
        "text": "the line was cut",
    });
    assert_eq!(told, [expected]);
}

#[test]
fn a_flood_of_refusals_is_summed_up_and_drowns_no_call() {
    let (lines, audit) = kept();
    for _ in 0..100 {
        audit.parted(&parting(End::Refused(Cow::Borrowed("not known here"))));
    }
    audit.parted(&parting(End::Well));
    audit.close(0, Duration::ZERO);
    let told = lines.take();
    let sorts: Vec<&str> = told.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(sorts, [&["refused"; 20][..], &["call", "refused-more", "stop"]].concat());
    assert_eq!(told[21], json!({"event": "refused-more", "left_out": 80}));
    assert_eq!(told[0]["text"], "not known here");
}

#[test]
fn a_request_has_its_paths_in_the_form_of_names_and_what_it_moved() {
    let (lines, audit) = kept();
    let who = || Who { call: 1, user: "friends".to_owned(), label: None, fingerprint: None };
    audit.note(&Event::Request(Request {
        who: who(),
        request: "put",
        home: false,
        paths: vec![WireName(b"a\xff".to_vec())],
        more: 0,
        to: None,
        moved: Some(Moved { files: 1, bytes: 6, failed: 0 }),
        outcome: Outcome::done(),
    }));
    audit.note(&Event::Request(Request {
        who: who(),
        request: "mv",
        home: false,
        paths: vec![WireName(b"a".to_vec())],
        more: 0,
        to: Some(WireName(b"b".to_vec())),
        moved: None,
        outcome: Outcome::failed(ErrorCode::NotFound, "a: not found"),
    }));
    let told = lines.take();
    let put = json!({
        "event": "request", "call": 1, "user": "friends", "fingerprint": null, "request": "put",
        "paths": [{"b64": "Yf8="}], "files": 1, "bytes": 6, "failed": 0, "outcome": "done",
    });
    assert_eq!(told[0], put);
    assert_eq!((&told[1]["to"], &told[1]["outcome"]), (&json!("b"), &json!("not-found")));
    assert!(told[1].get("files").is_none());
}

#[test]
fn without_a_log_nothing_is_noted() {
    let audit = Audit::default();
    audit.parted(&parting(End::Well));
    audit.close(0, Duration::ZERO);
}
