//! Lanes that don't keep to their stream: of no stream or another's, out of order, too much, cut, silent, or too early.

use std::fs;
use std::time::{Duration, Instant};

use landline_net::tls::Identity;
use landline_services::files::records::{Numbers, Put, Say};
use landline_testkit::{Machine, Serving};
use serde_json::{Value, json};

use super::{MOST_MEMORY, all_below, office};
use crate::raw::records::{dir, dir_end, end, file, group, records, said, says, whole};
use crate::raw::{Raw, Word, data, frame, identity_of, message, peak_memory};
use crate::scene::{MIB, STAGING, partials, random, residue};

/// What the streams of these tests are called.
const NAME: &str = "000102030405060708090a0b0c0d0e0f";
/// Lanes that a stream may have besides its own call.
const MOST_LANES: usize = 15;

fn put() -> Vec<u8> {
    message(format!(r#"{{"put":{{"stream":"{NAME}"}}}}"#))
}

fn lane_of(name: &str) -> Vec<u8> {
    message(format!(r#"{{"lane":{{"of":"{name}"}}}}"#))
}

fn finish() -> Vec<u8> {
    message(r#"{"finish":{}}"#)
}

fn working() -> Vec<u8> {
    message(r#"{"working":{}}"#)
}

/// A group of one byte or more, and its record.
fn whole_group(number: u64, index: u64, bytes: &[u8]) -> Vec<u8> {
    [records(&[group(number, index)]), data(bytes)].concat()
}

/// A stream that has told this, and of which the receiver has said something.
fn stream(desk: &Serving, identity: &Identity, told: &[Put<'_>]) -> Raw {
    let mut main = Raw::open(desk.addr(), identity, "files");
    main.say([put(), records(told)].concat());
    main.hear_word().expect("the receiver gives its verdict");
    main
}

/// A call that has joined the stream.
fn lane(desk: &Serving, identity: &Identity) -> Raw {
    let mut lane = Raw::open(desk.addr(), identity, "files");
    lane.say(lane_of(NAME));
    assert_eq!(lane.hear_message(), Some(json!({"done": {}})));
    lane
}

fn code(answer: Option<&Value>) -> &str {
    answer.and_then(|answer| answer["error"]["code"].as_str()).unwrap_or_default()
}

/// It says nothing but that for a while.
fn wait_for_sign_of_life(main: &mut Raw) {
    loop {
        match main.hear().expect("it is not over") {
            (1, body) => {
                assert!(body.starts_with(br#"{"working""#), "{}", String::from_utf8_lossy(&body));
                return;
            }
            (4, _) => {} // verdicts
            (kind, _) => panic!("a receiver says no frames of kind {kind}"),
        }
    }
}

/// The call waits for a request again.
fn assert_goes_on(call: &mut Raw) {
    call.say(message(r#"{"stat":{"path":""}}"#));
    let answer = call.hear_message().expect("the call goes on");
    assert_eq!(answer["entry"]["entry"]["kind"], "dir", "{answer}");
}

/// It serves, nothing but `kept` is there to be seen, and it has not grown.
fn assert_unharmed(desk: &Serving, laptop: &Machine, kept: &[&str]) {
    let _ = laptop.cmd(["ls", "desk:"]).succeeds();
    let there: Vec<_> = all_below(&desk.machine().share()).into_iter().filter(|path| !path.contains(STAGING)).collect();
    assert_eq!(there, kept);
    let peak = peak_memory(desk.pid());
    assert!(peak <= MOST_MEMORY, "{peak} bytes were used");
}

#[test]
fn a_lane_of_no_stream_or_of_anothers_is_refused_and_its_call_goes_on() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let phone = office.machine("phone");
    phone.joins(&desk, "desk");
    let mut main = stream(&desk, &identity_of(&laptop), &[file("f", 1)]);
    let mut other = Raw::open(desk.addr(), &identity_of(&phone), "files");
    let mut own = Raw::open(desk.addr(), &identity_of(&laptop), "files");
    let refused = |call: &mut Raw, name: &str, wanted: &str| {
        call.say(lane_of(name));
        assert_eq!(code(call.hear_message().as_ref()), wanted, "{name}");
        assert_goes_on(call);
    };
    refused(&mut other, NAME, "not-found");
    refused(&mut own, &"f".repeat(32), "not-found");
    for malformed in [&NAME[1..], &NAME.to_uppercase(), ""] {
        refused(&mut own, malformed, "unsupported");
    }
    main.say([records(&[whole(0, b"x")]), finish()].concat());
    assert_eq!(main.hear_message().unwrap()["done"]["files"], 1);
    refused(&mut own, NAME, "not-found"); // it has ended
    assert_unharmed(&desk, &laptop, &["f"]);
    assert!(residue(desk.machine().share()).is_empty());
}

#[test]
fn a_stream_has_so_many_lanes_and_each_is_a_call_again_when_it_has_ended() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let identity = identity_of(&laptop);
    let names: Vec<String> = (0..=MOST_LANES).map(|n| format!("f{n:02}")).collect();
    let told: Vec<_> = names.iter().map(|name| file(name, 1)).collect();
    let mut main = stream(&desk, &identity, &told);
    let mut lanes: Vec<_> = (0..MOST_LANES).map(|_| lane(&desk, &identity)).collect();
    let mut one_more = Raw::open(desk.addr(), &identity, "files");
    one_more.say(lane_of(NAME));
    assert_eq!(code(one_more.hear_message().as_ref()), "conflict");
    assert_goes_on(&mut one_more);
    // The ends of the files first.
    for number in (0..).take(names.len()) {
        main.say(records(&[end(number, 1, b"x")]));
    }
    for (number, lane) in (0..).zip(&mut lanes) {
        lane.say([whole_group(number, 0, b"x"), working(), finish()].concat());
        assert_eq!(lane.hear_message(), Some(json!({"done": {}})));
        assert_goes_on(lane);
    }
    one_more.say(lane_of(NAME));
    assert_eq!(one_more.hear_message(), Some(json!({"done": {}})), "there is room again");
    main.say(finish());
    one_more.say([records(&[group(15, 0)]), working(), data("x"), finish()].concat());
    assert_eq!(one_more.hear_message(), Some(json!({"done": {}})));
    assert_goes_on(&mut one_more);
    assert_eq!(main.hear_message().unwrap()["done"]["files"], 16);
    assert_goes_on(&mut main);
    let kept: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_unharmed(&desk, &laptop, &kept);
    assert!(residue(desk.machine().share()).is_empty());
}

#[test]
fn what_is_no_group_on_a_lane_ends_it_in_words_and_cuts_its_stream() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let identity = identity_of(&laptop);
    let said: [(&str, Vec<u8>); 16] = [
        ("two groups at once", records(&[group(0, 0), group(0, 0)])),
        ("a record behind a group", records(&[group(0, 0), dir("d")])),
        ("a record before a group", records(&[dir("d"), group(0, 0)])),
        ("an entry", records(&[file("g", 1)])),
        ("an end", records(&[end(0, 1, b"x")])),
        ("all of a file", records(&[whole(0, b"x")])),
        ("a hole", records(&[Put::Hole { number: 0, first: 0, count: 1 }])),
        ("records of nothing", records(&[])),
        ("half a record", frame(4, &[7, 0])),
        ("a receiver's record", says(&[Say::Kept(Numbers::one(0))])),
        ("data without a group", data("x")),
        ("a group for a group", records(&[group(0, 0)]).repeat(2)),
        ("the end of the lane for a group", [records(&[group(0, 0)]), finish()].concat()),
        ("an item of the stream", message(r#"{"totals":{"files":1,"bytes":6}}"#)),
        ("a request", message(r#"{"list":{"path":""}}"#)),
        ("stderr data", frame(3, b"x")),
    ];
    for (what, said) in said {
        let mut main = stream(&desk, &identity, &[file("f", 1)]);
        let mut lane = lane(&desk, &identity);
        lane.say(said);
        let answers = lane.hear_all();
        assert_eq!(code(answers.last()), "bad-request", "{what}: {answers:?}");
        let answers = main.hear_all();
        assert!(answers.is_empty(), "{what}: the stream ends as if its line had been cut: {answers:?}");
    }
    assert_unharmed(&desk, &laptop, &[]);
    assert!(residue(desk.machine().share()).is_empty());
}

#[test]
fn a_group_that_can_not_be_ends_the_stream_in_words_whichever_call_it_came_over() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let identity = identity_of(&laptop);
    let pressed = |inflated| records(&[Put::Group { number: 0, index: 0, inflated: Some(inflated) }]);
    let said: [(&str, Vec<u8>); 7] = [
        ("of a file that was not told", whole_group(1, 0, b"x")),
        ("longer than its file", whole_group(0, 0, b"xy")),
        ("of no bytes", whole_group(0, 0, b"")),
        ("behind its file", whole_group(0, 1, b"x")),
        ("far behind its file", whole_group(0, u64::MAX, b"x")),
        ("pressed, and not", [pressed(1), data("x")].concat()),
        ("pressed, of too much", [pressed(u32::MAX), data("x")].concat()),
    ];
    for (what, said) in said {
        let mut main = stream(&desk, &identity, &[file("f", 1)]);
        let mut lane = lane(&desk, &identity);
        lane.say([said, finish()].concat());
        let answers = main.hear_all();
        assert_eq!(code(answers.last()), "bad-request", "{what}: {answers:?}");
    }
    // Far more than was announced, of a file that is not wanted.
    let mut main = stream(&desk, &identity, &[file("..", 1), file("f", 1)]);
    let mut lane = lane(&desk, &identity);
    lane.say(whole_group(0, 0, &[7; MIB]).repeat(2));
    assert_eq!(code(main.hear_all().last()), "bad-request");
    assert_unharmed(&desk, &laptop, &[]);
    assert!(residue(desk.machine().share()).is_empty());
}

#[test]
fn groups_of_a_file_that_was_refused_or_given_up_are_let_pass() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let identity = identity_of(&laptop);
    let mut main = stream(&desk, &identity, &[file("..", 4), file("evil", 4), file("good", 4)]);
    let mut lane = lane(&desk, &identity);
    main.say(records(&[end(1, 4, b"good"), end(2, 4, b"good")]));
    wait_for_sign_of_life(&mut main); // so the first group of each is its last
    lane.say([whole_group(0, 0, b"good"), whole_group(1, 0, b"evil"), whole_group(1, 0, b"good")].concat());
    lane.say([whole_group(2, 0, b"good"), whole_group(2, 0, b"evil"), finish()].concat());
    assert_eq!(lane.hear_message(), Some(json!({"done": {}})));
    main.say(finish());
    let answers: Vec<_> = std::iter::from_fn(|| main.hear_message()).take(2).collect();
    assert_eq!(
        (&answers[0]["failed"]["file"], &answers[0]["failed"]["fault"]["code"]),
        (&json!(1), &json!("integrity"))
    );
    assert_eq!((&answers[1]["done"]["files"], &answers[1]["done"]["failed"]), (&json!(1), &json!(2)), "{answers:?}");
    assert_goes_on(&mut main);
    assert_unharmed(&desk, &laptop, &["good"]);
    assert_eq!(fs::read(desk.machine().share().join("good")).unwrap(), b"good");
    assert!(residue(desk.machine().share()).is_empty());
}

#[test]
fn a_lane_that_is_cut_before_or_after_all_else_was_said_cuts_the_stream() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let identity = identity_of(&laptop);
    let (bytes, size) = (random(7, 2 * MIB), 2 * MIB as u64);
    let share = desk.machine().share();
    let told = [dir("new"), file("f", size), file("small", 1), dir_end()];
    for all_else_was_said in [false, true] {
        let mut main = stream(&desk, &identity, &told);
        let mut lane = lane(&desk, &identity);
        main.say([records(&[whole(1, b"x")]), whole_group(0, 0, &bytes[..MIB])].concat());
        if all_else_was_said {
            main.say([records(&[end(0, size, &bytes)]), finish()].concat());
            wait_for_sign_of_life(&mut main); // so all of that has been taken, and only the lane is waited for
        }
        lane.say(&whole_group(0, 1, &bytes[MIB..])[..1000]);
        lane.cut();
        let answers: Vec<_> = main.hear_all();
        assert!(answers.is_empty(), "neither done nor failed: {answers:?}");
        assert!(!share.join("new").exists(), "{all_else_was_said}");
    }
    // What came is taken up by the stream that goes on for it.
    let mut main = Raw::open(desk.addr(), &identity, "files");
    main.say([put(), records(&told)].concat());
    let mut verdicts = Vec::new();
    while verdicts.len() < 2 {
        let Some(Word::Records(more)) = main.hear_word() else { panic!("no verdict") };
        verdicts.extend(said(&more));
    }
    assert!(matches!(&verdicts[0], Say::Rest { number: 0, runs, .. } if *runs == [(0, 1)]), "{verdicts:?}");
    assert!(matches!(&verdicts[1], Say::Same(small) if small.from == 1), "{verdicts:?}");
    main.say([whole_group(0, 1, &bytes[MIB..]), records(&[end(0, size, &bytes)]), finish()].concat());
    while let Some(answer) = main.hear_message() {
        if answer["done"].is_object() {
            break;
        }
        assert_eq!(answer, json!({"tree": {"path": "new"}}));
    }
    assert_unharmed(&desk, &laptop, &["new", "new/f", "new/small"]);
    assert!(fs::read(share.join("new/f")).unwrap() == bytes);
    assert!(residue(share).is_empty());
}

#[test]
fn the_end_of_a_file_may_come_before_its_group_but_not_in_its_place() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let identity = identity_of(&laptop);
    let (bytes, size) = (random(8, 2 * MIB), 2 * MIB as u64);
    let mut main = stream(&desk, &identity, &[file("late", 4), file("never", size), file("without", 4)]);
    let mut lane = lane(&desk, &identity);
    main.say([records(&[end(0, 4, b"good"), end(1, size, &bytes), end(2, 4, b"good")]), finish()].concat());
    lane.say([whole_group(0, 0, b"good"), whole_group(1, 0, &bytes[..MIB]), finish()].concat());
    assert_eq!(lane.hear_message(), Some(json!({"done": {}})));
    let answers: Vec<_> = std::iter::from_fn(|| main.hear_message()).take(3).collect();
    let mut failed: Vec<_> = answers[..2].iter().map(|answer| answer["failed"]["file"].as_u64()).collect();
    failed.sort_unstable();
    assert_eq!(failed, [Some(1), Some(2)], "{answers:?}");
    assert!(answers[..2].iter().all(|answer| answer["failed"]["fault"]["code"] == "integrity"), "{answers:?}");
    assert_eq!((&answers[2]["done"]["files"], &answers[2]["done"]["failed"]), (&json!(1), &json!(2)), "{answers:?}");
    assert_goes_on(&mut main);
    assert_goes_on(&mut lane);
    assert_unharmed(&desk, &laptop, &["late"]);
    assert_eq!(partials(desk.machine().share()).len(), 1, "the group of `never` that came");
}

#[test]
fn without_a_lane_the_end_of_a_file_is_its_end() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let mut main = stream(&desk, &identity_of(&laptop), &[file("f", 4)]);
    main.say(records(&[end(0, 4, b"good")]));
    assert_eq!(main.hear_message().unwrap()["failed"]["file"], 0);
    // One that joins then changes nothing.
    let mut lane = lane(&desk, &identity_of(&laptop));
    lane.say([whole_group(0, 0, b"good"), finish()].concat());
    assert_eq!(lane.hear_message(), Some(json!({"done": {}})));
    main.say(finish());
    assert_eq!(main.hear_message().unwrap()["done"]["failed"], 1);
    assert_unharmed(&desk, &laptop, &[]);
}

#[test]
fn a_silent_lane_is_waited_for_and_others_are_served_meanwhile() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let identity = identity_of(&laptop);
    let mut main = stream(&desk, &identity, &[file("f", 1)]);
    let (mut silent, mut last) = (lane(&desk, &identity), lane(&desk, &identity));
    main.say([records(&[whole(0, b"x")]), finish()].concat());
    (0..2).for_each(|_| wait_for_sign_of_life(&mut main));
    assert_unharmed(&desk, &laptop, &[]);
    last.say(finish());
    assert_eq!(last.hear_message(), Some(json!({"done": {}})));
    assert!(!desk.machine().share().join("f").exists());
    silent.say(finish());
    assert_eq!(silent.hear_message(), Some(json!({"done": {}})));
    assert_eq!(main.hear_message().unwrap()["done"]["files"], 1);
    assert_unharmed(&desk, &laptop, &["f"]);
}

#[test]
fn a_stream_whose_key_is_revoked_while_it_waits_for_its_lane_publishes_nothing() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let identity = identity_of(&laptop);
    let mut main = stream(&desk, &identity, &[dir("new"), file("f", 1), dir_end()]);
    let mut lanes = [lane(&desk, &identity), lane(&desk, &identity)];
    main.say([records(&[whole(0, b"x"), file("g", 1), whole(1, b"x")]), finish()].concat());
    wait_for_sign_of_life(&mut main);
    let fingerprint = identity.public().fingerprint().to_string();
    let revoked = desk.machine().cmd(["key", "revoke", &fingerprint, "--json"]).succeeds().json_line();
    assert_eq!(revoked["cut"], 3);
    assert!(lanes.iter_mut().all(|lane| lane.hear_message().is_none()));
    assert!(main.hear_all().is_empty());
    let machine = desk.machine().clone();
    let _ = desk.stops(); // so that whatever it still did is done
    let there: Vec<_> = all_below(&machine.share()).into_iter().filter(|path| !path.contains(STAGING)).collect();
    assert!(there.is_empty(), "{there:?}");
}

#[test]
fn a_stream_that_goes_on_for_another_ends_it_and_gets_the_lanes_of_the_name() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let identity = identity_of(&laptop);
    let mut first = stream(&desk, &identity, &[file("f", 4)]);
    let mut old = lane(&desk, &identity);
    let mut second = stream(&desk, &identity, &[file("f", 4)]);
    assert!(first.hear_all().is_empty() && old.hear_all().is_empty(), "as if their lines had been cut");
    let mut new = lane(&desk, &identity);
    new.say([whole_group(0, 0, b"good"), finish()].concat());
    assert_eq!(new.hear_message(), Some(json!({"done": {}})));
    second.say([records(&[end(0, 4, b"good")]), finish()].concat());
    assert_eq!(second.hear_message().unwrap()["done"]["files"], 1);
    assert_unharmed(&desk, &laptop, &["f"]);
    assert!(residue(desk.machine().share()).is_empty());
}

#[test]
fn a_server_that_stops_lets_a_stream_and_its_lanes_end() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let identity = identity_of(&laptop);
    let mut main = stream(&desk, &identity, &[file("f", 4)]);
    let mut lane = lane(&desk, &identity);
    main.say([records(&[end(0, 4, b"good")]), finish()].concat());
    desk.sigterm();
    desk.running().wait_for_stdout("\"stopping\"");
    lane.say([whole_group(0, 0, b"good"), finish()].concat());
    assert_eq!(lane.hear_message(), Some(json!({"done": {}})));
    assert_eq!(code(lane.hear_message().as_ref()), "stopping");
    assert_eq!(main.hear_message().unwrap()["done"]["files"], 1);
    assert_eq!(code(main.hear_message().as_ref()), "stopping");
    let machine = desk.machine().clone();
    desk.running().wait_for_stdout("\"stopped\"");
    assert_eq!(fs::read(machine.share().join("f")).unwrap(), b"good");
}

#[test]
fn a_lane_that_takes_nothing_does_not_hold_up_the_stream_that_goes_on_for_its_own() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let identity = identity_of(&laptop);
    for n in 0..100 {
        let path = desk.machine().share().join(format!("folder/{n:02}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, random(n, 400_000)).unwrap();
    }
    let get = message(format!(r#"{{"get":{{"path":"folder","stream":"{NAME}"}}}}"#));
    let mut main = Raw::open(desk.addr(), &identity, "files");
    main.say(&get);
    let Some(Word::Records(_)) = main.hear_word() else { panic!("no entries") };
    // Wanted, and never read: all blocks wait at this line.
    main.say(says(&[Say::Want(Numbers { from: 0, count: 100 })]));
    let mut lane = lane(&desk, &identity);
    wait_for_sign_of_life(&mut lane); // there is nothing for it, and by now nothing moves any more
    let mut again = Raw::open(desk.addr(), &identity, "files");
    let began = Instant::now();
    again.say(&get);
    let Some(Word::Records(_)) = again.hear_word() else { panic!("no entries") };
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    drop((main, lane));
}
