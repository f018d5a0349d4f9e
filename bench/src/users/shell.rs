//! `shell`: how fast `landline files` answers one command after the other, and how fast sftp does.
//!
//! Three are asked the same of the same home: what is known of a file, and the names in a folder. landline and sftp over ssh go
//! through loopback, enciphered; the third is sftp with its server as a child, so without network and cipher.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::talk::Talk;
use super::{judge, retain_wanted};
use crate::args::Options;
use crate::contender::Entry;
use crate::landline::{Build, House, User};
use crate::load::Plan;
use crate::relay::Line;
use crate::rivals::Sshd;
use crate::rivals::sshd::{HOST, SFTP_SERVERS};
use crate::series::{self, Row};
use crate::site::Site;
use crate::stats::Spread;
use crate::suite::Report;
use crate::tools::{self, Missing};
use crate::{receipt, table};

pub(super) const STAT: &str = "landline stat";
pub(super) const LS: &str = "landline ls";
const SSH_STAT: &str = "sftp over ssh, ls -l";
const SSH_LS: &str = "sftp over ssh, ls -1";
const PIPE_STAT: &str = "sftp and its server, ls -l";
const PIPE_LS: &str = "sftp and its server, ls -1";

/// The questions: of a file of a few bytes, and of a folder of ten such.
const FILE: &str = "a.txt";
const FOLDER: &str = "dir";
const FILES: usize = 10;

/// Answers that are timed in a turn.
const QUESTIONS: usize = 500;
const FEW_QUESTIONS: usize = 50;

/// How to start a shell, and what to ask it.
struct Shell<'a> {
    about: &'static str,
    start: Box<dyn Fn() -> Command + 'a>,
    question: String,
}

/// What a row shows.
pub(super) struct Reached {
    /// Milliseconds.
    pub(super) p50: Spread,
    pub(super) p99: Spread,
    pub(super) greatest: f64,
    pub(super) answers: usize,
}

/// See the module.
pub(crate) fn run(options: &Options) -> Result<Report> {
    let site = Site::prepare(Plan::File(1), 1, options.runs, options.dir.as_deref())?;
    let build = Build::find(&site, options.landline.as_deref())?;
    let house = House::open(&site, build.binary()?)?;
    let user = house.admit(&site, "u0", None)?;
    furnish(&user.home)?;
    let sshd = Sshd::start(&site, Line::Direct);
    let count = if options.small { FEW_QUESTIONS } else { QUESTIONS };

    let landline = |question: String| Box::new(Shell::landline(&site, &house, &user, question));
    let over_ssh = |question| match &sshd {
        Ok(sshd) => Shell::over_ssh(&site, sshd, &user.home, question).map(Box::new),
        Err(error) => Err(tools::same(error)),
    };
    let as_child = |question| Shell::as_child(&site, &user.home, question).map(Box::new);
    let (stat, ls) = (format!("ls -l {FILE}"), format!("ls -1 {FOLDER}"));
    let mut entries = vec![
        Entry::in_memory(STAT, Ok(landline(format!("stat {FILE}")))),
        Entry::in_memory(SSH_STAT, over_ssh(&stat)),
        Entry::in_memory(PIPE_STAT, as_child(&stat)),
        Entry::in_memory(LS, Ok(landline(format!("ls {FOLDER}")))),
        Entry::in_memory(SSH_LS, over_ssh(&ls)),
        Entry::in_memory(PIPE_LS, as_child(&ls)),
    ];
    retain_wanted(&mut entries, options);
    let turn =
        |shell: &mut Shell<'_>| Talk::begin(&site, "the shell", &mut (shell.start)())?.time(&shell.question, count);
    let tell = |answers: &Vec<f64>| format!("{:.3} ms", percentile(answers.clone(), 50).unwrap_or_default());
    let rows = series::rounds(site.runs, entries, |shell| (shell.about, usize::MAX), turn, tell, Reached::of);
    let verdicts = judge::shell(&rows);
    let text = format!(
        "{count} times the same command, each when the answer to the last has come; {} runs, in turns\n{}",
        options.runs,
        render(&rows)
    );
    let failed = rows.iter().filter(|row| [STAT, LS].contains(&row.name)).any(Row::has_failed);
    Ok(Report { text, value: receipt::rows(&rows, &verdicts, Reached::value), failed, verdicts })
}

/// Lays what is asked for into a home.
fn furnish(home: &Path) -> Result<()> {
    let folder = home.join(FOLDER);
    fs::create_dir(&folder).context("cannot furnish the home")?;
    fs::write(home.join(FILE), "hello\n")?;
    (0..FILES).try_for_each(|number| fs::write(folder.join(format!("{number}.txt")), "hello\n"))?;
    Ok(())
}

impl<'a> Shell<'a> {
    fn landline(site: &'a Site, house: &'a House, user: &'a User, question: String) -> Shell<'a> {
        let start = || {
            let mut shell = house.call(site, user);
            shell.args(["files", "desk"]);
            shell
        };
        Shell { about: "TLS 1.3 on loopback", start: Box::new(start), question }
    }

    fn over_ssh(site: &'a Site, sshd: &'a Sshd, home: &'a Path, question: &str) -> Result<Shell<'a>> {
        let sftp = tools::find("sftp")?;
        let start = move || {
            let mut shell = tools::command(site, &sftp);
            shell.args(["-b", "-", "-S"]).arg(&sshd.ssh).arg("-F").arg(&sshd.config);
            shell.arg(format!("{HOST}:{}", home.display()));
            shell
        };
        Ok(Shell { about: "ssh on loopback, default cipher", start: Box::new(start), question: question.to_owned() })
    }

    fn as_child(site: &'a Site, home: &'a Path, question: &str) -> Result<Shell<'a>> {
        let sftp = tools::find("sftp")?;
        let server = SFTP_SERVERS.iter().map(PathBuf::from).find(|path| path.is_file());
        let server = server.ok_or_else(|| Missing("there is no sftp-server".to_owned()))?;
        let start = move || {
            let mut shell = tools::command(site, &sftp);
            shell.args(["-b", "-", "-D"]).arg(&server).current_dir(home);
            shell
        };
        Ok(Shell { about: "none, two pipes", start: Box::new(start), question: question.to_owned() })
    }
}

impl Reached {
    #[expect(clippy::needless_pass_by_value, reason = "what `rounds` hands over")]
    fn of(turns: Vec<Vec<f64>>) -> Option<Reached> {
        let spread = |percent| Spread::of(turns.iter().filter_map(|turn| percentile(turn.clone(), percent)));
        Some(Reached {
            p50: spread(50)?,
            p99: spread(99)?,
            greatest: Spread::of(turns.iter().flatten().copied())?.greatest,
            answers: turns.iter().map(Vec::len).sum(),
        })
    }

    fn value(&self) -> Value {
        json!({
            "p50_ms": receipt::spread(self.p50),
            "p99_ms": receipt::spread(self.p99),
            "greatest_ms": self.greatest,
            "answers": self.answers,
        })
    }
}

/// The least figure that so many percent do not exceed; `None` of none.
fn percentile(mut figures: Vec<f64>, percent: usize) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get((figures.len() * percent).div_ceil(100).checked_sub(1)?).copied()
}

fn render(rows: &[Row<Reached>]) -> String {
    let headings = ["median ms (min-max)", "x sftp over ssh", "p99 ms (min-max)", "greatest ms"];
    let table = |shown: &[&str], base: &str| {
        let base = rows.iter().find(|row| row.name == base).and_then(Row::measured).map(|found| found.p50.median);
        table::render(&headings, rows.iter().filter(|row| shown.contains(&row.name)), |found: &Reached| {
            vec![
                table::spread(found.p50, 3),
                table::ratio(found.p50.median, base),
                table::spread(found.p99, 3),
                format!("{:.2}", found.greatest),
            ]
        })
    };
    format!("{}\n{}", table(&[STAT, SSH_STAT, PIPE_STAT], SSH_STAT), table(&[LS, SSH_LS, PIPE_LS], SSH_LS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_figures() {
        let figures: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(figures.clone(), 50), Some(100.0));
        assert_eq!(percentile(figures, 99), Some(198.0));
        assert_eq!(percentile(vec![7.0], 99), Some(7.0));
        assert_eq!(percentile(Vec::new(), 50), None);
    }
}
