//! A second party to an introduction that knows nothing but PROTOCOL.md §6: its own password, its own context, OPAQUE
//! from the library. If the words of the document and this crate differ, the two do not agree.

use landline_trust::{
    introduction::{Binding, IntroError, Inviter, Joiner},
    key::PublicKey,
};
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialFinalization, CredentialRequest, CredentialResponse, Identifiers, Ristretto255, ServerLogin,
    ServerLoginParameters, ServerRegistration, ServerSetup, TripleDh, ksf::Identity,
};
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha512};

struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = Identity;
}

/// The value of the vector `introduction/<label>` in PROTOCOL.md.
fn vector(label: &str) -> Vec<u8> {
    let lines = include_str!("../../../PROTOCOL.md").lines();
    let name = format!("introduction/{label} |");
    let line = lines.into_iter().find(|line| line.starts_with(&name)).expect("the vector is there");
    let hex = line.rsplit('|').next().expect("the last column").trim();
    data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal digits")
}

fn keys() -> (PublicKey, PublicKey) {
    (PublicKey::from_bytes([1; 32]), PublicKey::from_bytes([2; 32]))
}

#[test]
fn the_password_and_the_context_are_made_as_written() {
    let password = Sha512::new().chain_update(b"landline code v1").chain_update(b"cross-clock").finalize();
    assert_eq!(vector("password"), password.as_slice());
    let mut context = Vec::new();
    for field in [b"landline introduction v1".as_slice(), &[3; 32], &[1; 32], &[2; 32], &[0, 7]] {
        context.extend(u16::try_from(field.len()).unwrap().to_be_bytes());
        context.extend(field);
    }
    assert_eq!(vector("context"), context);
}

#[test]
fn a_joiner_made_from_the_document_is_admitted() {
    let (inviter, joiner) = keys();
    let binding = Binding { exporter: &[3; 32], inviter: &inviter, joiner: &joiner, number: 7 };
    for (words, right) in [("cross-clock", true), ("cross-zoo", false)] {
        let (host, ke1) = Inviter::start(Some(words), &mut OsRng);
        let (password, context) = (vector("password"), vector("context"));
        let setup = ServerSetup::<Suite>::new(&mut OsRng);
        let request = ClientRegistration::<Suite>::start(&mut OsRng, &password).unwrap();
        let response = ServerRegistration::start(&setup, request.message, b"code").unwrap();
        let parameters = ClientRegistrationFinishParameters::default();
        let upload = request.state.finish(&mut OsRng, &password, response.message, parameters).unwrap();
        let record = ServerRegistration::finish(upload.message);
        let parameters = || ServerLoginParameters { context: Some(&context), identifiers: Identifiers::default() };
        let ke1 = CredentialRequest::deserialize(&ke1).unwrap();
        let answer = ServerLogin::start(&mut OsRng, &setup, Some(record), ke1, b"code", parameters()).unwrap();
        match host.finish(&answer.message.serialize(), &binding) {
            Ok((ke3, key)) => {
                let ke3 = CredentialFinalization::deserialize(&ke3).unwrap();
                let done = answer.state.finish(ke3, parameters()).unwrap();
                assert!(right && done.session_key.as_slice() == key.danger_bytes());
            }
            Err(fault) => assert!(!right && fault == IntroError::Mismatch),
        }
    }
}

#[test]
fn an_inviter_made_from_the_document_is_believed() {
    let (inviter, joiner) = keys();
    let binding = Binding { exporter: &[3; 32], inviter: &inviter, joiner: &joiner, number: 7 };
    let (password, context) = (vector("password"), vector("context"));
    let begun = ClientLogin::<Suite>::start(&mut OsRng, &password).unwrap();
    let (guest, ke2) = Joiner::answer("cross-clock", &begun.message.serialize(), &binding, &mut OsRng).unwrap();
    let ke2 = CredentialResponse::deserialize(&ke2).unwrap();
    let parameters = ClientLoginFinishParameters::new(Some(&context), Identifiers::default(), None);
    let done = begun.state.finish(&mut OsRng, &password, ke2, parameters).unwrap();
    let key = guest.finish(&done.message.serialize()).unwrap();
    assert_eq!(key.danger_bytes(), done.session_key.as_slice());
}
