//! The time service: a request is a `strftime` format, the answer is the local time in it.
//!
//! In: a format, and the time. Out: text. A format is taken apart before anything is formatted: a letter that is unknown stays as it is
//! written (as in glibc), a width is two digits at most, an answer ends at [`MAX_ANSWER_BYTES`]. `%c`, `%x` and `%X` are those
//! of the C locale. Source: strftime(3), POSIX.

use std::sync::Mutex;

use jiff::{Timestamp, Zoned, fmt::strtime, tz::TimeZone};
use landline_net::raw::{Responder, Verdict};

/// What an empty request stands for.
pub const DEFAULT_FORMAT: &str = "%Y-%m-%d %X";

/// Bytes of the longest format: what the tutorials' servers take with one `recv(1024)`.
pub const MAX_FORMAT_BYTES: usize = 1024;

/// Bytes of the longest answer. An answer is longer than its format by a small factor only; this is for hostile ones.
pub const MAX_ANSWER_BYTES: usize = 4096;

/// Conversions that are made; all others stay as they are written.
const LETTERS: &str = "aAbBCdDeFgGhHIjklmMnNpPrRsSTtuUVwWyYzZf";

/// Answers with the local time.
#[derive(Debug, Default)]
pub struct Time {
    /// Whether an empty request gets an empty answer; else it gets [`DEFAULT_FORMAT`].
    pub empty_for_empty: bool,
    /// The last answer, which holds for the rest of its second.
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    second: i64,
    format: Vec<u8>,
    answer: Vec<u8>,
}

impl Time {
    /// `empty_for_empty`: what an empty request gets, an empty answer or the default format.
    #[must_use]
    pub fn new(empty_for_empty: bool) -> Self {
        Self { empty_for_empty, last: Mutex::default() }
    }

    fn write(&self, request: &[u8], now: Timestamp, answer: &mut Vec<u8>) {
        let format = if request.is_empty() && !self.empty_for_empty { DEFAULT_FORMAT.as_bytes() } else { request };
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let second = now.as_second();
        if last.second != second || last.format != format {
            let text = String::from_utf8_lossy(format);
            let zoned = now.to_zoned(TimeZone::system());
            let said = formatted(&text, &zoned).into_bytes();
            // What changes within a second is good for this request only.
            let lasts = !text.contains('N') && !text.contains('f');
            *last = Last { second: if lasts { second } else { 0 }, format: format.to_vec(), answer: said };
        }
        answer.extend_from_slice(&last.answer);
    }
}

impl Responder for Time {
    fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
        if request.len() > MAX_FORMAT_BYTES {
            return Verdict::Silent;
        }
        // Our own client fills its question up with zeroes, so that the answer is not the longer one (PROTOCOL.md §12).
        let format = request.iter().rposition(|byte| *byte != 0).and_then(|last| request.get(..=last));
        self.write(format.unwrap_or_default(), Timestamp::now(), answer);
        Verdict::Answer
    }

    fn answers_strangers(&self, request: &[u8]) -> bool {
        request.is_empty() || request.contains(&b'%')
    }
}

/// `now` as `format` asks for it.
#[must_use]
pub fn formatted(format: &str, now: &Zoned) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let (piece, after) = conversion(tail);
        match piece {
            Some(known) => out.push_str(&known.written(now)),
            None => out.push_str(tail.get(..tail.len() - after.len()).unwrap_or_default()),
        }
        rest = after;
        if out.len() > MAX_ANSWER_BYTES {
            break;
        }
    }
    out.push_str(rest);
    let mut end = out.len().min(MAX_ANSWER_BYTES);
    while !out.is_char_boundary(end) {
        end -= 1;
    }
    out.truncate(end);
    out
}

/// One conversion, taken apart.
enum Piece<'a> {
    Percent,
    /// Another format that it stands for.
    Long(&'static str),
    /// As it is written, `%` and flags included.
    Plain(&'a str),
}

impl Piece<'_> {
    fn written(&self, now: &Zoned) -> String {
        match self {
            Self::Percent => "%".to_owned(),
            Self::Long(format) => formatted(format, now),
            Self::Plain(text) => strtime::format(text, now).unwrap_or_else(|_| (*text).to_owned()),
        }
    }
}

/// The conversion at the start of `text`, which begins with `%`, and what follows it. `None` if it is none.
fn conversion(text: &str) -> (Option<Piece<'_>>, &str) {
    let flags_end = text.char_indices().skip(1).find(|(_, c)| !"-_0^#".contains(*c)).map_or(text.len(), |(at, _)| at);
    let width = text.get(flags_end..).unwrap_or_default();
    let digits = width.bytes().take_while(u8::is_ascii_digit).count();
    let letter_at = flags_end + digits;
    let Some(letter) = text.get(letter_at..).and_then(|tail| tail.chars().next()) else { return (None, "") };
    let end = letter_at + letter.len_utf8();
    let (whole, after) = text.split_at(end);
    let bare = letter_at == 1;
    let piece = match letter {
        '%' if bare => Some(Piece::Percent),
        'c' => Some(Piece::Long("%a %b %e %H:%M:%S %Y")),
        'x' => Some(Piece::Long("%m/%d/%y")),
        'X' => Some(Piece::Long("%H:%M:%S")),
        letter if LETTERS.contains(letter) && digits <= 2 && flags_end <= 3 => Some(Piece::Plain(whole)),
        _ => None,
    };
    (piece, after)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn then() -> Zoned {
        date(2018, 3, 5).at(7, 8, 9, 0).to_zoned(TimeZone::UTC).unwrap()
    }

    #[test]
    fn formats_are_those_of_the_c_locale() {
        let cases = [
            ("%Y-%m-%d %X", "2018-03-05 07:08:09"),
            ("%Y-%m-%d %H:%M-%S", "2018-03-05 07:08-09"),
            ("%x %c", "03/05/18 Mon Mar  5 07:08:09 2018"),
            ("%a %A %b %B %p %j %%", "Mon Monday Mar March AM 064 %"),
            ("%s %T %R %y", "1520233689 07:08:09 07:08 18"),
            ("at 100%", "at 100%"),
            ("%q %-", "%q %-"),
            ("%-d.%-m.", "5.3."),
            ("你好 %Y年", "你好 2018年"),
            ("", ""),
        ];
        for (format, expected) in cases {
            assert_eq!(formatted(format, &then()), expected, "{format}");
        }
    }

    #[test]
    fn an_empty_request_gets_what_was_chosen() {
        let mut answer = Vec::new();
        Time::new(true).write(b"", Timestamp::UNIX_EPOCH, &mut answer);
        assert!(answer.is_empty());
        Time::new(false).write(b"", Timestamp::UNIX_EPOCH, &mut answer);
        assert_eq!(answer.len(), "1970-01-01 00:00:00".len());
    }

    #[test]
    fn an_answer_is_kept_for_its_second_and_format_only() {
        let time = Time::new(false);
        let said = |format: &str, second: i64| {
            let mut answer = Vec::new();
            time.write(format.as_bytes(), Timestamp::from_second(second).unwrap(), &mut answer);
            String::from_utf8(answer).unwrap()
        };
        assert_eq!(said("%s", 5), "5");
        assert_eq!(said("%s", 6), "6");
        assert_eq!(said("<%s>", 6), "<6>");
        assert_eq!(said("%s", 6), "6");
    }

    proptest! {
        #[test]
        fn no_format_is_answered_with_more_than_the_limit(format in "(%[-_0^#]{0,3}[0-9]{0,5}.|.|%c){0,300}") {
            prop_assert!(formatted(&format, &then()).len() <= MAX_ANSWER_BYTES);
        }
    }
}
