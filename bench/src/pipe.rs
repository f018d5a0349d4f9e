//! The bare pipeline: what this machine can do for a file that is encrypted and verified, with no real program round it.
//!
//! The yardstick of the whole table. One sending and one receiving process, one thread each: read, BLAKE3, AES-128-GCM,
//! one loopback TCP connection, AES-128-GCM, BLAKE3, write; 1 MiB at a time. It has no names, no resume, no keys of its
//! own: the bench hands both ends the key. `ends` is what runs in the two processes; here is the row. `raw` is less still: the
//! file over one TCP connection as it is, through a relay that delays.

mod ends;
pub(crate) mod raw;

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;

pub(crate) use self::ends::{receive, send};
use crate::contender::{Contender, Medium};
use crate::daemon::Daemon;
use crate::measure::{self, Sample, Server};
use crate::relay::{Line, Relay};
use crate::site::Site;
use crate::tools;

/// The row that others are compared with.
pub(crate) const NAME: &str = "pipe";
/// The same onto a disk.
pub(crate) const DISK_NAME: &str = "pipe, disk";

/// See the module.
pub(crate) struct Pipe<'a> {
    site: &'a Site,
    me: PathBuf,
    target: PathBuf,
    medium: Medium,
    line: Line,
}

impl<'a> Pipe<'a> {
    /// The pipeline over `line`, into memory, or onto the disk and made durable.
    pub(crate) fn new(site: &'a Site, medium: Medium, line: Line) -> Result<Pipe<'a>> {
        let room = match medium {
            Medium::Memory => site.room("pipe")?,
            Medium::Disk => site.disk_room("pipe")?,
        };
        Ok(Pipe { site, me: tools::this_program()?, target: room.join("big"), medium, line })
    }
}

impl Contender for Pipe<'_> {
    fn security(&self) -> &'static str {
        "AES-128-GCM, BLAKE3 at both ends"
    }

    fn target(&self) -> &std::path::Path {
        &self.target
    }

    fn transfer(&mut self) -> Result<Sample> {
        let key = ends::fresh_key()?;
        let mut receive = tools::command(self.site, &self.me);
        receive.arg("pipe-recv").arg(&self.target).env(ends::KEY_VARIABLE, &key).stdout(Stdio::piped());
        if self.medium == Medium::Disk {
            receive.arg("--durable");
        }
        let mut receiver = Daemon::start(self.site, "pipe-recv", &mut receive)?;
        let lines = receiver.lines()?;
        let port = receiver.wait_line(&lines, |line| line.strip_prefix("port ")?.parse::<u16>().ok())?;
        let relay = self.line.to(port)?;
        let port = relay.as_ref().map_or(port, Relay::port);

        let mut send = tools::command(self.site, &self.me);
        send.arg("pipe-send").arg(&self.site.load.path).arg(port.to_string()).env(ends::KEY_VARIABLE, &key);
        measure::transfer(self.site, &mut send, Server::Ends(receiver))
    }
}
