//! Scripts: commands from a file, the command line or the standard input, one line after the other.
//!
//! In: lines. Out: an exit code. The first command that fails ends it, and is the code of the whole, unless it was told to go on.
//! Ctrl-C ends all of it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use super::commands::{self, GOES_ON, Went};
use super::local;
use super::session::Session;
use super::verbs::Verb;
use super::words::{Command, Said, commands};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::signals::{Came, Signals};
use crate::stdio::Stdin;

/// Where the lines come from.
pub(super) enum Source {
    /// Read already: what it is called, the lines, and where the next one begins.
    Text { name: String, text: Vec<u8>, at: usize },
    /// They come as they are written.
    Stdin(Stdin),
}

impl Source {
    /// The argument of `-c`.
    pub(super) fn argument(text: OsString) -> Self {
        Self::Text { name: "-c".to_owned(), text: text.into_vec(), at: 0 }
    }

    fn name(&self) -> String {
        match self {
            Self::Text { name, .. } => name.clone(),
            Self::Stdin(_) => "standard input".to_owned(),
        }
    }

    /// The next line.
    async fn line(&mut self) -> Result<Option<Vec<u8>>, Fail> {
        match self {
            Self::Text { text, at, .. } => {
                let rest = text.get(*at..).filter(|rest| !rest.is_empty());
                let line = rest.and_then(|rest| rest.split(|byte| *byte == b'\n').next());
                *at += line.map_or(0, |line| line.len() + 1);
                Ok(line.map(<[u8]>::to_vec))
            }
            Self::Stdin(stdin) => {
                let line = stdin.line().await.map_err(|fault| Fail::io("cannot read the commands", &fault))?;
                Ok(line.map(|line| line.to_vec()))
            }
        }
    }
}

/// What becomes of the rest when a command fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failing {
    /// It is left.
    Ends,
    /// It is done.
    GoesOn,
    /// A person at a plain terminal is asked for it, and Ctrl-C is a failure like any other.
    Asks,
}

/// Runs all of it.
///
/// # Errors
/// The first failure, where that ends it.
pub(super) async fn run(
    session: &mut Session,
    signals: &mut Signals,
    mut source: Source,
    failing: Failing,
) -> Result<Exit, Fail> {
    let (name, mut first, mut number) = (source.name(), None, 0_usize);
    loop {
        if failing == Failing::Asks {
            session.here.out.ask(&session.prompt());
        }
        let line = tokio::select! {
            line = source.line() => line?,
            came = signals.which() => match (failing, came) {
                (Failing::Asks, Came::Interrupt) => {
                    session.here.out.note("");
                    continue;
                }
                _ => return Err(Fail::interrupted()),
            },
        };
        let Some(line) = line else { break };
        number += 1;
        let commands = match commands(&line) {
            Ok(commands) => commands.into_iter().map(Ok).collect(),
            Err(why) => vec![Err(Fail::usage(why))],
        };
        for command in commands {
            let may_fail = command.as_ref().is_ok_and(|command| command.may_fail);
            let fail = match each(session, signals, command).await {
                Ok(None) => continue,
                Ok(Some(Went::Quit)) => return Ok(first.unwrap_or(Exit::Done)),
                Ok(Some(Went::On(exit))) => Fail::new(exit, "not all of it was done"), // what was not was told already
                Err(fail) => fail,
            };
            let fail = if failing == Failing::Asks { fail } else { fail.at(format_args!("{name}:{number}")) };
            let ends = failing == Failing::Ends && !may_fail;
            if ends || failing != Failing::Asks && fail.exit() == Exit::Interrupted {
                return Err(fail);
            }
            session.here.out.fail(&fail);
            if !may_fail {
                first.get_or_insert(fail.exit());
            }
        }
        if session.here.out.is_gone() {
            break; // whoever read has what was wanted
        }
        session.here.out.flush();
    }
    Ok(first.unwrap_or(Exit::Done))
}

/// One command, if it is one; nothing if all went well.
async fn each(
    session: &mut Session,
    signals: &mut Signals,
    command: Result<Command, Fail>,
) -> Result<Option<Went>, Fail> {
    let went = one(session, signals, &command?).await?;
    Ok((went != Went::On(Exit::Done)).then_some(went))
}

/// One command, which Ctrl-C stops.
async fn one(session: &mut Session, signals: &mut Signals, command: &Command) -> Result<Went, Fail> {
    match &command.said {
        Said::Words(words) => {
            let said = Verb::hear(words)?;
            let goes_on = said.goes_on();
            tokio::select! {
                went = commands::run(session, said) => went,
                _ = signals.which() => {
                    let fail = Fail::interrupted();
                    Err(if goes_on { fail.hint(GOES_ON) } else { fail })
                }
            }
        }
        Said::Local(line) => {
            let stopped = locally(session, signals, line).await?;
            match stopped {
                (_, Some(_)) => Err(Fail::interrupted()),
                (status, None) => local::ended(status).map(Went::On),
            }
        }
    }
}

/// A command of this machine gets its own Ctrl-C from the terminal; it is waited for.
pub(super) async fn locally(
    session: &Session,
    signals: &mut Signals,
    line: &[u8],
) -> Result<(std::process::ExitStatus, Option<Came>), Fail> {
    let mut running = std::pin::pin!(local::run(session, line));
    let mut stopped = None;
    loop {
        tokio::select! {
            biased;
            came = signals.which() => stopped = Some(came),
            status = &mut running => return Ok((status?, stopped)),
        }
    }
}
