//! Scene: two machines that know each other, for the tests of files.
//!
//! In: nothing, or how the binary is to be started. Out: `desk`, serving, and `laptop`, to which `desk:` means it; what
//! lies in a folder as a value that can be compared; staging files that were left.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use landline_testkit::{Cmd, Linkbox, Machine, Office, Random, Serving};

pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_landline");
pub(crate) const MIB: usize = 1 << 20;

/// The reserved prefix of files that are still arriving.
pub(crate) const STAGING: &str = ".landline-part-";

/// Killed and removed when dropped, the server first.
pub(crate) struct Scene {
    pub(crate) desk: Serving,
    pub(crate) laptop: Machine,
    pub(crate) office: Office,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let office = Office::new(BIN);
        let (desk, laptop) = office.introduced();
        Self { desk, laptop, office }
    }

    /// A desk that is started with more arguments.
    pub(crate) fn serving_with(arguments: &[&str]) -> Self {
        Self::in_office(Office::new(BIN), arguments)
    }

    /// A desk whose every start goes through `script`, in which `"$@"` is the command with all its arguments.
    pub(crate) fn started_by(script: &str) -> Self {
        Self::started_by_with(script, &[])
    }

    pub(crate) fn started_by_with(script: &str, arguments: &[&str]) -> Self {
        let around = tempfile::tempdir().unwrap();
        let program = around.path().join("landline");
        let text = format!("#!/bin/sh\nset -e -- {BIN} \"$@\"\n[ \"$2\" = serve ] || exec \"$@\"\n{script}\n");
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self::in_office(Office::new(&program), arguments).on(around)
    }

    fn in_office(office: Office, arguments: &[&str]) -> Self {
        let desk = office.machine("desk");
        let share = desk.share();
        let serve = desk.cmd([OsStr::new("serve"), share.as_os_str(), OsStr::new("--listen")]);
        let desk = serve.args(["tcp://127.0.0.1:0", "--json"]).args(arguments).serving();
        let laptop = office.machine("laptop");
        laptop.joins(&desk, "desk");
        Self { desk, laptop, office }
    }

    /// Every start has happened, except those of the machines' commands, which find the program where it is moved to.
    fn on(self, around: tempfile::TempDir) -> Self {
        // The program must stay as long as commands are run: it goes with the office.
        fs::rename(around.keep(), self.office.root().join("around")).unwrap();
        std::os::unix::fs::symlink(self.office.root().join("around"), self.around()).unwrap();
        self
    }

    fn around(&self) -> PathBuf {
        unreachable!()
    }

    pub(crate) fn share(&self) -> PathBuf {
        self.desk.machine().share()
    }

    /// Another machine that knows the desk.
    pub(crate) fn another(&self, name: &str) -> Machine {
        let machine = self.office.machine(name);
        machine.joins(&self.desk, "desk");
        machine
    }

    /// A line through which the laptop calls from now on.
    pub(crate) fn line(&self) -> Linkbox {
        let line = Linkbox::to(self.desk.addr());
        self.laptop.dials_through("desk", &line);
        line
    }

    /// `landline put SOURCE TARGET` on the laptop.
    pub(crate) fn put(&self, source: impl AsRef<OsStr>, target: impl AsRef<OsStr>) -> Cmd {
        self.laptop.cmd(["put"]).arg(source).arg(target)
    }

    /// `landline get SOURCE TARGET` on the laptop.
    pub(crate) fn get(&self, source: impl AsRef<OsStr>, target: impl AsRef<OsStr>) -> Cmd {
        self.laptop.cmd(["get"]).arg(source).arg(target)
    }
}
