//! landline itself: two homes that know each other, and the rows `put` and `get`.
//!
//! One home serves a directory on a loopback port, the other joined it by code, exactly as two people would do it. The
//! calls are those of the real program; nothing here reaches inside it.

pub(crate) mod calls;
mod pair;

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result};

pub(crate) use self::pair::{Build, Pair};
use crate::contender::Contender;
use crate::measure::{self, Sample, Server};
use crate::site::Site;

/// The rows; all that begin so are ours.
pub(crate) const PUT_NAME: &str = "landline put";
pub(crate) const GET_NAME: &str = "landline get";
pub(crate) const DISK_NAME: &str = "landline put, disk";

/// Which way the file goes.
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
    /// Sends the file into the share of `pair`, on whichever medium that lies.
    pub(crate) fn put(site: &'a Site, pair: Rc<Pair>) -> Landline<'a> {
        let target = pair.share.join("big");
        Landline { site, pair, way: Way::Put, target }
    }

    /// Fetches the file from the share of `pair`, where it appears as a second name of the source.
    pub(crate) fn get(site: &'a Site, pair: Rc<Pair>) -> Result<Landline<'a>> {
        fs::hard_link(&site.source.path, pair.share.join("source")).context("cannot put the source into the share")?;
        let target = site.room("landline-get")?.join("big");
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
        let mut client = self.pair.laptop(self.site);
        match self.way {
            Way::Put => client.arg("put").arg(&self.site.source.path).arg("desk:big"),
            Way::Get => client.arg("get").arg("desk:source").arg(&self.target),
        };
        measure::transfer(self.site, &mut client, Server::Stays(&self.pair.server))
    }
}
