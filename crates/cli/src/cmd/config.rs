//! `config`: what holds and who said so; whether a file is sound.

use std::path::PathBuf;

use landline_addr::endpoint::Endpoint;
use serde::Serialize;
use serde_json::Value;

use crate::cmd::serve;
use crate::config::{Flags, Origin, Setting, Settings};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::logs;

/// Show the settings and where each comes from; check a configuration file
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

/// What to do with settings.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Tell whether a configuration file can be used
    Check {
        /// Which [default: config.toml in this machine's home]
        file: Option<PathBuf>,
    },
    /// Print every setting with its value and who said it: a flag, the environment, the file, or nobody
    ///
    /// Takes the flags of `serve`, to see what they would change.
    Show(serve::Args),
}

#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    sound: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    key: &'static str,
    value: Value,
    /// `flag`, `environment`, `file`, `default`.
    origin: &'static str,
    /// Which flag, variable or file.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Both for people.
    #[serde(skip)]
    said_by: String,
}

pub(crate) fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    match args.what {
        What::Check { file } => check(here, file),
        What::Show(flags) => {
            let flags = Flags { log: logs::of_verbosity(here.verbose), ..flags.flags() };
            show(here, &here.settings(&flags)?);
            Ok(Exit::Done)
        }
    }
}

fn check(here: &Here, file: Option<PathBuf>) -> Result<Exit, Fail> {
    let own = here.home_path()?.join("config.toml");
    let named = file.is_some();
    let file = file.unwrap_or(own);
    if !named && !file.exists() {
        here.out.say(format_args!("There is no {}; the defaults hold.", file.display()));
    } else {
        // Read by itself, without environment and flags, which could hide what is wrong in it.
        crate::config::File::read(&file)?;
        Settings::load(&Flags::default(), &|_| None, &file)?;
        here.out.say(format_args!("{} is sound.", file.display()));
    }
    if here.out.is_json() {
        here.out.object(&Checked { file: file.display().to_string(), sound: true });
    }
    Ok(Exit::Done)
}

fn show(here: &Here, settings: &Settings) {
    let rows = rows(settings);
    if here.out.is_json() {
        return rows.iter().for_each(|row| here.out.row(row));
    }
    let text = |row: &Row| if row.value.is_null() { "(not set)".to_owned() } else { row.value.to_string() };
    let width = rows.iter().map(|row| text(row).chars().count()).max().unwrap_or(0);
    for row in &rows {
        let line = format!("{:<13} = {:<width$}  # {}", row.key, text(row), row.said_by);
        here.out.line(crate::screen::tame(&line));
    }
}

/// Values as they could stand in the file.
fn rows(settings: &Settings) -> Vec<Row> {
    fn row<T>(key: &'static str, setting: &Setting<T>, value: impl FnOnce(&T) -> Value) -> Row {
        let (origin, from) = match &setting.origin {
            Origin::Flag(name) => ("flag", Some((*name).to_owned())),
            Origin::Environment(name) => ("environment", Some((*name).to_owned())),
            Origin::File(path) => ("file", Some(path.display().to_string())),
            Origin::Default => ("default", None),
        };
        Row { key, value: value(&setting.value), origin, from, said_by: setting.origin.to_string() }
    }
    let endpoints = |all: &Vec<Endpoint>| all.iter().map(ToString::to_string).collect();
    vec![
        row("listen", &settings.listen, endpoints),
        row("share", &settings.share, |share| {
            share.as_ref().map_or(Value::Null, |path| path.display().to_string().into())
        }),
        row("homes", &settings.homes, |path| path.display().to_string().into()),
        row("read_only", &settings.read_only, |value| (*value).into()),
        row("grace_seconds", &settings.grace, |time| time.as_secs().into()),
        row("code_minutes", &settings.code_life, |time| (time.as_secs() / 60).into()),
        row("audit", &settings.audit, |value| (*value).into()),
        row("log", &settings.log, |level| level.as_str().into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_shown_as_it_could_stand_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let settings = Settings::load(&Flags::default(), &|_| None, &path).unwrap();
        let rows = rows(&settings);
        let lines = rows.iter().filter(|row| !row.value.is_null()).map(|row| format!("{} = {}\n", row.key, row.value));
        std::fs::write(&path, lines.collect::<String>()).unwrap();
        let again = Settings::load(&Flags::default(), &|_| None, &path).unwrap();
        assert_eq!(again.listen.value, settings.listen.value);
        assert_eq!((again.grace.value, again.code_life.value), (settings.grace.value, settings.code_life.value));
        assert!(rows.iter().all(|row| row.origin == "default"));
    }
}
