//! `fuzz`: every target under libFuzzer, each for some seconds, where a nightly compiler and cargo-fuzz are at hand.
//!
//! The tests drive the same targets without either; this watches coverage and finds more.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::workspace::{Workspace, output, run as run_command, works};

/// Seconds for each target, if none are given.
const SECONDS: u64 = 10;

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let seconds = match args {
        [] => SECONDS,
        [text] => text.parse().with_context(|| format!("{text} is not a number of seconds"))?,
        _ => bail!("usage: cargo xtask fuzz [SECONDS]"),
    };
    ensure!(works(&mut nightly(workspace, &["--version"])), "no nightly compiler; rustup toolchain install nightly");
    ensure!(works(&mut nightly(workspace, &["fuzz", "--version"])), "no cargo-fuzz; cargo install cargo-fuzz --locked");
    let listed = output(&mut nightly(workspace, &["fuzz", "list", "--fuzz-dir", "."]))?;
    for target in listed.lines() {
        println!("fuzz: {target}, {seconds} s");
        let time = format!("-max_total_time={seconds}");
        let mut command = nightly(workspace, &["fuzz", "run", "--fuzz-dir", ".", target, "--", &time, "-verbosity=0"]);
        run_command(&mut command).with_context(|| format!("the target {target} found something"))?;
    }
    Ok(())
}

fn nightly(workspace: &Workspace, words: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).args(words);
    command.current_dir(workspace.root.join("fuzz/libfuzzer"));
    command
}
