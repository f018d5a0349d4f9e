//! Revocation: a key that is taken back is a stranger's at once, whatever it was doing and however its TLS began.

use std::net::Ipv4Addr;
use std::sync::Arc;

use landline_addr::endpoint::Endpoint;
use landline_net::{DialLimits, Dialer};
use landline_store::{Keys as _, Store};
use landline_testkit::{Linkbox, Machine, Office, Running, Serving, Way};
use serde_json::{Value, json};

use crate::halfway;
use crate::raw::{self, Raw, identity_of, message, opening};

fn office() -> Office {
    Office::new(env!("CARGO_BIN_EXE_landline"))
}

fn fingerprint(machine: &Machine) -> String {
    identity_of(machine).public().fingerprint().to_string()
}

/// The transfer ended in the middle, and the server has kept nothing of what was not whole.
fn assert_cut(desk: &Serving, put: Running, line: &Linkbox) {
    line.resume(Way::Up);
    let _ = put.wait().exits_with(4).stderr_has("the line to desk was cut");
    assert_eq!(halfway::big_in(&desk.machine().share()), None);
}

#[test]
fn revoking_cuts_a_running_transfer_and_refuses_every_later_call() {
    let office = office();
    let (mut desk, laptop) = office.introduced();
    laptop.cmd(["ls", "desk:"]).succeeds();
    let (put, line) = halfway::put(&desk, &laptop);
    let fingerprint = fingerprint(&laptop);
    let revoked = desk.machine().cmd(["key", "revoke", &fingerprint, "--json"]).succeeds().json_line();
    assert_eq!(revoked, json!({"revoked": fingerprint, "cut": 1}));
    assert_eq!(desk.wait_for_event(|event| event["event"] == "key-revoked")["fingerprint"], fingerprint);
    assert_cut(&desk, put, &line);
    for command in [&["ls", "desk:"][..], &["put", "load", "desk:"], &["get", "desk:x", "."]] {
        laptop.cmd(command).fails_with(5).stderr_has("desk refused this call").stderr_has("landline invite");
    }
    assert!(desk.machine().cmd(["key", "list", "--json"]).succeeds().json().is_empty());
    let _ = desk.stops().stderr_has(&format!("Revoked: the machine with the key {fingerprint}"));
}

#[test]
fn a_key_revoked_straight_in_the_store_is_noticed_by_the_running_server() {
    let office = office();
    let (mut desk, laptop) = office.introduced();
    let (put, line) = halfway::put(&desk, &laptop);
    let store = Store::open(&raw::home_of(desk.machine())).unwrap();
    let key = identity_of(&laptop).public();
    assert_eq!(raw::block_on(store.revoke(&key.fingerprint())).unwrap(), Some(key));
    desk.wait_for_event(|event| event["event"] == "key-revoked");
    assert_cut(&desk, put, &line);
    laptop.cmd(["ls", "desk:"]).fails_with(5);
}

#[test]
fn others_go_on_when_one_is_revoked() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let phone = office.machine("phone");
    phone.joins(&desk, "desk");
    let (put, line) = halfway::put(&desk, &laptop);
    let revoked = desk.machine().cmd(["key", "revoke", &fingerprint(&phone), "--json"]).succeeds().json_line();
    assert_eq!(revoked["cut"], 0);
    phone.cmd(["ls", "desk:"]).fails_with(5);
    line.resume(Way::Up);
    let _ = put.wait().exits_with(0);
}

/// Asks for a listing; what came back, or that the line ended.
fn list(line: &mut Raw) -> Option<Value> {
    line.say(message(r#"{"list":{"path":""}}"#));
    line.hear_message()
}

#[test]
fn a_resumed_session_does_not_bring_a_revoked_key_back() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let config = Arc::new(identity_of(&laptop).client_config(true).unwrap());
    let dial = || {
        let mut line = Raw::dial_with(Ipv4Addr::LOCALHOST, desk.addr(), &config).unwrap();
        line.say(opening("files"));
        line
    };
    let empty = json!({"entries": {"entries": [], "more": false}});
    let mut first = dial();
    assert!(!first.resumed());
    assert_eq!(list(&mut first), Some(empty.clone()));
    let mut second = dial();
    assert!(second.resumed(), "TLS goes on with the first session");
    assert_eq!(list(&mut second), Some(empty));
    desk.machine().cmd(["key", "revoke", &fingerprint(&laptop)]).succeeds().stderr_has("2 open calls cut");
    assert_eq!((list(&mut first), list(&mut second)), (None, None), "open calls end without a word");
    let mut third = dial();
    assert!(third.resumed(), "TLS knows nothing of it");
    assert_eq!(list(&mut third), Some(json!({"error": {"code": "refused"}})));
}

#[test]
fn one_process_that_called_before_is_refused_after_it_was_revoked() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let dialer = Dialer::new(identity_of(&laptop), DialLimits::default());
    let endpoint: Endpoint = format!("tcp://{}", desk.addr()).parse().unwrap();
    let pins = [identity_of(desk.machine()).public()];
    let ask = async || {
        let mut call = dialer.call(&endpoint, &pins, "files").await.unwrap();
        call.ask::<_, Value>(&json!({"list": {"path": ""}})).await.unwrap()
    };
    raw::block_on(async {
        assert!(ask().await["entries"].is_object());
        assert!(ask().await["entries"].is_object());
        desk.machine().cmd(["key", "revoke", &fingerprint(&laptop)]).succeeds();
        assert_eq!(ask().await, json!({"error": {"code": "refused"}}));
    });
}

#[test]
fn who_was_revoked_can_be_introduced_again() {
    let office = office();
    let (desk, laptop) = office.introduced();
    desk.machine().cmd(["key", "revoke", &fingerprint(&laptop)]).succeeds();
    laptop.cmd(["ls", "desk:"]).fails_with(5);
    laptop.joins(&desk, "desk");
    laptop.cmd(["ls", "desk:"]).succeeds();
}

#[test]
fn a_key_is_revoked_by_the_beginning_of_its_fingerprint_or_its_label_and_never_by_a_guess() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let phone = office.machine("phone");
    phone.joins(&desk, "desk");
    let revoke = |which: &str| desk.machine().cmd(["key", "revoke", which]);
    let keys = desk.machine().cmd(["key", "list", "--json"]).succeeds().json();
    let label = keys[0]["label"].as_str().unwrap();
    let both = revoke(label).fails_with(9).stderr_has(&fingerprint(&laptop)).stderr_has(&fingerprint(&phone));
    let _ = both.stderr_has("give more of the fingerprint");
    revoke("zzzz-zzzz").fails_with(8).stderr_has("landline key list");
    revoke("\u{1b}[2J").fails_with(8).never_says("\u{1b}");
    laptop.cmd(["ls", "desk:"]).succeeds();
    revoke(&fingerprint(&laptop)[..14]).succeeds();
    laptop.cmd(["ls", "desk:"]).fails_with(5);
    phone.cmd(["ls", "desk:"]).succeeds();
    revoke(label).succeeds().stderr_has(&fingerprint(&phone));
    phone.cmd(["ls", "desk:"]).fails_with(5);
}

#[test]
fn without_a_running_server_a_key_can_be_revoked_too() {
    let office = office();
    let (desk, laptop) = office.introduced();
    let machine = desk.machine().clone();
    let _ = desk.stops();
    machine.cmd(["key", "revoke", &fingerprint(&laptop)]).succeeds();
    let desk = machine.serve();
    laptop.cmd(["contacts", "address", "desk", &desk.addr().to_string()]).succeeds();
    laptop.cmd(["ls", "desk:"]).fails_with(5).stderr_has("desk refused this call");
}
