//! A second party to a challenge that knows nothing but PROTOCOL.md §11: its own bytes, HMAC from the library. If the words
//! of the document and this crate differ, the two do not agree.

use hmac::{Hmac, Mac as _};
use landline_trust::challenge::{Answered, Answerer, ChallengeError, Challenger, EXPORTER_LABEL, Scheme, Secret};
use md5::Md5;
use sha2::Sha256;

const KEY: &[u8; 20] = b"Jedan has a big key!";
const PROTOCOL: &str = include_str!("../../../PROTOCOL.md");

/// The value of a vector in PROTOCOL.md.
fn vector(name: &str) -> Vec<u8> {
    let line = PROTOCOL.lines().find(|line| line.starts_with(&format!("{name} |"))).expect("the vector is there");
    let hex = line.rsplit('|').next().expect("the last column").trim();
    data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal digits")
}

fn md5(message: &[u8]) -> Vec<u8> {
    Hmac::<Md5>::new_from_slice(KEY).expect("any length").chain_update(message).finalize().into_bytes().to_vec()
}

fn sha256(message: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(KEY).expect("any length").chain_update(message).finalize().into_bytes().to_vec()
}

/// 32 bytes that count up from `first`, as the vectors' nonces do.
fn counting(first: u8) -> [u8; 32] {
    std::array::from_fn(|place| first + u8::try_from(place).expect("below 32"))
}

fn hashed(role: &str, exporter: Option<[u8; 32]>) -> Vec<u8> {
    let mut message = format!("landline challenge/1\0{role}\0").into_bytes();
    message.extend(counting(0));
    message.extend(counting(32));
    message.push(u8::from(exporter.is_some()));
    message.extend(exporter.into_iter().flatten());
    message
}

#[test]
fn what_is_hashed_is_laid_out_as_written() {
    let tls = Some([3; 32]);
    for (label, role, exporter) in [
        ("client", "client", None),
        ("server", "server", None),
        ("client-tls", "client", tls),
        ("server-tls", "server", tls),
    ] {
        assert_eq!(vector(&format!("challenge/{label}")), hashed(role, exporter), "{label}");
    }
    for (talk, tls) in [("challenge-mutual/talk", ""), ("challenge-mutual-tls/talk", "-tls")] {
        let [client, server] = ["client", "server"].map(|role| sha256(&vector(&format!("challenge/{role}{tls}"))));
        assert_eq!(vector(talk), [&counting(0)[..], &counting(32), &client, &server].concat(), "{talk}");
    }
}

#[test]
fn a_client_made_from_the_document_is_believed() {
    let key = Secret::new(*KEY).unwrap();
    for exporter in [None, Some([3; 32])] {
        let start = |scheme| Challenger::start(scheme, &key, counting(0), exporter.as_ref());
        let (server, nonce) = start(Scheme::HmacMd5);
        assert!(server.judge(&md5(&nonce)).is_ok());
        let (server, nonce) = start(Scheme::HmacSha256);
        assert!(server.judge(&sha256(&nonce)).is_ok());
        let (server, _) = start(Scheme::Mutual);
        let answer = [&counting(32), &sha256(&hashed("client", exporter))[..]].concat();
        let (_, reply) = server.judge(&answer).unwrap();
        assert_eq!(reply.unwrap().to_vec(), sha256(&hashed("server", exporter)));
    }
}

#[test]
fn a_server_made_from_the_document_is_believed() {
    let key = Secret::new(*KEY).unwrap();
    for exporter in [None, Some([3; 32])] {
        let client = |scheme| Answerer::new(scheme, &key, counting(32), exporter.as_ref());
        assert_eq!(client(Scheme::HmacMd5).answer(&counting(0)).unwrap().0, md5(&counting(0)));
        assert_eq!(client(Scheme::HmacSha256).answer(&counting(0)).unwrap().0, sha256(&counting(0)));
        for (role, end) in [("server", true), ("client", false)] {
            let (_, answered) = client(Scheme::Mutual).answer(&counting(0)).unwrap();
            let Answered::AwaitProof(waiting) = answered else { panic!("mutual waits") };
            let judged = waiting.judge(&sha256(&hashed(role, exporter)));
            assert_eq!(
                judged.map(|_| true).map_err(|fault| fault != ChallengeError::Refused),
                end.then_some(true).ok_or(false)
            );
        }
    }
}

#[test]
fn the_label_of_the_exporter_is_the_documents() {
    let label = str::from_utf8(EXPORTER_LABEL).unwrap();
    assert!(PROTOCOL.contains(&format!("`{label}`")));
}
