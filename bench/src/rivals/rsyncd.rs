//! An rsync daemon of our own: one module that is a directory of ours, no passwords, in the clear.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use rustix::process::Pid;

use crate::daemon::{self, Daemon};
use crate::relay::{Line, Relay};
use crate::site::Site;
use crate::tools;

/// The module's name.
const MODULE: &str = "bench";

/// See the module.
pub(crate) struct Rsyncd {
    server: Daemon,
    pub(super) relay: Option<Relay>,
    port: u16,
    /// What clients may write to.
    pub(super) room: PathBuf,
}

impl Rsyncd {
    /// Starts the daemon; clients reach it over `line`.
    pub(crate) fn start(site: &Site, line: Line) -> Result<Rsyncd> {
        let rsync = tools::find("rsync")?;
        let (room, home, port) = (site.room("rsyncd")?, site.room("rsyncd-home")?, daemon::free_port()?);
        let config = home.join("rsyncd.conf");
        // As root it would become a user who cannot enter our directories.
        let user = if rustix::process::geteuid().is_root() { "uid = root\ngid = root\n" } else { "" };
        let (path, lock) = (room.display(), home.join("lock"));
        let lock = lock.display();
        fs::write(
            &config,
            format!(
                "{user}use chroot = no\nreverse lookup = no\nlock file = {lock}\n\
                 [{MODULE}]\n  path = {path}\n  read only = no\n"
            ),
        )?;
        let mut run = tools::command(site, &rsync);
        run.args(["--daemon", "--no-detach", "--address=127.0.0.1", &format!("--port={port}")]);
        run.arg(format!("--config={}", config.display()));
        // Without a log file of its own it would talk to the system's log.
        run.arg(format!("--log-file={}", home.join("log").display()));
        let mut server = Daemon::start(site, "rsync --daemon", &mut run).context("the rsync daemon")?;
        server.wait_listening(port)?;
        let relay = line.to(port)?;
        let port = relay.as_ref().map_or(port, Relay::port);
        Ok(Rsyncd { server, relay, port, room })
    }

    pub(super) fn server(&self) -> Pid {
        self.server.pid()
    }

    /// What clients call the file or folder `name`.
    pub(super) fn place(&self, name: &str) -> String {
        format!("rsync://127.0.0.1:{}/{MODULE}/{name}", self.port)
    }
}
