//! Export: a machine's key under a passphrase, as text that can be printed, mailed to oneself, or put into a safe.
//!
//! In: the key, a passphrase, a cost, randomness. Out: text; and from text and passphrase the key again. Knows nothing of
//! files and terminals.
//! Layout: PROTOCOL.md §15. The passphrase is stretched by Argon2id and the seed sealed by ChaCha20-Poly1305 (RFC 8439)
//! with all that stands before it as associated data, so nothing can be changed unnoticed, the cost included. There is no
//! checksum: a text that is damaged and a passphrase that is wrong fail alike.
//!
//! The text says which key it holds (public keys are public), so that people can tell two exports apart, and holds the
//! statements by which that key followed older ones, so that who knows only an older one can follow an imported key too.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::key::{KEY_BYTES, MachineKey, PublicKey};
use crate::rotation::{Chain, MOST_STATEMENTS, STATEMENT_LEN, Statement};
use crate::stretch::{COST_LEN, Cost, CostError, NoMemory, Password, argon2id};

/// Random bytes that an export takes: its salt.
pub const SALT_BYTES: usize = 16;

/// Most bytes of text that are looked at: an export has under 300, and with a whole chain of statements under 3600.
pub const LONGEST_TEXT_BYTES: usize = 4096;

const BEGIN: &str = "-----BEGIN LANDLINE KEY-----";
const END: &str = "-----END LANDLINE KEY-----";
const LINE_CHARS: usize = 64;

const VERSION: u8 = 1;
const LABEL: &[u8] = b"landline key export v1";
const TAG_LEN: usize = 16;
const SEALED_LEN: usize = KEY_BYTES + TAG_LEN;

/// The nonce: zeroes, since a fresh salt makes the key of each export its own.
const NONCE: [u8; 12] = [0; 12];

/// Why text gives no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Not such a text, or one of a later version.
    #[error("this is no exported key of landline, or it is incomplete or from a newer landline")]
    NotAnExport,
    /// It is one, and stays shut.
    #[error("the passphrase is wrong, or the exported key is damaged")]
    Shut,
    /// To try it would take more than this machine lends to a file, or it was made too cheap to be kept safe.
    #[error("the exported key is not opened: {0}")]
    Cost(#[from] CostError),
    /// This machine lacks the memory; says nothing about the passphrase.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
}

/// An exported key that was read and not yet opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// All that is not sealed: version, cost, salt, public key, number of statements, statements.
    open: Vec<u8>,
    salt: [u8; SALT_BYTES],
    sealed: [u8; SEALED_LEN],
    cost: Cost,
    public: PublicKey,
    statements: Vec<Statement>,
}

impl Export {
    /// Seals `key` under `passphrase`. `followed`: how it followed older keys, oldest first; a list that does not lead to it
    /// is left out. `random`: [`SALT_BYTES`] fresh bytes of the system's generator, never used twice. Takes a noticeable
    /// time.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn seal(
        key: &MachineKey,
        followed: &[Statement],
        passphrase: &Password,
        cost: Cost,
        random: [u8; SALT_BYTES],
    ) -> Result<Self, NoMemory> {
        let public = key.public();
        let statements = Chain::link(followed.to_vec(), &public).map_or_else(|_| Vec::new(), Chain::into_statements);
        let mut open = vec![VERSION];
        open.extend_from_slice(&cost.to_bytes());
        open.extend_from_slice(&random);
        open.extend_from_slice(public.as_bytes());
        open.push(u8::try_from(statements.len()).expect("a chain is short"));
        statements.iter().for_each(|statement| open.extend_from_slice(statement.encode()));
        let mut sealed = Zeroizing::new(Vec::with_capacity(SEALED_LEN)); // never grows: no stray copy
        sealed.extend_from_slice(key.danger_seed().as_slice());
        let cipher = cipher(passphrase, &random, cost)?;
        cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(NONCE), Aad::from(associated(&open)), &mut *sealed)
            .expect("32 bytes can be sealed");
        let sealed = sealed.as_slice().try_into().expect("a seed and a tag");
        Ok(Self { open, salt: random, sealed, cost, public, statements })
    }

    /// Reads the text, without trying it. White space around lines does not matter.
    ///
    /// # Errors
    /// [`ExportError::NotAnExport`]; [`ExportError::Cost`] before anything is set aside.
    pub fn parse(text: &str) -> Result<Self, ExportError> {
        if text.len() > LONGEST_TEXT_BYTES {
            return Err(ExportError::NotAnExport);
        }
        let body = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let body: String = body.ok_or(ExportError::NotAnExport)?.split_ascii_whitespace().collect();
        let mut bytes = BASE64.decode(body.as_bytes()).map_err(|_| ExportError::NotAnExport)?;
        let mut rest = bytes.as_slice();
        let [VERSION] = take(&mut rest)? else { return Err(ExportError::NotAnExport) };
        let (cost, salt) = (take::<COST_LEN>(&mut rest)?, take(&mut rest)?);
        let public = PublicKey::from_bytes(take(&mut rest)?);
        let statements = statements(&mut rest, &public)?;
        let sealed = take(&mut rest)?;
        if !rest.is_empty() {
            return Err(ExportError::NotAnExport);
        }
        let cost = Cost::from_bytes(&cost)?;
        bytes.truncate(bytes.len() - SEALED_LEN);
        Ok(Self { open: bytes, salt, sealed, cost, public, statements })
    }

    /// Opens it. Takes a noticeable time.
    ///
    /// # Errors
    /// [`ExportError::Shut`], [`ExportError::NoMemory`].
    pub fn open(&self, passphrase: &Password) -> Result<MachineKey, ExportError> {
        let cipher = cipher(passphrase, &self.salt, self.cost)?;
        let mut opened = Zeroizing::new(self.sealed);
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let plain = cipher.open_in_place(nonce, Aad::from(associated(&self.open)), opened.as_mut_slice());
        let seed = plain.map_err(|_| ExportError::Shut)?;
        let key = MachineKey::from_seed((&*seed).try_into().map_err(|_| ExportError::Shut)?);
        // Whoever knows the passphrase could have sealed one key under the name of another.
        if key.public() == self.public { Ok(key) } else { Err(ExportError::Shut) }
    }

    /// The text: armour, and lines of at most 64 characters.
    #[must_use]
    pub fn to_text(&self) -> String {
        let body = BASE64.encode(&[&self.open[..], &self.sealed[..]].concat());
        let mut text = format!("{BEGIN}\n");
        for (place, letter) in body.chars().enumerate() {
            if place > 0 && place % LINE_CHARS == 0 {
                text.push('\n');
            }
            text.push(letter);
        }
        text.push_str(&format!("\n{END}\n"));
        text
    }

    /// Which key it says that it holds. Believed only after [`Self::open`].
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// How the key followed older ones, oldest first; none if it followed none.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// What one guess of the passphrase costs.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        self.cost
    }
}

fn cipher(passphrase: &Password, salt: &[u8; SALT_BYTES], cost: Cost) -> Result<LessSafeKey, NoMemory> {
    let mut key = Zeroizing::new([0; 32]);
    argon2id(passphrase.bytes(), salt, cost, key.as_mut_slice())?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()).expect("the key has 32 bytes");
    Ok(LessSafeKey::new(key))
}

fn associated(open: &[u8]) -> Vec<u8> {
    [LABEL, open].concat()
}

/// Their number and the statements, which must lead to `public`.
fn statements(rest: &mut &[u8], public: &PublicKey) -> Result<Vec<Statement>, ExportError> {
    let [number] = take(rest)?;
    if usize::from(number) > MOST_STATEMENTS {
        return Err(ExportError::NotAnExport);
    }
    let bytes = (0..number).map(|_| take::<STATEMENT_LEN>(rest)).collect::<Result<Vec<_>, _>>()?;
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    Chain::decode(&bytes, public).map(Chain::into_statements).map_err(|_| ExportError::NotAnExport)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], ExportError> {
    let (taken, after) = rest.split_first_chunk().ok_or(ExportError::NotAnExport)?;
    *rest = after;
    Ok(*taken)
}

#[cfg(test)]
mod tests;
