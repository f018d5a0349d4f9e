//! Which start of the machine this is: what was written since then is in memory or on the disk, whatever was synced.

use std::sync::OnceLock;

/// Linux's own number for it, new with each start.
const PLACE: &str = "/proc/sys/kernel/random/boot_id";

/// A number for this start of the machine; 0 if the system does not tell, which is to be trusted never.
pub(in crate::files::engine) fn current() -> u64 {
    static CURRENT: OnceLock<u64> = OnceLock::new();
    *CURRENT.get_or_init(|| std::fs::read(PLACE).map_or(0, |id| number(&id)))
}

fn number(id: &[u8]) -> u64 {
    blake3::hash(id).as_bytes().first_chunk().copied().map_or(0, u64::from_be_bytes)
}
