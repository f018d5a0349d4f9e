//! `tar` at both ends of a line: in the clear over `nc`, and over ssh with the fastest cipher it has here.
//!
//! The shell joins the programs, as people do; every word of ours reaches it as a parameter, never as a part of the script.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::nc;
use super::sshd::{HOST, Sshd};
use crate::contender::Contender;
use crate::daemon::{self, Daemon};
use crate::measure::{self, Sample, Server};
use crate::site::Site;
use crate::tools;

/// The rows.
pub(crate) const NC_NAME: &str = "tar, nc";
pub(crate) const SSH_NAME: &str = "tar over ssh aes128-gcm";

/// What carries the archive.
enum Over<'a> {
    Nc(PathBuf),
    Ssh(&'a Sshd),
}

/// See the module.
pub(crate) struct Tar<'a> {
    site: &'a Site,
    over: Over<'a>,
    shell: PathBuf,
    tar: PathBuf,
    room: PathBuf,
    target: PathBuf,
}

impl<'a> Tar<'a> {
    pub(crate) fn over_nc(site: &'a Site) -> Result<Tar<'a>> {
        Tar::new(site, "tar-nc", Over::Nc(nc::find()?))
    }

    pub(crate) fn over_ssh(site: &'a Site, sshd: &'a Sshd) -> Result<Tar<'a>> {
        Tar::new(site, "tar-ssh", Over::Ssh(sshd))
    }

    fn new(site: &'a Site, room: &str, over: Over<'a>) -> Result<Tar<'a>> {
        let (shell, tar, room) = (tools::find("sh")?, tools::find("tar")?, site.room(room)?);
        let target = room.join(site.load.name);
        Ok(Tar { site, over, shell, tar, room, target })
    }

    /// A script; `$0` is tar, the words are `$1`, `$2` and so on.
    fn script(&self, script: &str) -> Command {
        let mut command = tools::command(self.site, &self.shell);
        command.arg("-c").arg(script).arg(&self.tar);
        command
    }
}

impl Contender for Tar<'_> {
    fn security(&self) -> &'static str {
        match self.over {
            Over::Nc(_) => "none",
            Over::Ssh(_) => "ssh aes128-gcm",
        }
    }

    fn target(&self) -> &Path {
        &self.target
    }

    fn transfer(&mut self) -> Result<Sample> {
        let parent = self.site.load.path.parent().context("the source lies in no directory")?;
        match &self.over {
            Over::Nc(nc) => {
                let port = daemon::free_port()?;
                let mut receive = self.script(r#""$1" -d -l 127.0.0.1 "$2" | "$0" -x -f - -C "$3""#);
                receive.arg(nc).arg(port.to_string()).arg(&self.room);
                let mut receiver = Daemon::start(self.site, "nc", &mut receive)?;
                receiver.wait_listening(port)?;
                let mut send = self.script(r#""$0" -c -f - -C "$3" "$4" | "$1" -N 127.0.0.1 "$2""#);
                send.arg(nc).arg(port.to_string()).arg(parent).arg(self.site.load.name);
                measure::transfer(self.site, &mut send, Server::Ends(receiver))
            }
            Over::Ssh(sshd) => {
                // The other end's shell reads the command; our paths hold nothing that it would not take as it is.
                let remote = format!("{} -x -f - -C {}", self.tar.display(), self.room.display());
                let mut send =
                    self.script(r#""$0" -c -f - -C "$1" "$2" | "$3" -F "$4" -c aes128-gcm@openssh.com "$5" "$6""#);
                send.arg(parent).arg(self.site.load.name).arg(&sshd.ssh).arg(&sshd.config).arg(HOST).arg(remote);
                measure::transfer(self.site, &mut send, Server::Stays(sshd.server()))
            }
        }
    }
}
