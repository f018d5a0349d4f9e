//! Interrupted: whatever is killed or cut, and whenever, a name holds the old file whole or the new one whole.
//!
//! The moments are seeded numbers of bytes on the line, so that a failure can be seen again. Half of the kills happen
//! while the line stands still at exactly that byte, the others while both ends run on.

mod client;
mod line;
mod server;
mod stopping;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use landline_testkit::Random;

use crate::scene::{MIB, random};

/// Kills of one kind in a test.
const KILLS: usize = 32;

/// The file whose copy is interrupted.
const SIZE: usize = 2 * MIB + 12_345;

/// One interruption: after how many bytes, and whether the line stands still then.
#[derive(Debug, Clone, Copy)]
struct Moment {
    bytes: u64,
    still: bool,
}

/// Moments that belong to `seed`: some in the handshake and in the first words, most anywhere in the file, and the last
/// ones when its last byte has passed.
fn moments(seed: u64) -> Vec<Moment> {
    let mut random = Random::new(seed);
    let whole = SIZE as u64;
    let at = |n: usize, random: &mut Random| match n {
        0..4 => 1 + random.below(3000),
        4..8 => whole - random.below(2000),
        _ => 1 + random.below(whole),
    };
    (0..KILLS).map(|n| Moment { bytes: at(n, &mut random), still: n % 2 == 0 }).collect()
}

fn old(n: usize) -> Vec<u8> {
    random(1000 + n as u64, 10_000 + n)
}

static NEW: LazyLock<Vec<u8>> = LazyLock::new(|| random(1, SIZE));

/// Whether the file is the new one; it must be that or the old one, and nothing else.
#[track_caller]
fn is_new(path: &Path, n: usize, moment: Moment) -> bool {
    let found = fs::read(path).unwrap_or_else(|e| panic!("{moment:?}: the file is gone: {e}"));
    let is_new = found == *NEW;
    assert!(is_new || found == old(n), "{moment:?}: {} bytes that are neither the old file nor the new", found.len());
    is_new
}
