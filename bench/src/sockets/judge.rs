//! The ratios that raw sockets must reach, within one run. What was not measured is not kept.

use super::{ASYNCIO, LANDLINE, SOCAT, TOKIO, UDP_ECHO, accepts, echo, idle, relay, udp};
use crate::check::{Verdict, at_least, at_most, find, missing};
use crate::series::Row;

/// Answers a second of the bare loop's, at least.
const OF_LOOP: f64 = 0.95;
/// CPU an answer of the bare loop's, at most.
const CPU_OF_LOOP: f64 = 1.0 / 0.95;
/// The 99th percentile of the bare loop's, at most.
const P99_OF_LOOP: f64 = 1.05;
/// Times the answers of asyncio, at least.
const OF_ASYNCIO: f64 = 3.0;
/// Of socat's bytes a second, at least.
const RELAY_OF_SOCAT: f64 = 1.0;
/// Of socat's CPU a byte, at most.
const RELAY_CPU_OF_SOCAT: f64 = 0.5;
/// KiB of a silent connection, at most.
pub(super) const PLAIN_KIB: f64 = 4.0;
/// The same with TLS.
pub(super) const TLS_KIB: f64 = 11.0;
/// Connections made and closed a second, at least.
const ACCEPTS: f64 = 20_000.0;

/// Ping-pong.
pub(super) fn echo(rows: &[Row<echo::Reached>]) -> Vec<Verdict> {
    let Some(ours) = find(rows, LANDLINE) else { return vec![missing(LANDLINE)] };
    let (base, asyncio) = (find(rows, TOKIO), find(rows, ASYNCIO));
    vec![
        at_least(LANDLINE, ours.rate.median, TOKIO, base.map(|base| base.rate.median), OF_LOOP),
        at_most(LANDLINE, ours.cpu.median, "the CPU of tokio echo", base.map(|base| base.cpu.median), CPU_OF_LOOP),
        at_most(LANDLINE, ours.p99.median, "the p99 of tokio echo", base.map(|base| base.p99.median), P99_OF_LOOP),
        at_least(LANDLINE, ours.rate.median, ASYNCIO, asyncio.map(|asyncio| asyncio.rate.median), OF_ASYNCIO),
    ]
}

/// Datagrams, from so many sockets.
pub(super) fn udp(rows: &[Row<udp::Reached>], sockets: usize) -> Vec<Verdict> {
    let name = format!("{LANDLINE}, {sockets} sockets");
    let Some(ours) = find(rows, LANDLINE) else { return vec![missing(&name)] };
    let base = find(rows, UDP_ECHO);
    vec![
        at_least(&name, ours.rate.median, UDP_ECHO, base.map(|base| base.rate.median), OF_LOOP),
        at_most(&name, ours.cpu.median, "the CPU of udp echo", base.map(|base| base.cpu.median), CPU_OF_LOOP),
        Verdict { what: format!("{name}: {} lost, none allowed", ours.lost), kept: ours.lost == 0 },
    ]
}

/// A relay of bytes.
pub(super) fn relay(rows: &[Row<relay::Reached>]) -> Vec<Verdict> {
    let Some(ours) = find(rows, LANDLINE) else { return vec![missing(LANDLINE)] };
    let base = find(rows, SOCAT);
    vec![
        at_least(LANDLINE, ours.rate.median, SOCAT, base.map(|base| base.rate.median), RELAY_OF_SOCAT),
        at_most(LANDLINE, ours.cpu.median, "the CPU of socat", base.map(|base| base.cpu.median), RELAY_CPU_OF_SOCAT),
    ]
}

/// Silent connections, which may take so much each.
pub(super) fn idle(rows: &[Row<idle::Taken>], limit: f64) -> Vec<Verdict> {
    let Some(ours) = find(rows, LANDLINE) else { return vec![missing(LANDLINE)] };
    let found = ours.kib.median;
    let what = format!("{LANDLINE}: {found:.2} KiB a silent connection, at most {limit:.0} allowed");
    vec![Verdict { what, kept: found <= limit }]
}

/// Connections made and closed.
pub(super) fn accepts(rows: &[Row<accepts::Reached>]) -> Vec<Verdict> {
    let Some(ours) = find(rows, LANDLINE) else { return vec![missing(LANDLINE)] };
    let (found, base) = (ours.rate.median, find(rows, TOKIO));
    let what = format!("{LANDLINE}: {found:.0} connections a second, at least {ACCEPTS:.0} required");
    vec![
        Verdict { what, kept: found >= ACCEPTS },
        at_least(LANDLINE, found, TOKIO, base.map(|base| base.rate.median), OF_LOOP),
    ]
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

    fn kept(verdicts: &[Verdict]) -> bool {
        verdicts.iter().all(|verdict| verdict.kept)
    }

    #[test]
    fn echo_keeps_to_each_limit_and_no_further() {
        let row = |name, rate, cpu, p99| {
            row(name, echo::Reached { rate: same(rate), cpu: same(cpu), p50: same(1.0), p99: same(p99) })
        };
        let judge = |rate, cpu, p99| {
            kept(&echo(&[row(TOKIO, 100.0, 1.0, 100.0), row(ASYNCIO, 31.0, 9.0, 9.0), row(LANDLINE, rate, cpu, p99)]))
        };
        assert!(judge(95.0, 1.05, 105.0));
        assert!(!judge(94.0, 1.05, 105.0) && !judge(95.0, 1.06, 105.0) && !judge(95.0, 1.05, 106.0));
        assert!(!kept(&echo(&[row(TOKIO, 1.0, 1.0, 1.0)])), "nothing measured is nothing kept");
    }

    #[test]
    fn datagrams_may_not_be_lost() {
        let row = |name, lost| row(name, udp::Reached { rate: same(1.0), cpu: same(1.0), lost });
        assert!(kept(&udp(&[row(UDP_ECHO, 5), row(LANDLINE, 0)], 1)));
        assert!(!kept(&udp(&[row(UDP_ECHO, 0), row(LANDLINE, 1)], 1)));
    }
}
