//! The passphrase of an exported key: from a file, the environment, or a person at the terminal. Never an argument, which
//! everybody on the computer could see; never echoed.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use landline_trust::stretch::{LONGEST_PASSWORD_BYTES, Password};
use zeroize::Zeroizing;

use crate::fail::Fail;
use crate::here::Here;
use crate::secret;

/// The variable that may hold it.
const VARIABLE: &str = "LANDLINE_PASSPHRASE";

/// Below this many characters a person is told that it is short.
const SHORT_CHARS: usize = 12;

/// Where it comes from.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// Read the passphrase from the first line of this file (- is standard input) instead of asking for it
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Flags {
    /// Whether standard input is spoken for.
    pub(super) fn reads_stdin(&self) -> bool {
        self.passphrase_file.as_deref() == Some(Path::new("-"))
    }

    /// A new passphrase: a person is asked twice, so that a slip does not lock the key up for ever.
    ///
    /// # Errors
    /// If there is none and nobody to ask, or the two differ.
    pub(super) async fn new_one(&self, here: &Here) -> Result<Password, Fail> {
        let passphrase = match self.given()? {
            Some(given) => given,
            None => {
                can_ask(here)?;
                here.out.say("The passphrase opens the exported key; whoever has both is this machine.");
                let first = Zeroizing::new(secret::ask(&here.out, "New passphrase: ").await?);
                let second = Zeroizing::new(secret::ask(&here.out, "The same again: ").await?);
                if first != second {
                    return Err(Fail::usage("the two passphrases differ").hint("nothing was written; try again"));
                }
                first
            }
        };
        if String::from_utf8_lossy(&passphrase).chars().count() < SHORT_CHARS {
            here.out.warn(
                "the passphrase is short: whoever gets the exported key can try many; several random words are better",
            );
        }
        password(&passphrase)
    }

    /// The passphrase that was chosen before.
    ///
    /// # Errors
    /// If there is none and nobody to ask.
    pub(super) async fn known_one(&self, here: &Here) -> Result<Password, Fail> {
        match self.given()? {
            Some(given) => password(&given),
            None => {
                can_ask(here)?;
                password(&Zeroizing::new(secret::ask(&here.out, "Passphrase: ").await?))
            }
        }
    }

    fn given(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Fail> {
        if let Some(path) = &self.passphrase_file {
            return read(path).map(Some);
        }
        let set = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        Ok(set.map(|value| Zeroizing::new(value.into_encoded_bytes())))
    }
}

/// The first line of a file, without its line end.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Fail> {
    let most = u64::try_from(LONGEST_PASSWORD_BYTES).unwrap_or(u64::MAX).saturating_add(2);
    // Reserved in advance: a buffer that grew would leave copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_PASSWORD_BYTES + 3));
    let read = if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.map_err(|fault| Fail::io(format_args!("cannot read the passphrase {}", path.display()), &fault))?;
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    bytes.truncate(end);
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(bytes)
}

fn password(bytes: &[u8]) -> Result<Password, Fail> {
    Password::new(bytes).map_err(|fault| Fail::usage(format_args!("the passphrase is no good: {fault}")))
}

fn can_ask(here: &Here) -> Result<(), Fail> {
    if here.out.can_ask() {
        return Ok(());
    }
    Err(Fail::usage("no passphrase was given, and there is no terminal to ask for it").hint(format_args!(
        "write it into a file and give --passphrase-file FILE (- is standard input), or set {VARIABLE}"
    )))
}
