//! The right code on the right connection succeeds; everything else fails, in one of two ways, and never panics.

use proptest::prelude::*;
use rand::rngs::OsRng;
use rand::{CryptoRng, RngCore}; // by name: proptest brings a newer rand's

use super::*;

const SECRET: &str = "cross-clock";
const EXPORTER: [u8; 32] = [3; 32];
const INVITER: PublicKey = PublicKey::from_bytes([1; 32]);
const JOINER: PublicKey = PublicKey::from_bytes([2; 32]);
const BINDING: Binding<'static> = Binding { exporter: &EXPORTER, inviter: &INVITER, joiner: &JOINER, number: 7 };

/// How far an introduction came.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Agreed,
    JoinerRefusedKe1(IntroError),
    InviterRefused(IntroError),
    JoinerRefusedKe3(IntroError),
}

/// A line that may change what it carries.
#[derive(Default)]
struct Line {
    ke1: Option<fn(&mut [u8], usize)>,
    ke2: Option<fn(&mut [u8], usize)>,
    ke3: Option<fn(&mut [u8], usize)>,
    place: usize,
}

impl Line {
    fn carry(&self, change: Option<fn(&mut [u8], usize)>, mut message: Vec<u8>) -> Vec<u8> {
        if let Some(change) = change {
            change(&mut message, self.place);
        }
        message
    }
}

fn introduce(made: Option<&str>, typed: &str, here: &Binding<'_>, there: &Binding<'_>, line: &Line) -> End {
    let (inviter, ke1) = Inviter::start(made, &mut OsRng);
    let (joiner, ke2) = match Joiner::answer(typed, &line.carry(line.ke1, ke1), there, &mut OsRng) {
        Ok(answered) => answered,
        Err(error) => return End::JoinerRefusedKe1(error),
    };
    let (ke3, ours) = match inviter.finish(&line.carry(line.ke2, ke2), here) {
        Ok(finished) => finished,
        Err(error) => return End::InviterRefused(error),
    };
    match joiner.finish(&line.carry(line.ke3, ke3)) {
        Ok(theirs) => {
            assert_eq!(ours, theirs);
            End::Agreed
        }
        Err(error) => End::JoinerRefusedKe3(error),
    }
}

fn plain(made: Option<&str>, typed: &str) -> End {
    introduce(made, typed, &BINDING, &BINDING, &Line::default())
}

#[test]
fn the_same_code_on_the_same_connection_agrees() {
    assert_eq!(plain(Some(SECRET), SECRET), End::Agreed);
}

#[test]
fn a_wrong_code_is_a_mismatch_that_the_inviter_finds_first() {
    for typed in ["cross-clog", "", "clock-cross", "Cross-clock", "cross-clock "] {
        assert_eq!(plain(Some(SECRET), typed), End::InviterRefused(IntroError::Mismatch), "{typed}");
    }
}

#[test]
fn an_unknown_number_looks_and_ends_like_a_wrong_code() {
    assert_eq!(plain(None, SECRET), End::InviterRefused(IntroError::Mismatch));
    assert_eq!(plain(None, ""), End::InviterRefused(IntroError::Mismatch));
    assert_eq!(Inviter::start(None, &mut OsRng).1.len(), Inviter::start(Some(SECRET), &mut OsRng).1.len());
}

#[test]
fn any_difference_in_what_the_two_sides_see_is_a_mismatch() {
    let strange = PublicKey::from_bytes([9; 32]);
    let seen = [
        Binding { exporter: &[4; 32], ..BINDING },
        Binding { inviter: &strange, ..BINDING },
        Binding { joiner: &strange, ..BINDING },
        Binding { inviter: &JOINER, joiner: &INVITER, ..BINDING },
        Binding { number: 8, ..BINDING },
    ];
    for there in seen {
        for (here, there) in [(&BINDING, &there), (&there, &BINDING)] {
            let end = introduce(Some(SECRET), SECRET, here, there, &Line::default());
            assert_eq!(end, End::InviterRefused(IntroError::Mismatch), "{here:?} {there:?}");
        }
    }
}

#[test]
fn the_messages_have_the_lengths_that_are_promised() {
    let (inviter, ke1) = Inviter::start(Some(SECRET), &mut OsRng);
    let (joiner, ke2) = Joiner::answer(SECRET, &ke1, &BINDING, &mut OsRng).unwrap();
    let (ke3, key) = inviter.finish(&ke2, &BINDING).unwrap();
    assert_eq!((ke1.len(), ke2.len(), ke3.len()), (KE1_LEN, KE2_LEN, KE3_LEN));
    assert_eq!(joiner.finish(&ke3).unwrap().danger_bytes(), key.danger_bytes());
}

#[test]
fn a_change_of_any_byte_never_succeeds() {
    fn flip(message: &mut [u8], place: usize) {
        message[place] ^= 1;
    }
    fn flip_top(message: &mut [u8], place: usize) {
        message[place] ^= 0x80;
    }
    let run = |line: Line| introduce(Some(SECRET), SECRET, &BINDING, &BINDING, &line);
    for change in [flip as fn(&mut [u8], usize), flip_top] {
        for place in 0..KE1_LEN {
            let end = run(Line { ke1: Some(change), place, ..Line::default() });
            assert!(
                matches!(end, End::JoinerRefusedKe1(IntroError::Malformed) | End::InviterRefused(IntroError::Mismatch)),
                "KE1 byte {place}: {end:?}"
            );
        }
        for place in 0..KE2_LEN {
            let end = run(Line { ke2: Some(change), place, ..Line::default() });
            assert!(matches!(end, End::InviterRefused(_)), "KE2 byte {place}: {end:?}");
        }
        for place in 0..KE3_LEN {
            let end = run(Line { ke3: Some(change), place, ..Line::default() });
            assert_eq!(end, End::JoinerRefusedKe3(IntroError::Mismatch), "KE3 byte {place}");
        }
    }
}

#[test]
fn every_other_length_is_malformed() {
    let (_, ke1) = Inviter::start(Some(SECRET), &mut OsRng);
    let answer = |ke1: &[u8]| Joiner::answer(SECRET, ke1, &BINDING, &mut OsRng);
    let (_, ke2) = answer(&ke1).unwrap();
    for len in (0..KE1_LEN).chain([KE1_LEN + 1, 4096]) {
        let message: Vec<u8> = ke1.iter().copied().cycle().take(len).collect();
        assert_eq!(answer(&message).err(), Some(IntroError::Malformed));
    }
    for len in (0..KE2_LEN).step_by(7).chain([KE2_LEN - 1, KE2_LEN + 1, 4096]) {
        let message: Vec<u8> = ke2.iter().copied().cycle().take(len).collect();
        let (inviter, _) = Inviter::start(Some(SECRET), &mut OsRng);
        assert_eq!(inviter.finish(&message, &BINDING).err(), Some(IntroError::Malformed));
    }
    for len in (0..KE3_LEN).chain([KE3_LEN + 1, 4096]) {
        let (joiner, _) = answer(&ke1).unwrap();
        assert_eq!(joiner.finish(&vec![0; len]).err(), Some(IntroError::Malformed));
    }
}

#[test]
fn an_answer_to_another_attempt_is_a_mismatch() {
    let (_, earlier) = Inviter::start(Some(SECRET), &mut OsRng);
    let (_, replayed) = Joiner::answer(SECRET, &earlier, &BINDING, &mut OsRng).unwrap();
    let (inviter, _) = Inviter::start(Some(SECRET), &mut OsRng);
    assert_eq!(inviter.finish(&replayed, &BINDING).err(), Some(IntroError::Mismatch));
}

#[test]
fn the_inviters_own_element_sent_back_is_a_mismatch() {
    let (inviter, ke1) = Inviter::start(Some(SECRET), &mut OsRng);
    let (_, mut ke2) = Joiner::answer("other-guess", &ke1, &BINDING, &mut OsRng).unwrap();
    ke2[..32].copy_from_slice(&ke1[..32]);
    assert_eq!(inviter.finish(&ke2, &BINDING).err(), Some(IntroError::Mismatch));
}

#[test]
fn the_neutral_element_is_malformed() {
    let (inviter, mut ke1) = Inviter::start(Some(SECRET), &mut OsRng);
    let (_, mut ke2) = Joiner::answer(SECRET, &ke1, &BINDING, &mut OsRng).unwrap();
    ke2[..32].fill(0);
    assert_eq!(inviter.finish(&ke2, &BINDING).err(), Some(IntroError::Malformed));
    for element in [0, 64] {
        ke1[element..element + 32].fill(0);
        assert_eq!(Joiner::answer(SECRET, &ke1, &BINDING, &mut OsRng).err(), Some(IntroError::Malformed));
    }
}

#[test]
fn whether_an_answer_is_malformed_does_not_depend_on_the_code() {
    // Else "malformed", which burns nothing, would be a free test of a guess.
    for place in 0..KE2_LEN {
        let judged = [Some(SECRET), Some("other-words"), None].map(|made| {
            let (inviter, _) = Inviter::start(made, &mut OsRng);
            let (_, mut ke2) = Joiner::answer(SECRET, &fixed_ke1(), &BINDING, &mut Counting(0)).unwrap();
            ke2[place] ^= 0x80;
            inviter.finish(&ke2, &BINDING).unwrap_err()
        });
        assert_eq!(judged, [judged[0]; 3], "byte {place}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let (inviter, ke1) = Inviter::start(Some(SECRET), &mut OsRng);
    let (joiner, ke2) = Joiner::answer(SECRET, &ke1, &BINDING, &mut OsRng).unwrap();
    assert_eq!(format!("{inviter:?} {joiner:?}"), "Inviter(…) Joiner(…)");
    let (_, key) = inviter.finish(&ke2, &BINDING).unwrap();
    assert_eq!(format!("{key:?}"), "SessionKey(…)");
}

/// A predictable source, so that two runs draw the same numbers.
struct Counting(u64);

impl RngCore for Counting {
    fn next_u32(&mut self) -> u32 {
        let [a, b, c, d, ..] = self.next_u64().to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    fn next_u64(&mut self) -> u64 {
        self.0 += 1;
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(8) {
            let bytes = self.next_u64().to_le_bytes();
            chunk.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Counting {}

fn fixed_ke1() -> Vec<u8> {
    Inviter::start(Some(SECRET), &mut Counting(1 << 32)).1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agreement_means_equal_words(made in "[a-c]{0,2}-[a-c]{0,2}", typed in "[a-c]{0,2}-[a-c]{0,2}") {
        let end = plain(Some(&made), &typed);
        prop_assert_eq!(end == End::Agreed, made == typed);
        prop_assert_eq!(plain(Some(&made), &made), End::Agreed);
    }

    #[test]
    fn random_messages_never_succeed_or_panic(
        ke1 in prop::collection::vec(any::<u8>(), KE1_LEN),
        ke2 in prop::collection::vec(any::<u8>(), KE2_LEN),
        ke3 in prop::collection::vec(any::<u8>(), KE3_LEN),
    ) {
        let (inviter, real) = Inviter::start(Some(SECRET), &mut OsRng);
        let _ = Joiner::answer(SECRET, &ke1, &BINDING, &mut OsRng);
        prop_assert!(inviter.finish(&ke2, &BINDING).is_err());
        let (joiner, _) = Joiner::answer(SECRET, &real, &BINDING, &mut OsRng).unwrap();
        prop_assert_eq!(joiner.finish(&ke3), Err(IntroError::Mismatch));
    }

    #[test]
    fn no_two_bindings_share_a_context(one: ([u8; 32], [u8; 32], [u8; 32], u16), other: ([u8; 32], [u8; 32], [u8; 32], u16)) {
        let context = |(exporter, inviter, joiner, number): ([u8; 32], [u8; 32], [u8; 32], u16)| {
            let (inviter, joiner) = (PublicKey::from_bytes(inviter), PublicKey::from_bytes(joiner));
            Binding { exporter: &exporter, inviter: &inviter, joiner: &joiner, number }.context()
        };
        prop_assert_eq!(context(one) == context(other), one == other);
    }
}
