//! The passphrase of an exported key.

use std::path::{Path, PathBuf};

use landline_trust::stretch::Password;

use crate::fail::Fail;
use crate::here::Here;
use crate::phrase::Phrase;

const PASSPHRASE: Phrase = Phrase {
    noun: "passphrase",
    variable: "LANDLINE_PASSPHRASE",
    flag: "--passphrase-file",
    meaning: "The passphrase opens the exported key; whoever has both is this machine.",
    short: 12,
    warning: "the passphrase is short: whoever gets the exported key can try many; several random words are better",
};

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

    /// A new passphrase.
    ///
    /// # Errors
    /// As [`Phrase::new_one`].
    pub(super) async fn new_one(&self, here: &Here) -> Result<Password, Fail> {
        PASSPHRASE.new_one(self.passphrase_file.as_deref(), here).await
    }

    /// The passphrase that was chosen before.
    ///
    /// # Errors
    /// As [`Phrase::known_one`].
    pub(super) async fn known_one(&self, here: &Here) -> Result<Password, Fail> {
        PASSPHRASE.known_one(self.passphrase_file.as_deref(), "Passphrase: ", here).await
    }
}
