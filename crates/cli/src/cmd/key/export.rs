//! `key export`: this machine's key as text, under a passphrase.
//!
//! Invariant: the file is whole and readable by its owner alone from the first moment, and replaces nothing unasked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use landline_trust::export::Export;
use landline_trust::stretch::Cost;
use rand::RngCore as _;
use serde::Serialize;

use super::passphrase::Flags;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to write it, readable by you alone [default: standard output]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    passphrase: Flags,
    /// Replace FILE if it is there
    #[arg(long, requires = "file")]
    force: bool,
}

#[derive(Debug, Serialize)]
struct Exported {
    exported: String,
    file: Option<String>,
    /// The text itself, where it went into no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

pub(super) async fn run(args: Args, here: &Here) -> Result<(), Fail> {
    let Args { file, passphrase, force } = args;
    if let Some(file) = &file
        && !force
        && fs::symlink_metadata(file).is_ok()
    {
        return Err(taken(file));
    }
    let home = here.home()?;
    let key = home.machine_key()?;
    let followed = home.successors(&key.public())?;
    let passphrase = passphrase.new_one(here).await?;
    let mut salt = [0; landline_trust::export::SALT_BYTES];
    rand::rngs::OsRng
        .try_fill_bytes(&mut salt)
        .map_err(|fault| Fail::internal(format_args!("no random bytes: {fault}")))?;
    let sealing = tokio::task::spawn_blocking(move || Export::seal(&key, &followed, &passphrase, Cost::DEFAULT, salt));
    let sealed = sealing.await.map_err(|_| Fail::internal("the key could not be sealed"))?;
    let export = sealed.map_err(|fault| Fail::new(Exit::NoSpace, fault))?;
    let (text, fingerprint) = (export.to_text(), export.public().fingerprint());
    if let Some(file) = &file {
        write(file, text.as_bytes(), force)?;
    }
    if here.out.is_json() {
        let path = file.as_ref().map(|file| file.display().to_string());
        let text = file.is_none().then_some(text);
        here.out.object(&Exported { exported: fingerprint.to_string(), file: path, text });
    } else if file.is_none() {
        here.out.bytes(text.as_bytes());
    }
    let place = file.map_or_else(String::new, |file| format!(" to {}", file.display()));
    here.out.say(format_args!(
        "Exported the key {fingerprint}{place}. It opens with the passphrase alone: keep both, apart."
    ));
    Ok(())
}

fn write(file: &Path, text: &[u8], force: bool) -> Result<(), Fail> {
    let fail = |fault: &io::Error| Fail::io(format_args!("cannot write {}", file.display()), fault);
    let name = file.file_name().ok_or_else(|| Fail::usage(format_args!("{} is no name of a file", file.display())))?;
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".new-{:016x}", rand::rngs::OsRng.next_u64()));
    let draft = folder.join(draft);
    let mut open =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(|fault| fail(&fault))?;
    let placed = open.write_all(text).and_then(|()| open.sync_all()).and_then(|()| {
        // A link fails where the name is taken meanwhile.
        if force { fs::rename(&draft, file) } else { fs::hard_link(&draft, file) }
    });
    drop(fs::remove_file(&draft)); // renamed, it is gone
    match placed {
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Err(taken(file)),
        Err(fault) => Err(fail(&fault)),
        Ok(()) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(|fault| fail(&fault)),
    }
}

fn taken(file: &Path) -> Fail {
    Fail::new(Exit::Conflict, format_args!("{} is there already", file.display()))
        .hint("choose another name, or replace it with --force")
}
