//! `rsync`: over ssh, with ssh's default cipher or the fastest one it has here, and to a daemon in the clear.
//!
//! A tree is sent with `-a`, one file as it is. To take up what was cut short, both attempts are told `--partial --append-verify`,
//! which hashes what is there and appends the rest.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use rustix::process::Pid;

use super::rsyncd::Rsyncd;
use super::sshd::{HOST, Sshd};
use crate::contender::{Contender, Served};
use crate::measure::{self, Sample, Server};
use crate::relay::Relay;
use crate::site::Site;
use crate::tools;

/// The rows.
pub(crate) const SSH_NAME: &str = "rsync over ssh";
pub(crate) const SSH_AES_NAME: &str = "rsync over ssh aes128-gcm";
pub(crate) const DAEMON_NAME: &str = "rsync daemon";

/// Where the other end is.
#[derive(Clone, Copy)]
pub(crate) enum Over<'a> {
    Ssh(&'a Sshd),
    SshAes(&'a Sshd),
    Daemon(&'a Rsyncd),
}

/// See the module.
pub(crate) struct Rsync<'a> {
    site: &'a Site,
    over: Over<'a>,
    appends: bool,
    program: PathBuf,
    target: PathBuf,
}

impl<'a> Rsync<'a> {
    pub(crate) fn new(site: &'a Site, over: Over<'a>) -> Result<Rsync<'a>> {
        let room = match over {
            Over::Ssh(_) => site.room("rsync")?,
            Over::SshAes(_) => site.room("rsync-aes")?,
            Over::Daemon(daemon) => daemon.room.clone(),
        };
        let target = room.join(site.load.name);
        Ok(Rsync { site, over, appends: false, program: tools::find("rsync")?, target })
    }

    /// Taking up what is there.
    pub(crate) fn appending(self) -> Rsync<'a> {
        Rsync { appends: true, ..self }
    }
}

impl Contender for Rsync<'_> {
    fn security(&self) -> &'static str {
        match self.over {
            Over::Ssh(_) => "ssh, default cipher; checksum",
            Over::SshAes(_) => "ssh aes128-gcm; checksum",
            Over::Daemon(_) => "checksum only",
        }
    }

    fn target(&self) -> &Path {
        &self.target
    }

    fn transfer(&mut self) -> Result<Sample> {
        measure::transfer(self.site, &mut self.client(), Server::Stays(self.server()))
    }

    fn relay(&self) -> Option<&Relay> {
        match self.over {
            Over::Ssh(sshd) | Over::SshAes(sshd) => sshd.relay.as_ref(),
            Over::Daemon(daemon) => daemon.relay.as_ref(),
        }
    }
}

impl Served for Rsync<'_> {
    fn client(&self) -> Command {
        let mut client = tools::command(self.site, &self.program);
        client.arg("-q");
        if self.appends {
            client.args(["--partial", "--append-verify"]);
        }
        let mut source = self.site.load.path.clone();
        if self.site.load.is_tree() {
            client.arg("-a");
            source.push(""); // what is in it, as the target is the copy itself
        }
        let place = match self.over {
            Over::Ssh(sshd) | Over::SshAes(sshd) => {
                let mut shell = format!("{} -F {}", sshd.ssh.display(), sshd.config.display());
                if matches!(self.over, Over::SshAes(_)) {
                    shell.push_str(" -c aes128-gcm@openssh.com");
                }
                client.arg("-e").arg(shell);
                format!("{HOST}:{}", self.target.display())
            }
            Over::Daemon(daemon) => daemon.place(self.site.load.name),
        };
        client.arg(source).arg(place);
        client
    }

    fn server(&self) -> Pid {
        match self.over {
            Over::Ssh(sshd) | Over::SshAes(sshd) => sshd.server(),
            Over::Daemon(daemon) => daemon.server(),
        }
    }
}
