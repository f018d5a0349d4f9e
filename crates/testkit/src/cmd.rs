//! A command of a machine, and what came of it.
//!
//! In: arguments, input, environment. Out: [`Done`], whose checks read as one sentence and show everything the command
//! said when they fail. A command that outlives its deadline is killed and fails the test.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::Value;

use crate::running::Input;
use crate::{Machine, PATIENCE, Running, Serving, SmallDisk};

/// A command that has not been started yet.
#[derive(Debug)]
#[must_use = "nothing runs before succeeds(), fails_with(), run(), spawn() or serving()"]
pub struct Cmd {
    machine: Machine,
    bin: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: PathBuf,
    input: Input,
    patience: Duration,
    /// A process that sees the mounts which this command shall see too.
    mounts_of: Option<u32>,
}

impl Cmd {
    pub(crate) fn new(machine: Machine, bin: PathBuf, env: Vec<(OsString, OsString)>) -> Self {
        let cwd = machine.work();
        Self { machine, bin, args: Vec::new(), env, cwd, input: Input::Nothing, patience: PATIENCE, mounts_of: None }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// What it reads on standard input, which ends after it. Without this, input is empty.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Input::Bytes(bytes.into());
        self
    }

    /// Leaves standard input open: [`Running::say`] writes to it, [`Running::end_input`] ends it.
    pub fn stdin_open(mut self) -> Self {
        self.input = Input::Open;
        self
    }

    /// Sets a variable of its environment, which otherwise holds only what a machine needs.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self = self.env_remove(&name);
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Takes a variable out of its environment.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(have, _)| have != name.as_ref());
        self
    }

    /// The folder it starts in (relative to the machine's work folder).
    pub fn cwd(mut self, folder: impl AsRef<Path>) -> Self {
        self.cwd = self.machine.work().join(folder);
        self
    }

    /// Another deadline than [`PATIENCE`], for each wait on this command.
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Lets it see `disk` where that is mounted; without this it sees the folder below.
    pub fn on(mut self, disk: &SmallDisk) -> Self {
        self.mounts_of = Some(disk.keeper());
        self
    }

    /// Starts it and does not wait.
    ///
    /// # Panics
    /// If the binary cannot be started.
    #[track_caller]
    pub fn spawn(self) -> Running {
        let label = self.to_string();
        let mut command = self.mounts_of.map_or_else(
            || Command::new(&self.bin),
            |keeper| {
                // Entering leads to the root folder, so the way back is walked inside. Each step becomes the next
                // program, so that the process started is the one under test.
                let mut enter = SmallDisk::enter(keeper);
                enter.args(["sh", "-c", "cd \"$0\" && exec \"$@\""]).arg(&self.cwd).arg(&self.bin);
                enter
            },
        );
        command.args(&self.args).env_clear().envs(self.env).current_dir(&self.cwd);
        Running::start(command, label, self.input, self.patience)
    }

    /// Starts a server with `--json` and waits for its first line, which must say that it is ready.
    ///
    /// # Panics
    /// If it ends or says something else first.
    #[track_caller]
    pub fn serving(self) -> Serving {
        let machine = self.machine.clone();
        Serving::from_running(self.spawn(), machine)
    }

    /// Runs it to its end, whatever that is.
    ///
    /// # Panics
    /// If it does not end in time.
    #[must_use = "for the checks: succeeds() or fails_with()"]
    #[track_caller]
    pub fn run(self) -> Done {
        self.spawn().wait()
    }

    /// Runs it and demands exit code 0.
    ///
    /// # Panics
    /// On any other end.
    #[track_caller]
    pub fn succeeds(self) -> Done {
        self.run().exits_with(0)
    }

    /// Runs it and demands any exit code but 0.
    ///
    /// # Panics
    /// If it succeeds, or ends by a signal.
    #[track_caller]
    pub fn fails(self) -> Done {
        let done = self.run();
        assert!(done.code().is_some_and(|code| code != 0), "{done:?}");
        done
    }

    /// Runs it and demands this exit code (architecture D16 names them).
    ///
    /// # Panics
    /// On any other end, a signal included.
    #[track_caller]
    pub fn fails_with(self, code: i32) -> Done {
        self.run().exits_with(code)
    }
}

/// The command as a person would type it on that machine.
impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bin = self.bin.file_name().unwrap_or(self.bin.as_os_str());
        write!(f, "{}$ {}", self.machine.name(), bin.display())?;
        for arg in &self.args {
            let text = arg.to_string_lossy();
            let plain = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "'\"$&|;<>*?".contains(c));
            if plain { write!(f, " {text}")? } else { write!(f, " '{}'", text.replace('\'', r"'\''"))? }
        }
        Ok(())
    }
}

/// A command that has ended. Every check answers with itself, so that checks can follow each other.
#[derive(Debug, Clone)]
pub struct Done {
    pub(crate) label: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Done {
    /// Its exit code; `None` if a signal killed it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The number of the signal that killed it, if one did.
    #[must_use]
    pub fn killed_by(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The bytes of its standard output.
    #[must_use]
    pub fn stdout_bytes(&self) -> &[u8] {
        &self.stdout
    }

    /// The bytes of its standard error.
    #[must_use]
    pub fn stderr_bytes(&self) -> &[u8] {
        &self.stderr
    }

    /// Demands this exit code.
    ///
    /// # Panics
    /// On another code, or a signal.
    #[track_caller]
    pub fn exits_with(self, code: i32) -> Self {
        self.demand(self.status.code() == Some(code), &format!("should have ended with exit code {code}"));
        self
    }

    /// Demands exactly this standard output.
    ///
    /// # Panics
    /// On any other.
    #[track_caller]
    pub fn stdout(self, exact: &str) -> Self {
        self.demand(self.stdout == exact.as_bytes(), &format!("stdout should be exactly {exact:?}"));
        self
    }

    /// Demands exactly this standard error.
    ///
    /// # Panics
    /// On any other.
    #[track_caller]
    pub fn stderr(self, exact: &str) -> Self {
        self.demand(self.stderr == exact.as_bytes(), &format!("stderr should be exactly {exact:?}"));
        self
    }

    /// Demands this text somewhere in standard output.
    ///
    /// # Panics
    /// If it is not there.
    #[track_caller]
    pub fn stdout_has(self, text: &str) -> Self {
        self.demand(has(&self.stdout, text), &format!("stdout should hold {text:?}"));
        self
    }

    /// Demands this text somewhere in standard error.
    ///
    /// # Panics
    /// If it is not there.
    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        self.demand(has(&self.stderr, text), &format!("stderr should hold {text:?}"));
        self
    }

    /// Demands that this text was said nowhere: for secrets, and for messages that must not appear.
    ///
    /// # Panics
    /// If either output holds it.
    #[track_caller]
    pub fn never_says(self, text: &str) -> Self {
        let said = has(&self.stdout, text) || has(&self.stderr, text);
        self.demand(!said, &format!("neither output should hold {text:?}"));
        self
    }

    /// Standard output as one JSON value a line, in their order.
    ///
    /// # Panics
    /// If a line is not JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        let lines = self.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let parsed: Result<Vec<Value>, _> = lines.map(serde_json::from_slice).collect();
        self.demand(parsed.is_ok(), "stdout should be one JSON value a line");
        parsed.unwrap_or_default()
    }

    /// Standard output as the one line of JSON that it is.
    ///
    /// # Panics
    /// If it is not exactly one.
    #[must_use]
    #[track_caller]
    pub fn json_line(&self) -> Value {
        let mut values = self.json();
        self.demand(values.len() == 1, "stdout should be exactly one line of JSON");
        values.remove(0)
    }

    #[track_caller]
    fn demand(&self, holds: bool, what: &str) {
        assert!(holds, "{what}\n{self}");
    }
}

/// The command, how it ended, and all that it said.
impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}\n  ended with {}", self.label, self.status)?;
        show_output(f, &self.stdout, &self.stderr)
    }
}

/// Both outputs, each line behind a bar, other bytes than text escaped.
pub(crate) fn show_output(f: &mut impl fmt::Write, stdout: &[u8], stderr: &[u8]) -> fmt::Result {
    for (name, bytes) in [("stdout", stdout), ("stderr", stderr)] {
        if bytes.is_empty() {
            writeln!(f, "  {name}: nothing")?;
            continue;
        }
        writeln!(f, "  {name}, {} bytes:", bytes.len())?;
        let cut = bytes.len().min(LONGEST_SHOWN_BYTES);
        for line in bytes[..cut].split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let shown = std::str::from_utf8(line).map_or_else(|_| line.escape_ascii().to_string(), str::to_owned);
            writeln!(f, "  | {shown}")?;
        }
        if cut < bytes.len() {
            writeln!(f, "  | … {} more bytes", bytes.len() - cut)?;
        }
    }
    Ok(())
}

/// How much of one output a failure shows: a page or two, not a file that was copied to stdout.
const LONGEST_SHOWN_BYTES: usize = 16 * 1024;

fn has(bytes: &[u8], text: &str) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[cfg(test)]
mod tests;
