//! Silent and slow peers: each phase of a connection has a deadline over the whole of it.

use std::time::{Duration, Instant};

use landline_net::{CallLimits, DialError, ServerLimits};
use landline_wire::{ErrorCode, Fault, Reply};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::interval,
};

use crate::{
    handler::Event,
    house::{
        ALICE, DESK, House, MALLORY, at, calm, dialer, echoes, end_of, identity, key, millis, patient, peer, soon,
    },
    raw,
};

/// The deadline under test.
const SHORT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_peer_that_connects_and_says_nothing_is_cut() {
    let house = House::open(ServerLimits { handshake: SHORT, ..calm() }).await;
    let start = Instant::now();
    let mut socket = TcpStream::connect(house.address()).await.unwrap();
    assert_eq!(raw::rest_of(&mut socket).await, b"");
    assert!(start.elapsed() >= SHORT);
}

#[tokio::test]
async fn a_peer_that_stops_inside_the_handshake_is_cut() {
    let house = House::open(ServerLimits { handshake: SHORT, ..calm() }).await;
    let hello = raw::client_hello(MALLORY);
    for said in [&hello[..3], &hello[..hello.len() / 2], &hello[..hello.len() - 1], &hello] {
        let start = Instant::now();
        let mut socket = TcpStream::connect(house.address()).await.unwrap();
        socket.write_all(said).await.unwrap();
        let answer = raw::rest_of(&mut socket).await;
        assert_eq!(answer.is_empty(), said.len() < hello.len(), "only a whole hello is answered");
        assert!(start.elapsed() >= SHORT);
    }
}

#[tokio::test]
async fn a_peer_that_dribbles_its_handshake_is_cut_though_each_byte_is_in_time() {
    let house = House::open(ServerLimits { handshake: SHORT, ..calm() }).await;
    let (mut rd, mut wr) = TcpStream::connect(house.address()).await.unwrap().into_split();
    let hello = raw::client_hello(MALLORY);
    let dribbling = async {
        // The pace is the attack: at ten milliseconds a byte, this hello takes over ten seconds.
        let mut pace = interval(millis(10));
        for (sent, byte) in hello.iter().enumerate() {
            pace.tick().await;
            if wr.write_u8(*byte).await.is_err() {
                return sent;
            }
        }
        hello.len()
    };
    tokio::select! {
        rest = raw::rest_of(&mut rd) => assert_eq!(rest, b""),
        sent = dribbling => assert!(sent < hello.len(), "it was let finish"),
    }
}

#[tokio::test]
async fn a_peer_that_is_silent_after_the_handshake_is_refused_like_any_stranger() {
    let house = House::open(ServerLimits { greeting: SHORT, ..calm() }).await;
    let refusal = landline_wire::encode(&Reply::Error(Fault::stranger())).unwrap();
    let opening = raw::opening("echo");
    for said in [&b""[..], &opening[..2], &opening[..4], &opening[..opening.len() - 1]] {
        let start = Instant::now();
        let mut line = raw::tls_as(MALLORY, house.address()).await;
        line.write_all(said).await.unwrap();
        assert_eq!(raw::rest_of(&mut line).await, refusal);
        assert!(start.elapsed() >= SHORT);
    }
}

#[tokio::test]
async fn a_peer_that_dribbles_frames_without_end_is_cut_though_each_byte_is_in_time() {
    let mut house = House::open(ServerLimits { greeting: SHORT, ..calm() }).await;
    let line = raw::tls_as(MALLORY, house.address()).await;
    let (mut rd, mut wr) = tokio::io::split(line);
    let dribbling = async {
        // Frames that a reader skips, so the opening message is always still to come.
        for byte in raw::frame(0x40, &[0; 999]).iter().cycle() {
            if wr.write_all(&[*byte]).await.and(wr.flush().await).is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = dribbling => unreachable!("it has no end"),
        rest = raw::rest_of(&mut rd) => {
            let refusal = landline_wire::encode(&Reply::Error(Fault::stranger())).unwrap();
            assert!(rest.is_empty() || rest == refusal, "a reset may have overtaken the refusal: {rest:?}");
        }
    }
    assert_eq!(house.heard(), []);
}

#[tokio::test]
async fn an_introduction_has_one_deadline_over_all_of_it() {
    let mut house = House::open(ServerLimits { introduction: SHORT, ..calm() }).await;
    let start = Instant::now();
    let mut line = raw::tls_as(MALLORY, house.address()).await;
    let said = [raw::opening("meet"), raw::frame(1, br#"{"wait":{}}"#)].concat();
    line.write_all(&said).await.unwrap();
    house.hears(&Event::Busy(peer(MALLORY))).await;
    assert_eq!(raw::rest_of(&mut line).await, b"");
    assert!(start.elapsed() >= SHORT);
}

#[tokio::test]
async fn an_admitted_peer_that_asks_nothing_more_is_told_and_closed() {
    let house = House::open(ServerLimits { idle: SHORT, ..calm() }).await;
    let mut call = house.call(ALICE, "echo").await.unwrap();
    let start = Instant::now();
    echoes(&mut call).await; // the clock begins when this was answered
    let told = soon(call.recv::<Reply>()).await;
    let Ok(Some(Reply::Error(fault))) = told else { panic!("{told:?}") };
    assert_eq!(fault.code, ErrorCode::TimedOut);
    assert!(start.elapsed() >= SHORT);
    assert!(matches!(end_of(&mut call).await, Ok(None)));
}

#[tokio::test]
async fn a_peer_that_takes_nothing_of_what_it_asked_for_is_given_up() {
    let call = CallLimits { write_idle: SHORT, ..CallLimits::default() };
    let mut house = House::open(ServerLimits { call, ..calm() }).await;
    let mut call = house.call(ALICE, "pour").await.unwrap();
    call.send(&json!({"pour": {}})).await.unwrap();
    let why = house.hears_it_break().await;
    assert!(why.starts_with("no sign of life"), "{why}");
}

#[tokio::test]
async fn a_server_that_never_shakes_hands_is_given_up() {
    let (_listener, address) = raw::listener().await;
    let limits = landline_net::DialLimits { handshake: SHORT, ..patient() };
    let dialer = landline_net::Dialer::new(identity(ALICE), limits);
    let start = Instant::now();
    let called = soon(dialer.call(&at(address), &[key(DESK)], "echo")).await;
    let Err(DialError::Handshake { source, .. }) = called else { panic!("{called:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::TimedOut);
    assert!(start.elapsed() >= SHORT);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let (listener, address) = raw::listener().await;
    let mute = async {
        let mut line = raw::tls_server(&listener, identity(DESK).server_config().unwrap()).await.unwrap();
        line.read_u8().await.unwrap();
        std::future::pending::<()>().await;
    };
    let asking = async {
        let mut call = soon(dialer(ALICE).call(&at(address), &[key(DESK)], "echo")).await.unwrap();
        call.set_read_idle(SHORT);
        soon(call.ask::<_, Value>(&json!({}))).await
    };
    tokio::select! {
        () = mute => unreachable!("it has no end"),
        asked = asking => assert!(matches!(asked, Err(landline_net::CallError::Silent(_))), "{asked:?}"),
    }
}
