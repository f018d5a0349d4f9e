//! The receipt: everything a later reader needs to judge a table, as JSON.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::args::Bench;
use crate::check::Verdict;
use crate::contender::Medium;
use crate::landline::calls::Calls;
use crate::machine;
use crate::measure::Sample;
use crate::series::{Measured, Outcome, Row};
use crate::site::Site;
use crate::stats::Spread;
use crate::suite::resume::{self, Resumed};

/// What goes into the receipt.
pub(crate) struct Facts {
    pub(crate) bench: Bench,
    pub(crate) small: bool,
    /// What landline says it is, or why it is not there.
    pub(crate) landline: String,
    pub(crate) load_before: Option<String>,
    /// The parts of the series that ran, by name.
    pub(crate) series: Map<String, Value>,
}

/// Writes the receipt to `file`, making its directory.
pub(crate) fn write(file: &Path, facts: Facts) -> Result<()> {
    let text = serde_json::to_string_pretty(&render(facts))?;
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}

fn render(facts: Facts) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).ok();
    json!({
        "bench": facts.bench.name(),
        "at_unix_seconds": now,
        "comparable_only_within": "one series of this receipt",
        "small": facts.small,
        "machine": machine::describe(),
        "load_before": facts.load_before,
        "load_after": machine::load(),
        "versions": machine::versions(),
        "landline": facts.landline,
        "series": facts.series,
    })
}

/// The rows and verdicts of any series.
pub(crate) fn rows<M>(rows: &[Row<M>], verdicts: &[Verdict], figures: impl Fn(&M) -> Value) -> Value {
    json!({
        "rows": rows.iter().map(|one| row(one, &figures)).collect::<Vec<_>>(),
        "required": verdicts.iter().map(required).collect::<Vec<_>>(),
    })
}

fn required(verdict: &Verdict) -> Value {
    json!({"what": verdict.what, "kept": verdict.kept})
}

/// The part of one series of transfers.
pub(crate) fn series(site: &Site, rows: &[Row], verdicts: &[Verdict]) -> Value {
    part(site, rows, verdicts, figures)
}

/// The part of the series of cut transfers.
pub(crate) fn resume(site: &Site, rows: &[Row<Resumed>], verdicts: &[Verdict]) -> Value {
    part(site, rows, verdicts, resume::figures)
}

fn part<M>(site: &Site, rows: &[Row<M>], verdicts: &[Verdict], figures: impl Fn(&M) -> Value) -> Value {
    json!({
        "bytes": site.load.plan.bytes(),
        "files": site.load.plan.files(),
        "runs": site.runs,
        "rows": rows.iter().map(|one| row(one, &figures)).collect::<Vec<_>>(),
        "required": verdicts.iter().map(required).collect::<Vec<_>>(),
    })
}

fn row<M>(row: &Row<M>, figures: impl Fn(&M) -> Value) -> Value {
    let medium = match row.medium {
        Medium::Memory => "memory",
        Medium::Disk => "disk",
    };
    let mut value = json!({"name": row.name, "security": row.security, "medium": medium});
    let (status, more) = match &row.outcome {
        Outcome::Measured(found) => ("measured", figures(found)),
        Outcome::Absent(why) => ("absent", json!({"why": why})),
        Outcome::Failed(why) => ("failed", json!({"why": why})),
    };
    if let (Value::Object(into), Value::Object(more)) = (&mut value, more) {
        into.insert("status".to_owned(), status.into());
        into.extend(more);
    }
    value
}

fn figures(found: &Measured) -> Value {
    json!({
        "units": found.units,
        "seconds": spread(found.seconds),
        "units_per_second": spread(found.rate),
        "cpu_seconds": {"client": found.client_cpu, "server": found.server_cpu},
        "peak_bytes": {"client": found.client_peak, "server": found.server_peak},
        "wire_bytes": found.wire.map(spread),
        "samples": found.samples.iter().map(sample).collect::<Vec<_>>(),
    })
}

/// One transfer.
pub(crate) fn sample(sample: &Sample) -> Value {
    json!({
        "seconds": sample.seconds,
        "client_cpu_seconds": sample.client.cpu_seconds,
        "server_cpu_seconds": sample.server.cpu_seconds,
        "client_peak_bytes": sample.client.peak,
        "server_peak_bytes": sample.server.peak,
        "wire_bytes": sample.wire,
    })
}

/// The calls, or why there are none.
pub(crate) fn calls(calls: &Result<Calls>) -> Value {
    match calls {
        Ok(calls) => json!({"first_ms": spread(calls.first), "further_ms": spread(calls.further)}),
        Err(why) => json!({"why": format!("{why:#}")}),
    }
}

/// Median, least and greatest.
pub(crate) fn spread(found: Spread) -> Value {
    json!({"median": found.median, "least": found.least, "greatest": found.greatest})
}
