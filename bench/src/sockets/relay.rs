//! `relay`: one connection's bytes through a relay of TCP.

use anyhow::Result;
use serde_json::{Value, json};

use super::server::{PORT, Recipe};
use super::{LANDLINE, SOCAT, entry, flood, judge, rounds, server, site};
use crate::args::Options;
use crate::measure;
use crate::receipt;
use crate::series::Row;
use crate::stats::Spread;
use crate::suite::Report;
use crate::{table, usage};

/// landline with the bytes copied through its process, as where TLS or datagrams are on one side.
pub(super) const COPYING: &str = "landline --no-splice";

/// One flood.
struct Turn {
    seconds: f64,
    cpu_seconds: f64,
}

/// What a contender reached; medians over the runs with their spread.
pub(super) struct Reached {
    /// Gigabytes (10^9 bytes) a second.
    pub(super) rate: Spread,
    /// CPU seconds of the relay a gigabyte.
    pub(super) cpu: Spread,
}

/// See the module.
pub(crate) fn run(options: &Options) -> Result<Report> {
    let site = site(options)?;
    let sink = server::tcp_listener()?;
    let to = sink.local_addr()?;
    let far = format!("tcp://{to}");
    let splicing = ["relay", "127.0.0.1:0", &far, "--bufsize", "65536"];
    let copying = ["relay", "127.0.0.1:0", &far, "--bufsize", "65536", "--no-splice"];
    let (socat_listen, socat_dial) = (format!("TCP-LISTEN:{PORT},bind=127.0.0.1,fork,reuseaddr"), format!("TCP:{to}"));
    let socat = ["-b", "65536", &socat_listen, &socat_dial];
    let entries = vec![
        entry(SOCAT, Recipe::given("copies, 64 KiB", "socat", &socat)),
        entry(LANDLINE, Recipe::landline(&site, options, "splice", &splicing)),
        entry(COPYING, Recipe::landline(&site, options, "copies, 64 KiB", &copying)),
    ];
    let size = options.size;
    let gigabytes = size as f64 / 1e9;
    let turn = |recipe: &mut Recipe| {
        let relay = recipe.start(&site)?;
        let residents = usage::tree(relay.pid());
        let before = relay.cpu_seconds();
        let seconds = flood::push(relay.address(), &sink, size).map_err(|fault| fault.context(relay.last_words()))?;
        measure::settle(relay.pid(), &residents);
        Ok(Turn { seconds, cpu_seconds: relay.cpu_seconds() - before })
    };
    let tell = |turn: &Turn| format!("{:.2} s", turn.seconds);
    let sum_up = |turns: Vec<Turn>| {
        Some(Reached {
            rate: Spread::of(turns.iter().map(|turn| gigabytes / turn.seconds))?,
            cpu: Spread::of(turns.iter().map(|turn| turn.cpu_seconds / gigabytes))?,
        })
    };
    let rows = rounds(&site, options, SOCAT, entries, turn, tell, sum_up);
    let verdicts = judge::relay(&rows);
    let text = format!("{} MiB through one connection; {} runs, in turns\n{}", size >> 20, options.runs, render(&rows));
    let failed = rows.iter().any(|row| row.name.starts_with(LANDLINE) && row.has_failed());
    Ok(Report { text, value: receipt::rows(&rows, &verdicts, Reached::value), failed, verdicts })
}

impl Reached {
    fn value(&self) -> Value {
        json!({
            "gigabytes_per_second": receipt::spread(self.rate),
            "relay_cpu_seconds_per_gigabyte": receipt::spread(self.cpu),
        })
    }
}

fn render(rows: &[Row<Reached>]) -> String {
    let base = rows.iter().find(|row| row.name == SOCAT).and_then(Row::measured);
    let headings = ["GB/s (min-max)", "x socat", "relay CPU s/GB (min-max)", "x socat"];
    table::render_about(&headings, "how", rows, |found: &Reached| {
        vec![
            table::spread(found.rate, 3),
            table::ratio(found.rate.median, base.map(|base| base.rate.median)),
            table::spread(found.cpu, 3),
            table::ratio(found.cpu.median, base.map(|base| base.cpu.median)),
        ]
    })
}
