//! Keys against the vectors of RFC 8032, fingerprints against people's spelling.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;

/// (seed, public key): RFC 8032 §7.1, tests 1 and 2.
const VECTORS: [(&str, &str); 2] = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    ),
];

fn bytes(hex: &str) -> [u8; KEY_BYTES] {
    HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
}

#[test]
fn derives_the_public_keys_of_rfc_8032() {
    for (seed, public) in VECTORS {
        let key = MachineKey::from_seed(bytes(seed));
        assert_eq!(key.public().as_bytes(), &bytes(public));
        assert_eq!(*key.danger_seed(), bytes(seed));
        assert_eq!(MachineKey::generate(bytes(seed)).public(), key.public());
    }
}

#[test]
fn the_pkcs8_form_is_a_working_key() {
    let key = MachineKey::from_seed(bytes(VECTORS[0].0));
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key.pkcs8_der()).unwrap();
    let signature = pair.sign(b"hello");
    UnparsedPublicKey::new(&ED25519, key.public().as_bytes()).verify(b"hello", signature.as_ref()).unwrap();
}

#[test]
fn the_public_form_is_the_44_bytes_of_rfc_8410() {
    // RFC 8410 §10.1, the example key.
    let der = data_encoding::BASE64.decode(b"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=").unwrap();
    let key = PublicKey::from_spki(&der).unwrap();
    assert_eq!(key.as_bytes(), &bytes("19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"));
    assert_eq!(key.spki().as_slice(), der);
}

#[test]
fn refuses_every_other_encoding_of_a_public_key() {
    let der = PublicKey::from_bytes([7; KEY_BYTES]).spki();
    for cut in 0..der.len() {
        assert_eq!(PublicKey::from_spki(&der[..cut]), Err(KeyError::NotEd25519));
    }
    assert_eq!(PublicKey::from_spki(&[der.as_slice(), &[0]].concat()), Err(KeyError::NotEd25519));
    for place in 0..SPKI_PREFIX.len() {
        let mut changed = der;
        changed[place] ^= 1;
        assert_eq!(PublicKey::from_spki(&changed), Err(KeyError::NotEd25519));
    }
}

#[test]
fn the_fingerprint_never_changes() {
    // Computed apart: Python's hashlib and base64.b32encode over b"landline key v1" + key.
    let key = PublicKey::from_bytes(bytes(VECTORS[0].1));
    assert_eq!(key.to_string(), "fm4c-wsb6-j424-zqs5-v2js-6knw-efwi-ufwn");
    assert_eq!(key.fingerprint().short(), key.to_string()[..9]);
}

#[test]
fn fingerprints_are_read_in_any_case_and_spacing() {
    let print = PublicKey::from_bytes([1; KEY_BYTES]).fingerprint();
    let text = print.to_string();
    for spelled in [text.to_uppercase(), text.replace('-', " "), text.replace('-', ""), format!(" {text}\n")] {
        assert_eq!(spelled.parse(), Ok(print), "{spelled}");
    }
    for wrong in ["", &text[1..], &text.replace(&text[..1], "1"), &format!("{text}a"), "ü"] {
        assert_eq!(wrong.parse::<Fingerprint>(), Err(KeyError::NotAFingerprint), "{wrong}");
    }
}

#[test]
fn a_prefix_matches_only_from_the_beginning() {
    let print = PublicKey::from_bytes([1; KEY_BYTES]).fingerprint();
    let text = print.to_string();
    for cut in [1, 4, 5, 7, text.len()] {
        assert!(print.matches_prefix(&text[..cut]), "{}", &text[..cut]);
        assert!(print.matches_prefix(&text[..cut].to_uppercase()));
    }
    for wrong in ["", " ", "-", "1", &text[1..], &format!("{text}a")] {
        assert!(!print.matches_prefix(wrong), "{wrong}");
    }
}

#[test]
fn debug_never_shows_the_seed() {
    let key = MachineKey::from_seed([0xab; KEY_BYTES]);
    assert_eq!(format!("{key:?}"), format!("MachineKey({})", key.public().fingerprint()));
}

proptest! {
    #[test]
    fn public_keys_and_fingerprints_read_back(raw: [u8; KEY_BYTES]) {
        let key = PublicKey::from_bytes(raw);
        prop_assert_eq!(PublicKey::from_spki(&key.spki()), Ok(key));
        let text = key.fingerprint().to_string();
        prop_assert_eq!(text.len(), 39);
        prop_assert_eq!(text.parse(), Ok(key.fingerprint()));
    }

    #[test]
    fn no_text_panics(text in any::<String>(), der in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = text.parse::<Fingerprint>();
        let _ = PublicKey::from_bytes([0; KEY_BYTES]).fingerprint().matches_prefix(&text);
        let _ = PublicKey::from_spki(&der);
    }
}
