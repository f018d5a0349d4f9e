//! A chain leads from a key to its true successor, and nowhere else.

use proptest::prelude::*;

use super::*;

fn key(seed: u8) -> MachineKey {
    MachineKey::from_seed([seed; 32])
}

fn statement(old: u8, new: u8) -> Statement {
    Statement::sign(&key(old), &key(new), 1_700_000_000).unwrap()
}

fn chain(seeds: &[u8]) -> Vec<Statement> {
    seeds.windows(2).map(|pair| statement(pair[0], pair[1])).collect()
}

fn leads(pinned: u8, shown: u8, statements: &[Statement]) -> Result<(), RotationError> {
    follow(&key(pinned).public(), &key(shown).public(), statements)
}

#[test]
fn a_statement_reads_back() {
    let said = statement(1, 2);
    let read = Statement::decode(said.encode()).unwrap();
    assert_eq!(read, said);
    assert_eq!((read.old(), read.successor(), read.seconds()), (key(1).public(), key(2).public(), 1_700_000_000));
    assert_eq!(format!("{read:?}"), format!("Statement({} -> {})", key(1).public(), key(2).public()));
}

#[test]
fn a_change_of_any_byte_and_any_other_length_is_refused() {
    let said = statement(1, 2);
    for place in 0..STATEMENT_LEN {
        for bit in [1, 0x80] {
            let mut changed = *said.encode();
            changed[place] ^= bit;
            let expected = if place == 0 { RotationError::Malformed } else { RotationError::Forged };
            assert_eq!(Statement::decode(&changed), Err(expected), "byte {place}");
        }
        assert_eq!(Statement::decode(&said.encode()[..place]), Err(RotationError::Malformed));
    }
    assert_eq!(Statement::decode(&[&said.encode()[..], &[0]].concat()), Err(RotationError::Malformed));
}

#[test]
fn a_statement_signed_by_one_key_twice_is_forged() {
    // The thief has a key of his own and not the old one; or names a key that he does not hold.
    let true_one = statement(1, 2);
    let signature = |place: usize| SAID_LEN + place * SIGNATURE_LEN..SAID_LEN + (place + 1) * SIGNATURE_LEN;
    for (from, to) in [(0, 1), (1, 0)] {
        let mut forged = *true_one.encode();
        forged.copy_within(signature(from), signature(to).start);
        assert_eq!(Statement::decode(&forged), Err(RotationError::Forged));
    }
    // Signatures of another statement of the same two keys.
    let later = Statement::sign(&key(1), &key(2), 5).unwrap();
    let mut forged = *true_one.encode();
    forged[SAID_LEN..].copy_from_slice(&later.encode()[SAID_LEN..]);
    assert_eq!(Statement::decode(&forged), Err(RotationError::Forged));
}

#[test]
fn a_signature_over_the_bare_fields_is_forged() {
    let mut bytes = statement(1, 2).encode()[..SAID_LEN].to_vec();
    for seed in [1, 2] {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let signature = pair.sign(&bytes[..SAID_LEN]);
        bytes.extend_from_slice(signature.as_ref());
    }
    assert_eq!(Statement::decode(&bytes), Err(RotationError::Forged));
}

#[test]
fn no_key_names_itself() {
    assert_eq!(Statement::sign(&key(1), &key(1), 0), Err(RotationError::Circle));
    let mut bytes = *statement(1, 2).encode();
    bytes.copy_within(1..33, 33);
    assert_eq!(Statement::decode(&bytes), Err(RotationError::Circle));
}

#[test]
fn who_knows_any_key_of_the_chain_follows_to_its_end() {
    let statements = chain(&[1, 2, 3, 4]);
    for pinned in [1, 2, 3] {
        assert_eq!(leads(pinned, 4, &statements), Ok(()), "from {pinned}");
    }
    assert_eq!(leads(3, 4, &statements[2..]), Ok(()));
}

#[test]
fn a_chain_leads_nowhere_else() {
    let statements = chain(&[1, 2, 3, 4]);
    for (pinned, shown) in [(4, 4), (9, 4), (1, 3), (1, 9), (4, 1)] {
        assert_eq!(leads(pinned, shown, &statements), Err(RotationError::Elsewhere), "{pinned} to {shown}");
    }
    assert_eq!(leads(1, 4, &statements[1..]), Err(RotationError::Elsewhere));
    assert_eq!(leads(1, 3, &[]), Err(RotationError::Length));
}

#[test]
fn gaps_circles_and_another_order_are_refused() {
    assert_eq!(leads(1, 4, &[statement(1, 2), statement(3, 4)]), Err(RotationError::Gap));
    assert_eq!(leads(1, 3, &[statement(2, 3), statement(1, 2)]), Err(RotationError::Gap));
    assert_eq!(leads(1, 2, &[statement(1, 2), statement(1, 2)]), Err(RotationError::Gap));
    assert_eq!(leads(1, 1, &[statement(1, 2), statement(2, 1)]), Err(RotationError::Circle));
    assert_eq!(leads(2, 2, &chain(&[1, 2, 3, 2])), Err(RotationError::Circle));
}

#[test]
fn a_chain_has_an_end() {
    let seeds: Vec<u8> = (0..=13).collect();
    let statements = chain(&seeds);
    assert_eq!(leads(0, 13, &statements), Err(RotationError::Length));
    assert_eq!(leads(1, 13, &statements[1..]), Ok(()));
    let bytes: Vec<_> = statements.iter().map(|said| said.encode().to_vec()).collect();
    assert_eq!(Chain::decode(&bytes, &key(13).public()), Err(RotationError::Length));
    let read = Chain::decode(&bytes[1..], &key(13).public()).unwrap();
    assert_eq!(read.statements(), &statements[1..]);
    assert_eq!(read.ended().next(), Some(key(1).public()));
}

#[test]
fn one_forged_statement_spoils_the_chain() {
    let mut bytes: Vec<_> = chain(&[1, 2, 3, 4]).iter().map(|said| said.encode().to_vec()).collect();
    assert!(Chain::decode(&bytes, &key(4).public()).is_ok());
    bytes[0][STATEMENT_LEN - 1] ^= 1;
    assert_eq!(Chain::decode(&bytes, &key(4).public()), Err(RotationError::Forged));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_two_keys_and_times_read_back(old: [u8; 32], new: [u8; 32], seconds: u64) {
        prop_assume!(old != new);
        let said = Statement::sign(&MachineKey::from_seed(old), &MachineKey::from_seed(new), seconds).unwrap();
        prop_assert_eq!(Statement::decode(said.encode()), Ok(said));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), STATEMENT_LEN - 1..STATEMENT_LEN + 2)) {
        prop_assert!(Statement::decode(&bytes).is_err());
    }

    #[test]
    fn a_chain_of_any_statements_leads_only_along_them(pairs in prop::collection::vec((0u8..4, 0u8..4), 1..5)) {
        let pairs: Vec<_> = pairs.into_iter().filter(|(old, new)| old != new).collect();
        let statements: Vec<_> = pairs.iter().map(|(old, new)| statement(*old, *new)).collect();
        for (pinned, shown) in [(0, 1), (0, 2), (0, 3), (1, 0), (2, 3)] {
            if leads(pinned, shown, &statements).is_ok() {
                prop_assert!(pairs.iter().any(|(old, _)| *old == pinned));
                prop_assert_eq!(pairs.last().map(|(_, new)| *new), Some(shown));
                prop_assert!(pairs.windows(2).all(|two| two[0].1 == two[1].0));
            }
        }
    }
}
