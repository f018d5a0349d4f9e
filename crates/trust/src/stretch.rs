//! Stretching: what people can remember, made costly to guess.
//!
//! In: a [`Password`], a salt, a [`Cost`]. Out: a key. For logging in ([`crate::password`]) and for keys at rest
//! ([`crate::export`]). Knows nothing of where the cost came from; that it is bearable is part of its type.
//! Source: Argon2id, version 0x13, after RFC 9106.
//! Invariant: a [`Cost`] lies between the floor and the cap, whoever named it. So nobody can have a password kept cheaply,
//! or make a machine work until it falls over.

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, Zeroizing};

/// Least memory, in KiB: the smallest of the settings that OWASP's Password Storage Cheat Sheet calls enough (7 MiB).
pub const LEAST_MEMORY_KIB: u32 = 7 * 1024;

/// Least memory × passes, in KiB: the same sheet's 7 MiB × 5 passes, which all its other settings reach too.
pub const LEAST_WORK_KIB: u32 = 5 * LEAST_MEMORY_KIB;

/// Most memory, in KiB: 256 MiB, which a small machine can spare for a second.
pub const MOST_MEMORY_KIB: u32 = 256 * 1024;

/// Most memory × passes, in KiB: 1 GiB written, which takes a laptop about a second.
pub const MOST_WORK_KIB: u32 = 1024 * 1024;

/// Most lanes: more of them only help who has more processors than a laptop.
pub const MOST_LANES: u32 = 16;

/// Bytes of a [`Cost`] where it is written down.
pub const COST_LEN: usize = 12;

/// Most bytes in a [`Password`]: longer than any sentence, shorter than a file named by mistake.
pub const LONGEST_PASSWORD_BYTES: usize = 1024;

/// What one guess of a password costs: memory, and how often all of it is written.
///
/// ```
/// use landline_trust::stretch::{Cost, CostError};
/// assert_eq!(Cost::from_bytes(&Cost::DEFAULT.to_bytes()), Ok(Cost::DEFAULT));
/// assert_eq!(Cost::new(1024, 1, 1), Err(CostError::TooLittle));
/// assert_eq!(Cost::new(4 * 1024 * 1024, 1, 4), Err(CostError::TooMuch));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Why a cost is refused, whoever named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// Below [`LEAST_MEMORY_KIB`] or [`LEAST_WORK_KIB`], or no lane at all: guessing would be cheap.
    #[error("the password would be stretched too little: at least 7 MiB of memory, and 35 MiB in all passes together")]
    TooLittle,
    /// Above [`MOST_MEMORY_KIB`], [`MOST_WORK_KIB`] or [`MOST_LANES`].
    #[error(
        "stretching the password would take too much: at most 256 MiB of memory, 1 GiB in all passes together and 16 lanes"
    )]
    TooMuch,
    /// Not [`COST_LEN`] bytes.
    #[error("what a password's stretching costs is malformed")]
    Malformed,
}

impl Cost {
    /// 64 MiB, 3 passes, 4 lanes: the second recommended option of RFC 9106 §4, for where memory is not plentiful. The
    /// first takes 2 GiB, which a small machine does not have.
    pub const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    /// The least that is taken: 7 MiB, 5 passes, 1 lane.
    pub const FLOOR: Self = Self { memory_kib: LEAST_MEMORY_KIB, passes: 5, lanes: 1 };

    /// For tests inside this crate, which stretch by the thousand.
    #[cfg(test)]
    pub(crate) const TINY: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };

    /// `memory_kib`: KiB of memory; `passes`: how often all of it is written; `lanes`: parts that could be computed side
    /// by side.
    ///
    /// # Errors
    /// [`CostError::TooLittle`] and [`CostError::TooMuch`], by the limits of this module.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CostError> {
        let work = memory_kib.saturating_mul(passes);
        if memory_kib > MOST_MEMORY_KIB || work > MOST_WORK_KIB || lanes > MOST_LANES {
            return Err(CostError::TooMuch);
        }
        if memory_kib < LEAST_MEMORY_KIB || work < LEAST_WORK_KIB || lanes == 0 {
            return Err(CostError::TooLittle);
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// Reads what [`Self::to_bytes`] wrote: memory, passes and lanes, 4 bytes each, big-endian.
    ///
    /// # Errors
    /// As [`Self::new`]; [`CostError::Malformed`] for another length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CostError> {
        let bytes: &[u8; COST_LEN] = bytes.try_into().map_err(|_| CostError::Malformed)?;
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
        let number = u32::from_be_bytes;
        Self::new(number([a, b, c, d]), number([e, f, g, h]), number([i, j, k, l]))
    }

    /// As it is written down. PROTOCOL.md §13.1.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; COST_LEN] {
        let mut bytes = [0; COST_LEN];
        let numbers = [self.memory_kib, self.passes, self.lanes];
        bytes.chunks_exact_mut(4).zip(numbers).for_each(|(to, number)| to.copy_from_slice(&number.to_be_bytes()));
        bytes
    }

    /// Memory, in KiB.
    #[must_use]
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// How often all of the memory is written.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// Parts that could be computed side by side.
    #[must_use]
    pub const fn lanes(&self) -> u32 {
        self.lanes
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB, {} passes, {} lanes", self.memory_kib / 1024, self.passes, self.lanes)
    }
}

/// Why bytes are no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// No bytes at all, which everybody guesses first.
    #[error("the password is empty")]
    Empty,
    /// More than [`LONGEST_PASSWORD_BYTES`].
    #[error("the password has more than 1024 bytes; was another file meant?")]
    Long,
}

/// What somebody remembers: 1 to [`LONGEST_PASSWORD_BYTES`] bytes, taken as they are. Wiped on drop, never printed.
///
/// Whoever reads it from people takes line ends off, and chooses one spelling for letters that have two.
#[derive(Clone)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Takes the bytes. A `Vec` is taken over, not copied.
    ///
    /// # Errors
    /// [`PasswordError`]; the bytes are wiped then too.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, PasswordError> {
        let bytes = Zeroizing::new(bytes.into());
        match bytes.len() {
            0 => Err(PasswordError::Empty),
            1..=LONGEST_PASSWORD_BYTES => Ok(Self(bytes)),
            _ => Err(PasswordError::Long),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The machine could not set the memory aside that a cost asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is not enough free memory to stretch the password; close something and try again")]
pub struct NoMemory;

/// Fills `key` (at least 4 bytes) with Argon2id of `input` under `salt` (at least 8 bytes). Takes a noticeable time.
///
/// # Errors
/// [`NoMemory`]; nothing was computed.
pub(crate) fn argon2id(input: &[u8], salt: &[u8], cost: Cost, key: &mut [u8]) -> Result<(), NoMemory> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(key.len())).expect("a cost is in range");
    let mut memory = Memory::aside(params.block_count())?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(input, salt, key, &mut memory.0)
        .expect("lengths are ours and the memory is of the right size");
    Ok(())
}

/// The memory of one run: asked for in a way that can be refused, and wiped, since the key can be read out of it.
struct Memory(Vec<Block>);

impl Memory {
    fn aside(blocks: usize) -> Result<Self, NoMemory> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(blocks).map_err(|_| NoMemory)?;
        memory.resize(blocks, Block::default());
        Ok(Self(memory))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

#[cfg(test)]
mod tests;
