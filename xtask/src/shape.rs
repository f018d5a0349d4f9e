//! `shape`: the house's rules that a compiler does not know.
//!
//! In: cargo's metadata and every text file. Out: one finding a line. The rules, a file each: arrows between crates point
//! down; sources are short, signed and free of left-over markers; no path of a developer's machine; the README sets up with
//! two commands.

mod arrows;
mod paths;
mod readme;
mod sources;

use anyhow::Result;

use crate::workspace::{Workspace, judge};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let texts = workspace.texts()?;
    let mut findings = arrows::findings(&arrows::edges(&workspace.metadata(&["--no-deps"])?)?);
    let private = paths::private(&workspace.root, std::env::var_os("HOME").as_deref());
    for file in &texts {
        findings.extend(sources::findings(file));
        findings.extend(paths::findings(file, &private));
    }
    findings.extend(readme::findings(texts.iter().find(|file| file.path == "README.md")));
    judge(&findings)
}
