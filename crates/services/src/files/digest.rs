//! Digest: the BLAKE3 of a file by groups, so that what was verified once need not be read again.
//!
//! In: groups of 1 MiB, in any order. Out: a value for each, and from all of them the hash of the whole file, the same as
//! if it had been hashed in one go. A group is a whole subtree of BLAKE3's tree (1024 chunks, a power of two), so its
//! chaining value can be computed alone and kept. Pure. Source: BLAKE3 paper §2.1, `blake3::hazmat`; PROTOCOL.md §7.3.

use blake3::{
    Hash, Hasher,
    hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root},
};

/// Bytes in one group, the unit of verification and resume; the last of a file may be shorter.
pub const GROUP: usize = 1 << 20;
/// The same, to compute with.
pub const GROUP_BYTES: u64 = 1 << 20;

/// How many groups a file of `size` bytes has; an empty file has none.
#[must_use]
pub const fn groups_in(size: u64) -> u64 {
    size.div_ceil(GROUP_BYTES)
}

/// Bytes in group `index` of a file of `size` bytes; 0 behind its end.
#[must_use]
pub fn group_len(size: u64, index: u64) -> usize {
    let start = index.saturating_mul(GROUP_BYTES);
    usize::try_from(size.saturating_sub(start).min(GROUP_BYTES)).unwrap_or(GROUP)
}

/// What the bytes of one group come to. Meaningful only together with the number of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupValue {
    /// The chaining value of the subtree.
    value: [u8; 32],
    /// The hash of the file, should it consist of this group only; kept for group 0.
    alone: Option<[u8; 32]>,
}

impl GroupValue {
    /// Hashes group `index`. `bytes`: 1 to [`GROUP`] of them, less than [`GROUP`] only at the end of a file.
    #[must_use]
    pub fn of(index: u64, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.set_input_offset(index.saturating_mul(GROUP_BYTES));
        hasher.update(bytes);
        if bytes.is_empty() {
            return Self { value: [0; 32], alone: (index == 0).then(|| *hasher.finalize().as_bytes()) };
        }
        let value = hasher.finalize_non_root();
        Self { value, alone: (index == 0).then(|| *hasher.finalize().as_bytes()) }
    }

    /// From values that were kept. `alone` only for group 0.
    #[must_use]
    pub const fn kept(value: [u8; 32], alone: Option<[u8; 32]>) -> Self {
        Self { value, alone }
    }

    /// To be kept.
    #[must_use]
    pub const fn parts(&self) -> (&[u8; 32], Option<&[u8; 32]>) {
        (&self.value, self.alone.as_ref())
    }

    /// The first eight bytes: enough to see by accident-proof odds whether two groups are the same. What depends on it
    /// is checked again by the hash of the whole file.
    #[must_use]
    pub fn tag(&self) -> [u8; 8] {
        self.value.first_chunk().copied().unwrap_or_default()
    }
}

/// Makes the hash of a file of the values of its groups, in order. A few dozen bytes whatever the size.
#[derive(Debug, Clone, Default)]
pub struct Root {
    /// Values of whole subtrees, the largest first; merged only once it is known that more comes, because the last
    /// merge is another one.
    stack: Vec<[u8; 32]>,
    count: u64,
    alone: Option<[u8; 32]>,
}

impl Root {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next group.
    pub fn push(&mut self, group: &GroupValue) {
        if self.count == 0 {
            self.alone = group.alone;
        }
        let subtrees = usize::try_from(self.count.count_ones()).unwrap_or(usize::MAX);
        while self.stack.len() > subtrees
            && let (Some(right), Some(left)) = (self.stack.pop(), self.stack.pop())
        {
            self.stack.push(merge_subtrees_non_root(&left, &right, Mode::Hash));
        }
        self.stack.push(group.value);
        self.count += 1;
    }

    /// Groups so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The hash of the file; of the empty one if nothing was pushed.
    #[must_use]
    pub fn finish(&self) -> Hash {
        let mut stack = self.stack.clone();
        let Some(mut right) = stack.pop() else { return blake3::hash(b"") };
        loop {
            match (stack.pop(), stack.is_empty()) {
                (None, _) => return Hash::from_bytes(self.alone.unwrap_or(right)),
                (Some(left), true) => return merge_subtrees_root(&left, &right, Mode::Hash),
                (Some(left), false) => right = merge_subtrees_non_root(&left, &right, Mode::Hash),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_come_to_the_hash_of_the_whole_file_whatever_its_length() {
        let bytes: Vec<u8> =
            (0..9 * GROUP + 5).map(|n| n.to_le_bytes().iter().fold(7, |sum, byte| sum ^ byte.rotate_left(3))).collect();
        for whole in 0..10 {
            for more in [0, 1, 1023, 1024, GROUP - 1, GROUP] {
                let file = bytes.get(..(whole * GROUP + more).min(bytes.len())).unwrap();
                let mut root = Root::new();
                for (index, group) in file.chunks(GROUP).enumerate() {
                    root.push(&GroupValue::of(index as u64, group));
                }
                assert_eq!(root.finish(), blake3::hash(file), "{} bytes", file.len());
                assert_eq!(root.count(), groups_in(file.len() as u64));
            }
        }
    }

    #[test]
    fn the_last_group_is_as_long_as_what_is_left() {
        let size = 2 * GROUP_BYTES + 3;
        assert_eq!([0, 1, 2, 3].map(|index| group_len(size, index)), [GROUP, GROUP, 3, 0]);
        assert_eq!(group_len(u64::MAX, u64::MAX), 0);
    }
}
