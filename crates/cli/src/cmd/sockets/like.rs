//! `--like NAME`: the programs of socket tutorials, each as the options that it comes to.
//!
//! In: a name or an item's number. Out: words that are put before what the user wrote himself, which therefore wins.

use std::ffi::OsString;

use serde::Serialize;

use crate::fail::{Fail, nearest};
use crate::here::Here;

/// The name that stands for the list.
pub(crate) const LIST: &str = "list";

/// One program.
#[derive(Debug)]
pub(crate) struct Program {
    /// What it is called.
    pub(crate) name: &'static str,
    /// The items of the tutorials that it is (docs/tutorials.md).
    pub(crate) items: &'static [&'static str],
    /// What it does, in a few words.
    what: &'static str,
    /// Where, if the user says nothing.
    endpoint: &'static str,
    /// How.
    options: &'static [&'static str],
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a str,
    items: &'a [&'a str],
    what: &'a str,
    command: String,
}

const fn program(
    name: &'static str,
    items: &'static [&'static str],
    what: &'static str,
    endpoint: &'static str,
    options: &'static [&'static str],
) -> Program {
    Program { name, items, what, endpoint, options }
}

/// Those that listen.
pub(crate) const SERVERS: &[Program] = &[
    program(
        "ack",
        &["t1"],
        "answers `Receive your message`; `##` closes",
        "tcp://127.0.0.1:9900",
        &["--service", "ack"],
    ),
    program(
        "hello",
        &["t2", "t3"],
        "answers `hi` once, then ends",
        "tcp://127.0.0.1:8080",
        &["--service", "hello", "--once"],
    ),
    program(
        "greet-first",
        &["t4"],
        "says `hello`, hears one message, closes",
        "tcp://127.0.0.1:8080",
        &["--service", "hello", "--greeting", "hello"],
    ),
    program(
        "welcome",
        &["t5", "s5"],
        "`Welcome!`, then `Hello, X!` after a second",
        "tcp://127.0.0.1:9999",
        &["--service", "greet"],
    ),
    program(
        "five-bytes",
        &["u1", "d16"],
        "reads five bytes of a datagram, answers that it got it",
        "udp://127.0.0.1:9000",
        &["--service", "ack", "--answer", "收到你的消息", "--closing", "", "--bufsize", "5"],
    ),
    program(
        "hello-udp",
        &["u2", "u3", "u4"],
        "answers each datagram with `hi`",
        "udp://127.0.0.1:9000",
        &["--service", "hello"],
    ),
    program(
        "phone",
        &["c1", "c2"],
        "you and one client in turns; `bye` ends",
        "tcp://127.0.0.1:8080",
        &["--service", "talk"],
    ),
    program(
        "phones",
        &["c3"],
        "one client after the other; `bye` ends a talk",
        "tcp://127.0.0.1:8080",
        &["--service", "talk", "--keep"],
    ),
    program(
        "speak-first",
        &["c4"],
        "you speak first; `q` ends a talk, the next client comes",
        "tcp://127.0.0.1:8080",
        &["--service", "talk", "--first", "--closing", "q", "--keep"],
    ),
    program("qq", &["c5"], "answers each datagram with a line of yours", "udp://127.0.0.1:8080", &["--service", "qq"]),
    program(
        "friends",
        &["c6"],
        "hands on what one says to all others, with names",
        "udp://127.0.0.1:8000",
        &["--service", "chat"],
    ),
    program(
        "time",
        &["w1", "w2", "w5"],
        "local time in the client's format",
        "udp://127.0.0.1:9000",
        &["--service", "time"],
    ),
    program(
        "time-pupil",
        &["w3"],
        "the same; an empty request gets an empty answer",
        "udp://127.0.0.1:9000",
        &["--service", "time", "--empty-for-empty"],
    ),
    program(
        "command",
        &["r1", "r2", "f1"],
        "runs commands; all of stderr, then all of stdout",
        "tcp://127.0.0.1:8080",
        &["--service", "exec", "--output", "stderr-first"],
    ),
    program(
        "commander-udp",
        &["r4"],
        "hears one datagram, then sends your commands; `q` ends",
        "udp://127.0.0.1:8080",
        &["--service", "talk", "--closing", "", "--leave", "q"],
    ),
    program(
        "two-sends",
        &["f2", "f3"],
        "shows what ten bytes a read make of two sends",
        "tcp://127.0.0.1:8080",
        &["--lines", "--bufsize", "10"],
    ),
    program(
        "command-ready",
        &["f5"],
        "runs commands; tells the length, waits for recv_ready",
        "tcp://127.0.0.1:8080",
        &["--service", "exec", "--output", "stderr-or-stdout", "--frame-out", "ready"],
    ),
    program(
        "command-struct",
        &["f6"],
        "runs commands; four bytes of length before the output",
        "tcp://127.0.0.1:8080",
        &["--service", "exec", "--output", "stderr-or-stdout", "--frame-out", "i32le"],
    ),
    program(
        "command-header",
        &["f7", "f9"],
        "runs commands; a JSON header before the output",
        "tcp://127.0.0.1:8080",
        &["--service", "exec", "--output", "stderr-or-stdout", "--frame-out", "json"],
    ),
    program(
        "upload",
        &["f8"],
        "takes files with size, name and md5 in a header",
        "tcp://127.0.0.1:8080",
        &["--service", "upload", "--dir", "."],
    ),
    program(
        "challenge",
        &["h1", "h2"],
        "asks for a key by HMAC-MD5, then answers in upper case",
        "tcp://127.0.0.1:8080",
        &["--service", "upper", "--auth", "hmac-md5"],
    ),
    program(
        "learned",
        &["s1", "s4"],
        "answers anything with one question and closes",
        "tcp://127.0.0.1:8080",
        &["--service", "hello", "--answer", "亲,学会了吗"],
    ),
    program(
        "upper",
        &["s2"],
        "answers once in upper case",
        "tcp://127.0.0.1:9999",
        &["--service", "upper", "--strip", "--one-answer"],
    ),
    program(
        "upper-udp",
        &["s3"],
        "answers each datagram in upper case",
        "udp://127.0.0.1:9999",
        &["--service", "upper"],
    ),
    program(
        "inspector",
        &["k9"],
        "shows the socket, hears one client, says nothing",
        "tcp://127.0.0.1:8080",
        &["--service", "discard", "--info", "--once"],
    ),
    program("udp", &["m1"], "datagrams both ways without turns", "udp://127.0.0.1:8080", &["--lines"]),
    program("bot", &["m6"], "answers from a table; `bye` ends", "tcp://127.0.0.1:8080", &["--service", "bot"]),
    program(
        "download",
        &["m7"],
        "sends the file that is named, and closes",
        "tcp://127.0.0.1:8080",
        &["--service", "file", "--dir", "."],
    ),
];

/// Those that dial.
pub(crate) const CLIENTS: &[Program] = &[
    program(
        "ack",
        &["t1", "t7"],
        "a line, an answer; `##` ends",
        "tcp://127.0.0.1:9900",
        &["--turns", "--closing", "##"],
    ),
    program(
        "hello",
        &["t2", "t3"],
        "says `hello!`",
        "tcp://127.0.0.1:8080",
        &["--turns", "--say", "hello!", "--answers", "1"],
    ),
    program(
        "greet-first",
        &["t4"],
        "hears the greeting, says `byebye!`",
        "tcp://127.0.0.1:8080",
        &["--turns", "--second", "--say", "byebye!", "--closing", "byebye!"],
    ),
    program(
        "welcome",
        &["t5"],
        "is welcomed, gives three names, says `exit`",
        "tcp://127.0.0.1:9999",
        &[
            "--turns",
            "--second",
            "--say",
            "Rose",
            "--say",
            "Think",
            "--say",
            "Babala",
            "--say",
            "exit",
            "--closing",
            "exit",
        ],
    ),
    program(
        "five-bytes",
        &["u1"],
        "a datagram a line; an empty line ends",
        "udp://127.0.0.1:9000",
        &["--turns", "--leave", ""],
    ),
    program(
        "hello-udp",
        &["u2", "u3"],
        "says `hello`",
        "udp://127.0.0.1:9000",
        &["--turns", "--say", "hello", "--answers", "1", "--answer-timeout", "5"],
    ),
    program(
        "phone",
        &["c1", "c2", "c3"],
        "in turns; `bye` ends",
        "tcp://127.0.0.1:8080",
        &["--turns", "--closing", "bye"],
    ),
    program(
        "speak-second",
        &["c4"],
        "the server speaks first; `q` ends",
        "tcp://127.0.0.1:8080",
        &["--turns", "--second", "--closing", "q"],
    ),
    program("friends", &["c6"], "chat with all who are there", "udp://127.0.0.1:8000", &["--lines"]),
    program(
        "time",
        &["w1", "w2", "w5"],
        "a format a line, the time in it",
        "udp://127.0.0.1:9000",
        &["--turns", "--answer-timeout", "5"],
    ),
    program(
        "time-once",
        &["w3", "w4"],
        "asks once; the exit code tells whether it was answered",
        "udp://127.0.0.1:9000",
        &["--turns", "--say", "%Y-%m-%d %H:%M:%S", "--answers", "1", "--answer-timeout", "5"],
    ),
    program(
        "command",
        &["r2"],
        "commands; `quit` leaves",
        "tcp://127.0.0.1:8080",
        &["--turns", "--leave", "quit", "--skip-empty"],
    ),
    program(
        "commanded-udp",
        &["r4"],
        "says hello, then runs what it is told",
        "udp://127.0.0.1:8080",
        &["--say", "hello", "--service", "exec", "--output", "stderr-first"],
    ),
    program("two-sends", &["f2"], "two sends at once", "tcp://127.0.0.1:8080", &["--say", "hi", "--say", "meinv"]),
    program(
        "command-ready",
        &["f5"],
        "commands; answers a length with recv_ready",
        "tcp://127.0.0.1:8080",
        &["--turns", "--leave", "quit", "--skip-empty", "--frame-in", "ready"],
    ),
    program(
        "command-struct",
        &["f6"],
        "commands; four bytes of length before the output",
        "tcp://127.0.0.1:8080",
        &["--turns", "--leave", "quit", "--skip-empty", "--frame-in", "i32le"],
    ),
    program(
        "command-header",
        &["f7"],
        "commands; a JSON header before the output",
        "tcp://127.0.0.1:8080",
        &["--turns", "--leave", "quit", "--skip-empty", "--frame-in", "json"],
    ),
    program("upload", &["f8"], "sends the files of --upload with a header", "tcp://127.0.0.1:8080", &[]),
    program(
        "challenge",
        &["h1"],
        "proves a key by HMAC-MD5, then lines come back in upper case",
        "tcp://127.0.0.1:8080",
        &["--auth", "hmac-md5", "--turns", "--leave", "quit", "--skip-empty"],
    ),
    program(
        "learned",
        &["s1"],
        "says one thing, hears one answer",
        "tcp://127.0.0.1:8080",
        &["--turns", "--say", "hi", "--answers", "1"],
    ),
    program(
        "upper",
        &["s2"],
        "says `hello` and a line end",
        "tcp://127.0.0.1:9999",
        &["--turns", "--say", "hello\n", "--answers", "1"],
    ),
    program("udp", &["m1"], "datagrams both ways without turns", "udp://127.0.0.1:8080", &["--lines"]),
    program("bot", &["m6"], "questions; `bye` ends", "tcp://127.0.0.1:8080", &["--turns", "--closing", "bye"]),
    program("download", &["m7"], "names a file with --say and prints it", "tcp://127.0.0.1:8080", &[]),
];

impl Program {
    /// Its options; and its endpoint, if the user named none.
    fn words(&self, with_endpoint: bool) -> Vec<OsString> {
        let endpoint = with_endpoint.then_some(self.endpoint);
        endpoint.into_iter().chain(self.options.iter().copied()).map(OsString::from).collect()
    }

    fn command(&self, verb: &str) -> String {
        let words = std::iter::once(self.endpoint).chain(self.options.iter().copied());
        let quoted: Vec<String> = words.map(quoted).collect();
        format!("landline {verb} {}", quoted.join(" "))
    }
}

/// The words that `name` stands for.
///
/// # Errors
/// If there is no such program.
pub(crate) fn words(name: &str, programs: &[Program], with_endpoint: bool) -> Result<Vec<OsString>, Fail> {
    let asked = name.to_ascii_lowercase();
    let found = programs.iter().find(|one| one.name == asked || one.items.contains(&asked.as_str()));
    if let Some(found) = found {
        return Ok(found.words(with_endpoint));
    }
    let fail = Fail::usage(format_args!("no program is called {name:?}; --like list shows them"));
    Err(match nearest(&asked, programs.iter().map(|one| one.name)) {
        Some(near) => fail.hint(format_args!("did you mean {near}?")),
        None => fail,
    })
}

/// Shows every program with what it comes to.
pub(crate) fn list(verb: &str, programs: &[Program], here: &Here) {
    for one in programs {
        if here.out.is_json() {
            here.out.row(&Row { name: one.name, items: one.items, what: one.what, command: one.command(verb) });
        } else {
            here.out.line(format_args!("{:<15} {:<9} {}", one.name, one.items.join(" ").to_uppercase(), one.what));
            here.out.line(format_args!("  {}", one.command(verb)));
        }
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:%+=@".contains(c);
    if word.contains('\n') {
        format!("$'{}'", word.replace('\n', "\\n"))
    } else if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{word}'")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn every_program_comes_to_options_that_are_there() {
        for (verb, programs) in [("listen", SERVERS), ("dial", CLIENTS)] {
            for one in programs {
                let words = ["landline", verb].map(OsString::from).into_iter().chain(one.words(true));
                let parsed = Cli::try_parse_from(words);
                assert!(parsed.is_ok(), "{verb} {}: {}", one.name, parsed.err().unwrap());
            }
        }
    }

    #[test]
    fn names_and_items_are_unique() {
        for programs in [SERVERS, CLIENTS] {
            let mut all: Vec<&str> = programs.iter().flat_map(|one| one.items.iter().copied()).collect();
            all.extend(programs.iter().map(|one| one.name));
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
        }
    }

    #[test]
    fn a_name_that_is_near_is_offered() {
        let fail = words("uper", SERVERS, true).unwrap_err();
        assert!(fail.hint_text().unwrap().contains("upper"), "{fail:?}");
        assert_eq!(words("T1", SERVERS, false).unwrap(), words("ack", SERVERS, false).unwrap());
    }
}
