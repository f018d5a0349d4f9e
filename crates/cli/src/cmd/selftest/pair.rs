//! Two machines in one folder: a server and a client, each a process of this very program, with state folders of their own.
//!
//! In: the program, an empty folder. Out: commands of the client through a [`Link`], a server that can be killed and
//! started again. Everything that runs is killed when this is dropped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::link::Link;

/// How long a command may take before the test fails: a disk would have to be very slow.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks whether a command has ended.
const BEAT: Duration = Duration::from_millis(4);
/// Variables by which the user's settings would reach the test.
const OURS: [&str; 10] = [
    "LANDLINE_HOME",
    "LANDLINE_CODE",
    "LANDLINE_PASSPHRASE",
    "LANDLINE_LISTEN",
    "LANDLINE_SHARE",
    "LANDLINE_READ_ONLY",
    "LANDLINE_GRACE",
    "LANDLINE_CODE_MINUTES",
    "LANDLINE_LOG",
    "NOTIFY_SOCKET",
];

/// A server and a client that know each other.
pub(super) struct Pair {
    program: PathBuf,
    folder: PathBuf,
    server: Option<Server>,
    pub(super) link: Link,
    stop: Arc<AtomicBool>,
}

struct Server {
    /// Killed when the server goes.
    _child: Killed,
    address: SocketAddr,
}

/// A process that is killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill()); // it may have ended
        drop(self.0.wait());
    }
}

/// Who is killed when the link has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    Client,
    Server,
    /// Nobody: the line is cut.
    Line,
}

/// What became of a command.
#[derive(Debug)]
pub(super) struct Ended {
    /// The exit code; none if it was killed.
    pub(super) code: Option<i32>,
    /// Whether the point was reached.
    pub(super) struck: bool,
    /// What it said.
    pub(super) said: String,
}

impl Pair {
    /// Starts a server in `folder` and introduces a client to it. `stop`: set when the person has had enough.
    ///
    /// # Errors
    /// In words, what of it failed.
    pub(super) fn open(program: &Path, folder: &Path, stop: Arc<AtomicBool>) -> Result<Self, String> {
        for name in ["share", "work", "run"] {
            fs::create_dir(folder.join(name)).map_err(|fault| format!("{name}: {fault}"))?;
        }
        let (server, code) = serve(program, folder, &stop)?;
        let link = Link::to(server.address).map_err(|fault| format!("a port for the test's own link: {fault}"))?;
        let pair = Self { program: program.to_owned(), folder: folder.to_owned(), server: Some(server), link, stop };
        let code = code.ok_or("the server has made no code")?;
        let address = pair.link.address().to_string();
        // Not on the command line: that is seen by all of this computer.
        fs::write(pair.work().join("code"), code).map_err(|fault| format!("the code: {fault}"))?;
        pair.run(&["join", &address, "--name", "desk", "--code-file", "code"])?;
        Ok(pair)
    }

    /// Where the client's files are.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Where the server's files are.
    pub(super) fn share(&self) -> PathBuf {
        self.folder.join("share")
    }

    /// A command of the client that is to succeed.
    ///
    /// # Errors
    /// What it said.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<(), String> {
        let server = self.server.as_ref().map(|server| server.address);
        let stopped = self.link.begin(server.unwrap_or_else(|| self.link.address()), None);
        let mut client = self.client(arguments)?;
        let ended = self.wait(&mut client, &stopped, false)?;
        match ended.code {
            Some(0) => Ok(()),
            Some(code) => Err(format!("landline {} ended with {code}: {}", arguments.join(" "), ended.said)),
            None => Err(format!("landline {} died: {}", arguments.join(" "), ended.said)),
        }
    }

    /// A command of the client that is struck after so many bytes on the line. A server that was killed runs again
    /// afterwards, at another port.
    ///
    /// # Errors
    /// What kept the test itself from going on.
    pub(super) fn strike(&mut self, arguments: &[&str], victim: Victim, bytes: u64) -> Result<Ended, String> {
        let server = self.server.as_ref().ok_or("the server is gone")?.address;
        let stopped = self.link.begin(server, Some(bytes));
        let mut client = self.client(arguments)?;
        let mut ended = self.wait(&mut client, &stopped, true)?;
        if ended.struck {
            match victim {
                Victim::Client => drop(client.0.kill()),
                Victim::Server => drop(self.server.take()),
                Victim::Line => {}
            }
            self.link.cut();
            let said = self.wait(&mut client, &stopped, false)?;
            ended = Ended { struck: true, ..said };
        } else {
            self.link.cut();
        }
        if self.server.is_none() {
            let (again, _) = serve(&self.program, &self.folder, &self.stop)?;
            self.server = Some(again);
        }
        Ok(ended)
    }

    /// Until the client has ended, or, if that is waited for, the link has stopped.
    fn wait(&self, client: &mut Killed, stopped: &Receiver<()>, may_stop: bool) -> Result<Ended, String> {
        let until = Instant::now() + PATIENCE;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err("stopped".to_owned());
            }
            if Instant::now() > until {
                return Err(format!("a command did not end within {} s", PATIENCE.as_secs()));
            }
            let struck = match stopped.recv_timeout(BEAT) {
                Ok(()) => may_stop,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(BEAT); // nobody is to stop the link any more
                    false
                }
            };
            if struck {
                return Ok(Ended { code: None, struck, said: String::new() });
            }
            if let Some(status) = client.0.try_wait().map_err(|fault| fault.to_string())? {
                let said = fs::read_to_string(self.folder.join("said")).unwrap_or_default();
                return Ok(Ended { code: status.code(), struck: false, said: said.trim().replace('\n', "; ") });
            }
        }
    }

    fn client(&self, arguments: &[&str]) -> Result<Killed, String> {
        let failed = |fault: io::Error| format!("{} can't be started: {fault}", self.program.display());
        let said = File::create(self.folder.join("said")).map_err(failed)?;
        let mut command = command(&self.program, &self.folder, "client");
        command.current_dir(self.work()).args(arguments).arg("--quiet").stdout(Stdio::null()).stderr(said);
        command.spawn().map(Killed).map_err(failed)
    }
}

/// This program, as a machine of its own.
fn command(program: &Path, folder: &Path, machine: &str) -> Command {
    let mut command = Command::new(program);
    for name in OURS {
        command.env_remove(name);
    }
    command.env("XDG_RUNTIME_DIR", folder.join("run")).stdin(Stdio::null());
    command.args([OsStr::new("--home"), folder.join(machine).as_os_str()]);
    command
}

/// Starts the server; with it, at its first start, the code for a client.
fn serve(program: &Path, folder: &Path, stop: &AtomicBool) -> Result<(Server, Option<String>), String> {
    let failed = |fault: io::Error| format!("landline serve can't be started: {fault}");
    let is_first = !folder.join("client").exists();
    let mut command = command(program, folder, "server");
    command.arg("serve").arg(folder.join("share")).args(["--listen", "tcp://127.0.0.1:0", "--json"]);
    let mut child = Killed(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?);
    let told = child.0.stdout.take().ok_or("the server says nothing")?;
    let (mut address, mut code) = (None, None);
    for line in BufReader::new(told).lines() {
        if stop.load(Ordering::Relaxed) {
            return Err("stopped".to_owned());
        }
        let said: Value = serde_json::from_str(&line.map_err(failed)?).map_err(|fault| fault.to_string())?;
        match said.get("event").and_then(Value::as_str) {
            Some("ready") => {
                let first = said.get("listen").and_then(|all| all.get(0)).and_then(Value::as_str);
                address = first.and_then(|text| text.strip_prefix("tcp://")).and_then(|text| text.parse().ok());
            }
            Some("invitation") => code = said.get("code").and_then(Value::as_str).map(str::to_owned),
            _ => {}
        }
        if let Some(address) = address.filter(|_| code.is_some() || !is_first) {
            return Ok((Server { _child: child, address }, code));
        }
    }
    Err("the server has ended before it was ready".to_owned())
}
