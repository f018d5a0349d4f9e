//! An end mark: the bytes themselves, how they are written as text, and where in a stream they are or may begin.
//!
//! Text: printable ASCII stands for itself, the rest is escaped. Source: PROTOCOL.md §10.2, §10.4.

use std::{fmt, str::FromStr};

use crate::limits::MAX_MARK;

/// Bytes that end a message: 1 to 64 of any value.
///
/// ```
/// use landline_wire::Mark;
///
/// let mark: Mark = r"\r\n.\r\n".parse()?;
/// assert_eq!(mark.as_bytes(), b"\r\n.\r\n");
/// assert_eq!(Mark::new(b"\0\xff")?.to_string(), r"\0\xff");
/// assert!("".parse::<Mark>().is_err());
/// # Ok::<(), landline_wire::framing::MarkError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark(Box<[u8]>);

/// Why bytes or text are no mark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MarkError {
    /// Nothing can't end a message.
    #[error("an end mark has at least one byte")]
    Empty,
    /// More than [`MAX_MARK`] bytes.
    #[error("an end mark of {len} bytes, {MAX_MARK} are allowed")]
    TooLong {
        /// Bytes of the mark.
        len: usize,
    },
    /// A backslash that begins no escape.
    #[error(r"unknown escape at byte {at} of the end mark; there are \n, \r, \t, \0, \xHH and \\")]
    Escape {
        /// Place of the backslash in the text, from 0.
        at: usize,
    },
}

impl Mark {
    /// A mark of these bytes.
    ///
    /// # Errors
    /// [`MarkError::Empty`], [`MarkError::TooLong`].
    pub fn new(bytes: &[u8]) -> Result<Self, MarkError> {
        match bytes.len() {
            0 => Err(MarkError::Empty),
            len if len > MAX_MARK => Err(MarkError::TooLong { len }),
            _ => Ok(Self(bytes.into())),
        }
    }

    /// A line feed.
    pub(super) fn line_feed() -> Self {
        Self(Box::new([b'\n']))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Where the mark is in `bytes`, looked for from `from` on.
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Place {
        let Some((first, rest)) = self.0.split_first() else { return Place::NotBefore(bytes.len()) };
        let mut start = from;
        while let Some(skipped) = bytes.get(start..).and_then(|left| left.iter().position(|byte| byte == first)) {
            start += skipped;
            let after = bytes.get(start + 1..).unwrap_or_default();
            if after.starts_with(rest) {
                return Place::At(start);
            }
            if rest.starts_with(after) {
                return Place::NotBefore(start);
            }
            start += 1;
        }
        Place::NotBefore(bytes.len())
    }
}

/// What is known of the first mark in bytes that may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It begins here.
    At(usize),
    /// It is not complete yet, and will not begin before this place.
    NotBefore(usize),
}

impl FromStr for Mark {
    type Err = MarkError;

    fn from_str(text: &str) -> Result<Self, MarkError> {
        let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
        while let [first, after @ ..] = rest {
            let at = text.len() - rest.len();
            (rest, bytes) = match first {
                b'\\' => {
                    let (byte, after) = escape(after).ok_or(MarkError::Escape { at })?;
                    bytes.push(byte);
                    (after, bytes)
                }
                byte => {
                    bytes.push(*byte);
                    (after, bytes)
                }
            };
        }
        Self::new(&bytes)
    }
}

/// The byte that the text behind a backslash stands for, and what follows it.
fn escape(after: &[u8]) -> Option<(u8, &[u8])> {
    match after {
        [b'n', rest @ ..] => Some((b'\n', rest)),
        [b'r', rest @ ..] => Some((b'\r', rest)),
        [b't', rest @ ..] => Some((b'\t', rest)),
        [b'0', rest @ ..] => Some((0, rest)),
        [b'\\', rest @ ..] => Some((b'\\', rest)),
        [b'x', high, low, rest @ ..] => Some(((digit(*high)? << 4) | digit(*low)?, rest)),
        _ => None,
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// As text that reads back as the same mark, printable ASCII throughout.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for byte in &self.0 {
            match byte {
                b'\n' => f.write_str("\\n")?,
                b'\r' => f.write_str("\\r")?,
                b'\t' => f.write_str("\\t")?,
                0 => f.write_str("\\0")?,
                b'\\' => f.write_str("\\\\")?,
                b' '..=b'~' => f.write_char(char::from(*byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_mark_reads_back_as_it_is_written(bytes in proptest::collection::vec(any::<u8>(), 1..=MAX_MARK)) {
            let mark = Mark::new(&bytes).unwrap();
            let text = mark.to_string();
            prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(text.parse(), Ok(mark));
        }

        #[test]
        fn a_mark_is_found_where_a_plain_search_finds_it(
            mark in proptest::collection::vec(0u8..2, 1..5), bytes in proptest::collection::vec(0u8..2, 0..30),
        ) {
            let plain = bytes.windows(mark.len()).position(|window| window == mark);
            match (Mark::new(&mark).unwrap().find(&bytes, 0), plain) {
                (Place::At(at), plain) => prop_assert_eq!(Some(at), plain),
                (Place::NotBefore(at), None) => {
                    prop_assert!(mark.starts_with(&bytes[at..]) && bytes.len() - at < mark.len());
                    prop_assert!((0..at).all(|earlier| !mark.starts_with(&bytes[earlier..])));
                }
                (Place::NotBefore(at), Some(plain)) => prop_assert!(false, "not before {}, but at {}", at, plain),
            }
        }
    }

    #[test]
    fn escapes_are_those_of_the_protocol_and_no_others() {
        assert_eq!(r"a\n\r\t\0\x7F\\é".parse::<Mark>().unwrap().as_bytes(), b"a\n\r\t\0\x7f\\\xc3\xa9");
        for (text, at) in [(r"a\", 1), (r"\q", 0), (r"\x1", 0), (r"\xg0", 0), (r"\x+1", 0), (r"ab\N", 2)] {
            assert_eq!(text.parse::<Mark>(), Err(MarkError::Escape { at }), "{text}");
        }
        assert_eq!("x".repeat(65).parse::<Mark>(), Err(MarkError::TooLong { len: 65 }));
        assert!(r"\xff".repeat(64).parse::<Mark>().is_ok(), "it is the bytes that count");
    }
}
