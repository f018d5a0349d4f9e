//! What held a copy up, in words.

use super::{Part, Slow, Way};
use crate::units;

/// Lines for a person. `name`: what the other machine is called.
pub(crate) fn words(slow: &Slow, way: Way, name: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(by), Some(share)) = (slow.by, slow.share) {
        lines.push(format!("held up by {}", reason(by, share, slow, way, name)));
    }
    let shares = [
        ("reading", slow.source_disk),
        ("hash", Some(slow.hash)),
        ("cipher", Some(slow.cipher)),
        ("line", Some(slow.link)),
        ("window", slow.window),
        ("writing", slow.destination_disk),
    ];
    let known = shares.iter().filter_map(|(what, share)| Some(format!("{what} {}", percent((*share)?))));
    lines.push(format!("busy: {}", known.collect::<Vec<_>>().join(", ")));
    if let Some(rtt) = slow.rtt_ms {
        let lost = slow.lost.unwrap_or(0);
        let again = units::count(slow.retransmits.unwrap_or(0).into(), "segment");
        lines.push(format!("line: round trip {rtt} ms, {again} sent again, {lost} lost"));
    }
    lines
}

fn reason(by: Part, share: f64, slow: &Slow, way: Way, name: &str) -> String {
    let share = percent(share);
    let (source, destination) = match way {
        Way::Away => ("this machine's disk".to_owned(), format!("the disk of {name}")),
        Way::Here => (format!("the disk of {name}"), "this machine's disk".to_owned()),
    };
    match by {
        Part::SourceDisk => format!("{source}: it was reading {share} of the time"),
        Part::Hash => format!("hashing: a processor was busy with it {share} of the time"),
        Part::Cipher => format!("encryption: this machine's processor was busy with it {share} of the time"),
        Part::Link if way == Way::Away => format!("the line to {name}: it took nothing {share} of the time"),
        Part::Link => format!("the line to {name}: nothing came {share} of the time, though its disk had time"),
        Part::LinkOrSource => format!("{name} or the line to it: nothing came {share} of the time"),
        Part::Window => format!("{name}: it had no room for more bytes {share} of the time, though its disk had time"),
        Part::DestinationDisk => {
            let all = slow.destination_disk.unwrap_or(0.0);
            let sync = slow.sync.unwrap_or(0.0);
            let what = if sync > all / 2.0 { "making durable" } else { "writing" };
            format!("{destination}: it was {what} {share} of the time")
        }
        Part::Limit => "the limit that was asked for".to_owned(),
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
