//! `man`: the manual pages, made of what `--help` says, of the exit codes, and of what else there is to know.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use landline_wire::WireName;
use serde::Serialize;

use crate::args::{self, AFTER_HELP};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;

/// Print the manual page, or write all of them into a folder
///
/// To read it: landline man | man -l -
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write landline.1 and a page for each command into this folder, which is made if it is missing
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

const CONFIGURATION: [(&str, &str); 7] = [
    ("listen", "a list of endpoints: where others can call; default [\"tcp://*:5463\"]"),
    ("share", "the folder that landline serve serves if it is not given one: absolute, or beginning with ~/"),
    ("read_only", "true: nobody may change anything in it; default false"),
    ("grace_seconds", "how long calls may go on for when the server is stopped, 0 to 86400; default 30"),
    ("code_minutes", "how long an invitation can be used for, 1 to 1440; default 10"),
    ("audit", "false: the server keeps no account of who called and what was done; default true"),
    ("log", "off, error, warn, info, debug, trace, or parts like landline_net=debug,info; default \"warn\""),
];

const ENVIRONMENT: [(&str, &str); 15] = [
    ("LANDLINE_HOME", "this machine's folder: its key, contacts and settings"),
    ("LANDLINE_CODE", "the code for landline join, when there is nobody to ask"),
    ("LANDLINE_PASSWORD", "the password for landline login and user passwd, when there is nobody to ask"),
    ("LANDLINE_HOMES", "the setting homes"),
    ("LANDLINE_PASSPHRASE", "the passphrase for landline key export and import, when there is nobody to ask"),
    ("LANDLINE_LISTEN", "where landline serve listens: endpoints, separated by commas"),
    ("LANDLINE_SHARE", "the folder that landline serve serves"),
    ("LANDLINE_READ_ONLY", "true: nobody may change anything in it"),
    ("LANDLINE_GRACE", "how many seconds calls may take to finish when the server is stopped"),
    ("LANDLINE_CODE_MINUTES", "how many minutes an invitation can be used for"),
    ("LANDLINE_AUDIT", "false: the server keeps no account of who called and what was done"),
    ("LANDLINE_LOG", "what is logged: off, error, warn, info, debug, trace"),
    ("NO_COLOR", "if set to anything but nothing, no colours are used"),
    ("XDG_STATE_HOME", "instead of ~/.local/state, the folder in which this machine's folder lies"),
    ("XDG_RUNTIME_DIR", "where the socket of the running server is; without it, /run/user/UID, else the state folder"),
];

const FILES: [(&str, &str); 9] = [
    ("~/.local/state/landline", "this machine's folder, unless LANDLINE_HOME or --home name another; mode 0700"),
    ("key", "in it: the secret key that makes this machine itself; mode 0600; no copy is kept anywhere"),
    ("landline.db", "in it: contacts, keys that may call, open codes"),
    ("config.toml", "in it, optional: see CONFIGURATION; landline config check looks whether it can be used"),
    ("lock", "in it: held by the running server"),
    ("audit.jsonl", "in it: who called the server and what was done; older ones have a number behind it; mode 0600"),
    ("partials", "in it: where on this machine lies what came of transfers that were cut; see landline partials"),
    ("jobs", "in it: what failed and can be tried again; see landline retry"),
    ("hashes", "in it: hashes of what was sent, so that a copy that goes on need not read it again; may be removed"),
];

#[derive(Debug, Serialize)]
struct Page<'a> {
    page: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
struct Written {
    written: WireName,
}

pub(crate) fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let Some(dir) = args.dir else {
        let page = page(told()).map_err(|fault| Fail::io("cannot make the manual page", &fault))?;
        if here.out.is_json() {
            here.out.object(&Page { page: String::from_utf8_lossy(&page) });
        } else {
            here.out.bytes(&page);
        }
        return Ok(Exit::Done);
    };
    let written =
        write_all(&dir).map_err(|fault| Fail::io(format_args!("cannot write into {}", dir.display()), &fault))?;
    for path in &written {
        if here.out.is_json() {
            here.out.row(&Written { written: WireName::from(path.as_os_str().as_encoded_bytes()) });
        } else {
            here.out.line(crate::screen::tame(&path.to_string_lossy()));
        }
    }
    Ok(Exit::Done)
}

fn write_all(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(dir)?;
    let mut whole = told();
    whole.build();
    let mut written = vec![dir.join("landline.1")];
    fs::write(dir.join("landline.1"), page(told())?)?;
    write_below(dir, &whole, "landline", &mut written)?;
    Ok(written)
}

/// A page for each command below `command`, and for those below it.
fn write_below(dir: &Path, command: &clap::Command, name: &str, written: &mut Vec<PathBuf>) -> io::Result<()> {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("{name}-{}", command.get_name());
        let mut text = Vec::new();
        Man::new(command.clone()).title(name.to_uppercase()).source("landline").manual("landline").render(&mut text)?;
        let path = dir.join(format!("{name}.1"));
        fs::write(&path, text)?;
        written.push(path);
        write_below(dir, command, &name, written)?;
    }
    Ok(())
}

/// The commands without `help`, which would send its readers to pages that do not exist.
fn told() -> clap::Command {
    fn without_help(command: clap::Command) -> clap::Command {
        let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
        let command = command.disable_help_subcommand(true);
        names.into_iter().fold(command, |command, name| command.mut_subcommand(name, without_help))
    }
    without_help(args::told())
}

fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command).title("LANDLINE").manual("landline");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    let codes: Vec<(String, &str)> = Exit::ALL.iter().map(|exit| (exit.code().to_string(), exit.meaning())).collect();
    section("EXIT STATUS", codes.iter().map(|(code, meaning)| (code.as_str(), *meaning))).to_writer(&mut page)?;
    section("CONFIGURATION", CONFIGURATION).to_writer(&mut page)?;
    section("ENVIRONMENT", ENVIRONMENT).to_writer(&mut page)?;
    section("FILES", FILES).to_writer(&mut page)?;
    examples().to_writer(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

fn section<'a>(title: &str, rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (term, meaning) in rows {
        roff.control("TP", []);
        roff.text([bold(term)]);
        roff.text([roman(meaning)]);
    }
    roff
}

/// What stands below `--help`, line by line: its columns would not survive being filled.
fn examples() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in AFTER_HELP.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_every_exit_code_variable_and_file() {
        let page = String::from_utf8(page(told()).unwrap()).unwrap();
        for word in ["EXIT STATUS", "CONFIGURATION", "ENVIRONMENT", "FILES", "EXAMPLES", "130", "config.toml"] {
            assert!(page.contains(word), "{word}");
        }
        for exit in Exit::ALL {
            let first = exit.meaning().split(['\'', '-']).next().unwrap(); // roff escapes both
            assert!(page.contains(first), "{exit:?}");
        }
        assert!(!page.contains("bench"), "hidden commands stay hidden");
    }

    #[test]
    fn each_command_has_a_page_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let written = write_all(&folder.path().join("man1")).unwrap();
        assert!(written.iter().all(|path| path.is_file()));
        assert!(written.iter().any(|path| path.ends_with("landline-put.1")));
        for path in &written {
            let page = fs::read_to_string(path).unwrap().replace('\\', "");
            let named = page.lines().filter_map(|line| line.strip_suffix("(1)"));
            for name in named {
                let page = folder.path().join("man1").join(format!("{name}.1"));
                assert!(page.is_file(), "{} sends its readers to {name}(1)", path.display());
            }
        }
        assert!(!written.iter().any(|path| path.ends_with("landline-bench-calls.1")));
    }
}
