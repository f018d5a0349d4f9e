//! The vectors of PROTOCOL.md §13 to §15, and a second party to a login that knows nothing but that document: its own input,
//! its own context, its own stretching, OPAQUE and Argon2id from the libraries.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use landline_trust::{
    export::{Export, ExportError},
    key::{MachineKey, PublicKey},
    password::{Binding, Guess, Login, Name, ServerSecret, Wrong},
    rotation::{RotationError, Statement, follow},
    stretch::{Cost, CostError, Password},
};
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, CredentialFinalization, CredentialRequest,
    CredentialResponse, Identifiers, RegistrationRequest, RegistrationResponse, RegistrationUpload, Ristretto255,
    ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup, TripleDh,
    errors::InternalError,
    generic_array::{ArrayLength, GenericArray},
    ksf::Ksf,
};
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha512};

struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = Stretch;
}

/// Argon2id as §13 has it, at the least cost.
#[derive(Default)]
struct Stretch;

impl Ksf for Stretch {
    fn hash<L: ArrayLength<u8>>(&self, input: GenericArray<u8, L>) -> Result<GenericArray<u8, L>, InternalError> {
        let mut output = GenericArray::default();
        stretch(&input, &mut output);
        Ok(output)
    }
}

fn stretch(input: &[u8], output: &mut [u8]) {
    let params = Params::new(7168, 5, 1, Some(output.len())).expect("the least cost is one");
    let mut memory = vec![Block::default(); params.block_count()];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into_with_memory(input, &[0; 16], output, &mut memory).expect("the memory fits");
}

/// The value of a vector in PROTOCOL.md.
fn vector(name: &str) -> Vec<u8> {
    let lines = include_str!("../../../PROTOCOL.md").lines();
    let name = format!("{name} |");
    let line = lines.into_iter().find(|line| line.starts_with(&name)).expect("the vector is there");
    let hex = line.rsplit('|').next().expect("the last column").trim();
    data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal digits")
}

fn context(user: &[u8], cost: Cost) -> Vec<u8> {
    let mut context = Vec::new();
    for field in [b"landline password login v1", &[3; 32][..], &[1; 32], &[2; 32], user, &cost.to_bytes()] {
        context.extend(u16::try_from(field.len()).expect("short fields").to_be_bytes());
        context.extend(field);
    }
    context
}

fn input() -> Vec<u8> {
    Sha512::new().chain_update(b"landline password v1").chain_update(b"correct horse").finalize().to_vec()
}

#[test]
fn the_input_the_stretching_and_the_context_are_made_as_written() {
    assert_eq!(vector("password/input"), input());
    let mut stretched = [0; 64];
    stretch(&input(), &mut stretched);
    assert_eq!(vector("password/stretched"), stretched);
    assert_eq!(vector("password/context"), context(b"amy", Cost::DEFAULT));
}

#[test]
fn costs_are_taken_and_refused_as_written() {
    assert_eq!(Cost::from_bytes(&vector("cost/default")), Ok(Cost::DEFAULT));
    assert_eq!(Cost::from_bytes(&vector("cost/floor")), Ok(Cost::FLOOR));
    assert!(Cost::from_bytes(&vector("cost/cap")).is_ok());
    for (labels, fault) in [
        (&["memory-under", "work-under", "no-lane"][..], CostError::TooLittle),
        (&["memory-over", "work-over", "lanes-over", "most"], CostError::TooMuch),
        (&["short"], CostError::Malformed),
    ] {
        for label in labels {
            assert_eq!(Cost::from_bytes(&vector(&format!("cost/{label}"))), Err(fault), "{label}");
        }
    }
}

#[test]
fn a_client_made_from_the_document_sets_a_password_and_logs_in() {
    let (server, client) = (PublicKey::from_bytes([1; 32]), PublicKey::from_bytes([2; 32]));
    let name = Name::new(b"amy").unwrap();
    let binding = Binding { exporter: &[3; 32], server: &server, client: &client, user: name };
    let secret = ServerSecret::generate(Cost::FLOOR, &mut OsRng);
    let begun = opaque_ke::ClientRegistration::<Suite>::start(&mut OsRng, &input()).unwrap();
    let response = secret.enrol(name, &begun.message.serialize()).unwrap();
    let response = RegistrationResponse::deserialize(&response).unwrap();
    let upload = begun.state.finish(&mut OsRng, &input(), response, Default::default()).unwrap();
    let record = secret.keep(&upload.message.serialize()).unwrap();

    let begun = ClientLogin::<Suite>::start(&mut OsRng, &input()).unwrap();
    let (guess, ke2, cost) =
        Guess::answer(&secret, Some(&record), &begun.message.serialize(), &binding, &mut OsRng).unwrap();
    let context = context(b"amy", cost);
    let parameters = ClientLoginFinishParameters::new(Some(&context), Identifiers::default(), None);
    let ke2 = CredentialResponse::deserialize(&ke2).unwrap();
    let done = begun.state.finish(&mut OsRng, &input(), ke2, parameters).unwrap();
    let key = guess.judge(&done.message.serialize()).unwrap();
    assert_eq!(key.danger_bytes(), done.session_key.as_slice());
}

#[test]
fn a_server_made_from_the_document_is_logged_in_to() {
    let (server, client) = (PublicKey::from_bytes([1; 32]), PublicKey::from_bytes([2; 32]));
    let binding = Binding { exporter: &[3; 32], server: &server, client: &client, user: Name::new(b"amy").unwrap() };
    let setup = ServerSetup::<Suite>::new(&mut OsRng);
    let (enrolment, request) =
        landline_trust::password::Enrolment::start(&Password::new("correct horse").unwrap(), &mut OsRng);
    let request = RegistrationRequest::deserialize(&request).unwrap();
    let response = ServerRegistration::start(&setup, request, b"amy").unwrap();
    let upload = enrolment.finish(&response.message.serialize(), Cost::FLOOR, &mut OsRng).unwrap();
    let record = ServerRegistration::finish(RegistrationUpload::deserialize(&upload).unwrap());

    let context = context(b"amy", Cost::FLOOR);
    for (typed, right) in [("correct horse", true), ("correct zebra", false)] {
        let (login, ke1) = Login::start(&Password::new(typed).unwrap(), &mut OsRng);
        let parameters = || ServerLoginParameters { context: Some(&context), identifiers: Identifiers::default() };
        let ke1 = CredentialRequest::deserialize(&ke1).unwrap();
        let answer = ServerLogin::start(&mut OsRng, &setup, Some(record.clone()), ke1, b"amy", parameters()).unwrap();
        match login.finish(&answer.message.serialize(), Cost::FLOOR, &binding) {
            Ok((ke3, key)) => {
                let done = answer.state.finish(CredentialFinalization::deserialize(&ke3).unwrap(), parameters());
                assert!(right && done.unwrap().session_key.as_slice() == key.danger_bytes());
            }
            Err(fault) => assert!(!right && fault == Wrong.into()),
        }
    }
}

#[test]
fn statements_are_signed_and_refused_as_written() {
    let key = |byte| MachineKey::from_seed([byte; 32]);
    let first = Statement::sign(&key(1), &key(2), 1_700_000_000).unwrap();
    let second = Statement::sign(&key(2), &key(3), 1_800_000_000).unwrap();
    assert_eq!(vector("rotation/first"), first.encode());
    assert_eq!(vector("rotation/second"), second.encode());
    assert_eq!(follow(&key(1).public(), &key(3).public(), &[first, second]), Ok(()));
    for (label, fault) in [
        ("old-alone", RotationError::Forged),
        ("new-alone", RotationError::Forged),
        ("swapped", RotationError::Forged),
        ("label", RotationError::Forged),
        ("itself", RotationError::Circle),
        ("version", RotationError::Malformed),
        ("short", RotationError::Malformed),
        ("long", RotationError::Malformed),
    ] {
        assert_eq!(Statement::decode(&vector(&format!("rotation/{label}"))), Err(fault), "{label}");
    }
}

#[test]
fn exports_are_sealed_opened_and_refused_as_written() {
    let passphrase = Password::new("open sesame").unwrap();
    let text = |label: &str| String::from_utf8(vector(&format!("export/{label}"))).unwrap();
    let open = |label: &str| Export::parse(&text(label)).and_then(|export| export.open(&passphrase));
    let key = MachineKey::from_seed([7; 32]);
    let salt = std::array::from_fn(|place| u8::try_from(place).unwrap());
    let sealed = |followed: &[Statement]| Export::seal(&key, followed, &passphrase, Cost::FLOOR, salt).unwrap();
    assert_eq!(sealed(&[]).to_text(), text("text"));
    let older = MachineKey::from_seed([6; 32]);
    let followed = [Statement::sign(&older, &key, 1_700_000_000).unwrap()];
    assert_eq!(sealed(&followed).to_text(), text("followed"));
    assert_eq!(Export::parse(&text("followed")).unwrap().statements(), followed);
    assert_eq!(open("followed").unwrap().public(), key.public());
    assert_eq!(open("text").unwrap().public(), key.public());
    assert_eq!(open("carried").unwrap().public(), key.public());
    for (label, fault) in [
        ("bit", ExportError::Shut),
        ("name", ExportError::Shut),
        ("passphrase", ExportError::Shut),
        ("over", ExportError::Cost(CostError::TooMuch)),
        ("under", ExportError::Cost(CostError::TooLittle)),
        ("robbed", ExportError::Shut),
        ("leads-elsewhere", ExportError::NotAnExport),
        ("version", ExportError::NotAnExport),
        ("short", ExportError::NotAnExport),
        ("armour", ExportError::NotAnExport),
    ] {
        assert_eq!(open(label).err(), Some(fault), "{label}");
    }
}
