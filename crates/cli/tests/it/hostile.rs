//! Hostile peers: what they send must end their own call and nothing else, in either direction.
//!
//! `frames`: broken or senseless frames to a server, by strangers and by friends gone bad. `floods`: too much, too slow,
//! or never reading. `lanes`: further calls that don't keep to their stream. `servers`: a server that a client trusts by its
//! key, and should not have.

mod floods;
mod frames;
mod lanes;
mod servers;

use std::fs;
use std::path::Path;

use landline_testkit::Office;

/// What a server under attack may ever use, in bytes: some 20 MiB idle, and room for a few transfers at once.
const MOST_MEMORY: u64 = 64 << 20;

fn office() -> Office {
    Office::new(env!("CARGO_BIN_EXE_landline"))
}

/// Every path below a folder, staging files too.
fn all_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = vec![folder.to_owned()];
    while let Some(next) = rest.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(folder).unwrap().display().to_string());
            if path.is_dir() && !path.is_symlink() {
                rest.push(path);
            }
        }
    }
    found.sort();
    found
}
