//! One port: `landline/1` gets in, any other protocol is closed without an answer.

use tokio::io::AsyncWriteExt as _;
use tokio_rustls::LazyConfigAcceptor;

use crate::{
    house::{ALICE, DESK, House, at, calm, dialer, identity, key, soon},
    raw,
};

#[tokio::test]
async fn any_other_protocol_is_closed_before_the_server_shows_its_key() {
    let mut house = House::open(calm()).await;
    for offered in [vec![], vec![&b"http/1.1"[..], b"h2"], vec![b"landline/2"], vec![b"landline"], vec![b"LANDLINE/1"]]
    {
        let mut config = identity(ALICE).client_config(false).unwrap();
        config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        let refused = raw::tls(house.address(), config).await;
        assert!(refused.is_err(), "{offered:?} got in");
    }
    assert_eq!(house.heard(), [], "the handler is not even asked");
}

#[tokio::test]
async fn landline_is_chosen_among_others() {
    let house = House::open(calm()).await;
    let mut config = identity(ALICE).client_config(false).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"landline/1".to_vec()];
    let mut line = raw::tls(house.address(), config).await.unwrap();
    assert_eq!(line.get_ref().1.alpn_protocol(), Some(&b"landline/1"[..]));
    line.write_all(&[raw::opening("echo"), raw::frame(1, b"{}")].concat()).await.unwrap();
    line.shutdown().await.unwrap();
    assert_eq!(raw::rest_of(&mut line).await, raw::frame(1, b"{}"));
}

#[tokio::test]
async fn a_server_that_does_not_choose_landline_gets_no_call() {
    let (listener, address) = raw::listener().await;
    let mut config = identity(DESK).server_config().unwrap();
    config.alpn_protocols = Vec::new();
    let dialer = dialer(ALICE);
    let (endpoint, pins) = (at(address), [key(DESK)]);
    let serving = async {
        let mut line = raw::tls_server(&listener, config).await.unwrap();
        raw::rest_of(&mut line).await
    };
    let (heard, called) = tokio::join!(serving, soon(dialer.call(&endpoint, &pins, "echo")));
    assert!(called.is_err(), "{called:?}");
    assert_eq!(heard, b"");
}

#[tokio::test]
async fn the_dialler_names_its_protocol_and_no_server_to_a_listener_on_the_line() {
    let (listener, address) = raw::listener().await;
    let dialer = dialer(ALICE);
    let (endpoint, pins) = (at(address), [key(DESK)]);
    let listening = async {
        let (socket, _) = listener.accept().await.unwrap();
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), socket).await.unwrap();
        let hello = start.client_hello();
        assert_eq!(hello.server_name(), None, "SNI is off");
        let offered: Vec<_> = hello.alpn().unwrap().map(<[u8]>::to_vec).collect();
        assert_eq!(offered, [b"landline/1"]);
    };
    tokio::select! {
        () = soon(listening) => {}
        called = dialer.call(&endpoint, &pins, "echo") => panic!("nobody answered: {called:?}"),
    }
}
