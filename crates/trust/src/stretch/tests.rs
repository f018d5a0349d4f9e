//! A cost is between floor and cap or is none; Argon2id is that of the standard.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;

#[test]
fn argon2id_is_what_other_programs_compute() {
    // python3 argon2-cffi and the `argon2` program agree on this one: password, somesalt, 64 MiB, 2 passes, 1 lane (the
    // reference implementation's own test.c).
    let cost = Cost::new(65536, 2, 1).unwrap();
    let mut key = [0; 32];
    argon2id(b"password", b"somesalt", cost, &mut key).unwrap();
    assert_eq!(HEXLOWER.encode(&key), "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
}

#[test]
fn another_word_salt_or_cost_is_another_key() {
    let key = |input: &[u8], salt: &[u8], cost| {
        let mut key = [0; 32];
        argon2id(input, salt, cost, &mut key).unwrap();
        key
    };
    let once = key(b"word", b"12345678", Cost::TINY);
    assert_eq!(once, key(b"word", b"12345678", Cost::TINY));
    assert_ne!(once, key(b"Word", b"12345678", Cost::TINY));
    assert_ne!(once, key(b"word", b"12345679", Cost::TINY));
    assert_ne!(once, key(b"word", b"12345678", Cost { passes: 2, ..Cost::TINY }));
    assert_ne!(once, key(b"word", b"12345678", Cost { memory_kib: 9, ..Cost::TINY }));
}

#[test]
fn what_owasp_and_the_rfc_recommend_is_taken() {
    for (mib, passes, lanes) in [(46, 1, 1), (19, 2, 1), (12, 3, 1), (9, 4, 1), (7, 5, 1), (64, 3, 4)] {
        assert!(Cost::new(mib * 1024, passes, lanes).is_ok(), "{mib} MiB");
    }
    assert_eq!(Cost::new(LEAST_MEMORY_KIB, 5, 1), Ok(Cost::FLOOR));
    assert_eq!(Cost::new(64 * 1024, 3, 4), Ok(Cost::default()));
}

#[test]
fn below_the_floor_and_above_the_cap_nothing_is_taken() {
    let over = [
        (MOST_MEMORY_KIB + 1, 1, 1),
        (MOST_MEMORY_KIB, 5, 1),
        (LEAST_MEMORY_KIB, 147, 1),
        (64 * 1024, 3, 17),
        (u32::MAX, u32::MAX, u32::MAX),
        (u32::MAX, 1, 1),
        (LEAST_MEMORY_KIB, u32::MAX, 1),
    ];
    for (memory, passes, lanes) in over {
        assert_eq!(Cost::new(memory, passes, lanes), Err(CostError::TooMuch), "{memory} {passes} {lanes}");
    }
    for (memory, passes, lanes) in
        [(0, 0, 0), (LEAST_MEMORY_KIB - 1, 100, 1), (LEAST_MEMORY_KIB, 4, 1), (65536, 0, 4), (65536, 3, 0)]
    {
        assert_eq!(Cost::new(memory, passes, lanes), Err(CostError::TooLittle), "{memory} {passes} {lanes}");
    }
}

#[test]
fn a_password_has_bytes_and_not_too_many_and_is_not_shown() {
    assert_eq!(Password::new("").err(), Some(PasswordError::Empty));
    assert_eq!(Password::new(vec![b'a'; LONGEST_PASSWORD_BYTES + 1]).err(), Some(PasswordError::Long));
    assert_eq!(format!("{:?}", Password::new(vec![b'a'; LONGEST_PASSWORD_BYTES]).unwrap()), "Password(…)");
}

proptest! {
    #[test]
    fn every_cost_reads_back_and_can_be_paid(memory in 0..MOST_MEMORY_KIB * 2, passes in 0u32..200, lanes in 0u32..20) {
        if let Ok(cost) = Cost::new(memory, passes, lanes) {
            prop_assert_eq!(Cost::from_bytes(&cost.to_bytes()), Ok(cost));
            prop_assert!(Params::new(cost.memory_kib(), cost.passes(), cost.lanes(), Some(64)).is_ok());
            prop_assert!(cost.memory_kib() <= MOST_MEMORY_KIB && cost.memory_kib() * cost.passes() <= MOST_WORK_KIB);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        match Cost::from_bytes(&bytes) {
            Ok(cost) => prop_assert_eq!(&cost.to_bytes()[..], &bytes[..]),
            Err(error) => prop_assert_eq!(error == CostError::Malformed, bytes.len() != COST_LEN),
        }
    }
}
