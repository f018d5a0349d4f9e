//! Raw public keys both ways: who is there, proved by both ends, and bound to this one connection.

use std::sync::Arc;

use landline_net::{DialError, tls::Identity};
use landline_trust::key::MachineKey;
use rustls::{
    SignatureScheme,
    client::{AlwaysResolvesClientRawPublicKeys, ResolvesClientCert},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::AlwaysResolvesServerRawPublicKeys,
    sign::CertifiedKey,
};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::{
    house::{ALICE, DESK, House, MALLORY, at, calm, dialer, identity, key, peer, soon},
    raw,
};

#[tokio::test]
async fn both_ends_know_the_key_of_the_other_and_derive_the_same_secret() {
    let house = House::open(calm()).await;
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let mut call = house.call(ALICE, "whoami").await.unwrap();
        assert_eq!(call.peer(), peer(DESK));
        let seen: Value = soon(call.ask(&json!({"who": {}}))).await.unwrap();
        assert_eq!(seen["peer"], peer(ALICE).to_string());
        let secret = format!("{:?}", call.exporter().expect("TLS has one"));
        assert_eq!(seen["exporter"], secret);
        secrets.push(secret);
    }
    assert_ne!(secrets[0], secrets[1], "each connection has its own");
}

#[tokio::test]
async fn an_introduction_learns_the_key_that_answers_and_is_bound_to_the_connection_too() {
    let house = House::open(calm()).await;
    house.book.known().insert(peer(MALLORY));
    let mut call = soon(dialer(MALLORY).introduce(&at(house.address()), "whoami")).await.unwrap();
    assert_eq!(call.peer(), peer(DESK));
    let seen: Value = soon(call.ask(&json!({"who": {}}))).await.unwrap();
    assert_eq!(seen["exporter"], format!("{:?}", call.exporter().unwrap()));
}

#[tokio::test]
async fn another_machine_than_the_pinned_one_is_recognised_and_nothing_is_said_to_it() {
    let (listener, address) = raw::listener().await;
    let impostor = async {
        let mut line = raw::tls_server(&listener, identity(MALLORY).server_config().unwrap()).await.unwrap();
        raw::rest_of(&mut line).await
    };
    let dialer = dialer(ALICE);
    let endpoint = at(address);
    let pins = [key(DESK)];
    let calling = soon(dialer.call(&endpoint, &pins, "echo"));
    let (heard, called) = tokio::join!(impostor, calling);
    let Err(DialError::WrongKey { endpoint, shown }) = called else { panic!("{called:?}") };
    assert_eq!((endpoint, shown), (at(address).to_string(), peer(MALLORY)));
    assert_eq!(heard, b"", "not even which service was wanted");
}

#[tokio::test]
async fn any_of_the_pinned_keys_is_the_contact() {
    let house = House::open(calm()).await;
    let call = soon(dialer(ALICE).call(&at(house.address()), &[key(MALLORY), key(DESK)], "echo")).await.unwrap();
    assert_eq!(call.peer(), peer(DESK));
}

#[tokio::test]
async fn no_pins_match_no_key() {
    let house = House::open(calm()).await;
    let called = soon(dialer(ALICE).call(&at(house.address()), &[], "echo")).await;
    assert!(matches!(called, Err(DialError::WrongKey { .. })), "{called:?}");
}

/// The public key of one machine with the private key of another.
fn borrowed_face(face: u8, hand: u8) -> Arc<CertifiedKey> {
    shown_as(key(face).spki().to_vec(), hand)
}

fn shown_as(face: Vec<u8>, hand: u8) -> Arc<CertifiedKey> {
    let der = MachineKey::from_seed([hand; 32]).pkcs8_der().to_vec();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der));
    let signer = rustls::crypto::aws_lc_rs::default_provider().key_provider.load_private_key(der).unwrap();
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(face)], signer))
}

#[tokio::test]
async fn a_server_that_shows_a_key_it_does_not_hold_gets_no_call() {
    let (listener, address) = raw::listener().await;
    let mut config = identity(MALLORY).server_config().unwrap();
    config.cert_resolver = Arc::new(AlwaysResolvesServerRawPublicKeys::new(borrowed_face(DESK, MALLORY)));
    let dialer = dialer(ALICE);
    let (endpoint, pins) = (at(address), [key(DESK)]);
    let (served, called) =
        tokio::join!(raw::tls_server(&listener, config), soon(dialer.call(&endpoint, &pins, "echo")));
    assert!(served.is_err());
    assert!(matches!(called, Err(DialError::Handshake { .. })), "{called:?}");
}

/// Shakes hands as `resolver` wants it, says hello, and tells what came of it.
async fn tried(house: &mut House, resolver: Arc<dyn ResolvesClientCert>) -> Vec<u8> {
    let mut config = identity(MALLORY).client_config(false).unwrap();
    config.client_auth_cert_resolver = resolver;
    // The client's end of TLS 1.3 is done before the server has judged the key, so this may still succeed.
    let Ok(mut line) = raw::tls(house.address(), config).await else { return Vec::new() };
    drop(line.write_all(&raw::opening("echo")).await);
    let answer = raw::rest_of(&mut line).await;
    assert_eq!(house.heard(), [], "the handler is not even asked");
    answer
}

#[tokio::test]
async fn a_caller_that_shows_a_key_it_does_not_hold_is_closed_unheard() {
    let mut house = House::open(calm()).await;
    let stolen = AlwaysResolvesClientRawPublicKeys::new(borrowed_face(ALICE, MALLORY));
    assert_eq!(tried(&mut house, Arc::new(stolen)).await, b"");
}

#[tokio::test]
async fn a_caller_whose_key_is_no_ed25519_key_is_closed_unheard() {
    let mut house = House::open(calm()).await;
    for face in [vec![0x30, 0x03, 0x02, 0x01, 0x00], key(MALLORY).spki()[..43].to_vec(), vec![0; 44]] {
        let odd = AlwaysResolvesClientRawPublicKeys::new(shown_as(face, MALLORY));
        assert_eq!(tried(&mut house, Arc::new(odd)).await, b"");
    }
}

/// A caller without any key.
#[derive(Debug)]
struct Faceless;

impl ResolvesClientCert for Faceless {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn only_raw_public_keys(&self) -> bool {
        true
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_caller_that_shows_no_key_is_closed_unheard() {
    let mut house = House::open(calm()).await;
    assert_eq!(tried(&mut house, Arc::new(Faceless)).await, b"");
}

#[tokio::test]
async fn the_secret_half_of_an_identity_is_never_printed() {
    let seed = MachineKey::from_seed([0xab; 32]);
    let printed = format!("{:?}", Identity::new(&seed).unwrap());
    assert!(!printed.contains("171, 171") && !printed.contains("abababab"), "{printed}");
}
