//! `nc`, OpenBSD's netcat: the file in the clear over one TCP connection, nothing verified. The floor without security.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::contender::Contender;
use crate::daemon::{self, Daemon};
use crate::measure::{self, Sample, Server};
use crate::site::Site;
use crate::tools;

/// What the row is called.
pub(crate) const NAME: &str = "nc";

/// See the module.
pub(crate) struct Nc<'a> {
    site: &'a Site,
    program: PathBuf,
    target: PathBuf,
}

impl<'a> Nc<'a> {
    pub(crate) fn new(site: &'a Site) -> Result<Nc<'a>> {
        Ok(Nc { site, program: find()?, target: site.room("nc")?.join("big") })
    }
}

/// Where `nc` is.
///
/// # Errors
/// Also if it is another netcat: their options differ.
pub(super) fn find() -> Result<PathBuf> {
    let program = tools::find("nc")?;
    let said = tools::version("nc", "-h").unwrap_or_default();
    ensure!(said.contains("OpenBSD"), "nc is not OpenBSD's netcat ({said})");
    Ok(program)
}

impl Contender for Nc<'_> {
    fn security(&self) -> &'static str {
        "none"
    }

    fn target(&self) -> &Path {
        &self.target
    }

    fn transfer(&mut self) -> Result<Sample> {
        let port = daemon::free_port()?.to_string();
        let mut receive = tools::command(self.site, &self.program);
        receive.args(["-d", "-l", "127.0.0.1", &port]);
        receive.stdout(File::create_new(&self.target).context("cannot make the target")?);
        let mut receiver = Daemon::start(self.site, "nc", &mut receive)?;
        receiver.wait_listening(port.parse()?)?;

        let mut send = tools::command(self.site, &self.program);
        send.args(["-N", "127.0.0.1", &port]).stdin(File::open(&self.site.load.path)?);
        measure::transfer(self.site, &mut send, Server::Ends(receiver))
    }
}
