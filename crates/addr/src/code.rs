//! Codes: the short one-time secret that is read aloud to introduce two machines, `7-cross-clock`.
//!
//! In: randomness, or what a person typed. Out: a number that says which invitation is meant (no secret) and two of
//! 2048 words (22 bits, the secret). Knows nothing of invitations, clocks and the introduction itself; one guess per
//! code is enforced by `store` and `trust::introduction`, and is what makes 22 bits enough.
//! Source of `code/words.txt`: the English list of BIP-39, from the Python package `mnemonic` 0.21 (MIT licence).
//! Invariants: the list is sorted, and no two words share their first four letters.

use std::fmt;
use std::str::FromStr;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The highest number of an invitation: three digits are still easily said.
pub const MAX_NUMBER: u16 = 999;

/// Words in the list: 11 bits each, so two words are a secret of 22 bits.
const WORD_COUNT: usize = 2048;

/// The bits of an index into the list; cutting to them gives no bias, because 2048 is a power of two.
const INDEX_BITS: u16 = 0x7ff;

/// Letters that tell the words apart, and thus all that need be typed.
const DISTINCT_LETTERS: usize = 4;

/// Bytes looked at when a person types a code: 3 parts of at most 8 letters leave room for generous spacing, and
/// the search for the nearest word stays cheap.
const MAX_TEXT_BYTES: usize = 128;

/// Edits beyond which a word is no longer a likely slip.
const MAX_SUGGESTED_EDITS: usize = 2;

static WORDS: [&str; WORD_COUNT] = split_lines(include_str!("code/words.txt"));

/// A code. Its words are wiped from memory on drop, and `Debug` shows the number only; `Display` shows everything.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Code {
    number: u16,
    /// Indices into [`WORDS`].
    words: [u16; 2],
}

/// What is wrong with a code that was typed. Never repeats what was typed: an error may end in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// There are not three parts.
    #[error("a code is a number and two words, like 7-cross-clock")]
    Shape,
    /// The first part is no number in `1..=`[`MAX_NUMBER`].
    #[error("a code begins with a number from 1 to {MAX_NUMBER}")]
    Number,
    /// A word that is not in the list.
    #[error("the {position} word of the code is not in the word list{}", did_you_mean(.nearest))]
    Word {
        /// Which of the two.
        position: Position,
        /// The word that was probably meant, if one is near.
        nearest: Option<&'static str>,
    },
}

/// Which word of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The one after the number.
    First,
    /// The last.
    Second,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first",
            Self::Second => "second",
        })
    }
}

impl Code {
    /// A code for invitation `number`, whose words are drawn from `random` (uniform bytes; 22 bits are used).
    ///
    /// # Panics
    /// If `number` is not in `1..=`[`MAX_NUMBER`]; the caller chose it.
    #[must_use]
    pub fn from_random(number: u16, mut random: [u8; 4]) -> Self {
        assert!((1..=MAX_NUMBER).contains(&number), "invitations are numbered from 1 to {MAX_NUMBER}");
        let [a, b, c, d] = random;
        random.zeroize();
        let index = |bytes| u16::from_be_bytes(bytes) & INDEX_BITS;
        Self { number, words: [index([a, b]), index([c, d])] }
    }

    /// The number of the invitation, `1..=`[`MAX_NUMBER`]. No secret: it travels in the clear.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }

    /// What the introduction proves knowledge of: the words in full, lower case, joined by `-`, without the number.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<String> {
        let [first, second] = self.words.map(word);
        Zeroizing::new([first, "-", second].concat())
    }
}

/// The whole code: to be shown to the human who asked for it, and to nobody else.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.words.map(word);
        write!(f, "{}-{first}-{second}", self.number)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({}-…)", self.number)
    }
}

/// Reads what a person typed: upper or lower case, spaces or dashes between the parts, each word in full or any
/// beginning of it from four letters on.
impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(CodeError::Shape);
        }
        let mut parts = text.split(is_separator).filter(|part| !part.is_empty());
        let (Some(number), Some(first), Some(second), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(CodeError::Shape);
        };
        let number = read_number(number).ok_or(CodeError::Number)?;
        Ok(Self { number, words: [read_word(first, Position::First)?, read_word(second, Position::Second)?] })
    }
}

/// Dashes as editors and messengers like to replace them are separators too.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || c == '-' || ('\u{2010}'..='\u{2015}').contains(&c) || c == '\u{2212}'
}

fn read_number(digits: &str) -> Option<u16> {
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| only_digits && (1..=MAX_NUMBER).contains(number))
}

fn read_word(typed: &str, position: Position) -> Result<u16, CodeError> {
    let typed = Zeroizing::new(typed.to_lowercase());
    let found = match WORDS.binary_search(&typed.as_str()) {
        Ok(index) => Some(index),
        // The list is sorted, so the only word that can begin with `typed` is the one that would follow it.
        Err(next) => (typed.len() >= DISTINCT_LETTERS
            && WORDS.get(next).is_some_and(|word| word.starts_with(typed.as_str())))
        .then_some(next),
    };
    match found.map(u16::try_from) {
        Some(Ok(index)) => Ok(index),
        _ => Err(CodeError::Word { position, nearest: nearest(&typed) }),
    }
}

fn word(index: u16) -> &'static str {
    WORDS[usize::from(index) % WORD_COUNT] // the remainder only tells the compiler what is so anyway
}

fn nearest(typed: &str) -> Option<&'static str> {
    let ranked = WORDS.iter().map(|word| (edits(typed, word), *word));
    ranked.min_by_key(|(edits, _)| *edits).filter(|(edits, _)| *edits <= MAX_SUGGESTED_EDITS).map(|(_, word)| word)
}

/// The Levenshtein distance, in bytes: how many must be added, dropped or changed to make one into the other.
fn edits(from: &str, to: &str) -> usize {
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.bytes().enumerate() {
        let mut left = row + 1;
        let mut diagonal = row;
        let mut line = vec![left];
        for (b, up) in to.bytes().zip(above.iter().skip(1)) {
            left = (diagonal + usize::from(a != b)).min(left + 1).min(up + 1);
            diagonal = *up;
            line.push(left);
        }
        above = line;
    }
    above.last().copied().unwrap_or_default()
}

fn did_you_mean(nearest: &Option<&'static str>) -> String {
    nearest.map(|word| format!("; did you mean \"{word}\"?")).unwrap_or_default()
}

/// Splits the list when landline is compiled, so that a list of another length does not compile.
const fn split_lines(mut text: &'static str) -> [&'static str; WORD_COUNT] {
    let mut words = [""; WORD_COUNT];
    let mut index = 0;
    while index < WORD_COUNT {
        let mut end = 0;
        while text.as_bytes()[end] != b'\n' {
            end += 1;
        }
        let (line, rest) = text.split_at(end);
        words[index] = line;
        text = rest.split_at(1).1;
        index += 1;
    }
    assert!(text.is_empty(), "the list has more words than it should");
    words
}

#[cfg(test)]
mod tests;
