//! Randomness that repeats: a seed decides everything, so that a failing test fails again.

/// A small generator (SplitMix64, Steele et al. 2014): fast, even, and no secret.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.number() % end }
    }

    /// A place in `0..=end` where something may go wrong: often one of the ends or their neighbours, or up to two beside a
    /// multiple of `step`, else anywhere.
    pub fn place(&mut self, end: u64, step: u64) -> u64 {
        let beside = |place: u64, by: u64| (place + by).saturating_sub(2).min(end);
        match self.below(8) {
            0 => beside(0, self.below(5)),
            1 => beside(end, self.below(5)),
            2 | 3 => beside(self.below(end.checked_div(step).unwrap_or(0) + 1) * step, self.below(5)),
            _ => self.below(end.saturating_add(1)),
        }
    }

    /// `count` bytes that no compression makes smaller.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.number().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// If there are none.
    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let chosen = self.below(choices.len() as u64);
        &choices[usize::try_from(chosen).expect("below a length in memory")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sequence_comes_out() {
        // From the reference implementation, seed 1234567.
        let mut random = Random::new(1_234_567);
        let first = [random.number(), random.number(), random.number()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn lengths_and_ends_are_kept() {
        let mut random = Random::new(1);
        for count in [0, 1, 7, 8, 9, 1000] {
            assert_eq!(random.bytes(count).len(), count);
        }
        assert!((0..1000).all(|_| random.below(3) < 3));
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn places_lie_between_the_ends_and_often_at_a_border() {
        let mut random = Random::new(5);
        let places: Vec<u64> = (0..2000).map(|_| random.place(10_000, 1000)).collect();
        assert!(places.iter().all(|place| *place <= 10_000));
        for wanted in [0, 1, 998, 1000, 1002, 5000, 9999, 10_000] {
            assert!(places.contains(&wanted), "{wanted}");
        }
        assert!(places.iter().filter(|place| (3..=997).contains(&(**place % 1000))).count() > 800);
        assert!((0..100).all(|_| random.place(0, 1000) == 0 && random.place(3, 0) <= 3));
    }
}
