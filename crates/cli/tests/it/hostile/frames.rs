//! Broken and senseless frames to a server.

use std::net::Ipv4Addr;

use landline_testkit::{Machine, Serving};
use serde_json::{Value, json};

use super::{MOST_MEMORY, all_below, office};
use crate::raw::{Raw, data, frame, identity_of, message, nobody, opening, peak_memory, refusal};

fn put() -> Vec<u8> {
    message(r#"{"put":{}}"#)
}

fn file(path: &str, size: impl std::fmt::Display) -> Vec<u8> {
    message(format!(r#"{{"file":{{"path":"{path}","size":{size},"mode":420,"mtime":[0,0]}}}}"#))
}

fn end(size: u64, hash: &str) -> Vec<u8> {
    message(format!(r#"{{"end":{{"size":{size},"hash":"{hash}"}}}}"#))
}

fn item(name: &str) -> Vec<u8> {
    match name {
        "dir" => message(r#"{"dir":{"path":"d"}}"#),
        "broken" => message(r#"{"broken":{"code":"changed"}}"#),
        name => message(format!(r#"{{"{name}":{{}}}}"#)),
    }
}

/// What one friend gone bad heard, up to the end of the call, which is the server's to make.
fn heard(desk: &Serving, laptop: &Machine, said: &[Vec<u8>]) -> Vec<Value> {
    let mut line = Raw::open(desk.addr(), &identity_of(laptop), "files");
    line.say(said.concat());
    line.hear_all()
}

/// As [`heard`], by one who ends the call himself.
fn heard_after_goodbye(desk: &Serving, laptop: &Machine, said: &[Vec<u8>]) -> Vec<Value> {
    let mut line = Raw::open(desk.addr(), &identity_of(laptop), "files");
    line.say(said.concat());
    line.goodbye();
    line.hear_all()
}

/// The code of the last answer; empty if there was none.
fn last_code(answers: &[Value]) -> String {
    answers.last().and_then(|answer| answer["error"]["code"].as_str()).unwrap_or_default().to_owned()
}

/// Still there, still right, still small.
fn assert_unharmed(desk: &Serving, laptop: &Machine) {
    laptop.cmd(["ls", "desk:"]).succeeds().stdout("");
    let kept = all_below(&desk.machine().share());
    assert!(kept.is_empty(), "left behind: {kept:?}");
    let peak = peak_memory(desk.pid());
    assert!(peak <= MOST_MEMORY, "{peak} bytes were used");
}

#[test]
fn a_friend_who_breaks_the_frames_is_told_so_and_cut_off() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let broken = [
        ("a message above the limit", vec![1, 1, 0, 1]),
        ("data above the limit", vec![2, 16, 0, 1]),
        ("the most that a header can declare", vec![2, 255, 255, 255]),
        ("kind 0", frame(0, b"")),
        ("a reserved kind", frame(4, b"x")),
        ("a kind of later versions", frame(0x80, b"x")),
        ("the last kind", frame(0xff, b"")),
        ("data before a request", data("x")),
        ("an empty message", frame(1, b"")),
        ("a message that is not UTF-8", frame(1, b"{\"list\":{\"path\":\"\xff\"}}")),
    ];
    for (what, bytes) in broken {
        let answers = heard_after_goodbye(&desk, &laptop, &[bytes]);
        let code = last_code(&answers);
        assert!(code == "bad-request" || code == "unsupported", "{what}: {answers:?}");
        assert_eq!(answers.len(), 1, "{what}");
    }
    assert_unharmed(&desk, &laptop);
}

#[test]
fn a_request_that_makes_no_sense_is_answered_and_the_call_goes_on() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let mut line = Raw::open(desk.addr(), &identity_of(&laptop), "files");
    let senseless = [
        "[".repeat(10_000),
        format!("{}{}", r#"{"list":{"path":"","x":"#.repeat(10_000 / 5), "}".repeat(4_000)),
        r#"{"defragment":{}}"#.to_owned(),
        r#"{"list":{}}"#.to_owned(),
        r#"{"list":{"path":7}}"#.to_owned(),
        r#"{"list":{"path":""},"stat":{"path":""}}"#.to_owned(),
        r#"{"stat":{"path":{"b64":"YQ=="}}}"#.to_owned(),
        r#"{"stat":{"path":"","hash":"yes"}}"#.to_owned(),
        "null".to_owned(),
        "\"put\"".to_owned(),
        "{}".to_owned(),
    ];
    for text in &senseless {
        line.say(message(text));
        let answer = line.hear_message().expect("it is answered");
        assert_eq!(answer["error"]["code"], "unsupported", "{} gave {answer}", &text[..text.len().min(60)]);
    }
    for path in ["..", "/etc", "a/../b", "a//b", "a/", ".", ".landline-part-0123456789abcdef", "a\\u0000b"] {
        for request in ["list", "stat", "get", "remove", "make-dir"] {
            line.say(message(format!(r#"{{"{request}":{{"path":"{path}"}}}}"#)));
            let answer = line.hear_message().expect("it is answered");
            assert_eq!(answer["error"]["code"], "bad-name", "{request} {path} gave {answer}");
        }
    }
    line.say(message(r#"{"list":{"path":""}}"#));
    assert_eq!(line.hear_message().unwrap(), json!({"entries": {"entries": [], "more": false}}));
    assert_unharmed(&desk, &laptop);
}

#[test]
fn frames_that_are_cut_off_end_the_call_without_a_word() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let whole = message(r#"{"list":{"path":""}}"#);
    for cut in 1..whole.len() {
        let answers = heard_after_goodbye(&desk, &laptop, &[whole[..cut].to_vec()]);
        assert!(answers.is_empty(), "cut at {cut}: {answers:?}");
    }
    let stream = [put(), file("f", 6), data("hello\n")].concat();
    for cut in [1, 14, stream.len() - 7, stream.len() - 1, stream.len()] {
        let answers = heard_after_goodbye(&desk, &laptop, &[stream[..cut].to_vec()]);
        assert!(answers.is_empty(), "cut at {cut}: {answers:?}");
    }
    assert_unharmed(&desk, &laptop);
}

#[test]
fn a_copy_stream_out_of_order_ends_in_words_and_leaves_nothing() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let hash = blake3::hash(b"").to_hex().to_string();
    let streams: [(&str, Vec<Vec<u8>>); 14] = [
        ("data without a file", vec![put(), data("x")]),
        ("an end without a file", vec![put(), end(0, &hash)]),
        ("broken without a file", vec![put(), item("broken")]),
        ("a file in a file", vec![put(), file("f", 1), file("g", 1)]),
        ("a folder in a file", vec![put(), file("f", 1), item("dir")]),
        ("the end of all in a file", vec![put(), file("f", 1), item("finish")]),
        ("two ends", vec![put(), file("..", 0), end(0, &hash), end(0, &hash)]),
        ("data after the end", vec![put(), file("..", 1), data("x"), end(1, &hash), data("x")]),
        ("a hash that is not hexadecimal", vec![put(), file("f", 0), end(0, &"x".repeat(64))]),
        ("a hash that is too short", vec![put(), file("f", 0), end(0, "00")]),
        ("a size below zero", vec![put(), file("f", -1)]),
        ("a size above 64 bits", vec![put(), file("f", "18446744073709551616")]),
        ("a size that is no number", vec![put(), file("f", "\"1\"")]),
        ("an item of a later version", vec![put(), message(r#"{"hole":{"bytes":4096}}"#)]),
    ];
    for (what, said) in streams {
        let answers = heard(&desk, &laptop, &said);
        assert_eq!(last_code(&answers), "bad-request", "{what}: {answers:?}");
    }
    let answers = heard(&desk, &laptop, &[put(), frame(3, b"stderr")]);
    assert_eq!(last_code(&answers), "bad-request");
    assert_unharmed(&desk, &laptop);
}

#[test]
fn who_is_still_sending_when_he_broke_the_protocol_hears_of_it_all_the_same() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let megabyte = data(vec![7; 1 << 20]);
    for broken in [data("x"), frame(0x80, b""), end(0, "00"), message("no item")] {
        let mut line = Raw::open(desk.addr(), &identity_of(&laptop), "files");
        line.say([put(), broken].concat());
        line.say(megabyte.repeat(8));
        assert_eq!(last_code(&line.hear_all()), "bad-request");
    }
    assert_unharmed(&desk, &laptop);
}

#[test]
fn a_file_that_can_not_be_kept_is_reported_and_the_next_is_not_disturbed() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let good = blake3::hash(b"good").to_hex().to_string();
    let mut said = vec![put()];
    for path in ["../up", "/etc/passwd", "a/../../b", ".landline-part-0123456789abcdef", "", "a//b", &"d/".repeat(200)]
    {
        said.extend([file(path, 4), data("evil"), end(4, &good)]);
    }
    for size in [u64::MAX, i64::MAX.cast_unsigned(), 1 << 62] {
        said.extend([file("huge", size), data("good"), item("broken")]);
    }
    said.extend([file("short", 5), data("good"), end(4, &good)]);
    said.extend([file("long", 3), data("good"), end(4, &good)]);
    said.extend([file("lied", 4), data("good"), end(5, &good)]);
    said.extend([file("other", 4), data("evil"), end(4, &good)]);
    said.extend([file("good", 4), data("good"), end(4, &good), item("finish")]);
    let answers = heard_after_goodbye(&desk, &laptop, &said);
    let failed = answers.iter().filter(|answer| answer["failed"].is_object()).count();
    assert_eq!(failed, 14, "{answers:?}");
    assert_eq!(*answers.last().unwrap(), json!({"done": {"files": 1, "bytes": 4, "failed": 14}}));
    assert_eq!(all_below(&desk.machine().share()), ["good"]);
    laptop.cmd(["cat", "desk:good"]).succeeds().stdout("good");
    assert!(peak_memory(desk.pid()) <= MOST_MEMORY);
}

#[test]
fn a_stranger_hears_the_same_bytes_whatever_he_sends_and_never_at_once() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let sent = [
        ("the files", opening("files")),
        ("the owner's service", opening("admin")),
        ("a service that is not there", opening("teapot")),
        ("another version", message(r#"{"open":{"landline":2,"service":"files"}}"#)),
        ("no opening", message(r#"{"list":{"path":""}}"#)),
        ("no JSON", message("hello?")),
        ("deep JSON", message("[".repeat(4096))),
        ("a message above a stranger's limit", frame(1, &[b' '; 4097])),
        ("data", data("x")),
        ("an unknown kind", frame(0x80, b"")),
        ("a long ignorable frame", frame(0x40, &[0; 5000])),
        ("an introduction without a number", [opening("introduce"), message(r#"{"introduce":{}}"#)].concat()),
    ];
    // Side by side, each from an address of its own: nobody is slowed for what another did.
    std::thread::scope(|scope| {
        for (place, (what, bytes)) in sent.iter().enumerate() {
            let desk = &desk;
            scope.spawn(move || {
                let from = Ipv4Addr::new(127, 0, 1, u8::try_from(place).unwrap());
                let began = std::time::Instant::now();
                let mut line = Raw::dial_from(from, desk.addr(), &nobody(9));
                line.say(bytes);
                let answer = line.rest();
                assert_eq!(answer, refusal(), "{what}: {}", answer.escape_ascii());
                assert!(began.elapsed().as_secs() >= 1, "{what}: {:?} is too soon", began.elapsed());
            });
        }
    });
    assert_unharmed(&desk, &laptop);
}

#[test]
fn a_friend_may_hear_why_a_service_is_closed_to_him() {
    let office = office();
    let (desk, laptop) = office.introduced();
    for (service, code) in [("admin", "refused"), ("teapot", "unsupported"), ("", "refused")] {
        let mut line = Raw::open(desk.addr(), &identity_of(&laptop), service);
        let answer = line.hear_message().expect("it is answered");
        assert_eq!(answer["error"]["code"], code, "{service:?}: {answer}");
        assert!(answer["error"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    }
}
