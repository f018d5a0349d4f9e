//! Users: who may do what, each in a home of his own.

mod found;
mod grants;
mod homes;
mod kills;
mod logins;
mod quotas;
mod remote;
mod together;

use std::path::PathBuf;

use landline_testkit::{Machine, Office, Serving};
use serde_json::Value;

use super::scene::{BIN, serve};

/// A desk that serves, and machines that know it as users.
pub(crate) struct House {
    pub(crate) desk: Serving,
    pub(crate) office: Office,
}

impl House {
    pub(crate) fn new() -> Self {
        let office = Office::new(BIN);
        let desk = serve(&office.machine("desk"), &[]);
        Self { desk, office }
    }

    /// `landline user WORDS` on the desk.
    #[track_caller]
    pub(crate) fn user(&self, words: &[&str]) {
        self.desk.machine().cmd(["user"]).args(words).succeeds();
    }

    /// A machine of `user`, who was added.
    #[track_caller]
    pub(crate) fn machine_of(&self, user: &str) -> Machine {
        self.another_of(user, user)
    }

    /// The same with a name of its own.
    #[track_caller]
    pub(crate) fn another_of(&self, user: &str, name: &str) -> Machine {
        let machine = self.office.machine(name);
        machine.joins_as(&self.desk, "desk", Some(user));
        machine
    }

    /// `user` with a machine.
    #[track_caller]
    pub(crate) fn added(&self, user: &str, words: &[&str]) -> Machine {
        self.user(&[&["add", user], words].concat());
        self.machine_of(user)
    }

    pub(crate) fn share(&self) -> PathBuf {
        self.desk.machine().share()
    }

    /// Where a home lies.
    pub(crate) fn home(&self, user: &str) -> PathBuf {
        self.desk.machine().home().join("homes").join(user)
    }

    /// What is told of a user.
    #[track_caller]
    pub(crate) fn told(&self, user: &str) -> Value {
        self.desk.machine().cmd(["user", "show", user, "--json"]).succeeds().json_line()
    }
}

/// The names that `ls` prints.
#[track_caller]
pub(crate) fn ls(machine: &Machine, place: &str) -> Vec<String> {
    let done = machine.cmd(["ls", "-a", place]).succeeds();
    String::from_utf8(done.stdout_bytes().to_vec()).unwrap().lines().map(str::to_owned).collect()
}
