//! `test`: all tests, after saying (and where allowed, fetching) what they need beyond the Rust toolchain.
//!
//! In: flags, and arguments for the runner. Out: the runner's verdict, and each skipped test with the command that would
//! enable it. The table of needs is testkit's, which the tests themselves ask: `landline_testkit::needs`.

use std::path::Path;
use std::process::Command;
use std::{fs, io};

use anyhow::{Context as _, Result, bail};
use landline_testkit::{SKIP_LOG, TOOLS, Tool};

use crate::workspace::{Workspace, output, run as run_command, works};

#[derive(Debug, Default, PartialEq, Eq)]
struct Flags {
    install: bool,
    strict: bool,
    /// For the runner.
    rest: Vec<String>,
}

fn parse(args: &[String]) -> Flags {
    let mut flags = Flags::default();
    for arg in args {
        match arg.as_str() {
            // After the first argument for the runner, all are.
            "--install" if flags.rest.is_empty() => flags.install = true,
            "--strict" if flags.rest.is_empty() => flags.strict = true,
            _ => flags.rest.push(arg.clone()),
        }
    }
    flags
}

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let flags = parse(args);
    provide_tools(flags.install);
    let log = workspace.root.join("target").join("skipped-tests.txt");
    fs::create_dir_all(workspace.root.join("target"))?; // cargo's own may be elsewhere
    remove(&log)?;

    let nextest = works(&mut workspace.cargo(["nextest", "--version"]));
    let mut runner = if nextest {
        workspace.cargo(["nextest", "run", "--workspace", "--locked", "--no-tests=pass"])
    } else {
        println!(
            "test: cargo-nextest is not installed, so `cargo test` runs them (cargo install --locked cargo-nextest)"
        );
        // With --tests cargo leaves out the examples, which tests of theirs run.
        run_command(&mut workspace.cargo(["build", "--workspace", "--locked", "--examples"]))?;
        workspace.cargo(["test", "--workspace", "--locked", "--lib", "--bins", "--tests"])
    };
    let mut verdict = run_command(runner.args(&flags.rest).env(SKIP_LOG, &log));
    if verdict.is_ok() && flags.rest.is_empty() {
        let mut doc_tests = workspace.cargo(["test", "--doc", "--workspace", "--locked", "--quiet"]);
        verdict = run_command(doc_tests.env(SKIP_LOG, &log));
    }

    // Also after a failure: what was skipped may be what would have explained it.
    let skipped = skipped(&log)?;
    for line in &skipped {
        println!("{line}");
    }
    verdict?;
    match skipped.len() {
        0 => println!("test: nothing was skipped"),
        count if flags.strict => bail!("skipped tests: {count}, and --strict was asked for"),
        count => println!("test: skipped tests: {count}; `cargo xtask test --install` fetches what apt-get has"),
    }
    Ok(())
}

/// Says which tools are missing and fetches those that a package brings. A failure here is told, not fatal: the tests that
/// need the tool are skipped, and `--strict` judges that.
fn provide_tools(install: bool) {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| !tool.is_here()).collect();
    for tool in &missing {
        println!("test: {} is missing; needed for {}; enabled by: {}", tool.name, tool.used_for, tool.enabled_by);
    }
    let packages: Vec<&str> = missing.iter().filter_map(|tool| tool.package).collect();
    let root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if packages.is_empty() || !(root || install) {
        return;
    }
    println!("test: installing {}", packages.join(" "));
    let apt = |args: &[&str]| {
        let mut command = Command::new(if root { "apt-get" } else { "sudo" });
        if !root {
            command.arg("apt-get");
        }
        run_command(command.args(args).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
    args.extend(packages);
    // A fresh machine has no package lists yet; one without a network may still have the package in its cache.
    let listed = apt(&["update", "-qq"]);
    if let Err(e) = apt(&args) {
        println!("test: could not install: {e:#}");
        if let Err(e) = listed {
            println!("test: nor fetch the package lists: {e:#}");
        }
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).with_context(|| path.display().to_string()),
        _ => Ok(()),
    }
}

/// The lines that skipped tests wrote; a retried test counts once.
fn skipped(log: &Path) -> Result<Vec<String>> {
    let text = match fs::read_to_string(log) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.with_context(|| log.display().to_string())?,
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines.dedup();
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_first_and_the_rest_is_the_runners() {
        let args = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parse(&args("")), Flags::default());
        let flags = parse(&args("--strict --install copy --strict"));
        assert_eq!(flags, Flags { install: true, strict: true, rest: args("copy --strict") });
    }
}
