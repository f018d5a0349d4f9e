//! A target of the whole receiving end: bytes become a hostile copy stream, spoken to the real files service over a pipe.
//!
//! In: bytes, each a choice. Out: nothing, or a panic. Invariants: the service ends the stream with `done` or `error`, or
//! tells its caller why not, and its threads live; what it says can be read; each entry has one verdict and at most one fate,
//! which it has if the stream ends with `done`; nothing outside the share is touched; what was published is what was there before or has a hash that the
//! sender told; no link leads out of the tree that it came with.

use std::{collections::BTreeSet, path::Path};

use crate::mutate::Random;

mod script;
mod told;
mod world;

use script::Script;
use world::World;

/// The same stream comes so often to one share: what one leaves, the next finds.
const TIMES: usize = 2;

/// One stream, told by `data`, to a share that holds a little of everything.
pub fn streams(data: &[u8]) {
    let script = Script::of(data);
    let world = World::new();
    for _ in 0..TIMES {
        let (said, ended_well) = world.hears(&script);
        told::assert_sound(&said, &script, ended_well);
        world.assert_sound(&script);
    }
}

/// A seed: so many choices.
pub(crate) fn any(seed: u64, choices: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..choices).map(|_| random.draw().to_le_bytes()[0]).collect()
}

/// BLAKE3 of contents that a sender told.
type Hashes = BTreeSet<[u8; 32]>;

fn hash_of(path: &Path) -> [u8; 32] {
    *blake3::hash(&std::fs::read(path).expect("a published file can be read")).as_bytes()
}
