//! `cp -r`: no network at all, the yardstick of many small files.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::contender::Contender;
use crate::measure::{self, Sample, Server};
use crate::site::Site;
use crate::tools;

/// What the row is called.
pub(crate) const NAME: &str = "cp -r";

/// See the module.
pub(crate) struct Cp<'a> {
    site: &'a Site,
    program: PathBuf,
    target: PathBuf,
}

impl<'a> Cp<'a> {
    pub(crate) fn new(site: &'a Site) -> Result<Cp<'a>> {
        Ok(Cp { site, program: tools::find("cp")?, target: site.room("cp")?.join(site.load.name) })
    }
}

impl Contender for Cp<'_> {
    fn security(&self) -> &'static str {
        "no network"
    }

    fn target(&self) -> &Path {
        &self.target
    }

    fn transfer(&mut self) -> Result<Sample> {
        let mut client = tools::command(self.site, &self.program);
        client.arg("-r").arg(&self.site.load.path).arg(&self.target);
        measure::transfer(self.site, &mut client, Server::Nobody)
    }
}
