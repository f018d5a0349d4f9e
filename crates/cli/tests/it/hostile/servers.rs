//! A server that the client trusts by its key, and should not have: whatever it sends, nothing is written outside the
//! target, nothing acts on the screen, and the exit code tells what happened.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, symlink};

use landline_testkit::{Done, Machine, Office};
use serde_json::json;

use super::{all_below, office};
use crate::raw::{Fake, Raw, data, frame, knows, message, nobody};

const FINISH: &str = r#"{"finish":{}}"#;

fn file(path: &str, size: u64) -> Vec<u8> {
    message(json!({"file": {"path": path, "size": size, "mode": 0o644, "mtime": [0, 0]}}).to_string())
}

fn end(content: &[u8], hash_of: &[u8]) -> Vec<u8> {
    let hash = blake3::hash(hash_of).to_hex().to_string();
    message(json!({"end": {"size": content.len(), "hash": hash}}).to_string())
}

/// A whole file as a server sends it.
fn whole(path: &str, content: &[u8]) -> Vec<u8> {
    [file(path, content.len() as u64), data(content), end(content, content)].concat()
}

/// A machine of its own, to whom the fake server is `desk`, and what its command came to.
fn meets(machine: &Machine, command: &[&str], answer: Vec<u8>) -> Done {
    let fake = Fake::desk_of(machine, move |line| {
        line.say(answer);
        while line.hear().is_some() {} // its acknowledgements, up to its end
    });
    let done = machine.cmd(command).run();
    fake.ended();
    done.never_says("\u{1b}").never_says("\u{202e}")
}

/// Whatever came of a command, the machine's work folder holds this and nothing else.
fn assert_holds(machine: &Machine, expected: &[&str]) {
    assert_eq!(all_below(&machine.work()), expected, "on {}", machine.name());
}

fn machines(office: &Office) -> impl FnMut() -> Machine {
    let mut count = 0;
    move || {
        count += 1;
        office.machine(&format!("m{count}"))
    }
}

#[test]
fn paths_that_lead_out_of_the_target_are_refused() {
    let office = office();
    let mut next = machines(&office);
    let outside = office.root().join("outside");
    let absolute = outside.to_str().unwrap();
    for path in
        ["../evil", "a/../../evil", "..", absolute, "a//b", "a/", ".", ".landline-part-0123456789abcdef", "a\0b"]
    {
        let machine = next();
        let stream = [whole(path, b"evil"), message(FINISH)].concat();
        let done = meets(&machine, &["get", "desk:x", "."], stream).exits_with(5);
        let _ = done.stderr_has("error: ");
        assert_holds(&machine, &[]);
        let folder = [message(json!({"dir": {"path": path}}).to_string()), message(FINISH)].concat();
        let machine = next();
        let _ = meets(&machine, &["get", "desk:x", "."], folder).exits_with(5);
        assert_holds(&machine, &[]);
    }
    assert!(!outside.exists() && !office.root().join("evil").exists());
}

#[test]
fn links_that_lie_in_the_target_are_not_followed() {
    let office = office();
    let machine = office.machine("laptop");
    let outside = office.root().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir(machine.work().join("x")).unwrap();
    symlink(&outside, machine.work().join("x/out")).unwrap();
    symlink(outside.join("f"), machine.work().join("x/leaf")).unwrap();
    let stream = [
        whole("out/evil", b"evil"),
        message(r#"{"dir":{"path":"out/dir"}}"#),
        message(r#"{"dir":{"path":"out"}}"#),
        message(r#"{"dir-end":{"path":"out","mode":511,"mtime":[0,0]}}"#),
        whole("leaf", b"leaf"),
        message(FINISH),
    ];
    let done = meets(&machine, &["get", "desk:x", "."], stream.concat()).exits_with(3);
    let _ = done.stderr_has("out/evil");
    assert!(all_below(&outside).is_empty());
    assert_holds(&machine, &["x", "x/leaf", "x/out"]);
    assert!(!machine.work().join("x/leaf").is_symlink(), "a link is replaced as itself");
    assert_eq!(machine.read("x/leaf"), b"leaf");
}

#[test]
fn bytes_that_are_not_those_announced_are_not_kept() {
    let office = office();
    let mut next = machines(&office);
    let streams = [
        ("another hash", [file("", 4), data("evil"), end(b"evil", b"good")].concat()),
        ("too few bytes", [file("", 9), data("evil"), end(b"evil", b"evil")].concat()),
        ("a size that is not what came", [file("", 4), data("evil"), end(b"evil!", b"evil")].concat()),
    ];
    for (what, stream) in streams {
        let machine = next();
        machine.write("x", "old");
        let done = meets(&machine, &["get", "desk:x", "x"], [stream, message(FINISH)].concat());
        assert_eq!(done.code(), Some(6), "{what}: {done}");
        assert_holds(&machine, &["x"]);
        assert_eq!(machine.read("x"), b"old", "{what}");
    }
    let machine = next();
    let stream = [file("", 3), data("evil"), end(b"evil", b"evil"), message(FINISH)].concat();
    let _ = meets(&machine, &["get", "desk:x", "x"], stream).exits_with(6).stderr_has("more bytes arrived");
    assert_holds(&machine, &[]);
}

#[test]
fn data_without_end_is_hung_up_on() {
    let office = office();
    for (name, path, exit) in [("kept", "", 6), ("refused", "../x", 5)] {
        let machine = office.machine(name);
        let fake = Fake::desk_of(&machine, move |line| {
            line.say(file(path, 10));
            let megabyte = data(vec![7; 1 << 20]);
            assert!((0..1000).any(|_| !line.say(&megabyte)), "a gigabyte was taken for 10 bytes");
        });
        let done = machine.cmd(["get", "desk:x", "."]).fails_with(exit);
        let _ = done.stderr_has("far more bytes of a file came than were announced");
        fake.ended();
        assert_holds(&machine, &[]);
    }
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_from_one_that_can_not_be_reached() {
    let office = office();
    let mut next = machines(&office);
    let broken: [(&str, Vec<u8>); 10] = [
        ("an unknown kind", frame(0x80, b"")),
        ("a message above the limit", vec![1, 1, 0, 1]),
        ("data above the limit", vec![2, 16, 0, 1]),
        ("no JSON", message("hello")),
        ("deep JSON", message("[".repeat(10_000))),
        ("a size below zero", message(r#"{"file":{"path":"","size":-1,"mode":0,"mtime":[0,0]}}"#)),
        ("data without a file", data("x")),
        ("an end without a file", end(b"", b"")),
        ("an answer to another request", message(r#"{"entries":{"entries":[],"more":false}}"#)),
        ("a hash that is none", [file("", 0), message(r#"{"end":{"size":0,"hash":"00"}}"#)].concat()),
    ];
    for (what, bytes) in broken {
        let machine = next();
        let done = meets(&machine, &["get", "desk:x", "."], bytes);
        assert_eq!(done.code(), Some(70), "{what}: {done}");
        assert_holds(&machine, &[]);
    }
    for cut in [vec![], file("", 4), [file("", 4), data("ev")].concat(), file("", 4)[..7].to_vec()] {
        let machine = next();
        let fake = Fake::desk_of(&machine, move |line| {
            line.say(cut);
            line.goodbye();
        });
        let _ = machine.cmd(["get", "desk:x", "."]).fails_with(4).stderr_has("desk");
        fake.ended();
        assert_holds(&machine, &[]);
    }
}

#[test]
fn words_and_names_from_a_server_are_shown_and_not_obeyed() {
    let office = office();
    let mut next = machines(&office);
    let evil = "\u{1b}[2J\u{1b}]0;x\u{7}\u{202e}txt";
    let fault = |code: &str| message(json!({"error": {"code": code, "text": evil}}).to_string());
    for (code, exit) in
        [("not-found", 8), ("refused", 5), ("no-space", 7), ("timed-out", 10), ("later", 5), ("internal", 70)]
    {
        for command in
            [&["ls", "desk:x/"][..], &["get", "desk:x", "."], &["rm", "desk:x"], &["put", "/dev/null", "desk:"]]
        {
            let done = meets(&next(), command, fault(code));
            let found = done.code();
            // A put of a device skips it; what it meets is the fault all the same.
            assert_eq!(found, Some(exit), "{command:?} {code}: {done}");
            let _ = done.stderr_has("\\u{1b}[2J");
        }
    }
    let entry = |name: &str| json!({"name": name, "kind": "file", "size": 1, "mode": 0o7777, "mtime": [i64::MIN, 0]});
    let link = json!({"name": "l", "kind": "link", "size": 1, "mode": 0, "mtime": [0, u32::MAX], "target": evil});
    let listing =
        message(json!({"entries": {"entries": [entry(evil), link, entry("../x")], "more": false}}).to_string());
    for command in [&["ls", "-a", "desk:"][..], &["ls", "-al", "desk:"], &["ls", "-a", "--json", "desk:"]] {
        let _ = meets(&next(), command, listing.clone()).exits_with(0).stdout_has("[2J").stdout_has("202e");
    }
    let stat = message(json!({"entry": {"entry": entry(evil), "hash": evil}}).to_string());
    let _ = meets(&next(), &["stat", "--hash", "desk:x"], stat).stdout_has("\\u{1b}");
    let skip = message(json!({"skip": {"path": evil, "fault": {"code": "wrong-kind", "text": evil}}}).to_string());
    let stream = [skip, message(json!({"dir": {"path": evil}}).to_string()), message(FINISH)].concat();
    let _ = meets(&next(), &["get", "-v", "desk:x", "."], stream).exits_with(3).stderr_has("warning: skipped ");
    let stream = [whole(evil, b"x"), message(FINISH)].concat();
    let _ = meets(&next(), &["get", "-v", "desk:x", "."], stream).exits_with(0).stderr_has("\\u{1b}[2J");
}

#[test]
fn permissions_that_give_power_are_not_taken_over() {
    let office = office();
    let machine = office.machine("laptop");
    let powerful = message(r#"{"file":{"path":"","size":1,"mode":3583,"mtime":[0,0]}}"#); // 0o6777
    let stream = [powerful, data("x"), end(b"x", b"x"), message(FINISH)].concat();
    let _ = meets(&machine, &["get", "desk:x", "."], stream).exits_with(0);
    assert_eq!(fs::metadata(machine.work().join("x")).unwrap().mode() & 0o7777, 0o777);
}

#[test]
fn what_cat_prints_is_compared_with_its_hash() {
    let office = office();
    let machine = office.machine("laptop");
    let entry = json!({"name": "x", "kind": "file", "size": 4, "mode": 0, "mtime": [0, 0]});
    let stat = message(json!({"entry": {"entry": entry}}).to_string());
    let stream = [stat, file("", 4), data("evil"), end(b"evil", b"good"), message(FINISH)].concat();
    let _ = meets(&machine, &["cat", "desk:x"], stream).exits_with(6).stdout("evil").stderr_has("error: ");
}

#[test]
fn acknowledgements_for_what_was_not_sent_are_not_believed() {
    let office = office();
    let mut next = machines(&office);
    // More than every buffer between the two holds: it can't have been sent while nobody reads.
    let big = |machine: &Machine| fs::File::create(machine.work().join("big")).unwrap().set_len(1 << 28).unwrap();
    for (what, answer) in [
        ("done too early", message(r#"{"done":{"files":1,"bytes":268435456,"failed":0}}"#)),
        ("data", data("x")),
        ("no acknowledgement", message(r#"{"entries":{}}"#)),
        ("a number that is none", message(r#"{"kept":{"below":-1}}"#)),
    ] {
        let machine = next();
        big(&machine);
        let fake = Fake::desk_of(&machine, move |line| {
            line.say(answer);
            assert!(machine_hangs_up(line), "{what}");
        });
        let done = machine.cmd(["put", "big", "desk:"]).run();
        assert_eq!(done.code(), Some(70), "{what}: {done}");
        fake.ended();
    }
    let machine = next();
    machine.write("small", "x");
    let garbage = [
        message(r#"{"kept":{"below":18446744073709551615}}"#),
        message(r#"{"failed":{"file":18446744073709551615,"fault":{"code":"no-space"}}}"#),
        message(r#"{"dir-failed":{"path":"\u001b","fault":{"code":"no-space","text":"\u001b[2J full"}}}"#),
    ];
    let fake = Fake::desk_of(&machine, move |line| {
        line.say(garbage.concat());
        while line.hear_message().is_some_and(|item| !item["finish"].is_object()) {}
        line.say(message(r#"{"done":{"files":1,"bytes":1,"failed":0}}"#));
    });
    let done = machine.cmd(["put", "small", "desk:"]).fails_with(3);
    let _ = done.stderr_has("\\u{1b}[2J full").never_says("\u{1b}");
    fake.ended();
}

/// Reads to the end of the line without answering.
fn machine_hangs_up(line: &mut Raw) -> bool {
    while line.hear().is_some() {}
    true
}

#[test]
fn a_listing_without_end_is_given_up() {
    let office = office();
    let machine = office.machine("laptop");
    let fake = Fake::desk_of(&machine, |line| {
        let entry = json!({"name": "x", "kind": "file", "size": 1, "mode": 0, "mtime": [0, 0]});
        let part = message(json!({"entries": {"entries": vec![entry; 64], "more": true}}).to_string());
        assert!((0..100_000).any(|_| !line.say(&part)), "six million entries were taken");
    });
    let _ = machine.cmd(["ls", "desk:"]).fails_with(70).stdout("").stderr_has("listed more than");
    fake.ended();
}

#[test]
fn a_machine_with_another_key_is_told_nothing() {
    let office = office();
    let machine = office.machine("laptop");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    knows(&machine, "desk", nobody(201).public(), listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let mut line = Raw::answer(&listener, &nobody(202)).unwrap();
        assert!(line.rest().is_empty(), "nothing may be said to it");
    });
    let done = machine.cmd(["ls", "desk:"]).fails_with(5);
    let _ = done.stderr_has("is not the one you know").stderr_has("nothing was sent to it");
    answering.join().unwrap();
}
