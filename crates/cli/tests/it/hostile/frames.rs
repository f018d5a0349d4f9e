//! Broken and senseless frames to a server.

use std::net::Ipv4Addr;

use landline_services::files::records::Put;
use landline_testkit::{Machine, Serving};
use serde_json::{Value, json};

use super::{MOST_MEMORY, all_below, office};
use crate::raw::records::{dir, dir_end, end, file, group, records, whole};
use crate::raw::{Raw, data, frame, identity_of, message, nobody, opening, peak_memory, refusal};
use crate::scene::STAGING;

fn put() -> Vec<u8> {
    message(r#"{"put":{}}"#)
}

fn item(name: &str) -> Vec<u8> {
    message(format!(r#"{{"{name}":{{}}}}"#))
}

fn broken(number: u64) -> Vec<u8> {
    message(format!(r#"{{"broken":{{"file":{number},"fault":{{"code":"changed"}}}}}}"#))
}

/// Records, by their bytes.
fn bytes(payload: &[u8]) -> Vec<u8> {
    frame(4, payload)
}

/// A zstd frame with all of `bytes` as they are: RFC 8878 §3.1.1.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(bytes.len()).unwrap();
    let [a, b, c, _] = (u32::from(len) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, len, a, b, c], bytes].concat()
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
        ("a reserved kind", frame(5, b"x")),
        ("records above the limit", vec![4, 16, 0, 1]),
        ("records before a request", records(&[dir("d")])),
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
    let request = message(r#"{"list":{"path":""}}"#);
    for cut in 1..request.len() {
        let answers = heard_after_goodbye(&desk, &laptop, &[request[..cut].to_vec()]);
        assert!(answers.is_empty(), "cut at {cut}: {answers:?}");
    }
    let told = records(&[file("f", 6)]);
    let by_groups = [put(), told.clone(), records(&[group(0, 0)]), data("hello\n")].concat();
    let at_once = [put(), told, records(&[whole(0, b"hello\n")])].concat();
    for (stream, most) in [(&by_groups, by_groups.len()), (&at_once, at_once.len() - 1)] {
        for cut in [1, 14, most - 30, most - 8, most - 1, most] {
            let answers = heard_after_goodbye(&desk, &laptop, &[stream[..cut].to_vec()]);
            assert!(answers.is_empty(), "cut at {cut}: {answers:?}");
        }
    }
    assert_unharmed(&desk, &laptop);
}

#[test]
fn a_copy_stream_out_of_order_ends_in_words_and_leaves_nothing() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let entry = |flags: u8, more: &[u8]| [&[3, flags][..], &[0; 22], &[0, 1, b'f'], more].concat();
    let streams: [(&str, Vec<Vec<u8>>); 33] = [
        ("data without a group", vec![data("x")]),
        ("a group of nothing told", vec![records(&[group(0, 0)]), data("x")]),
        ("data after all its group", vec![records(&[file("f", 1), group(0, 0)]), data("x"), data("x")]),
        ("records for a group", vec![records(&[file("f", 1), group(0, 0)]), records(&[dir_end()])]),
        ("a message for a group", vec![records(&[file("f", 1), group(0, 0)]), item("finish")]),
        ("a record behind a group", vec![records(&[file("f", 1), group(0, 0), dir("d")])]),
        ("a group longer than its file", vec![records(&[file("f", 1), group(0, 0)]), data("xy")]),
        ("a group shorter than its file", vec![records(&[file("f", 2), group(0, 0)]), data("x")]),
        ("a group behind its file", vec![records(&[file("f", 1), group(0, 1)]), data("x")]),
        ("a hole behind its file", vec![records(&[file("f", 1), Put::Hole { number: 0, first: 1, count: 1 }])]),
        ("a hole without end", vec![records(&[file("f", 1), Put::Hole { number: 0, first: 1, count: u64::MAX }])]),
        ("an end of nothing told", vec![records(&[end(0, 0, b"")])]),
        ("all of nothing told", vec![records(&[whole(u64::MAX, b"x")])]),
        ("broken, but not told", vec![broken(0)]),
        ("the end of all in a file", vec![records(&[file("f", 1)]), item("finish")]),
        ("the end of all in a folder", vec![records(&[dir("d")]), item("finish")]),
        ("the end of all in a folder that failed", vec![records(&[dir("..")]), item("finish")]),
        ("the end of a folder that never began", vec![records(&[dir_end()])]),
        ("far too many bytes", vec![records(&[file("..", 1)]), records(&[whole(0, b"x")])]),
        ("an unknown record", vec![bytes(&[0x0c])]),
        ("a receiver's record", vec![bytes(&[&[0x25][..], &[0; 12]].concat())]),
        ("half a record", vec![bytes(&[0x01, 0, 2, b'd'])]),
        ("an unknown flag", vec![bytes(&entry(64, b""))]),
        ("a flag without its field", vec![bytes(&entry(4, &[0; 15]))]),
        ("too many attributes", vec![bytes(&entry(16, &[65]))]),
        ("all of too large a file", vec![bytes(&[&[6][..], &[0; 40], &[0, 8, 0, 1]].concat())]),
        (
            "packed in packed",
            vec![records(&[Put::Packed {
                inflated: 14,
                bytes: &zstd(&[&[0x0b, 0, 0, 0, 0][..], &zstd(b"")].concat()),
            }])],
        ),
        ("packed that is not", vec![records(&[Put::Packed { inflated: 4, bytes: b"abcd" }])]),
        ("packed that is longer", vec![records(&[Put::Packed { inflated: 1, bytes: &zstd(b"\x01\0\x01d") }])]),
        ("packed beyond a frame", vec![records(&[Put::Packed { inflated: (1 << 20) + 1, bytes: &zstd(b"") }])]),
        ("a message that is a record now", vec![message(r#"{"dir":{"path":"d"}}"#)]),
        ("a message of a later version", vec![message(r#"{"pause":{}}"#)]),
        ("broken without a number", vec![message(r#"{"broken":{"fault":{"code":"changed"}}}"#)]),
    ];
    for (what, said) in streams {
        let answers = heard(&desk, &laptop, &[put(), said.concat()]);
        assert_eq!(last_code(&answers), "bad-request", "{what}: {answers:?}");
    }
    let no_hash = message(r#"{"put":{"if_match":"00"}}"#);
    assert_eq!(last_code(&heard(&desk, &laptop, &[no_hash])), "bad-request");
    let answers = heard(&desk, &laptop, &[put(), frame(3, b"stderr")]);
    assert_eq!(last_code(&answers), "bad-request");
    assert_unharmed(&desk, &laptop);
}

#[test]
fn who_is_still_sending_when_he_broke_the_protocol_hears_of_it_all_the_same() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let megabyte = data(vec![7; 1 << 20]);
    for broken in [data("x"), frame(0x80, b""), records(&[end(0, 0, b"")]), bytes(&[0xff]), message("no item")] {
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
    let mut said = vec![put()];
    let mut next = 0;
    let mut tell = |said: &mut Vec<Vec<u8>>, path: &str, size: u64| {
        said.push(records(&[file(path, size)]));
        next += 1;
        next - 1
    };
    for path in ["../up", "/etc/passwd", "a/../../b", ".landline-part-0123456789abcdef", "", "a//b", &"d/".repeat(200)]
    {
        tell(&mut said, path, 4);
    }
    for size in [u64::MAX, i64::MAX.cast_unsigned(), 1 << 62] {
        let number = tell(&mut said, "huge", size);
        said.push(broken(number));
    }
    let short = tell(&mut said, "short", 5);
    said.push(records(&[whole(short, b"good")]));
    let long = tell(&mut said, "long", 3);
    said.push(records(&[whole(long, b"good")]));
    let lied = tell(&mut said, "lied", 4);
    said.extend([records(&[group(lied, 0)]), data("good"), records(&[end(lied, 5, b"good")])]);
    let other = tell(&mut said, "other", 4);
    let hash = *blake3::hash(b"good").as_bytes();
    said.push(records(&[Put::Whole { number: other, hash, bytes: b"evil" }]));
    let grouped = tell(&mut said, "grouped", 4);
    said.extend([records(&[group(grouped, 0)]), data("evil"), records(&[end(grouped, 4, b"good")])]);
    let missing = tell(&mut said, "missing", (1 << 20) + 4);
    said.extend([records(&[group(missing, 1)]), data("good"), records(&[end(missing, (1 << 20) + 4, b"good")])]);
    let nothing = tell(&mut said, "nothing", 4);
    said.push(records(&[end(nothing, 4, b"good")]));
    let good = tell(&mut said, "good", 4);
    said.extend([records(&[whole(good, b"good")]), item("finish")]);
    let answers = heard_after_goodbye(&desk, &laptop, &said);
    let failed: Vec<_> = answers.iter().filter_map(|answer| answer["failed"]["file"].as_u64()).collect();
    assert_eq!(failed, (0..good).collect::<Vec<_>>(), "{answers:?}");
    let done = &answers.last().unwrap()["done"];
    assert_eq!((&done["files"], &done["bytes"], &done["failed"]), (&json!(1), &json!(4), &json!(good)), "{answers:?}");
    let (parts, kept): (Vec<_>, Vec<_>) =
        all_below(&desk.machine().share()).into_iter().partition(|path| path.starts_with(STAGING));
    assert_eq!(kept, ["good"]);
    assert_eq!(parts.len(), 2, "the group that came of `missing`, and its journal: {parts:?}");
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
