//! `key import`: an exported key becomes this machine's.
//!
//! Invariants: nothing changes while a server runs on this home; a key that somebody knows is not lost unasked.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use landline_store::{Contacts as _, Home, Keys as _, Store};
use landline_trust::export::{Export, ExportError, LONGEST_TEXT_BYTES};
use landline_trust::key::PublicKey;
use serde::Serialize;

use super::passphrase::Flags;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::units::count;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What `landline key export` wrote (- is standard input)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    passphrase: Flags,
    /// Replace this machine's key even if others know it
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Serialize)]
struct Imported {
    imported: String,
    /// The key until now, if there was one and it is another.
    replaced: Option<String>,
}

pub(super) async fn run(args: Args, here: &Here) -> Result<(), Fail> {
    let from_stdin = args.file == Path::new("-");
    if from_stdin && args.passphrase.reads_stdin() {
        return Err(Fail::usage("the key and the passphrase can't both come from standard input"));
    }
    let export = Export::parse(&read(&args.file)?).map_err(|fault| unfit(&args.file, fault))?;
    let home = here.home()?;
    // Held to the end, so that no server starts on a key that is about to go.
    let lock = super::rotate::lock(&home)?;
    let present = home.has_key().then(|| home.machine_key()).transpose()?.map(|key| key.public());
    if let Some(present) = &present
        && *present != export.public()
        && !args.force
    {
        refuse_loss(&home, present).await?;
    }
    let passphrase = args.passphrase.known_one(here).await?;
    let followed = export.statements().to_vec();
    let opening = tokio::task::spawn_blocking(move || export.open(&passphrase));
    let opened = opening.await.map_err(|_| Fail::internal("the exported key could not be opened"))?;
    let key = opened.map_err(|fault| unfit(&args.file, fault))?;
    let replaced = present.filter(|present| *present != key.public());
    if present != Some(key.public()) {
        home.replace_key(&lock, &key, &followed)?;
    }
    let fingerprint = key.public().fingerprint();
    if here.out.is_json() {
        let replaced = replaced.map(|old| old.fingerprint().to_string());
        here.out.object(&Imported { imported: fingerprint.to_string(), replaced });
    }
    if present == Some(key.public()) {
        here.out.say(format_args!("This machine has the key {fingerprint} already."));
    } else {
        here.out
            .say(format_args!("This machine has the key {fingerprint} now. Contacts are not part of an exported key."));
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Fail> {
    let most = u64::try_from(LONGEST_TEXT_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.map_err(|fault| Fail::io(format_args!("cannot read {}", file.display()), &fault))?;
    // What is no text is no export either, and is told so by whoever looks.
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

/// A key that contacts or machines know is worth a question; one that was made by the way is not.
async fn refuse_loss(home: &Home, present: &PublicKey) -> Result<(), Fail> {
    let store = Store::open(home)?;
    let (contacts, keys) = (store.list_contacts().await?.len(), store.list_keys().await?.len());
    if contacts == 0 && keys == 0 {
        return Ok(());
    }
    let number = |many: usize, what| count(u64::try_from(many).unwrap_or(u64::MAX), what);
    let fail =
        Fail::new(Exit::Conflict, format_args!("this machine has a key that others know: {}", present.fingerprint()));
    Err(fail
        .cause(format_args!(
            "lost with it: {} that this machine may call, and {} that may call it, would all have to be introduced anew",
            number(contacts, "contact"),
            number(keys, "machine")
        ))
        .hint("keep it first with landline key export FILE; then import with --force"))
}

fn unfit(file: &Path, fault: ExportError) -> Fail {
    let words = format!("{}: {fault}", file.display());
    match fault {
        ExportError::NotAnExport => Fail::new(Exit::Integrity, words).hint("landline key export writes such files"),
        ExportError::Shut => Fail::new(Exit::Integrity, words).hint("nothing was changed; try again"),
        ExportError::Cost(_) => {
            Fail::new(Exit::Refused, words).hint("landline never writes such a key; where is it from?")
        }
        ExportError::NoMemory(_) => Fail::new(Exit::NoSpace, words),
    }
}
