//! Columns: names beside each other, down and then across, as `ls` of the system has them.
//!
//! In: entries and how wide the terminal is. Out: lines. A character may take two cells, a colour takes none.

use landline_services::files::tree::{Entry, Kind};
use unicode_width::UnicodeWidthStr as _;

use super::short;
use crate::out::Out;

/// Cells between two columns.
const GAP: usize = 2;
/// Columns that are tried: more are of no use to a reader.
const MOST: usize = 64;

/// `entries` for the terminal at stdout.
pub(super) fn lines(entries: &[Entry], out: &Out) -> Vec<String> {
    let names: Vec<(String, &'static str)> = entries.iter().map(|entry| (short(entry, true), paint(entry))).collect();
    beside(&names, out.width(), out.paints())
}

/// Folders, links and what can be run: the slash and `ll` say the same without a colour.
fn paint(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::Dir => "1;34",
        Kind::Link => "36",
        Kind::File if entry.mode & 0o111 != 0 => "32",
        Kind::File | Kind::Other => "",
    }
}

fn beside(names: &[(String, &'static str)], width: usize, paints: bool) -> Vec<String> {
    let cells: Vec<usize> = names.iter().map(|(name, _)| name.width()).collect();
    // The most columns that fit.
    let fitting = (1..=MOST.min(names.len())).rev().find_map(|columns| {
        let rows = names.len().div_ceil(columns);
        let widths: Vec<usize> = cells.chunks(rows).map(|column| column.iter().copied().max().unwrap_or(0)).collect();
        let all = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        (all < width || columns == 1).then_some((rows, widths))
    });
    let Some((rows, widths)) = fitting else { return Vec::new() };
    (0..rows).map(|row| line(row, rows, &widths, names, &cells, paints)).collect()
}

fn line(
    row: usize,
    rows: usize,
    widths: &[usize],
    names: &[(String, &'static str)],
    cells: &[usize],
    paints: bool,
) -> String {
    let mut line = String::new();
    let mut owed = 0; // blanks that are written only if something follows
    for (column, width) in widths.iter().enumerate() {
        let at = column * rows + row;
        let (Some((name, paint)), Some(taken)) = (names.get(at), cells.get(at)) else { break };
        line.extend(std::iter::repeat_n(' ', owed));
        if paints && !paint.is_empty() {
            line.push_str(&format!("\x1b[{paint}m{name}\x1b[0m"));
        } else {
            line.push_str(name);
        }
        owed = width.saturating_sub(*taken) + GAP;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&str], width: usize) -> Vec<String> {
        let names: Vec<_> = names.iter().map(|name| ((*name).to_owned(), "")).collect();
        beside(&names, width, false)
    }

    #[test]
    fn names_go_down_and_then_across() {
        assert_eq!(told(&["a", "bb", "c", "d", "e"], 8), ["a   d", "bb  e", "c"]);
        assert_eq!(told(&["a", "bb", "c"], 80), ["a  bb  c"]);
        assert_eq!(told(&[], 80), Vec::<String>::new());
    }

    #[test]
    fn a_character_of_two_cells_counts_twice() {
        assert_eq!(told(&["报告", "x", "y", "z"], 9), ["报告  y", "x     z"]);
    }

    #[test]
    fn a_name_wider_than_the_terminal_stands_alone() {
        assert_eq!(told(&["a-long-name", "b"], 5), ["a-long-name", "b"]);
    }

    #[test]
    fn colours_take_no_room() {
        let names = [("d/".to_owned(), "1;34"), ("f".to_owned(), "")];
        assert_eq!(beside(&names, 80, true), ["\x1b[1;34md/\x1b[0m  f"]);
    }
}
