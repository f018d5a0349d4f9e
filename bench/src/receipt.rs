//! The receipt: everything a later reader needs to judge a table, as JSON.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::check::Verdict;
use crate::contender::Medium;
use crate::landline::calls::Calls;
use crate::machine;
use crate::series::{Measured, Outcome, Row};
use crate::stats::Spread;

/// What goes into the receipt.
pub(crate) struct Facts<'a> {
    pub(crate) size: u64,
    pub(crate) runs: usize,
    pub(crate) small: bool,
    /// What landline says it is, or why it is not there.
    pub(crate) landline: String,
    pub(crate) load_before: Option<String>,
    pub(crate) rows: &'a [Row],
    /// The calls, or why there are none.
    pub(crate) calls: Result<Calls, String>,
    pub(crate) verdicts: &'a [Verdict],
}

/// Writes the receipt to `file`, making its directory.
pub(crate) fn write(file: &Path, facts: &Facts<'_>) -> Result<()> {
    let text = serde_json::to_string_pretty(&render(facts))?;
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}

fn render(facts: &Facts<'_>) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).ok();
    json!({
        "bench": "files",
        "at_unix_seconds": now,
        "comparable_only_within": "this receipt",
        "small": facts.small,
        "size_bytes": facts.size,
        "runs": facts.runs,
        "machine": machine::describe(),
        "load_before": facts.load_before,
        "load_after": machine::load(),
        "versions": machine::versions(),
        "landline": facts.landline,
        "rows": facts.rows.iter().map(row).collect::<Vec<_>>(),
        "calls": calls(&facts.calls),
        "required": facts.verdicts.iter().map(|one| json!({"what": one.what, "kept": one.kept})).collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
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
    let samples = found.samples.iter().map(|sample| {
        json!({
            "seconds": sample.seconds,
            "client_cpu_seconds": sample.client.cpu_seconds,
            "server_cpu_seconds": sample.server.cpu_seconds,
            "client_peak_bytes": sample.client.peak,
            "server_peak_bytes": sample.server.peak,
        })
    });
    json!({
        "size_bytes": found.size,
        "gb_per_second": spread(found.rate),
        "cpu_seconds_per_gb": {"client": found.client_cpu, "server": found.server_cpu},
        "peak_bytes": {"client": found.client_peak, "server": found.server_peak},
        "samples": samples.collect::<Vec<_>>(),
    })
}

fn calls(calls: &Result<Calls, String>) -> Value {
    match calls {
        Ok(calls) => json!({"first_ms": spread(calls.first), "further_ms": spread(calls.further)}),
        Err(why) => json!({"why": why}),
    }
}

fn spread(found: Spread) -> Value {
    json!({"median": found.median, "least": found.least, "greatest": found.greatest})
}
