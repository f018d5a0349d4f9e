//! Words: a typed line becomes commands and their words, as a shell of the system would have it, but small.
//!
//! In: a line's bytes. Out: commands; in each word a star that was not quoted is marked by a [`LIVE`] before it. Pure.
//! The rules: blanks part words; `'…'` takes everything as it is; in `"…"` a backslash frees `"` and `\`; elsewhere it frees
//! any character; `#` at the start of a word begins a comment; `;` ends a command. `!` at the start of a command gives the rest of
//! the line to a shell of this machine, `-` says that the command may fail. There are no variables, pipes or redirections.

/// Stands before a `*`, `?` or `[` that was not quoted. No path has this byte.
pub(super) const LIVE: u8 = 0;

/// One command of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// What is to be done.
    pub(super) said: Said,
    /// A `-` stood before it: its failure does not end a script.
    pub(super) may_fail: bool,
}

/// What a command says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// The command and its words, marked.
    Words(Vec<Vec<u8>>),
    /// For a shell of this machine, as it was typed; empty for one to type in.
    Local(Vec<u8>),
}

/// Why a line is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WordsError {
    /// A quotation mark without its other one.
    #[error("a {0} has no other one: the quotation does not end")]
    Open(char),
    /// A backslash with nothing behind it.
    #[error("the line ends with a backslash, which frees the character behind it; a command is one line")]
    Backslash,
    /// No name and no command has it.
    #[error("the line has a NUL byte")]
    Nul,
}

/// The commands of one line.
///
/// # Errors
/// [`WordsError`].
pub(super) fn commands(line: &[u8]) -> Result<Vec<Command>, WordsError> {
    if line.contains(&0) {
        return Err(WordsError::Nul);
    }
    let (mut scan, mut commands) = (Scan { line, at: 0 }, Vec::new());
    loop {
        let may_fail = scan.takes_dash();
        if scan.takes(b'!') {
            let local = line.get(scan.at..).unwrap_or_default().trim_ascii().to_vec();
            commands.push(Command { said: Said::Local(local), may_fail });
            return Ok(commands);
        }
        let mut words = Vec::new();
        let over = loop {
            match scan.next() {
                Token::Word(word) => words.push(word.closed()?.marked),
                Token::Semicolon => break false,
                Token::End => break true,
            }
        };
        if !words.is_empty() {
            commands.push(Command { said: Said::Words(words), may_fail });
        }
        if over {
            return Ok(commands);
        }
    }
}

/// `word` without its marks.
pub(super) fn plain(word: &[u8]) -> Vec<u8> {
    word.iter().copied().filter(|byte| *byte != LIVE).collect()
}

/// How a word begins, and so how it is to be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    /// With nothing: what is special gets a backslash.
    None,
    /// With `'`.
    Single,
    /// With `"`.
    Double,
}

/// The command that the cursor, at the end of `line`, is in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfinished {
    /// The words before, plain.
    pub(super) before: Vec<Vec<u8>>,
    /// Where in the line the last one begins; the line's length if it is yet to come.
    pub(super) start: usize,
    /// The last one so far, plain.
    pub(super) so_far: Vec<u8>,
    /// How it begins.
    pub(super) quote: Quote,
}

/// What is being typed; nothing in a comment or a command of this machine.
pub(super) fn unfinished(line: &[u8]) -> Option<Unfinished> {
    let mut scan = Scan { line, at: 0 };
    let mut words: Vec<Word> = Vec::new();
    scan.takes_dash();
    loop {
        if words.is_empty() && scan.takes(b'!') {
            return None;
        }
        match scan.next() {
            Token::Word(word) => words.push(word),
            Token::Semicolon => {
                words.clear();
                scan.takes_dash();
            }
            Token::End => break,
        }
    }
    if scan.at < line.len() {
        return None; // a comment
    }
    let last = words.pop_if(|last| last.end == line.len());
    let before = words.into_iter().map(|word| plain(&word.marked)).collect();
    Some(match last {
        Some(word) => {
            let quote = match line.get(word.start) {
                Some(b'\'') => Quote::Single,
                Some(b'"') => Quote::Double,
                _ => Quote::None,
            };
            Unfinished { before, start: word.start, so_far: plain(&word.marked), quote }
        }
        None => Unfinished { before, start: line.len(), so_far: Vec::new(), quote: Quote::None },
    })
}

/// `name` so that it is read back as it is; with a quotation mark at its start, the quotation is left open.
pub(super) fn quoted(name: &str, quote: Quote) -> String {
    match quote {
        // What ends the quotation can't be in it: out, a freed mark, and in again.
        Quote::Single => format!("'{}", name.replace('\'', r"'\''")),
        Quote::Double => format!("\"{}", name.replace('\\', r"\\").replace('"', r#"\""#)),
        Quote::None => {
            let mut freed = String::with_capacity(name.len());
            for (at, c) in name.chars().enumerate() {
                if " \t\\'\"*?[;".contains(c) || at == 0 && "#!".contains(c) {
                    freed.push('\\');
                }
                freed.push(c);
            }
            freed
        }
    }
}

struct Scan<'a> {
    line: &'a [u8],
    at: usize,
}

enum Token {
    Word(Word),
    Semicolon,
    /// Of the line, or a comment begins.
    End,
}

struct Word {
    start: usize,
    /// Where the next byte is.
    end: usize,
    marked: Vec<u8>,
    /// What has not come to its end.
    open: Option<u8>,
}

impl Word {
    fn closed(self) -> Result<Self, WordsError> {
        match self.open {
            None => Ok(self),
            Some(b'\\') => Err(WordsError::Backslash),
            Some(mark) => Err(WordsError::Open(char::from(mark))),
        }
    }
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.blanks();
        let takes = self.peek() == Some(byte);
        self.at += usize::from(takes);
        takes
    }

    /// The mark of a command that may fail: a dash right before its name.
    fn takes_dash(&mut self) -> bool {
        self.blanks();
        let is_mark = self.line.get(self.at + 1).is_some_and(|next| next.is_ascii_alphabetic() || *next == b'!');
        is_mark && self.takes(b'-')
    }

    fn next(&mut self) -> Token {
        self.blanks();
        match self.peek() {
            None | Some(b'#') => Token::End,
            Some(b';') => {
                self.at += 1;
                Token::Semicolon
            }
            Some(_) => Token::Word(self.word()),
        }
    }

    fn word(&mut self) -> Word {
        let (start, mut marked, mut open) = (self.at, Vec::new(), None);
        while let Some(byte) = self.peek() {
            match (open, byte) {
                (None, b';') => break,
                (None, byte) if is_blank(byte) => break,
                (None, b'\'' | b'"') => open = Some(byte),
                (None, b'\\') => match self.line.get(self.at + 1) {
                    Some(freed) => {
                        marked.push(*freed);
                        self.at += 1;
                    }
                    None => open = Some(b'\\'),
                },
                (None, b'*' | b'?' | b'[') => marked.extend([LIVE, byte]),
                (Some(mark), byte) if mark == byte => open = None,
                (Some(b'"'), b'\\') => match self.line.get(self.at + 1) {
                    Some(freed @ (b'"' | b'\\')) => {
                        marked.push(*freed);
                        self.at += 1;
                    }
                    _ => marked.push(b'\\'),
                },
                (_, byte) => marked.push(byte),
            }
            self.at += 1;
        }
        Word { start, end: self.at, marked, open }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Vec<Vec<String>> {
        let of = |command: Command| match command.said {
            Said::Words(words) => words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect(),
            Said::Local(line) => vec!["!".to_owned(), String::from_utf8(line).unwrap()],
        };
        commands(line.as_bytes()).unwrap().into_iter().map(of).collect()
    }

    #[test]
    fn blanks_part_words_and_quotations_hold_them_together() {
        assert_eq!(words(r#"get  'a b' "c d"  e\ f  报告"#), [["get", "a b", "c d", "e f", "报告"]]);
        assert_eq!(words(r#"x a'b'"c" '' "\"\\\n""#), [["x", "abc", "", "\"\\\\n"]]);
        assert_eq!(words(""), Vec::<Vec<String>>::new());
    }

    #[test]
    fn a_star_is_marked_unless_it_is_quoted() {
        assert_eq!(words(r"ls *.txt '*' \* a?[b]"), [["ls", "\0*.txt", "*", "*", "a\0?\0[b]"]]);
        assert_eq!(plain(b"\0*.txt"), b"*.txt");
    }

    #[test]
    fn semicolons_and_comments_end_a_command() {
        assert_eq!(words("pwd; ls a;; # all of it"), [vec!["pwd"], vec!["ls", "a"]]);
        assert_eq!(words("ls a#b ';' # c"), [["ls", "a#b", ";"]]);
    }

    #[test]
    fn the_rest_after_an_exclamation_mark_is_for_this_machine() {
        assert_eq!(words("pwd; !echo 'a;b' | wc # c"), [vec!["pwd"], vec!["!", "echo 'a;b' | wc # c"]]);
        assert_eq!(words("!"), [["!", ""]]);
        assert_eq!(words("stat wow!"), [["stat", "wow!"]]);
    }

    #[test]
    fn a_dash_before_a_command_lets_it_fail() {
        let of = |line: &str| commands(line.as_bytes()).unwrap().iter().map(|one| one.may_fail).collect::<Vec<_>>();
        assert_eq!(of("-rm a; rm -r b; -!false"), [true, false, true]);
        assert_eq!(words("-rm -r b"), [["rm", "-r", "b"]]);
    }

    #[test]
    fn what_does_not_end_is_told() {
        assert_eq!(commands(b"ls 'a"), Err(WordsError::Open('\'')));
        assert_eq!(commands(b"ls \"a\\\""), Err(WordsError::Open('"')));
        assert_eq!(commands(b"ls a\\"), Err(WordsError::Backslash));
        assert_eq!(commands(b"ls a\0"), Err(WordsError::Nul));
    }

    #[test]
    fn the_word_at_the_cursor_is_known_with_its_quotation() {
        let at = |line: &str| {
            let unfinished = unfinished(line.as_bytes())?;
            let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
            Some((
                unfinished.before.iter().map(text).collect::<Vec<_>>().join(","),
                unfinished.start,
                text(&unfinished.so_far),
                unfinished.quote,
            ))
        };
        let found =
            |before: &str, start, so_far: &str, quote| Some((before.to_owned(), start, so_far.to_owned(), quote));
        assert_eq!(at("l"), found("", 0, "l", Quote::None));
        assert_eq!(at("ls "), found("ls", 3, "", Quote::None));
        assert_eq!(at(r"pwd; -get 'a b' c\ d"), found("get,a b", 16, "c d", Quote::None));
        assert_eq!(at("get 'a b"), found("get", 4, "a b", Quote::Single));
        assert_eq!(at("get \"a b\""), found("get", 4, "a b", Quote::Double));
        assert_eq!(at("!ls a"), None);
        assert_eq!(at("ls # a"), None);
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(name in "[^\0\n]{1,12}") {
            for (quote, end) in [(Quote::None, ""), (Quote::Single, "'"), (Quote::Double, "\"")] {
                let line = format!("ls {}{end}", quoted(&name, quote));
                let expected = Said::Words(vec![b"ls".to_vec(), name.clone().into_bytes()]);
                if quote == Quote::None && name.contains(['\r']) {
                    continue; // a line has none
                }
                prop_assert_eq!(&commands(line.as_bytes()).unwrap()[0].said, &expected, "{}", line);
            }
        }

        #[test]
        fn no_line_makes_it_panic(line in any::<Vec<u8>>()) {
            let _ = commands(&line);
            let _ = unfinished(&line);
        }
    }
}
