//! `key rotate`: a new key for this machine, which the old one names as its successor.

use std::time::{SystemTime, UNIX_EPOCH};

use landline_store::{Home, ServeLock, StoreError};
use serde::Serialize;

use crate::fail::Fail;
use crate::here::Here;

#[derive(Debug, Serialize)]
struct Rotated {
    fingerprint: String,
    replaced: String,
}

pub(super) fn run(here: &Here) -> Result<(), Fail> {
    let home = here.home()?;
    let lock = lock(&home)?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let rotated = home.rotate_key(&lock, seconds)?;
    let (new, old) = (rotated.new.fingerprint(), rotated.old.fingerprint());
    if here.out.is_json() {
        here.out.object(&Rotated { fingerprint: new.to_string(), replaced: old.to_string() });
    }
    here.out.say(format_args!("This machine has a new key: {new} (until now {old})."));
    here.out.say(
        "Machines that know the old one follow at the next call, from either side; until then the old one counts.",
    );
    here.out.say(
        "If the old key was stolen, have it revoked wherever it may call: landline key revoke, on those machines.",
    );
    Ok(())
}

/// The right to change the key: no server runs on it, and none starts until this is dropped.
pub(super) fn lock(home: &Home) -> Result<ServeLock, Fail> {
    home.lock_for_serving().map_err(|fault| match fault {
        StoreError::AlreadyServing { pid, .. } => Fail::from(fault).hint(format_args!(
            "the key of a running server can't be changed; end it first: kill {pid}, and serve again afterwards"
        )),
        other => other.into(),
    })
}
