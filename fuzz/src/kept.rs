//! Targets of `trust`: what outlives a connection. Costs, each step of a login by password, what a server keeps of one,
//! statements of rotation, exported keys.

use landline_trust::{
    export::{Export, ExportError},
    key::{MachineKey, PublicKey},
    password::{
        Binding, Guess, KE1_LEN, KE2_LEN, KE3_LEN, Login, LoginError, Name, RECORD_LEN, Record, SECRET_LEN,
        ServerSecret, Wrong,
    },
    rotation::{Chain, MOST_STATEMENTS, RotationError, STATEMENT_LEN, Statement, follow},
    stretch::{Cost, CostError, MOST_LANES, MOST_MEMORY_KIB, MOST_WORK_KIB, Password},
};

use crate::proof::Fixed;

/// A cost as a server tells it. Invariant: what is taken lies below the cap and reads back.
pub fn costs(data: &[u8]) {
    match Cost::from_bytes(data) {
        Ok(cost) => {
            assert_eq!(cost.to_bytes().as_slice(), data);
            assert!(cost.memory_kib() <= MOST_MEMORY_KIB && cost.lanes() <= MOST_LANES);
            assert!(u64::from(cost.memory_kib()) * u64::from(cost.passes()) <= u64::from(MOST_WORK_KIB));
        }
        Err(fault) => assert_eq!(fault == CostError::Malformed, data.len() != 12),
    }
}

/// KE1 from anywhere. Invariants: another length is wrong; a user that is there and one that is not are answered alike.
pub fn login_answers(data: &[u8]) {
    let (secret, keys) = (secret(), keys());
    let answer = |record: Option<&Record>| {
        Guess::answer(&secret, record, data, &binding(&keys), &mut Fixed::new(1))
            .map(|(_, ke2, cost)| (ke2.len(), cost))
    };
    let known = answer(Some(&record()));
    assert_eq!(known, answer(None));
    if let Ok(told) = known {
        assert_eq!((data.len(), told), (KE1_LEN, (KE2_LEN, Cost::FLOOR)));
    }
}

/// KE2 from anywhere: none but the right one is taken. Each that is well formed costs a stretching.
pub fn login_finishes(data: &[u8]) {
    let keys = keys();
    let (login, _) = Login::start(&word(), &mut Fixed::new(2));
    match login.finish(data, Cost::FLOOR, &binding(&keys)) {
        Ok((ke3, _)) => assert_eq!((data, ke3.len()), (transcript()[1].as_slice(), KE3_LEN)),
        Err(fault) => assert_eq!(fault, LoginError::Wrong(Wrong)),
    }
}

/// KE3 from anywhere: none but the right one is taken.
pub fn login_judges(data: &[u8]) {
    let keys = keys();
    let [ke1, _, ke3] = transcript();
    let answered = Guess::answer(&secret(), Some(&record()), ke1, &binding(&keys), &mut Fixed::new(1));
    let (guess, _, _) = answered.expect("KE1 is right");
    assert_eq!(guess.judge(data).is_ok(), data == ke3);
}

/// What a server keeps. Invariant: what is taken is written as the same bytes.
pub fn kept_passwords(data: &[u8]) {
    if let Ok(record) = Record::from_bytes(data) {
        assert_eq!((record.to_bytes().as_slice(), data.len()), (data, RECORD_LEN));
    }
    if let Ok(secret) = ServerSecret::from_bytes(data) {
        assert_eq!((secret.to_bytes().as_slice(), data.len()), (data, SECRET_LEN));
    }
    let _ = (secret().enrol(name(), data), secret().keep(data));
}

/// Statements, one behind the other. Invariants: what is taken is signed by both keys and reads back; a chain leads only
/// from its keys to its end, and only if every statement begins where the one before it ended.
pub fn rotations(data: &[u8]) {
    let pieces: Vec<&[u8]> = data.chunks(STATEMENT_LEN).collect();
    let read: Result<Vec<_>, _> = pieces.iter().map(|piece| Statement::decode(piece)).collect();
    for (piece, statement) in pieces.iter().zip(read.iter().flatten()) {
        assert_eq!(statement.encode().as_slice(), *piece);
        assert_ne!(statement.old(), statement.successor());
    }
    let stranger = MachineKey::from_seed([99; 32]).public();
    assert!(Chain::decode(&pieces, &stranger).is_err());
    let Ok(statements) = read else { return };
    let Some(last) = statements.last() else { return };
    let shown = last.successor();
    match Chain::decode(&pieces, &shown) {
        Ok(chain) => {
            assert!(statements.windows(2).all(|two| two[0].successor() == two[1].old()));
            assert!(statements.len() <= MOST_STATEMENTS && chain.statements() == statements);
            chain.ended().for_each(|key| assert_eq!(follow(&key, &shown, &statements), Ok(())));
            assert_eq!(follow(&stranger, &shown, &statements), Err(RotationError::Elsewhere));
        }
        Err(fault) => assert!(matches!(fault, RotationError::Gap | RotationError::Circle | RotationError::Length)),
    }
}

/// An exported key. Invariant: what is read is written as text that reads as the same. It is not opened here: each try
/// costs what the text says.
pub fn exports(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match Export::parse(text) {
        Ok(export) => assert_eq!(Export::parse(&export.to_text()), Ok(export)),
        Err(fault) => assert!(matches!(fault, ExportError::NotAnExport | ExportError::Cost(_))),
    }
}

/// What a client and a server say to each other in these targets, for seeds: KE1, KE2, KE3. Made once: it takes a stretching
/// or two.
pub(crate) fn transcript() -> &'static [Vec<u8>; 3] {
    static TRANSCRIPT: std::sync::OnceLock<[Vec<u8>; 3]> = std::sync::OnceLock::new();
    TRANSCRIPT.get_or_init(|| {
        let keys = keys();
        let (login, ke1) = Login::start(&word(), &mut Fixed::new(2));
        let answered = Guess::answer(&secret(), Some(&record()), &ke1, &binding(&keys), &mut Fixed::new(1));
        let (_, ke2, cost) = answered.expect("KE1 is right");
        let (ke3, _) = login.finish(&ke2, cost, &binding(&keys)).expect("KE2 is right");
        [ke1, ke2, ke3]
    })
}

/// What a server keeps, for seeds: a record and a secret.
pub(crate) fn kept() -> [Vec<u8>; 2] {
    [record().to_bytes().to_vec(), secret().to_bytes().to_vec()]
}

/// A chain of three, for seeds.
pub(crate) fn a_chain() -> Vec<u8> {
    let key = |byte| MachineKey::from_seed([byte; 32]);
    let statement = |old| Statement::sign(&key(old), &key(old + 1), 5).expect("two keys");
    (1..4).flat_map(|old| *statement(old).encode()).collect()
}

fn secret() -> ServerSecret {
    ServerSecret::generate(Cost::FLOOR, &mut Fixed::new(3))
}

fn record() -> Record {
    static RECORD: std::sync::OnceLock<Record> = std::sync::OnceLock::new();
    let make = || secret().record(name(), &word(), &mut Fixed::new(4)).expect("there is memory");
    RECORD.get_or_init(make).clone()
}

fn word() -> Password {
    Password::new("correct horse").expect("a password")
}

fn name() -> Name<'static> {
    Name::new(b"amy").expect("a name")
}

fn keys() -> [PublicKey; 2] {
    [PublicKey::from_bytes([1; 32]), PublicKey::from_bytes([2; 32])]
}

fn binding([server, client]: &[PublicKey; 2]) -> Binding<'_> {
    Binding { exporter: &[3; 32], server, client, user: name() }
}
