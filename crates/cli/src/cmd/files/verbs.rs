//! Verbs: what can be said to the shell, as clap reads it. The flags are those of the commands that work without a shell.
//!
//! In: the words of one command, marked. Out: a [`Verb`], or why it is none.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory as _, Parser, Subcommand, ValueEnum};

use super::words::plain;
use crate::cmd::copy::CopyFlags;
use crate::cmd::{cat, ls, mkdir, mv, rm, stat};
use crate::fail::Fail;
use crate::out::clap_fail;
use crate::screen::tame;

/// A word, its stars still marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typed(pub(super) Vec<u8>);

impl Typed {
    fn parser() -> impl TypedValueParser<Value = Self> {
        OsStringValueParser::new().map(|text: OsString| Self(text.into_vec()))
    }

    /// As a path of this machine that is not looked up.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(plain(&self.0)))
    }
}

#[derive(Debug, Parser)]
#[command(
    name = "files",
    no_binary_name = true,
    disable_help_subcommand = true,
    help_template = "{subcommands}{after-help}",
    after_help = AFTER_HELP,
    max_term_width = 100
)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

/// What the list of commands does not say.
const AFTER_HELP: &str = "  \
  !CMD    Run CMD, all that follows in the line, in a shell of this machine; ! alone
          starts one

help CMD, or CMD --help, tells more. Paths there are relative to where cd went, / is all that is served.
*, ? and [a-z] fit names; a name with blanks goes in quotation marks, or with a backslash before each blank.
In a script, a - right before a command lets it fail; # begins a comment, ; another command.";

/// One command.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Print where the shell is there
    Pwd,
    /// Go to a folder there: to the top without one, to the last one with -
    Cd {
        /// Which; relative to where the shell is there
        #[arg(value_name = "FOLDER", value_parser = Typed::parser())]
        folder: Option<Typed>,
    },
    /// List folders there
    #[command(alias = "dir")]
    Ls {
        /// Which; where the shell is there, without one
        #[arg(value_name = "PATH", value_parser = Typed::parser())]
        paths: Vec<Typed>,
        #[command(flatten)]
        flags: ls::Flags,
    },
    /// As ls -l: with kind, permissions, size and time
    Ll {
        /// Which; where the shell is there, without one
        #[arg(value_name = "PATH", value_parser = Typed::parser())]
        paths: Vec<Typed>,
        /// Also list names that begin with a dot
        #[arg(long, short)]
        all: bool,
    },
    /// Draw what is in a folder there, to any depth
    Tree(TreeArgs),
    /// Fetch files and folders; with several paths the last one is where to, here
    ///
    /// As landline get: whole, verified, with permissions and times, folders with all that is in them. What a cut or stopped
    /// get left is taken up by the next one. With one path it comes to where the shell is here; - is the standard output.
    #[command(alias = "mget", override_usage = "get [OPTIONS] <REMOTE>... [LOCAL]")]
    Get(CopyArgs),
    /// Send files and folders; with several paths the last one is where to, there
    ///
    /// As landline put: whole, verified, with permissions and times, folders with all that is in them. What a cut or stopped
    /// put left is taken up by the next one. With one path it goes to where the shell is there.
    #[command(alias = "mput", override_usage = "put [OPTIONS] <LOCAL>... [REMOTE]")]
    Put(CopyArgs),
    /// As get, which goes on where it was cut by itself
    #[command(override_usage = "reget [OPTIONS] <REMOTE>... [LOCAL]")]
    Reget(CopyArgs),
    /// As put, which goes on where it was cut by itself
    #[command(override_usage = "reput [OPTIONS] <LOCAL>... [REMOTE]")]
    Reput(CopyArgs),
    /// Make folders there
    Mkdir {
        /// Which are to be made
        #[arg(required = true, value_name = "PATH", value_parser = Typed::parser())]
        paths: Vec<Typed>,
        #[command(flatten)]
        flags: mkdir::Flags,
    },
    /// Move or rename something there: into the target if that is a folder, which it must be for several things
    #[command(alias = "rename", override_usage = "mv [OPTIONS] <FROM>... <TO>")]
    Mv {
        /// What; then the new name, or the folder that it goes into
        #[arg(required = true, value_name = "PATH", value_parser = Typed::parser())]
        paths: Vec<Typed>,
        #[command(flatten)]
        flags: mv::Flags,
    },
    /// Delete files and folders there; there is no way back
    Rm {
        /// What is to go
        #[arg(required = true, value_name = "PATH", value_parser = Typed::parser())]
        paths: Vec<Typed>,
        #[command(flatten)]
        flags: rm::Flags,
    },
    /// Tell everything about files and folders there
    Stat {
        /// Of what
        #[arg(required = true, value_name = "PATH", value_parser = Typed::parser())]
        paths: Vec<Typed>,
        #[command(flatten)]
        flags: stat::Flags,
    },
    /// Print the BLAKE3 hash of files there, as b3sum prints it
    Hash {
        /// Of which files
        #[arg(required = true, value_name = "PATH", value_parser = Typed::parser())]
        paths: Vec<Typed>,
    },
    /// Print files there
    Cat {
        /// Which files
        #[arg(required = true, value_name = "PATH", value_parser = Typed::parser())]
        paths: Vec<Typed>,
        #[command(flatten)]
        flags: cat::Flags,
    },
    /// Compare files here with files there, by content
    Verify {
        /// What is here
        #[arg(value_name = "LOCAL", value_parser = Typed::parser())]
        local: Typed,
        /// What is there; where the shell is there, without it
        #[arg(value_name = "REMOTE", value_parser = Typed::parser())]
        remote: Option<Typed>,
        /// Leave out what matches, at any depth; can be given several times
        #[arg(long, value_name = "PATTERN", value_parser = pattern)]
        exclude: Vec<String>,
    },
    /// Print the paths of all that is below folders there, or of what fits
    #[command(override_usage = "find [PATH]... [-name GLOB] [-type f|d|l]")]
    Find(FindArgs),
    /// Tell how many bytes the files in folders there have
    Du {
        /// Which; where the shell is there, without one
        #[arg(value_name = "PATH", value_parser = Typed::parser())]
        paths: Vec<Typed>,
        /// Only the sum of each, not the folders below
        #[arg(long, short)]
        summarize: bool,
    },
    /// Tell how much room there is
    Df,
    /// Go to another folder here: home without one
    Lcd {
        /// Which; relative to where the shell is here
        #[arg(value_name = "FOLDER", value_parser = Typed::parser())]
        folder: Option<Typed>,
    },
    /// List folders here
    Lls {
        /// Which; where the shell is here, without one
        #[arg(value_name = "PATH", value_parser = Typed::parser())]
        paths: Vec<Typed>,
        #[command(flatten)]
        flags: ls::Flags,
    },
    /// Print where the shell is here
    Lpwd,
    /// List the commands, or tell more of one
    #[command(alias = "?")]
    Help {
        /// Of which command
        #[arg(value_name = "CMD")]
        verb: Option<String>,
    },
    /// End the shell; so does Ctrl-D
    #[command(visible_aliases = ["exit", "bye"])]
    Quit,
}

/// What is copied, and how.
#[derive(Debug, clap::Args)]
pub(super) struct CopyArgs {
    /// What is to be copied, and behind it, where to
    #[arg(required = true, value_name = "PATH", value_parser = Typed::parser())]
    pub(super) paths: Vec<Typed>,
    #[command(flatten)]
    pub(super) flags: CopyFlags,
    /// What sftp wants to be told: all of it is done anyway
    #[arg(short = 'r', short_aliases = ['R', 'a', 'p', 'f'], hide = true, action = ArgAction::Count)]
    _as_sftp: u8,
}

#[derive(Debug, clap::Args)]
pub(super) struct TreeArgs {
    /// From where; where the shell is there, without one
    #[arg(value_name = "PATH", value_parser = Typed::parser())]
    pub(super) paths: Vec<Typed>,
    /// Also draw names that begin with a dot
    #[arg(long, short)]
    pub(super) all: bool,
    /// Go only so deep
    #[arg(long, short = 'L', value_name = "N")]
    pub(super) depth: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(super) struct FindArgs {
    /// From where; where the shell is there, without one
    #[arg(value_name = "PATH", value_parser = Typed::parser())]
    pub(super) paths: Vec<Typed>,
    /// Only what has a last name that fits; find has its own star, quoted or not
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    pub(super) name: Option<String>,
    /// Only files, folders (d) or links
    #[arg(long = "type", value_name = "KIND", value_enum)]
    pub(super) kind: Option<Sort>,
}

/// What `find` is to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
    /// A file
    #[value(name = "f")]
    File,
    /// A folder
    #[value(name = "d")]
    Dir,
    /// A link
    #[value(name = "l")]
    Link,
}

fn pattern(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.replace('\0', ""))
}

/// What was said, if it is not a wish for help.
pub(super) enum Heard {
    /// To be done.
    Verb(Box<Verb>),
    /// To be printed.
    Help(String),
}

impl Heard {
    /// Whether the same command goes on where this one was stopped.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self, Self::Verb(verb) if verb.goes_on())
    }
}

impl Verb {
    /// Reads one command.
    ///
    /// # Errors
    /// If there is no such command, or it is not used so.
    pub(super) fn hear(words: &[Vec<u8>]) -> Result<Heard, Fail> {
        let mut words: Vec<OsString> = words.iter().cloned().map(OsString::from_vec).collect();
        if let Some(verb) = words.first_mut() {
            *verb = OsString::from_vec(plain(verb.as_bytes())); // `?` is a command
        }
        if words.first().is_some_and(|verb| verb == "find") {
            words.iter_mut().for_each(long);
        }
        match Line::try_parse_from(&words) {
            Ok(Line { verb: Self::Help { verb } }) => help(verb.as_deref()).map(Heard::Help),
            Ok(line) => Ok(Heard::Verb(Box::new(line.verb))),
            Err(said) if said.kind() == ErrorKind::DisplayHelp => Ok(Heard::Help(said.render().to_string())),
            Err(said) if said.kind() == ErrorKind::InvalidSubcommand => {
                let name = words.first().map(|name| tame(&name.to_string_lossy())).unwrap_or_default();
                Err(unknown(&name))
            }
            Err(said) => Err(clap_fail(&said)),
        }
    }

    fn goes_on(&self) -> bool {
        match self {
            Self::Get(args) | Self::Put(args) | Self::Reget(args) | Self::Reput(args) => {
                !args.flags.dry_run && args.paths.iter().all(|Typed(word)| word != b"-")
            }
            _ => false,
        }
    }
}

/// `find` has written its options with one dash for fifty years.
fn long(word: &mut OsString) {
    if word == "-name" || word == "-type" {
        let mut longer = OsString::from("-");
        longer.push(&*word);
        *word = longer;
    }
}

fn unknown(name: &str) -> Fail {
    let fail = Fail::usage(format_args!("there is no command {name}"));
    match crate::fail::nearest(name, names().iter().map(String::as_str)) {
        Some(near) => fail.hint(format_args!("did you mean {near}? help lists the commands")),
        None => fail.hint("help lists the commands"),
    }
}

/// All commands, for completion.
pub(super) fn names() -> Vec<String> {
    Line::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect()
}

fn help(verb: Option<&str>) -> Result<String, Fail> {
    let mut line = Line::command();
    match verb {
        None => Ok(line.render_help().to_string()),
        Some(name) => {
            line.build();
            let verb = line.find_subcommand_mut(name).ok_or_else(|| unknown(name))?;
            Ok(verb.render_long_help().to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(words: &[&str]) -> Result<Heard, Fail> {
        Verb::hear(&words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    fn verb(words: &[&str]) -> Verb {
        match heard(words) {
            Ok(Heard::Verb(verb)) => *verb,
            Ok(Heard::Help(text)) => panic!("{text}"),
            Err(fail) => panic!("{fail:?}"),
        }
    }

    #[test]
    fn the_commands_are_sound_and_each_says_what_it_does() {
        Line::command().debug_assert();
        for verb in Line::command().get_subcommands() {
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
            for argument in verb.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", verb.get_name(), argument.get_id());
            }
        }
    }

    #[test]
    fn find_takes_its_options_as_it_always_has() {
        let Verb::Find(args) = verb(&["find", "a", "-name", "\0*.txt", "-type", "d"]) else { panic!("find") };
        assert_eq!((args.name.as_deref(), args.kind, args.paths.len()), (Some("*.txt"), Some(Sort::Dir), 1));
    }

    #[test]
    fn what_sftp_wants_to_be_told_is_taken() {
        let Verb::Get(args) = verb(&["get", "-r", "-a", "-p", "a", "--exclude", "\0*.o"]) else { panic!("get") };
        assert_eq!(args.paths.len(), 1);
        assert!(args.flags.kept().to_string().contains("\"*.o\""));
    }

    #[test]
    fn a_wrong_word_is_told_the_nearest_command() {
        let fail = heard(&["sl"]).err().unwrap();
        assert_eq!(fail.what(), "there is no command sl");
        assert_eq!(
            heard(&["mkdri", "a"]).err().unwrap().hint_text(),
            Some("did you mean mkdir? help lists the commands")
        );
        assert!(heard(&["mkdir"]).err().unwrap().what().contains("<PATH>"));
    }

    #[test]
    fn help_lists_every_command() {
        let Ok(Heard::Help(all)) = heard(&["help"]) else { panic!("help") };
        for name in names() {
            assert!(
                all.contains(&format!("\n  {name} "))
                    || all.starts_with(&format!("  {name} "))
                    || all.contains(&format!("\n  {name},")),
                "{name}: {all}"
            );
        }
        assert!(matches!(heard(&["\0?"]), Ok(Heard::Help(_))));
        let Ok(Heard::Help(one)) = heard(&["help", "reget"]) else { panic!("help reget") };
        assert!(one.contains("goes on where it was cut"), "{one}");
        assert!(matches!(heard(&["ls", "--help"]), Ok(Heard::Help(_))));
    }
}
