//! A server that the client trusts by its key, and should not have: whatever it sends, nothing is written outside the
//! target, nothing acts on the screen, and the exit code tells what happened.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, symlink};

use landline_services::files::records::{Numbers, Put, Say};
use landline_testkit::{Done, Machine, Office};
use serde_json::json;

use super::{all_below, office};
use crate::raw::records::{dir, dir_end, end, file, group, records, says, told, whole};
use crate::raw::{Fake, Raw, Word, data, frame, knows, message, nobody};

const FINISH: &str = r#"{"finish":{}}"#;

/// A whole file as a server sends it, as the first entry.
fn one_file(path: &str, content: &[u8]) -> Vec<u8> {
    [records(&[file(path, content.len() as u64)]), records(&[whole(0, content)])].concat()
}

/// All of a file of one group, in pieces: told with one hash.
fn grouped(size: u64, content: &[u8], ended: u64, hash_of: &[u8]) -> Vec<u8> {
    let told = records(&[file("", size), group(0, 0)]);
    [told, data(content), records(&[end(0, ended, hash_of)])].concat()
}

/// A machine of its own, to whom the fake server is `desk`, and what its command came to.
fn meets(machine: &Machine, command: &[&str], answer: Vec<u8>) -> Done {
    let fake = Fake::desk_of(machine, move |line| {
        line.say(answer);
        while line.hear().is_some() {} // its acknowledgements, up to its end
    });
    // There is nobody to dial again.
    let flags: &[&str] = if matches!(command, ["get" | "put", ..]) { &["--reconnect", "0"] } else { &[] };
    let done = machine.cmd(command).args(flags).run();
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
        let stream = [records(&[file(path, 4)]), message(FINISH)].concat();
        let done = meets(&machine, &["get", "desk:x", "."], stream).exits_with(5);
        let _ = done.stderr_has("error: ");
        assert_holds(&machine, &[]);
        let link = Put::Link { path: path.as_bytes(), target: b"x", mtime: (0, 0) };
        for entry in [records(&[dir(path), file("evil", 4), dir_end()]), records(&[link])] {
            let machine = next();
            let _ = meets(&machine, &["get", "desk:x", "."], [entry, message(FINISH)].concat()).exits_with(5);
            assert_holds(&machine, &[]);
        }
        // Inside a folder only a single name is one.
        let machine = next();
        let inside = records(&[dir("d"), file(path, 4), file("d/evil", 4), dir_end()]);
        let _ = meets(&machine, &["get", "desk:x", "."], [inside, message(FINISH)].concat()).exits_with(5);
        assert!(all_below(&machine.work()).iter().all(|path| ["x", "x/d"].contains(&path.as_str())));
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
        records(&[file("out/evil", 4), dir("out/dir"), dir_end(), dir("out"), file("evil", 4), dir_end()]),
        records(&[file("leaf", 4)]),
        records(&[whole(2, b"leaf")]),
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
    let hash = *blake3::hash(b"good").as_bytes();
    let streams = [
        ("another hash", grouped(4, b"evil", 4, b"good")),
        ("another hash at once", records(&[file("", 4), Put::Whole { number: 0, hash, bytes: b"evil" }])),
        ("too few bytes", records(&[file("", 9), whole(0, b"evil")])),
        ("no bytes", records(&[file("", 4), end(0, 4, b"evil")])),
        ("a size that is not what came", grouped(4, b"evil", 5, b"evil")),
        ("a smaller size than what came", grouped(4, b"evil", 3, b"evi")),
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
    let stream = [records(&[file("", 3), whole(0, b"evil")]), message(FINISH)].concat();
    let _ = meets(&machine, &["get", "desk:x", "x"], stream).exits_with(6).stderr_has("more bytes arrived");
    assert_holds(&machine, &[]);
}

#[test]
fn data_without_end_is_hung_up_on() {
    let office = office();
    let again = [records(&[group(0, 0)]), data(b"0123456789")].concat();
    let elsewhere = [records(&[group(0, 0)]), data(vec![7; 1 << 20])].concat();
    for (name, path, piece, exit) in [("kept", "", again, 70), ("refused", "../x", elsewhere, 5)] {
        let machine = office.machine(name);
        let fake = Fake::desk_of(&machine, move |line| {
            line.say(records(&[file(path, 10)]));
            assert!((0..10_000_000).any(|_| !line.say(&piece)), "hundred megabytes were taken for 10 bytes");
        });
        let done = machine.cmd(["get", "desk:x", ".", "--reconnect", "0"]).fails_with(exit);
        let _ = done.stderr_has("far more bytes of a file came than were announced");
        fake.ended();
        assert_holds(&machine, &[]);
    }
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_from_one_that_can_not_be_reached() {
    let office = office();
    let mut next = machines(&office);
    let broken: [(&str, Vec<u8>); 13] = [
        ("an unknown kind", frame(0x80, b"")),
        ("a message above the limit", vec![1, 1, 0, 1]),
        ("data above the limit", vec![2, 16, 0, 1]),
        ("no JSON", message("hello")),
        ("deep JSON", message("[".repeat(10_000))),
        ("an unknown record", frame(4, &[0x0c])),
        ("half a record", frame(4, &[3, 0, 0])),
        ("records above the limit", vec![4, 16, 0, 1]),
        ("data without a group", data("x")),
        ("a group of another length", [records(&[file("", 4), group(0, 0)]), data("x")].concat()),
        ("an end without a file", records(&[end(0, 0, b"")])),
        ("a message that is a record now", message(r#"{"dir":{"path":""}}"#)),
        ("an answer to another request", message(r#"{"entries":{"entries":[],"more":false}}"#)),
    ];
    for (what, bytes) in broken {
        let machine = next();
        let done = meets(&machine, &["get", "desk:x", "."], bytes);
        assert_eq!(done.code(), Some(70), "{what}: {done}");
        assert_holds(&machine, &[]);
    }
    let told = records(&[file("", 4), group(0, 0)]);
    for cut in [vec![], told.clone(), [told.clone(), data("evil")].concat(), told[..7].to_vec()] {
        let machine = next();
        let fake = Fake::desk_of(&machine, move |line| {
            line.say(cut);
            line.goodbye();
        });
        let _ = machine.cmd(["get", "desk:x", ".", "--reconnect", "0"]).fails_with(4).stderr_has("desk");
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
    let link = Put::Link { path: evil.as_bytes(), target: evil.as_bytes(), mtime: (i64::MAX, u32::MAX) };
    let entries = records(&[dir(evil), dir_end(), link]);
    let broken = message(json!({"broken": {"file": 1, "fault": {"code": "changed", "text": evil}}}).to_string());
    let stream = [skip, entries, records(&[file("f", 1)]), broken, message(FINISH)].concat();
    let _ = meets(&next(), &["get", "-v", "desk:x", "."], stream).exits_with(3).stderr_has("warning: skipped ");
    let stream = [one_file(evil, b"x"), message(FINISH)].concat();
    let _ = meets(&next(), &["get", "-v", "desk:x", "."], stream).exits_with(0).stderr_has("\\u{1b}[2J");
}

#[test]
fn permissions_that_give_power_are_not_taken_over() {
    let office = office();
    let machine = office.machine("laptop");
    // No program of ours writes such a mode.
    let mut powerful = records(&[file("", 1)]);
    powerful[6..8].copy_from_slice(&0o6777u16.to_be_bytes());
    let stream = [powerful, records(&[whole(0, b"x")]), message(FINISH)].concat();
    let _ = meets(&machine, &["get", "desk:x", "."], stream).exits_with(0);
    assert_eq!(fs::metadata(machine.work().join("x")).unwrap().mode() & 0o7777, 0o777);
}

#[test]
fn what_cat_prints_is_compared_with_its_hash() {
    let office = office();
    let machine = office.machine("laptop");
    let entry = json!({"name": "x", "kind": "file", "size": 4, "mode": 0, "mtime": [0, 0]});
    let stat = message(json!({"entry": {"entry": entry}}).to_string());
    let hash = *blake3::hash(b"good").as_bytes();
    let at_once = records(&[file("", 4), Put::Whole { number: 0, hash, bytes: b"evil" }]);
    for content in [at_once, grouped(4, b"evil", 4, b"good")] {
        let stream = [stat.clone(), content, message(FINISH)].concat();
        let _ = meets(&machine, &["cat", "desk:x"], stream).exits_with(6).stderr_has("error: ");
    }
}

#[test]
fn acknowledgements_for_what_was_not_sent_are_not_believed() {
    let office = office();
    let mut next = machines(&office);
    for (what, answer) in [
        ("done too early", message(r#"{"done":{"files":1,"bytes":5,"failed":0}}"#)),
        ("data", data("x")),
        ("no acknowledgement", message(r#"{"entries":{}}"#)),
        ("a number that is none", message(r#"{"failed":{"file":-1,"fault":{"code":"no-space"}}}"#)),
        ("an unknown record", frame(4, &[0x27])),
        ("a sender's record", records(&[dir("d")])),
        ("runs out of order", frame(4, &[&[0x23][..], &[0; 8], &[0, 0, 1], &[0xff; 8], &[0; 8]].concat())),
    ] {
        let machine = next();
        machine.write("small", "small");
        let fake = Fake::desk_of(&machine, move |line| {
            line.say(answer);
            assert!(machine_hangs_up(line), "{what}");
        });
        let done = machine.cmd(["put", "small", "desk:", "--reconnect", "0"]).run();
        assert_eq!(done.code(), Some(70), "{what}: {done}");
        fake.ended();
    }
    let machine = next();
    machine.write("small", "x");
    let far = Numbers { from: 1, count: u32::MAX };
    let garbage = [
        says(&[Say::Kept(far), Say::Want(far), Say::Same(far), Say::Lost(far)]),
        message(r#"{"failed":{"file":18446744073709551615,"fault":{"code":"no-space"}}}"#),
        message(r#"{"dir-failed":{"path":"\u001b","fault":{"code":"no-space","text":"\u001b[2J full"}}}"#),
    ];
    let fake = Fake::desk_of(&machine, move |line| {
        line.say(garbage.concat());
        takes_one_file(line);
        line.say(
            [says(&[Say::Kept(Numbers::one(0))]), message(r#"{"done":{"files":1,"bytes":1,"failed":0}}"#)].concat(),
        );
    });
    let done = machine.cmd(["put", "small", "desk:"]).fails_with(3).stderr_has("sent 1 file");
    let _ = done.stderr_has("\\u{1b}[2J full").never_says("\u{1b}");
    fake.ended();
}

#[test]
fn a_file_that_a_server_says_nothing_of_is_not_believed_to_be_kept() {
    let office = office();
    let machine = office.machine("laptop");
    machine.write("small", "x");
    let fake = Fake::desk_of(&machine, |line| {
        takes_one_file(line);
        line.say(message(r#"{"done":{"files":1,"bytes":1,"failed":0}}"#));
    });
    let done = machine.cmd(["put", "small", "desk:"]).run();
    assert_ne!(done.code(), Some(0), "{done}");
    let _ = done.stderr_has("small: the other machine never said what became of it");
    fake.ended();
}

#[test]
fn what_is_left_of_a_file_that_the_server_gave_up_is_not_sent_and_it_is_told_once() {
    let office = office();
    let machine = office.machine("laptop");
    let content = landline_testkit::Random::new(9).bytes(64 << 20);
    fs::write(machine.work().join("big"), content).unwrap();
    let fake = Fake::desk_of(&machine, |line| {
        let mut groups = 0;
        line.say(says(&[]));
        loop {
            match line.hear().expect("it goes on") {
                (4, payload) => {
                    let told = told(&payload);
                    groups += told.iter().filter(|put| matches!(put, Put::Group { .. })).count();
                    if told.iter().any(|put| matches!(put, Put::File { .. })) {
                        line.say(says(&[Say::Want(Numbers::one(0))]));
                    }
                    if groups == 2 {
                        let full = r#"{"failed":{"file":0,"fault":{"code":"no-space","text":"the disk is full"}}}"#;
                        line.say(message(full));
                        groups += 1;
                    }
                }
                (1, body) if body.starts_with(b"{\"finish\"") => break,
                _ => {}
            }
        }
        assert!(groups < 60, "{groups} of 64 groups were sent");
        line.say(message(r#"{"done":{"files":0,"bytes":0,"failed":1}}"#));
    });
    let done = machine.cmd(["put", "big", "desk:"]).fails_with(7).stderr_has("big: the disk is full");
    let _ = done.stderr_has("; 1 failed").never_says("never said");
    fake.ended();
}

/// Wants the first file that it is told, and hears on until that was all.
fn takes_one_file(line: &mut Raw) {
    loop {
        match line.hear_word().expect("it goes on") {
            Word::Records(payload) if told(&payload).iter().any(|put| matches!(put, Put::File { .. })) => {
                line.say(says(&[Say::Want(Numbers::one(0))]));
            }
            Word::Message(message) if message["finish"].is_object() => return,
            _ => {}
        }
    }
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
fn a_lane_that_is_let_in_when_all_was_sent_ends_in_order_and_the_copy_is_not_begun_anew() {
    let office = office();
    let machine = office.machine("laptop");
    machine.write("file", "x");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    knows(&machine, "desk", nobody(203).public(), listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let mut main = Raw::answer(&listener, &nobody(203)).unwrap();
        assert_eq!(main.hear_message().unwrap()["open"]["service"], "files");
        assert!(main.hear_message().unwrap()["put"].is_object());
        let Some(Word::Records(_)) = main.hear_word() else { panic!("nothing is told") };
        main.say(says(&[Say::Want(Numbers::one(0))]));
        let mut lane = Raw::answer(&listener, &nobody(203)).unwrap();
        assert_eq!(lane.hear_message().unwrap()["open"]["service"], "files");
        assert!(lane.hear_message().unwrap()["lane"].is_object());
        assert_eq!(main.hear_message(), Some(json!({"finish": {}})));
        lane.say(message(r#"{"done":{}}"#));
        assert_eq!(lane.hear_message(), Some(json!({"finish": {}})), "a receiver that let it in waits for its end");
        lane.say(message(r#"{"done":{}}"#));
        main.say(
            [says(&[Say::Kept(Numbers::one(0))]), message(r#"{"done":{"files":1,"bytes":1,"failed":0}}"#)].concat(),
        );
        while main.hear().is_some() {}
    });
    let _ = machine.cmd(["put", "file", "desk:", "--lanes", "2"]).succeeds();
    answering.join().unwrap();
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
