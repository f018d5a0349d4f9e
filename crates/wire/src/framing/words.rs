//! Framings in a person's words: `raw`, `line`, `mark:##`, `u32be`, `json` and so on. Source: PROTOCOL.md §10.2.

use std::{fmt, str::FromStr};

use super::{Framing, LengthPrefix, MarkError};
use crate::shown::shown;

/// What may be said, for people.
pub const ALLOWED: &str =
    "raw, line, mark:END, u8, u16be, u16le, u32be, u32le, u64be, u64le, i32le, ready, json or landline";

/// Letters of an unknown word that are repeated to its author.
const SHOWN: usize = 24;

/// Why a word names no framing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WordError {
    /// None of the words.
    #[error("no framing is called \"{excerpt}\"; it is {ALLOWED}")]
    Unknown {
        /// The beginning of what was said, safe for a screen.
        excerpt: String,
    },
    /// `mark:` with something that is no mark.
    #[error("mark: {0}")]
    Mark(#[from] MarkError),
}

impl FromStr for Framing {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        if let Some(mark) = word.strip_prefix("mark:") {
            return Ok(Self::Mark(mark.parse()?));
        }
        match word {
            "raw" => Ok(Self::Raw),
            "line" => Ok(Self::Line),
            "ready" => Ok(Self::Ready),
            "json" => Ok(Self::Json),
            "landline" => Ok(Self::Landline),
            _ => {
                let prefix = LengthPrefix::ALL.into_iter().find(|prefix| prefix.word() == word);
                prefix.map(Self::Length).ok_or_else(|| WordError::Unknown { excerpt: excerpt(word) })
            }
        }
    }
}

/// The beginning of `word`, as it may be shown.
fn excerpt(word: &str) -> String {
    let end = word.char_indices().nth(SHOWN).map_or(word.len(), |(end, _)| end);
    let (start, rest) = word.split_at_checked(end).unwrap_or((word, ""));
    format!("{}{}", shown(start), if rest.is_empty() { "" } else { "…" })
}

/// The word, which reads back as the same framing.
impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raw => f.write_str("raw"),
            Self::Line => f.write_str("line"),
            Self::Mark(mark) => write!(f, "mark:{mark}"),
            Self::Length(prefix) => f.write_str(prefix.word()),
            Self::Ready => f.write_str("ready"),
            Self::Json => f.write_str("json"),
            Self::Landline => f.write_str("landline"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::Mark;

    #[test]
    fn every_word_that_is_allowed_reads_back() {
        for word in ALLOWED.split([',', ' ']).filter(|word| !word.is_empty() && *word != "or") {
            let framing: Framing = word.parse().unwrap();
            assert_eq!(framing.to_string(), word);
        }
        assert_eq!("mark:##".parse(), Ok(Framing::Mark(Mark::new(b"##").unwrap())));
        assert_eq!("mark:a:b".parse::<Framing>().unwrap().to_string(), "mark:a:b");
    }

    #[test]
    fn a_refusal_names_what_is_allowed_and_is_harmless() {
        for word in ["", "Raw", "mark", "u16", "i32", "i32be", "line ", "\u{1b}[2J"] {
            let said = word.parse::<Framing>().unwrap_err().to_string();
            assert!(said.contains("mark:END, u8, u16be") && !said.contains('\u{1b}'), "{said}");
        }
        let said = "长".repeat(1000).parse::<Framing>().unwrap_err().to_string();
        assert!(said.contains("长…\"") && said.len() < 250, "{said}");
        assert_eq!("mark:".parse::<Framing>(), Err(WordError::Mark(MarkError::Empty)));
    }
}
