//! `ci`: every check, in the order that tells soonest what is wrong, with the seconds that each took.

use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::workspace::{Workspace, run as run_command, works};
use crate::{bench, deps, docs, shape, test};

type Step = fn(&Workspace) -> Result<()>;

const STEPS: [(&str, Step); 7] = [
    ("fmt", fmt),
    ("shape", shape::run),
    ("clippy", clippy),
    ("deps", deps::run),
    ("docs", docs::run),
    ("test", |workspace| test::run(workspace, &["--strict".to_owned()])),
    ("bench", benches),
];

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let start = Instant::now();
    for (name, step) in STEPS {
        println!("ci: {name} …");
        let begun = Instant::now();
        step(workspace)
            .with_context(|| format!("ci stopped at {name}, after {:.1} s", begun.elapsed().as_secs_f64()))?;
        println!("ci: {name} well, {:.1} s", begun.elapsed().as_secs_f64());
    }
    println!("ci: all well, {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Little of everything: that all of it can still be measured.
fn benches(workspace: &Workspace) -> Result<()> {
    ["files", "users", "sockets"]
        .into_iter()
        .try_for_each(|bench| bench::run(workspace, &[bench.to_owned(), "--small".to_owned()]))
}

fn fmt(workspace: &Workspace) -> Result<()> {
    component(workspace, "fmt", "rustfmt")?;
    run_command(&mut workspace.cargo(["fmt", "--all", "--", "--check"])).context("`cargo fmt --all` mends it")
}

fn clippy(workspace: &Workspace) -> Result<()> {
    component(workspace, "clippy", "clippy")?;
    run_command(&mut workspace.cargo(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

/// A toolchain in rustup's minimal profile lacks both tools; they belong to the toolchain, so they are fetched.
fn component(workspace: &Workspace, subcommand: &str, component: &str) -> Result<()> {
    if works(&mut workspace.cargo([subcommand, "--version"])) {
        return Ok(());
    }
    println!("  fetching {component} by rustup");
    run_command(std::process::Command::new("rustup").args(["component", "add", component]))
        .with_context(|| format!("cargo {subcommand} is missing"))
}
