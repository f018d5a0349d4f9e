//! The table of calls: a heading, and a line each.

use std::time::Duration;

use landline_services::admin::CallRow;
use landline_wire::shown;

use crate::units;

/// Columns of a user's or a machine's name.
const MOST_NAME: usize = 20;
/// Columns that what a call does is not cut below.
const LEAST_DOING: usize = 16;
/// Letters of a fingerprint that tell the machines of one server apart: two groups.
const SHORT: usize = 9;
/// Whose columns stand to the right.
const NUMBERS: [bool; COLUMNS] = [true, false, false, false, false, true, true, true, true, true];
const COLUMNS: usize = 10;
const HEADING: [&str; COLUMNS] =
    ["CALL", "USER", "MACHINE", "FROM", "SERVICE", "FOR", "IN", "IN NOW", "OUT", "OUT NOW"];

/// `now`: milliseconds since 1970. `width`: columns of the screen, to which what a call does is cut.
pub(super) fn lines(calls: &[CallRow], now: u64, width: Option<usize>) -> Vec<String> {
    let rows: Vec<[String; COLUMNS]> =
        std::iter::once(HEADING.map(str::to_owned)).chain(calls.iter().map(|call| cells(call, now))).collect();
    let doings = std::iter::once("DOING".to_owned()).chain(calls.iter().map(|call| shown(&call.doing).to_string()));
    let widths = rows.iter().fold([0; COLUMNS], |mut widest: [usize; COLUMNS], row| {
        widest.iter_mut().zip(row).for_each(|(most, cell)| *most = (*most).max(cell.chars().count()));
        widest
    });
    let taken: usize = widths.iter().map(|width| width + 2).sum();
    let room = width.map(|width| width.saturating_sub(taken).max(LEAST_DOING));
    let line = |(row, doing): (&[String; COLUMNS], String)| {
        let cells = row.iter().zip(widths).zip(NUMBERS).map(|((cell, width), is_number)| {
            if is_number { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") }
        });
        cells.chain([cut(&doing, room)]).collect()
    };
    rows.iter().zip(doings).map(line).collect()
}

fn cells(call: &CallRow, now: u64) -> [String; COLUMNS] {
    let age = Duration::from_secs(now.saturating_sub(call.begun) / 1000);
    let name =
        |text: &str| if text.is_empty() { "-".to_owned() } else { cut(&shown(text).to_string(), Some(MOST_NAME)) };
    let machine = match &call.fingerprint {
        Some(print) => format!("{} {}", name(&call.label), print.get(..SHORT).unwrap_or(print)),
        None => "-".to_owned(),
    };
    let rate = |rate: u64| units::speed(rate as f64);
    [
        call.call.to_string(),
        name(&call.user),
        machine,
        call.from.clone(),
        name(&call.service),
        units::coarse(age),
        units::bytes(call.bytes_in),
        rate(call.rate_in),
        units::bytes(call.bytes_out),
        rate(call.rate_out),
    ]
}

/// At most so many characters, the last of which then says that there were more.
fn cut(text: &str, room: Option<usize>) -> String {
    match room {
        Some(room) if text.chars().count() > room => text.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
        Some(_) | None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(doing: &str) -> CallRow {
        CallRow {
            call: 7,
            user: "friends".to_owned(),
            label: "lap\u{1b}top".to_owned(),
            fingerprint: Some("7jws-6afn-vyze-nfed-5ipb-n6nj-2j5f-7a7m".to_owned()),
            from: "192.0.2.7:40000".to_owned(),
            service: "files".to_owned(),
            begun: 1000,
            doing: doing.to_owned(),
            bytes_in: 5 << 20,
            bytes_out: 10,
            rate_in: 1 << 20,
            rate_out: 0,
        }
    }

    #[test]
    fn a_call_is_a_line_and_nothing_in_it_acts_on_the_screen() {
        let lines = lines(&[call("put a\n.txt")], 62_000, None);
        assert_eq!(lines[0].split_whitespace().next(), Some("CALL"));
        let cells: Vec<&str> = lines[1].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        let expected = [
            "7",
            "friends",
            "lap\\u{1b}top 7jws-6afn",
            "192.0.2.7:40000",
            "files",
            "1 min 1 s",
            "5.0 MiB",
            "1.0 MiB/s",
            "10 B",
            "0 B/s",
            "put a\\n.txt",
        ];
        assert_eq!(cells, expected);
    }

    #[test]
    fn a_narrow_screen_cuts_what_is_done_and_no_further_than_that_says_anything() {
        let lines = lines(&[call(&"x".repeat(300))], 0, Some(40));
        assert!(lines[1].ends_with(&("x".repeat(15) + "…")), "{}", lines[1]);
    }
}
