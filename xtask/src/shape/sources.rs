//! Sources: short files, a sign on every module's door, nothing left over from the work.
//!
//! In: one file. Out: findings with their line. The markers are spelled in parts here, so that this file does not find itself.

use crate::workspace::TextFile;

/// Past this, a file holds more than one idea.
const MOST_LINES: usize = 500;

/// Calls and attributes that only unfinished work has.
const LEFT_OVER_CODE: [&str; 4] =
    [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("db", "g!("), concat!("#[ig", "nore")];

/// Words that only unfinished work has, in a comment or a text.
const LEFT_OVER_WORDS: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("HA", "CK")];

const CODE: [&str; 8] = ["rs", "sh", "py", "js", "css", "html", "toml", "yml"];

pub(super) fn findings(file: &TextFile) -> Vec<String> {
    let path = &file.path;
    let mut found = Vec::new();
    let lines = file.text.lines().count();
    if file.has_extension(&["rs", "js", "css", "py"]) && lines > MOST_LINES {
        found.push(format!("{path}: {lines} lines, {MOST_LINES} at most: split it by idea"));
    }
    // `foo/tests.rs` stands behind the door of `foo.rs`.
    if file.has_extension(&["rs"]) && !path.ends_with("/tests.rs") && !has_sign(&file.text) {
        found.push(format!("{path}:1: no sign: a module opens with `//!`, its purpose"));
    }
    if file.has_extension(&CODE) || path.starts_with(".ci/") {
        for (number, line) in (1..).zip(file.text.lines()) {
            if let Some(marker) = left_over(line) {
                found.push(format!("{path}:{number}: left over: {marker}"));
            }
        }
    }
    found
}

fn has_sign(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    first.is_some_and(|line| line.starts_with("//!"))
}

fn left_over(line: &str) -> Option<&'static str> {
    let code = LEFT_OVER_CODE.into_iter().find(|marker| line.contains(marker));
    code.or_else(|| {
        let mut words = line.split(|c: char| !c.is_alphanumeric());
        words.find_map(|word| LEFT_OVER_WORDS.into_iter().find(|marker| *marker == word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        findings(&TextFile { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn a_signed_short_finished_file_is_fine() {
        assert_eq!(told("crates/a/src/b.rs", "//! Purpose.\n\nfn main() {}\n"), [""; 0]);
        assert_eq!(told("crates/a/src/main.rs", "#![expect(unused)]\n//! Purpose.\n"), [""; 0]);
        assert_eq!(told("crates/a/src/b/tests.rs", "use super::*;\n"), [""; 0]);
    }

    #[test]
    fn a_file_of_501_lines_is_too_long() {
        let text = |lines: usize| format!("//! Purpose.\n{}", "fn a() {}\n".repeat(lines - 1));
        assert_eq!(told("a.rs", &text(500)), [""; 0]);
        assert_eq!(told("a.rs", &text(501)), ["a.rs: 501 lines, 500 at most: split it by idea"]);
        assert_eq!(told("a.txt", &text(501)), [""; 0]);
    }

    #[test]
    fn a_missing_sign_is_told() {
        for text in ["", "use a;\n", "// Purpose.\n", "/// Purpose.\n"] {
            assert_eq!(told("a.rs", text), ["a.rs:1: no sign: a module opens with `//!`, its purpose"], "{text:?}");
        }
    }

    #[test]
    fn each_marker_is_found_and_its_look_alikes_are_not() {
        for marker in LEFT_OVER_CODE.into_iter().chain(LEFT_OVER_WORDS) {
            let found = told("a.rs", &format!("//! Purpose.\n// so {marker}: later\n"));
            assert_eq!(found, [format!("a.rs:2: left over: {marker}")]);
        }
        let fine = concat!("//! mktemp /tmp/a.XX", "XXXX, HA", "CKNEY, TO", "DOS, to", "do list\n");
        assert_eq!(told("a.rs", fine), [""; 0]);
        assert_eq!(told(".ci/run", concat!("# FIX", "ME\n")).len(), 1);
        assert_eq!(told("NOTES.md", concat!("FIX", "ME\n")), [""; 0]);
    }
}
