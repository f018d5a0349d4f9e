//! The door: few strangers at once, one at a time of a source that failed, and callers that try again get in.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use landline_addr::endpoint::{Endpoint, Host};
use landline_net::{DialLimits, Dialer, ServerLimits, limits::PenaltyLimits};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    house::{ALICE, DESK, House, MALLORY, at, calm, dialer, echoes, identity, key, loopback, millis, patient, soon},
    raw,
    relay::Relay,
};

/// One refused key is enough to be slowed for the rest of the test.
fn strict() -> ServerLimits {
    let long = Duration::from_secs(500);
    ServerLimits { penalties: PenaltyLimits { refused: long, ..calm().penalties }, ..calm() }
}

/// Fails once, and waits for the end of it.
async fn fail(seed: u8, address: SocketAddr) {
    let mut line = raw::tls_as(seed, address).await;
    line.write_all(&raw::opening("echo")).await.unwrap();
    line.shutdown().await.unwrap();
    assert_ne!(raw::rest_of(&mut line).await, b"", "it is refused");
}

async fn is_turned_away(address: SocketAddr) -> bool {
    let mut socket = TcpStream::connect(address).await.unwrap();
    drop(socket.write_all(&raw::client_hello(MALLORY)).await);
    raw::rest_of(&mut socket).await.is_empty()
}

/// A dialler that is turned away at once, and does not try again.
fn meek(seed: u8) -> Dialer {
    Dialer::new(identity(seed), DialLimits { retries: 0, ..patient() })
}

#[tokio::test]
async fn a_full_door_turns_callers_away_and_a_place_that_is_left_is_free_again() {
    let limits = ServerLimits { strangers_start: 2, strangers_full: 2, ..calm() };
    let house = House::open(limits).await;
    let first = raw::stand_in_the_door(house.address()).await;
    let _second = raw::stand_in_the_door(house.address()).await;
    assert!(is_turned_away(house.address()).await);
    assert!(house.call_by(&meek(ALICE), "echo").await.is_err(), "a known key is a stranger until it was shown");
    drop(first);
    echoes(&mut house.call(ALICE, "echo").await.unwrap()).await;
}

#[tokio::test]
async fn one_source_has_no_more_places_than_its_share() {
    let house = House::open(ServerLimits { strangers_per_source: 1, ..calm() }).await;
    let _standing = raw::stand_in_the_door(house.address()).await;
    assert!(is_turned_away(house.address()).await);
}

#[tokio::test]
async fn an_admitted_call_holds_no_place() {
    let house = House::open(ServerLimits { strangers_start: 1, strangers_full: 1, ..calm() }).await;
    let mut calls = Vec::new();
    for _ in 0..5 {
        let mut call = house.call_by(&meek(ALICE), "echo").await.unwrap();
        echoes(&mut call).await;
        calls.push(call);
    }
    for call in &mut calls {
        echoes(call).await;
    }
}

#[tokio::test]
async fn an_introduction_holds_its_place_until_it_ends() {
    let house = House::open(ServerLimits { strangers_start: 1, strangers_full: 1, ..calm() }).await;
    let mut meeting = soon(dialer(MALLORY).introduce(&at(house.address()), "meet")).await.unwrap();
    meeting.send(&serde_json::json!({"wait": {}})).await.unwrap();
    assert!(is_turned_away(house.address()).await);
    drop(meeting);
    echoes(&mut house.call(ALICE, "echo").await.unwrap()).await;
}

#[tokio::test]
async fn a_source_that_failed_has_one_place_at_a_time_and_is_still_served() {
    let house = House::open(strict()).await;
    fail(MALLORY, house.address()).await;
    let standing = raw::stand_in_the_door(house.address()).await;
    assert!(is_turned_away(house.address()).await);
    drop(standing);
    echoes(&mut house.call(ALICE, "echo").await.unwrap()).await;
}

#[tokio::test]
async fn calls_that_are_admitted_cost_nothing_however_many() {
    let house = House::open(strict()).await;
    for _ in 0..20 {
        echoes(&mut house.call_by(&meek(ALICE), "echo").await.unwrap()).await;
    }
    let _standing = raw::stand_in_the_door(house.address()).await;
    echoes(&mut house.call_by(&meek(ALICE), "echo").await.unwrap()).await;
}

#[tokio::test]
async fn each_kind_of_failure_slows_its_source() {
    let long = Duration::from_secs(500);
    for (penalties, said) in [
        (PenaltyLimits { no_attempt: long, ..calm().penalties }, vec![]),
        (PenaltyLimits { ran_out: long, ..calm().penalties }, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        (PenaltyLimits { ran_out: long, ..calm().penalties }, raw::client_hello(MALLORY)),
    ] {
        let house = House::open(ServerLimits { penalties, handshake: millis(200), ..calm() }).await;
        let mut socket = TcpStream::connect(house.address()).await.unwrap();
        socket.write_all(&said).await.unwrap();
        if said.is_empty() {
            socket.shutdown().await.unwrap();
        }
        raw::rest_of(&mut socket).await;
        let _standing = raw::stand_in_the_door(house.address()).await;
        assert!(is_turned_away(house.address()).await, "{said:.9?} cost nothing");
    }
}

#[tokio::test]
async fn an_ipv4_source_is_the_same_on_a_dual_stack_socket_and_an_ipv6_one_is_another() {
    let both = Endpoint::Tcp { host: Host::Any, port: 0 };
    let house = House::listening(strict(), &[both, loopback()]).await;
    let dual = |ip: IpAddr| SocketAddr::new(ip, house.addresses[0].port());
    fail(MALLORY, dual(Ipv4Addr::LOCALHOST.into())).await;
    let _standing = raw::stand_in_the_door(house.addresses[1]).await;
    assert!(is_turned_away(dual(Ipv4Addr::LOCALHOST.into())).await, "the mapped address is the address");
    if house.addresses[0].is_ipv6() {
        raw::stand_in_the_door(dual(Ipv6Addr::LOCALHOST.into())).await;
    }
}

#[tokio::test]
async fn a_dialler_that_is_turned_away_tries_again_and_gets_in_later() {
    let house = House::open(ServerLimits { strangers_start: 1, strangers_full: 1, ..calm() }).await;
    let mut relay = Relay::before(house.address(), 0).await;
    let standing = raw::stand_in_the_door(house.address()).await;
    let endpoint = at(relay.address);
    let calling = tokio::spawn(async move { dialer(ALICE).call(&endpoint, &[key(DESK)], "echo").await });
    relay.sees(3).await; // so it was turned away twice
    drop(standing);
    echoes(&mut soon(calling).await.unwrap().unwrap()).await;
}
