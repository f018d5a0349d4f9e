//! The records behind the handshake of RFC 8448 §3, byte by byte: made and opened here as there.

use aws_lc_rs::{
    aead::AES_128_GCM,
    hkdf::{HKDF_SHA256, KeyType, Prk},
};

use super::super::{ContentType, HEADER, key::RecordKey, open::Opener, seal::Sealer};

const CLIENT_KEY: &str = "17422dda596ed5d9acd890e3c63f5051";
const CLIENT_IV: &str = "5b78923dee08579033e523d9";
const SERVER_KEY: &str = "9f02283b6c9c07efc26bb9f2ac92e356";
const SERVER_IV: &str = "cf782b88dd83549aadf1e984";

const CLIENT_SECRET: &str = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
const SERVER_SECRET: &str = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";

const TICKET_RECORD: &str = "17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63\
    c758db289a015940252f55713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d03f75e09c30ba\
    1e62972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77ca475840025db2f0a77f81b5ab05b94c01346755f\
    69232c86519d86cbeeac87aac347d143f9605d64f650db4d023e70e952ca49fe5137121c74bc2697687e248746d6df353005f3bce1869612\
    9c8153556b3b6c6779b37bf15985684f";
const CLIENT_DATA: &str = "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20\
    441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";
const SERVER_DATA: &str = "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb50\
    1a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d";
const CLIENT_ALERT: &str = "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3";
const SERVER_ALERT: &str = "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// `HKDF-Expand-Label` with an empty context (RFC 8446 §7.1).
fn expand(secret: &str, label: &str, len: usize) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let head = [0, u8::try_from(len).unwrap(), u8::try_from(label.len()).unwrap()];
    let info = [&head[..], label.as_bytes(), &[0]];
    let mut out = vec![0; len];
    Prk::new_less_safe(HKDF_SHA256, &bytes(secret)).expand(&info, Len(len)).unwrap().fill(&mut out).unwrap();
    out
}

/// The key for what was said under a traffic secret.
fn key(secret: &str) -> RecordKey {
    let iv = expand(secret, "iv", 12).try_into().unwrap();
    RecordKey::bare(&AES_128_GCM, &expand(secret, "key", 16), iv, 0).unwrap()
}

fn opened(opener: &mut Opener, record: &str) -> (ContentType, Vec<u8>) {
    let record = bytes(record);
    let (header, body) = record.split_first_chunk::<HEADER>().unwrap();
    let mut content = vec![0; body.len()];
    let (kind, len) = opener.open_into(*header, body, &mut content).unwrap();
    content.truncate(len);
    (kind, content)
}

fn sealed(sealer: &mut Sealer, kind: ContentType, content: &[u8]) -> Vec<u8> {
    super::record(sealer, kind, content)
}

#[test]
fn keys_come_from_the_secrets_as_published() {
    for (secret, key, iv) in [(CLIENT_SECRET, CLIENT_KEY, CLIENT_IV), (SERVER_SECRET, SERVER_KEY, SERVER_IV)] {
        assert_eq!((expand(secret, "key", 16), expand(secret, "iv", 12)), (bytes(key), bytes(iv)));
    }
}

#[test]
fn what_the_client_said_is_opened_and_made_again() {
    let data: Vec<u8> = (0..50).collect();
    let mut opener = Opener::with(key(CLIENT_SECRET));
    assert_eq!(opened(&mut opener, CLIENT_DATA), (ContentType::ApplicationData, data.clone()));
    assert_eq!(opened(&mut opener, CLIENT_ALERT), (ContentType::Alert, vec![1, 0]));
    let mut sealer = Sealer::with(key(CLIENT_SECRET));
    assert_eq!(sealed(&mut sealer, ContentType::ApplicationData, &data), bytes(CLIENT_DATA));
    assert_eq!(sealed(&mut sealer, ContentType::Alert, &[1, 0]), bytes(CLIENT_ALERT));
}

#[test]
fn what_the_server_said_is_opened_and_made_again() {
    let data: Vec<u8> = (0..50).collect();
    let mut opener = Opener::with(key(SERVER_SECRET));
    let (kind, ticket) = opened(&mut opener, TICKET_RECORD);
    assert_eq!((kind, &ticket[..4]), (ContentType::Handshake, &[4, 0, 0, 0xc9][..]));
    assert_eq!(opened(&mut opener, SERVER_DATA), (ContentType::ApplicationData, data.clone()));
    assert_eq!(opened(&mut opener, SERVER_ALERT), (ContentType::Alert, vec![1, 0]));
    let mut sealer = Sealer::with(key(SERVER_SECRET));
    assert_eq!(sealed(&mut sealer, ContentType::Handshake, &ticket), bytes(TICKET_RECORD));
    assert_eq!(sealed(&mut sealer, ContentType::ApplicationData, &data), bytes(SERVER_DATA));
    assert_eq!(sealed(&mut sealer, ContentType::Alert, &[1, 0]), bytes(SERVER_ALERT));
}

#[test]
fn opening_in_place_gives_the_same() {
    let mut opener = Opener::with(key(SERVER_SECRET));
    for (record, len) in [(TICKET_RECORD, 205), (SERVER_DATA, 50), (SERVER_ALERT, 2)] {
        let mut record = bytes(record);
        let (header, body) = record.split_first_chunk_mut::<HEADER>().unwrap();
        assert_eq!(opener.open(*header, body).unwrap().1, len);
        if len == 50 {
            assert_eq!(body[..len], (0..50).collect::<Vec<u8>>());
        }
    }
}
