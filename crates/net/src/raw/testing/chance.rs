//! Chance that is the same for the same seed (SplitMix64, Steele et al. 2014). No secret.

/// A source of chance.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A source of its own, so that what one end draws does not depend on how often the other one does.
    pub(super) fn branch(&mut self) -> Self {
        Self(self.next())
    }

    /// At least 1 and at most `most`.
    pub(super) fn up_to(&mut self, most: usize) -> usize {
        let most = u64::try_from(most.max(1)).unwrap_or(u64::MAX);
        usize::try_from(1 + self.next() % most).unwrap_or(1)
    }

    /// Whether something happens that does so in `percent` of cases.
    pub(super) fn happens(&mut self, percent: u8) -> bool {
        self.next() % 100 < u64::from(percent)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
