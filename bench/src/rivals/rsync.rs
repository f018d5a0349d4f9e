//! `rsync` over ssh, with ssh's default cipher and with the fastest one it has here.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::sshd::{HOST, Sshd};
use crate::contender::Contender;
use crate::measure::{self, Sample, Server};
use crate::site::Site;
use crate::tools;

/// Which cipher ssh is told to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cipher {
    Default,
    Aes128Gcm,
}

impl Cipher {
    /// What the row is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Cipher::Default => "rsync over ssh",
            Cipher::Aes128Gcm => "rsync over ssh aes128-gcm",
        }
    }
}

/// See the module.
pub(crate) struct Rsync<'a> {
    site: &'a Site,
    sshd: &'a Sshd,
    cipher: Cipher,
    program: PathBuf,
    target: PathBuf,
}

impl<'a> Rsync<'a> {
    pub(crate) fn new(site: &'a Site, sshd: &'a Sshd, cipher: Cipher) -> Result<Rsync<'a>> {
        Ok(Rsync { site, sshd, cipher, program: tools::find("rsync")?, target: site.room("rsync")?.join("big") })
    }
}

impl Contender for Rsync<'_> {
    fn security(&self) -> &'static str {
        match self.cipher {
            Cipher::Default => "ssh, default cipher; checksum",
            Cipher::Aes128Gcm => "ssh aes128-gcm; checksum",
        }
    }

    fn target(&self) -> &Path {
        &self.target
    }

    fn transfer(&mut self) -> Result<Sample> {
        let mut shell = format!("{} -F {}", self.sshd.ssh.display(), self.sshd.config.display());
        if self.cipher == Cipher::Aes128Gcm {
            shell.push_str(" -c aes128-gcm@openssh.com");
        }
        let mut client = tools::command(self.site, &self.program);
        client.arg("-q").arg("-e").arg(shell);
        client.arg(&self.site.source.path).arg(format!("{HOST}:{}", self.target.display()));
        measure::transfer(self.site, &mut client, Server::Stays(&self.sshd.server))
    }
}
