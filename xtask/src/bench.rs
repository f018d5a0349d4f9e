//! `bench`: builds the product and the benchmark in release mode, and runs the one against its rivals.

use anyhow::Result;

use crate::workspace::{Workspace, run as run_command};

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    run_command(&mut workspace.cargo(["build", "--release", "--locked", "--package", "landline-cli"]))?;
    let mut bench = workspace.cargo(["run", "--release", "--locked", "--package", "landline-bench", "--"]);
    // Only flags, or nothing, means the benchmark of files.
    if args.first().is_none_or(|arg| arg.starts_with('-')) {
        bench.arg("files");
    }
    run_command(bench.args(args))
}
