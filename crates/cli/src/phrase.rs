//! Passwords and passphrases: from a file, the environment, or a person at the terminal. Never an argument, which everybody on the
//! computer could see; never echoed.

use std::io::{self, Read};
use std::path::Path;

use landline_trust::stretch::{LONGEST_PASSWORD_BYTES, Password};
use zeroize::Zeroizing;

use crate::fail::Fail;
use crate::here::Here;
use crate::secret;

/// What is asked for, in words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phrase {
    /// `passphrase`, `password`.
    pub(crate) noun: &'static str,
    /// The variable that may hold it.
    pub(crate) variable: &'static str,
    /// The flag that names a file.
    pub(crate) flag: &'static str,
    /// What a person is told before a new one is asked for.
    pub(crate) meaning: &'static str,
    /// Fewer characters than this are called short.
    pub(crate) short: usize,
    /// What a person is told of a short one.
    pub(crate) warning: &'static str,
}

impl Phrase {
    /// A new one: a person is asked twice, so that a slip does not lock anything up for ever.
    ///
    /// # Errors
    /// If there is none and nobody to ask, or the two differ.
    pub(crate) async fn new_one(&self, file: Option<&Path>, here: &Here) -> Result<Password, Fail> {
        let found = match self.given(file)? {
            Some(given) => given,
            None => {
                self.can_ask(here)?;
                here.out.say(self.meaning);
                let first = Zeroizing::new(secret::ask(&here.out, &format!("New {}: ", self.noun)).await?);
                let second = Zeroizing::new(secret::ask(&here.out, "The same again: ").await?);
                if first != second {
                    return Err(Fail::usage(format_args!("the two {}s differ", self.noun))
                        .hint("nothing was written; try again"));
                }
                first
            }
        };
        if String::from_utf8_lossy(&found).chars().count() < self.short {
            here.out.warn(self.warning);
        }
        self.checked(&found)
    }

    /// The one that was chosen before.
    ///
    /// # Errors
    /// If there is none and nobody to ask.
    pub(crate) async fn known_one(&self, file: Option<&Path>, question: &str, here: &Here) -> Result<Password, Fail> {
        match self.given(file)? {
            Some(given) => self.checked(&given),
            None => {
                self.can_ask(here)?;
                self.checked(&Zeroizing::new(secret::ask(&here.out, question).await?))
            }
        }
    }

    fn given(&self, file: Option<&Path>) -> Result<Option<Zeroizing<Vec<u8>>>, Fail> {
        if let Some(path) = file {
            return self.read(path).map(Some);
        }
        let set = std::env::var_os(self.variable).filter(|value| !value.is_empty());
        Ok(set.map(|value| Zeroizing::new(value.into_encoded_bytes())))
    }

    /// The first line of a file, without its line end.
    fn read(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, Fail> {
        let most = u64::try_from(LONGEST_PASSWORD_BYTES).unwrap_or(u64::MAX).saturating_add(2);
        // Reserved in advance: a buffer that grew would leave copies of the secret behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_PASSWORD_BYTES + 3));
        let read = if path == Path::new("-") {
            io::stdin().lock().take(most).read_to_end(&mut bytes)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
        };
        read.map_err(|fault| Fail::io(format_args!("cannot read the {} {}", self.noun, path.display()), &fault))?;
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        bytes.truncate(end);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Ok(bytes)
    }

    fn checked(&self, bytes: &[u8]) -> Result<Password, Fail> {
        Password::new(bytes).map_err(|fault| Fail::usage(format_args!("the {} is no good: {fault}", self.noun)))
    }

    fn can_ask(&self, here: &Here) -> Result<(), Fail> {
        if here.out.can_ask() {
            return Ok(());
        }
        Err(Fail::usage(format_args!("no {} was given, and there is no terminal to ask for it", self.noun)).hint(
            format_args!(
                "write it into a file and give {} FILE (- is standard input), or set {}",
                self.flag, self.variable
            ),
        ))
    }
}
