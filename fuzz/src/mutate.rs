//! The mutator: seeds, changed a little, by a chance that is the same in every run.
//!
//! In: seeds and a number. Out: inputs like them: bits flipped, parts cut, doubled, exchanged and spliced, with bytes and
//! numbers put in that decoders stumble over. Not as clever as a fuzzer that watches coverage, but it runs everywhere.

/// Longest input that is made: some limits are above it, and are met by the seeds and the vectors.
const MAX_LEN: usize = 8 << 10;

/// Changes made to one input, at most.
const MAX_CHANGES: u64 = 6;

/// Bytes and texts at which decoders turn.
const DICTIONARY: &[&[u8]] = &[
    b"\0",
    b"\x01",
    b"\x02",
    b"\x03",
    b"\x40",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"/",
    b"//",
    b".",
    b"..",
    b"../",
    b"./",
    b":",
    b"::",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"-",
    b" ",
    b"%",
    b"%2e",
    b"%00",
    b"*",
    b"**/",
    b"{a,b}",
    b"[!a-z]",
    b"\n",
    b"\r\n",
    b"\x1b[2J",
    b"\xc2\x9b",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\xe3\x85\xa4",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"-1",
    b"0",
    b"1e9",
    b"18446744073709551615",
    b"18446744073709551616",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"4294967296",
    b"65536",
    b"999999999",
    b"1000000000",
    b"{\"b64\":\"/w==\"}",
    b"\"b64\"",
    b"\x01\0\0\x02{}",
    b"\x02\x10\0\0",
    b"\x02\x10\0\x01",
    b"\x01\0\x10\x01",
    b"\x50\0\0\0",
    b".landline-part-",
    b"localhost",
    b"unix:",
    b"tcp://",
    b"fe80::1%eth0",
    b"admin",
    b"files:read /",
    b"##",
    b"#",
    b"\r",
    b"\x06\0\0\0",
    b"\x10\0\0\0{\"data_size\": 6}",
    b"\"data_size\": 6",
    b"recv_ready",
    b"mark:",
    b"\\x23",
];

/// A small generator of numbers, xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators").
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Numbers that depend on `seed` only.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1) // zero would stay zero
    }

    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from((self.draw() >> 16) % end).unwrap_or(0)
    }
}

/// One of `seeds`, changed.
pub fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = pick(seeds, random).to_vec();
    for _ in 0..=random.below(usize::try_from(MAX_CHANGES).unwrap_or(1)) {
        change(&mut data, seeds, random);
    }
    data.truncate(MAX_LEN);
    data
}

fn pick<'a>(among: &'a [Vec<u8>], random: &mut Random) -> &'a [u8] {
    among.get(random.below(among.len())).map_or(&[], Vec::as_slice)
}

fn change(data: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let at = random.below(data.len() + 1);
    match random.below(9) {
        0 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = data.get_mut(at) {
                *byte = random.draw().to_le_bytes()[0];
            }
        }
        2 => data.truncate(at),
        3 => drop(data.drain(..at)),
        4 => {
            let end = at + random.below(data.len() - at + 1).min(16);
            drop(data.drain(at..end));
        }
        5 => {
            let end = at + random.below(data.len() - at + 1);
            let part: Vec<u8> = data.get(at..end).unwrap_or_default().to_vec();
            splice(data, at, &part); // doubled in place
        }
        6 | 7 => {
            let word = DICTIONARY.get(random.below(DICTIONARY.len())).copied().unwrap_or_default();
            splice(data, at, word);
        }
        _ => {
            let other = pick(seeds, random);
            let from = random.below(other.len() + 1);
            data.truncate(at);
            data.extend_from_slice(other.get(from..).unwrap_or_default());
        }
    }
}

fn splice(data: &mut Vec<u8>, at: usize, part: &[u8]) {
    if data.len() + part.len() <= MAX_LEN {
        drop(data.splice(at..at, part.iter().copied()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs_and_another_makes_others() {
        let seeds = [b"{\"list\":{}}".to_vec(), b"a/b".to_vec()];
        let inputs = |seed| {
            let mut random = Random::new(seed);
            (0..100).map(|_| mutated(&seeds, &mut random)).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
    }

    #[test]
    fn inputs_stay_short_and_come_from_nothing_too() {
        let mut random = Random::new(7);
        let long = [vec![b'x'; MAX_LEN]];
        assert!((0..1000).all(|_| mutated(&long, &mut random).len() <= MAX_LEN));
        assert!((0..1000).any(|_| !mutated(&[], &mut random).is_empty()));
    }
}
