//! `files`: a shell for the files of another machine.
//!
//! In: commands, from a person at a terminal, a script, the command line or a pipe. Out: what the commands without a shell print,
//! over one call that is kept. `words` and `glob` read a line, `verbs` says what can be said, `commands` does it in a
//! `session`; `script` and `person` are the two ways to be told.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use landline_addr::contact::Place;
use landline_addr::path::SharePath;
use landline_services::files::ask::Start::{Own, Root};
use landline_wire::shown;

use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::place::Whose;
use crate::signals::Signals;
use crate::stdio::Stdin;

mod commands;
mod complete;
mod glob;
mod history;
mod local;
mod paths;
mod person;
mod room;
mod script;
mod session;
mod trees;
mod typing;
mod verbs;
mod walk;
mod words;

use history::History;
use script::{Failing, Source};
use session::{Input, Session};
use typing::Typing;

/// Bytes of a script: one that is longer is no script.
const LONGEST_SCRIPT: u64 = 16 << 20;

/// Work with the files of another machine in a shell
///
/// At a terminal: a prompt with history and completion; Ctrl-C stops the command that runs, not the shell. Else the commands come
/// from a script, -c or the standard input, and the first one that fails ends it with its exit code. The call is kept from
/// one command to the next; if it is cut it is dialled again. `help` in the shell lists the commands.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Whose files: a contact, or localhost; CONTACT:FOLDER begins in that folder, CONTACT:/ in the share and not in your home there
    #[arg(value_name = "CONTACT", value_parser = start())]
    contact: Start,
    /// Run these commands and end
    #[arg(
        short = 'c',
        long = "command",
        value_name = "COMMANDS",
        conflicts_with = "script",
        allow_hyphen_values = true
    )]
    command: Option<OsString>,
    /// Run the commands in this file and end; - is the standard input
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Go on after a command that failed; the exit code is that of the first that did
    #[arg(long)]
    keep_going: bool,
    /// Dial again for so long when the line is cut
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    reconnect: u64,
}

const EXAMPLES: &str = "\
Examples:
  landline files desk
  landline files desk -c 'cd photos; get *.jpg'
  landline files desk --script nightly.files --keep-going
  echo 'put report.pdf' | landline files desk:inbox";

/// Where the shell begins.
#[derive(Debug, Clone)]
struct Start {
    whose: Whose,
    folder: Vec<u8>,
}

fn start() -> impl TypedValueParser<Value = Start> {
    OsStringValueParser::new().try_map(|text: OsString| match text.to_str().map(str::parse) {
        Some(Ok(machine)) => Ok(Start { whose: Whose { machine, start: Own }, folder: Vec::new() }),
        other => match Place::parse(&text) {
            Ok(Place::Remote { machine, path }) => {
                let start = if path.starts_with(b"/") { Root } else { Own };
                Ok(Start { whose: Whose { machine, start }, folder: path })
            }
            Ok(Place::Local(_)) => Err(match other {
                Some(Err(why)) => why.to_string(),
                _ => "this names no contact".to_owned(),
            }),
            Err(why) => Err(why.to_string()),
        },
    })
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let mut signals = Signals::new()?;
    let ready = async {
        let source = args.source()?;
        let mut session = Session::open(here, &args.contact.whose, Duration::from_secs(args.reconnect)).await?;
        session.begin_in(&args.contact.folder).await?;
        Ok::<_, Fail>((source, session))
    };
    let (source, mut session) = tokio::select! {
        ready = ready => ready?,
        () = signals.next() => return Err(Fail::interrupted()),
    };
    let failing = if args.keep_going { Failing::GoesOn } else { Failing::Ends };
    let ended = if let Some(source) = source {
        session.input = if matches!(source, Source::Stdin(_)) { Input::Commands } else { Input::Free };
        script::run(&mut session, &mut signals, source, failing).await
    } else {
        session.input = Input::Person;
        let typing = if here.out.can_edit() { Typing::open(History::open(&here.home_path()?)) } else { None };
        match typing {
            Some(typing) => person::run(&mut session, &mut signals, typing).await,
            None => plainly(&mut session, &mut signals, here).await,
        }
    };
    session.close().await;
    ended
}

/// A person at a terminal that is good for nothing but lines.
async fn plainly(session: &mut Session, signals: &mut Signals, here: &Here) -> Result<Exit, Fail> {
    here.out.say(format_args!("{}: help lists the commands, quit ends", session.name));
    session.input = Input::Commands;
    script::run(session, signals, Source::Stdin(Stdin::open()), Failing::Asks).await.map(|_| Exit::Done)
}

impl Args {
    /// Where the commands come from; nothing if a person types them.
    fn source(&self) -> Result<Option<Source>, Fail> {
        if let Some(text) = &self.command {
            return Ok(Some(Source::argument(text.clone())));
        }
        match self.script.as_deref() {
            Some(path) if path != Path::new("-") => read(path).map(Some),
            None if std::io::stdin().is_terminal() => Ok(None),
            _ => Ok(Some(Source::Stdin(Stdin::open()))),
        }
    }
}

fn read(path: &Path) -> Result<Source, Fail> {
    let name = shown(path.as_os_str().as_encoded_bytes()).to_string();
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(|fault| Fail::io(&name, &fault))?;
    file.take(LONGEST_SCRIPT + 1).read_to_end(&mut text).map_err(|fault| Fail::io(&name, &fault))?;
    if text.len() as u64 > LONGEST_SCRIPT {
        return Err(Fail::usage(format_args!("{name} has more than 16 MiB: that is no script")));
    }
    Ok(Source::Text { name, text, at: 0 })
}

impl Session {
    /// Goes to where the shell was told to begin, if that is not the top.
    async fn begin_in(&mut self, folder: &[u8]) -> Result<(), Fail> {
        // The slash has said where the path begins.
        let below = folder.strip_prefix(b"/").unwrap_or(folder);
        let path = SharePath::from_user(below).map_err(|why| Fail::usage(format_args!("{}: {why}", shown(folder))))?;
        if path.is_root() {
            return Ok(());
        }
        self.go(path).await
    }
}
