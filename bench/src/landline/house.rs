//! A house: a desk with users, each with a home there and a machine of his own.
//!
//! The owner adds a user and invites the user's machine by code, exactly as people would do it; that is done once, before
//! anything is measured. Homes lie in the desk's own folder, so in memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::Pid;

use super::pair::Program;
use crate::daemon::Daemon;
use crate::site::Site;
use crate::tools;

/// See the module.
pub(crate) struct House {
    server: Daemon,
    address: String,
    program: Program,
    homes: PathBuf,
    desk: PathBuf,
}

/// Somebody with a home at the desk.
pub(crate) struct User {
    machine: PathBuf,
    /// The home, as the desk's own disk has it.
    pub(crate) home: PathBuf,
}

impl House {
    /// Starts the desk of a build.
    ///
    /// # Errors
    /// If it does not start, in its own words.
    pub(crate) fn open(site: &Site, binary: &Path) -> Result<House> {
        let homes = site.room("house")?;
        let desk = homes.join("desk");
        let program = Program::new(binary, &homes)?;
        let (server, address) = program.serve(site, &desk, &site.share)?;
        Ok(House { server, address, program, homes, desk })
    }

    /// Adds a user, whose home may hold so much, and lets a machine of his in.
    ///
    /// # Errors
    /// With landline's own words for the step that failed.
    pub(crate) fn admit(&self, site: &Site, name: &str, quota: Option<&str>) -> Result<User> {
        let mut add = self.program.command(site, &self.desk);
        add.args(["user", "add", name]);
        if let Some(quota) = quota {
            add.args(["--quota", quota]);
        }
        tools::output(site, &mut add).context("landline user add")?;
        let user = User { machine: self.homes.join(name), home: self.desk.join("homes").join(name) };
        self.program.introduce(site, &self.desk, &user.machine, &self.address, Some(name))?;
        // The first call makes the home.
        tools::output(site, self.call(site, &user).args(["ls", "desk:"])).context("landline ls")?;
        fs::metadata(&user.home).with_context(|| format!("{name} has no home after the first call"))?;
        Ok(user)
    }

    /// landline as the machine of `user` runs it, arguments still to come.
    pub(crate) fn call(&self, site: &Site, user: &User) -> Command {
        self.program.command(site, &user.machine)
    }

    pub(crate) fn server(&self) -> Pid {
        self.server.pid()
    }
}
