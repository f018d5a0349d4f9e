//! What of a file is here from an earlier try, as the sender is told.

use landline_addr::path::SharePath;

use super::{Back, Stop, Work};
use crate::files::{
    digest::GROUP_BYTES,
    engine::{Held, SourceMark},
    records::{MAX_RUNS, MAX_TAGS, Say},
    watch::Outcome,
};

/// Tags of one file that are told: 8 MiB of them, a file of a terabyte. What lies behind is sent again.
const MOST_TAGGED: u64 = 1 << 20;

impl Work {
    /// Tells what of a file is there, with tags if it may be of another state of the source.
    pub(super) fn rest(
        &mut self,
        number: u64,
        at: &SharePath,
        size: Option<u64>,
        source: SourceMark,
        held: Held,
    ) -> Result<(), Stop> {
        let tagged = held.source != source;
        let mut runs = held.runs;
        runs.truncate(MAX_RUNS);
        if tagged {
            let mut left = MOST_TAGGED;
            runs.retain_mut(|(from, to)| {
                let taken = (*to - *from).min(left);
                left -= taken;
                *to = *from + taken;
                taken > 0
            });
        }
        let groups: u64 = runs.iter().map(|(from, to)| to - from).sum();
        let bytes = groups.saturating_mul(GROUP_BYTES).min(size.unwrap_or(u64::MAX));
        let path = at.as_bytes().to_vec();
        self.watch.came_to(Outcome::Resumed { path, held: bytes, changed: tagged });
        let mut frame = self.verdicts.take();
        Say::Rest { number, runs: runs.clone(), tagged }.write(&mut frame);
        self.backs.blocking_send(Back::Records(frame)).map_err(|_| Stop::Gone)?;
        if !tagged {
            return Ok(());
        }
        let most = u64::try_from(MAX_TAGS).unwrap_or(u64::MAX);
        for (from, to) in runs {
            let mut first = from;
            while first < to {
                let end = first.saturating_add(most).min(to);
                let tags: Vec<_> =
                    (first..end).map(|index| self.arrival.tag(number, index).unwrap_or_default()).collect();
                let mut frame = Vec::with_capacity(32 + tags.len() * 8);
                Say::Tags { number, first, tags }.write(&mut frame);
                self.backs.blocking_send(Back::Records(frame)).map_err(|_| Stop::Gone)?;
                first = end;
            }
        }
        Ok(())
    }
}
