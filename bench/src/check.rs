//! The ratios landline must reach, within one run, on the machine at hand.

use crate::contender::Medium;
use crate::landline;
use crate::pipe;
use crate::rivals::scp;
use crate::series::{Measured, Row};

/// Of the bare pipeline's rate, at least.
const OF_PIPE: f64 = 0.55;
/// Times scp's rate, at least.
const OF_SCP: f64 = 2.0;
/// Peak memory of either end in bytes, at most.
const PEAK: u64 = 32 << 20;

/// One requirement and what was found.
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) kept: bool,
}

/// Judges `put` and `get`. What was not measured is not kept.
pub(crate) fn judge(rows: &[Row]) -> Vec<Verdict> {
    let find = |name: &str| rows.iter().find(|row| row.name == name && row.medium == Medium::Memory)?.measured();
    let (pipe, scp) = (find(pipe::NAME), find(scp::NAME));
    let mut verdicts = Vec::new();
    for name in [landline::PUT_NAME, landline::GET_NAME] {
        let Some(ours) = find(name) else {
            verdicts.push(Verdict { what: format!("{name}: not measured"), kept: false });
            continue;
        };
        verdicts.push(ratio(name, ours, "pipe", pipe, OF_PIPE));
        verdicts.push(ratio(name, ours, "scp", scp, OF_SCP));
        for (end, peak) in [("client", ours.client_peak), ("server", ours.server_peak)] {
            let (found, limit) = (peak.div_ceil(1 << 20), PEAK >> 20);
            let what = format!("{name}: {end} peaks at {found} MiB, at most {limit} allowed");
            verdicts.push(Verdict { what, kept: peak <= PEAK });
        }
    }
    verdicts
}

fn ratio(name: &str, ours: &Measured, base: &str, theirs: Option<&Measured>, required: f64) -> Verdict {
    let Some(theirs) = theirs else {
        return Verdict { what: format!("{name}: no {base} to compare with"), kept: false };
    };
    let found = ours.rate.median / theirs.rate.median;
    Verdict { what: format!("{name}: {found:.2} x {base}, at least {required:.2} required"), kept: found >= required }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Sample, Usage};
    use crate::series::Outcome;

    fn row(name: &'static str, seconds: f64, peak: u64) -> Row {
        let usage = Usage { cpu_seconds: 1.0, peak };
        let samples = vec![Sample { seconds, client: usage, server: usage }];
        let outcome = Outcome::Measured(Measured::of(1_000_000_000, samples).unwrap());
        Row { name, security: "", medium: Medium::Memory, outcome }
    }

    fn kept(put: f64, peak: u64) -> bool {
        let rows = [
            row(pipe::NAME, 1.0, 0),
            row(scp::NAME, 4.0, 0),
            row(landline::PUT_NAME, put, peak),
            row(landline::GET_NAME, 1.5, 1),
        ];
        judge(&rows).iter().all(|verdict| verdict.kept)
    }

    #[test]
    fn keeps_to_each_limit_and_no_further() {
        assert!(kept(1.8, PEAK));
        assert!(!kept(1.9, PEAK), "0.53 of pipe");
        assert!(!kept(1.8, PEAK + 1));
    }

    #[test]
    fn what_was_not_measured_is_not_kept() {
        assert!(judge(&[]).iter().all(|verdict| !verdict.kept));
        let alone = [row(landline::PUT_NAME, 1.0, 1), row(landline::GET_NAME, 1.0, 1)];
        assert!(judge(&alone).iter().any(|verdict| !verdict.kept));
    }
}
