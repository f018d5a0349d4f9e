//! `udp`: the time by datagrams, beside a bare loop that sends back what came.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::datagrams::{self, Answers, OUTSTANDING};
use super::server::Recipe;
use super::{LANDLINE, UDP_ECHO, entry, judge, ours_failed, python, rounds, site};
use crate::args::Options;
use crate::receipt;
use crate::series::Row;
use crate::site::Site;
use crate::stats::Spread;
use crate::suite::Report;
use crate::table;

/// `landline listen` with `--threads 2`.
const TWO_THREADS: &str = "landline, 2 threads";

/// What a contender reached; medians over the runs with their spread.
pub(super) struct Reached {
    /// Answers a second.
    pub(super) rate: Spread,
    /// CPU microseconds of the server an answer.
    pub(super) cpu: Spread,
    /// In all runs.
    pub(super) lost: u64,
}

/// See the module.
pub(crate) fn run(options: &Options) -> Result<Report> {
    let site = site(options)?;
    let (mut text, mut value, mut verdicts, mut failed) = (String::new(), json!({}), Vec::new(), false);
    for sockets in [1, 4] {
        let rows = of_sockets(&site, options, sockets);
        let judged = judge::udp(&rows, sockets);
        let title = format!("{OUTSTANDING} questions on their way on each of {sockets} sockets; {} runs", options.runs);
        text.push_str(&format!("{title}, in turns\n{}\n", render(&rows)));
        value[format!("sockets_{sockets}")] = receipt::rows(&rows, &judged, Reached::value);
        failed |= ours_failed(&rows);
        verdicts.extend(judged);
    }
    Ok(Report { text, value, verdicts, failed })
}

fn of_sockets(site: &Site, options: &Options, sockets: usize) -> Vec<Row<Reached>> {
    let lasting = Duration::from_millis(if options.small { 300 } else { 3000 });
    let listen = ["listen", "udp://127.0.0.1:0", "--service", "time", "--rate", "10000000"];
    let two_threads = [&listen[..], &["--threads", "2"]].concat();
    let entries = vec![
        entry(UDP_ECHO, Recipe::yardstick("a bare loop: one received, one sent", "udp-echo")),
        entry(LANDLINE, Recipe::landline(site, options, "strftime, in batches, a thread for two cores", &listen)),
        entry(TWO_THREADS, Recipe::landline(site, options, "the same, 2 threads", &two_threads)),
        entry("Python strftime", Recipe::python("1 thread", python::UDP_TIME)),
    ];
    let turn = |recipe: &mut Recipe| {
        let server = recipe.start(site)?;
        datagrams::ask(server.address(), sockets, lasting, || server.cpu_seconds())
            .map_err(|fault| fault.context(server.last_words()))
    };
    let tell = |found: &Answers| format!("{:.0} answers/s", found.count as f64 / found.seconds);
    rounds(site, options, UDP_ECHO, entries, turn, tell, Reached::of)
}

impl Reached {
    #[expect(clippy::needless_pass_by_value, reason = "what `rounds` hands over")]
    fn of(turns: Vec<Answers>) -> Option<Reached> {
        let spread = |figure: &dyn Fn(&Answers) -> f64| Spread::of(turns.iter().map(figure));
        Some(Reached {
            rate: spread(&|turn| turn.count as f64 / turn.seconds)?,
            cpu: spread(&|turn| turn.cpu_seconds * 1e6 / turn.count.max(1) as f64)?,
            lost: turns.iter().map(|turn| turn.lost).sum(),
        })
    }

    fn value(&self) -> Value {
        json!({
            "answers_per_second": receipt::spread(self.rate),
            "server_cpu_us_per_answer": receipt::spread(self.cpu),
            "lost": self.lost,
        })
    }
}

fn render(rows: &[Row<Reached>]) -> String {
    let base = rows.iter().find(|row| row.name == UDP_ECHO).and_then(Row::measured);
    let headings = ["answers/s (min-max)", "x udp echo", "server CPU us an answer", "x udp echo", "lost"];
    table::render_about(&headings, "how", rows, |found: &Reached| {
        vec![
            table::spread(found.rate, 0),
            table::ratio(found.rate.median, base.map(|base| base.rate.median)),
            table::spread(found.cpu, 2),
            table::ratio(found.cpu.median, base.map(|base| base.cpu.median)),
            found.lost.to_string(),
        ]
    })
}
