//! What is told of groups that are here from another state of the source.

use super::Arrival;

impl Arrival {
    pub(super) fn tag_of(&self, number: u64, index: u64) -> Option<[u8; 8]> {
        let partial = self.files.get(&number)?.partial.as_ref()?;
        Some(partial.value(index).ok()??.tag())
    }
}
