//! Screen: sentences that hold foreign text, made harmless without losing their look.
//!
//! [`fn@landline_wire::shown`] is for names: it doubles backslashes, so that two names never look alike. A sentence whose
//! names were treated so already would have them doubled twice. Here the backslash stays, everything else that acts on a
//! terminal is escaped in the same way.

use std::io::{self, Write};

use landline_wire::shown;

/// Columns of a terminal that does not tell.
const USUAL: usize = 80;

/// Columns of the screen that stdout goes to.
pub(crate) fn columns() -> usize {
    rustix::termios::tcgetwinsize(io::stdout()).map_or(USUAL, |size| match size.ws_col {
        0 => USUAL,
        columns => usize::from(columns),
    })
}

/// One line for a screen: no control character, no text-turning mark, no newline.
pub(crate) fn tame(text: &str) -> String {
    let mut tamed = String::with_capacity(text.len());
    for c in text.chars() {
        push_tamed(&mut tamed, c);
    }
    tamed
}

fn push_tamed(out: &mut String, c: char) {
    if c == '\\' {
        out.push(c);
    } else {
        out.push_str(&shown(c.encode_utf8(&mut [0; 4])).to_string());
    }
}

/// Passes a stream of bytes on to a terminal with everything escaped that would act on it; lines and tabs stay.
pub(crate) struct Tamer<W> {
    to: W,
    /// Start of a character whose other bytes have not come yet.
    cut: Vec<u8>,
}

impl<W: Write> Tamer<W> {
    /// Writes to `to`.
    pub(crate) fn new(to: W) -> Self {
        Self { to, cut: Vec::new() }
    }

    /// The next bytes.
    ///
    /// # Errors
    /// As `to` fails.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut pending = std::mem::take(&mut self.cut);
        pending.extend_from_slice(bytes);
        let mut text = String::with_capacity(pending.len());
        let mut chunks = pending.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            for c in chunk.valid().chars() {
                if matches!(c, '\n' | '\t') { text.push(c) } else { push_tamed(&mut text, c) }
            }
            if chunks.peek().is_none() && may_go_on(chunk.invalid()) {
                self.cut = chunk.invalid().to_vec();
            } else if !chunk.invalid().is_empty() {
                text.push_str(&shown(chunk.invalid()).to_string());
            }
        }
        self.to.write_all(text.as_bytes())
    }

    /// That was all.
    ///
    /// # Errors
    /// As `to` fails.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        let cut = std::mem::take(&mut self.cut);
        self.to.write_all(shown(&cut).to_string().as_bytes())?;
        self.to.flush()
    }
}

impl Tamer<Vec<u8>> {
    /// `bytes` as they may be shown.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let _ = self.feed(bytes); // memory takes all of it
        std::mem::take(&mut self.to)
    }
}

/// Whether bytes that are not UTF-8 at the end of a piece may become so with the next.
fn may_go_on(bytes: &[u8]) -> bool {
    !bytes.is_empty() && matches!(std::str::from_utf8(bytes), Err(fault) if fault.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_keeps_its_backslashes_and_loses_its_escape_codes() {
        assert_eq!(tame("a\\u{1b} \u{1b}[2J\nb"), "a\\u{1b} \\u{1b}[2J\\nb");
        assert_eq!(tame("报告"), "报告");
    }

    #[test]
    fn any_cut_of_a_stream_shows_the_same() {
        let stream = "C:\\dir\t报告\r\n\u{1b}]0;x\u{7}\u{202e}".as_bytes().iter().chain(b"\xff\xe6\x8a").copied();
        let stream: Vec<u8> = stream.collect();
        let show = |cut: usize| {
            let mut screen = Vec::new();
            let mut tamer = Tamer::new(&mut screen);
            let (head, tail) = stream.split_at(cut);
            tamer.feed(head).unwrap();
            tamer.feed(tail).unwrap();
            tamer.finish().unwrap();
            String::from_utf8(screen).unwrap()
        };
        let whole = show(0);
        assert_eq!(whole, "C:\\dir\t报告\\r\n\\u{1b}]0;x\\u{7}\\u{202e}\\xff\\xe6\\x8a");
        for cut in 0..=stream.len() {
            assert_eq!(show(cut), whole, "cut at {cut}");
        }
    }
}
