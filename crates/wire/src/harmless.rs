//! JSON for programs that is harmless on a screen as well: it may be looked at.
//!
//! JSON itself escapes ASCII control characters only. Here every character that would act on a terminal or hide in a text
//! is written as `\u…` too, which means the same to every reader of JSON.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

use crate::shown;

/// Writes `value` on one line, without its end.
///
/// # Errors
/// As `to` fails.
pub fn write_harmless(mut to: impl Write, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(&mut to, Harmless))?)
}

struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(acts) {
            let (plain, tail) = rest.split_at(at);
            to.write_all(plain.as_bytes())?;
            let mut letters = tail.chars();
            let acting = letters.next().map_or(0, |c| c.len_utf8());
            let (acting, after) = tail.split_at(acting);
            for unit in acting.encode_utf16() {
                write!(to, "\\u{unit:04x}")?;
            }
            rest = after;
        }
        to.write_all(rest.as_bytes())
    }
}

/// Whether a character is anything else than seen. Quotes and backslashes never come here: JSON escapes them itself.
fn acts(c: char) -> bool {
    !c.is_ascii_graphic() && c != ' ' && shown(c.encode_utf8(&mut [0; 4])).to_string() != c.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut line = Vec::new();
        write_harmless(&mut line, &text).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn what_would_act_on_a_screen_is_escaped_and_means_the_same() {
        let text = "报告 \"\\ \u{1b}[2J\u{9b}31m\u{202e}fdp\u{e0041}\u{7f}\n";
        let line = written(text);
        assert_eq!(line, r#""报告 \"\\ \u001b[2J\u009b31m\u202efdp\udb40\udc41\u007f\n""#);
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(written("nächste 📞 a/b"), "\"nächste 📞 a/b\"");
    }
}
