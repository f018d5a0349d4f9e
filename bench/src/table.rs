//! The tables a person reads: plain text of aligned columns, figures as medians with their spread.

use crate::landline::calls::Calls;
use crate::series::{Outcome, Row};
use crate::stats::Spread;

/// A table of `rows`; `cells` gives what follows the name of a row that has figures, one cell a heading.
pub(crate) fn render<'r, M: 'r>(
    headings: &[&str],
    rows: impl IntoIterator<Item = &'r Row<M>>,
    cells: impl Fn(&M) -> Vec<String>,
) -> String {
    render_about(headings, "security", rows, cells)
}

/// The same; `about` is the heading of what the contenders say of themselves.
pub(crate) fn render_about<'r, M: 'r>(
    headings: &[&str],
    about: &str,
    rows: impl IntoIterator<Item = &'r Row<M>>,
    cells: impl Fn(&M) -> Vec<String>,
) -> String {
    let headings = ["what"].iter().chain(headings).chain(std::iter::once(&about));
    let mut lines: Vec<Vec<String>> = vec![headings.map(|word| (*word).to_owned()).collect()];
    let mut notes = Vec::new();
    for row in rows {
        let mut line = vec![row.name.to_owned()];
        match &row.outcome {
            Outcome::Measured(measured) => {
                line.extend(cells(measured));
                line.push(row.security.to_owned());
            }
            Outcome::Absent(why) => line.push(why.clone()),
            Outcome::Failed(why) => {
                line.push("FAILED".to_owned());
                notes.push(format!("{}: FAILED: {why}", row.name));
            }
        }
        lines.push(line);
    }
    let mut text = align(&lines);
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

/// Median, least and greatest with that many digits behind the point.
pub(crate) fn spread(found: Spread, digits: usize) -> String {
    format!("{:.digits$} ({:.digits$}-{:.digits$})", found.median, found.least, found.greatest)
}

/// How often `base` goes into `figure`.
pub(crate) fn ratio(figure: f64, base: Option<f64>) -> String {
    base.map_or_else(|| "-".to_owned(), |base| format!("{:.2}", figure / base))
}

/// Whole mebibytes of two ends, rounded up: a limit is kept or it is not.
pub(crate) fn peaks(client: u64, server: u64) -> String {
    format!("{} / {}", client.div_ceil(1 << 20), server.div_ceil(1 << 20))
}

/// A row with two cells is a name and a remark, which widens no column.
fn align(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let whole = rows.iter().filter(|row| column == 0 || row.len() > 2);
        whole.filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0)).map(width).collect();
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
    use crate::contender::Medium;

    fn row(name: &'static str, outcome: Outcome<f64>) -> Row<f64> {
        Row { name, security: "none", medium: Medium::Memory, outcome }
    }

    #[test]
    fn a_row_is_its_name_its_cells_and_its_security() {
        let rows = [row("x", Outcome::Measured(2.0)), row("longer", Outcome::Measured(8.0))];
        let text = render(&["s", "x pipe"], &rows, |found| vec![format!("{found:.1}"), ratio(*found, Some(4.0))]);
        assert_eq!(text, "what    s    x pipe  security\nx       2.0  0.50    none\nlonger  8.0  2.00    none\n");
    }

    #[test]
    fn says_why_a_row_has_no_figures() {
        let absent = row("nc", Outcome::Absent("nc is not installed".to_owned()));
        let text = render(&["s"], &[absent, row("scp", Outcome::Failed("it bit".to_owned()))], |_| Vec::new());
        assert!(text.contains("nc    nc is not installed\n"), "{text}");
        assert!(text.contains("scp: FAILED: it bit"));
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(spread(Spread { median: 1.25, least: 1.0, greatest: 2.0 }, 1), "1.2 (1.0-2.0)");
        assert_eq!(peaks(1, 2 << 20), "1 / 2");
        assert_eq!(ratio(1.0, None), "-");
    }
}
