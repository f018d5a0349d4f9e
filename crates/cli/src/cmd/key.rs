//! `key`: this machine's own key, and the keys of machines that may call it.

mod export;
mod import;
mod passphrase;
mod rotate;

use std::time::SystemTime;

use landline_addr::contact::{ContactName, Machine};
use landline_services::admin::msg::Request;
use landline_services::admin::{Admin, note_without_server};
use landline_services::line::{Line, LineError};
use landline_store::{EnrolledKey, Keys as _};
use landline_trust::key::Fingerprint;
use landline_wire::shown;
use serde::Serialize;

use crate::config::Flags;
use crate::exit::Exit;
use crate::fail::{Fail, line_fail};
use crate::here::Here;
use crate::units;

/// Show, export, import or change this machine's key; see who may call it, revoke a key
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

/// What to do with keys.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print this machine's fingerprint, to be compared by people
    Show,
    /// List the machines that may call this one
    List,
    /// Take a machine's right to call this one; its open calls are cut
    Revoke {
        /// Its fingerprint, the beginning of it, or what the machine calls itself
        which: String,
        /// At another machine, where this one needs the grant admin; the whole fingerprint is wanted then, as landline user
        /// show --at CONTACT tells it
        #[arg(long, value_name = "CONTACT")]
        at: Option<ContactName>,
    },
    /// Write this machine's key under a passphrase, to be kept in a safe place
    Export(export::Args),
    /// Take a key that was exported: this machine becomes the one that it was exported on
    Import(import::Args),
    /// Give this machine a new key; those who know the old one follow by themselves
    Rotate,
}

#[derive(Debug, Serialize)]
struct Shown {
    fingerprint: String,
}

#[derive(Debug, Serialize)]
struct KeyObject<'a> {
    fingerprint: String,
    user: &'a str,
    label: &'a str,
    enrolled: Option<String>,
    last_seen: Option<String>,
}

#[derive(Debug, Serialize)]
struct RevokedObject {
    revoked: String,
    cut: usize,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    match args.what {
        What::Show => {
            let fingerprint = here.home()?.machine_key()?.public().fingerprint().to_string();
            if here.out.is_json() { here.out.object(&Shown { fingerprint }) } else { here.out.line(fingerprint) }
        }
        What::List => list(here, &here.store()?.list_keys().await?),
        What::Revoke { which, at: None } => revoke(here, &which).await?,
        What::Revoke { which, at: Some(contact) } => revoke_at(here, &contact, &which).await?,
        What::Export(args) => export::run(args, here).await?,
        What::Import(args) => import::run(args, here).await?,
        What::Rotate => rotate::run(here)?,
    }
    Ok(Exit::Done)
}

fn list(here: &Here, keys: &[EnrolledKey]) {
    if here.out.is_json() {
        return keys.iter().for_each(|key| here.out.row(&object(key)));
    }
    let width = keys.iter().map(|key| key.user.chars().count()).max().unwrap_or(0);
    for key in keys {
        let seen =
            key.last_seen.map_or_else(|| "never called".to_owned(), |time| format!("called {}", units::local(time)));
        let (user, label) = (shown(&key.user).to_string(), shown(&key.label));
        here.out.line(format_args!("{}  {user:<width$}  {seen:<23}  {label}", key.key.fingerprint()));
    }
    if keys.is_empty() {
        here.out.say("No machine may call this one yet. To let one: landline invite");
    }
}

fn object(key: &EnrolledKey) -> KeyObject<'_> {
    KeyObject {
        fingerprint: key.key.fingerprint().to_string(),
        user: &key.user,
        label: &key.label,
        enrolled: units::utc(key.enrolled_at),
        last_seen: key.last_seen.and_then(|time: SystemTime| units::utc(time)),
    }
}

/// Takes a key's right to call another machine.
async fn revoke_at(here: &Here, contact: &ContactName, which: &str) -> Result<(), Fail> {
    let fingerprint: Fingerprint = which.parse().map_err(|_| {
        Fail::usage(format_args!("{} is no whole fingerprint", shown(which)))
            .hint(format_args!("landline user show USER --at {contact} tells those of a user's machines"))
    })?;
    let fail = |fault| line_fail(contact.as_str(), fault);
    let mut admin = Admin::open_at(&here.line()?, &Machine::Contact(contact.clone())).await.map_err(fail)?;
    let revoked = admin.revoke(&fingerprint.to_string()).await.map_err(fail)?;
    if here.out.is_json() {
        here.out.object(&RevokedObject { revoked: fingerprint.to_string(), cut: revoked.cut });
    }
    here.out.say(format_args!("The machine with the key {fingerprint} may not call {contact} any more."));
    tell_cut(here, revoked.cut);
    Ok(())
}

fn tell_cut(here: &Here, cut: usize) {
    if cut > 0 {
        here.out.say(format_args!("{} cut.", units::count(u64::try_from(cut).unwrap_or(u64::MAX), "open call")));
    }
}

async fn revoke(here: &Here, which: &str) -> Result<(), Fail> {
    let line = here.line()?;
    let keys = line.store().list_keys().await?;
    let key = pick(&keys, which)?;
    let fingerprint = key.key.fingerprint();
    let cut = through_server(&line, &fingerprint.to_string()).await?;
    if cut.is_none() {
        // No server runs, so there is no call to cut.
        line.store().revoke(&fingerprint).await?;
        if here.settings(&Flags::default())?.audit.value {
            let (home, act) = (line.home().clone(), Request::Revoke { fingerprint: fingerprint.to_string() });
            // A panic in it has told what it could; the key is revoked.
            drop(tokio::task::spawn_blocking(move || note_without_server(&home, &act)).await);
        }
    }
    let cut = cut.unwrap_or(0);
    if here.out.is_json() {
        here.out.object(&RevokedObject { revoked: fingerprint.to_string(), cut });
    }
    let label = shown(&key.label);
    here.out.say(format_args!("{label} ({fingerprint}) may not call this machine any more."));
    tell_cut(here, cut);
    Ok(())
}

/// Asks the running server, which cuts open calls at once; `None` if none runs.
async fn through_server(line: &Line, fingerprint: &str) -> Result<Option<usize>, Fail> {
    let mut admin = match Admin::open(line).await {
        Ok(admin) => admin,
        Err(LineError::NotServing { .. }) => return Ok(None),
        Err(fault) => return Err(fault.into()),
    };
    Ok(Some(admin.revoke(fingerprint).await?.cut))
}

/// The one key that is meant: by its whole fingerprint, else by the beginning of it, else by label. In this order,
/// because a label is the other machine's own choice and might be somebody's fingerprint. A tie is never broken by
/// guessing.
fn pick<'a>(keys: &'a [EnrolledKey], which: &str) -> Result<&'a EnrolledKey, Fail> {
    let whole = which.parse::<Fingerprint>().ok();
    if let Some(key) = keys.iter().find(|key| Some(key.key.fingerprint()) == whole) {
        return Ok(key);
    }
    let mut found: Vec<&EnrolledKey> = keys.iter().filter(|key| key.key.fingerprint().matches_prefix(which)).collect();
    if found.is_empty() {
        found = keys.iter().filter(|key| key.label == which).collect();
    }
    match found.as_slice() {
        [key] => Ok(key),
        [] => Err(Fail::new(Exit::NotFound, format_args!("no enrolled key is called {}", shown(which)))
            .hint("landline key list shows all of them")),
        several => {
            let fail = Fail::new(Exit::Conflict, format_args!("{} means {} keys", shown(which), several.len()));
            let fail = several
                .iter()
                .fold(fail, |fail, key| fail.cause(format_args!("{}  {}", key.key.fingerprint(), shown(&key.label))));
            Err(fail.hint("give more of the fingerprint"))
        }
    }
}

#[cfg(test)]
mod tests {
    use landline_trust::key::PublicKey;

    use super::*;

    fn keys() -> Vec<EnrolledKey> {
        let key = |byte, label: &str| EnrolledKey {
            key: PublicKey::from_bytes([byte; 32]),
            user: "friends".to_owned(),
            label: label.to_owned(),
            enrolled_at: SystemTime::UNIX_EPOCH,
            last_seen: None,
        };
        vec![key(1, "laptop"), key(2, "phone"), key(3, "phone")]
    }

    #[test]
    fn a_key_is_picked_by_fingerprint_beginning_or_label() {
        let keys = keys();
        let whole = keys[1].key.fingerprint().to_string();
        assert_eq!(pick(&keys, &whole).unwrap(), &keys[1]);
        assert_eq!(pick(&keys, &whole[..9].to_uppercase()).unwrap(), &keys[1]);
        assert_eq!(pick(&keys, "laptop").unwrap(), &keys[0]);
    }

    #[test]
    fn a_label_that_is_somebodys_fingerprint_protects_nobody() {
        let mut keys = keys();
        let (first, second) = (keys[0].key.fingerprint().to_string(), keys[1].key.fingerprint().to_string());
        (keys[0].label, keys[1].label) = (second.clone(), first.clone());
        assert_eq!(pick(&keys, &first).unwrap(), &keys[0]);
        assert_eq!(pick(&keys, &second[..9]).unwrap(), &keys[1]);
    }

    #[test]
    fn a_tie_is_never_broken_by_guessing() {
        let keys = keys();
        let fail = pick(&keys, "phone").unwrap_err();
        assert_eq!((fail.exit(), fail.causes().len()), (Exit::Conflict, 2));
        assert_eq!(pick(&keys, "").unwrap_err().exit(), Exit::NotFound);
        assert_eq!(pick(&keys, "tablet").unwrap_err().exit(), Exit::NotFound);
    }
}
