//! `idle`: what a server's memory grows by for each connection that is silent, after it has said one thing.

use anyhow::Result;
use serde_json::{Value, json};

use super::server::{Recipe, Running};
use super::{ASYNCIO, LANDLINE, TOKIO, entry, idlers, judge, ours_failed, python, rounds, site};
use crate::args::Options;
use crate::receipt;
use crate::series::Row;
use crate::site::Site;
use crate::stats::Spread;
use crate::suite::Report;
use crate::table;

/// What a contender took.
pub(super) struct Taken {
    /// KiB of resident memory a connection.
    pub(super) kib: Spread,
    /// MiB of all, with the connections.
    total: Spread,
}

/// See the module.
pub(crate) fn run(options: &Options) -> Result<Report> {
    super::raise_own_limit();
    let site = site(options)?;
    let count = if options.small { 500 } else { 10_000 };
    let plain = plain(&site, options, count);
    let tls = tls(&site, options, count);
    let [plain_verdicts, tls_verdicts] = [judge::idle(&plain, judge::PLAIN_KIB), judge::idle(&tls, judge::TLS_KIB)];
    let text = format!(
        "{count} silent connections; {} runs, in turns\n{}\nthe same with TLS 1.3\n{}",
        options.runs,
        render(&plain),
        render(&tls)
    );
    let value = json!({
        "connections": count,
        "plain": receipt::rows(&plain, &plain_verdicts, Taken::value),
        "tls": receipt::rows(&tls, &tls_verdicts, Taken::value),
    });
    let failed = ours_failed(&plain) || ours_failed(&tls);
    Ok(Report { text, value, failed, verdicts: plain_verdicts.into_iter().chain(tls_verdicts).collect() })
}

fn plain(site: &Site, options: &Options, count: usize) -> Vec<Row<Taken>> {
    let listen = ["listen", "127.0.0.1:0", "--service", "echo", "--max-conns", "20000"];
    let entries = vec![
        entry(TOKIO, Recipe::yardstick("a buffer of 4 KiB each", "tcp-echo")),
        entry(LANDLINE, Recipe::landline(site, options, "1 thread", &listen)),
        entry(ASYNCIO, Recipe::python("1 thread", python::ASYNCIO_ECHO)),
    ];
    let turn = |recipe: &mut Recipe| grown(&recipe.start(site)?, count, idlers::plain);
    rounds(site, options, TOKIO, entries, turn, Grown::told, Taken::of)
}

fn tls(site: &Site, options: &Options, count: usize) -> Vec<Row<Taken>> {
    let listen = ["listen", "tls://127.0.0.1:0", "--self-signed", "--service", "echo", "--max-conns", "20000"];
    let entries = vec![entry(LANDLINE, Recipe::landline(site, options, "1 thread", &listen))];
    let turn = |recipe: &mut Recipe| grown(&recipe.start(site)?, count, idlers::tls);
    rounds(site, options, LANDLINE, entries, turn, Grown::told, Taken::of)
}

/// One server's memory.
struct Grown {
    kib: f64,
    total: f64,
}

impl Grown {
    fn told(&self) -> String {
        format!("{:.2} KiB a connection", self.kib)
    }
}

fn grown<T>(
    server: &Running,
    count: usize,
    load: impl Fn(std::net::SocketAddr, usize) -> Result<Vec<T>>,
) -> Result<Grown> {
    let with_words = |fault: anyhow::Error| fault.context(server.last_words());
    let _first = load(server.address(), 1).map_err(with_words)?; // what the first of all needs is not each one's
    let before = server.resident_bytes();
    let _held = load(server.address(), count).map_err(with_words)?;
    let after = server.resident_bytes();
    let kib = (after as f64 - before as f64) / 1024.0 / count.max(1) as f64;
    Ok(Grown { kib, total: after as f64 / f64::from(1 << 20) })
}

impl Taken {
    #[expect(clippy::needless_pass_by_value, reason = "what `rounds` hands over")]
    fn of(turns: Vec<Grown>) -> Option<Taken> {
        Some(Taken {
            kib: Spread::of(turns.iter().map(|turn| turn.kib))?,
            total: Spread::of(turns.iter().map(|turn| turn.total))?,
        })
    }

    fn value(&self) -> Value {
        json!({"kib_per_connection": receipt::spread(self.kib), "resident_mib": receipt::spread(self.total)})
    }
}

fn render(rows: &[Row<Taken>]) -> String {
    let headings = ["KiB a connection (min-max)", "MiB in all (min-max)"];
    let cells = |found: &Taken| vec![table::spread(found.kib, 2), table::spread(found.total, 1)];
    table::render_about(&headings, "how", rows, cells)
}
