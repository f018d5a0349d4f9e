//! The table a person reads: rows of [`Row`], ratios within this run, plain text of aligned columns.

use crate::contender::Medium;
use crate::landline::calls::Calls;
use crate::pipe;
use crate::rivals::scp;
use crate::series::{Measured, Outcome, Row};
use crate::stats::Spread;

const HEADINGS: [&str; 7] =
    ["what", "GB/s (min-max)", "x pipe", "x scp", "CPU s/GB (client + server)", "peak MiB client / server", "security"];

/// The rows of `medium`; ratios to the pipeline of the same medium, and to scp (which runs in memory only).
pub(crate) fn render(rows: &[Row], medium: Medium) -> String {
    let pipe = rate_of(rows, if medium == Medium::Disk { pipe::DISK_NAME } else { pipe::NAME });
    let scp = if medium == Medium::Memory { rate_of(rows, scp::NAME) } else { None };
    let mut cells: Vec<Vec<String>> = vec![HEADINGS.map(str::to_owned).to_vec()];
    let mut notes = Vec::new();
    for row in rows.iter().filter(|row| row.medium == medium) {
        match &row.outcome {
            Outcome::Measured(measured) => cells.push(measured_cells(row, measured, pipe, scp)),
            Outcome::Absent(why) => cells.push(vec![row.name.to_owned(), why.clone()]),
            Outcome::Failed(why) => {
                cells.push(vec![row.name.to_owned(), "FAILED".to_owned()]);
                notes.push(format!("{}: FAILED: {why}", row.name));
            }
        }
    }
    let mut text = align(&cells);
    for note in notes {
        text.push_str(&note);
        text.push('\n');
    }
    text
}

/// One line on calls.
pub(crate) fn render_calls(calls: &Calls) -> String {
    let spread = |found: Spread| format!("{:.2} ms ({:.2}-{:.2})", found.median, found.least, found.greatest);
    format!(
        "calls, dial to first answer: first of a process {} over {}, further {} over {}",
        spread(calls.first),
        calls.firsts,
        spread(calls.further),
        calls.furthers
    )
}

fn rate_of(rows: &[Row], name: &str) -> Option<f64> {
    rows.iter().find(|row| row.name == name)?.measured().map(|measured| measured.rate.median)
}

fn measured_cells(row: &Row, measured: &Measured, pipe: Option<f64>, scp: Option<f64>) -> Vec<String> {
    let rate = measured.rate;
    let ratio = |base: Option<f64>| base.map_or_else(|| "-".to_owned(), |base| format!("{:.2}", rate.median / base));
    vec![
        row.name.to_owned(),
        format!("{:.3} ({:.3}-{:.3})", rate.median, rate.least, rate.greatest),
        ratio(pipe),
        ratio(scp),
        format!("{:.2} ({:.2} + {:.2})", measured.cpu(), measured.client_cpu, measured.server_cpu),
        format!("{} / {}", mebibytes(measured.client_peak), mebibytes(measured.server_peak)),
        row.security.to_owned(),
    ]
}

/// Rounded up: a limit is kept or it is not.
fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// A row with two cells is a name and a remark, which widens no column.
fn align(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let whole = rows.iter().filter(|row| column == 0 || row.len() > 2);
        whole.filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Sample, Usage};

    fn row(name: &'static str, seconds: f64) -> Row {
        let usage = Usage { cpu_seconds: 1.0, peak: (5 << 20) + 1 };
        let samples = vec![Sample { seconds, client: usage, server: usage }];
        let outcome = Outcome::Measured(Measured::of(2_000_000_000, samples).unwrap());
        Row { name, security: "none", medium: Medium::Memory, outcome }
    }

    #[test]
    fn shows_rates_and_ratios_within_the_run() {
        let rows = [row(pipe::NAME, 2.0), row(scp::NAME, 8.0), row("x", 4.0)];
        let text = render(&rows, Medium::Memory);
        let line = text.lines().find(|line| line.starts_with("x ")).unwrap();
        let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(cells, ["x", "0.500 (0.500-0.500)", "0.50", "2.00", "1.00 (0.50 + 0.50)", "6 / 6", "none"]);
    }

    #[test]
    fn says_why_a_row_has_no_figures() {
        let absent = Row {
            name: "nc",
            security: "",
            medium: Medium::Memory,
            outcome: Outcome::Absent("nc is not installed".to_owned()),
        };
        let failed =
            Row { outcome: Outcome::Failed("it bit".to_owned()), name: "scp", security: "", medium: Medium::Memory };
        let text = render(&[row("x", 1.0), absent, failed], Medium::Memory);
        assert!(text.contains("nc is not installed"));
        assert!(text.contains("scp: FAILED: it bit"));
        assert!(text.lines().any(|line| line.starts_with("x ") && line.contains(" -  ")), "no pipe, no ratio:\n{text}");
    }
}
