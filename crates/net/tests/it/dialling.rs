//! The dialler: which address it takes, when it tries again, and what it says when it gives up.

use std::time::Instant;

use landline_addr::endpoint::{Endpoint, Host};
use landline_net::{DialError, DialLimits, Dialer};
use tokio::net::TcpStream;

use crate::{
    house::{ALICE, DESK, House, at, calm, dialer, echoes, identity, key, loopback, millis, patient, soon},
    raw,
    relay::Relay,
};

#[tokio::test]
async fn waits_longer_before_each_retry_and_then_gets_in() {
    let house = House::open(calm()).await;
    let relay = Relay::before(house.address(), 3).await;
    let dialer = Dialer::new(identity(ALICE), DialLimits { retries: 3, retry_wait: millis(20), ..patient() });
    let start = Instant::now();
    let mut call = soon(dialer.call(&at(relay.address), &[key(DESK)], "echo")).await.unwrap();
    assert!(start.elapsed() >= millis(20 + 40 + 80), "{:?}", start.elapsed());
    echoes(&mut call).await;
    assert_eq!(relay.came(), 4);
}

#[tokio::test]
async fn gives_up_after_its_retries_and_says_that_somebody_took_the_connection() {
    let house = House::open(calm()).await;
    let relay = Relay::before(house.address(), usize::MAX).await;
    let dialer = Dialer::new(identity(ALICE), DialLimits { retries: 2, retry_wait: millis(1), ..patient() });
    let called = soon(dialer.call(&at(relay.address), &[key(DESK)], "echo")).await;
    assert!(matches!(called, Err(DialError::Handshake { .. })), "{called:?}");
    assert_eq!(relay.came(), 3);
}

#[tokio::test]
async fn an_answer_that_is_no_is_not_asked_for_again() {
    let (listener, address) = raw::listener().await;
    let mut config = identity(DESK).server_config().unwrap();
    config.alpn_protocols = vec![b"something-else".to_vec()];
    let (endpoint, pins) = (at(address), [key(DESK)]);
    let dialer = dialer(ALICE);
    let calling = soon(dialer.call(&endpoint, &pins, "echo"));
    let (served, called) = tokio::join!(raw::tls_server(&listener, config), calling);
    assert!(served.is_err());
    assert!(matches!(called, Err(DialError::Handshake { .. })), "{called:?}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_no_closed_door() {
    let (listener, address) = raw::listener().await;
    let talking = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        raw::rest_of(&mut socket).await;
    };
    let (endpoint, pins) = (at(address), [key(DESK)]);
    let dialer = dialer(ALICE);
    let ((), called) = tokio::join!(talking, soon(dialer.call(&endpoint, &pins, "echo")));
    assert!(matches!(called, Err(DialError::Handshake { .. })), "{called:?}");
}

#[tokio::test]
async fn nobody_at_the_port_is_said_at_once() {
    let (listener, address) = raw::listener().await;
    drop(listener);
    let called = soon(dialer(ALICE).call(&at(address), &[key(DESK)], "echo")).await;
    let Err(DialError::Connect { source, .. }) = called else { panic!("{called:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn tries_the_next_address_of_a_name_when_nobody_answers_at_the_first() {
    let house = House::listening(calm(), &[loopback()]).await; // IPv4 alone; the other family is tried first
    let endpoint = Endpoint::Tcp { host: Host::Any, port: house.address().port() };
    echoes(&mut soon(dialer(ALICE).call(&endpoint, &[key(DESK)], "echo")).await.unwrap()).await;
}

#[tokio::test]
async fn a_connection_that_never_stands_is_given_up() {
    // A listener whose queue is full drops what else knocks: the kernel of Linux does, others answer.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(millis(100), TcpStream::connect(address)).await {
        queued.push(stream);
        assert!(queued.len() < 100, "the queue is short");
    }
    let dialer = Dialer::new(identity(ALICE), DialLimits { connect: millis(50), ..patient() });
    let called = soon(dialer.call(&at(address), &[key(DESK)], "echo")).await;
    let Err(DialError::Connect { source, .. }) = called else { panic!("{called:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_name_without_an_address_is_named() {
    let name = "no-such-machine.invalid".to_owned();
    let called =
        soon(dialer(ALICE).call(&Endpoint::Tcp { host: Host::Name(name.clone()), port: 1 }, &[], "echo")).await;
    let Err(DialError::Resolve { name: told, .. }) = called else { panic!("{called:?}") };
    assert_eq!(told, name);
}

#[tokio::test]
async fn a_unix_socket_is_not_dialled_as_a_contact() {
    let called = dialer(ALICE).call(&Endpoint::Unix("/tmp/x".into()), &[key(DESK)], "echo").await;
    assert!(matches!(called, Err(DialError::Unusable { .. })), "{called:?}");
}
