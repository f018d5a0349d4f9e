//! What is written down verifies the password it was made of, and nothing else.

use rand::rngs::OsRng;

use super::*;

#[test]
fn a_record_reads_back_and_knows_its_password() {
    let record = UserRecord::create("пароль".as_bytes(), &mut OsRng);
    let again = UserRecord::from_parts(record.key(), &record.digest()).unwrap();
    assert!(again.verify("пароль".as_bytes()));
    assert!(!again.verify(b"") && !again.verify("парол".as_bytes()));
}

#[test]
fn a_record_is_what_python_makes_of_it() {
    // python3 -c "import hmac; print(hmac.new(b'0123456789:;<=>?@ABC', b'secret', 'md5').hexdigest())"
    let record = UserRecord::from_parts("0123456789:;<=>?@ABC", "6764832a712b8a75c74b7546725ee937").unwrap();
    assert!(record.verify(b"secret"));
}

#[test]
fn two_users_with_one_password_differ() {
    let [one, other] = [(); 2].map(|()| UserRecord::create(b"same", &mut OsRng));
    assert_ne!(one.key(), other.key());
    assert_ne!(one.digest(), other.digest());
}

#[test]
fn every_character_of_the_range_comes_and_no_other() {
    let mut seen = [0_u32; 256];
    for _ in 0..1000 {
        UserRecord::create(b"", &mut OsRng).key().bytes().for_each(|byte| seen[usize::from(byte)] += 1);
    }
    for (code, count) in seen.into_iter().enumerate() {
        // 20000 draws of 75: some 267 each. Outside 100..500 lies one run in more than 10^20.
        assert_eq!((100..500).contains(&count), (48..=122).contains(&code), "code {code} came {count} times");
    }
}

#[test]
fn what_is_no_record_is_refused_by_its_half() {
    let digest = "0".repeat(32);
    for key in
        ["", "short", "0123456789012345678/", "0123456789012345678{", "012345678901234567890", "012345678901234567é"]
    {
        assert_eq!(UserRecord::from_parts(key, &digest).err(), Some(StoredError::Key), "{key}");
    }
    for digest in ["", "0", &digest[1..], &"A".repeat(32), &"0".repeat(34), &"g".repeat(32)] {
        assert_eq!(UserRecord::from_parts(&"k".repeat(20), digest).err(), Some(StoredError::Digest), "{digest}");
    }
}

#[test]
fn debug_shows_neither_half() {
    assert_eq!(format!("{:?}", UserRecord::create(b"", &mut OsRng)), "UserRecord(…)");
}
