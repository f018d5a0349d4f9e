//! The only printer: data on stdout, talk on stderr.
//!
//! A closed pipe on the other side is no reason to leave children behind, so failing writes are ignored here.

use std::io::Write;

/// Prints `text` and a line end on stdout.
pub(crate) fn data(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
    let _ = stdout.flush();
}

/// Prints `text` and a line end on stderr.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
