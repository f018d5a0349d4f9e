//! Slow: what held a copy up, from its counters.
//!
//! In: how long each end was busy with what, and how the line did. Out: the part that was busy longest while the others
//! waited for it, in words for people and numbers for programs. Pure.
//! A share is a part of the time from the first request until all was durable. Parts work at the same time, so shares
//! don't add up to one; the part that is the bottleneck has the largest.

use std::time::Duration;

use landline_services::files::msg::LoadMsg;
use landline_services::files::watch::{LineLoad, Stage, Watch};
use serde::Serialize;

pub(crate) mod stall;
mod words;

pub(crate) use words::words;

/// Shorter copies are over before anything can be said of them.
const SHORTEST: Duration = Duration::from_millis(200);
/// A part that was busy for a smaller share held nobody up by itself.
const LEAST: f64 = 0.3;
/// A rate that comes so close to the limit was made by it.
const AT_LIMIT: f64 = 0.8;

/// Which way the bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From here to there.
    Away,
    /// From there to here.
    Here,
}

/// What was counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence {
    pub(crate) way: Way,
    /// How long the copy took, without dialling.
    pub(crate) took: Duration,
    /// Bytes of content that moved.
    pub(crate) moved: u64,
    /// Bytes a second that were asked for at most; 0 for no limit.
    pub(crate) limit: u64,
    pub(crate) ours: LoadMsg,
    /// What the other end told of itself; none before it has told.
    pub(crate) theirs: Option<LoadMsg>,
    pub(crate) line: LineLoad,
}

impl Evidence {
    /// What `watch` has counted until now.
    pub(crate) fn of(watch: &Watch, way: Way, limit: u64) -> Self {
        let millis = |stage| u64::try_from(watch.busy(stage).as_millis()).unwrap_or(u64::MAX);
        Self {
            way,
            took: watch.copying(),
            moved: watch.summary().moved,
            limit,
            ours: LoadMsg { disk: millis(Stage::Disk), hash: millis(Stage::Hash), sync: millis(Stage::Sync) },
            theirs: watch.theirs(),
            line: watch.line(),
        }
    }
}

/// A part of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// The disk that is read.
    SourceDisk,
    /// Hashing, at the end that does more of it.
    Hash,
    /// Encrypting or decrypting at this end.
    Cipher,
    /// The network.
    Link,
    /// The room for bytes on their way: the other end's receive window, or this end's send buffer.
    Window,
    /// The disk that is written, syncing among it.
    DestinationDisk,
    /// `--limit`.
    Limit,
    /// The network or the other end, which did not tell.
    LinkOrSource,
}

/// What held a copy up, for programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Slow {
    /// None if nothing stands out.
    pub(crate) by: Option<Part>,
    /// Of that part.
    pub(crate) share: Option<f64>,
    source_disk: Option<f64>,
    hash: f64,
    cipher: f64,
    link: f64,
    window: Option<f64>,
    destination_disk: Option<f64>,
    /// Of the destination disk's share: making durable.
    sync: Option<f64>,
    rtt_ms: Option<f64>,
    retransmits: Option<u32>,
    lost: Option<u32>,
    /// Bytes a second that lately arrived at the other end.
    delivery_rate: Option<u64>,
}

/// Weighs the evidence.
pub(crate) fn weigh(evidence: &Evidence) -> Slow {
    let Evidence { way, took, ours, theirs, line, .. } = evidence;
    let share = |time: Duration| round(time.as_secs_f64() / took.as_secs_f64().max(f64::MIN_POSITIVE));
    let millis = |ms: u64| share(Duration::from_millis(ms));
    let disk = |load: &LoadMsg| millis(load.disk.saturating_add(load.sync));
    let (source, destination) = match way {
        Way::Away => (Some(millis(ours.disk)), *theirs),
        Way::Here => (theirs.map(|load| millis(load.disk)), Some(*ours)),
    };
    let waited = if *way == Way::Away { line.send_wait } else { line.receive_wait };
    let crypt = if *way == Way::Away { line.sealing } else { line.opening };
    let tcp = line.tcp.unwrap_or_default();
    let full = tcp.rwnd_limited.max(tcp.sndbuf_limited).filter(|_| *way == Way::Away);
    let mut slow = Slow {
        by: None,
        share: None,
        source_disk: source,
        hash: millis(ours.hash.max(theirs.map_or(0, |load| load.hash))),
        cipher: share(crypt),
        link: share(waited),
        window: full.map(share),
        destination_disk: destination.as_ref().map(disk),
        sync: destination.map(|load| millis(load.sync)),
        rtt_ms: tcp.rtt.map(|rtt| (rtt.as_secs_f64() * 1e6).round() / 1e3),
        retransmits: tcp.retransmits,
        lost: tcp.lost,
        delivery_rate: tcp.delivery_rate,
    };
    if let Some((by, share)) = bottleneck(evidence, &slow) {
        (slow.by, slow.share) = (Some(by), Some(share));
    }
    slow
}

/// Who works without a pause is who the others wait for. The line waits for everybody, so it is looked at last.
fn bottleneck(evidence: &Evidence, slow: &Slow) -> Option<(Part, f64)> {
    if evidence.took < SHORTEST {
        return None;
    }
    let rate = evidence.moved as f64 / evidence.took.as_secs_f64();
    if evidence.limit > 0 && rate >= AT_LIMIT * evidence.limit as f64 {
        return Some((Part::Limit, round(rate / evidence.limit as f64)));
    }
    let works = [
        (Part::SourceDisk, slow.source_disk.unwrap_or(0.0)),
        (Part::Hash, slow.hash),
        (Part::Cipher, slow.cipher),
        (Part::DestinationDisk, slow.destination_disk.unwrap_or(0.0)),
    ];
    let busiest = works.into_iter().max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let window = slow.window.unwrap_or(0.0);
    let waits = match evidence.way {
        // A full window is a part of the waiting, and says more.
        Way::Away if window >= slow.link / 2.0 && window > 0.0 => (Part::Window, window),
        Way::Here if evidence.theirs.is_none() => (Part::LinkOrSource, slow.link),
        Way::Away | Way::Here => (Part::Link, slow.link),
    };
    // Half the time at work outweighs any waiting: what was waited for was that work.
    let first = if busiest.1 >= 0.5 || busiest.1 >= waits.1 { busiest } else { waits };
    (first.1 >= LEAST).then_some(first)
}

/// Two digits behind the point: more is noise. Clocks of several threads may come to more than the time that passed.
fn round(share: f64) -> f64 {
    ((share * 100.0).round() / 100.0).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
