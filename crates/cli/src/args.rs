//! The command line as a whole: what every command takes, and which commands there are.

use std::path::PathBuf;

use clap::{ArgAction, CommandFactory, Parser};

use crate::cmd::Cmd;

/// Send files between your machines and your friends': encrypted, verified, without anybody in between.
#[derive(Debug, Parser)]
#[command(
    name = "landline",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = AFTER_HELP,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// The folder that holds this machine's key, contacts and settings [default: $LANDLINE_HOME, else
    /// ~/.local/state/landline]
    #[arg(long, global = true, value_name = "DIR", help_heading = "For every command")]
    pub(crate) home: Option<PathBuf>,
    /// Print JSON objects, one a line, instead of text
    #[arg(long, global = true, help_heading = "For every command")]
    pub(crate) json: bool,
    /// Print no talk, only data, warnings and errors
    #[arg(long, short, global = true, help_heading = "For every command")]
    pub(crate) quiet: bool,
    /// Tell what happens inside, on standard error; -vv and -vvv tell more
    #[arg(long, short, global = true, action = ArgAction::Count, help_heading = "For every command")]
    pub(crate) verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub(crate) cmd: Cmd,
}

/// Two machines, from nothing.
pub(crate) const AFTER_HELP: &str = "\
Two machines, from nothing:
  one$ landline serve ./share             prints an address and, the first time, a code
  two$ landline join ADDRESS --name one   asks for the code
  two$ landline put report.pdf one:       sends a file
  two$ landline ls one:                   lists the folder
A place is CONTACT:PATH, with PATH relative to the folder that the contact serves;
localhost:PATH is the folder that this machine serves.";

/// The command line as it is told about to manuals and shells: without the commands that help hides.
pub(crate) fn told() -> clap::Command {
    let whole = Cli::command();
    let all = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let all: Vec<clap::Command> = all.collect();
    // clap can't take a command out again: all but the commands is copied.
    let bare = clap::Command::new("landline")
        .version(env!("CARGO_PKG_VERSION"))
        .about(whole.get_about().cloned().unwrap_or_default())
        .after_help(AFTER_HELP)
        .subcommand_required(true)
        .args(whole.get_arguments().cloned().collect::<Vec<_>>());
    bare.subcommands(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_the_whole_but_for_hidden_commands() {
        let (whole, told) = (Cli::command(), told());
        let names = |command: &clap::Command| -> Vec<String> {
            command.get_subcommands().map(|below| below.get_name().to_owned()).collect()
        };
        let hidden = |name: &String| whole.find_subcommand(name).unwrap().is_hide_set();
        assert_eq!(names(&told), names(&whole).into_iter().filter(|name| !hidden(name)).collect::<Vec<_>>());
        assert!(names(&whole).len() > names(&told).len());
        assert_eq!(whole.clone().render_usage().to_string(), told.clone().render_usage().to_string());
        assert_eq!(whole.clone().render_help().to_string(), told.clone().render_help().to_string());
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_every_argument_says_what_it_is() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path} says nothing of itself");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path} {} says nothing of itself", argument.get_id());
            }
            command.get_subcommands().for_each(|below| check(below, &path));
        }
        check(&Cli::command(), "");
    }
}
