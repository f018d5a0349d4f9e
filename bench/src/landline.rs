//! landline itself: two homes that know each other, and the rows `put` and `get`.
//!
//! One home serves a directory on a loopback port, the other joined it by code, exactly as two people would do it. The
//! calls are those of the real program; nothing here reaches inside it. What is put arrives in a folder of the share. A
//! `house` has users with homes instead.

pub(crate) mod calls;
mod house;
mod pair;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use anyhow::Result;
use rustix::process::Pid;

pub(crate) use self::house::{House, User};
pub(crate) use self::pair::{Build, Pair};
use crate::contender::{Contender, Served};
use crate::measure::{self, Sample, Server};
use crate::relay::Relay;
use crate::site::Site;

/// The rows; all that begin so are ours.
pub(crate) const PUT_NAME: &str = "landline put";
pub(crate) const GET_NAME: &str = "landline get";
pub(crate) const DISK_NAME: &str = "landline put, disk";

/// Which way the source goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Put,
    Get,
}

/// One row of landline.
pub(crate) struct Landline<'a> {
    site: &'a Site,
    pair: Rc<Pair>,
    way: Way,
    target: PathBuf,
}

impl<'a> Landline<'a> {
    /// Sends the source into the share of `pair`, on whichever medium that lies.
    pub(crate) fn put(site: &'a Site, pair: Rc<Pair>) -> Landline<'a> {
        let target = pair.inbox.join(site.load.name);
        Landline { site, pair, way: Way::Put, target }
    }

    /// Fetches the source from the share of `pair`, which must be the site's.
    pub(crate) fn get(site: &'a Site, pair: Rc<Pair>) -> Result<Landline<'a>> {
        let target = site.room("landline-get")?.join(site.load.name);
        Ok(Landline { site, pair, way: Way::Get, target })
    }
}

impl Contender for Landline<'_> {
    fn security(&self) -> &'static str {
        "TLS 1.3, BLAKE3 at both ends"
    }

    fn target(&self) -> &Path {
        &self.target
    }

    fn transfer(&mut self) -> Result<Sample> {
        measure::transfer(self.site, &mut self.client(), Server::Stays(self.server()))
    }

    fn relay(&self) -> Option<&Relay> {
        self.pair.relay()
    }
}

impl Served for Landline<'_> {
    /// A tree goes into a folder that is there, both ways: a target of its own name would be another folder the second time.
    fn client(&self) -> Command {
        let (load, mut client) = (&self.site.load, self.pair.laptop(self.site));
        match self.way {
            Way::Put => {
                let name = if load.is_tree() { "" } else { load.name };
                client.arg("put").arg(&load.path).arg(format!("desk:{}/{name}", pair::INBOX));
            }
            Way::Get => {
                let room = self.target.parent().filter(|_| load.is_tree());
                client.arg("get").arg(format!("desk:{}", load.name)).arg(room.unwrap_or(&self.target));
            }
        }
        client
    }

    fn server(&self) -> Pid {
        self.pair.server()
    }

    fn restart(&self) -> Result<()> {
        self.pair.restart(self.site)
    }
}
