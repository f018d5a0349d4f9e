//! `accepts`: connections that are made and closed again, one after the other.

use anyhow::Result;
use serde_json::json;

use super::server::Recipe;
use super::{ASYNCIO, LANDLINE, TOKIO, entry, idlers, judge, ours_failed, python, rounds, site};
use crate::args::Options;
use crate::receipt;
use crate::series::Row;
use crate::stats::Spread;
use crate::suite::Report;
use crate::table;

/// What a contender reached.
pub(super) struct Reached {
    /// Connections a second.
    pub(super) rate: Spread,
    /// CPU microseconds of the server a connection.
    cpu: Spread,
}

struct Turn {
    rate: f64,
    cpu: f64,
}

/// See the module.
pub(crate) fn run(options: &Options) -> Result<Report> {
    super::raise_own_limit();
    let site = site(options)?;
    let count = if options.small { 2000 } else { 20_000 };
    let listen = ["listen", "127.0.0.1:0", "--service", "echo", "--max-conns", "20000"];
    let entries = vec![
        entry(TOKIO, Recipe::yardstick("bare loop, 1 thread", "tcp-echo")),
        entry(LANDLINE, Recipe::landline(&site, options, "1 thread", &listen)),
        entry(ASYNCIO, Recipe::python("1 thread", python::ASYNCIO_ECHO)),
    ];
    let turn = |recipe: &mut Recipe| {
        let server = recipe.start(&site)?;
        let before = server.cpu_seconds();
        let seconds =
            idlers::come_and_go(server.address(), count).map_err(|fault| fault.context(server.last_words()))?;
        let cpu = (server.cpu_seconds() - before) * 1e6 / count as f64;
        Ok(Turn { rate: count as f64 / seconds, cpu })
    };
    let sum_up = |turns: Vec<Turn>| {
        Some(Reached {
            rate: Spread::of(turns.iter().map(|turn| turn.rate))?,
            cpu: Spread::of(turns.iter().map(|turn| turn.cpu))?,
        })
    };
    let rows = rounds(&site, options, TOKIO, entries, turn, |turn| format!("{:.0}/s", turn.rate), sum_up);
    let verdicts = judge::accepts(&rows);
    let text = format!("{count} connections made and closed; {} runs, in turns\n{}", options.runs, render(&rows));
    let value = receipt::rows(&rows, &verdicts, |found| {
        json!({
            "connections_per_second": receipt::spread(found.rate),
            "server_cpu_us_per_connection": receipt::spread(found.cpu),
        })
    });
    Ok(Report { text, value, failed: ours_failed(&rows), verdicts })
}

fn render(rows: &[Row<Reached>]) -> String {
    let base = rows.iter().find(|row| row.name == TOKIO).and_then(Row::measured);
    let headings = ["connections/s (min-max)", "x tokio", "server CPU us each (min-max)"];
    table::render_about(&headings, "how", rows, |found: &Reached| {
        vec![
            table::spread(found.rate, 0),
            table::ratio(found.rate.median, base.map(|base| base.rate.median)),
            table::spread(found.cpu, 1),
        ]
    })
}
