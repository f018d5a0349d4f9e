//! The list keeps its promises, and codes survive being read aloud, typed and mistyped.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Code, CodeError> {
    text.parse()
}

#[test]
fn the_list_is_sorted_and_told_apart_by_four_letters() {
    let head = |word: &'static str| word.get(..DISTINCT_LETTERS).unwrap_or(word);
    assert!(WORDS.is_sorted_by(|a, b| a < b && head(a) < head(b)));
    assert!(WORDS.iter().all(|word| (3..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase())));
    assert_eq!((WORDS[0], WORDS[2047]), ("abandon", "zoo"));
}

#[test]
fn draws_each_word_from_its_own_eleven_bits() {
    assert_eq!(Code::from_random(7, [0, 0, 0xff, 0xff]).to_string(), "7-abandon-zoo");
    assert_eq!(Code::from_random(999, [0xf8, 1, 7, 0xff]).to_string(), "999-ability-zoo");
}

#[test]
#[should_panic(expected = "numbered from 1 to 999")]
fn refuses_to_number_an_invitation_zero() {
    let _ = Code::from_random(0, [0; 4]);
}

#[test]
fn accepts_what_people_type() {
    let code = read("7-cross-clock").unwrap();
    assert_eq!((code.number(), code.secret().as_str()), (7, "cross-clock"));
    for text in ["7 Cross CLOCK", " 007 - cross -- clock\n", "7–cros—cloc", "7\tCROS clock"] {
        assert_eq!(read(text), Ok(code.clone()), "{text}");
    }
}

#[test]
fn a_word_may_be_cut_after_four_letters_but_not_before() {
    assert_eq!(read("1-aban-abso").unwrap().secret().as_str(), "abandon-absorb");
    assert_eq!(read("1-abando-absor").unwrap().secret().as_str(), "abandon-absorb");
    assert!(matches!(read("1-aba-abso"), Err(CodeError::Word { position: Position::First, .. })));
    assert_eq!(read("1-zoo-act").unwrap().secret().as_str(), "zoo-act");
}

#[test]
fn refuses_what_is_no_code() {
    for text in ["", "7", "7-cross", "7-cross-clock-zoo", "cross-clock", &"7 ".repeat(100)] {
        assert_eq!(read(text), Err(CodeError::Shape), "{text}");
    }
    for text in ["0-cross-clock", "1000-cross-clock", "x-cross-clock", "+7-cross-clock", "70000-cross-clock"] {
        assert_eq!(read(text), Err(CodeError::Number), "{text}");
    }
}

#[test]
fn names_the_wrong_word_and_suggests_the_nearest() {
    let error = read("7-crosss-clock").unwrap_err();
    assert_eq!(error, CodeError::Word { position: Position::First, nearest: Some("cross") });
    assert_eq!(error.to_string(), "the first word of the code is not in the word list; did you mean \"cross\"?");
    let error = read("7-cross-qqqqqq").unwrap_err();
    assert_eq!(error, CodeError::Word { position: Position::Second, nearest: None });
    assert_eq!(error.to_string(), "the second word of the code is not in the word list");
}

#[test]
fn an_error_never_repeats_what_was_typed() {
    for text in ["7-crosss-secretish", "sesame-cross-clock", "7-cross-clock-sesame"] {
        let error = read(text).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!["crosss", "secretish", "sesame"].iter().any(|typed| said.contains(typed)), "{said}");
    }
}

#[test]
fn debug_shows_no_word() {
    assert_eq!(format!("{:?}", read("7-cross-clock").unwrap()), "Code(7-…)");
}

#[test]
fn counts_edits() {
    for (a, b, count) in [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("cross", "crosss", 1), ("kitten", "sitting", 3)]
    {
        assert_eq!(edits(a, b), count, "{a} {b}");
    }
}

proptest! {
    #[test]
    fn every_code_reads_back(number in 1..=MAX_NUMBER, random: [u8; 4]) {
        let code = Code::from_random(number, random);
        prop_assert_eq!(read(&code.to_string()), Ok(code.clone()));
        prop_assert_eq!(read(&code.to_string().to_uppercase()), Ok(code.clone()));
        prop_assert_eq!(code.to_string(), format!("{}-{}", code.number(), *code.secret()));
    }

    #[test]
    fn every_code_may_be_shortened(number in 1..=MAX_NUMBER, random: [u8; 4]) {
        let code = Code::from_random(number, random);
        let short = |word: &str| word.get(..4).unwrap_or(word).to_owned();
        let secret = code.secret();
        let (first, second) = secret.split_once('-').unwrap();
        prop_assert_eq!(read(&format!("{number} {} {}", short(first), short(second))), Ok(code.clone()));
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = read(&text);
    }
}
