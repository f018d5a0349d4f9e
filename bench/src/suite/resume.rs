//! A transfer that is killed when half has arrived, and the same command again: what the cut costs.
//!
//! Every turn sends the file twice through a relay that counts: once undisturbed, once cut. The relay holds everything back at half
//! until one end has been killed by SIGKILL, so that nobody is done before; what lies in sockets then still arrives, or is lost
//! with a killed server, as on any line. Extra CPU is that of both attempts and both ends, less that of the undisturbed transfer.

use std::fs;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Report, ours_failed, pair, retain_wanted, shared};
use crate::args::Options;
use crate::contender::{Entry, Served, boxed_served};
use crate::landline::Landline;
use crate::load::Plan;
use crate::measure::{self, Sample, Victim};
use crate::relay::{Line, Relay};
use crate::rivals::rsync::{Over, Rsync};
use crate::rivals::{Rsyncd, Sshd};
use crate::series::{self, Row};
use crate::site::Site;
use crate::stats::Spread;
use crate::{check, receipt, table};

/// The rows.
pub(crate) const PUT: &str = "landline put, client killed";
pub(crate) const PUT_SERVER: &str = "landline put, server killed";
pub(crate) const GET: &str = "landline get, client killed";
pub(crate) const RSYNC_DAEMON: &str = "rsync daemon, client killed";
const RSYNC_SSH: &str = "rsync over ssh, client killed";

/// Between the kill and the second attempt: nobody types faster, and a server may still be putting away what it has.
const PAUSE: Duration = Duration::from_millis(300);

const HEADINGS: [&str; 6] = [
    "undisturbed s",
    "cut at",
    "second attempt s",
    "extra s (min-max)",
    "extra CPU s (min-max)",
    "wire / file (min-max)",
];

/// One turn.
pub(crate) struct Trial {
    pub(crate) whole: Sample,
    pub(crate) first: Sample,
    pub(crate) second: Sample,
}

impl Trial {
    fn extra_seconds(&self) -> f64 {
        self.first.seconds + self.second.seconds - self.whole.seconds
    }

    fn extra_cpu(&self) -> f64 {
        self.first.cpu_seconds() + self.second.cpu_seconds() - self.whole.cpu_seconds()
    }
}

/// What a row shows of several turns.
pub(crate) struct Resumed {
    /// Seconds of the undisturbed transfer, and of the second attempt.
    pub(crate) whole: Spread,
    pub(crate) second: Spread,
    /// Seconds of both attempts beyond the undisturbed transfer's, the pause between them left out.
    pub(crate) extra: Spread,
    /// The part of the file that had passed at the kill, 0 to 1.
    pub(crate) cut_at: Spread,
    /// CPU seconds of both ends in both attempts beyond the undisturbed transfer's.
    pub(crate) extra_cpu: Spread,
    /// Bytes on the wire in both attempts, both ways, of the file's.
    pub(crate) wire: Spread,
    pub(crate) trials: Vec<Trial>,
}

impl Resumed {
    fn of(size: u64, trials: Vec<Trial>) -> Option<Resumed> {
        let spread = |figure: &dyn Fn(&Trial) -> f64| Spread::of(trials.iter().map(figure));
        let share = |bytes: u64| bytes as f64 / size as f64;
        let wire = |sample: &Sample| sample.wire.unwrap_or(0);
        Some(Resumed {
            whole: spread(&|trial| trial.whole.seconds)?,
            second: spread(&|trial| trial.second.seconds)?,
            extra: spread(&Trial::extra_seconds)?,
            cut_at: spread(&|trial| share(wire(&trial.first)))?,
            extra_cpu: spread(&Trial::extra_cpu)?,
            wire: spread(&|trial| share(wire(&trial.first) + wire(&trial.second)))?,
            trials,
        })
    }
}

/// A row while it runs.
struct Cut<'a> {
    served: Box<dyn Served + 'a>,
    victim: Victim,
}

/// See the module.
pub(super) fn run(options: &Options) -> Result<Report> {
    let site = Site::prepare(Plan::File(options.size), 1, options.runs, options.dir.as_deref())?;
    let pair = pair(&site, options, Line::Counted);
    let (sshd, rsyncd) = (Sshd::start(&site, Line::Counted), Rsyncd::start(&site, Line::Counted));

    let put = || shared(&pair).map(|pair| boxed_served(Landline::put(&site, Rc::clone(pair))));
    let get = shared(&pair).and_then(|pair| Landline::get(&site, Rc::clone(pair)).map(boxed_served));
    let rsync = |over| Rsync::new(&site, over).map(|rsync| boxed_served(rsync.appending()));
    let mut entries = vec![
        row(PUT, Victim::Client, put()),
        row(PUT_SERVER, Victim::Server, put()),
        row(GET, Victim::Client, get),
        row(RSYNC_DAEMON, Victim::Client, shared(&rsyncd).and_then(|rsyncd| rsync(Over::Daemon(rsyncd)))),
        row(RSYNC_SSH, Victim::Client, shared(&sshd).and_then(|sshd| rsync(Over::Ssh(sshd)))),
    ];
    retain_wanted(&mut entries, options, RSYNC_DAEMON);

    let rows = series::rounds(
        site.runs,
        entries,
        |cut| (cut.served.security(), usize::MAX),
        |cut| trial(&site, cut),
        |trial| format!("{:.2} s, cut {:.2} + {:.2} s", trial.whole.seconds, trial.first.seconds, trial.second.seconds),
        |trials| Resumed::of(options.size, trials),
    );
    let verdicts = check::resume(&rows);
    let text = format!(
        "one file of {} MiB, one end killed when half has passed, then the same command again; {} runs, in turns\n{}",
        options.size >> 20,
        site.runs,
        render(&rows)
    );
    let value = receipt::resume(&site, &rows, &verdicts);
    Ok(Report { text, value, failed: ours_failed(&rows), verdicts })
}

fn row<'a>(name: &'static str, victim: Victim, served: Result<Box<dyn Served + 'a>>) -> Entry<Cut<'a>> {
    Entry::in_memory(name, served.map(|served| Box::new(Cut { served, victim })))
}

/// One turn: the undisturbed transfer, then the cut one and its resumption.
fn trial(site: &Site, cut: &mut Cut<'_>) -> Result<Trial> {
    let done = undisturbed(site, cut).and_then(|whole| {
        let (first, second) = disturbed(site, cut)?;
        Ok(Trial { whole, first, second })
    });
    // The next row shares the line and the server with this one, however it went.
    relay(cut)?.release();
    if done.is_err() && cut.victim == Victim::Server {
        let _ = cut.served.restart();
    }
    let cleared = clear(site, cut);
    let trial = done?;
    cleared.map(|()| trial)
}

fn undisturbed(site: &Site, cut: &mut Cut<'_>) -> Result<Sample> {
    clear(site, cut)?;
    series::touch_for(site, cut.served.target())?;
    let whole = counted(cut, |cut| cut.served.transfer())?;
    site.load.check(cut.served.target())?;
    clear(site, cut)?;
    Ok(whole)
}

fn disturbed(site: &Site, cut: &mut Cut<'_>) -> Result<(Sample, Sample)> {
    series::touch_for(site, cut.served.target())?;
    let first = counted(cut, |cut| {
        let (relay, mut client) = (relay(cut)?, cut.served.client());
        relay.hold_after(site.load.plan.bytes() / 2);
        let (now, then) = (|| relay.holds(), || relay.release());
        let made = measure::cut(site, &mut client, cut.served.server(), cut.victim, now, then)?;
        relay.wait_quiet()?;
        Ok(made)
    })?;
    if cut.victim == Victim::Server {
        cut.served.restart()?;
    }
    std::thread::sleep(PAUSE);
    let second = counted(cut, |cut| cut.served.transfer()).context("the second attempt")?;
    site.load.check(cut.served.target())?;
    Ok((first, second))
}

fn relay<'c>(cut: &'c Cut<'_>) -> Result<&'c Relay> {
    cut.served.relay().context("nobody counts the bytes")
}

/// A transfer with the bytes that passed meanwhile.
fn counted(cut: &mut Cut<'_>, work: impl FnOnce(&mut Cut<'_>) -> Result<Sample>) -> Result<Sample> {
    let before = relay(cut)?.passed();
    let sample = work(cut)?;
    Ok(Sample { wire: Some(relay(cut)?.passed() - before), ..sample })
}

/// Removes the copy and whatever else an attempt left beside it.
fn clear(site: &Site, cut: &Cut<'_>) -> Result<()> {
    site.load.remove(cut.served.target())?;
    let room = cut.served.target().parent().context("the target lies in no directory")?;
    for entry in fs::read_dir(room)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }
            .with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

fn render(rows: &[Row<Resumed>]) -> String {
    table::render(&HEADINGS, rows, |found| {
        vec![
            table::spread(found.whole, 2),
            format!("{:.2}", found.cut_at.median),
            table::spread(found.second, 2),
            table::spread(found.extra, 2),
            table::spread(found.extra_cpu, 2),
            table::spread(found.wire, 4),
        ]
    })
}

/// The figures of a row for the receipt.
pub(crate) fn figures(found: &Resumed) -> Value {
    let trial = |trial: &Trial| {
        let [whole, first, second] = [&trial.whole, &trial.first, &trial.second].map(receipt::sample);
        json!({"undisturbed": whole, "first": first, "second": second})
    };
    json!({
        "extra_seconds": receipt::spread(found.extra),
        "extra_cpu_seconds": receipt::spread(found.extra_cpu),
        "wire_of_file": receipt::spread(found.wire),
        "cut_at": receipt::spread(found.cut_at),
        "trials": found.trials.iter().map(trial).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Usage;

    #[test]
    fn the_cost_of_a_cut_is_both_attempts_less_the_undisturbed_transfer() {
        let sample = |seconds, cpu_seconds, wire| Sample {
            seconds,
            client: Usage { cpu_seconds, peak: 0 },
            server: Usage { cpu_seconds: 1.0, peak: 0 },
            wire: Some(wire),
        };
        let trial =
            Trial { whole: sample(4.0, 3.0, 1001), first: sample(2.5, 1.5, 501), second: sample(2.0, 1.75, 502) };
        let found = Resumed::of(1000, vec![trial]).unwrap();
        assert_eq!((found.extra.median, found.extra_cpu.median), (0.5, 1.25));
        assert_eq!((found.cut_at.median, found.wire.median), (0.501, 1.003));
        assert!(Resumed::of(1000, Vec::new()).is_none());
    }
}
