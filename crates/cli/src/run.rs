//! Run: from arguments to an exit code. Everything a process does once is done here.

use std::ffi::OsString;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use landline_wire::shown;

use crate::args::Cli;
use crate::cmd::Cmd;
use crate::config::Flags;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::logs;
use crate::out::Out;
use crate::screen::tame;
use crate::signals::Signals;

/// How long work that was stopped may take to put its staging files away.
const TIDY: Duration = Duration::from_secs(2);

/// Does what `arguments` (the program's name first) say and answers with the exit code.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(said) => return tell_clap(&without_hidden(said_harmlessly(said, &arguments)), &arguments).code(),
    };
    let out = Out::new(cli.json, cli.quiet);
    let outcome = match cli.cmd.likeness() {
        Ok(None) => start(cli, &out),
        Ok(Some((verb, words))) => match Cli::try_parse_from(likened(&arguments, verb, words)) {
            Ok(cli) => start(cli, &out),
            Err(said) => return tell_clap(&said_harmlessly(said, &arguments), &arguments).code(),
        },
        Err(fail) => Err(fail),
    };
    let exit = outcome.unwrap_or_else(|fail| {
        out.fail(&fail);
        fail.exit()
    });
    out.finish(exit).code()
}

/// `arguments` with `words` behind the first `verb`: what the user wrote comes later and wins.
fn likened(arguments: &[OsString], verb: &str, words: Vec<OsString>) -> Vec<OsString> {
    let at = arguments.iter().position(|argument| argument == verb).map_or(arguments.len(), |at| at + 1);
    let (before, after) = arguments.split_at(at);
    before.iter().cloned().chain(words).chain(after.iter().cloned()).collect()
}

/// clap repeats what it was given; what of that could act on a screen is escaped first. The names of foreign files come
/// in here by `*`.
fn said_harmlessly(said: clap::Error, arguments: &[OsString]) -> clap::Error {
    let harmless = arguments.iter().map(|argument| match argument.to_str() {
        Some(text) => tame(text),
        None => shown(argument.as_encoded_bytes()).to_string(),
    });
    // What is right only when it is escaped, like bytes where text is wanted, is complained of without being repeated.
    Cli::try_parse_from(harmless).err().unwrap_or(said)
}

/// Commands that help does not tell about are not told about here either.
fn without_hidden(mut said: clap::Error) -> clap::Error {
    if let Some(ContextValue::Strings(all)) = said.get(ContextKind::ValidSubcommand) {
        let cli = Cli::command();
        let hidden = |name: &String| cli.find_subcommand(name).is_some_and(clap::Command::is_hide_set);
        let told = all.iter().filter(|name| !hidden(name)).cloned().collect();
        said.insert(ContextKind::ValidSubcommand, ContextValue::Strings(told));
    }
    said
}

fn tell_clap(said: &clap::Error, arguments: &[OsString]) -> Exit {
    // Before arguments are understood nobody knows for sure whether programs read; the word itself is enough.
    let json = arguments.iter().any(|argument| argument == "--json");
    let exit = match said.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::Usage,
    };
    let out = Out::new(json, false);
    out.clap(said);
    if said.kind() == ErrorKind::UnknownArgument
        && !json
        && arguments.iter().any(|word| word == "dial" || word == "listen")
    {
        out.note("what netcat has letters and socat words for is part of the endpoint here: 127.0.0.1:8080, udp://, unix:, tls://");
    }
    out.finish(exit)
}

fn start(cli: Cli, out: &Out) -> Result<Exit, Fail> {
    let here = Here::new(out.clone(), cli.verbose, cli.home.as_deref());
    start_logs(&here)?;
    let mut builder = if cli.cmd.wants_one_thread() {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    let runtime = builder.enable_all().build().map_err(|fault| Fail::io("cannot start the runtime", &fault))?;
    let outcome = runtime.block_on(async {
        if cli.cmd.minds_signals_itself() {
            return cli.cmd.run(&here).await;
        }
        let mut signals = Signals::new()?;
        let stopped = stopped(&cli.cmd);
        tokio::select! {
            outcome = cli.cmd.run(&here) => outcome,
            () = signals.next() => Err(stopped),
        }
    });
    // Disk threads end by themselves; one that waits for a person at the terminal never does.
    runtime.shutdown_timeout(TIDY);
    outcome
}

/// What is said of a command that was stopped.
fn stopped(cmd: &Cmd) -> Fail {
    if cmd.only_watches() {
        return Fail::new(Exit::Interrupted, "stopped");
    }
    let fail = Fail::interrupted();
    if cmd.goes_on() { fail.hint("the same command goes on where it stopped") } else { fail }
}

/// A broken configuration must not keep `config check`, `doctor` or a plain `ls` from running: those that need it say
/// so themselves.
fn start_logs(here: &Here) -> Result<(), Fail> {
    if let Some(level) = logs::of_verbosity(here.verbose) {
        return logs::start(level);
    }
    match here.settings(&Flags::default()) {
        Ok(settings) => logs::start(&settings.log.value),
        Err(_) => logs::start("warn"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(arguments: &[&str]) -> u8 {
        run(std::iter::once("landline").chain(arguments.iter().copied()).map(OsString::from))
    }

    #[test]
    fn two_runs_in_one_process_do_not_disturb_each_other() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        assert_eq!(exit(&["--home", home, "--quiet", "contacts", "rename", "a", "b"]), Exit::NotFound.code());
        assert_eq!(exit(&["--home", home, "--quiet", "contacts", "remove", "a"]), Exit::NotFound.code());
    }

    #[test]
    fn help_is_no_error_and_a_wrong_word_is_usage() {
        assert_eq!(exit(&["--help"]), 0);
        assert_eq!(exit(&["--version"]), 0);
        assert_eq!(exit(&["lss"]), Exit::Usage.code());
        assert_eq!(exit(&["ls", "desk:../x"]), Exit::Usage.code());
        assert_eq!(exit(&[]), Exit::Usage.code());
    }

    #[test]
    fn the_list_of_commands_holds_no_hidden_one() {
        let said = without_hidden(Cli::try_parse_from(["landline", "--json"]).unwrap_err()).to_string();
        assert!(said.contains("serve, invite") && !said.contains("bench-calls"), "{said}");
    }
}
