//! Out: the only printer. Data goes to stdout, talk to stderr.
//!
//! In: lines for people, objects for programs, failures. Out: bytes on the two streams.
//! Foreign text must have gone through `shown` or `tame` before it comes here.
//! Invariant: printing never fails a command half-way. A reader that leaves (a closed pipe) is remembered and the rest
//! dropped; any other fault of stdout is told once, by [`Out::finish`].
#![expect(clippy::print_stderr, reason = "this is the room that speaks to the user")]

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use landline_wire::write_harmless;
use serde::Serialize;

use crate::exit::Exit;
use crate::fail::{Fail, io_exit, io_words};

/// The two streams. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Out {
    json: bool,
    quiet: bool,
    stdout: Arc<Mutex<Data>>,
}

struct Data {
    to: BufWriter<Stdout>,
    fault: Option<io::Error>,
}

impl Out {
    /// `json`: objects instead of text on stdout. `quiet`: no talk but warnings and errors.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let data = Data { to: BufWriter::new(io::stdout()), fault: None };
        Self { json, quiet, stdout: Arc::new(Mutex::new(data)) }
    }

    /// Whether programs read, not people.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether only data, warnings and errors are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether a person sees stdout.
    pub(crate) fn stdout_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether a person sees stderr and wants to, on a terminal on which a line can be drawn over.
    pub(crate) fn can_draw(&self) -> bool {
        !self.json && !self.quiet && io::stderr().is_terminal() && !is_dumb()
    }

    /// Whether a person types and sees, on a terminal on which a line can be edited.
    pub(crate) fn can_edit(&self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb()
    }

    /// Whether data may be coloured.
    pub(crate) fn paints(&self) -> bool {
        !self.json && io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb()
    }

    /// Cells in a line of the terminal at stdout; of one that does not tell, as many as the oldest had.
    pub(crate) fn width(&self) -> usize {
        let told = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| size.ws_col);
        if told == 0 { 80 } else { usize::from(told) }
    }

    /// Whether somebody can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// A line of data.
    pub(crate) fn line(&self, text: impl Display) {
        self.data().write(|to| writeln!(to, "{text}"));
    }

    /// A line of data that somebody waits for: written through at once.
    pub(crate) fn line_now(&self, text: impl Display) {
        self.data().write(|to| writeln!(to, "{text}").and_then(|()| to.flush()));
    }

    /// One JSON object, a line of data, written through at once.
    pub(crate) fn object(&self, value: &impl Serialize) {
        self.data().write(|to| {
            write_harmless(&mut *to, value)?;
            to.write_all(b"\n")?;
            to.flush()
        });
    }

    /// One JSON object of many: written when enough has gathered, at the latest by [`Out::finish`].
    pub(crate) fn row(&self, value: &impl Serialize) {
        self.data().write(|to| {
            write_harmless(&mut *to, value)?;
            to.write_all(b"\n")
        });
    }

    /// Raw data.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        self.data().write(|to| to.write_all(bytes));
    }

    /// Writes through what has gathered.
    pub(crate) fn flush(&self) {
        self.data().write(Write::flush);
    }

    /// Whether stdout takes no more.
    pub(crate) fn is_gone(&self) -> bool {
        self.data().fault.is_some()
    }

    /// A line of talk.
    pub(crate) fn say(&self, text: impl Display) {
        if !self.quiet {
            self.talk(text);
        }
    }

    /// A line of talk that was asked for by name, so quiet does not silence it.
    pub(crate) fn note(&self, text: impl Display) {
        self.talk(text);
    }

    /// Something that a person should know even if quiet was asked for.
    pub(crate) fn warn(&self, text: impl Display) {
        self.talk(format_args!("{} {text}", label("warning:", "33")));
    }

    /// Something that went wrong while the rest goes on.
    pub(crate) fn error(&self, text: impl Display) {
        self.talk(format_args!("{} {text}", label("error:", "31")));
    }

    /// Asks a question on stderr and leaves the cursor behind it.
    pub(crate) fn ask(&self, question: &str) {
        eprint!("{question}");
        drop(io::stderr().flush());
    }

    /// Why the command failed: in words, and as the last object if programs read.
    pub(crate) fn fail(&self, fail: &Fail) {
        self.error(fail.what());
        for cause in fail.causes() {
            self.talk(format_args!("  {cause}"));
        }
        if let Some(hint) = fail.hint_text() {
            self.talk(format_args!("{} {hint}", label("hint:", "36")));
        }
        if self.json {
            self.object(&fail.object());
        }
    }

    /// What clap has to say: help and versions are data, a wrong command line is talk.
    pub(crate) fn clap(&self, said: &clap::Error) {
        // clap colours by itself, and obeys NO_COLOR and pipes; a reader who left is no error
        drop(said.print());
        if self.json && said.use_stderr() {
            self.object(&clap_fail(said).object());
        }
    }

    /// Writes what is left. The exit code is `exit`, unless data was lost for another reason than a reader who left.
    pub(crate) fn finish(&self, exit: Exit) -> Exit {
        self.flush();
        let fault = self.data().fault.take();
        match fault {
            Some(fault) if fault.kind() != io::ErrorKind::BrokenPipe => {
                self.error(format_args!("cannot write to standard output: {}", io_words(&fault)));
                if exit == Exit::Done { io_exit(&fault) } else { exit }
            }
            Some(_) | None => exit,
        }
    }

    /// Data that was printed before stands before it on a shared screen too. Nobody is left to be told that stderr is
    /// gone.
    fn talk(&self, text: impl Display) {
        self.flush();
        drop(writeln!(io::stderr().lock(), "{text}"));
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What clap says of a wrong command line, without what only helps at a first look: its first paragraph, and its tips as a hint.
pub(crate) fn clap_fail(said: &clap::Error) -> Fail {
    if said.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Fail::usage("no command was given");
    }
    let text = said.render().to_string();
    let lines = || text.lines().map(str::trim);
    let what: Vec<&str> = lines().take_while(|line| !line.is_empty()).collect();
    let tips: Vec<&str> = lines().filter_map(|line| line.strip_prefix("tip: ")).collect();
    let fail = Fail::usage(what.join(" ").trim_start_matches("error: "));
    if tips.is_empty() { fail } else { fail.hint(tips.join("; ")) }
}

impl Data {
    fn write(&mut self, write: impl FnOnce(&mut BufWriter<Stdout>) -> io::Result<()>) {
        if self.fault.is_none() {
            self.fault = write(&mut self.to).err();
        }
    }
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// A word with a colour where colours are wanted; the word alone says it all.
fn label(word: &'static str, colour: &str) -> String {
    if io::stderr().is_terminal() && !is_set("NO_COLOR") && !is_dumb() {
        format!("\x1b[1;{colour}m{word}\x1b[0m")
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    fn said(arguments: &[&str]) -> Fail {
        let arguments = ["landline"].iter().chain(arguments);
        clap_fail(&Cli::try_parse_from(arguments).unwrap_err())
    }

    #[test]
    fn programs_are_told_which_arguments_are_missing() {
        let fail = said(&["put"]);
        assert_eq!(fail.what(), "the following required arguments were not provided: <SOURCE>... <TARGET>");
        assert_eq!(said(&["key"]).what(), "no command was given");
    }

    #[test]
    fn programs_are_told_the_tip_as_a_hint() {
        let fail = said(&["put", "--dry-rum", "a", "desk:"]);
        assert_eq!(fail.what(), "unexpected argument '--dry-rum' found");
        assert_eq!(fail.hint_text(), Some("a similar argument exists: '--dry-run'"));
    }
}
