//! `backup`: a copy of all that makes this machine itself, also while it serves.

use std::path::PathBuf;

use serde::Serialize;

use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;

/// Copy this machine\u{2019}s key, users, contacts and settings to a new folder, also while it serves
///
/// The copy is a state folder: `landline --home FOLDER` uses it, on this computer or another. It is as secret as the original.
/// Files that are served and the homes of users are not in it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to: a folder that is not there yet
    folder: PathBuf,
}

#[derive(Debug, Serialize)]
struct BackedUp {
    backup: String,
    fingerprint: String,
}

pub(crate) async fn run(args: Args, here: &Here) -> Result<Exit, Fail> {
    if args.folder.symlink_metadata().is_ok() {
        return Err(Fail::new(Exit::Conflict, format_args!("{} exists already", args.folder.display()))
            .hint("name a folder that is not there yet; the one that is was not touched"));
    }
    let (home, store) = (here.home()?, here.store()?);
    let fingerprint = home.machine_key()?.public().fingerprint().to_string();
    store.back_up(&home, &args.folder).await?;
    let folder = args.folder.display().to_string();
    if here.out.is_json() {
        here.out.object(&BackedUp { backup: folder.clone(), fingerprint: fingerprint.clone() });
    }
    here.out.say(format_args!("Backed up to {folder}: the key {fingerprint}, users, contacts, settings."));
    here.out.say("Whoever has this folder is this machine: keep it as safe. To use it: landline --home FOLDER");
    Ok(Exit::Done)
}
