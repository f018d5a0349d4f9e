//! `echo50`, `echo1000`: 64 bytes to and fro, as fast as one server answers so many connections.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::server::{PORT, Recipe};
use super::streams::{self, Answers};
use super::{ASYNCIO, LANDLINE, SOCAT, TOKIO, entry, judge, ours_failed, python, rounds, site};
use crate::args::Options;
use crate::receipt;
use crate::series::Row;
use crate::stats::Spread;
use crate::suite::Report;
use crate::table;

/// The name of ncat's row; with a thousand connections it stops answering, so it plays with few only.
const NCAT: &str = "ncat --exec cat";
/// A process a connection takes long to start and end.
const FORKING_ROUNDS: usize = 2;
/// Few connections, as few as ncat can take.
const FEW: usize = 50;

/// What a contender reached; medians over the runs with their spread.
pub(super) struct Reached {
    /// Answers a second.
    pub(super) rate: Spread,
    /// CPU microseconds of the server an answer.
    pub(super) cpu: Spread,
    /// Microseconds.
    pub(super) p50: Spread,
    pub(super) p99: Spread,
}

/// See the module.
pub(crate) fn run(options: &Options, connections: usize) -> Result<Report> {
    super::raise_own_limit();
    let site = site(options)?;
    let lasting = Duration::from_millis(if options.small { 300 } else { 3000 });
    let listen = ["listen", "127.0.0.1:0", "--service", "echo", "--max-conns", "20000"];
    let socat = format!("TCP-LISTEN:{PORT},bind=127.0.0.1,fork,reuseaddr,backlog=1024,nodelay");
    let ncat = ["-k", "-l", "127.0.0.1", PORT, "-m", "1000", "--exec", "/bin/cat"];
    let mut entries = vec![
        entry(TOKIO, Recipe::yardstick("bare loop, 1 thread", "tcp-echo")),
        entry(LANDLINE, Recipe::landline(&site, options, "1 thread", &listen)),
        entry(ASYNCIO, Recipe::python("1 thread", python::ASYNCIO_ECHO)),
    ];
    if connections == FEW || !options.small {
        let recipe = Recipe::given("a process a connection", "socat", &[&socat, "PIPE"]);
        entries.push(entry(SOCAT, recipe.map(|recipe| recipe.at_most(FORKING_ROUNDS))));
    }
    if connections == FEW {
        let recipe = Recipe::given("a process a connection", "ncat", &ncat);
        entries.push(entry(NCAT, recipe.map(|recipe| recipe.at_most(FORKING_ROUNDS))));
    }
    let turn = |recipe: &mut Recipe| {
        let server = recipe.start(&site)?;
        streams::ping_pong(server.address(), connections, lasting, || server.cpu_seconds())
            .map_err(|fault| fault.context(server.last_words()))
    };
    let tell = |found: &Answers| format!("{:.0} answers/s", found.count as f64 / found.seconds);
    let rows = rounds(&site, options, TOKIO, entries, turn, tell, Reached::of);
    let verdicts = judge::echo(&rows);
    let text = format!(
        "64 bytes to and fro on {connections} connections for {lasting:?}; {} runs, in turns\n{}",
        options.runs,
        render(&rows)
    );
    Ok(Report { text, value: receipt::rows(&rows, &verdicts, Reached::value), failed: ours_failed(&rows), verdicts })
}

impl Reached {
    #[expect(clippy::needless_pass_by_value, reason = "what `rounds` hands over")]
    fn of(turns: Vec<Answers>) -> Option<Reached> {
        let spread = |figure: &dyn Fn(&Answers) -> f64| Spread::of(turns.iter().map(figure));
        Some(Reached {
            rate: spread(&|turn| turn.count as f64 / turn.seconds)?,
            cpu: spread(&|turn| turn.cpu_seconds * 1e6 / turn.count.max(1) as f64)?,
            p50: spread(&|turn| percentile(&turn.micros, 50))?,
            p99: spread(&|turn| percentile(&turn.micros, 99))?,
        })
    }

    fn value(&self) -> Value {
        json!({
            "answers_per_second": receipt::spread(self.rate),
            "server_cpu_us_per_answer": receipt::spread(self.cpu),
            "p50_us": receipt::spread(self.p50),
            "p99_us": receipt::spread(self.p99),
        })
    }
}

/// Of sorted figures; 0 of none.
fn percentile(sorted: &[u32], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().map_or(0.0, f64::from)
}

fn render(rows: &[Row<Reached>]) -> String {
    let base = rows.iter().find(|row| row.name == TOKIO).and_then(Row::measured);
    let headings = [
        "answers/s (min-max)",
        "x tokio",
        "server CPU us an answer",
        "x tokio",
        "p50 us (min-max)",
        "p99 us (min-max)",
    ];
    table::render_about(&headings, "how", rows, |found: &Reached| {
        vec![
            table::spread(found.rate, 0),
            table::ratio(found.rate.median, base.map(|base| base.rate.median)),
            table::spread(found.cpu, 2),
            table::ratio(found.cpu.median, base.map(|base| base.cpu.median)),
            table::spread(found.p50, 0),
            table::spread(found.p99, 0),
        ]
    })
}
