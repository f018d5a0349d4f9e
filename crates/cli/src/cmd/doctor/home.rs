//! The state folder: settings, rights, key, database.

use std::fs;
use std::os::unix::fs::MetadataExt;

use landline_store::{Home, Keys as _, Store};

use super::Report;
use crate::config::Flags;
use crate::fail::Fail;
use crate::here::Here;
use crate::units;

/// Permission bits by which others may look around in a folder.
const OTHERS_LOOK: u32 = 0o055;

/// Whether the settings can be understood.
pub(in crate::cmd) fn settings(here: &Here, report: &mut Report) {
    match here.settings(&Flags::default()) {
        Ok(_) => report.ok("settings", "can be understood (landline config show prints them)"),
        Err(fail) => report.fail("settings", &fail),
    }
}

/// The folder itself. `None`: there is nothing further to look at.
pub(in crate::cmd) fn folder(here: &Here, report: &mut Report) -> Result<Option<Home>, Fail> {
    let path = here.home_path()?;
    let shown = path.display();
    let Ok(meta) = fs::metadata(&path) else {
        report.warn("state", format_args!("{shown} does not exist yet"), "nothing: the first command makes it");
        return Ok(None);
    };
    match Home::open_or_create(&path) {
        Ok(home) => {
            if meta.mode() & OTHERS_LOOK != 0 {
                let mode = meta.mode() & 0o777;
                report.warn(
                    "state",
                    format_args!("others may look into {shown} (mode {mode:04o})"),
                    &format!("chmod 700 {shown}"),
                );
            } else {
                report.ok("state", format_args!("{shown} is yours alone"));
            }
            Ok(Some(home))
        }
        Err(fault) => {
            report.fail("state", &fault.into());
            Ok(None)
        }
    }
}

/// The key file.
pub(in crate::cmd) fn key(home: &Home, report: &mut Report) {
    if !home.has_key() {
        return report.warn(
            "key",
            "this machine has no key yet",
            "nothing: the first call or landline key show makes it",
        );
    }
    match home.machine_key() {
        Ok(key) => report.ok("key", format_args!("fingerprint {}", key.public().fingerprint())),
        Err(fault) => report.fail("key", &fault.into()),
    }
}

/// The database and what is in it.
pub(in crate::cmd) async fn database(home: &Home, report: &mut Report) -> Option<Store> {
    let store = match Store::open(home) {
        Ok(store) => store,
        Err(fault) => {
            report.fail("database", &fault.into());
            return None;
        }
    };
    match store.integrity().await {
        Ok(problems) if problems.is_empty() => {
            let keys = store.list_keys().await.map(|keys| keys.len()).unwrap_or_default();
            let keys = units::count(u64::try_from(keys).unwrap_or(u64::MAX), "machine");
            report.ok("database", format_args!("sound; {keys} may call this one"));
        }
        Ok(problems) => {
            for problem in problems.iter().take(3) {
                report.bad(
                    "database",
                    problem,
                    "put back a copy of landline.db, or move it away to start without contacts",
                );
            }
        }
        Err(fault) => report.fail("database", &fault.into()),
    }
    Some(store)
}
