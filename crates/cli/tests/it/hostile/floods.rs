//! Too much, too slow, or never reading: what one peer does may cost that peer, and nobody else.

use std::fs;
use std::net::Ipv4Addr;

use landline_net::tls::Identity;
use landline_testkit::{Machine, Serving};
use serde_json::json;

use super::{MOST_MEMORY, all_below, office};
use crate::raw::{Raw, data, frame, identity_of, message, nobody, peak_memory, plain, refusal};

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
        message(format!(r#"{{"dir-end":{{"path":"../{}","mode":493,"mtime":[0,0]}}}}"#, "x".repeat(900))),
        message(r#"{"working":{}}"#),
    ];
    line.flood(&entries.concat().repeat(10), 2500);
    assert_serves_others(&desk, &laptop);
    line.say(message(r#"{"finish":{}}"#));
    assert_eq!(line.hear_message().unwrap(), json!({"done": {"files": 0, "bytes": 0, "failed": 0}}));
    assert!(all_below(&desk.machine().share()).is_empty());
}

#[test]
fn a_flood_of_failures_that_nobody_reads_stops_the_one_who_causes_them() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let mut line = files(&desk, &identity_of(&laptop));
    line.say(message(r#"{"put":{}}"#));
    let refused = message(format!(r#"{{"dir":{{"path":"../{}"}}}}"#, "x".repeat(4000)));
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
    let acks = [
        message(r#"{"kept":{"below":18446744073709551615}}"#),
        message(r#"{"failed":{"file":18446744073709551615,"fault":{"code":"no-space","text":"x"}}}"#),
        message(r#"{"failed":{"file":7,"fault":{"code":"later","text":"\u001b[2J"}}}"#),
        message(format!(r#"{{"dir-failed":{{"path":"{}","fault":{{"code":"denied"}}}}}}"#, "d".repeat(2000))),
        message(r#"{"working":{}}"#),
    ];
    line.flood(&acks.concat().repeat(10), 1000);
    assert_serves_others(&desk, &laptop);
    let mut sent = 0;
    while let Some(item) = line.hear_message() {
        sent += usize::from(item["file"].is_object());
        if item["finish"].is_object() {
            break;
        }
    }
    assert_eq!(sent, 300);
    line.say(message(r#"{"done":{"files":0,"bytes":0,"failed":0}}"#));
    line.say(message(r#"{"stat":{"path":"f7"}}"#));
    assert_eq!(line.hear_message().unwrap()["entry"]["entry"]["size"], 1);
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
    let big = fs::File::create(desk.machine().share().join("big")).unwrap();
    big.set_len(1 << 30).unwrap();
    let lines: Vec<_> = (0..4)
        .map(|_| {
            let mut line = files(&desk, &identity_of(&laptop));
            line.say(message(r#"{"get":{"path":"big"}}"#));
            assert!(line.hear_message().unwrap()["file"].is_object());
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
    let file = r#"{"file":{"path":"never","size":1048576,"mode":420,"mtime":[0,0]}}"#;
    let announced = data(vec![0; 1 << 20]);
    let mut lines = standing_still(&desk, &laptop, CALLS_PER_KEY - 1);
    for line in &mut lines {
        line.say([message(file), announced[..5].to_vec()].concat());
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
