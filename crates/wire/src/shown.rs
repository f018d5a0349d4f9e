//! Text from outside, made harmless for a screen, a log or a page.
//!
//! In: raw bytes, believed to be mostly UTF-8. Out: printable characters only. Every control character (C0, C1, DEL),
//! every mark that turns or hides text (bidirectional controls, zero-width, byte-order mark, tags) and every byte that
//! is not UTF-8 is shown as an escape; the backslash is doubled, so that two names never look alike.
//! Used at the last step before output, again when anything stored is shown again.

use std::fmt;

/// Bytes as a person may safely see them; see the module.
#[must_use]
pub fn shown(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Shown<'_> {
    Shown(bytes.as_ref())
}

/// Displays as printable text; made by [`shown`].
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\\' => f.write_str("\\\\")?,
                    '\n' => f.write_str("\\n")?,
                    '\r' => f.write_str("\\r")?,
                    '\t' => f.write_str("\\t")?,
                    c if hides(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                    c => f.write_char(c)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Characters that act on a terminal, or on the text around them, instead of being seen.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_text_of_any_language_stays_readable() {
        assert_eq!(shown("报告 final.pdf").to_string(), "报告 final.pdf");
    }

    #[test]
    fn escape_codes_newlines_and_turning_marks_are_seen_not_obeyed() {
        assert_eq!(shown("a\u{1b}[2Jb\n").to_string(), "a\\u{1b}[2Jb\\n");
        assert_eq!(shown("exe.\u{202e}fdp").to_string(), "exe.\\u{202e}fdp");
        assert_eq!(shown("\u{9b}31m").to_string(), "\\u{9b}31m");
        assert_eq!(shown(b"\xff\\").to_string(), "\\xff\\\\");
    }

    proptest! {
        #[test]
        fn nothing_that_acts_on_a_terminal_gets_through(raw in proptest::collection::vec(any::<u8>(), 0..60)) {
            let text = shown(&raw).to_string();
            prop_assert!(text.chars().all(|c| !c.is_control() && !hides(c)));
        }

        #[test]
        fn two_names_never_look_alike(
            a in proptest::collection::vec(any::<u8>(), 0..6), b in proptest::collection::vec(any::<u8>(), 0..6),
        ) {
            prop_assert_eq!(a == b, shown(&a).to_string() == shown(&b).to_string());
        }
    }
}
