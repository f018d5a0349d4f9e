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

/// Groups of one hole that is hashed at once: zeros have to be hashed too, and a peer must not buy much work with a few
/// bytes.
pub const MAX_HOLE: u64 = 64;

/// A group of zeros.
pub(in crate::files) static ZEROS: [u8; GROUP] = [0; GROUP];

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

/// A group and what its bytes come to. Only hashing them makes one, so that what is written is what was hashed, also
/// where one is done by the clock of another stage than the other.
#[derive(Debug, Clone, Copy)]
pub struct HashedGroup<'a> {
    index: u64,
    bytes: &'a [u8],
    value: Option<GroupValue>,
}

impl<'a> HashedGroup<'a> {
    /// Hashes group `index`. Any number and any bytes: what no file can have is not hashed, and refused by whom it is
    /// handed to.
    #[must_use]
    pub fn of(index: u64, bytes: &'a [u8]) -> Self {
        let can_be = (1..=GROUP).contains(&bytes.len()) && index.checked_mul(GROUP_BYTES).is_some();
        Self { index, bytes, value: can_be.then(|| GroupValue::of(index, bytes)) }
    }

    /// Its number.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The very bytes that were hashed.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What they come to; `None` for what no file can have.
    #[must_use]
    pub const fn value(&self) -> Option<GroupValue> {
        self.value
    }
}

/// A run of groups that are zeros, and what they come to: to be written as a hole.
#[derive(Debug, Clone)]
pub struct HashedHole {
    first: u64,
    count: u64,
    values: Option<Vec<(GroupValue, u32)>>,
}

impl HashedHole {
    /// Hashes the zeros of `count` groups from `first` on, of a file of `size` bytes. What no such file can have, or more
    /// than [`MAX_HOLE`] groups, is not hashed and refused by whom it is handed to.
    #[must_use]
    pub fn of(first: u64, count: u64, size: Option<u64>) -> Self {
        let value = |index| {
            let len = size.map_or(GROUP, |size| group_len(size, index));
            let group = HashedGroup::of(index, ZEROS.get(..len).unwrap_or_default());
            Some((group.value()?, u32::try_from(len).ok()?))
        };
        let end = first.checked_add(count).filter(|_| (1..=MAX_HOLE).contains(&count));
        Self { first, count, values: end.and_then(|end| (first..end).map(value).collect()) }
    }

    /// The number of the first group.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// How many groups.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The value and the length of each; `None` for what the file can't have.
    #[must_use]
    pub fn values(&self) -> Option<&[(GroupValue, u32)]> {
        self.values.as_deref()
    }
}

/// All bytes of a small file and their hash. Only hashing them makes one, as with [`HashedGroup`].
#[derive(Debug, Clone, Copy)]
pub struct HashedFile<'a> {
    bytes: &'a [u8],
    hash: Hash,
}

impl<'a> HashedFile<'a> {
    /// Hashes them.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, hash: blake3::hash(bytes) }
    }

    /// The very bytes that were hashed.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What they come to.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
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
    fn what_no_file_can_have_is_not_hashed() {
        let (whole, more) = (vec![1; GROUP], vec![1; GROUP + 1]);
        assert_eq!(HashedGroup::of(3, &whole).value(), Some(GroupValue::of(3, &whole)));
        for (index, bytes) in [(0, b"".as_slice()), (0, &more), (1, &more), (u64::MAX, b"x"), (1 << 44, b"x")] {
            assert_eq!(HashedGroup::of(index, bytes).value(), None, "{index}, {} bytes", bytes.len());
        }
        let hole = HashedHole::of(1, 2, Some(2 * GROUP_BYTES + 3));
        let values = [(GroupValue::of(1, &ZEROS), 1 << 20), (GroupValue::of(2, &[0; 3]), 3)];
        assert_eq!(hole.values(), Some(values.as_slice()));
        for (first, count) in [(0, 0), (2, 2), (3, 1), (0, MAX_HOLE + 1), (u64::MAX, 2), (1, u64::MAX)] {
            assert_eq!(HashedHole::of(first, count, Some(2 * GROUP_BYTES + 3)).values(), None, "{first} {count}");
        }
        assert_eq!(HashedHole::of(u64::MAX - 1, 1, None).values(), None);
    }

    #[test]
    fn the_last_group_is_as_long_as_what_is_left() {
        let size = 2 * GROUP_BYTES + 3;
        assert_eq!([0, 1, 2, 3].map(|index| group_len(size, index)), [GROUP, GROUP, 3, 0]);
        assert_eq!(group_len(u64::MAX, u64::MAX), 0);
    }
}
