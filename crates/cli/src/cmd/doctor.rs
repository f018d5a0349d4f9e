//! `doctor`: is this machine sound, can others reach it, would it be refused, and what to do about it.
//!
//! Looks only: nothing is made or changed. Each finding is a line: `ok`, `warn` or `bad`, what, and the fix.

use landline_addr::contact::ContactName;
use serde::Serialize;

use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::screen::tame;

pub(super) mod home;
mod reach;

/// Find out what is wrong, and how to mend it
///
/// Exit code 1 if something is bad.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also call this contact and look at its share; can be given several times
    #[arg(long, value_name = "NAME")]
    contact: Vec<ContactName>,
}

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Ok,
    Warn,
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// All that was found, in the order of looking.
pub(super) struct Report {
    here: Here,
    worst: Level,
}

impl Report {
    pub(super) fn new(here: &Here) -> Self {
        Self { here: here.clone(), worst: Level::Ok }
    }

    /// No, if something is bad.
    pub(super) fn exit(&self) -> Exit {
        if self.worst == Level::Bad { Exit::No } else { Exit::Done }
    }

    pub(super) fn ok(&mut self, check: &'static str, text: impl std::fmt::Display) {
        self.add(check, Level::Ok, text, None);
    }

    pub(super) fn warn(&mut self, check: &'static str, text: impl std::fmt::Display, fix: &str) {
        self.add(check, Level::Warn, text, Some(fix.to_owned()));
    }

    pub(super) fn bad(&mut self, check: &'static str, text: impl std::fmt::Display, fix: &str) {
        self.add(check, Level::Bad, text, Some(fix.to_owned()));
    }

    /// What a command would have died of.
    pub(super) fn fail(&mut self, check: &'static str, fail: &Fail) {
        let causes: String = fail.causes().iter().map(|cause| format!("; {cause}")).collect();
        self.add(check, Level::Bad, format_args!("{}{causes}", fail.what()), fail.hint_text().map(str::to_owned));
    }

    fn add(&mut self, check: &'static str, level: Level, text: impl std::fmt::Display, fix: Option<String>) {
        let finding = Finding { check, level, text: tame(&text.to_string()), fix };
        if level == Level::Bad || self.worst == Level::Ok {
            self.worst = level;
        }
        if self.here.out.is_json() {
            self.here.out.object(&finding);
        } else {
            self.here.out.line_now(line(&finding));
        }
    }
}

fn line(finding: &Finding) -> String {
    let word = match finding.level {
        Level::Ok => "ok  ",
        Level::Warn => "warn",
        Level::Bad => "bad ",
    };
    let fix = finding.fix.as_ref().map(|fix| format!("\n       fix: {fix}")).unwrap_or_default();
    format!("{word}  {:<9} {}{fix}", finding.check, finding.text)
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    let mut report = Report::new(here);
    home::settings(here, &mut report);
    if let Some(home) = home::folder(here, &mut report)? {
        home::key(&home, &mut report);
        let store = home::database(&home, &mut report).await;
        reach::serving(&home, &mut report).await;
        reach::contacts(&home, store.as_ref(), &args.contact, &mut report).await;
    }
    Ok(report.exit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::Out;

    #[test]
    fn a_fix_stands_below_what_it_mends() {
        let finding =
            Finding { check: "key", level: Level::Bad, text: "can be read".into(), fix: Some("chmod 600 k".into()) };
        assert_eq!(line(&finding), "bad   key       can be read\n       fix: chmod 600 k");
    }

    #[test]
    fn the_worst_finding_is_remembered() {
        let mut report = Report { here: Here::new(Out::new(false, true), 0, None), worst: Level::Ok };
        report.warn("a", "b", "c");
        report.ok("a", "b");
        assert_eq!(report.worst, Level::Warn);
        report.bad("a", "b", "c");
        report.warn("a", "b", "c");
        assert_eq!(report.worst, Level::Bad);
    }
}
