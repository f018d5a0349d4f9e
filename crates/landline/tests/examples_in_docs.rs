//! Every item at the front door has an example in its documentation. What runs them is `cargo test --doc`.
#![allow(clippy::unwrap_used, reason = "these are tests, also where a function is shared by several of them")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the items come from.
const SOURCES: [&str; 4] = ["addr/src", "net/src/raw", "trust/src/challenge", "wire/src"];

/// What has its example elsewhere: with its own library, or at the front door itself.
const ELSEWHERE: [&str; 2] = ["CancellationToken", "relay"];

/// The names that `lib.rs` gives on, as they are called where they are defined.
fn front_door() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let (door, _) = text.split_once("pub mod services").unwrap();
    let uses = door.split("pub use ").skip(1).map(|rest| rest.split_once(';').unwrap().0);
    let names = uses.flat_map(|path| {
        let names = path.rsplit_once('{').map_or_else(|| path.rsplit("::").next().unwrap(), |(_, names)| names);
        names.trim_end_matches('}').split(',').map(|name| name.trim().split(" as ").next().unwrap().to_owned())
    });
    let is_item = |name: &String| !name.is_empty() && !["self", "layers", "testing"].contains(&name.as_str());
    names.filter(is_item).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The documentation above the definition of `name`, if it is in `text`.
fn documentation(text: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let defines = |line: &str| {
        ["struct", "enum", "trait", "type", "fn", "async fn"].iter().any(|kind| {
            let rest = line.strip_prefix(&format!("pub {kind} {name}"));
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
        })
    };
    let at = lines.iter().position(|line| defines(line))?;
    let above = lines[..at].iter().rev().take_while(|line| line.starts_with("///") || line.starts_with('#'));
    Some(above.copied().collect::<Vec<_>>().join("\n"))
}

#[test]
fn every_item_at_the_front_door_has_an_example() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in SOURCES {
        sources(&crates.join(folder), &mut files);
    }
    files.push(crates.join("trust/src/challenge.rs"));
    let texts: Vec<String> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let names = front_door();
    assert!(names.len() > 50, "{names:?}");
    let bare: Vec<&String> = names
        .iter()
        .filter(|name| !ELSEWHERE.contains(&name.as_str()))
        .filter(|name| !texts.iter().filter_map(|text| documentation(text, name)).any(|above| above.contains("```")))
        .collect();
    assert!(bare.is_empty(), "without an example: {bare:?}");
}
