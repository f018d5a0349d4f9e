//! Company: while other users copy there, one call carries each copy, whatever it asks for; alone, or beside who is slow for
//! reasons of his own, it has the lanes that help.

use std::fs;

use landline_testkit::{Cmd, Linkbox, Machine, Running, Way};
use serde_json::Value;

use crate::scene::{MIB, Scene, dense};
use crate::users::House;

/// Bytes a second of a connection.
const NARROW: u64 = 2 * MIB as u64;
/// What a server may need to see that somebody has company: it measures half a second.
const BIG: usize = 64 * MIB;

const BOTH: [Way; 2] = [Way::Up, Way::Down];

/// A line from the machine to the desk, each connection over it [`NARROW`].
fn narrow(house: &House, machine: &Machine) -> Linkbox {
    let line = Linkbox::to(house.desk.addr());
    machine.dials_through("desk", &line);
    for (way, seed) in BOTH.into_iter().zip(1..) {
        line.slow_each(way, NARROW, seed);
    }
    line
}

/// `big` to or from the desk, where it has another name.
fn copy(machine: &Machine, way: Way) -> Cmd {
    match way {
        Way::Up => machine.cmd(["put", "big", "desk:copy", "--json"]),
        Way::Down => machine.cmd(["get", "desk:big", "copy", "--json"]),
    }
}

/// A user with a home, and a `big` of so many bytes there and here.
fn user(house: &House, name: &str, bytes: usize) -> Machine {
    let machine = house.added(name, &[]);
    dense(machine.work().join("big"), 5, bytes);
    let _ = machine.cmd(["put", "big", "desk:"]).succeeds();
    machine
}

/// A copy that has begun.
fn begun(machine: &Machine, line: &Linkbox, way: Way) -> Running {
    let before = line.passed(way);
    let running = copy(machine, way).args(["--lanes", "1"]).spawn();
    line.wait_until_passed(way, before + MIB as u64);
    running
}

fn wait_for_calls_of(house: &House, user: &str, count: usize) {
    let is_his = |call: &Value| call["user"] == user;
    while house.desk.machine().cmd(["who", "--json"]).succeeds().json().iter().filter(|call| is_his(call)).count()
        != count
    {}
}

/// The most calls that carried the copy, and whether it was told to use fewer.
fn told(said: &[Value]) -> (u64, bool) {
    let done = said.last().unwrap();
    (done["lanes"].as_u64().unwrap(), done["crowded"].as_bool().unwrap())
}

#[test]
fn lanes_leave_a_copy_when_another_user_comes_and_it_comes_whole() {
    let house = House::new();
    let (amy, bob) = (user(&house, "amy", BIG), user(&house, "bob", BIG));
    let (lines, his) = (narrow(&house, &amy), narrow(&house, &bob));
    for way in BOTH {
        let running = copy(&amy, way).args(["--lanes", "4"]).spawn();
        wait_for_calls_of(&house, "amy", 4);
        let company = begun(&bob, &his, way);
        wait_for_calls_of(&house, "amy", 1);
        drop(company);
        lines.full_speed(way);
        assert_eq!(told(&running.wait().exits_with(0).json()), (4, true), "{way:?}");
        let arrived = match way {
            Way::Up => house.home("amy").join("copy"),
            Way::Down => amy.work().join("copy"),
        };
        assert!(fs::read(arrived).unwrap() == fs::read(amy.work().join("big")).unwrap(), "{way:?}");
        wait_for_calls_of(&house, "bob", 0);
    }
}

#[test]
fn no_lane_is_let_in_while_another_user_copies_and_who_asked_for_some_is_told_why() {
    let house = House::new();
    let (amy, bob) = (user(&house, "amy", 6 * MIB), user(&house, "bob", BIG));
    let (_line, his) = (narrow(&house, &amy), narrow(&house, &bob));
    let _company = begun(&bob, &his, Way::Up);
    for way in BOTH {
        let said = copy(&amy, way).args(["--ignore-times", "--lanes", "4"]).succeeds();
        assert_eq!(told(&said.json()), (1, true), "{way:?}");
    }
    let put = amy.cmd(["put", "big", "desk:", "--ignore-times", "--lanes", "4"]).succeeds();
    let _ = put.stderr_has("others copied there at the same time, so desk let fewer calls carry this");
}

#[test]
fn who_is_slow_for_reasons_of_his_own_takes_no_lanes_from_others() {
    let house = House::new();
    let (amy, bob) = (user(&house, "amy", 6 * MIB), user(&house, "bob", 6 * MIB));
    let (_line, his) = (narrow(&house, &amy), narrow(&house, &bob));
    let running = copy(&bob, Way::Up).spawn();
    his.wait_until_passed(Way::Up, MIB as u64);
    his.slow(Way::Up, NARROW / 20, 3);
    for way in BOTH {
        let said = copy(&amy, way).args(["--lanes", "2"]).succeeds();
        assert_eq!(told(&said.json()), (2, false), "{way:?}");
    }
    drop(running);
}

#[test]
fn machines_of_one_user_are_no_company_of_each_other() {
    let house = House::new();
    let amy = user(&house, "amy", BIG);
    let phone = house.another_of("amy", "phone");
    dense(phone.work().join("big"), 6, 6 * MIB);
    let (hers, _line) = (narrow(&house, &amy), narrow(&house, &phone));
    let _running = begun(&amy, &hers, Way::Down);
    let said = copy(&phone, Way::Up).args(["--lanes", "2"]).succeeds();
    assert_eq!(told(&said.json()), (2, false));
}

#[test]
fn friends_share_a_name_and_are_company_all_the_same() {
    let scene = Scene::new();
    let phone = scene.another("phone");
    let lines: Vec<_> = [&scene.laptop, &phone]
        .map(|machine| {
            let line = Linkbox::to(scene.desk.addr());
            machine.dials_through("desk", &line);
            line.slow_each(Way::Up, NARROW, 7);
            line
        })
        .into();
    dense(scene.laptop.work().join("big"), 7, BIG);
    dense(phone.work().join("big"), 8, 6 * MIB);
    let _running = begun(&scene.laptop, &lines[0], Way::Up);
    let said = phone.cmd(["put", "big", "desk:other", "--json", "--lanes", "2"]).succeeds();
    assert_eq!(told(&said.json()), (1, true));
}
