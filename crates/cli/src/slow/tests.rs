use landline_net::TcpInfo;

use super::*;

const SECOND: u64 = 1000;

fn put() -> Evidence {
    let line = LineLoad { sent: 1 << 30, ..LineLoad::default() };
    Evidence {
        way: Way::Away,
        took: Duration::from_secs(10),
        moved: 1 << 30,
        limit: 0,
        ours: LoadMsg { disk: SECOND, hash: SECOND, sync: 0 },
        theirs: Some(LoadMsg { disk: SECOND, hash: 0, sync: 0 }),
        line,
    }
}

fn get() -> Evidence {
    Evidence { way: Way::Here, ..put() }
}

fn says(evidence: &Evidence) -> String {
    words(&weigh(evidence), evidence.way, "desk").remove(0)
}

#[test]
fn each_part_is_named_when_it_worked_while_the_others_waited() {
    let waits = |ms| LineLoad { send_wait: Duration::from_millis(ms), ..put().line };
    let disk = |disk, sync| LoadMsg { disk, hash: 0, sync };
    let full = TcpInfo { rwnd_limited: Some(Duration::from_secs(7)), ..TcpInfo::default() };
    let cases = [
        (Evidence { ours: disk(9000, 0), ..put() }, "this machine's disk: it was reading 90 % of the time"),
        (
            Evidence { ours: LoadMsg { disk: 0, hash: 8000, sync: 0 }, ..put() },
            "hashing: a processor was busy with it 80 % of the time",
        ),
        (
            Evidence { line: LineLoad { sealing: Duration::from_secs(6), ..put().line }, ..put() },
            "encryption: this machine's processor was busy with it 60 % of the time",
        ),
        (
            Evidence { theirs: Some(disk(8300, 0)), line: waits(9000), ..put() },
            "the disk of desk: it was writing 83 % of the time",
        ),
        (
            Evidence { theirs: Some(disk(2000, 6000)), line: waits(9000), ..put() },
            "the disk of desk: it was making durable 80 % of the time",
        ),
        (Evidence { line: waits(9500), ..put() }, "the line to desk: it took nothing 95 % of the time"),
        (
            Evidence { line: LineLoad { tcp: Some(full), ..waits(9500) }, ..put() },
            "desk: it had no room for more bytes 70 % of the time, though its disk had time",
        ),
        (Evidence { limit: 110 << 20, ..put() }, "the limit that was asked for"),
    ];
    for (evidence, words) in cases {
        assert_eq!(says(&evidence), format!("held up by {words}"));
    }
}

#[test]
fn of_a_copy_to_here_the_other_end_s_disk_is_the_source() {
    let comes = |ms| LineLoad { receive_wait: Duration::from_millis(ms), ..put().line };
    let theirs = Some(LoadMsg { disk: 7000, hash: 100, sync: 0 });
    let cases = [
        (Evidence { theirs, line: comes(9000), ..get() }, "the disk of desk: it was reading 70 % of the time"),
        (
            Evidence { ours: LoadMsg { disk: 6000, hash: 0, sync: 1000 }, ..get() },
            "this machine's disk: it was writing 70 % of the time",
        ),
        (
            Evidence { theirs: None, line: comes(9000), ..get() },
            "desk or the line to it: nothing came 90 % of the time",
        ),
        (
            Evidence { line: comes(9000), ..get() },
            "the line to desk: nothing came 90 % of the time, though its disk had time",
        ),
    ];
    for (evidence, words) in cases {
        assert_eq!(says(&evidence), format!("held up by {words}"));
    }
}

#[test]
fn nothing_is_said_of_what_was_short_or_even() {
    let short = Evidence { took: Duration::from_millis(20), ours: LoadMsg { disk: 19, ..put().ours }, ..put() };
    assert_eq!(weigh(&short).by, None);
    assert_eq!(weigh(&put()).by, None, "three parts with a tenth of the time each");
    assert_eq!(weigh(&Evidence { took: Duration::ZERO, ..put() }).by, None);
}

#[test]
fn programs_get_shares_and_what_the_network_did() {
    let tcp = TcpInfo {
        rtt: Some(Duration::from_micros(48_300)),
        retransmits: Some(12),
        lost: Some(1),
        delivery_rate: Some(5_000_000),
        ..TcpInfo::default()
    };
    let line = LineLoad { tcp: Some(tcp), send_wait: Duration::from_secs(9), ..put().line };
    let slow = weigh(&Evidence { line, ..put() });
    let json = serde_json::to_string(&slow).unwrap();
    assert_eq!(
        json,
        r#"{"by":"link","share":0.9,"source_disk":0.1,"hash":0.1,"cipher":0.0,"link":0.9,"window":null,"destination_disk":0.1,"sync":0.0,"rtt_ms":48.3,"retransmits":12,"lost":1,"delivery_rate":5000000}"#
    );
    let lines = words(&slow, Way::Away, "desk");
    assert_eq!(lines.last().unwrap(), "line: round trip 48.3 ms, 12 segments sent again, 1 lost");
    assert!(lines[1].starts_with("busy: reading 10 %, hash 10 %, cipher 0 %, line 90 %, writing 10 %"), "{lines:?}");
}
