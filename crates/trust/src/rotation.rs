//! Rotation: a key names its successor, and who knew the old key can follow to the new one.
//!
//! In: two machine keys and a time, or statements from anywhere. Out: a [`Statement`], or evidence that a chain of them
//! leads from a key that is known to the one that is shown. Knows nothing of sockets, clocks and who pins which key.
//! Layout: PROTOCOL.md §14. Signatures: Ed25519 after RFC 8032.
//!
//! Both keys sign the same bytes: the old one says who follows it, the new one that it is held by who says so. A statement
//! is public, has no secret in it, and may be shown to anyone, again and again; it proves nothing about who shows it. That
//! the shown key is on the line is for the handshake to prove.
//!
//! What it does not do: who stole the old key can name a successor of his own. Whoever has followed the true one knows the
//! old key no longer and refuses; whoever has not yet is deceived. A key that may be stolen must be revoked by its
//! contacts, not rotated.
//!
//! Invariant: a [`Statement`] has two right signatures, and a [`Chain`] no gap, no key twice and at most
//! [`MOST_STATEMENTS`] links.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};

use crate::key::{KEY_BYTES, MachineKey, PublicKey};

/// Bytes in a statement: version 1, old key 32, new key 32, time 8, two signatures of 64.
pub const STATEMENT_LEN: usize = SAID_LEN + 2 * SIGNATURE_LEN;

/// Most statements in a chain: as many as fit into one message of a stranger (4096 bytes), with room to spare. Who has
/// missed more rotations than that is introduced anew.
pub const MOST_STATEMENTS: usize = 12;

const SAID_LEN: usize = 1 + 2 * KEY_BYTES + 8;
const SIGNATURE_LEN: usize = 64;
const VERSION: u8 = 1;

/// Sets these signatures apart from all others of the same key. TLS signs what begins with 64 spaces (RFC 8446 §4.4.3).
const LABEL: &[u8] = b"landline rotation v1";

/// Why statements lead nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// Not the bytes of a statement, or of another version.
    #[error("this is no statement by which a key names its successor, or one of a newer landline")]
    Malformed,
    /// A signature is wrong: the statement was changed, or is forged.
    #[error("a statement by which a key names its successor is not signed by both keys")]
    Forged,
    /// A key names itself, or comes twice.
    #[error("a key comes twice in a chain of successors")]
    Circle,
    /// A statement does not begin where the one before it ended.
    #[error("there is a gap in a chain of successors")]
    Gap,
    /// There are none, or more than [`MOST_STATEMENTS`].
    #[error("a chain of successors has 1 to 12 statements")]
    Length,
    /// The chain does not begin at a key that is known, or does not end at the one that is shown.
    #[error("the chain of successors does not lead from a known key to the one that is shown")]
    Elsewhere,
}

/// One key naming the next. Exists only with both signatures right.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    bytes: [u8; STATEMENT_LEN],
    old: PublicKey,
    new: PublicKey,
    seconds: u64,
}

impl Statement {
    /// `old` names `new`. `seconds`: since 1970 UTC, for people to see; nothing is decided by it.
    ///
    /// # Errors
    /// [`RotationError::Circle`] if the two are one key.
    pub fn sign(old: &MachineKey, new: &MachineKey, seconds: u64) -> Result<Self, RotationError> {
        if old.public() == new.public() {
            return Err(RotationError::Circle);
        }
        let mut bytes = Vec::with_capacity(STATEMENT_LEN);
        bytes.push(VERSION);
        bytes.extend_from_slice(old.public().as_bytes());
        bytes.extend_from_slice(new.public().as_bytes());
        bytes.extend_from_slice(&seconds.to_be_bytes());
        let signed = signed(&bytes);
        for key in [old, new] {
            let pair = Ed25519KeyPair::from_seed_unchecked(key.danger_seed().as_slice()).expect("a seed has 32 bytes");
            bytes.extend_from_slice(pair.sign(&signed).as_ref());
        }
        let bytes = bytes.try_into().expect("the parts add up to a statement");
        Ok(Self { bytes, old: old.public(), new: new.public(), seconds })
    }

    /// Reads and verifies a statement.
    ///
    /// # Errors
    /// [`RotationError::Malformed`], [`RotationError::Circle`], [`RotationError::Forged`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RotationError> {
        let bytes: &[u8; STATEMENT_LEN] = bytes.try_into().map_err(|_| RotationError::Malformed)?;
        let mut rest = bytes.as_slice();
        let [VERSION] = take(&mut rest)? else { return Err(RotationError::Malformed) };
        let (old, new) = (PublicKey::from_bytes(take(&mut rest)?), PublicKey::from_bytes(take(&mut rest)?));
        let seconds = u64::from_be_bytes(take(&mut rest)?);
        if old == new {
            return Err(RotationError::Circle);
        }
        let (said, _) = bytes.split_first_chunk::<SAID_LEN>().ok_or(RotationError::Malformed)?;
        let signed = signed(said);
        for key in [&old, &new] {
            let signature: [u8; SIGNATURE_LEN] = take(&mut rest)?;
            let verifier = UnparsedPublicKey::new(&ED25519, key.as_bytes());
            verifier.verify(&signed, &signature).map_err(|_| RotationError::Forged)?;
        }
        Ok(Self { bytes: *bytes, old, new, seconds })
    }

    /// The statement as it is kept and sent. PROTOCOL.md §14.1.
    #[must_use]
    pub const fn encode(&self) -> &[u8; STATEMENT_LEN] {
        &self.bytes
    }

    /// The key that ends.
    #[must_use]
    pub const fn old(&self) -> PublicKey {
        self.old
    }

    /// The key that follows it.
    #[must_use]
    pub const fn successor(&self) -> PublicKey {
        self.new
    }

    /// When it was signed, as the signer's clock had it: seconds since 1970 UTC.
    #[must_use]
    pub const fn seconds(&self) -> u64 {
        self.seconds
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Statement({} -> {})", self.old, self.new)
    }
}

/// Statements that hang together and end at one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain(Vec<Statement>);

impl Chain {
    /// Reads a chain, oldest statement first, and sees that it ends at `shown`: the key that the other side proved in the
    /// handshake. Cheap faults are found before any signature is looked at.
    ///
    /// # Errors
    /// [`RotationError`]; [`RotationError::Elsewhere`] if it ends at another key.
    pub fn decode<B: AsRef<[u8]>>(statements: &[B], shown: &PublicKey) -> Result<Self, RotationError> {
        if statements.is_empty() || statements.len() > MOST_STATEMENTS {
            return Err(RotationError::Length);
        }
        let read = statements.iter().map(|bytes| Statement::decode(bytes.as_ref())).collect::<Result<_, _>>()?;
        Self::link(read, shown)
    }

    /// The same for statements that were read already.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn link(statements: Vec<Statement>, shown: &PublicKey) -> Result<Self, RotationError> {
        if statements.is_empty() || statements.len() > MOST_STATEMENTS {
            return Err(RotationError::Length);
        }
        let mut seen = Vec::with_capacity(statements.len() + 1);
        for statement in &statements {
            match seen.last() {
                Some(last) if *last != statement.old => return Err(RotationError::Gap),
                Some(_) => {}
                None => seen.push(statement.old),
            }
            if seen.contains(&statement.new) {
                return Err(RotationError::Circle);
            }
            seen.push(statement.new);
        }
        if seen.last() == Some(shown) { Ok(Self(statements)) } else { Err(RotationError::Elsewhere) }
    }

    /// The keys that ended, oldest first. The one that a reader knows need not be the first: it may have followed before.
    pub fn ended(&self) -> impl DoubleEndedIterator<Item = PublicKey> + '_ {
        self.0.iter().map(Statement::old)
    }

    /// The statements, oldest first, without the evidence that they hang together.
    #[must_use]
    pub fn into_statements(self) -> Vec<Statement> {
        self.0
    }

    /// The statements, oldest first.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.0
    }
}

/// Whether `statements`, oldest first, lead from `pinned` to `shown`. They may begin before `pinned`.
///
/// # Errors
/// [`RotationError`]; [`RotationError::Elsewhere`] if `pinned` is not among the keys that ended.
pub fn follow(pinned: &PublicKey, shown: &PublicKey, statements: &[Statement]) -> Result<(), RotationError> {
    let chain = Chain::link(statements.to_vec(), shown)?;
    if chain.ended().any(|key| key == *pinned) { Ok(()) } else { Err(RotationError::Elsewhere) }
}

fn signed(said: &[u8]) -> Vec<u8> {
    [LABEL, said].concat()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], RotationError> {
    let (taken, after) = rest.split_first_chunk().ok_or(RotationError::Malformed)?;
    *rest = after;
    Ok(*taken)
}

#[cfg(test)]
mod tests;
