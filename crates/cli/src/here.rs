//! Here: what a command knows of where it runs: how to speak, which home is meant, how to call.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use landline_addr::contact::ContactName;
use landline_services::line::{Line, NewKey};
use landline_store::{Home, Store};

use crate::config::{Flags, Settings};
use crate::fail::Fail;
use crate::out::Out;

/// The surroundings of one command.
#[derive(Clone)]
pub(crate) struct Here {
    /// Where it speaks.
    pub(crate) out: Out,
    /// How many `-v` were given.
    pub(crate) verbose: u8,
    home: Option<Arc<Path>>,
}

impl Here {
    /// `home`: the folder named on the command line, if one was.
    pub(crate) fn new(out: Out, verbose: u8, home: Option<&Path>) -> Self {
        Self { out, verbose, home: home.map(Arc::from) }
    }

    /// Where the home is or will be. Touches nothing.
    ///
    /// # Errors
    /// If nothing says where.
    pub(crate) fn home_path(&self) -> Result<PathBuf, Fail> {
        Ok(Home::locate(self.home.as_deref())?)
    }

    /// The home, made at first use.
    ///
    /// # Errors
    /// If it is not ours, or can't be made.
    pub(crate) fn home(&self) -> Result<Home, Fail> {
        Ok(Home::open_or_create(self.home_path()?)?)
    }

    /// The database, made at first use.
    ///
    /// # Errors
    /// As the store says.
    pub(crate) fn store(&self) -> Result<Store, Fail> {
        Ok(Store::open(&self.home()?)?)
    }

    /// The way to other machines.
    ///
    /// # Errors
    /// As home, key or database fail.
    pub(crate) fn line(&self) -> Result<Line, Fail> {
        let out = self.out.clone();
        // Not silenced by quiet: whom a name means has changed, if rightly.
        Ok(Line::open(self.home()?)?.telling(move |news| out.note(new_key(news))))
    }

    /// The settings: `flags` > environment > `config.toml` of the home > defaults.
    ///
    /// # Errors
    /// If one of them can't be understood.
    pub(crate) fn settings(&self, flags: &Flags) -> Result<Settings, Fail> {
        Settings::load(flags, &|name| std::env::var_os(name), &self.home_path()?.join("config.toml"))
    }
}

/// That a contact has a new key, in one line.
pub(crate) fn new_key(news: &NewKey) -> String {
    let names: Vec<&str> = news.contacts.iter().map(ContactName::as_str).collect();
    let (names, old, new) = (names.join(", "), news.old.fingerprint(), news.new.fingerprint());
    format!("{names} has a new key, named by the one you knew: {new} (until now {old})")
}

/// What this computer calls itself, up to its first dot; empty if it has no name.
pub(crate) fn host_name() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}
