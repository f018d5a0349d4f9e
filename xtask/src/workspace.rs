//! The workspace: where it is, what files it has, what cargo says of it, and how to run cargo in it.
//!
//! Build output, `.git` and nothing else is left out of the files, so that a checkout, an export and a dirty tree are
//! judged alike.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// Larger files are data, not text that a person wrote.
const LARGEST_TEXT_BYTES: u64 = 1 << 20;

pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
}

/// A file that is text.
pub(crate) struct TextFile {
    /// Relative to the workspace, with '/'.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    pub(crate) fn has_extension(&self, among: &[&str]) -> bool {
        Path::new(&self.path).extension().and_then(OsStr::to_str).is_some_and(|ext| among.contains(&ext))
    }
}

impl Workspace {
    /// The workspace that this xtask belongs to.
    pub(crate) fn here() -> Result<Self> {
        // cargo sets it at run time; the value from compile time serves a binary that was started by hand.
        let xtask = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&xtask).parent().context("xtask lies in the workspace")?.canonicalize()?;
        ensure!(root.join("Cargo.lock").is_file(), "{} is not the workspace: no Cargo.lock", root.display());
        Ok(Self { root })
    }

    /// A cargo command in the workspace.
    pub(crate) fn cargo<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args).current_dir(&self.root);
        // What `cargo run` told us about ourselves would make build scripts of others run again.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    /// What `cargo metadata` says, as it is.
    pub(crate) fn metadata(&self, args: &[&str]) -> Result<Value> {
        let mut command = self.cargo(["metadata", "--format-version", "1", "--locked"]);
        let out = output(command.args(args))?;
        serde_json::from_str(&out).context("cargo metadata is JSON")
    }

    /// Every text file, sorted by path.
    pub(crate) fn texts(&self) -> Result<Vec<TextFile>> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let entry = entry?;
                let kind = entry.file_type()?;
                let name = entry.file_name();
                if kind.is_dir() && name != "target" && name != ".git" {
                    folders.push(entry.path());
                }
                if !kind.is_file() || entry.metadata()?.len() > LARGEST_TEXT_BYTES {
                    continue;
                }
                if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
                    let path = entry.path().strip_prefix(&self.root)?.to_string_lossy().into_owned();
                    files.push(TextFile { path, text });
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}

/// Runs a command whose output the developer sees; its failure is ours.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs a command for what it prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let out = command.output().with_context(|| format!("cannot start {}", shown(command)))?;
    ensure!(
        out.status.success(),
        "{} ended with {}\n{}",
        shown(command),
        out.status,
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).with_context(|| format!("{} printed no text", shown(command)))
}

/// Whether a command can be run at all and succeeds.
pub(crate) fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|out| out.status.success())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}

/// Prints each finding; any is a failure.
pub(crate) fn judge(findings: &[String]) -> Result<()> {
    for finding in findings {
        println!("  {finding}");
    }
    ensure!(findings.is_empty(), "{} finding{}", findings.len(), if findings.len() == 1 { "" } else { "s" });
    Ok(())
}
