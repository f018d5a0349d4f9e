//! Targets of `trust`: keys, fingerprints, grants, and each step of an introduction.

use landline_addr::path::SharePath;
use landline_trust::{
    grant::{Area, Ask, Grant, may},
    introduction::{Binding, IntroError, Inviter, Joiner, KE1_LEN, KE2_LEN, KE3_LEN},
    key::{Fingerprint, PublicKey, SPKI_BYTES},
};
use rand::{CryptoRng, RngCore};

use crate::{mutate::Random, wire::assert_harmless};

const WORDS: &str = "cross-clock";
const EXPORTER: [u8; 32] = [3; 32];

/// A key as TLS shows it. Invariant: only the one encoding is taken.
pub fn spkis(data: &[u8]) {
    let Ok(key) = PublicKey::from_spki(data) else { return };
    assert_eq!((key.spki().as_slice(), data.len()), (data, SPKI_BYTES));
    assert_eq!(key.to_string().parse(), Ok(key.fingerprint()));
}

/// A typed fingerprint. Invariant: what is printed reads back, has 8 groups of 4, and begins with itself.
pub fn fingerprints(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(print) = text.parse::<Fingerprint>() else { return };
    let printed = print.to_string();
    assert_eq!((printed.len(), printed.split('-').count()), (39, 8));
    assert_eq!(printed.parse(), Ok(print));
    assert!(print.matches_prefix(text) && print.matches_prefix(&print.short()) && printed.starts_with(&print.short()));
}

/// A grant in text. Invariants: what is printed reads back and is harmless; it allows what lies at or below its path, no
/// other right, and nothing outside.
pub fn grants(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let grant = match text.parse::<Grant>() {
        Ok(grant) => grant,
        Err(fault) => return assert_harmless(&fault.to_string()),
    };
    let printed = grant.to_string();
    assert_harmless(&printed);
    assert_eq!(printed.parse().as_ref(), Ok(&grant));
    let outside = SharePath::parse(b"somewhere/else").expect("a path");
    let all = [grant.clone()];
    let root = SharePath::root();
    match &grant {
        Grant::Admin => {
            assert!(may(&all, &Ask::Admin));
            for area in [Area::Share, Area::Home] {
                assert!(!may(&all, &Ask::Files(area)) && !may(&all, &Ask::FilesRead(area, &root)));
            }
        }
        Grant::FilesRead(area, path) => {
            let (area, other) = (*area, other_than(*area));
            assert!(may(&all, &Ask::FilesRead(area, path)) && may(&all, &Ask::FilesSee(area, &root)));
            assert!(!may(&all, &Ask::FilesWrite(area, path)) && !may(&all, &Ask::Admin));
            assert!(!may(&all, &Ask::FilesRead(other, path)) && !may(&all, &Ask::FilesSee(other, &root)));
            assert_eq!(may(&all, &Ask::FilesRead(area, &outside)), outside.starts_with(path));
        }
        Grant::FilesWrite(area, path) => {
            let (area, other) = (*area, other_than(*area));
            assert!(may(&all, &Ask::FilesWrite(area, path)) && !may(&all, &Ask::FilesRead(area, path)));
            assert!(!may(&all, &Ask::FilesWrite(other, path)) && !may(&all, &Ask::Admin));
            assert_eq!(may(&all, &Ask::FilesWrite(area, &root)), path.is_root());
        }
    }
}

fn other_than(area: Area) -> Area {
    match area {
        Area::Share => Area::Home,
        Area::Home => Area::Share,
    }
}

/// KE1 from anywhere. Invariants: another length is malformed; whatever passes is answered with KE2 of its length.
pub fn joiner_answers(data: &[u8]) {
    let (inviter, joiner) = keys();
    match Joiner::answer(WORDS, data, &binding(&inviter, &joiner), &mut Fixed::new(1)) {
        Ok((_, ke2)) => assert_eq!((data.len(), ke2.len()), (KE1_LEN, KE2_LEN)),
        Err(fault) => assert_eq!(fault, IntroError::Malformed),
    }
}

/// KE2 from anywhere. Invariants: none but the right one is taken, and the right one is; a wrong length is malformed;
/// whether it is malformed does not depend on the words.
pub fn inviter_judges(data: &[u8]) {
    let (inviter, joiner) = keys();
    let binding = binding(&inviter, &joiner);
    let judge = |words| Inviter::start(words, &mut Fixed::new(2)).0.finish(data, &binding).map(|(ke3, _)| ke3.len());
    match judge(Some(WORDS)) {
        Ok(len) => assert_eq!((data, len), (right_ke2().as_slice(), KE3_LEN)),
        Err(fault) => {
            assert!(data.len() == KE2_LEN || fault == IntroError::Malformed);
            assert_eq!(judge(None), Err(fault));
        }
    }
}

/// KE3 from anywhere: none but the right one is taken.
pub fn joiner_judges(data: &[u8]) {
    let (inviter, joiner) = keys();
    let binding = binding(&inviter, &joiner);
    let (host, ke1) = Inviter::start(Some(WORDS), &mut Fixed::new(2));
    let (guest, ke2) = Joiner::answer(WORDS, &ke1, &binding, &mut Fixed::new(1)).expect("KE1 is right");
    let (ke3, key) = host.finish(&ke2, &binding).expect("KE2 is right");
    match guest.finish(data) {
        Ok(agreed) => assert!(data == ke3 && agreed == key),
        Err(IntroError::Malformed) => assert_ne!(data.len(), KE3_LEN),
        Err(IntroError::Mismatch) => assert_eq!(data.len(), KE3_LEN),
    }
}

/// What an inviter and a joiner say to each other in these targets, for seeds: KE1, KE2, KE3.
pub(crate) fn transcript() -> [Vec<u8>; 3] {
    let (inviter, joiner) = keys();
    let (host, ke1) = Inviter::start(Some(WORDS), &mut Fixed::new(2));
    let ke2 = right_ke2();
    let (ke3, _) = host.finish(&ke2, &binding(&inviter, &joiner)).expect("KE2 is right");
    [ke1, ke2, ke3]
}

fn right_ke2() -> Vec<u8> {
    let (inviter, joiner) = keys();
    let (_, ke1) = Inviter::start(Some(WORDS), &mut Fixed::new(2));
    Joiner::answer(WORDS, &ke1, &binding(&inviter, &joiner), &mut Fixed::new(1)).expect("KE1 is right").1
}

fn keys() -> (PublicKey, PublicKey) {
    (PublicKey::from_bytes([1; 32]), PublicKey::from_bytes([2; 32]))
}

fn binding<'a>(inviter: &'a PublicKey, joiner: &'a PublicKey) -> Binding<'a> {
    Binding { exporter: &EXPORTER, inviter, joiner, number: 7 }
}

/// The same numbers every time. For these targets only: whoever introduces for real draws from the system.
pub(crate) struct Fixed(Random);

impl Fixed {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }
}

impl RngCore for Fixed {
    fn next_u32(&mut self) -> u32 {
        self.next_u64().to_le_bytes().first_chunk().map_or(0, |low| u32::from_le_bytes(*low))
    }

    fn next_u64(&mut self) -> u64 {
        self.0.draw()
    }

    fn fill_bytes(&mut self, to: &mut [u8]) {
        for part in to.chunks_mut(8) {
            part.iter_mut().zip(self.0.draw().to_le_bytes()).for_each(|(to, from)| *to = from);
        }
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(to);
        Ok(())
    }
}

impl CryptoRng for Fixed {}
