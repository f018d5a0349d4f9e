//! Introductions by those who do not play fair: in the middle, in the place of the other, half-way, with odd labels.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use landline_net::tls::Identity;
use landline_testkit::Serving;
use landline_trust::introduction::{Binding, Inviter, Joiner};
use landline_wire::Blob;
use rand::rngs::OsRng;
use serde_json::{Value, json};

use super::{contacts, invited, join, number, office, open_codes};
use crate::raw::{Fake, Raw, message, nobody, refusal};

/// Ends the joiner's TLS with a key of its own, opens its own to the server, and carries every message over unchanged.
/// Answers with the last of them.
fn man_in_the_middle(server: SocketAddr) -> (SocketAddr, JoinHandle<Value>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let relaying = std::thread::spawn(move || {
        let mallory = nobody(66);
        let mut near = Raw::answer(&listener, &mallory).unwrap();
        let mut far = Raw::dial(server, &mallory);
        let mut last = Value::Null;
        for up in [true, true, false, true, false] {
            let (from, to) = if up { (&mut near, &mut far) } else { (&mut far, &mut near) };
            last = from.hear_message().expect("it speaks in turn");
            to.say(message(last.to_string()));
        }
        near.goodbye();
        last
    });
    (address, relaying)
}

#[test]
fn a_man_in_the_middle_who_passes_everything_on_fails_at_both_ends_and_burns_the_code() {
    let office = office();
    let mut desk = office.machine("desk").serve();
    let code = invited(&desk);
    let (between, relaying) = man_in_the_middle(desk.addr());
    let laptop = office.machine("laptop");
    let joining = laptop.cmd(["join", &between.to_string(), "--name", "desk"]).env("LANDLINE_CODE", &code);
    let done = joining.fails_with(5).stderr_has("somebody may be between you and the other machine");
    let _ = done.stderr_has("error: the code did not match");
    assert_eq!(relaying.join().unwrap(), json!({"error": {"code": "no-match"}}));
    assert_eq!(desk.wait_for_event(|event| event["event"] == "code-burned")["code"], number(&code));
    assert!(contacts(&laptop).is_empty());
    assert!(desk.machine().cmd(["key", "list", "--json"]).succeeds().json().is_empty());
    join(&laptop, &desk, "desk").env("LANDLINE_CODE", &code).fails_with(5);
}

#[test]
fn an_impostor_who_does_not_know_the_code_is_not_believed() {
    let office = office();
    let laptop = office.machine("laptop");
    let fake = Fake::playing(67, |line| {
        let (_inviter, step) = Inviter::start(Some("zone-zoo"), &mut OsRng);
        line.say(message(json!({"blinded": {"step": Blob(step)}}).to_string()));
        assert!(line.hear_message().unwrap()["confirm"]["step"].is_string());
        line.say(message(json!({"confirmed": {"step": Blob(vec![7; 64]), "label": "desk"}}).to_string()));
    });
    let join = laptop.cmd(["join", &fake.address.to_string(), "--name", "desk"]).env("LANDLINE_CODE", "1-zoo-zone");
    let done = join.fails_with(5).stderr_has("could not prove that it knows the code");
    let _ = done.stderr_has("somebody is in between");
    assert!(contacts(&laptop).is_empty());
    fake.ended();
}

#[test]
fn an_impostor_who_confirms_unasked_or_talks_nonsense_is_not_believed() {
    let office = office();
    let laptop = office.machine("laptop");
    let nonsense = [
        json!({"confirmed": {"step": Blob(vec![7; 64]), "label": "desk"}}).to_string(),
        json!({"blinded": {"step": Blob(vec![7; 3])}}).to_string(),
        json!({"blinded": {"step": Blob(vec![255; 96])}}).to_string(),
        json!({"done": {}}).to_string(),
        "[".repeat(10_000),
    ];
    for said in nonsense {
        let answer = said.clone();
        let fake = Fake::playing(67, move |line| {
            line.say(message(answer));
        });
        let join = laptop.cmd(["join", &fake.address.to_string(), "--name", "d"]).env("LANDLINE_CODE", "1-zoo-zone");
        let _ = join.fails_with(70).stderr_has("broke the protocol");
        fake.ended();
    }
    assert!(contacts(&laptop).is_empty());
}

/// Begins an introduction: the inviter's first step was heard.
fn begun(desk: &Serving, identity: &Identity, number: u16) -> (Raw, Vec<u8>) {
    let mut line = Raw::open(desk.addr(), identity, "introduce");
    line.say(message(json!({"introduce": {"number": number}}).to_string()));
    let mut answer = line.hear_message().expect("every number is answered");
    let step: Blob = serde_json::from_value(answer["blinded"]["step"].take()).unwrap();
    (line, step.0)
}

#[test]
fn a_joiner_who_leaves_or_stammers_before_the_guess_costs_the_owner_nothing() {
    let office = office();
    let desk = office.machine("desk").serve();
    let code = invited(&desk);
    let number = u16::try_from(number(&code)).unwrap();
    let (line, _) = begun(&desk, &nobody(1), number);
    line.cut();
    let (mut line, _) = begun(&desk, &nobody(1), number);
    line.say(message(json!({"confirm": {"step": Blob(vec![0; 320]), "label": ""}}).to_string()));
    assert_eq!(line.rest(), refusal(), "what is no guess is refused");
    let (mut line, _) = begun(&desk, &nobody(1), number);
    line.say(message(json!({"confirm": {"step": Blob(vec![0; 3]), "label": ""}}).to_string()));
    assert_eq!(line.rest(), refusal());
    assert!(open_codes(&desk).contains(&number.into()));
    // Three failures have slowed this source, which may not keep a friend out.
    join(&office.machine("laptop"), &desk, "desk").env("LANDLINE_CODE", &code).succeeds();
}

#[test]
fn what_a_machine_calls_itself_can_not_act_on_the_owners_screen() {
    let office = office();
    let mut desk = office.machine("desk").serve();
    let code = invited(&desk);
    let (number, words) = code.split_once('-').unwrap();
    let mallory = nobody(3);
    let number = number.parse().unwrap();
    let (mut line, step) = begun(&desk, &mallory, number);
    let binding = Binding { exporter: &line.exporter(), inviter: &line.peer(), joiner: &mallory.public(), number };
    let (_joiner, answer) = Joiner::answer(words, &step, &binding, &mut OsRng).unwrap();
    let label = format!("\u{1b}[2J\u{202e}kcab\r\n{}", "x".repeat(2000));
    line.say(message(json!({"confirm": {"step": Blob(answer), "label": label}}).to_string()));
    assert!(line.hear_message().unwrap()["confirmed"].is_object());
    let told = desk.wait_for_event(|event| event["event"] == "introduced");
    assert_eq!(told["label"].as_str().unwrap().chars().count(), 64, "{told}");
    desk.running().wait_for_stderr("[2J\\u{202e}kcabxxx");
    let listed = desk.machine().cmd(["key", "list"]).succeeds();
    let _ = listed.stdout_has("\\u{202e}kcab").never_says("\u{1b}").never_says("\u{202e}");
    let _ = desk.stops().never_says("\u{1b}");
}
