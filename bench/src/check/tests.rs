use super::*;
use crate::contender::Medium;
use crate::measure::{Sample, Usage};
use crate::series::Outcome;
use crate::stats::Spread;

const MIB: u64 = 1 << 20;

fn row(name: &'static str, seconds: f64, cpu_seconds: f64, peak: u64) -> Row {
    let usage = Usage { cpu_seconds, peak };
    let samples = vec![Sample { seconds, client: usage, server: usage, wire: None }];
    let outcome = Outcome::Measured(Measured::of(1.0, samples).unwrap());
    Row { name, security: "", medium: Medium::Memory, outcome }
}

fn kept(verdicts: &[Verdict]) -> bool {
    verdicts.iter().all(|verdict| verdict.kept)
}

#[test]
fn one_big_file_keeps_to_each_limit_and_no_further() {
    let judge = |put: f64, cpu: f64, peak: u64| {
        kept(&big(&[
            row(pipe::NAME, 1.0, 0.0, 0),
            row(nc::NAME, 1.17, 0.0, 0),
            row(scp::NAME, 3.53, 1.0, 0),
            row(PUT_NAME, put, cpu, peak),
            row(GET_NAME, 1.0, 0.1, 1),
        ]))
    };
    assert!(judge(1.17, 0.4, 32 * MIB));
    assert!(!judge(1.18, 0.4, 32 * MIB), "0.847 of pipe, 0.99 of nc, 2.99 of scp");
    assert!(!judge(1.17, 0.41, 32 * MIB));
    assert!(!judge(1.17, 0.4, 32 * MIB + 1));
}

#[test]
fn trees_keep_to_each_limit_and_no_further() {
    let with = |base, theirs, put| [row(base, theirs, 0.0, 0), row(PUT_NAME, put, 0.0, 0), row(GET_NAME, 0.1, 0.0, 0)];
    assert!(kept(&small(&with(cp::NAME, 1.0, 1.25))));
    assert!(!kept(&small(&with(cp::NAME, 1.0, 1.26))));
    assert!(kept(&again(&with(rsync::SSH_NAME, 1.0, 0.5))));
    assert!(!kept(&again(&with(rsync::SSH_NAME, 1.0, 0.51))));
    assert!(kept(&delay(&with(raw::NAME, 0.9, 0.99), "")));
    assert!(!kept(&delay(&with(raw::NAME, 0.9, 1.01), "")));
    let peak = |peak| [row(PUT_NAME, 1.0, 0.0, peak), row(GET_NAME, 1.0, 0.0, 1)];
    assert!(kept(&many(&peak(63 * MIB))));
    assert!(!kept(&many(&peak(64 * MIB))), "under 64 MiB");
}

#[test]
fn a_resumed_transfer_keeps_to_each_limit_and_no_further() {
    let row = |name, extra_cpu: f64, wire: f64| {
        let one = |figure| Spread::of([figure]).unwrap();
        let zero = one(0.0);
        let resumed = Resumed {
            whole: zero,
            second: zero,
            extra: zero,
            cut_at: zero,
            extra_cpu: one(extra_cpu),
            wire: one(wire),
            trials: Vec::new(),
        };
        Row { name, security: "", medium: Medium::Memory, outcome: Outcome::Measured(resumed) }
    };
    let judge = |rsync: f64, extra_cpu: f64, wire: f64| {
        kept(&super::resume(&[
            row(resume::RSYNC_DAEMON, rsync, 1.0),
            row(resume::PUT, extra_cpu, wire),
            row(resume::PUT_SERVER, -0.1, 1.0),
            row(resume::GET, -0.1, 1.0),
        ]))
    };
    assert!(judge(1.0, 0.4, 1.005));
    assert!(!judge(1.0, 0.41, 1.005));
    assert!(!judge(1.0, 0.4, 1.0051));
    assert!(!judge(-1.0, 0.1, 1.0), "no bargain from noise");
}

#[test]
fn what_was_not_measured_is_not_kept() {
    let alone = [row(PUT_NAME, 1.0, 0.0, 1), row(GET_NAME, 1.0, 0.0, 1)];
    for judge in [big, small, again, many, |rows: &[Row]| delay(rows, "")] {
        assert!(judge(&[]).iter().all(|verdict| !verdict.kept));
    }
    for judge in [big, small, again, |rows: &[Row]| delay(rows, "")] {
        assert!(judge(&alone).iter().any(|verdict| !verdict.kept));
    }
    assert!(super::resume(&[]).iter().all(|verdict| !verdict.kept));
}
