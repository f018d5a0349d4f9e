//! A person at a terminal: a prompt, one command after the other, and Ctrl-C for whichever runs.
//!
//! In: typed lines. Out: what the commands print; failures are told and the next prompt comes.

use tokio::time::timeout;

use super::commands::{self, GOES_ON, Went};
use super::glob::Named;
use super::local;
use super::script::locally;
use super::session::Session;
use super::typing::{Ask, Event, Side, Typing};
use super::verbs::Verb;
use super::words::{Said, commands};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::signals::{Came, Signals};

/// How long a completion may wait for the other machine: longer, and the prompt seems dead.
const COMPLETION: std::time::Duration = std::time::Duration::from_secs(2);

/// Serves the person until it is told to end.
///
/// # Errors
/// If the terminal can't be read, or somebody ends the program.
pub(super) async fn run(session: &mut Session, signals: &mut Signals, mut typing: Typing) -> Result<Exit, Fail> {
    session.here.out.say(format_args!("{}: help lists the commands, quit ends", session.name));
    loop {
        session.here.out.flush();
        typing.prompt(session.prompt());
        let line = loop {
            let event = tokio::select! {
                event = typing.next() => event,
                came = signals.which() => match came {
                    Came::Interrupt => continue, // from elsewhere: the terminal's own is a key now
                    Came::Terminate => return Err(Fail::interrupted()),
                },
            };
            match event {
                Event::Line(line) => break Some(line),
                Event::Interrupted => break Some(String::new()),
                Event::End => break None,
                Event::Ask(ask) => answer(session, ask).await,
                Event::Broken(fault) => return Err(Fail::io("cannot read the terminal", &fault)),
            }
        };
        let Some(line) = line else { return Ok(Exit::Done) };
        for line in line.split('\n') {
            if !all(session, signals, line).await? {
                return Ok(Exit::Done);
            }
        }
    }
}

/// One line; whether more are wanted. What fails ends the line.
async fn all(session: &mut Session, signals: &mut Signals, line: &str) -> Result<bool, Fail> {
    let out = session.here.out.clone();
    let commands = match commands(line.as_bytes()) {
        Ok(commands) => commands,
        Err(why) => {
            out.fail(&Fail::usage(why));
            return Ok(true);
        }
    };
    for command in commands {
        let went = match &command.said {
            Said::Words(words) => one(session, signals, words).await,
            Said::Local(line) => match locally(session, signals, line).await {
                Ok((_, Some(Came::Terminate))) => return Err(Fail::interrupted()),
                Ok((_, Some(Came::Interrupt))) => Ok(Went::On(Exit::Interrupted)),
                Ok((status, None)) => local::ended(status).map(Went::On),
                Err(fail) => Err(fail),
            },
        };
        match went {
            Ok(Went::Quit) => return Ok(false),
            Ok(Went::On(Exit::Done)) => {}
            Ok(Went::On(_)) => break, // was told
            Err(fail) if fail.exit() == Exit::Interrupted => return Err(fail),
            Err(fail) => {
                out.fail(&fail);
                break;
            }
        }
    }
    Ok(true)
}

async fn one(session: &mut Session, signals: &mut Signals, words: &[Vec<u8>]) -> Result<Went, Fail> {
    let said = Verb::hear(words)?;
    let goes_on = said.goes_on();
    let out = session.here.out.clone();
    let came = tokio::select! {
        went = commands::run(session, said) => return went,
        came = signals.which() => came,
    };
    if came == Came::Terminate {
        return Err(Fail::interrupted());
    }
    // Below the `^C` that the terminal has written.
    out.note("");
    out.note(if goes_on { format!("stopped; {GOES_ON}") } else { "stopped".to_owned() });
    Ok(Went::On(Exit::Interrupted))
}

/// Tells the completer what is in a folder; nothing if that can't be told soon.
async fn answer(session: &mut Session, ask: Ask) {
    let names: Vec<Named> = match ask.folder.side {
        Side::Here => local::names(session, &ask.folder.dir).unwrap_or_default(),
        Side::There => {
            session.hushed = true;
            let names = timeout(COMPLETION, session.names(&ask.folder.dir)).await;
            session.hushed = false;
            names.ok().and_then(Result::ok).unwrap_or_default()
        }
    };
    drop(ask.answer.send(names)); // who asked may be gone
}
