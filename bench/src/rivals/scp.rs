//! `scp` as everybody calls it: default cipher, over its SFTP protocol; of a tree with `-r`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::sshd::{HOST, Sshd};
use crate::contender::Contender;
use crate::measure::{self, Sample, Server};
use crate::site::Site;
use crate::tools;

/// The row that others are compared with.
pub(crate) const NAME: &str = "scp";

/// A tree of many files takes it so long that two rounds say enough.
const ROUNDS_OF_A_TREE: usize = 2;

/// See the module.
pub(crate) struct Scp<'a> {
    site: &'a Site,
    sshd: &'a Sshd,
    program: PathBuf,
    target: PathBuf,
}

impl<'a> Scp<'a> {
    pub(crate) fn new(site: &'a Site, sshd: &'a Sshd) -> Result<Scp<'a>> {
        Ok(Scp { site, sshd, program: tools::find("scp")?, target: site.room("scp")?.join(site.load.name) })
    }
}

impl Contender for Scp<'_> {
    fn security(&self) -> &'static str {
        "ssh, default cipher"
    }

    fn target(&self) -> &Path {
        &self.target
    }

    fn transfer(&mut self) -> Result<Sample> {
        let mut client = tools::command(self.site, &self.program);
        if self.site.load.is_tree() {
            client.arg("-r");
        }
        client.arg("-q").arg("-S").arg(&self.sshd.ssh).arg("-F").arg(&self.sshd.config);
        client.arg(&self.site.load.path).arg(format!("{HOST}:{}", self.target.display()));
        measure::transfer(self.site, &mut client, Server::Stays(self.sshd.server()))
    }

    fn rounds(&self) -> usize {
        if self.site.load.is_tree() { ROUNDS_OF_A_TREE } else { usize::MAX }
    }
}
