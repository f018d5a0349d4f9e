//! A test in a process of its own: the test binary runs itself again, told by the environment which end it plays.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

/// Says to a test that it is the child.
const ROLE: &str = "LANDLINE_NET_CHILD";

/// What the parent told the child; `None` in the parent.
pub(crate) fn told() -> Option<String> {
    env::var(ROLE).ok()
}

/// A command that runs the test `name` once more as a child that is told `words`, behind the shell command `before`,
/// which sets what a process can only inherit. Its standard input and output are pipes.
pub(crate) fn again(name: &str, before: &str, words: &str) -> Command {
    again_with(&env::current_exe().unwrap(), name, before, words)
}

/// As [`again`], with a copy of the test binary.
pub(crate) fn again_with(program: &Path, name: &str, before: &str, words: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before} && exec \"$@\""), "sh"]);
    command.arg(program).args([name, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, words).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}
