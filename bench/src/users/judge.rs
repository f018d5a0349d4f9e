//! What users must find, within one run. What was not measured is not kept.

use super::fair::{self, GET_ONE, GET_TEN, PUT_METERED, PUT_ONE, PUT_TEN};
use super::shell::{self, LS, STAT};
use crate::check::{Verdict, at_least, find, missing};
use crate::series::Row;

/// Of one user's throughput, all together, at least.
const OF_ONE: f64 = 0.9;
/// How far a user may be from the mean, in percent of it.
const DEVIATION: f64 = 20.0;
/// Milliseconds of a command in the shell, the median, at most.
const ANSWER_MS: f64 = 3.0;

/// Ten at once beside one.
pub(super) fn fair(rows: &[Row<fair::Reached>]) -> Vec<Verdict> {
    let pairs = [(PUT_TEN, PUT_ONE), (PUT_METERED, PUT_ONE), (GET_TEN, GET_ONE)].into_iter();
    pairs
        .flat_map(|(name, base)| {
            let Some(ours) = find(rows, name) else { return vec![missing(name)] };
            let found = ours.deviation.median;
            let what = format!("{name}: the farthest is {found:.1} % from the mean, at most {DEVIATION:.0} allowed");
            vec![
                at_least(name, ours.rate.median, base, find(rows, base).map(|base| base.rate.median), OF_ONE),
                Verdict { what, kept: found <= DEVIATION },
            ]
        })
        .collect()
}

/// The shell's answers.
pub(super) fn shell(rows: &[Row<shell::Reached>]) -> Vec<Verdict> {
    let judge = |name| {
        let Some(ours) = find(rows, name) else { return missing(name) };
        let (found, p99) = (ours.p50.median, ours.p99.median);
        let what = format!("{name}: {found:.3} ms, 99 % within {p99:.3} ms; a median of {ANSWER_MS:.0} ms allowed");
        Verdict { what, kept: found <= ANSWER_MS }
    };
    [STAT, LS].into_iter().map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::Medium;
    use crate::series::Outcome;
    use crate::stats::Spread;

    fn row<M>(name: &'static str, measured: M) -> Row<M> {
        Row { name, security: "", medium: Medium::Memory, outcome: Outcome::Measured(measured) }
    }

    fn same(figure: f64) -> Spread {
        Spread { median: figure, least: figure, greatest: figure }
    }

    fn kept(verdicts: &[Verdict]) -> Vec<bool> {
        verdicts.iter().map(|verdict| verdict.kept).collect()
    }

    fn shares(name: &'static str, rate: f64, deviation: f64) -> Row<fair::Reached> {
        let found = fair::Reached {
            rate: same(rate),
            deviation: same(deviation),
            whole: same(rate),
            window_seconds: 1.0,
            client_cpu: 1.0,
            server_cpu: 1.0,
            users: Vec::new(),
        };
        row(name, found)
    }

    #[test]
    fn ten_keep_to_nine_tenths_and_to_a_fifth_from_the_mean_and_no_further() {
        let rows = [
            shares(PUT_ONE, 100.0, 0.0),
            shares(PUT_TEN, 90.0, 20.0),
            shares(PUT_METERED, 89.9, 20.0),
            shares(GET_ONE, 200.0, 0.0),
            shares(GET_TEN, 180.0, 20.1),
        ];
        assert_eq!(kept(&fair(&rows)), [true, true, false, true, true, false]);
    }

    #[test]
    fn nothing_measured_is_nothing_kept() {
        assert_eq!(kept(&fair(&[])), [false; 3]);
        assert_eq!(kept(&fair(&[shares(PUT_TEN, 90.0, 1.0)])), [false, true, false, false], "nothing to compare with");
        assert_eq!(kept(&shell(&[])), [false; 2]);
    }

    #[test]
    fn the_median_answer_is_judged() {
        let answers =
            |name, p50| row(name, shell::Reached { p50: same(p50), p99: same(9.0), greatest: 9.0, answers: 500 });
        assert_eq!(kept(&shell(&[answers(STAT, 3.0), answers(LS, 3.01)])), [true, false]);
    }
}
