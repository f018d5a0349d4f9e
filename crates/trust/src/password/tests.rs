//! The right password on the right connection succeeds; everything else is one word, and never panics.

use proptest::prelude::*;
use rand::rngs::OsRng;

use super::*;

const EXPORTER: [u8; 32] = [3; 32];
const SERVER: PublicKey = PublicKey::from_bytes([1; 32]);
const CLIENT: PublicKey = PublicKey::from_bytes([2; 32]);
const AMY: Name<'static> = Name(b"amy");
const BINDING: Binding<'static> = Binding { exporter: &EXPORTER, server: &SERVER, client: &CLIENT, user: AMY };
const RIGHT: &str = "right horse";

fn word(text: &str) -> Password {
    Password::new(text).unwrap()
}

fn secret() -> ServerSecret {
    ServerSecret::generate(Cost::TINY, &mut OsRng)
}

fn record(secret: &ServerSecret) -> Record {
    secret.record(AMY, &word(RIGHT), &mut OsRng).unwrap()
}

/// How far a login came.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Agreed,
    ServerRefusedKe1,
    ClientRefused(LoginError),
    ServerRefusedKe3,
}

const WRONG: End = End::ClientRefused(LoginError::Wrong(Wrong));

/// A line that may change what it carries: (which message, how).
type Change<'a> = (usize, &'a dyn Fn(&mut Vec<u8>));

fn login(
    secret: &ServerSecret,
    record: Option<&Record>,
    typed: &str,
    bindings: [&Binding<'_>; 2],
    change: Option<Change<'_>>,
) -> End {
    let carry = |which, mut message: Vec<u8>| {
        change.iter().filter(|(at, _)| *at == which).for_each(|(_, change)| change(&mut message));
        message
    };
    let [here, there] = bindings;
    let (client, ke1) = Login::start(&word(typed), &mut OsRng);
    let Ok((guess, ke2, cost)) = Guess::answer(secret, record, &carry(1, ke1), there, &mut OsRng) else {
        return End::ServerRefusedKe1;
    };
    let (ke3, ours) = match client.finish(&carry(2, ke2), cost, here) {
        Ok(finished) => finished,
        Err(error) => return End::ClientRefused(error),
    };
    match guess.judge(&carry(3, ke3)) {
        Ok(theirs) => {
            assert_eq!(ours, theirs);
            End::Agreed
        }
        Err(Wrong) => End::ServerRefusedKe3,
    }
}

fn plain(secret: &ServerSecret, record: Option<&Record>, typed: &str) -> End {
    login(secret, record, typed, [&BINDING; 2], None)
}

#[test]
fn the_right_password_on_one_connection_agrees_and_again_next_time() {
    let secret = secret();
    let record = record(&secret);
    assert_eq!(plain(&secret, Some(&record), RIGHT), End::Agreed);
    assert_eq!(plain(&secret, Some(&record), RIGHT), End::Agreed);
}

#[test]
fn a_password_set_from_afar_is_the_one_that_is_right() {
    let secret = secret();
    let (enrolment, request) = Enrolment::start(&word(RIGHT), &mut OsRng);
    let response = secret.enrol(AMY, &request).unwrap();
    let upload = enrolment.finish(&response, secret.cost(), &mut OsRng).unwrap();
    assert_eq!([request.len(), response.len(), upload.len()], [REQUEST_LEN, RESPONSE_LEN, UPLOAD_LEN]);
    let record = secret.keep(&upload).unwrap();
    assert_eq!(plain(&secret, Some(&record), RIGHT), End::Agreed);
    assert_eq!(plain(&secret, Some(&record), "other"), WRONG);
}

#[test]
fn a_wrong_password_is_wrong() {
    let secret = secret();
    let record = record(&secret);
    for typed in ["right hors", "Right horse", "right horse ", "x"] {
        assert_eq!(plain(&secret, Some(&record), typed), WRONG, "{typed}");
    }
}

#[test]
fn an_unknown_user_looks_and_ends_like_a_wrong_password() {
    let secret = secret();
    let record = record(&secret);
    for typed in [RIGHT, "x"] {
        assert_eq!(plain(&secret, None, typed), WRONG);
    }
    let shape = |record: Option<&Record>| {
        let (_, ke1) = Login::start(&word("x"), &mut OsRng);
        let (_, ke2, cost) = Guess::answer(&secret, record, &ke1, &BINDING, &mut OsRng).unwrap();
        (ke1.len(), ke2.len(), cost)
    };
    assert_eq!(shape(None), shape(Some(&record)));
    assert_eq!(shape(None), (KE1_LEN, KE2_LEN, Cost::TINY));
}

#[test]
fn the_element_for_one_name_is_the_same_each_time_whether_the_user_is_there_or_not() {
    // The first 32 bytes of KE2 are the blinded element under a key of secret and name. For one KE1 they must not differ
    // between a user who comes into being and one who was there, nor between two questions about nobody.
    let secret = secret();
    let record = record(&secret);
    let (_, ke1) = Login::start(&word("x"), &mut OsRng);
    let element = |record: Option<&Record>, user| {
        let binding = Binding { user, ..BINDING };
        Guess::answer(&secret, record, &ke1, &binding, &mut OsRng).unwrap().1[..32].to_vec()
    };
    assert_eq!(element(None, AMY), element(None, AMY));
    assert_eq!(element(None, AMY), element(Some(&record), AMY));
    assert_ne!(element(None, AMY), element(None, Name(b"bob")));
}

#[test]
fn any_difference_in_what_the_two_sides_see_is_wrong() {
    let secret = secret();
    let record = record(&secret);
    let strange = PublicKey::from_bytes([9; 32]);
    let seen = [
        Binding { exporter: &[4; 32], ..BINDING },
        Binding { server: &strange, ..BINDING },
        Binding { client: &strange, ..BINDING },
        Binding { server: &CLIENT, client: &SERVER, ..BINDING },
        Binding { user: Name(b"Amy"), ..BINDING },
    ];
    for other in seen {
        for pair in [[&BINDING, &other], [&other, &BINDING]] {
            assert_eq!(login(&secret, Some(&record), RIGHT, pair, None), WRONG, "{other:?}");
        }
    }
}

#[test]
fn a_record_of_another_user_or_server_is_wrong() {
    let secret = secret();
    let record = record(&secret);
    let bob = Binding { user: Name(b"bob"), ..BINDING };
    assert_eq!(login(&secret, Some(&record), RIGHT, [&bob; 2], None), WRONG);
    let other = ServerSecret::generate(Cost::TINY, &mut OsRng);
    assert_eq!(plain(&other, Some(&record), RIGHT), WRONG);
}

#[test]
fn another_cost_than_the_records_is_wrong() {
    let secret = secret();
    let record = record(&secret);
    let dearer = Cost::new(7 * 1024, 5, 1).unwrap();
    let (client, ke1) = Login::start(&word(RIGHT), &mut OsRng);
    let (_, ke2, cost) = Guess::answer(&secret, Some(&record), &ke1, &BINDING, &mut OsRng).unwrap();
    assert_ne!(cost, dearer);
    assert_eq!(client.finish(&ke2, dearer, &BINDING).err(), Some(LoginError::Wrong(Wrong)));
}

#[test]
fn a_record_keeps_the_cost_of_its_time() {
    let secret = secret();
    let old = record(&secret);
    let dearer = Cost::new(7 * 1024, 5, 1).unwrap();
    let secret = secret.with_cost(dearer);
    assert_eq!((old.cost(), secret.cost()), (Cost::TINY, dearer));
    assert_eq!(plain(&secret, Some(&old), RIGHT), End::Agreed);
    assert_eq!(record(&secret).cost(), dearer);
}

#[test]
fn a_replayed_ke3_or_ke2_is_wrong() {
    let secret = secret();
    let record = record(&secret);
    let (client, ke1) = Login::start(&word(RIGHT), &mut OsRng);
    let answer = || Guess::answer(&secret, Some(&record), &ke1, &BINDING, &mut OsRng).unwrap();
    let (guess, ke2, cost) = answer();
    let (ke3, _) = client.finish(&ke2, cost, &BINDING).unwrap();
    assert!(guess.judge(&ke3).is_ok());
    let (again, _, _) = answer(); // the same KE1 once more, and the KE3 that was right before
    assert_eq!(again.judge(&ke3).err(), Some(Wrong));
    let (next, _) = Login::start(&word(RIGHT), &mut OsRng);
    assert_eq!(next.finish(&ke2, cost, &BINDING).err(), Some(LoginError::Wrong(Wrong)));
}

#[test]
fn the_clients_own_element_sent_back_and_the_neutral_element_are_wrong() {
    let secret = secret();
    let record = record(&secret);
    let (client, ke1) = Login::start(&word(RIGHT), &mut OsRng);
    let (_, mut ke2, cost) = Guess::answer(&secret, Some(&record), &ke1, &BINDING, &mut OsRng).unwrap();
    ke2[..32].copy_from_slice(&ke1[..32]);
    assert_eq!(client.finish(&ke2, cost, &BINDING).err(), Some(LoginError::Wrong(Wrong)));
    for place in [0, 64] {
        let neutral = |message: &mut Vec<u8>| message[place..place + 32].fill(0);
        assert_eq!(
            login(&secret, Some(&record), RIGHT, [&BINDING; 2], Some((1, &neutral))),
            End::ServerRefusedKe1,
            "{place}"
        );
    }
    let neutral = |message: &mut Vec<u8>| message[..32].fill(0);
    assert_eq!(login(&secret, Some(&record), RIGHT, [&BINDING; 2], Some((2, &neutral))), WRONG);
}

#[test]
fn a_change_of_any_byte_and_any_other_length_is_refused() {
    let secret = secret();
    let record = record(&secret);
    for (which, len) in [(1, KE1_LEN), (2, KE2_LEN), (3, KE3_LEN)] {
        for place in 0..len {
            for bit in [1, 0x80] {
                let flip = |message: &mut Vec<u8>| message[place] ^= bit;
                let end = login(&secret, Some(&record), RIGHT, [&BINDING; 2], Some((which, &flip)));
                assert_ne!(end, End::Agreed, "message {which} byte {place} bit {bit}");
            }
            let cut = |message: &mut Vec<u8>| message.truncate(place);
            assert_ne!(login(&secret, Some(&record), RIGHT, [&BINDING; 2], Some((which, &cut))), End::Agreed);
        }
        let longer = |message: &mut Vec<u8>| message.push(0);
        assert_ne!(login(&secret, Some(&record), RIGHT, [&BINDING; 2], Some((which, &longer))), End::Agreed);
    }
}

#[test]
fn a_change_in_setting_a_password_makes_a_record_that_no_password_fits() {
    let secret = secret();
    for (which, len) in [(1, REQUEST_LEN), (2, RESPONSE_LEN), (3, UPLOAD_LEN)] {
        for place in 0..=len {
            let set = |change: &dyn Fn(&mut Vec<u8>)| {
                let (enrolment, mut request) = Enrolment::start(&word(RIGHT), &mut OsRng);
                if which == 1 {
                    change(&mut request);
                }
                let mut response = secret.enrol(AMY, &request).ok()?;
                if which == 2 {
                    change(&mut response);
                }
                let mut upload = enrolment.finish(&response, secret.cost(), &mut OsRng).ok()?;
                if which == 3 {
                    change(&mut upload);
                }
                secret.keep(&upload).ok()
            };
            if place < len {
                assert!(set(&|message| message.truncate(place)).is_none(), "message {which} cut at {place}");
                if let Some(record) = set(&|message| message[place] ^= 1) {
                    assert_ne!(plain(&secret, Some(&record), RIGHT), End::Agreed, "message {which} byte {place}");
                }
            } else {
                assert!(set(&|message| message.push(0)).is_none(), "message {which} longer");
            }
        }
    }
}

#[test]
fn what_is_kept_reads_back_and_holds_no_password() {
    let secret = secret().with_cost(Cost::FLOOR);
    let password = word("a password long enough to be looked for");
    let record = secret.record(AMY, &password, &mut OsRng).unwrap();
    let (kept, own) = (record.to_bytes(), secret.to_bytes());
    assert_eq!((kept.len(), own.len()), (RECORD_LEN, SECRET_LEN));
    for bytes in [&kept, &own] {
        let holds = |wanted: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
        assert!(!holds(&password.bytes()[..8]) && !holds(&input(&password)[..8]));
    }
    let (record, secret) = (Record::from_bytes(&kept).unwrap(), ServerSecret::from_bytes(&own).unwrap());
    assert_eq!((record.to_bytes(), secret.to_bytes()), (kept, own));
    let (client, ke1) = Login::start(&password, &mut OsRng);
    let (guess, ke2, cost) = Guess::answer(&secret, Some(&record), &ke1, &BINDING, &mut OsRng).unwrap();
    assert!(guess.judge(&client.finish(&ke2, cost, &BINDING).unwrap().0).is_ok());
}

#[test]
fn two_records_of_one_password_differ() {
    let secret = secret();
    assert_ne!(record(&secret).to_bytes(), record(&secret).to_bytes());
}

#[test]
fn what_is_kept_is_refused_when_cut_longer_of_another_version_or_at_another_cost() {
    let secret = secret().with_cost(Cost::FLOOR);
    let (kept, own) = (record(&secret).to_bytes(), secret.to_bytes());
    let refused = |bytes: &[u8]| Record::from_bytes(bytes).is_err() && ServerSecret::from_bytes(bytes).is_err();
    for bytes in [&kept, &own] {
        (0..bytes.len()).for_each(|cut| assert!(refused(&bytes[..cut])));
        assert!(refused(&[bytes, &[0][..]].concat()));
        for (place, value) in [(0, 2), (0, 0), (1, 0xff), (5, 0xff), (3, 0)] {
            let mut changed = bytes.to_vec();
            changed[place] = value;
            assert!(refused(&changed), "{place}");
        }
    }
}

#[test]
fn names_have_bytes_and_not_too_many() {
    assert_eq!(Name::new(b""), Err(NotAName));
    assert_eq!(Name::new(&[b'a'; 256]), Err(NotAName));
    assert_eq!(Name::new(&[b'a'; 255]).map(|name| name.as_bytes().len()), Ok(255));
}

#[test]
fn a_forgotten_cost_does_not_pass_for_none() {
    assert!(Stretch::default().hash(GenericArray::<u8, opaque_ke::generic_array::typenum::U64>::default()).is_err());
}

#[test]
fn debug_shows_no_secret() {
    let secret = secret();
    let record = record(&secret);
    let (client, ke1) = Login::start(&word(RIGHT), &mut OsRng);
    let (guess, _, _) = Guess::answer(&secret, Some(&record), &ke1, &BINDING, &mut OsRng).unwrap();
    let (enrolment, _) = Enrolment::start(&word(RIGHT), &mut OsRng);
    assert_eq!(format!("{client:?} {guess:?} {enrolment:?}"), "Login(…) Guess(…) Enrolment(…)");
    let cost = "0 MiB, 1 passes, 1 lanes";
    assert_eq!(format!("{secret:?} {record:?}"), format!("ServerSecret(…, {cost}) Record(…, {cost})"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agreement_means_equal_passwords(set in "[a-c]{1,2}", typed in "[a-c]{1,2}") {
        let secret = secret();
        let record = secret.record(AMY, &word(&set), &mut OsRng).unwrap();
        prop_assert_eq!(plain(&secret, Some(&record), &typed) == End::Agreed, set == typed);
        prop_assert_eq!(plain(&secret, Some(&record), &set), End::Agreed);
    }

    #[test]
    fn random_messages_never_succeed_or_panic(
        ke1 in prop::collection::vec(any::<u8>(), KE1_LEN),
        ke2 in prop::collection::vec(any::<u8>(), KE2_LEN),
        ke3 in prop::collection::vec(any::<u8>(), KE3_LEN),
        kept in prop::collection::vec(any::<u8>(), RECORD_LEN),
    ) {
        let secret = secret();
        let (client, real) = Login::start(&word(RIGHT), &mut OsRng);
        let _ = Guess::answer(&secret, None, &ke1, &BINDING, &mut OsRng);
        let _ = (Record::from_bytes(&kept), secret.keep(&kept), secret.enrol(AMY, &ke3));
        prop_assert!(client.finish(&ke2, Cost::TINY, &BINDING).is_err());
        let (guess, _, _) = Guess::answer(&secret, None, &real, &BINDING, &mut OsRng).unwrap();
        prop_assert_eq!(guess.judge(&ke3), Err(Wrong));
    }

    #[test]
    fn no_two_bindings_share_a_context(
        one: ([u8; 32], [u8; 32], [u8; 32]), other: ([u8; 32], [u8; 32], [u8; 32]),
        names in (prop::collection::vec(any::<u8>(), 1..9), prop::collection::vec(any::<u8>(), 1..9)),
    ) {
        let context = |(exporter, server, client): ([u8; 32], [u8; 32], [u8; 32]), name: &[u8]| {
            let (server, client) = (PublicKey::from_bytes(server), PublicKey::from_bytes(client));
            Binding { exporter: &exporter, server: &server, client: &client, user: Name(name) }.context(Cost::TINY)
        };
        let same = one == other && names.0 == names.1;
        prop_assert_eq!(context(one, &names.0) == context(other, &names.1), same);
        prop_assert_ne!(context(one, &names.0), {
            let binding = Binding { exporter: &one.0, server: &PublicKey::from_bytes(one.1),
                client: &PublicKey::from_bytes(one.2), user: Name(&names.0) };
            binding.context(Cost::FLOOR)
        });
    }
}
