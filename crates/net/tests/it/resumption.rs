//! Resumed sessions: they skip signatures, and nothing else. Who may come in is asked each time.

use std::sync::Arc;

use landline_net::CallError;
use landline_wire::{ErrorCode, Fault, Reply};
use rustls::HandshakeKind;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    handler::Event,
    house::{ALICE, DESK, House, at, calm, dialer, echoes, identity, key, millis, peer, soon},
    raw,
};

/// One call over raw TLS: how its handshake went, and what came back.
async fn one_call(house: &House, config: &Arc<rustls::ClientConfig>) -> (HandshakeKind, Vec<u8>) {
    let mut line = raw::tls_again(house.address(), config).await.unwrap();
    line.write_all(&[raw::opening("echo"), raw::frame(1, b"{}")].concat()).await.unwrap();
    line.shutdown().await.unwrap();
    let answer = raw::rest_of(&mut line).await;
    (line.get_ref().1.handshake_kind().unwrap(), answer)
}

#[tokio::test]
async fn a_second_call_resumes_and_the_handler_is_asked_again() {
    let mut house = House::open(calm()).await;
    let config = Arc::new(identity(ALICE).client_config(true).unwrap());
    assert_eq!(one_call(&house, &config).await, (HandshakeKind::Full, raw::frame(1, b"{}")));
    assert_eq!(one_call(&house, &config).await, (HandshakeKind::Resumed, raw::frame(1, b"{}")));
    let asked = Event::Asked(peer(ALICE), "echo".to_owned());
    assert_eq!(house.heard(), [asked.clone(), asked], "by the same key, which a resumed session does not show again");
}

#[tokio::test]
async fn a_key_revoked_in_between_is_refused_like_a_stranger_though_its_session_resumes() {
    let house = House::open(landline_net::ServerLimits { refusal: millis(10), ..calm() }).await;
    let config = Arc::new(identity(ALICE).client_config(true).unwrap());
    one_call(&house, &config).await;
    house.book.known().remove(&peer(ALICE));
    let (kind, answer) = one_call(&house, &config).await;
    assert_eq!(kind, HandshakeKind::Resumed);
    assert_eq!(answer, landline_wire::encode(&Reply::Error(Fault::stranger())).unwrap());
}

#[tokio::test]
async fn a_dialler_whose_key_was_revoked_between_two_calls_hears_the_refusal() {
    let house = House::open(calm()).await;
    let dialer = dialer(ALICE);
    let mut call = house.call_by(&dialer, "echo").await.unwrap();
    echoes(&mut call).await;
    house.book.known().remove(&peer(ALICE));
    let mut call = house.call_by(&dialer, "echo").await.unwrap();
    let refused = soon(call.order(&json!({"hello": {}}))).await;
    let Err(CallError::Fault(fault)) = refused else { panic!("{refused:?}") };
    assert_eq!(fault.code, ErrorCode::Refused);
}

/// Answers `{}` to each of `calls` dialled by `dial`, and tells how each shook hands.
async fn kinds<F: Future<Output = landline_net::Call>>(
    config: rustls::ServerConfig,
    calls: usize,
    dial: impl Fn(landline_addr::endpoint::Endpoint) -> F,
) -> Vec<HandshakeKind> {
    let (listener, address) = raw::listener().await;
    let mut kinds = Vec::new();
    for _ in 0..calls {
        let serving = async {
            let mut line = raw::tls_server(&listener, config.clone()).await.unwrap();
            line.read_u8().await.unwrap();
            line.write_all(&raw::frame(1, b"{}")).await.unwrap();
            line.shutdown().await.unwrap();
            line.get_ref().1.handshake_kind().unwrap()
        };
        let calling = async {
            let mut call = dial(at(address)).await;
            soon(call.ask::<_, Value>(&json!({}))).await.unwrap();
        };
        kinds.push(tokio::join!(serving, calling).0);
    }
    kinds
}

#[tokio::test]
async fn the_dialler_resumes_with_a_contact_and_each_set_of_pins_has_sessions_of_its_own() {
    let dialer = &dialer(ALICE);
    let config = identity(DESK).server_config().unwrap();
    let call = |endpoint, pins: Vec<_>| async move { soon(dialer.call(&endpoint, &pins, "echo")).await.unwrap() };
    let found = kinds(config.clone(), 3, |endpoint| call(endpoint, vec![key(DESK)])).await;
    assert_eq!(found, [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed]);
    let found = kinds(config, 2, |endpoint| call(endpoint, vec![key(DESK), key(ALICE)])).await;
    assert_eq!(found, [HandshakeKind::Full, HandshakeKind::Resumed]);
}

#[tokio::test]
async fn introductions_never_resume() {
    let dialer = &dialer(ALICE);
    let introduce = |endpoint| async move { soon(dialer.introduce(&endpoint, "meet")).await.unwrap() };
    let found = kinds(identity(DESK).server_config().unwrap(), 3, introduce).await;
    assert_eq!(found, [HandshakeKind::Full; 3]);
}

#[tokio::test]
async fn a_machine_with_another_key_at_the_same_address_can_not_resume_its_way_in() {
    use landline_net::DialError;
    let dialer = &dialer(ALICE);
    let first = House::open(calm()).await;
    echoes(&mut first.call_by(dialer, "echo").await.unwrap()).await;
    let (listener, address) = raw::listener().await;
    let (endpoint, pins) = (at(address), [key(DESK)]);
    let impostor = raw::tls_server(&listener, identity(crate::house::MALLORY).server_config().unwrap());
    let (served, called) = tokio::join!(impostor, soon(dialer.call(&endpoint, &pins, "echo")));
    assert_eq!(served.unwrap().get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
    assert!(matches!(called, Err(DialError::WrongKey { .. })), "{called:?}");
}
