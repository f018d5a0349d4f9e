//! Two machines that know each other: a desk that serves a share, a laptop that has joined it as `desk`.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use rustix::process::Pid;
use serde_json::Value;

use crate::daemon::Daemon;
use crate::relay::{Line, Relay};
use crate::site::{self, Site};
use crate::tools::{self, Missing};

/// The folder of a share where everything that is put arrives.
pub(super) const INBOX: &str = "in";

/// The binary under test, or why there is none.
pub(crate) enum Build {
    Present { binary: PathBuf, version: String },
    NotBuilt(String),
}

impl Build {
    /// Looks for the binary beside this program, or where it was said to be.
    ///
    /// A program that does not even tell its version is a room without furniture, not a broken landline.
    pub(crate) fn find(site: &Site, said: Option<&Path>) -> Result<Build> {
        let binary = match said {
            Some(path) => std::path::absolute(path)?,
            None => site::target_dir()?.join("release/landline"),
        };
        if !binary.is_file() {
            return Ok(Build::NotBuilt(format!("there is no {}", binary.display())));
        }
        let version = tools::output(site, tools::command(site, &binary).arg("--version")).unwrap_or_default();
        Ok(match version.trim() {
            "" => Build::NotBuilt("the binary does nothing yet".to_owned()),
            version => Build::Present { version: version.to_owned(), binary },
        })
    }

    /// The binary.
    ///
    /// # Errors
    /// [`Missing`] if there is none.
    pub(crate) fn binary(&self) -> Result<&Path> {
        match self {
            Build::Present { binary, .. } => Ok(binary),
            Build::NotBuilt(why) => Err(Missing(format!("not built: {why}")).into()),
        }
    }

    /// Two machines of this build; see [`Pair::introduce`].
    pub(crate) fn pair(&self, site: &Site, name: &str, share: PathBuf, line: Line) -> Result<Rc<Pair>> {
        Pair::introduce(site, self.binary()?, name, share, line).map(Rc::new)
    }
}

/// See the module.
pub(crate) struct Pair {
    server: RefCell<Daemon>,
    relay: Option<Relay>,
    /// Where what is put arrives.
    pub(super) inbox: PathBuf,
    share: PathBuf,
    program: Program,
    desk: PathBuf,
    laptop: PathBuf,
}

impl Pair {
    /// Starts the desk with its homes under `name`, serving `share`, and introduces the laptop to it over `line`.
    ///
    /// # Errors
    /// With landline's own words for the step that failed.
    pub(crate) fn introduce(site: &Site, binary: &Path, name: &str, share: PathBuf, line: Line) -> Result<Pair> {
        let homes = site.room(name)?;
        let (desk, laptop) = (homes.join("desk"), homes.join("laptop"));
        let program = Program::new(binary, &homes)?;
        let inbox = share.join(INBOX);
        fs::create_dir_all(&inbox)?;

        let (server, mut address) = program.serve(site, &desk, &share)?;
        let relay = line.to(port_of(&address)?)?;
        if let Some(relay) = &relay {
            address = format!("127.0.0.1:{}", relay.port());
        }
        program.introduce(site, &desk, &laptop, &address, None)?;
        Ok(Pair { server: RefCell::new(server), relay, inbox, share, program, desk, laptop })
    }

    pub(super) fn server(&self) -> Pid {
        self.server.borrow().pid()
    }

    pub(super) fn relay(&self) -> Option<&Relay> {
        self.relay.as_ref()
    }

    /// Starts the desk again after it was killed; the laptop finds it where it was, behind the relay.
    pub(super) fn restart(&self, site: &Site) -> Result<()> {
        let (server, address) = self.program.serve(site, &self.desk, &self.share)?;
        let relay = self.relay.as_ref();
        ensure!(relay.is_some(), "without a relay nobody would find the server again");
        relay.into_iter().try_for_each(|relay| port_of(&address).map(|port| relay.leads_to(port)))?;
        self.server.replace(server);
        Ok(())
    }

    /// landline as the laptop runs it, arguments still to come.
    pub(crate) fn laptop(&self, site: &Site) -> Command {
        self.program.command(site, &self.laptop)
    }
}

/// landline's binary, run for machines that all live under one directory.
pub(super) struct Program {
    binary: PathBuf,
    runtime: PathBuf,
}

impl Program {
    /// With a runtime directory among the `homes`.
    pub(super) fn new(binary: &Path, homes: &Path) -> Result<Program> {
        let runtime = homes.join("run");
        fs::create_dir(&runtime)?;
        fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700))?;
        Ok(Program { binary: binary.to_path_buf(), runtime })
    }

    /// As the machine of `home` runs it, arguments still to come.
    pub(super) fn command(&self, site: &Site, home: &Path) -> Command {
        let mut command = tools::command(site, &self.binary);
        command.env("LANDLINE_HOME", home).env("XDG_RUNTIME_DIR", &self.runtime);
        command
    }

    /// The desk, and where it listens.
    pub(super) fn serve(&self, site: &Site, desk: &Path, share: &Path) -> Result<(Daemon, String)> {
        let mut serve = self.command(site, desk);
        serve.arg("serve").arg(share).args(["--listen", "tcp://127.0.0.1:0", "--json"]).stdout(Stdio::piped());
        let mut server = Daemon::start(site, "landline serve", &mut serve)?;
        let lines = server.lines()?;
        let address = server.wait_line(&lines, ready_address)?;
        Ok((server, address))
    }

    /// Introduces the machine of `laptop` to the desk at `address`, as its owner's or as that of one of its users; there the
    /// desk is called `desk`.
    pub(super) fn introduce(
        &self,
        site: &Site,
        desk: &Path,
        laptop: &Path,
        address: &str,
        user: Option<&str>,
    ) -> Result<()> {
        let mut invite = self.command(site, desk);
        invite.args(["invite", "--json"]).args(user).stdout(Stdio::piped());
        // It may stay until somebody has joined; dropped after that, it is ended.
        let mut invite = Daemon::start(site, "landline invite", &mut invite)?;
        let lines = invite.lines()?;
        let code = invite.wait_line(&lines, |line| text_field(line, "code"))?;

        let code_file = laptop.with_extension("code");
        fs::write(&code_file, format!("{code}\n"))?;
        fs::set_permissions(&code_file, fs::Permissions::from_mode(0o600))?;
        let mut join = self.command(site, laptop);
        join.arg("join").arg(address).args(["--name", "desk", "--code-file"]).arg(&code_file);
        tools::output(site, &mut join).context("landline join")?;
        Ok(())
    }
}

fn port_of(address: &str) -> Result<u16> {
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.with_context(|| format!("landline listens at {address}, which names no port"))
}

/// `HOST:PORT` out of the `ready` line.
fn ready_address(line: &str) -> Option<String> {
    let value: Value = serde_json::from_str(line).ok()?;
    if value.get("event")?.as_str()? != "ready" {
        return None;
    }
    let listen = value.get("listen")?.get(0)?.as_str()?;
    Some(listen.strip_prefix("tcp://").unwrap_or(listen).to_owned())
}

fn text_field(line: &str, name: &str) -> Option<String> {
    serde_json::from_str::<Value>(line).ok()?.get(name)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_address_in_the_ready_line_only() {
        let ready = r#"{"event":"ready","listen":["tcp://127.0.0.1:41234"],"share":"/x"}"#;
        assert_eq!(ready_address(ready).as_deref(), Some("127.0.0.1:41234"));
        assert_eq!(ready_address(r#"{"event":"invitation","code":"7-a-b"}"#), None);
        assert_eq!(ready_address("ready tcp://127.0.0.1:1"), None);
    }

    #[test]
    fn finds_the_port() {
        assert_eq!(port_of("127.0.0.1:41234").unwrap(), 41234);
        assert!(port_of("unix:/x").is_err());
    }

    #[test]
    fn finds_the_code() {
        assert_eq!(text_field(r#"{"code":"7-a-b","expires":1}"#, "code").as_deref(), Some("7-a-b"));
        assert_eq!(text_field("{}", "code"), None);
    }
}
