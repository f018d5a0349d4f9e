//! Too much, too slow, or never reading: what one peer does may cost that peer, and nobody else.

use std::fs;
use std::net::Ipv4Addr;

use landline_net::tls::Identity;
use landline_services::files::records::{Numbers, Put, Say};
use landline_testkit::{Machine, Serving};
use serde_json::json;

use super::{MOST_MEMORY, all_below, office};
use crate::raw::records::{dir, file, group, records, says, told, whole};
use crate::raw::{Raw, Word, data, frame, identity_of, message, nobody, peak_memory, plain, refusal};

/// Calls that one key may have at once: `ServerLimits::calls_per_key`.
const CALLS_PER_KEY: usize = 64;

fn files(desk: &Serving, identity: &Identity) -> Raw {
    Raw::open(desk.addr(), identity, "files")
}

/// Others are served meanwhile, and the server has not grown.
fn assert_serves_others(desk: &Serving, laptop: &Machine) {
    laptop.write("hello", "hello");
    laptop.cmd(["put", "hello", "desk:greeting"]).succeeds();
    laptop.cmd(["cat", "desk:greeting"]).succeeds().stdout("hello");
    laptop.cmd(["rm", "desk:greeting"]).succeeds();
    let peak = peak_memory(desk.pid());
    assert!(peak <= MOST_MEMORY, "{peak} bytes were used");
}

#[test]
fn a_million_frames_that_say_nothing_are_dropped_as_they_come() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let mut line = files(&desk, &identity_of(&laptop));
    let thousand = frame(0x40, b"").repeat(1000);
    line.flood(&thousand, 1000);
    line.say(message(r#"{"list":{"path":""}}"#));
    assert_eq!(line.hear_message().unwrap(), json!({"entries": {"entries": [], "more": false}}));
    assert_serves_others(&desk, &laptop);
}

#[test]
fn a_flood_of_entries_in_a_copy_stream_is_taken_one_by_one() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let mut line = files(&desk, &identity_of(&laptop));
    line.say(message(r#"{"put":{}}"#));
    let entries = [
        message(r#"{"totals":{"files":18446744073709551615,"bytes":18446744073709551615}}"#),
        message(format!(r#"{{"skip":{{"path":"{}","fault":{{"code":"changed","text":"x"}}}}}}"#, "s".repeat(900))),
        message(r#"{"broken":{"file":0,"fault":{"code":"changed","text":"x"}}}"#),
        records(&[]),
        message(r#"{"working":{}}"#),
    ];
    line.say(records(&[file("..", 1)]));
    line.flood(&entries.concat().repeat(10), 2500);
    assert_serves_others(&desk, &laptop);
    line.say(message(r#"{"finish":{}}"#));
    assert!(line.hear_message().unwrap()["failed"].is_object());
    assert_eq!(line.hear_message().unwrap()["done"]["failed"], 1);
    assert!(all_below(&desk.machine().share()).is_empty());
}

#[test]
fn a_flood_of_failures_that_nobody_reads_stops_the_one_who_causes_them() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let mut line = files(&desk, &identity_of(&laptop));
    line.say(message(r#"{"put":{}}"#));
    let refused = records(&vec![file("..", 1); 200]);
    line.flood_until_full(&refused, 20_000);
    assert_serves_others(&desk, &laptop);
    line.cut();
    assert_serves_others(&desk, &laptop);
}

#[test]
fn a_flood_of_acknowledgements_for_things_never_sent_changes_nothing() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let share = desk.machine().share();
    for n in 0..300 {
        fs::write(share.join(format!("f{n}")), "x").unwrap();
    }
    let mut line = files(&desk, &identity_of(&laptop));
    line.say(message(r#"{"get":{"path":""}}"#));
    let all = Numbers { from: 0, count: u32::MAX };
    let far = Numbers { from: u64::MAX, count: u32::MAX };
    let (rest, tags) = (vec![(0, 5), (7, u64::MAX)], vec![[1; 8]; 100]);
    let acks = [
        says(&[Say::Kept(all), Say::Kept(far), Say::Want(far), Say::Same(far), Say::Lost(far)]),
        says(&[
            Say::Rest { number: u64::MAX, runs: rest, tagged: true },
            Say::Tags { number: 1 << 40, first: 0, tags },
        ]),
        message(r#"{"failed":{"file":18446744073709551615,"fault":{"code":"no-space","text":"x"}}}"#),
        message(r#"{"tree":{"path":"../../x"}}"#),
        message(format!(r#"{{"dir-failed":{{"path":"{}","fault":{{"code":"denied"}}}}}}"#, "d".repeat(2000))),
        message(r#"{"working":{"load":{"disk":18446744073709551615,"hash":0,"sync":0}}}"#),
    ];
    line.flood(&acks.concat().repeat(10), 1000);
    assert_serves_others(&desk, &laptop);
    let (mut entries, mut contents) = (0, 0);
    loop {
        match line.hear_word().expect("the server goes on") {
            Word::Records(payload) => {
                let told = told(&payload);
                let files = told.iter().filter(|put| matches!(put, Put::File { .. })).count();
                contents += told.iter().filter(|put| matches!(put, Put::Whole { .. })).count();
                if files > 0 {
                    line.say(says(&[Say::Want(Numbers { from: entries, count: u32::try_from(files).unwrap() })]));
                    entries += files as u64;
                }
            }
            Word::Message(message) if message["finish"].is_object() => break,
            Word::Message(message) => panic!("{message}"),
        }
    }
    assert_eq!((entries, contents), (300, 300));
    line.say(message(r#"{"done":{"files":0,"bytes":0,"failed":0}}"#));
    line.say(message(r#"{"stat":{"path":"f7"}}"#));
    assert_eq!(line.hear_message().unwrap()["entry"]["entry"]["size"], 1);
}

#[test]
fn who_refuses_without_end_what_he_asked_for_and_never_reads_is_cut_off() {
    let office = office();
    let (desk, laptop) = office.introduced();
    fs::write(desk.machine().share().join("big"), vec![7; 64 << 20]).unwrap();
    let mut line = files(&desk, &identity_of(&laptop));
    line.say(message(r#"{"get":{"path":"big"}}"#));
    assert!(matches!(line.hear_word(), Some(Word::Records(_))), "the file is told");
    line.say(says(&[Say::Want(Numbers::one(0))]));
    let text = "x".repeat(60_000);
    for number in 1..4000u64 {
        // Once it has ended the call, it hears the rest of a sentence out, and no more.
        let failed =
            message(format!(r#"{{"failed":{{"file":{number},"fault":{{"code":"denied","text":"{text}"}}}}}}"#));
        if !line.say(failed) {
            break;
        }
    }
    let ended = line.hear_all();
    assert!(ended.iter().all(|said| !said["finish"].is_object()), "{ended:?}");
    assert_serves_others(&desk, &laptop);
}

#[test]
fn who_asks_again_and_again_for_the_same_gets_it_once() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let share = desk.machine().share();
    for n in 0..500 {
        fs::write(share.join(format!("f{n}")), "x").unwrap();
    }
    let mut line = files(&desk, &identity_of(&laptop));
    line.say(message(r#"{"get":{"path":""}}"#));
    let all = Numbers { from: 0, count: u32::MAX };
    let (mut entries, mut contents) = (0, 0);
    loop {
        match line.hear_word().expect("the server goes on") {
            Word::Records(payload) => {
                let told = told(&payload);
                entries += told.iter().filter(|put| matches!(put, Put::File { .. })).count();
                contents += told.iter().filter(|put| matches!(put, Put::Whole { .. })).count();
                line.say(says(&vec![Say::Want(all); 2000]));
            }
            Word::Message(message) if message["finish"].is_object() => break,
            Word::Message(message) => panic!("{message}"),
        }
    }
    assert_eq!((entries, contents), (500, 500));
    assert_serves_others(&desk, &laptop);
}

#[test]
fn links_that_wait_for_their_folder_hold_a_bounded_memory() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let mut line = files(&desk, &identity_of(&laptop));
    line.say([message(r#"{"put":{}}"#), records(&[dir("d")])].concat());
    let target = "t/".repeat(15_000);
    let mut failed = 0;
    for n in 0..100 {
        let names: Vec<String> = (0..30).map(|k| format!("{n}-{k}")).collect();
        let links: Vec<_> = names
            .iter()
            .map(|name| Put::Link { path: name.as_bytes(), target: target.as_bytes(), mtime: (0, 0) })
            .collect();
        line.say(records(&links));
        let mut judged = 0;
        while judged < 30 {
            match line.hear_word().expect("the server goes on") {
                Word::Records(payload) => {
                    for said in crate::raw::records::said(&payload) {
                        let Say::Want(numbers) = said else { panic!("{said:?}") };
                        judged += numbers.count;
                    }
                }
                Word::Message(message) => {
                    assert_eq!(message["failed"]["fault"]["code"], "no-space", "{message}");
                    (judged, failed) = (judged + 1, failed + 1);
                }
            }
        }
    }
    assert!(failed > 500, "90 MB of links wait, {failed} were refused");
    let peak = peak_memory(desk.pid());
    assert!(peak <= MOST_MEMORY + (64 << 20), "{peak} bytes were used");
    line.cut();
}

#[test]
fn more_files_at_once_than_may_wait_end_the_stream() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let mut line = files(&desk, &identity_of(&laptop));
    line.say(message(r#"{"put":{}}"#));
    let names: Vec<String> = (0..8193).map(|n| format!("f{n}")).collect();
    for part in names.chunks(1000) {
        line.say(records(&part.iter().map(|name| file(name, 1)).collect::<Vec<_>>()));
    }
    assert_eq!(line.hear_message().unwrap()["error"]["code"], "bad-request");
    // What has ended counts no more, whether or not it was complete.
    let mut line = files(&desk, &identity_of(&laptop));
    line.say(message(r#"{"put":{}}"#));
    for (number, name) in (0u64..).zip(&names) {
        line.say(records(&[file(name, 1), crate::raw::records::end(number, 1, b"x")]));
    }
    line.say(message(r#"{"finish":{}}"#));
    let heard: Vec<_> =
        std::iter::from_fn(|| line.hear_message()).take_while(|said| said["failed"].is_object()).collect();
    assert_eq!(heard.len(), 8193);
    assert!(all_below(&desk.machine().share()).is_empty());
    assert_serves_others(&desk, &laptop);
    drop(line);
    let mut line = files(&desk, &identity_of(&laptop));
    line.say(
        [message(r#"{"put":{}}"#), records(&[file("x", 1), whole(0, b"x")]), message(r#"{"finish":{}}"#)].concat(),
    );
    assert_eq!(line.hear_message().unwrap()["done"]["files"], 1);
}

#[test]
fn who_asks_for_big_listings_and_never_reads_them_is_held_up_himself() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let many = desk.machine().share().join("many");
    fs::create_dir(&many).unwrap();
    for n in 0..2000 {
        fs::write(many.join(format!("{n:0200}")), "").unwrap();
    }
    let mut lines: Vec<_> = (0..4).map(|_| files(&desk, &identity_of(&laptop))).collect();
    let thousand = message(r#"{"list":{"path":"many"}}"#).repeat(1000);
    for line in &mut lines {
        line.flood_until_full(&thousand, 1000);
    }
    assert_serves_others(&desk, &laptop);
    drop(lines);
    assert_serves_others(&desk, &laptop);
}

#[test]
fn who_fetches_big_files_and_never_reads_them_holds_up_nobody_else() {
    let office = office();
    let (desk, laptop) = office.introduced();
    // Not a hole: that would travel in no time.
    fs::write(desk.machine().share().join("big"), vec![7; 64 << 20]).unwrap();
    let lines: Vec<_> = (0..4)
        .map(|_| {
            let mut line = files(&desk, &identity_of(&laptop));
            line.say(message(r#"{"get":{"path":"big"}}"#));
            assert!(matches!(line.hear_word(), Some(Word::Records(_))), "the file is told");
            line.say(says(&[Say::Want(Numbers::one(0))]));
            line
        })
        .collect();
    assert_serves_others(&desk, &laptop);
    assert_serves_others(&desk, &laptop);
    drop(lines);
}

#[test]
fn what_a_header_announces_is_not_set_aside_before_it_comes() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let told = records(&[file("never", 1 << 20), group(0, 0)]);
    let announced = data(vec![0; 1 << 20]);
    let mut lines = standing_still(&desk, &laptop, CALLS_PER_KEY - 1);
    for line in &mut lines {
        line.say([told.clone(), announced[..5].to_vec()].concat());
    }
    assert_serves_others(&desk, &laptop);
    drop(lines);
}

/// Copies that have begun and stand still.
fn standing_still(desk: &Serving, friend: &Machine, count: usize) -> Vec<Raw> {
    let identity = identity_of(friend);
    let began = |_| {
        let mut line = files(desk, &identity);
        line.say([message(r#"{"stat":{"path":""}}"#), message(r#"{"put":{}}"#)].concat());
        assert!(line.hear_message().unwrap()["entry"].is_object(), "it was admitted");
        line
    };
    (0..count).map(began).collect()
}

#[test]
fn one_friend_has_so_many_calls_and_no_more_and_can_be_thrown_out_of_all() {
    let office = office();
    let (mut desk, laptop) = office.introduced();
    let phone = office.machine("phone");
    phone.joins(&desk, "desk");
    let mut lines = standing_still(&desk, &phone, CALLS_PER_KEY);
    let mut one_too_many = files(&desk, &identity_of(&phone));
    let answer = one_too_many.hear_message().unwrap();
    assert_eq!(answer["error"]["code"], "refused", "{answer}");
    assert!(answer["error"]["text"].as_str().unwrap().contains("64 calls of this machine run already"), "{answer}");
    phone.cmd(["ls", "desk:"]).fails_with(5).stderr_has("calls of this machine run already");
    assert_serves_others(&desk, &laptop);

    let fingerprint = identity_of(&phone).public().fingerprint().to_string();
    let revoked = desk.machine().cmd(["key", "revoke", &fingerprint, "--json"]).succeeds().json_line();
    assert!(revoked["cut"].as_u64().is_some_and(|cut| cut >= CALLS_PER_KEY as u64), "{revoked}");
    desk.wait_for_event(|event| event["event"] == "key-revoked");
    for line in &mut lines {
        assert_eq!(line.hear_all(), Vec::<serde_json::Value>::new());
    }
    assert_serves_others(&desk, &laptop);
}

#[test]
fn strangers_who_are_silent_or_dribble_are_shown_out_and_friends_come_in_meanwhile() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let address = desk.addr();
    std::thread::scope(|scope| {
        for last in 1..=3 {
            let source = Ipv4Addr::new(127, 0, 2, last);
            scope.spawn(move || {
                use std::io::Read as _;
                let mut socket = plain(source, address).unwrap();
                let mut heard = Vec::new();
                drop(socket.read_to_end(&mut heard));
                assert!(heard.is_empty(), "no TLS, no answer: {}", heard.escape_ascii());
            });
            scope.spawn(move || {
                let mut line = Raw::dial_from(Ipv4Addr::new(127, 0, 3, last), address, &nobody(last));
                assert_eq!(line.rest(), refusal(), "silent behind TLS");
            });
            scope.spawn(move || {
                let mut line = Raw::dial_from(Ipv4Addr::new(127, 0, 4, last), address, &nobody(last));
                assert_eq!(line.dribble(&message(" ".repeat(4000))), refusal(), "one byte at a time");
            });
        }
        for _ in 0..5 {
            assert_serves_others(&desk, &laptop);
        }
    });
    assert_serves_others(&desk, &laptop);
}
