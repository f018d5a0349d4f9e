//! The chat bot: questions that it knows are answered from a table.
//!
//! In: a table, as a text file of a person's ([`Table::parse`]) or that of the tutorials; questions. Out: answers. White space
//! around a question does not count, so that a terminal's line end is no other question; all else does, capitals too.
//! Source: PROTOCOL.md §12; item M6 of the tutorials.

use std::{collections::HashMap, fs::File, io, io::Read as _, path::Path};

use landline_net::raw::{Responder, Verdict};

/// Bytes of the longest table file: far more than anybody writes by hand, and little to keep.
pub const MAX_TABLE_BYTES: usize = 1 << 20;

/// Bytes of the longest line of a table; an answer then fits in any one message.
pub const MAX_LINE_BYTES: usize = 4096;

/// Questions in the largest table.
pub const MAX_QUESTIONS: usize = 10_000;

/// What stands between a question and its answer where there is no TAB.
const ARROW: &str = " -> ";

/// Questions and answers.
///
/// ```
/// use landline_services::simple::Table;
///
/// let table = Table::parse(b"# greetings\nhello -> hi\nwho?\tme\n")?;
/// assert_eq!(table.answer(b" hello\n"), Some(&b"hi"[..]));
/// assert_eq!(table.answer(b"Hello"), None);
/// # Ok::<(), landline_services::simple::TableError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    answers: HashMap<Vec<u8>, Vec<u8>>,
}

/// Why a file is no table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// It can't be read.
    #[error("the table can't be read: {0}")]
    Io(#[from] io::Error),
    /// It is too long.
    #[error("the table has more than {MAX_TABLE_BYTES} bytes")]
    TooLarge,
    /// A line can't be understood.
    #[error("line {line} of the table {fault}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        fault: LineFault,
    },
}

/// What is wrong with a line of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// It is too long.
    #[error("is longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// It is no text.
    #[error("is not UTF-8")]
    NotUtf8,
    /// Neither a TAB nor an arrow is in it.
    #[error("has no TAB and no \" -> \" between question and answer")]
    NoAnswer,
    /// One side is blank.
    #[error("lacks the question or the answer")]
    Blank,
    /// The question has an answer.
    #[error("asks what an earlier line asks")]
    Twice,
    /// One too many.
    #[error("is one more than the {MAX_QUESTIONS} questions that are allowed")]
    TooMany,
}

impl Default for Table {
    /// The table of the tutorials.
    fn default() -> Self {
        let pairs = [
            ("how are you?", "Fine,thank you."),
            ("how old are you?", "38"),
            ("what is your name?", "Dong FuGuo"),
            ("what's your name?", "Dong FuGuo"),
            ("where do you work?", "SDIBT"),
        ];
        Self { answers: pairs.map(|(question, answer)| (question.into(), answer.into())).into() }
    }
}

impl Table {
    /// Reads a table from a file of this machine's. Blocks.
    ///
    /// # Errors
    /// [`TableError`]; the file is never read further than the limit.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let most = u64::try_from(MAX_TABLE_BYTES).unwrap_or(u64::MAX);
        let mut text = Vec::new();
        File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut text)?;
        Self::parse(&text)
    }

    /// A pair a line: the question, a TAB or ` -> `, the answer; a TAB counts first. Blank lines and lines that begin with `#`
    /// say nothing. White space around question and answer is taken off.
    ///
    /// # Errors
    /// [`TableError`], which names the line.
    pub fn parse(text: &[u8]) -> Result<Self, TableError> {
        if text.len() > MAX_TABLE_BYTES {
            return Err(TableError::TooLarge);
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text); // the mark with which some editors begin a file
        let mut answers = HashMap::new();
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let failed = |fault| TableError::Line { line: at.saturating_add(1), fault };
            let Some((question, answer)) = pair(line).map_err(failed)? else { continue };
            if answers.len() >= MAX_QUESTIONS {
                return Err(failed(LineFault::TooMany));
            }
            if answers.insert(question.as_bytes().to_vec(), answer.as_bytes().to_vec()).is_some() {
                return Err(failed(LineFault::Twice));
            }
        }
        Ok(Self { answers })
    }

    /// The answer to a question, if there is one.
    #[must_use]
    pub fn answer(&self, question: &[u8]) -> Option<&[u8]> {
        self.answers.get(question.trim_ascii()).map(Vec::as_slice)
    }

    /// How many questions are in it.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.answers.len()
    }
}

/// Question and answer of a line; `None` if it says nothing.
fn pair(line: &[u8]) -> Result<Option<(&str, &str)>, LineFault> {
    if line.len() > MAX_LINE_BYTES {
        return Err(LineFault::TooLong);
    }
    let blank = |text: &str| text.trim_matches(|c: char| c.is_ascii_whitespace()).is_empty();
    let line = str::from_utf8(line).map_err(|_| LineFault::NotUtf8)?;
    if blank(line) || line.trim_ascii_start().starts_with('#') {
        return Ok(None);
    }
    let parts = line.split_once('\t').or_else(|| line.split_once(ARROW)).ok_or(LineFault::NoAnswer)?;
    if blank(parts.0) || blank(parts.1) {
        return Err(LineFault::Blank);
    }
    Ok(Some((parts.0.trim_ascii(), parts.1.trim_ascii())))
}

/// Answers questions.
#[derive(Debug, Clone)]
pub struct Bot {
    /// What it knows.
    pub table: Table,
    /// What it says to anything else; nothing if it is empty.
    pub unknown: Vec<u8>,
    /// What closes the connection, without an answer; white space around it does not count.
    pub closing: Option<Vec<u8>>,
}

impl Default for Bot {
    /// The table of the tutorials, `I don't know.` and `bye`.
    fn default() -> Self {
        Self { table: Table::default(), unknown: b"I don't know.".to_vec(), closing: Some(b"bye".to_vec()) }
    }
}

impl Responder for Bot {
    fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
        if self.closing.as_deref() == Some(request.trim_ascii()) {
            return Verdict::Close;
        }
        let said = self.table.answer(request).unwrap_or(&self.unknown);
        answer.extend_from_slice(said);
        if said.is_empty() { Verdict::Silent } else { Verdict::Answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bot: &Bot, question: &str) -> (String, Verdict) {
        let mut answer = Vec::new();
        let verdict = bot.respond(question.as_bytes(), &mut answer);
        (String::from_utf8(answer).unwrap(), verdict)
    }

    fn refused(text: &[u8]) -> String {
        Table::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_tutorials_questions_are_answered_as_there() {
        let bot = Bot::default();
        for (question, answer) in [
            ("how are you?", "Fine,thank you."),
            ("how old are you?", "38"),
            ("what is your name?", "Dong FuGuo"),
            ("what's your name?", "Dong FuGuo"),
            ("where do you work?", "SDIBT"),
            ("where do you work?\r\n", "SDIBT"),
            ("why?", "I don't know."),
            ("", "I don't know."),
        ] {
            assert_eq!(said(&bot, question), (answer.to_owned(), Verdict::Answer), "{question}");
        }
        assert_eq!(said(&bot, "bye"), (String::new(), Verdict::Close));
        assert_eq!(said(&bot, "bye\n").1, Verdict::Close);
    }

    #[test]
    fn who_has_no_words_for_the_unknown_says_nothing() {
        let bot = Bot { unknown: Vec::new(), closing: None, ..Bot::default() };
        assert_eq!(said(&bot, "why?").1, Verdict::Silent);
        assert_eq!(said(&bot, "bye").1, Verdict::Silent);
    }

    #[test]
    fn tabs_arrows_comments_and_foreign_line_ends_are_understood() {
        let text = "\u{feff}# a -> b\r\n\r\n  # c\td\n你好 -> 您好\r\na -> b\tc -> d\n  x  ->  y -> z  ";
        let table = Table::parse(text.as_bytes()).unwrap();
        assert_eq!(table.questions(), 3);
        assert_eq!(table.answer("你好".as_bytes()), Some("您好".as_bytes()));
        assert_eq!(table.answer(b"a -> b"), Some(&b"c -> d"[..]));
        assert_eq!(table.answer(b"x"), Some(&b"y -> z"[..]));
        assert_eq!(Table::parse(b"").unwrap().questions(), 0);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert_eq!(refused(b"\n\nhello"), "line 3 of the table has no TAB and no \" -> \" between question and answer");
        assert_eq!(refused(b"a\tb\n \tb"), "line 2 of the table lacks the question or the answer");
        assert_eq!(refused(b"a -> "), "line 1 of the table lacks the question or the answer");
        assert_eq!(refused(b"a\tb\n\na\tc"), "line 3 of the table asks what an earlier line asks");
        assert_eq!(refused(b"a\tb\n\xff\tc"), "line 2 of the table is not UTF-8");
        let long = [&b"a\t"[..], &[b'b'; MAX_LINE_BYTES]].concat();
        assert_eq!(refused(&long), "line 1 of the table is longer than 4096 bytes");
    }

    #[test]
    fn a_table_has_limits_and_a_file_is_read_no_further() {
        let many: String = (0..=MAX_QUESTIONS).map(|number| format!("{number}\tx\n")).collect();
        assert_eq!(
            refused(many.as_bytes()),
            "line 10001 of the table is one more than the 10000 questions that are allowed"
        );
        assert!(matches!(Table::parse(&[b'\n'; MAX_TABLE_BYTES + 1]), Err(TableError::TooLarge)));
        assert!(matches!(Table::read(Path::new("/dev/zero")), Err(TableError::TooLarge)));
        assert!(matches!(Table::read(Path::new("/nowhere/at/all")), Err(TableError::Io(_))));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("table"), "ping\tpong\n").unwrap();
        assert_eq!(Table::read(&dir.path().join("table")).unwrap().answer(b"ping"), Some(&b"pong"[..]));
    }
}
