//! What becomes of a code: used, burned, over, never there. Both people are told. Source: PROTOCOL.md §6.4.

use std::time::{Duration, SystemTime};

use landline_store::{Codes as _, Store};
use landline_testkit::{Cut, Linkbox, Running, Serving, Way};
use serde_json::json;

use super::{admin, contacts, invited, join, number, office, open_codes, wrong};
use crate::raw;

/// `invite --wait`, waiting, and its code.
fn waiting(desk: &Serving) -> (Running, String) {
    let before = open_codes(desk);
    let waiting = desk.machine().cmd(["invite", "--wait"]).spawn();
    waiting.wait_for_stderr("and type the code when it asks.\n");
    let number = *open_codes(desk).difference(&before).next().expect("it is open");
    let store = Store::open(&raw::home_of(desk.machine())).unwrap();
    let open = store.code(number.try_into().unwrap(), SystemTime::now());
    let secret = raw::block_on(open).unwrap().expect("it is open").secret;
    (waiting, format!("{number}-{}", *secret))
}

/// What the joiner is told whenever no open code matched, whatever the reason.
const NO_MATCH: &str = "error: the code did not match, or is no longer open\n";

#[test]
fn wrong_words_burn_the_code_and_both_sides_are_told() {
    let office = office();
    let mut desk = office.machine("desk").serve();
    let (waiting, awaited) = waiting(&desk);
    let before = open_codes(&desk);
    let code = invited(&desk);
    let laptop = office.machine("laptop");
    let done = join(&laptop, &desk, "desk").env("LANDLINE_CODE", wrong(&code)).fails_with(5);
    let _ = done
        .stderr_has(NO_MATCH)
        .stderr_has("ask for a new one (landline invite)")
        .never_says(code.split_once('-').unwrap().1);
    assert_eq!(desk.wait_for_event(|event| event["event"] == "code-burned")["code"], number(&code));
    let warning = format!("warning: somebody tried code {} with wrong words, so it is used up.", number(&code));
    desk.running().wait_for_stderr(&warning);

    join(&laptop, &desk, "desk").env("LANDLINE_CODE", &code).fails_with(5).stderr_has(NO_MATCH);
    assert!(contacts(&laptop).is_empty());
    assert_eq!(open_codes(&desk), before, "no other code was touched");

    join(&laptop, &desk, "desk").env("LANDLINE_CODE", wrong(&awaited)).fails_with(5);
    let _ = waiting.wait().exits_with(1).stderr_has("somebody tried the code with wrong words");
}

#[test]
fn a_code_works_once() {
    let office = office();
    let mut desk = office.machine("desk").serve();
    let code = invited(&desk);
    join(&office.machine("laptop"), &desk, "desk").env("LANDLINE_CODE", &code).succeeds();
    assert_eq!(desk.wait_for_event(|event| event["event"] == "introduced")["code"], number(&code));
    let late = office.machine("late");
    join(&late, &desk, "desk").env("LANDLINE_CODE", &code).fails_with(5).stderr_has(NO_MATCH);
    assert!(contacts(&late).is_empty());
    assert_eq!(desk.machine().cmd(["key", "list", "--json"]).succeeds().json().len(), 1);
}

#[test]
fn who_waits_for_a_code_hears_that_it_was_used() {
    let office = office();
    let desk = office.machine("desk").serve();
    let (waiting, code) = waiting(&desk);
    let laptop = office.machine("laptop");
    laptop.joins(&desk, "desk");
    assert!(open_codes(&desk).contains(&number(&code)), "another code was used, and the wait goes on");
    join(&office.machine("late"), &desk, "desk").env("LANDLINE_CODE", &code).succeeds();
    let _ = waiting.wait().exits_with(0).stdout(&format!("{code}\n")).stderr_has("Introduced: a machine with the key");
}

#[test]
fn a_number_that_no_code_has_is_answered_as_wrong_words_are() {
    let office = office();
    let desk = office.machine("desk").serve();
    let open = open_codes(&desk);
    assert_eq!(open.len(), 1, "the invitation of the first start");
    let free = (1..=999).find(|number| !open.contains(number)).unwrap();
    let done = join(&office.machine("laptop"), &desk, "desk").env("LANDLINE_CODE", format!("{free}-zoo-zone"));
    let _ = done.fails_with(5).stderr_has(NO_MATCH);
    assert_eq!(open_codes(&desk), open);
}

#[test]
fn a_code_that_is_over_introduces_nobody() {
    let office = office();
    let desk = office.machine("desk").serve();
    let open = open_codes(&desk);
    let answer = admin(&desk, &json!({"invite": {"seconds": 1}}));
    let code = answer["invitation"]["code"].as_str().unwrap();
    // On a slow line the first word of the joiner comes when the second is over, however fast the rest of the test is.
    let line = Linkbox::to(desk.addr());
    line.delay(Way::Up, Duration::from_millis(1100)..Duration::from_millis(1200), 1);
    let laptop = office.machine("laptop");
    let done = laptop.cmd(["join", &line.address(), "--name", "desk"]).env("LANDLINE_CODE", code).fails_with(5);
    let _ = done.stderr_has(NO_MATCH);
    assert_eq!(open_codes(&desk), open);
    assert!(contacts(&laptop).is_empty());
}

#[test]
fn how_long_a_code_lives_is_a_setting_with_bounds() {
    let office = office();
    let desk = office.machine("desk").serve();
    let invite = |args: &[&str]| desk.machine().cmd(["invite", "--json"]).args(args);
    assert_eq!(invite(&[]).succeeds().json_line()["expires_in"], 600);
    assert_eq!(invite(&["--minutes", "3"]).succeeds().json_line()["expires_in"], 180);
    let set = invite(&[]).env("LANDLINE_CODE_MINUTES", "7").succeeds().json_line();
    assert_eq!(set["expires_in"], 420);
    for minutes in ["0", "1441", "soon"] {
        invite(&["--minutes", minutes]).fails_with(2);
    }
}

#[test]
fn a_line_that_is_cut_in_the_handshake_is_tried_again_and_the_code_is_still_good() {
    let office = office();
    let desk = office.machine("desk").serve();
    let code = invited(&desk);
    let line = Linkbox::to(desk.addr());
    line.cut_after(Way::Down, 1, Cut::Reset);
    let laptop = office.machine("laptop");
    laptop.cmd(["join", &line.address(), "--name", "desk"]).env("LANDLINE_CODE", &code).succeeds();
    assert_eq!(line.calls(), 2, "the first line was cut");
}
