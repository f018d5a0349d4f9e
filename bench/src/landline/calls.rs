//! Calls: how long landline takes from dialling to the first answer, by its own account.
//!
//! `landline bench-calls desk --count N` makes N calls from one process and prints
//! `{"first_ms": F, "further_ms": [...]}`: the first with a full handshake, the others resumed. Several processes give
//! several firsts.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Pair;
use crate::site::Site;
use crate::stats::Spread;
use crate::tools;

/// Calls of one process.
const COUNT: usize = 50;
/// Processes, each with one first call; not tied to `--runs`, as they are quick.
const PROCESSES: usize = 5;

/// Milliseconds from dialling to the first answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls {
    pub(crate) first: Spread,
    pub(crate) further: Spread,
    pub(crate) firsts: usize,
    pub(crate) furthers: usize,
}

/// Makes the calls.
///
/// # Errors
/// If landline has no such command, or says something else.
pub(crate) fn measure(site: &Site, pair: &Pair) -> Result<Calls> {
    let (mut firsts, mut furthers) = (Vec::new(), Vec::new());
    for _ in 0..PROCESSES {
        let mut command = pair.laptop(site);
        command.args(["bench-calls", "desk", "--count", &COUNT.to_string()]);
        let (first, further) = parse(&tools::output(site, &mut command)?)?;
        firsts.push(first);
        furthers.extend(further);
    }
    let nothing = "bench-calls told of no call";
    Ok(Calls {
        firsts: firsts.len(),
        furthers: furthers.len(),
        first: Spread::of(firsts).context(nothing)?,
        further: Spread::of(furthers).context(nothing)?,
    })
}

fn parse(said: &str) -> Result<(f64, Vec<f64>)> {
    let value: Value = serde_json::from_str(said.trim()).context("bench-calls did not print one JSON object")?;
    let first = value.get("first_ms").and_then(Value::as_f64).context("bench-calls printed no first_ms")?;
    let further = value.get("further_ms").and_then(Value::as_array).context("bench-calls printed no further_ms")?;
    let further: Vec<f64> = further.iter().filter_map(Value::as_f64).collect();
    ensure!(first > 0.0 && further.iter().all(|ms| *ms > 0.0), "bench-calls printed a time that cannot be");
    Ok((first, further))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_times_and_refuses_anything_else() {
        assert_eq!(parse("{\"first_ms\":2.5,\"further_ms\":[0.5,1]}\n").unwrap(), (2.5, vec![0.5, 1.0]));
        for wrong in ["", "{}", "{\"first_ms\":1}", "{\"first_ms\":0,\"further_ms\":[]}"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
